"""The workers' counts: their histograms and rows, and that no analysis is lost or counted twice."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from jobs.timekeeper import Timekeeper
from store import tables
from store.queue.claims import Claimed
from store.queue.finish import End, Outcome
from store.queue.timings import (
    MINUTE,
    WINDOW_MINUTES,
    Timings,
    all_timings,
    fold_timings,
    minute_of,
    work_figures,
    write_timings,
)
from store.sql.database import Database
from telemetry import Histogram, Percentiles, bucket_of
from tests.resolvers.rows import NOW, ago, timing

Add = Callable[..., Awaitable[None]]
durations = st.integers(0, 2**45)


@given(durations, durations)
def test_a_longer_duration_is_in_no_earlier_bucket(one: int, other: int) -> None:
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


@given(st.lists(durations, min_size=1, max_size=200))
def test_percentiles_by_nearest_rank_are_within_one_part_in_32(recorded: list[int]) -> None:
    histogram = Histogram()
    for duration in recorded:
        histogram.record(duration)
    found = histogram.percentiles()
    ordered = sorted(recorded)
    for percent, milliseconds in ((50, found.p50_ms), (95, found.p95_ms), (99, found.p99_ms)):
        exact = ordered[math.ceil(len(ordered) * percent / 100) - 1]
        assert milliseconds is not None
        assert milliseconds * 1000 == pytest.approx(exact, rel=1 / 32, abs=0.5)


@pytest.mark.parametrize("duration", [-1, -2, -15, -16, -17, -(2**45), 0])
def test_a_negative_duration_counts_as_zero(duration: int) -> None:
    histogram = Histogram()
    histogram.record(5)
    histogram.record(duration, 3)
    assert (histogram.counts, histogram.count, histogram.microseconds) == ({5: 1, 0: 3}, 4, 5)
    assert histogram.percentiles().p50_ms == 0.0005  # the middle of the bucket of zero
    assert (histogram.below(1), histogram.below(2**45)) == (3, 4)


def test_one_microsecond_is_more_than_zero() -> None:
    histogram = Histogram()
    histogram.record(1)
    assert (histogram.counts, histogram.microseconds) == ({1: 1}, 1)


@given(st.lists(durations, max_size=100), st.integers(0, 46))
def test_the_count_below_a_power_of_two_is_exact(recorded: list[int], power: int) -> None:
    histogram = Histogram()
    for duration in recorded:
        histogram.record(duration)
    assert histogram.below(2**power) == sum(duration < 2**power for duration in recorded)
    assert (histogram.count, histogram.microseconds) == (len(recorded), sum(recorded))


@given(st.lists(st.tuples(st.sampled_from(["waiting", "processing", "total"]), durations), max_size=50))
def test_stored_timings_load_unchanged_and_add_up(recorded: list[tuple[str, int]]) -> None:
    whole, parts = Timings(), [Timings(), Timings()]
    for number, (name, duration) in enumerate(recorded):
        for timings in (whole, parts[number % 2]):
            getattr(timings, name).record(duration)
            timings.ends["COMPLETED"] += 1
            timings.seconds[number // 3] += 1
    assert Timings.load(whole.dump()) == whole
    merged = Timings()
    for part in parts:
        merged.add(Timings.load(part.dump()))
    assert merged == whole


def test_empty_timings() -> None:
    assert Histogram().percentiles() == Percentiles(None, None, None)
    assert Timings.load("{}") == Timings()


def claimed(id_: str, queued_at: datetime, attempt: int = 1) -> Claimed:
    values = dict.fromkeys(Claimed._fields) | {"id": id_, "queued_at": queued_at, "attempt": attempt}
    return Claimed(**values)  # type: ignore[arg-type]


class DiskFullError(Exception):
    """An error that prevents a commit."""


async def kept(database: Database) -> Timings:
    async with database.read() as connection:
        return await all_timings(connection)


async def test_each_end_is_counted_once_under_its_status(database: Database) -> None:
    keeper = Timekeeper()
    keeper.claimed([claimed(name, ago(8)) for name in "abcdef"], ago(6))
    keeper.claimed([claimed("again", ago(60), attempt=2)], ago(6))
    ends = {"a": End.COMPLETED, "b": End.COMPLETED, "c": End.FAILED, "d": End.TIMED_OUT, "e": End.CANCELED}
    outcomes = [Outcome(name, "lease", end, processing_time_ms=1000.0) for name, end in ends.items()]
    tried = [Outcome("again", "lease", End.COMPLETED), Outcome("f", "lease", End.AGAIN, processing_time_ms=5.0)]
    late = Outcome("unknown", "lease", End.COMPLETED)
    keeper.ended([*outcomes, *tried, late], [*outcomes, *tried], NOW)
    async with database.write() as connection:
        await keeper.write(connection, "worker", NOW)
    found = await kept(database)
    assert found.ends == {"COMPLETED": 3, "FAILED": 1, "TIMED_OUT": 1, "CANCELED": 1}
    assert found.seconds == {int(NOW.timestamp()): 6}
    assert (found.waiting.count, found.waiting.microseconds) == (6, 6 * 2_000_000)
    assert (found.processing.count, found.processing.microseconds) == (5, 5_000_000)
    assert (found.total.count, found.total.microseconds) == (6, 5 * 8_000_000 + 60_000_000)


async def test_uncommitted_counts_are_written_again_and_committed_ones_are_not(database: Database) -> None:
    keeper = Timekeeper()

    async def end_one(now: datetime) -> None:
        outcome = Outcome("a", "lease", End.COMPLETED, processing_time_ms=1.0)
        keeper.ended([outcome], [outcome], now)

    async def fail_to_commit(now: datetime) -> None:
        async with database.write() as connection:
            await keeper.write(connection, "worker", now)
            raise DiskFullError

    await end_one(ago(90))
    with pytest.raises(DiskFullError):
        await fail_to_commit(ago(90))
    for now in (ago(90), ago(60), NOW):
        await end_one(now)
        async with database.write() as connection:
            await keeper.write(connection, "worker", now)
        keeper.written(now)
    assert (await kept(database)).ends == {"COMPLETED": 4}


async def test_past_minutes_are_added_to_the_totals(database: Database, add: Add) -> None:
    this = minute_of(NOW)
    for age in range(15):
        timings = Timings(ends=Counter(COMPLETED=1), seconds=Counter({(this - age) * MINUTE: 1}))
        timings.total.record(2**age)
        await add(timing(this - age, timings, "one"), timing(this - age, timings, "two"))
    before = await kept(database)
    assert before.total.count == 30
    for expected in (10, 0):
        async with database.write() as connection:
            assert await fold_timings(connection, NOW) == expected
        after = await kept(database)
        assert (after.total, after.ends) == (before.total, before.ends)
    assert sorted(after.seconds) == [(this - age) * MINUTE for age in range(9, -1, -1)]
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(tables.timing))).scalar_one() == 21


async def test_a_resumed_worker_does_not_write_minutes_already_in_the_totals(database: Database) -> None:
    minute = minute_of(NOW)
    minutes = {minute - age: Timings(ends=Counter(COMPLETED=1)) for age in (0, 9, 10, 600)}
    async with database.write() as connection:
        await write_timings(connection, "worker", minutes, NOW)
        assert await fold_timings(connection, NOW) == 0
    assert (await kept(database)).ends == {"COMPLETED": 2}


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_no_worker_waits_for_another_that_adds_to_the_totals(database: Database, add: Add) -> None:
    await add(timing(1, Timings(ends=Counter(COMPLETED=3))))
    async with database.write() as stalled:
        assert await fold_timings(stalled, NOW) == 1
        async with asyncio.timeout(300), database.write() as connection:
            assert await fold_timings(connection, NOW) == 0
        assert (await kept(database)).ends == {"COMPLETED": 3}
    assert (await kept(database)).ends == {"COMPLETED": 3}


async def test_rates_are_over_whole_seconds_and_durations_over_whole_minutes(database: Database, add: Add) -> None:
    assert NOW.second == 0
    now = NOW + timedelta(seconds=30.5)
    second, minute = int(now.timestamp()), minute_of(now)
    # The current second is left out, as workers may not have reported it; before it, windows of 10 s and 300 s.
    ends = Counter({second: 1000, second - 1: 500, second - 2: 7, second - 11: 3, second - 12: 20})
    rest = Counter({second - 301: 10, second - 302: 900})
    here = Timings(seconds=ends)
    here.total.record(1_000)
    oldest, older = Timings(), Timings(seconds=rest)
    oldest.total.record(4_000_000)
    older.total.record(9_000_000)
    await add(
        timing(minute, here),
        timing(minute - WINDOW_MINUTES + 1, oldest),
        timing(minute - WINDOW_MINUTES, older),
        timing(minute - WINDOW_MINUTES - 1, older, "another"),
    )
    async with database.read() as connection:
        found = await work_figures(connection, now)
    assert (found.last_ten_seconds, found.last_five_minutes) == (1.0, (7 + 3 + 20 + 10) / 300)
    assert found.total.p50_ms == pytest.approx(1, rel=1 / 32)
    assert found.total.p99_ms == pytest.approx(4000, rel=1 / 32)
