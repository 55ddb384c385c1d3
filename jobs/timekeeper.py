"""Timings of one worker's analyses: counted in memory, written with its heartbeats."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.history import Work
from store.queue.claims import Claimed
from store.queue.finish import End, Outcome
from store.queue.timings import Timings, fold_timings, minute_of, write_timings
from store.tables import AnalysisStatus
from telemetry import Histogram

_MICROSECOND = timedelta(microseconds=1)
_STATUS = {
    End.COMPLETED: AnalysisStatus.COMPLETED.value,
    End.FAILED: AnalysisStatus.FAILED.value,
    End.TIMED_OUT: AnalysisStatus.TIMED_OUT.value,
    End.CANCELED: AnalysisStatus.CANCELED.value,
}


class Timekeeper:
    """The timings of one worker, at 2 to 5 µs an analysis. In memory: an instant per claimed row, unwritten minutes."""

    def __init__(self) -> None:
        # By id: the start of the wait, and the analyzer.
        self._claimed: dict[str, tuple[datetime, str]] = {}
        self._work: defaultdict[str, Work] = defaultdict(Work)
        self._minutes: dict[int, Timings] = {}
        self._folded = 0

    def claimed(self, rows: Collection[Claimed], now: datetime) -> None:
        """Count the waiting times of rows claimed now."""
        self._claimed |= {row.id: (row.queued_at, row.analyzer) for row in rows}
        waiting = self._of(now).waiting
        # Items of a batch have one queueing instant, and are counted together.
        first = Counter(self._claimed[row.id] for row in rows if row.attempt == 1)
        for (queued_at, analyzer), count in first.items():
            waiting.record((now - queued_at) // _MICROSECOND, count)
            self._work[analyzer].waiting.record((now - queued_at) // _MICROSECOND, count)

    def ended(self, group: Sequence[Outcome], held: Sequence[Outcome], now: datetime) -> None:
        """Count outcomes written now. `held`: those whose claim was still valid."""
        timings = self._of(now)
        known = {outcome.id: self._claimed.pop(outcome.id, None) for outcome in group}
        ended = [outcome for outcome in held if outcome.end in _STATUS]
        processing: defaultdict[str | None, Histogram] = defaultdict(Histogram)
        for outcome in ended:
            if outcome.processing_time_ms is not None:
                claim = known[outcome.id]
                processing[claim and claim[1]].record(int(outcome.processing_time_ms * 1000))
        for analyzer, each in processing.items():
            timings.processing.add(each)
            if analyzer is not None:
                self._work[analyzer].processing.add(each)
        for claim, count in Counter(known[outcome.id] for outcome in ended).items():
            if claim is not None:
                timings.total.record((now - claim[0]) // _MICROSECOND, count)
        timings.ends.update(_STATUS[outcome.end] for outcome in ended)
        if ended:
            timings.seconds[int(now.timestamp())] += len(ended)

    def take_work(self) -> dict[str, Work]:
        """Return the waiting and processing times since the last call, by analyzer, without ends."""
        work, self._work = self._work, defaultdict(Work)
        return work

    async def write(self, connection: AsyncConnection, worker_id: str, now: datetime) -> None:
        """Write the unwritten minutes in this transaction. After a rollback the next call writes them again."""
        minute = minute_of(now)
        await write_timings(connection, worker_id, self._minutes, now)
        if self._folded != minute:
            await fold_timings(connection, now)

    def written(self, now: datetime) -> None:
        """Forget past minutes, after the commit of the `write` at `now`."""
        self._folded = minute_of(now)
        self._minutes = {minute: each for minute, each in self._minutes.items() if minute >= self._folded}

    def _of(self, now: datetime) -> Timings:
        return self._minutes.setdefault(minute_of(now), Timings())
