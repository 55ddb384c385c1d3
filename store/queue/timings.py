"""How long analyses waited and took: histograms that workers keep, one row for each worker and minute.

Measured where the work ends, so that asking costs the same however many analyses are kept: a window of five minutes is
five rows a worker. A worker writes its current minute over again with each sign of life (what it counted in its last
second is lost when it is killed). Minutes that no window reaches any more are added into one row of totals, which only
grows, whatever becomes of the workers: what Prometheus reads.
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
# A row of totals, by the worker and the minute that no other row has. The first migration makes it.
TOTALS = ("", 0)
# Minutes this old are added to the totals; a worker that stood still for so long drops what it had not written.
_KEPT_MINUTES = 10

_timing = tables.timing


@dataclass(slots=True)
class Timings:
    """Analyses of some time: how long they waited and took, and their ends by status.

    `waiting` is from the queue to a worker, once for each analysis; `processing` is the attempt that ended it, in its
    process; `total` is from the queue to the recorded end, tries between and all.
    """

    waiting: Histogram = field(default_factory=Histogram)
    processing: Histogram = field(default_factory=Histogram)
    total: Histogram = field(default_factory=Histogram)
    ends: Counter[str] = field(default_factory=Counter)
    """How many ended, by their status."""
    seconds: Counter[int] = field(default_factory=Counter)
    """How many ended in which second since 1970: of a minute, not of the totals."""

    def add(self, other: Timings) -> None:
        """Count all of the other's."""
        self.waiting.add(other.waiting)
        self.processing.add(other.processing)
        self.total.add(other.total)
        self.ends.update(other.ends)
        self.seconds.update(other.seconds)

    def ended_between(self, begin: int, end: int) -> int:
        """How many ended from the second `begin` on and before `end`."""
        return sum(count for second, count in self.seconds.items() if begin <= second < end)

    def dump(self) -> str:
        """As JSON."""
        histograms = {
            name: [histogram.microseconds, sorted(histogram.counts.items())]
            for name, histogram in (("waiting", self.waiting), ("processing", self.processing), ("total", self.total))
        }
        return orjson.dumps({**histograms, "ends": self.ends, "seconds": sorted(self.seconds.items())}).decode()

    @classmethod
    def load(cls, text: str) -> Timings:
        """What `dump` gave."""
        data: dict[str, Any] = orjson.loads(text)
        histograms = {
            name: Histogram(dict(data[name][1]), data[name][0]) if name in data else Histogram()
            for name in ("waiting", "processing", "total")
        }
        return cls(**histograms, ends=Counter(data.get("ends")), seconds=Counter(dict(data.get("seconds", ()))))


def minute_of(instant: datetime) -> int:
    """Whole minutes since 1970."""
    return int(instant.timestamp()) // MINUTE


async def write_timings(
    connection: AsyncConnection, worker_id: str, minutes: Mapping[int, Timings], now: datetime
) -> None:
    """Write what a worker counted, in place of what it wrote about the same minutes before."""
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
    """Add the minutes that no window reaches any more to the totals; returns how many rows that were.

    Does nothing while another transaction does so: nobody waits for it.
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
    """What workers did of late, all of them: analyses that ended a second, and how long they had waited and taken."""

    last_ten_seconds: float
    last_five_minutes: float
    waiting: Percentiles
    processing: Percentiles
    total: Percentiles


async def work_figures(connection: AsyncConnection, now: datetime) -> WorkFigures:
    """Rates are over whole seconds and end one before `now`: workers tell of a second up to a second later.

    Durations are of whole minutes, the one that is not over among them: of the last four to five.
    """
    minute = minute_of(now)
    window, rates = Timings(), Timings()
    # One minute more than the window has: a rate looks back for whole five minutes.
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
    """Of every worker there ever was: grows only."""
    merged = Timings()
    for row in (await connection.execute(select(_timing.c.data))).scalars():
        merged.add(Timings.load(row))
    return merged
