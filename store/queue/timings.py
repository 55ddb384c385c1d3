"""Waiting and processing times of analyses: histograms, one row for each worker and minute.

Workers count as they record, so that a query costs the same for any number of stored analyses: a window of five minutes
reads five rows a worker. A worker rewrites its current minute with each heartbeat; a kill loses the counts of its last
second. Minutes outside every window are added to one row of totals, which only grows and serves Prometheus.
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
# The key (worker and minute) of the row of totals, created by the first migration.
TOTALS = ("", 0)
# Age at which minutes are added to the totals. A worker paused for longer drops its unwritten minutes.
_KEPT_MINUTES = 10

_timing = tables.timing


@dataclass(slots=True)
class Timings:
    """Times and outcomes of the analyses of a period.

    `waiting`: from the queue to a worker, once for each analysis. `processing`: the last attempt, in its process.
    `total`: from the queue to the recorded end, with all attempts and pauses.
    """

    waiting: Histogram = field(default_factory=Histogram)
    processing: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)
    ends: Counter[str] = field(default_factory=Counter)
    """Ended analyses by status."""
    seconds: Counter[int] = field(default_factory=Counter)
    """Ended analyses by second since 1970; empty in the totals."""

    def add(self, other: Timings) -> None:
        """Add the counts of other timings."""
        self.waiting.add(other.waiting)
        self.processing.add(other.processing)
        self.total.add(other.total)
        self.ends.update(other.ends)
        self.seconds.update(other.seconds)

    def ended_between(self, begin: int, end: int) -> int:
        """Return the number of analyses ended from second `begin` to before second `end`."""
        return sum(count for second, count in self.seconds.items() if begin <= second < end)

    def dump(self) -> str:
        """Return the timings as JSON."""
        histograms = {
            name: [histogram.microseconds, sorted(histogram.counts.items())]
            for name, histogram in (("waiting", self.waiting), ("processing", self.processing), ("total", self.total))
        }
        return orjson.dumps({**histograms, "ends": self.ends, "seconds": sorted(self.seconds.items())}).decode()

    @classmethod
    def load(cls, text: str) -> Timings:
        """Read the JSON of `dump`."""
        data: dict[str, Any] = orjson.loads(text)
        histograms = {
            name: Histogram(dict(data[name][1]), data[name][0]) if name in data else Histogram()
            for name in ("waiting", "processing", "total")
        }
        return cls(**histograms, ends=Counter(data.get("ends")), seconds=Counter(dict(data.get("seconds", ()))))


def minute_of(instant: datetime) -> int:
    """Return the whole minutes since 1970."""
    return int(instant.timestamp()) // MINUTE


async def write_timings(
    connection: AsyncConnection, worker_id: str, minutes: Mapping[int, Timings], now: datetime
) -> None:
    """Write a worker's minutes, in place of its earlier rows for them."""
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
    """Add the minutes outside every window to the totals, and delete them; returns their number.

    Does nothing while another transaction does the same.
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
    """Recent work of all workers: ended analyses per second, and percentiles of their times."""

    last_ten_seconds: float
    last_five_minutes: float
    waiting: Percentiles
    processing: Percentiles
    total: Percentiles


async def work_figures(connection: AsyncConnection, now: datetime) -> WorkFigures:
    """Read the figures of recent work.

    Rates cover whole seconds and end one second before `now`, since workers write a second up to one second later.
    Percentiles cover the present minute and the four before it.
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
    """Return the sum of all workers' timings since the first migration; never decreases."""
    merged = Timings()
    for row in (await connection.execute(select(_timing.c.data))).scalars():
        merged.add(Timings.load(row))
    return merged
