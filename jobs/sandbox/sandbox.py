"""The processes of analyzers, which can be killed at any moment. One `Sandbox` runs one process at a time.

    template = Template()
    sandbox = Sandbox(template)
    async for reports in sandbox.run("text", tasks):
        ...

The process is forked from the `Template` at its first use, and again after it was killed, died, or reached a limit
(`Limits`). Cancel and timeouts are the caller's, which watches `current` and `current_since`, and calls `kill`.

Invariants:

- Tasks run in their order, each outcome is one frame, and all frames written before a death are read. The task at
  fault for a death is therefore the first without an outcome.
- Nothing is read while the caller handles earlier reports, and tasks are sent in windows. Memory is bounded by
  WINDOW_BYTES and one more task on one side, and by one read and one result on the other.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import structlog

from jobs.sandbox.frames import COMPLETED, FAILED, PREPARED, PROGRESS, REFUSED, SPENT, WINDOW_TASKS, Limits, window
from jobs.sandbox.process import Frame, SandboxProcess
from jobs.sandbox.template import DEFAULT_ANALYZERS, SandboxUnavailable, Template

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
    """The outcome of a completed task. `result` is the analyzer's result as JSON, `tags` are its tags to store."""

    task_id: str
    result: bytes
    milliseconds: float
    tags: Sequence[str]


class Failed(NamedTuple):
    """The outcome of a failed task; the run continues. Codes: those of `AnalysisFailure`, and MEMORY_EXCEEDED."""

    task_id: str
    code: str
    message: str
    retryable: bool
    milliseconds: float


class Progressed(NamedTuple):
    """The progress of the running task: a fraction from 0 to 1, and its present step."""

    task_id: str
    fraction: float
    step: str | None


class Died(NamedTuple):
    """The end of the process, and of the run with it. Codes: KILLED, WORKER_LOST, MEMORY_EXCEEDED.

    `task_id` is the running task; None if none had begun. This task is at fault, unless the code is KILLED: a `kill`
    that comes after the outcome of its target hits the next task.
    """

    task_id: str | None
    code: str
    message: str


Report = Completed | Failed | Progressed | Died


class Sandbox:
    """Runs one chunk of tasks at a time, in one process."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._limits = template.limits
        self._process: SandboxProcess | None = None
        self._running = False
        self._tasks: list[Task] = []
        self._done = 0  # the number of outcomes so far, those of the first tasks
        self._end = 0  # the end of the present window: tasks before it are with the process
        self._own_time_since = math.inf
        self._preparing: asyncio.TimerHandle | None = None
        self._killed: tuple[str, str] | None = None  # code and message of the coming `Died`

    @property
    def pid(self) -> int | None:
        """The id of the present process; None without one."""
        return self._process.fork.pid if self._process is not None and self._process.alive else None

    @property
    def current(self) -> str | None:
        """The id of the running task: the first without an outcome."""
        return self._tasks[self._done].id if self._done < len(self._tasks) else None

    @property
    def current_since(self) -> float:
        """The `time.monotonic()` of the start of the current task's own time.

        Infinite without a task, during the start of the process, and during the analyzer's preparation: these count
        for no task, and have bounds of their own, `Limits.start_seconds` and `Limits.prepare_seconds`.
        """
        return self._own_time_since

    async def start(self) -> None:
        """Start a process ahead of the first run. Raises SandboxUnavailable."""
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
        """Kill the process and wait for its end. The owner of the template closes that."""
        self.kill()
        await self._drop_process()

    async def run(self, analyzer: str, tasks: Sequence[Task]) -> AsyncGenerator[list[Report], None]:
        """Run the tasks in their order; reports come in lists as they arrive.

        Ends after the last task's outcome, or after `Died`. An early exit kills the process (use `contextlib.aclosing`
        for an immediate one). Raises SandboxUnavailable if no process can be started; each further try waits longer.
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
        """Return the process, or a new one instead of a doomed one. After a `kill` meanwhile, it has ended already."""
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
        """Send the next window of tasks."""
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
        """Return the reports among the frames; the other frames change the state here and of `process`."""
        reports: list[Report] = []
        for kind, number, payload, tags in frames:
            if kind == SPENT:
                self._end, process.doomed = self._done + 1, True
            elif kind == REFUSED and process.is_fresh:
                process.garbled()  # only a worn process refuses a window: this one would be replaced for ever
                break
            elif kind == REFUSED:
                self._end, process.doomed = self._done, True
            elif kind == PREPARED:
                self._own_time_starts(time.monotonic())
                if number:
                    process.prepared.add(process.analyzer or "")
            elif self._done >= self._end:
                continue  # READY, or a late note from a thread of the analyzer
            elif kind == PROGRESS:
                reports.append(Progressed(self._tasks[self._done].id, number, payload.decode() or None))
            elif kind in (COMPLETED, FAILED):
                task = self._tasks[self._done]
                outcome = (
                    Completed(task.id, payload, number, tags)
                    if kind == COMPLETED
                    else self._failed(task, number, payload)
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
