"""Timings of one worker's analyses: counted in memory, written with its heartbeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.queue.claims import Claimed
from store.queue.finish import End, Outcome
from store.queue.timings import Timings, fold_timings, minute_of, write_timings
from store.tables import AnalysisStatus

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
        self._queued_at: dict[str, datetime] = {}
        self._minutes: dict[int, Timings] = {}
        self._folded = 0

    def claimed(self, rows: Collection[Claimed], now: datetime) -> None:
        """Count the waiting times of rows claimed now."""
        self._queued_at |= {row.id: row.queued_at for row in rows}
        waiting = self._of(now).waiting
        # Items of a batch have one queueing instant, and are counted together.
        for queued_at, count in Counter(row.queued_at for row in rows if row.attempt == 1).items():
            waiting.record((now - queued_at) // _MICROSECOND, count)

    def ended(self, group: Sequence[Outcome], held: Sequence[Outcome], now: datetime) -> None:
        """Count outcomes written now. `held`: those whose claim was still valid."""
        timings = self._of(now)
        known = {outcome.id: self._queued_at.pop(outcome.id, None) for outcome in group}
        ended = [outcome for outcome in held if outcome.end in _STATUS]
        for outcome in ended:
            if outcome.processing_time_ms is not None:
                timings.processing.record(int(outcome.processing_time_ms * 1000))
        for queued_at, count in Counter(known[outcome.id] for outcome in ended).items():
            if queued_at is not None:
                timings.total.record((now - queued_at) // _MICROSECOND, count)
        timings.ends.update(_STATUS[outcome.end] for outcome in ended)
        if ended:
            timings.seconds[int(now.timestamp())] += len(ended)

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
