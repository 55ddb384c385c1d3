"""Followers of the log while it is trimmed: whoever would miss something is told, and nobody else."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

import events.feed
from events.feed import Feed
from jobs.cleanup import Ages, clean_up
from store.events import EventFilter, HistoryGone, Place, append, events_after, last_place, new_event, place_of
from store.retention import Deleted
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import BatchEventType, EventRow
from tests.support import until

ALL = EventFilter()


async def write(database: Database, *names: str) -> list[Place]:
    """Events of batches of these names, each in a transaction, and their places, once readers may see them."""
    before = await end(database)
    for name in names:
        async with database.write() as connection:
            line = new_event(VIEWER.workspace, BatchEventType.BATCH_STARTED, name, utcnow(), "{}", batch_id=name)
            await append(connection, [line])

    async def seen() -> list[Place] | None:
        async with database.read() as connection:
            found = [place_of(event) for event in (await events_after(connection, before, 1_000))[0]]
        return found if len(found) == len(names) else None

    places: list[Place] = await until(seen, what="the events")
    return places


async def end(database: Database) -> Place:
    async with database.read() as connection:
        return await last_place(connection)


async def trim(database: Database) -> Deleted | None:
    """Delete all events."""
    return await clean_up(database, Ages(events=timedelta(0)), every=timedelta(days=-1))


def names(page: list[EventRow]) -> list[str | None]:
    return [event.batch_id for event in page]


async def test_who_is_further_back_than_the_log_goes_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had begun to catch up when the rest of what it missed was deleted."""
    monkeypatch.setattr(events.feed, "_PAGE", 2)
    places = await write(database, "a", "b", "c", "d", "e")
    feed = Feed(database)
    async with aclosing(feed.follow(VIEWER, ALL, places[0])) as slow, aclosing(feed.follow(VIEWER, ALL)) as live:
        assert await anext(slow) == await anext(live) == []
        assert names(await anext(slow)) == ["b", "c"]
        assert await trim(database) == Deleted(events=5)
        with pytest.raises(HistoryGone) as refusal:
            await anext(slow)
        assert refusal.value.start == places[-1]
        await write(database, "f")
        assert await feed._read_on() is False
        assert names(await anext(live)) == ["f"]


async def test_a_feed_that_stood_still_tells_its_followers(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine slept, say, while another server deleted what this one had not read."""
    await write(database, "a")
    feed = Feed(database)
    async with aclosing(feed.follow(VIEWER, ALL)) as live:
        assert await anext(live) == []
        waiting = asyncio.create_task(anext(live))
        places = await write(database, "b", "c")
        await trim(database)
        monkeypatch.setattr(events.feed, "_LATE", timedelta(days=-1))
        assert await feed._read_on() is False
        with pytest.raises(HistoryGone) as refusal:
            await waiting
        assert refusal.value.start == places[-1]
    async with aclosing(feed.follow(VIEWER, ALL)) as anew:
        assert await anext(anew) == []
        await write(database, "d")
        await feed._read_on()
        assert names(await anext(anew)) == ["d"]
