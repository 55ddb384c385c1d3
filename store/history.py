"""The history of throughput, queue and latency, in steps of 5 seconds, 5 minutes and 2 hours.

Each server and each worker process counts in memory, and writes one row after each step of 5 seconds. A longer step is
the sum of the rows of its shorter steps, one row for all processes, made a minute after its end. Until then a reader
adds up the shorter steps. `store.sql.history` is about another history, that of the event log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.statistics import oldest_by_lane
from telemetry import Histogram

SHORT, MIDDLE, LONG = 5, 300, 7_200
"""Lengths of steps, in seconds."""
# With these ages a server has at most 720 + 576 + 480 rows.
_KEPT = {SHORT: timedelta(hours=1), MIDDLE: timedelta(hours=48), LONG: timedelta(days=40)}
_SHORTER = {MIDDLE: (SHORT,), LONG: (MIDDLE, SHORT)}
# Time after the end of a step for the rows of busy processes.
_LATE = 60

_history = tables.history
_analysis = tables.analysis


class Level(NamedTuple):
    """Queued and running analyses, and the waiting time of the oldest ready one; None without one."""

    queued: int = 0
    running: int = 0
    oldest_seconds: float | None = None


@dataclass(slots=True)
class Work:
    """Analyses of one analyzer: ends by status, and times as in `store.queue.timings`."""

    ends: Counter[str] = field(default_factory=Counter)
    waiting: Histogram = field(default_factory=Histogram)
    processing: Histogram = field(default_factory=Histogram)

    def add(self, other: Work) -> None:
        """Add the counts of the other."""
        self.ends.update(other.ends)
        self.waiting.add(other.waiting)
        self.processing.add(other.processing)


@dataclass(slots=True)
class Step:
    """The figures of one step: work and levels by analyzer, and durations of HTTP requests.

    `levels` are those at the end; None without a running server.
    """

    work: defaultdict[str, Work] = field(default_factory=lambda: defaultdict(Work))
    requests: Histogram = field(default_factory=Histogram)
    levels: Mapping[str, Level] | None = None

    def add(self, other: Step) -> None:
        """Add a step of the same time, or of a later one."""
        for analyzer, work in other.work.items():
            self.work[analyzer].add(work)
        self.requests.add(other.requests)
        if other.levels is not None:
            self.levels = other.levels

    def work_of(self, analyzer: str | None) -> Work:
        """Return the work of one analyzer, or of all."""
        total = Work()
        for name, work in self.work.items():
            if analyzer in (None, name):
                total.add(work)
        return total

    def level_of(self, analyzer: str | None) -> Level | None:
        """Return the level of one analyzer, or of all; None without a running server."""
        if self.levels is None:
            return None
        levels = [level for name, level in self.levels.items() if analyzer in (None, name)]
        oldest = [level.oldest_seconds for level in levels if level.oldest_seconds is not None]
        queued, running = sum(level.queued for level in levels), sum(level.running for level in levels)
        return Level(queued, running, max(oldest, default=None))

    def dump(self) -> str:
        """Return the step as JSON."""
        work = {
            name: [each.ends, _written(each.waiting), _written(each.processing)] for name, each in self.work.items()
        }
        levels = None if self.levels is None else {name: [*level] for name, level in self.levels.items()}
        return orjson.dumps({"work": work, "requests": _written(self.requests), "levels": levels}).decode()

    @classmethod
    def load(cls, text: str) -> Step:
        """Read the JSON of `dump`."""
        data: dict[str, Any] = orjson.loads(text)
        step = cls(requests=_read(data["requests"]))
        for name, (ends, waiting, processing) in data["work"].items():
            step.work[name] = Work(Counter(ends), _read(waiting), _read(processing))
        if data["levels"] is not None:
            step.levels = {name: Level(*level) for name, level in data["levels"].items()}
        return step


def _written(histogram: Histogram) -> list[Any]:
    return [histogram.microseconds, sorted(histogram.counts.items())]


def _read(written: list[Any]) -> Histogram:
    return Histogram(dict(written[1]), written[0])


def step_of(instant: datetime, seconds: int) -> int:
    """Return the number of the step of this length, counted from 1970."""
    return int(instant.timestamp()) // seconds


async def levels(connection: AsyncConnection, now: datetime) -> dict[str, Level]:
    """Return the level of each analyzer with queued or running analyses, by the indexes of the queue."""
    queued: Counter[str] = Counter()
    lanes = set()
    lane = (_analysis.c.analyzer, _analysis.c.priority)
    for condition in (tables.queued, tables.waiting):
        counted = select(*lane, func.count()).where(condition).group_by(*lane)
        for analyzer, priority, count in (await connection.execute(counted)).all():
            queued[analyzer] += count
            lanes.add((analyzer, priority))
    oldest: dict[str, float] = {}
    for (analyzer, _), seconds in (await oldest_by_lane(connection, lanes, now)).items():
        oldest[analyzer] = max(seconds, oldest.get(analyzer, 0.0))
    counted = select(_analysis.c.analyzer, func.count()).where(tables.running, _analysis.c.id > "")
    rows = (await connection.execute(counted.group_by(_analysis.c.analyzer))).all()
    running: dict[str, int] = {row[0]: row[1] for row in rows}
    return {name: Level(queued[name], running.get(name, 0), oldest.get(name)) for name in {*queued, *running}}


async def write_step(connection: AsyncConnection, writer: str, number: int, step: Step) -> None:
    """Write a process's step of 5 seconds. A second call for it does nothing."""
    await _insert(connection, SHORT, writer, {number: step})


async def _insert(connection: AsyncConnection, seconds: int, writer: str, steps: Mapping[int, Step]) -> None:
    rows = [{"seconds": seconds, "step": each, "writer": writer, "data": steps[each].dump()} for each in steps]
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    if rows:
        await connection.execute(insert(_history).on_conflict_do_nothing(), rows)


async def fold_history(connection: AsyncConnection, now: datetime) -> None:
    """Write the longer steps that have ended, and delete old ones. Any number of processes may do this."""
    end = int(now.timestamp()) - _LATE
    for length, (shorter, *_) in _SHORTER.items():
        end = end // length * length  # longer steps need all of the shorter ones
        begin = await _folded_until(connection, length)
        steps = await _steps(connection, shorter, begin, end, length)
        await _insert(connection, length, "", steps)
    for length, age in _KEPT.items():
        old = (_history.c.seconds == length, _history.c.step < step_of(now - age, length))
        await connection.execute(delete(_history).where(*old))


async def read_history(connection: AsyncConnection, seconds: int, first: int, last: int) -> dict[int, Step]:
    """Return the steps of this length from number `first` to `last`; a step without a row is absent."""
    end = (last + 1) * seconds
    found = await _steps(connection, seconds, first * seconds, end, seconds)
    begin = max(await _folded_until(connection, seconds), first * seconds) if seconds != SHORT else end
    for shorter in _SHORTER.get(seconds, ()):
        for number, step in (await _steps(connection, shorter, begin, end, seconds)).items():
            found.setdefault(number, Step()).add(step)
        begin = max(begin, await _folded_until(connection, shorter)) if shorter != SHORT else end
    return found


async def _folded_until(connection: AsyncConnection, seconds: int) -> int:
    """Return the end of the last written step of this length, in seconds since 1970; 0 without one."""
    newest = select(func.max(_history.c.step)).where(_history.c.seconds == seconds)
    number: int | None = (await connection.execute(newest)).scalar()
    return 0 if number is None else (number + 1) * seconds


async def _steps(connection: AsyncConnection, seconds: int, begin: int, end: int, length: int) -> dict[int, Step]:
    """Return the sums of the steps of `seconds` between two times, in steps of `length`, in their order."""
    number: ColumnElement[int] = _history.c.step
    rows = (
        select(number, _history.c.data)
        .where(_history.c.seconds == seconds, number >= -(-begin // seconds), number < -(-end // seconds))
        .order_by(number, _history.c.writer)
    )
    found: dict[int, Step] = {}
    for row in (await connection.execute(rows)).all():
        found.setdefault(row.step * seconds // length, Step()).add(Step.load(row.data))
    return found
