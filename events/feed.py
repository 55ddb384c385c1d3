"""The feed: the log, followed. Each follower goes from its place through what it missed and on to what is new.

One tail per instance reads the log while anybody follows it, and keeps the newest events. A follower is a place in
the log, not a queue: it takes what lies behind its place from the tail, or from the log itself when it is further
back (it has just come, or it did not keep up). Either way it goes by the log's own order: it skips and repeats nothing.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import timedelta

import structlog

from store.events import (
    START,
    EventFilter,
    Place,
    events_after,
    last_place,
    log_start,
    oldest_behind,
    page_of_events,
    place_of,
    require_history,
)
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.failures import may_pass
from store.sql.viewer import Viewer
from store.tables import EventRow

log = structlog.stdlib.get_logger(__name__)

# A wake-up may be lost with the bus; this is how late news can then be.
POLL_SECONDS = 1.0
# What comes within this time of the last look is read in one.
GAP_SECONDS = 0.005
# A database that says nothing for so long is asked again, on another connection.
ANSWER_SECONDS = 10.0
# What the tail takes in memory, about; a follower further back reads the log.
TAIL_BYTES = 16_000_000
# An event's columns, without its data.
_EVENT_BYTES = 800
_PAGE = 1_000
# After so long without a look at the log (the machine slept, say), what lies ahead may have been deleted: nothing that
# is younger than an hour ever is.
_LATE = timedelta(minutes=10)


class Feed:
    """The log of one database, for the followers of one instance."""

    def __init__(self, database: Database, *, tail_bytes: int = TAIL_BYTES) -> None:
        self._database = database
        self._tail_bytes = tail_bytes
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._followers = 0
        self._joining = asyncio.Lock()
        # The newest events, in order: everything behind `_floor`, up to `_top`.
        self._tail: list[EventRow] = []
        self._bytes = 0
        self._floor = self._top = START
        self._read_at = utcnow()
        # Whether an open transaction holds back what others have committed.
        self._held_back = False
        self._failing = False
        database.on_commit(self.hear)

    def hear(self, news: frozenset[str]) -> None:
        """News of this instance's own commits, and of others' by the bus."""
        if "events" in news:
            self.wake()

    def wake(self) -> None:
        """There may be something new in the log."""
        self._wake.set()

    async def run(self) -> None:
        """Keep the tail up to date until cancelled."""
        again = GAP_SECONDS
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(again if self._held_back else POLL_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            top, was_held_back = self._top, self._held_back
            try:
                await self._read()
            except Exception:
                if not self._failing:
                    log.exception("the event log can't be read", retry_seconds=POLL_SECONDS)
                self._failing, self._held_back = True, False
            # Nobody tells when what holds back news has ended: it is mostly soon, and may be long.
            still = was_held_back and self._top == top
            again = min(again * 2, POLL_SECONDS) if still else GAP_SECONDS
            await asyncio.sleep(GAP_SECONDS)

    async def lag_seconds(self) -> float:
        """The age of the oldest event that its followers could have had and have not; 0 where there is none of either.

        For somebody who looks now and then: the tail may be about to read that event.
        """
        if not self._followers:
            return 0.0
        async with self._database.read() as connection:
            oldest = await oldest_behind(connection, self._top)
        return 0.0 if oldest is None else max((utcnow() - oldest).total_seconds(), 0.0)

    async def _read(self) -> None:
        """Take what is new into the tail, while anybody follows."""
        more = True
        while more and self._followers:
            async with asyncio.timeout(ANSWER_SECONDS):
                more = await self._read_on()
            if self._failing:
                self._failing = False
                log.info("the event log is read again")

    async def _read_on(self) -> bool:
        """Take one more page into the tail; whether there may be another."""
        top, began = self._top, utcnow()
        late = began - self._read_at > _LATE
        async with self._database.read() as connection:
            page, self._held_back = await events_after(connection, top, _PAGE)
            start = await log_start(connection) if late else top
        self._read_at = began
        if start > self._top:  # what followers wait for is gone, as they find when they look into the log itself
            self._cut(len(self._tail))
            self._floor = self._top = start
            self._tell()
        if not page:
            return False
        if self._top != top:  # meanwhile the tail was begun anew, or further on
            return True
        self._tail.extend(page)
        self._bytes += sum(map(_size, page))
        self._top = place_of(page[-1])
        if self._bytes > 2 * self._tail_bytes:
            self._trim()
        self._tell()
        return len(page) == _PAGE

    def _trim(self) -> None:
        """Drop the oldest, until what is left takes no more than it may."""
        left, count = self._bytes, 0
        while left > self._tail_bytes:
            left -= _size(self._tail[count])
            count += 1
        self._floor = place_of(self._tail[count - 1])
        self._cut(count)

    def _cut(self, count: int) -> None:
        """Drop so many of the oldest."""
        self._bytes -= sum(map(_size, self._tail[:count]))
        del self._tail[:count]

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
                    place, page = await self.page_behind(viewer, where, place, self._top)
                    if page:
                        yield page
        finally:
            self._followers -= 1
            if not self._followers:
                self._cut(len(self._tail))
                self._floor = self._top

    async def _begin(self) -> None:
        """The first follower is here: the tail starts at the end of the log."""
        began = utcnow()
        async with asyncio.timeout(ANSWER_SECONDS), self._database.read() as connection:
            self._floor = self._top = await last_place(connection)
        self._read_at = began
        self._cut(len(self._tail))

    async def page_behind(
        self, viewer: Viewer, where: EventFilter, place: Place, until: Place
    ) -> tuple[Place, list[EventRow]]:
        """One page from the log itself, of what does not lie behind `until`, and the place behind the page.

        While the database is away it asks again, each time for twice as long: a filter may have a long log to look
        through. Raises HistoryGone.
        """
        seconds = ANSWER_SECONDS
        while True:
            try:
                async with asyncio.timeout(seconds), self._database.read() as connection:
                    page = await page_of_events(connection, viewer, where, place, _PAGE, until=until)
                    await require_history(connection, place)
                return (place_of(page[-1]) if len(page) == _PAGE else until), page
            except Exception as error:
                if not may_pass(error):
                    raise
            seconds *= 2
            await asyncio.sleep(POLL_SECONDS)


def _size(event: EventRow) -> int:
    return _EVENT_BYTES + len(event.data)
