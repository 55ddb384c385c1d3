"""A slot: a sandbox, and the chunk of claimed rows that runs in it, item by item.

The slot reports exactly one outcome for each row of a chunk. `_open` holds the rows without an outcome, in order.
Rows that return to the queue are first taken back from the process: no item begins here and elsewhere. A stop closes an
item that has not begun here at once. If the process reaches a closed item, the slot kills the process and runs the rest
of the chunk in the next one. Rows that are not at fault for a dead process run again, without the charge of an attempt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from analyzers.base import Analyzer
from jobs import retry
from jobs.recorder import Progress, Recorder
from jobs.sandbox.sandbox import Completed, Died, Failed, Progressed, Report, Sandbox, SandboxUnavailable, Task
from store.queue.claims import Claimed
from store.queue.finish import End, Origin, Outcome
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.tables import AnalysisStatus

# Interval at which a running chunk hands over its outcomes. Outcomes of analyses without a batch go at once.
HAND_OVER_SECONDS = 0.05

Analyzers = Mapping[str, Analyzer[Any, Any]]

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Kill:
    """The reason of a kill: the end of one item, or none."""

    row: Claimed | None
    end: AnalysisStatus | None
    milliseconds: float | None


class Slot:
    """Runs one chunk at a time. `measured` is called with each item's analyzer and milliseconds.

    A `retired` slot gets no further chunk.
    """

    def __init__(
        self, sandbox: Sandbox, analyzers: Analyzers, recorder: Recorder, measured: Callable[[str, float], None]
    ) -> None:
        self.sandbox = sandbox
        self.retired = False
        self._analyzers = analyzers
        self._recorder = recorder
        self._measured = measured
        self._open: dict[str, Claimed] = {}
        self._ended: list[Outcome] = []
        self._handed_over_at = 0.0
        self._spent_ms = 0.0
        self._kill: _Kill | None = None

    @property
    def leases(self) -> set[str]:
        """The leases of the open rows and of the outcomes not yet handed over."""
        return {row.lease for row in self._open.values()} | {outcome.lease for outcome in self._ended}

    @property
    def busy_seconds(self) -> float:
        """Seconds since the current item began."""
        return max(0.0, time.monotonic() - self.sandbox.current_since)

    @property
    def worked_seconds(self) -> float:
        """Seconds of work on this chunk, without the start of the process and the analyzer's preparation."""
        return self._spent_ms / 1000 + self.busy_seconds

    async def run(self, rows: list[Claimed]) -> None:
        """Run these rows, all of one analyzer, until each has its outcome."""
        self._spent_ms = 0.0
        self._open = {row.id: row for row in rows}
        self._handed_over_at = time.monotonic()
        analyzer = self._analyzers.get(rows[0].analyzer)
        try:
            if analyzer is None:
                message = f"This server has no analyzer named {rows[0].analyzer!r} any more: install its package again."
                self._fail_all(Fault("UNSUPPORTED_FORMAT", message))
            else:
                await self._run(analyzer)
        except SandboxUnavailable:
            self.give_back(keep_current=False)
        except asyncio.CancelledError:
            self.give_back(keep_current=False)
            raise
        except Exception:
            self._fail_all(Fault("WORKER_LOST", "The worker failed while it ran this.", retryable=True))
            raise
        finally:
            self._hand_over()

    def watch(self) -> None:
        """Kill the process when its item is over time or closed. Called several times a second."""
        current = self.sandbox.current
        if current is None or self._kill is not None:
            return
        row = self._open.get(current)
        if row is None:
            self._kill_current(None, None)
        elif self.busy_seconds > row.timeout_seconds:
            self._kill_current(row, AnalysisStatus.TIMED_OUT)
        elif self._ended and time.monotonic() - self._handed_over_at > HAND_OVER_SECONDS:
            self._hand_over()

    def stop(self, analysis_id: str, lease: str, end: AnalysisStatus) -> None:
        """Stop this row if the slot has it: at once if it has not begun, else by a kill of its process."""
        row = self._open.get(analysis_id)
        if row is None or row.lease != lease:
            return
        if analysis_id != self.sandbox.current:
            self._close(row, retry.stopped(row, end))
        elif self._kill is None:
            self._kill_current(row, end)

    def let_go(self, leases: Collection[str]) -> None:
        """Drop the rows of these lost leases. The next `watch` kills the process if it runs one of them."""
        for row in [row for row in self._open.values() if row.lease in leases]:
            self._close(row, retry.given_back(row))  # without effect: the lease fences it
        self._hand_over()

    def take_unstarted(self) -> list[Claimed]:
        """Hand the rows that have not begun over to the caller, to run elsewhere. None of them begins here."""
        taken = [task.id for task in self.sandbox.take_back()]
        return [self._open.pop(id_) for id_ in taken if id_ in self._open]

    def give_back(self, *, keep_current: bool) -> None:
        """Give back rows that have not begun; without `keep_current`, kill the process and give back its row."""
        rows = self.take_unstarted()
        if not keep_current:
            rows += self._open.values()
            self._open = {}
            self.sandbox.kill()
        self._ended += [retry.given_back(row) for row in rows]
        self._hand_over()

    async def _run(self, analyzer: Analyzer[Any, Any]) -> None:
        while self._open:
            tasks = [Task(row.id, request_json(analyzer, row)) for row in self._open.values()]
            self._kill = None
            async with aclosing(self.sandbox.run(analyzer.name, tasks)) as runs:
                async for reports in runs:
                    self._take(reports)
                    if not self._open:
                        break
                    await self._recorder.has_room()

    def _take(self, reports: list[Report]) -> None:
        at_once = False
        for report in reports:
            if isinstance(report, Died):
                self._take_death(report)
                continue
            row = self._open.get(report.task_id)
            if row is None:
                continue
            if isinstance(report, Completed):
                self._count(row, report.milliseconds)
                result, origin = report.result.decode(), Origin(row.workspace, row.batch_id, row.attempt, row.analyzer)
                took, tags = report.milliseconds, report.tags
                self._close(row, Outcome(row.id, row.lease, End.COMPLETED, result, None, took, None, origin, tags))
                at_once = at_once or row.batch_id is None
            elif isinstance(report, Failed):
                self._count(row, report.milliseconds)
                fault = Fault(report.code, report.message, report.retryable)
                self._close(row, retry.failed(row, fault, utcnow(), report.milliseconds))
            elif isinstance(report, Progressed):
                self._recorder.put_progress(row.id, Progress(row.lease, report.fraction, report.step))
        if self._ended and (at_once or time.monotonic() - self._handed_over_at > HAND_OVER_SECONDS):
            self._hand_over()

    def _count(self, row: Claimed, milliseconds: float) -> None:
        self._spent_ms += milliseconds
        self._measured(row.analyzer, milliseconds)

    def _take_death(self, death: Died) -> None:
        kill, self._kill = self._kill, None
        if kill is not None:
            # If the item ended just before the kill, its outcome holds.
            if kill.row is not None and kill.end is not None and kill.row.id in self._open:
                self._close(kill.row, retry.stopped(kill.row, kill.end, kill.milliseconds))
            return
        if death.code == "KILLED":
            return
        log.warning("process died", analysis=death.task_id, code=death.code, message=death.message)
        row = self._open.get(death.task_id or "")
        if row is not None:
            fault = Fault(death.code, death.message, death.code in retry.RETRYABLE_DEATHS)
            self._close(row, retry.failed(row, fault, utcnow()))

    def _kill_current(self, row: Claimed | None, end: AnalysisStatus | None) -> None:
        self._kill = _Kill(row, end, self.busy_seconds * 1000)
        self.sandbox.kill()

    def _close(self, row: Claimed, outcome: Outcome) -> None:
        del self._open[row.id]
        self._ended.append(outcome)

    def _fail_all(self, fault: Fault) -> None:
        now = utcnow()
        for row in list(self._open.values()):
            self._close(row, retry.failed(row, fault, now))

    def _hand_over(self) -> None:
        self._handed_over_at = time.monotonic()
        ended, self._ended = self._ended, []
        self._recorder.put(ended)


def request_json(analyzer: Analyzer[Any, Any], row: Claimed) -> bytes:
    """Return the analyzer's request as JSON: the content, joined to the stored text of the options."""
    content = row.input_data.encode() if row.input_data is not None else orjson.dumps(row.input_text)
    options = row.options.strip().encode()[1:]
    separator = b"" if options.lstrip().startswith(b"}") else b","
    return b'{"' + analyzer.content_field.encode() + b'":' + content + separator + options
