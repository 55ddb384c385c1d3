"""The event log: a follower reads every event once, in order, also beside concurrent writers."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.events import (
    START,
    EventFilter,
    ForeignCursor,
    NewEvent,
    Place,
    append,
    events_after,
    identify,
    last_place,
    new_event,
    page_of_events,
    place_of,
    read_cursor,
    write_cursor,
)
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisEventType, BatchEventType
from tests.store.truth import whole_log

T = AnalysisEventType
NOW = utcnow()


def line(name: str, type_: AnalysisEventType = T.ANALYSIS_QUEUED, workspace: str = VIEWER.workspace) -> NewEvent:
    return new_event(workspace, type_, name, NOW, "{}", batch_id=f"of {name}")


async def write(database: Database, *names: str) -> None:
    async with database.write() as connection:
        await append(connection, [line(name) for name in names])


async def follow(database: Database, count: int) -> list[str]:
    """Read the log in random pages until `count` events have been read. Returns their names in the order of reading."""
    met: list[str] = []
    place = START
    async with asyncio.timeout(300):
        while len(met) < count:
            async with database.read() as connection:
                events, _ = await events_after(connection, place, random.randint(1, 20))
            for event in events:
                assert place_of(event) > place
                place = place_of(event)
                met.append(event.subject)
            await asyncio.sleep(0)
    return met


async def test_a_follower_reads_events_of_stalling_writers_once_and_in_order(database: Database) -> None:
    await write_while_stalling(database)


async def write_while_stalling(database: Database) -> None:
    """Write with 16 writers. Each transaction stays open after it has its positions, so that they end out of order."""
    rounds, writers = 10, 16

    async def writer(number: int) -> None:
        for turn in range(rounds):
            async with database.write() as connection:
                await append(connection, [line(f"{number}.{turn}.a")])
                await asyncio.sleep(random.random() * 0.02)
                await append(connection, [line(f"{number}.{turn}.b")])

    expected = {f"{number}.{turn}.{part}" for number in range(writers) for turn in range(rounds) for part in "ab"}
    following = asyncio.create_task(follow(database, len(expected)))
    await asyncio.gather(*(writer(number) for number in range(writers)))
    met = await following
    assert len(met) == len(set(met))
    assert set(met) == expected
    for number in range(writers):
        assert [name for name in met if name.startswith(f"{number}.")] == [
            f"{number}.{turn}.{part}" for turn in range(rounds) for part in "ab"
        ]
    async with database.read() as connection:
        assert await events_after(connection, await last_place(connection), 1) == ([], False)


async def test_an_open_transaction_holds_back_events_of_later_ones(database: Database) -> None:
    if database.is_sqlite:
        return  # has one writer: no transaction can begin meanwhile
    async with database.write() as connection:
        await append(connection, [line("first")])
        await write(database, "second")
        assert [event.subject for event in await whole_log(database)] == ["second"]
        async with database.read() as reading:
            assert await events_after(reading, START, 10) == ([], True)
            assert await last_place(reading) == START
    assert await follow(database, 2) == ["first", "second"]


async def test_a_rolled_back_transaction_leaves_no_event(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await append(connection, [line("never")])
            raise ZeroDivisionError

    await write(database, "before")
    with pytest.raises(ZeroDivisionError):
        await fail()
    await write(database, "after")
    assert await follow(database, 2) == ["before", "after"]


async def test_pages_have_the_events_of_their_filter(database: Database) -> None:
    async with database.write() as connection:
        kinds = [T.ANALYSIS_QUEUED, T.ANALYSIS_STARTED, T.ANALYSIS_COMPLETED]
        await append(connection, [line(name, kind) for name in "ab" for kind in kinds])
        await append(connection, [line("c", workspace="other")])
    await follow(database, 7)

    async def page(where: EventFilter, after: Place = START, limit: int = 100, until: Place | None = None) -> list[str]:
        async with database.read() as connection:
            events = await page_of_events(connection, VIEWER, where, after, limit, until=until)
        assert where.select(events) == events
        return [f"{event.subject} {event.type.removeprefix('ANALYSIS_')}" for event in events]

    everything = [f"{name} {kind}" for name in "ab" for kind in ("QUEUED", "STARTED", "COMPLETED")]
    assert await page(EventFilter()) == everything
    assert await page(EventFilter(ids={"subject": "a"})) == everything[:3]
    assert await page(EventFilter(ids={"batch_id": "of b"})) == everything[3:]
    assert await page(EventFilter(types=frozenset({T.ANALYSIS_STARTED}))) == ["a STARTED", "b STARTED"]
    assert await page(EventFilter(), limit=2) == everything[:2]
    places = [place_of(event) for event in await whole_log(database)]
    assert await page(EventFilter(), after=places[1], until=places[4]) == everything[2:5]
    assert await page(EventFilter(ids={"subject": "c"})) == []


async def test_an_event_is_kept_to_the_microsecond(database: Database) -> None:
    when = NOW.replace(microsecond=123457) - timedelta(days=20_000)
    async with database.write() as connection:
        started = BatchEventType.BATCH_STARTED
        await append(connection, [new_event("default", started, "b", when, '{"é":1}', batch_id="b")])
    (event,) = await whole_log(database)
    assert (event.occurred_at, event.data, event.subject, event.batch_id) == (when, '{"é":1}', "b", "b")


class Log:
    """The attributes of a database that its cursors contain."""

    def __init__(self, identity: str, *, is_sqlite: bool) -> None:
        self.identity = identity
        self.is_sqlite = is_sqlite


def log_of(identity: str, *, is_sqlite: bool) -> Database:
    return cast(Database, Log(identity, is_sqlite=is_sqlite))


@given(xid=st.integers(0, 2**56 - 1), position=st.integers(0, 2**56 - 1), sqlite=st.booleans())
def test_a_cursor_contains_its_position_and_its_database(xid: int, position: int, sqlite: bool) -> None:
    place = Place(xid, position)
    own, other = log_of("01234567", is_sqlite=sqlite), log_of("89abcdef", is_sqlite=sqlite)
    old = log_of("", is_sqlite=sqlite)
    cursor, old_cursor = write_cursor(own, place), write_cursor(old, place)
    assert read_cursor(own, cursor) == read_cursor(own, old_cursor) == read_cursor(other, old_cursor) == place
    for foreign in (other, log_of("01234567", is_sqlite=not sqlite)):
        with pytest.raises(ForeignCursor):
            read_cursor(foreign, cursor)
    with pytest.raises(ForeignCursor):
        read_cursor(log_of("01234567", is_sqlite=not sqlite), old_cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "s", "s1", "s1-", "s-1", "s1-1 ", "s1-1\n", "x1-1", "sg-1", "S1-1", "s1-" + "f" * 16),
        *("s1-1-", "s1-1-0123456", "s1-1-012345678", "s1-1-0123456G", "s1-1-01234567-", "s1-1-01234567\n"),
    ],
)
def test_an_invalid_cursor_has_no_position(cursor: str) -> None:
    assert read_cursor(log_of("01234567", is_sqlite=True), cursor) is None


async def test_each_database_has_an_identity_of_its_own(database: Database, tmp_path: Path) -> None:
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    try:
        await migrate(other)
        await identify(other)
        await identify(database)
        first = database.identity
        await migrate(database)
        await identify(database)
        assert database.identity == first
        assert re.fullmatch("[0-9a-f]{8}", first)
        assert first != other.identity
    finally:
        await other.close()
