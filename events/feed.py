"""The feed: followers of the event log. Each follower replays the events after its position, then continues live.

One reader per instance follows the log while it has followers, and keeps the newest events in memory: the tail. A
follower is a position in the log, not a queue. It takes the next events from the tail or, if its position is older
(a new or a slow follower), from the log itself. Both are in the order of the log: no event is skipped or repeated.
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
from store.sql.scope import select_mine
from store.sql.viewer import Viewer
from store.tables import EventRow

log = structlog.stdlib.get_logger(__name__)

# Interval of polling, the largest delay of an event without an announcement.
POLL_SECONDS = 1.0
# Shortest interval between two reads: events within it are read together.
GAP_SECONDS = 0.005
# Time limit of a read. The next attempt uses another connection.
ANSWER_SECONDS = 10.0
# Approximate memory of the tail. Followers at older positions read the log.
TAIL_BYTES = 16_000_000
# Memory of an event's columns, without its data.
_EVENT_BYTES = 800
_PAGE = 1_000
# Age of the last read after which the next events may have been deleted (the machine may have slept). Retention keeps
# events for an hour at least.
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
        # The newest events, in order: all after `_floor`, up to `_top`.
        self._tail: list[EventRow] = []
        self._bytes = 0
        self._floor = self._top = START
        self._read_at = utcnow()
        # Whether an open transaction holds back committed events.
        self._held_back = False
        self._failing = False
        database.on_commit(self.hear)

    def hear(self, news: frozenset[str]) -> None:
        """Wake the reader for an announcement of events, by this instance or another."""
        if "events" in news:
            self.wake()

    def wake(self) -> None:
        """Read the log now."""
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
            # The end of the open transaction is not announced: poll, at growing intervals.
            still = was_held_back and self._top == top
            again = min(again * 2, POLL_SECONDS) if still else GAP_SECONDS
            await asyncio.sleep(GAP_SECONDS)

    async def lag_seconds(self) -> float:
        """Return the seconds since the oldest visible event not yet in the tail; 0 without followers or new events.

        A small value is normal: the reader may be about to read that event.
        """
        if not self._followers:
            return 0.0
        async with self._database.read() as connection:
            oldest = await oldest_behind(connection, self._top)
        return 0.0 if oldest is None else max((utcnow() - oldest).total_seconds(), 0.0)

    async def _read(self) -> None:
        """Read new events into the tail, while there are followers."""
        more = True
        while more and self._followers:
            async with asyncio.timeout(ANSWER_SECONDS):
                more = await self._read_on()
            if self._failing:
                self._failing = False
                log.info("the event log is read again")

    async def _read_on(self) -> bool:
        """Read one page into the tail; True if there may be another."""
        top, began = self._top, utcnow()
        late = began - self._read_at > _LATE
        async with self._database.read() as connection:
            page, self._held_back = await events_after(connection, top, _PAGE)
            start = await log_start(connection) if late else top
        self._read_at = began
        if start > self._top:  # the next events were deleted; followers learn it when they read the log
            self._cut(len(self._tail))
            self._floor = self._top = start
            self._tell()
        if not page:
            return False
        if self._top != top:  # the tail was restarted meanwhile
            return True
        self._tail.extend(page)
        self._bytes += sum(map(_size, page))
        self._top = place_of(page[-1])
        if self._bytes > 2 * self._tail_bytes:
            self._trim()
        self._tell()
        return len(page) == _PAGE

    def _trim(self) -> None:
        """Drop the oldest events down to `tail_bytes`."""
        left, count = self._bytes, 0
        while left > self._tail_bytes:
            left -= _size(self._tail[count])
            count += 1
        self._floor = place_of(self._tail[count - 1])
        self._cut(count)

    def _cut(self, count: int) -> None:
        """Drop the oldest `count` events."""
        self._bytes -= sum(map(_size, self._tail[:count]))
        del self._tail[:count]

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def follow(
        self, viewer: Viewer, where: EventFilter, after: Place | None = None
    ) -> AsyncGenerator[list[EventRow], None]:
        """Yield pages of the viewer's events after `after`, or from now on; the first page may be empty.

        The first page comes as soon as the position is fixed: a snapshot read then misses no later event.
        Raises HistoryGone if retention deleted events after the position before they were read.
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
                    page = where.select(select_mine(self._tail[behind:], viewer))
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
        """Start the tail at the end of the log, for the first follower."""
        began = utcnow()
        async with asyncio.timeout(ANSWER_SECONDS), self._database.read() as connection:
            self._floor = self._top = await last_place(connection)
        self._read_at = began
        self._cut(len(self._tail))

    async def page_behind(
        self, viewer: Viewer, where: EventFilter, place: Place, until: Place
    ) -> tuple[Place, list[EventRow]]:
        """Read one page from the log, up to `until`; returns the position after it and the page.

        After a transient failure it reads again with twice the time limit: a filter may have to search a long log.
        Raises HistoryGone.
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
