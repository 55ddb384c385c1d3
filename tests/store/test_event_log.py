"""The event log: a follower reads every event once, in order, also beside concurrent writers."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest

from store.events import (
    START,
    EventFilter,
    NewEvent,
    Place,
    append,
    events_after,
    last_place,
    new_event,
    page_of_events,
    place_of,
)
from store.sql.clock import utcnow
from store.sql.database import Database
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
        await append(connection, [line("d")._replace(analyzer=each) for each in ("text", "image", None)])
    await follow(database, 10)

    async def page(where: EventFilter, after: Place = START, limit: int = 100, until: Place | None = None) -> list[str]:
        async with database.read() as connection:
            events = await page_of_events(connection, VIEWER, where, after, limit, until=until)
        assert where.select(events) == events
        return [f"{event.subject} {event.type.removeprefix('ANALYSIS_')}" for event in events]

    everything = [f"{name} {kind}" for name in "ab" for kind in ("QUEUED", "STARTED", "COMPLETED")]
    assert await page(EventFilter()) == [*everything, *["d QUEUED"] * 3]
    assert await page(EventFilter(ids={"subject": "a"})) == everything[:3]
    assert await page(EventFilter(ids={"batch_id": "of b"})) == everything[3:]
    assert await page(EventFilter(types=frozenset({T.ANALYSIS_STARTED}))) == ["a STARTED", "b STARTED"]
    assert await page(EventFilter(analyzers=frozenset({"text", "image"}))) == ["d QUEUED"] * 2
    assert await page(EventFilter(analyzers=frozenset({"text"}), ids={"subject": "a"})) == []
    assert await page(EventFilter(analyzers=frozenset())) == []
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
