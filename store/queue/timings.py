"""Waiting and processing times of analyses: histograms of the workers, one row for each worker and minute.

Workers measure at the end of each analysis, so that reading costs the same for any number of stored analyses: a window
of five minutes is five rows per worker. A worker rewrites the row of its current minute with each heartbeat; if it is
killed, its last second is lost. Minutes that no window reaches any more are added to one row of totals for Prometheus.
The totals only grow, even if workers are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from telemetry import Histogram, Percentiles

MINUTE = 60
WINDOW_MINUTES = 5
# Worker and minute of the row of totals: no other row has them. The first migration inserts it.
TOTALS = ("", 0)
# Minutes of this age are added to the totals. A worker that was stopped for this long drops its unwritten minutes.
_KEPT_MINUTES = 10

_timing = tables.timing


@dataclass(slots=True)
class Timings:
    """Durations of the analyses of a period, and the number of their ends by status.

    `waiting` is from the queue to a worker, once per analysis. `processing` is the last attempt, in its process.
    `total` is from the queue to the recorded end, with all attempts and the pauses between them.
    """

    waiting: Histogram = field(default_factory=Histogram)
    processing: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)
    ends: Counter[str] = field(default_factory=Counter)
    """Number of ended analyses by status."""
    seconds: Counter[int] = field(default_factory=Counter)
    """Number of ended analyses by second since 1970; of minutes, not of the totals."""

    def add(self, other: Timings) -> None:
        """Add all counts of the other."""
        self.waiting.add(other.waiting)
        self.processing.add(other.processing)
        self.total.add(other.total)
        self.ends.update(other.ends)
        self.seconds.update(other.seconds)

    def ended_between(self, begin: int, end: int) -> int:
        """Return the number of analyses that ended from the second `begin` up to, but not including, `end`."""
        return sum(count for second, count in self.seconds.items() if begin <= second < end)

    def dump(self) -> str:
        """Return the counts as JSON."""
        histograms = {
            name: [histogram.microseconds, sorted(histogram.counts.items())]
            for name, histogram in (("waiting", self.waiting), ("processing", self.processing), ("total", self.total))
        }
        return orjson.dumps({**histograms, "ends": self.ends, "seconds": sorted(self.seconds.items())}).decode()

    @classmethod
    def load(cls, text: str) -> Timings:
        """Return the counts in a text from `dump`."""
        data: dict[str, Any] = orjson.loads(text)
        histograms = {
            name: Histogram(dict(data[name][1]), data[name][0]) if name in data else Histogram()
            for name in ("waiting", "processing", "total")
        }
        return cls(**histograms, ends=Counter(data.get("ends")), seconds=Counter(dict(data.get("seconds", ()))))


def minute_of(instant: datetime) -> int:
    """Return whole minutes since 1970."""
    return int(instant.timestamp()) // MINUTE


async def write_timings(
    connection: AsyncConnection, worker_id: str, minutes: Mapping[int, Timings], now: datetime
) -> None:
    """Write a worker's minutes, in place of earlier rows for the same minutes."""
    oldest = minute_of(now) - _KEPT_MINUTES
    rows = [
        {"worker_id": worker_id, "minute": minute, "data": timings.dump()}
        for minute, timings in minutes.items()
        if minute > oldest
    ]
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        statement = dialect.insert(_timing)
        statement = statement.on_conflict_do_update(
            index_elements=[_timing.c.worker_id, _timing.c.minute], set_={"data": statement.excluded.data}
        )
        await connection.execute(statement, rows)


async def fold_timings(connection: AsyncConnection, now: datetime) -> int:
    """Add the minutes that no window reaches any more to the totals. Return the number of their rows.

    Does nothing, and does not wait, while another transaction does the same.
    """
    worker_id, minute = _timing.c.worker_id, _timing.c.minute
    of_totals = (worker_id == TOTALS[0], minute == TOTALS[1])
    locked = select(_timing.c.data).where(*of_totals).with_for_update(skip_locked=True)
    found = (await connection.execute(locked)).scalar_one_or_none()
    if found is None:
        return 0
    old = delete(_timing).where(worker_id != TOTALS[0], minute <= minute_of(now) - _KEPT_MINUTES)
    rows = (await connection.execute(old.returning(_timing.c.data))).scalars().all()
    if rows:
        totals = Timings.load(found)
        for row in rows:
            totals.add(Timings.load(row))
        totals.seconds.clear()
        await connection.execute(update(_timing).where(*of_totals).values(data=totals.dump()))
    return len(rows)


@dataclass(frozen=True, slots=True)
class WorkFigures:
    """Recent work of all workers: ended analyses per second, and percentiles of their durations."""

    last_ten_seconds: float
    last_five_minutes: float
    waiting: Percentiles
    processing: Percentiles
    total: Percentiles


async def work_figures(connection: AsyncConnection, now: datetime) -> WorkFigures:
    """Return rates over whole seconds up to one second before `now`, since workers write up to a second late.

    Durations are of whole minutes including the current one: of the last four to five.
    """
    minute = minute_of(now)
    window, rates = Timings(), Timings()
    # One minute more than the window: the rate covers five whole minutes.
    recent = select(_timing.c.minute, _timing.c.data).where(_timing.c.minute >= minute - WINDOW_MINUTES)
    for row in (await connection.execute(recent)).all():
        (window if row.minute > minute - WINDOW_MINUTES else rates).add(Timings.load(row.data))
    rates.seconds.update(window.seconds)
    end = int(now.timestamp()) - 1
    return WorkFigures(
        last_ten_seconds=rates.ended_between(end - 10, end) / 10,
        last_five_minutes=rates.ended_between(end - WINDOW_MINUTES * MINUTE, end) / (WINDOW_MINUTES * MINUTE),
        waiting=window.waiting.percentiles(),
        processing=window.processing.percentiles(),
        total=window.total.percentiles(),
    )


async def all_timings(connection: AsyncConnection) -> Timings:
    """Return the counts of all workers since the database was created. They only grow."""
    merged = Timings()
    for row in (await connection.execute(select(_timing.c.data))).scalars():
        merged.add(Timings.load(row))
    return merged
