"""The history: steps of processes add up to longer ones, each analysis's end counts once, and old steps are deleted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import func, select

from store import tables
from store.history import (
    LONG,
    MIDDLE,
    SHORT,
    Level,
    Step,
    Work,
    fold_history,
    levels,
    read_history,
    step_of,
    write_step,
)
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Outcome
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_ids
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.stops import request_stop
from store.tables import AnalysisStatus
from telemetry import Histogram

NOW = utcnow()


def step(completed: int, level: Level | None = None, milliseconds: int = 1) -> Step:
    """Return a step with completed texts, each with these milliseconds, and one request if there is a level."""
    made = Step()
    work = Work(Counter(COMPLETED=completed))
    work.processing.record(milliseconds * 1000, completed)
    made.work["text"].add(work)
    if level is not None:
        made.levels = {"text": level}
        made.requests.record(2_000)
    return made


async def rows(database: Database) -> dict[int, int]:
    """Return the number of rows by the length of their steps."""
    async with database.read() as connection:
        counted = select(tables.history.c.seconds, func.count()).group_by(tables.history.c.seconds)
        return {row[0]: row[1] for row in (await connection.execute(counted)).all()}


async def test_a_step_is_read_as_it_was_written(database: Database) -> None:
    number = step_of(NOW, SHORT)
    written = step(3, Level(7, 2, 1.5), milliseconds=40)
    written.work["echo"].ends["FAILED"] = 1
    async with database.write() as connection:
        await write_step(connection, "server", number, written)
        await write_step(connection, "server", number, step(100))  # the same step again
        await write_step(connection, "worker", number, step(4))
    async with database.read() as connection:
        found = await read_history(connection, SHORT, number - 5, number + 5)
    assert list(found) == [number]
    (sum_of_both,) = found.values()
    assert sum_of_both.work_of(None).ends == {"COMPLETED": 7, "FAILED": 1}
    assert sum_of_both.work_of("echo").ends == {"FAILED": 1}
    assert sum_of_both.level_of(None) == sum_of_both.level_of("text") == Level(7, 2, 1.5)
    assert sum_of_both.level_of("echo") == Level(0, 0, None)
    assert sum_of_both.requests.count == 1
    assert sum_of_both.work_of("text").processing.count == 7


async def test_longer_steps_are_sums_before_and_after_they_are_written(database: Database) -> None:
    begin = step_of(NOW - timedelta(hours=5), LONG) * LONG  # a step of two hours that has ended
    async with database.write() as connection:
        for number in range(begin // SHORT, begin // SHORT + 2 * LONG // SHORT, 30):
            await write_step(connection, "server", number, step(1, Level(number % 7, 1)))
            await write_step(connection, "worker", number, step(2))

    async def sums(seconds: int) -> dict[int, tuple[int, Level | None]]:
        first = begin // seconds
        async with database.read() as connection:
            found = await read_history(connection, seconds, first, first + 2 * LONG // seconds - 1)
        return {
            number - first: (each.work_of(None).ends["COMPLETED"], each.level_of(None))
            for number, each in sorted(found.items())
        }

    before = sums_of_middle, sums_of_long = await sums(MIDDLE), await sums(LONG)
    assert [count for count, _ in sums_of_middle.values()] == [6] * 48  # two steps of each process
    assert [count for count, _ in sums_of_long.values()] == [144, 144]
    last = begin // SHORT + LONG // SHORT - 30
    assert sums_of_long[0][1] == Level(last % 7, 1)  # at the end of the step
    async with database.write() as connection:
        await fold_history(connection, NOW)
        await fold_history(connection, NOW)
    assert (await rows(database))[MIDDLE] == 48
    assert (await rows(database))[LONG] == 2
    assert (await sums(MIDDLE), await sums(LONG)) == before
    assert SHORT not in await rows(database)  # they were older than an hour


async def test_a_step_is_added_up_a_minute_after_its_end(database: Database) -> None:
    number = step_of(NOW, MIDDLE)
    end = (number + 1) * MIDDLE
    async with database.write() as connection:
        await write_step(connection, "server", number * MIDDLE // SHORT, step(1, Level()))
        await fold_history(connection, NOW + timedelta(seconds=end + 59 - NOW.timestamp()))
    assert MIDDLE not in await rows(database)
    async with database.write() as connection:
        await fold_history(connection, NOW + timedelta(seconds=end + 61 - NOW.timestamp()))
    assert await rows(database) == {SHORT: 1, MIDDLE: 1}


async def test_old_steps_are_deleted(database: Database) -> None:
    ages = (timedelta(minutes=59), timedelta(minutes=61), timedelta(hours=47), timedelta(hours=49), timedelta(days=41))
    async with database.write() as connection:
        for age in ages:
            await write_step(connection, "server", step_of(NOW - age, SHORT), step(1, Level()))
        await fold_history(connection, NOW)
    # The oldest steps were added up first, since no server had done it.
    assert (await rows(database))[SHORT] == 1
    async with database.write() as connection:
        await fold_history(connection, NOW + timedelta(days=41))
    assert await rows(database) == {}


async def test_each_end_counts_once_after_its_commit(database: Database) -> None:
    items = [NewAnalysis("text", "{}", 5, input_text=f"{number}") for number in range(6)]
    refused = NewAnalysis("echo", "{}", 5, key="7", fault=Fault("INPUT_UNREADABLE", "No."))
    ids = new_ids("analysis", 7)
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, [*items, refused], NOW, ids=ids, timeout_seconds=60, max_attempts=1)
    assert database.take_ends() == {("echo", "FAILED"): 1}
    async with database.write() as connection:
        claimed = await claims.claim(connection, "worker", lambda analyzer: 4, NOW)
        assert (await levels(connection, NOW + timedelta(seconds=9)))["text"] == Level(2, 4, 9.0)
    assert database.take_ends() == {}
    done, failed, back, running = claimed
    origin = finish.Origin(done.workspace, None, done.attempt, done.analyzer)
    outcomes = [
        Outcome(done.id, done.lease, End.COMPLETED, "{}", origin=origin),
        Outcome(failed.id, failed.lease, End.FAILED, fault=Fault("ANALYZER_FAILED", "No.")),
        Outcome(back.id, back.lease, End.GIVEN_BACK),
    ]
    async with database.write() as connection:
        await finish.finish(connection, outcomes, NOW)
        assert database.take_ends() == {}
    assert database.take_ends() == {("text", "COMPLETED"): 1, ("text", "FAILED"): 1}
    queued = ids[5]
    try:
        async with database.write() as connection:
            assert await request_stop(connection, VIEWER, queued, AnalysisStatus.CANCELED, NOW)
            raise LookupError
    except LookupError:
        assert database.take_ends() == {}
    async with database.write() as connection:
        assert await request_stop(connection, VIEWER, queued, AnalysisStatus.CANCELED, NOW)
        assert await request_stop(connection, VIEWER, running.id, AnalysisStatus.CANCELED, NOW)
    assert database.take_ends() == {("text", "CANCELED"): 1}


def test_a_histogram_less_an_earlier_state_has_the_durations_since() -> None:
    before, after, since = Histogram(), Histogram(), Histogram()
    for microseconds in (1, 5_000, 5_000):
        before.record(microseconds)
        after.record(microseconds)
    for microseconds in (5_000, 80_000):
        after.record(microseconds)
        since.record(microseconds)
    assert after.less(before) == since
