"""The feed: the log, followed. Each follower goes from its place through what it missed and on to what is new.

One tail per instance reads the log while anybody follows it, and keeps the newest events. A follower is a place in
the log, not a queue: it takes what lies behind its place from the tail, or from the log itself when it is further
back (it has just come, or it did not keep up). Either way it goes by the log's own order: it skips and repeats nothing.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from datetime import timedelta

import structlog

from store.columns import utcnow
from store.database import Database
from store.events import (
    START,
    EventFilter,
    Place,
    events_after,
    last_place,
    log_start,
    page_of_events,
    place_of,
    require_history,
)
from store.tables import EventRow
from store.viewer import Viewer

log = structlog.stdlib.get_logger(__name__)

# A wake-up may be lost with the bus; this is how late news can then be.
POLL_SECONDS = 1.0
# Events in the tail; a follower further back reads the log.
_KEPT = 20_000
_PAGE = 1_000
# After so long without a look at the log (the machine slept, say), what lies ahead may have been deleted: nothing that
# is younger than an hour ever is.
_LATE = timedelta(minutes=10)


class Feed:
    """The log of one database, for the followers of one instance."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._followers = 0
        self._joining = asyncio.Lock()
        # The newest events, in order: everything behind `_floor`, up to `_top`.
        self._tail: list[EventRow] = []
        self._floor = self._top = START
        self._read_at = utcnow()

    def wake(self) -> None:
        """There is something new in the log."""
        self._wake.set()

    async def run(self) -> None:
        """Keep the tail up to date until cancelled."""
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                while self._followers and await self._read_on():
                    pass
            except Exception:
                log.exception("reading the event log failed", retry_seconds=POLL_SECONDS)
                await asyncio.sleep(POLL_SECONDS)

    async def _read_on(self) -> bool:
        """Take one more page into the tail; whether there may be another."""
        top, late = self._top, utcnow() - self._read_at > _LATE
        async with self._database.read() as connection:
            page = await events_after(connection, top, _PAGE)
            start = await log_start(connection) if late else top
        self._read_at = utcnow()
        if start > self._top:  # what followers wait for is gone, as they find when they look into the log itself
            self._tail.clear()
            self._floor = self._top = start
            self._tell()
        if not page:
            return False
        if self._top != top:  # meanwhile the tail was begun anew, further on
            return True
        self._tail.extend(page)
        self._top = place_of(page[-1])
        if len(self._tail) > 2 * _KEPT:
            dropped = len(self._tail) - _KEPT
            self._floor = place_of(self._tail[dropped - 1])
            del self._tail[:dropped]
        self._tell()
        return len(page) == _PAGE

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(
        self, viewer: Viewer, where: EventFilter, after: Place | None = None
    ) -> AsyncGenerator[list[EventRow], None]:
        """What this viewer may see, behind `after` or from now on, in pages as it comes; the first may be empty.

        The first page comes as soon as the place is taken: whoever reads a snapshot then misses nothing behind it.
        Raises HistoryGone where what lies behind the place was deleted before it could be read.
        """
        async with self._joining:
            if not self._followers:
                await self._begin()
            self._followers += 1
        try:
            place = self._top if after is None else after
            yield []
            while True:
                news = self._news
                if place >= self._floor:
                    behind = bisect_right(self._tail, place, key=place_of)
                    page = [
                        event
                        for event in self._tail[behind:]
                        if event.workspace == viewer.workspace and where.matches(event)
                    ]
                    place = max(place, self._top)
                    if page:
                        yield page
                    elif news is self._news:
                        await news.wait()
                else:
                    place, page = await self._replay(viewer, where, place)
                    if page:
                        yield page
        finally:
            self._followers -= 1
            if not self._followers:
                self._tail.clear()
                self._floor = self._top

    async def _begin(self) -> None:
        """The first follower is here: the tail starts at the end of the log."""
        async with self._database.read() as connection:
            self._floor = self._top = await last_place(connection)
        self._read_at = utcnow()
        self._tail.clear()

    async def _replay(self, viewer: Viewer, where: EventFilter, place: Place) -> tuple[Place, list[EventRow]]:
        """One page from the log itself, up to where the tail ends, and the place behind it."""
        top = self._top
        async with self._database.read() as connection:
            page = await page_of_events(connection, viewer, where, place, _PAGE, until=top)
            await require_history(connection, place)
        return (place_of(page[-1]) if len(page) == _PAGE else top), page
