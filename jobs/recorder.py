"""The recorder: writes the outcomes that slots report in group commits, and progress at intervals.

Each transaction takes all pending outcomes: a single one is written at once, and many share a commit. Analyses without
a batch have a task of their own, since a client waits for each: their outcomes never queue behind those of batches.
After a transient failure (a locked database, a full disk) the recorder keeps the outcomes and tries again; slots pause
while too many are pending. An outcome that the database refuses for good fails its own analysis and no other.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import structlog

from jobs.supervision import keep_running
from jobs.timekeeper import Timekeeper
from store.queue import finish
from store.queue.finish import End, Outcome
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.failures import may_pass

# Outcomes per transaction.
GROUP = 1024
# The same while a client waits for an analysis without a batch: its own transactions come between two of these.
SMALL_GROUP = 32
# Duration of the small groups after the last submission without a batch.
SMALL_SECONDS = 1.0
# Pending outcomes at which slots pause.
BACKLOG = 4 * GROUP
BACKLOG_BYTES = 64 << 20  # of results, each of which may be 16 MiB
PROGRESS_PAUSE_SECONDS = 0.25

REFUSED = Fault("ANALYZER_FAILED", "Its result can't be stored.")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a claimed row."""

    lease: str
    fraction: float
    step: str | None


class _Line:
    """Pending outcomes, and the group in the present transaction."""

    def __init__(self) -> None:
        self.waiting: deque[Outcome] = deque()
        self.writing: list[Outcome] = []
        self.has_some = asyncio.Event()

    def __len__(self) -> int:
        return len(self.waiting) + len(self.writing)


class Recorder:
    """The recorder of one worker. `completed` and `failed` count the analyses recorded since its start."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._alone, self._others = _Line(), _Line()
        self._bytes = 0
        self._small_until = 0.0
        self._progress: dict[str, Progress] = {}
        self._has_progress = asyncio.Event()
        self._moved = asyncio.Condition()
        self.timekeeper = Timekeeper()
        self.completed = 0
        self.failed = 0

    @property
    def leases(self) -> set[str]:
        """The leases of the pending outcomes."""
        lines = (self._alone, self._others)
        return {outcome.lease for line in lines for outcome in chain(line.waiting, line.writing)}

    def put(self, outcomes: Collection[Outcome]) -> None:
        """Add outcomes; they are written soon."""
        for outcome in outcomes if self._progress else ():
            self._progress.pop(outcome.id, None)
        for outcome in outcomes:
            is_alone = outcome.origin is not None and outcome.origin.batch_id is None
            line = self._alone if is_alone else self._others
            line.waiting.append(outcome)
            line.has_some.set()
        self._bytes += sum(map(_size, outcomes))

    def somebody_waits(self) -> None:
        """Note a submission without a batch: keep transactions short for `SMALL_SECONDS`."""
        self._small_until = time.monotonic() + SMALL_SECONDS

    @property
    def hurries(self) -> bool:
        """Whether a submission without a batch came within `SMALL_SECONDS`."""
        return time.monotonic() <= self._small_until

    def put_progress(self, analysis_id: str, progress: Progress) -> None:
        """Replace the pending progress of this analysis."""
        self._progress[analysis_id] = progress
        self._has_progress.set()

    async def has_room(self) -> None:
        """Wait while more than `BACKLOG` outcomes or `BACKLOG_BYTES` of results are pending."""
        await self._until(lambda: self._count_waiting() <= BACKLOG and self._bytes <= BACKLOG_BYTES)

    async def is_empty(self) -> None:
        """Wait until every outcome is written."""
        await self._until(lambda: not self._count_waiting())

    async def run(self) -> None:
        """Write outcomes and progress until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for line in (self._alone, self._others):
                tasks.create_task(keep_running("recorder", partial(self._write_outcomes, line)))
            tasks.create_task(keep_running("progress recorder", self._write_progress))

    def _count_waiting(self) -> int:
        return len(self._alone) + len(self._others)

    async def _until(self, condition: Callable[[], bool]) -> None:
        if not condition():
            async with self._moved:
                await self._moved.wait_for(condition)

    async def _write_outcomes(self, line: _Line) -> None:
        while True:
            while not line:
                line.has_some.clear()
                await line.has_some.wait()
            if not line.writing:  # else the previous transaction failed, and is repeated
                most = SMALL_GROUP if self.hurries else GROUP
                line.writing = [line.waiting.popleft() for _ in range(min(len(line.waiting), most))]
            group = line.writing
            try:
                held = await self._finish(group)
            except Exception as error:
                if may_pass(error):
                    raise
                log.exception("outcomes refused", count=len(group))
                held = [each for outcome in group for each in await self._finish_alone(outcome)]
            line.writing = []
            self._bytes -= sum(map(_size, group))
            self._count(group, held)
            async with self._moved:
                self._moved.notify_all()

    async def _finish(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        async with self._database.write() as connection:
            return await finish.finish(connection, outcomes, utcnow())

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
                    await finish.lock_batches_of(connection, reports)
                    now = utcnow()
                    for analysis_id, progress in reports.items():
                        await finish.report_progress(
                            connection, progress.lease, analysis_id, progress.fraction, progress.step, now
                        )
            await asyncio.sleep(PROGRESS_PAUSE_SECONDS)


def _size(outcome: Outcome) -> int:
    """The bytes of the result in memory."""
    return 0 if outcome.result is None else sys.getsizeof(outcome.result)
