"""Where analyzers run: processes of their own, which can be killed at any moment. One `Sandbox` is one such slot.

    template = Template()
    sandbox = Sandbox(template)
    async for reports in sandbox.run("text", tasks):
        ...

A slot's process is forked from the `Template` when it is first needed, and again after it was killed, died, or was
worn out (`Limits`). Cancel and timeouts are the caller's: it watches `current` and `current_since`, and calls `kill`.

Invariants:

- Tasks run in their order, each outcome is a frame of its own, and what a process wrote before it died is read.
  So when it dies, the task at fault is the first without an outcome, and no other.
- Nothing is read while the caller is busy with earlier reports, and tasks are handed over in windows: memory held
  here and there is bounded by WINDOW_BYTES and one task more, and by one read and one result.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import structlog

from jobs.sandbox_frames import COMPLETED, FAILED, PREPARED, PROGRESS, REFUSED, SPENT, WINDOW_TASKS, Limits, window
from jobs.sandbox_process import Frame, SandboxProcess
from jobs.sandbox_template import DEFAULT_ANALYZERS, SandboxUnavailable, Template

__all__ = [
    "DEFAULT_ANALYZERS",
    "Completed",
    "Died",
    "Failed",
    "Limits",
    "Progressed",
    "Report",
    "Sandbox",
    "SandboxUnavailable",
    "Task",
    "Template",
]

WINDOW_BYTES = 1_048_576

log = structlog.get_logger(__name__)


class Task(NamedTuple):
    """One item of a chunk. `request` is the analyzer's request as JSON."""

    id: str
    request: bytes


class Completed(NamedTuple):
    """The outcome of a task that ended well. `result` is the analyzer's result as JSON."""

    task_id: str
    result: bytes
    milliseconds: float


class Failed(NamedTuple):
    """The outcome of a task that its analyzer failed; the run goes on. Codes: those of `AnalysisFailure`, and
    MEMORY_EXCEEDED."""

    task_id: str
    code: str
    message: str
    retryable: bool
    milliseconds: float


class Progressed(NamedTuple):
    """How far the running task has come, from 0 to 1, and what it does now."""

    task_id: str
    fraction: float
    step: str | None


class Died(NamedTuple):
    """The process ended, and the run with it. Codes: KILLED, WORKER_LOST, MEMORY_EXCEEDED.

    `task_id` is the task that ran; None when none had begun. It is at fault, unless the code is KILLED: `kill` can
    come after the outcome of the task that was meant, and then hits the one behind it.
    """

    task_id: str | None
    code: str
    message: str


Report = Completed | Failed | Progressed | Died


class Sandbox:
    """One slot: runs one chunk of tasks at a time, in one process."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._limits = template.limits
        self._process: SandboxProcess | None = None
        self._running = False
        self._tasks: list[Task] = []
        self._done = 0  # the outcomes so far, which are those of the first tasks
        self._end = 0  # the tasks that the process will have given an outcome to, if all goes well
        self._own_time_since = math.inf
        self._preparing: asyncio.TimerHandle | None = None
        self._killed: tuple[str, str] | None = None  # code and message of the Died to come

    @property
    def pid(self) -> int | None:
        """The slot's process, if it has one now."""
        return self._process.fork.pid if self._process is not None and self._process.alive else None

    @property
    def current(self) -> str | None:
        """The id of the task that runs now: the first without an outcome."""
        return self._tasks[self._done].id if self._done < len(self._tasks) else None

    @property
    def current_since(self) -> float:
        """The `time.monotonic()` since when the current task's own time runs.

        Infinite while there is no task, and while the process starts or the analyzer is prepared: that time is no
        task's own, and bounded by `Limits.start_seconds` and `Limits.prepare_seconds`.
        """
        return self._own_time_since

    async def start(self) -> None:
        """Have a process ready, so that the first run need not wait for it. Raises SandboxUnavailable."""
        self._killed = None
        await self._ready_process()

    def kill(self) -> None:
        """Kill the process now. A running `run` ends with `Died`; the next one gets a new process."""
        self._kill("KILLED", "The process was killed on request.")

    def take_back(self) -> list[Task]:
        """Take out of the run all tasks that have not begun, except the current one; none of them will begin here."""
        keep = self._done + 1
        if self._process is not None and self._end > keep:
            keep = self._end - self._process.take_back(self._end - keep)
            self._end = keep
        taken = self._tasks[keep:]
        del self._tasks[keep:]
        return taken

    async def close(self) -> None:
        """Kill the process and wait until it is gone. The template is its owner's to close."""
        self.kill()
        await self._drop_process()

    async def run(self, analyzer: str, tasks: Sequence[Task]) -> AsyncGenerator[list[Report], None]:
        """Run the tasks in their order; reports come in lists as they arrive.

        Ends after the last task's outcome, or after `Died`. Leaving it early (with `contextlib.aclosing`, so that it
        happens at once) kills the process.
        Raises SandboxUnavailable when no process can be started; trying again waits longer each time.
        """
        if self._running:
            raise RuntimeError("a sandbox runs one chunk at a time")
        self._running, self._killed = True, None
        self._tasks, self._done, self._end = list(tasks), 0, 0
        try:
            while self._done < len(self._tasks):
                process = await self._ready_process()
                await self._hand_over(process, analyzer)
                while self._done < self._end and not process.ended:
                    if reports := self._read(process, await process.frames()):
                        yield reports
                if self._done < len(self._tasks) and (process.ended or self._killed):
                    yield [await self._death(process)]
                    return
        finally:
            if self._done < len(self._tasks) and self._process is not None:
                self._process.kill()
            self._own_time_starts(math.inf)
            self._running, self._tasks = False, []

    async def _ready_process(self) -> SandboxProcess:
        """The slot's process, or a new one in place of one that is doomed. Ended at once if it was killed meanwhile."""
        process = self._process
        if process is not None and not process.doomed and process.alive:
            return process
        await self._drop_process()
        process = self._process = await SandboxProcess.forked(self._template)
        if self._killed:
            process.kill()
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                while not process.ended and not await process.frames():
                    pass
        except TimeoutError:
            await self._drop_process()
            why = f"A new process was not ready within {self._limits.start_seconds:g} s."
            raise self._template.failed(why) from None
        if not process.ended:
            self._template.succeeded()
        elif self._killed is None:
            self._process = None
            _, why = await process.cause_of_death()
            raise self._template.failed(f"A new process ended before it was ready. {why}")
        return process

    async def _drop_process(self) -> None:
        if (process := self._process) is not None:
            await process.close()
            if self._process is process:
                self._process = None

    async def _hand_over(self, process: SandboxProcess, analyzer: str) -> None:
        """Send the next tasks, as many as one window holds."""
        size, end = 0, self._done
        most = min(len(self._tasks), self._done + WINDOW_TASKS)
        while end < most and (end == self._done or size <= WINDOW_BYTES):
            size += len(self._tasks[end].request)
            end += 1
        self._end = end
        process.analyzer = analyzer
        if analyzer in process.prepared:
            self._own_time_starts(time.monotonic())
        else:
            self._own_time_starts(math.inf)
            seconds = self._limits.prepare_seconds
            self._preparing = asyncio.get_running_loop().call_later(
                seconds, self._kill, "WORKER_LOST", f"The analyzer was not prepared within {seconds:g} s."
            )
        await process.send(window(analyzer, [task.request for task in self._tasks[self._done : end]]), end - self._done)

    def _own_time_starts(self, when: float) -> None:
        self._own_time_since = when
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None

    def _read(self, process: SandboxProcess, frames: list[Frame]) -> list[Report]:
        """What the frames say, as reports; the rest of what they say is noted here and in `process`."""
        reports: list[Report] = []
        for kind, number, payload in frames:
            if kind == SPENT:
                self._end, process.doomed = self._done + 1, True
            elif kind == REFUSED:
                self._end, process.doomed = self._done, True
            elif kind == PREPARED:
                self._own_time_starts(time.monotonic())
                if number:
                    process.prepared.add(process.analyzer or "")
            elif self._done >= self._end:
                continue  # READY, or a note that a thread of the analyzer's sent too late
            elif kind == PROGRESS:
                reports.append(Progressed(self._tasks[self._done].id, number, payload.decode() or None))
            elif kind in (COMPLETED, FAILED):
                task = self._tasks[self._done]
                outcome = (
                    Completed(task.id, payload, number) if kind == COMPLETED else self._failed(task, number, payload)
                )
                reports.append(outcome)
                self._done += 1
                self._own_time_since = time.monotonic()
        return reports

    def _failed(self, task: Task, milliseconds: float, payload: bytes) -> Failed:
        note = json.loads(payload)
        if note["traceback"]:
            log.warning("analyzer.failed", task=task.id, code=note["code"], traceback=note["traceback"])
        return Failed(task.id, note["code"], note["message"], note["retryable"], milliseconds)

    def _kill(self, code: str, message: str) -> None:
        self._killed = self._killed or (code, message)
        if self._process is not None:
            self._process.kill()

    async def _death(self, process: SandboxProcess) -> Died:
        running = self.current if self._done < self._end and not process.unread else None
        self._process = None
        if self._killed is None:
            return Died(running, *await process.cause_of_death())
        await process.close()
        return Died(running, *self._killed)
