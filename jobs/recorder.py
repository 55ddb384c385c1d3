"""Writes what slots report: ends in group commits, progress now and then.

One task writes ends: each transaction takes all that wait, so a lone one is written at once and many share a commit.
What can't be written for now (a locked database, a full disk) is kept and tried again; slots wait while too much waits
here. What the database refuses for good fails its own analysis and no other.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from jobs.supervision import keep_running
from jobs.timekeeper import Timekeeper
from store import queue
from store.changes import Fault
from store.columns import utcnow
from store.database import Database
from store.failures import may_pass
from store.queue import End, Outcome

GROUP = 512
BACKLOG = 4 * GROUP
BACKLOG_BYTES = 64 << 20  # of results, each of which may be 16 MiB
PROGRESS_PAUSE_SECONDS = 0.25

REFUSED = Fault("ANALYZER_FAILED", "Its result can't be stored.")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a claimed row has come."""

    lease: str
    fraction: float
    step: str | None


class Recorder:
    """`completed` and `failed` count what was recorded since the start."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outcomes: deque[Outcome] = deque()
        self._bytes = 0
        self._progress: dict[str, Progress] = {}
        self._has_outcomes = asyncio.Event()
        self._has_progress = asyncio.Event()
        self._moved = asyncio.Condition()
        self.timekeeper = Timekeeper()
        self.completed = 0
        self.failed = 0

    @property
    def leases(self) -> set[str]:
        """The leases under which the ends that still wait were reached."""
        return {outcome.lease for outcome in self._outcomes}

    def put(self, outcomes: Collection[Outcome]) -> None:
        """Take these ends; they are written soon."""
        for outcome in outcomes:
            self._progress.pop(outcome.id, None)
        self._outcomes.extend(outcomes)
        self._bytes += sum(map(_size, outcomes))
        self._has_outcomes.set()

    def put_progress(self, analysis_id: str, progress: Progress) -> None:
        """Take this in place of what waits about the same analysis."""
        self._progress[analysis_id] = progress
        self._has_progress.set()

    async def has_room(self) -> None:
        """Wait while too many ends, or too much of results, wait to be written."""
        await self._until(lambda: len(self._outcomes) <= BACKLOG and self._bytes <= BACKLOG_BYTES)

    async def is_empty(self) -> None:
        """Wait until every end has been written."""
        await self._until(lambda: not self._outcomes)

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_running("recorder", self._write_outcomes))
            tasks.create_task(keep_running("progress recorder", self._write_progress))

    async def _until(self, condition: Callable[[], bool]) -> None:
        if not condition():
            async with self._moved:
                await self._moved.wait_for(condition)

    async def _write_outcomes(self) -> None:
        while True:
            while not self._outcomes:
                self._has_outcomes.clear()
                await self._has_outcomes.wait()
            group = [self._outcomes[index] for index in range(min(len(self._outcomes), GROUP))]
            try:
                held = await self._finish(group)
            except Exception as error:
                if may_pass(error):
                    raise
                log.exception("outcomes refused", count=len(group))
                held = [each for outcome in group for each in await self._finish_alone(outcome)]
            for _ in group:
                self._bytes -= _size(self._outcomes.popleft())
            self._count(group, held)
            async with self._moved:
                self._moved.notify_all()

    async def _finish(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        async with self._database.write() as connection:
            return await queue.finish(connection, outcomes, utcnow())

    async def _finish_alone(self, outcome: Outcome) -> list[Outcome]:
        try:
            return await self._finish([outcome])
        except Exception as error:
            if may_pass(error):
                raise
            log.exception("outcome refused", analysis=outcome.id)
            return await self._finish([Outcome(outcome.id, outcome.lease, End.FAILED, fault=REFUSED)])

    def _count(self, group: Sequence[Outcome], held: Sequence[Outcome]) -> None:
        self.timekeeper.ended(group, held, utcnow())
        for outcome in held:
            if outcome.end is End.COMPLETED:
                self.completed += 1
            elif outcome.end in (End.FAILED, End.TIMED_OUT):
                self.failed += 1
        if len(held) < len(group):
            log.warning("outcomes too late", count=len(group) - len(held))

    async def _write_progress(self) -> None:
        while True:
            await self._has_progress.wait()
            self._has_progress.clear()
            reports, self._progress = self._progress, {}
            if reports:
                async with self._database.write() as connection:
                    await queue.take_turns_of(connection, reports)
                    now = utcnow()
                    for analysis_id, progress in reports.items():
                        await queue.report_progress(
                            connection, progress.lease, analysis_id, progress.fraction, progress.step, now
                        )
            await asyncio.sleep(PROGRESS_PAUSE_SECONDS)


def _size(outcome: Outcome) -> int:
    """The bytes that its result takes in memory."""
    return 0 if outcome.result is None else sys.getsizeof(outcome.result)
