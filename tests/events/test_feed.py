"""The feed on real databases: late transactions, dead connections, bounded memory, slow and filtered followers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from types import AsyncGeneratorType
from typing import cast

import pytest
from sqlalchemy import make_url, text

import events.feed
from events.feed import Feed
from store.events import START, EventFilter, NewEvent, Place, append, events_after, new_event
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisEventType, EventRow
from tests.events.brokers import road_to
from tests.support import until

ALL, NONE = EventFilter(), EventFilter(types=frozenset())
EVER = 3600.0
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def line(name: str) -> NewEvent:
    return new_event(VIEWER.workspace, AnalysisEventType.ANALYSIS_QUEUED, name, utcnow(), "{}")


async def write(database: Database, *names: str) -> None:
    async with database.write() as connection:
        await append(connection, [line(name) for name in names])


def names(page: list[EventRow]) -> list[str]:
    return [event.subject for event in page]


async def shown(database: Database, count: int) -> None:
    """Wait until a reader sees `count` events. Open transactions of any PostgreSQL database hold them back."""

    async def seen() -> bool:
        async with database.read() as connection:
            return len((await events_after(connection, START, count))[0]) == count

    await until(seen, what="the events to be visible")


@pytest.mark.needs("postgresql")
@ON_POSTGRESQL
async def test_a_held_back_event_arrives_without_a_wake_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events.feed, "POLL_SECONDS", EVER)
    feed = Feed(database)
    async with running(feed), aclosing(feed.follow(VIEWER, ALL)) as following:
        assert await anext(following) == []
        for _ in range(20):  # empty polls, after which the next poll has a long delay
            feed.wake()
            await until(lambda: not feed._wake.is_set(), what="a poll")
        waiting = asyncio.create_task(anext(following))
        async with database.write() as older:
            await older.execute(text("SELECT pg_current_xact_id()"))
            await write(database, "held back")
            await until(lambda: feed._held_back, what="the feed to see the held-back event")
            assert not waiting.done()
        async with asyncio.timeout(300):
            assert names(await waiting) == ["held back"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_many_wake_ups_cause_one_poll(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events.feed, "POLL_SECONDS", EVER)
    feed, looks = Feed(database), 0
    look = feed._read_on

    async def counted() -> bool:
        nonlocal looks
        looks += 1
        return await look()

    monkeypatch.setattr(feed, "_read_on", counted)
    async with running(feed), aclosing(feed.follow(VIEWER, ALL)) as following:
        assert await anext(following) == []
        for _ in range(1_000):
            feed.wake()
        await write(database, "a", "b")
        async with asyncio.timeout(300):
            assert names(await anext(following)) == ["a", "b"]
        assert looks <= 3


async def test_followers_far_apart_need_little_memory(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events.feed, "_PAGE", 10)
    feed = Feed(database, tail_bytes=20_000)  # about twenty events
    written = [f"{number}" for number in range(300)]
    async with (
        running(feed),
        aclosing(feed.follow(VIEWER, ALL)) as slow,
        aclosing(feed.follow(VIEWER, ALL)) as quick,
        aclosing(feed.follow(VIEWER, NONE)) as choosy,
    ):
        assert await anext(slow) == await anext(quick) == await anext(choosy) == []
        waiting = asyncio.create_task(anext(choosy))
        met: list[str | None] = []
        for first in range(0, 300, 30):
            await write(database, *written[first : first + 30])
            while len(met) < first + 30:
                async with asyncio.timeout(300):
                    met += names(await anext(quick))
                assert feed._bytes == sum(map(events.feed._size, feed._tail)) <= 50_000
        assert met == written
        assert len(feed._tail) < 60
        late: list[str | None] = []
        while len(late) < 300:
            async with asyncio.timeout(300):
                late += names(await anext(slow))
        assert late == written
        # No event passed this follower's filter, but its position advanced: it does not read the log again.
        assert not waiting.done()
        frame = cast(AsyncGeneratorType[list[EventRow], None], choosy).ag_frame
        assert frame is not None
        assert frame.f_locals["place"] == feed._top > START
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert (feed._followers, feed._tail, feed._bytes) == (0, [], 0)


@pytest.mark.needs("postgresql")
@ON_POSTGRESQL
async def test_the_feed_recovers_from_a_dead_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events.feed, "POLL_SECONDS", 0.1)
    async with road_to(database.url.port or 5432) as road:
        far = Database(make_url(database.url).set(port=road.port).render_as_string(hide_password=False))
        feed = Feed(far)
        try:
            async with running(feed), aclosing(feed.follow(VIEWER, ALL)) as following:
                assert await anext(following) == []
                await write(database, "before")
                async with asyncio.timeout(300):
                    assert names(await anext(following)) == ["before"]
                road.cut()
                connections = road.connections
                await write(database, "meanwhile")
                with monkeypatch.context() as impatient:
                    impatient.setattr(events.feed, "ANSWER_SECONDS", 0.5)
                    await until(lambda: feed._failing, what="the silence to be detected")
                    await until(lambda: road.connections > connections, what="another connection attempt")
                road.mend()
                async with asyncio.timeout(300):
                    assert names(await anext(following)) == ["meanwhile"]
                await until(lambda: not feed._failing, what="the feed to recover")
        finally:
            await far.close()


@pytest.mark.needs("postgresql")
@ON_POSTGRESQL
async def test_a_replay_waits_for_an_unreachable_database(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(database, "first", "second")
    await shown(database, 2)
    async with road_to(database.url.port or 5432) as road:
        far = Database(make_url(database.url).set(port=road.port).render_as_string(hide_password=False))
        feed = Feed(far)
        try:
            async with aclosing(feed.follow(VIEWER, ALL, START)) as following:
                assert await anext(following) == []
                road.cut()
                connections = road.connections
                monkeypatch.setattr(events.feed, "ANSWER_SECONDS", 0.5)
                monkeypatch.setattr(events.feed, "POLL_SECONDS", 0.1)
                coming = asyncio.ensure_future(anext(following))
                await until(lambda: road.connections > connections, what="another connection attempt")
                assert not coming.done()
                road.mend()
                async with asyncio.timeout(300):
                    assert names(await coming) == ["first", "second"]
        finally:
            await far.close()


async def test_a_long_log_is_searched_in_several_reads(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events.feed, "ANSWER_SECONDS", 0.00001)
    monkeypatch.setattr(events.feed, "POLL_SECONDS", 0.001)
    await write(database, "first", "second")
    await shown(database, 2)
    place, page = await asyncio.wait_for(
        Feed(database).page_behind(VIEWER, ALL, START, Place(2**50, 2**50)), timeout=60
    )
    assert names(page) == ["first", "second"]
    assert place == Place(2**50, 2**50)
