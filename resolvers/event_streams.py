"""Streams of events: a stream begins at any place in the log, and equal subscriptions can share it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from resolvers.events import Happening, happening, place_after, reporting_history_gone
from store.cursors import end_of_log
from store.events import EventFilter, Place
from store.sql.ids import prefix_of
from store.subjects import EventType
from store.tables import EventRow

MAX_PROGRESS_SECONDS = 60.0

# Events that are answered together: one statement reads all their subjects of one kind.
_NEIGHBORS = 100

_PROGRESS = frozenset(str(each) for each in EventType if each.endswith("_PROGRESS"))

Pages = AsyncGenerator[list[EventRow], None]


async def follow_events(
    context: Context, where: EventFilter, after: str | None, progress_seconds: float | None
) -> EventStream:
    """Return a stream of the events after `after`, old and new, each once and in order. Raises as `place_after` does.

    A client that resumes by `Last-Event-ID` also sends the `after` of its first request, which is older.
    """
    seconds = progress_seconds or 0.0
    if not 0 <= seconds <= MAX_PROGRESS_SECONDS:
        message = f"`progressIntervalSeconds` is {seconds:g}: it must be from 0 to {MAX_PROGRESS_SECONDS:g}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="progressIntervalSeconds")
    cursor = context.last_event_id or after
    return EventStream(context, where, await place_after(context, cursor), cursor, seconds)


class EventStream:
    """The viewer's events that match a filter, after `place` with its `cursor`. None begins with the next event."""

    def __init__(
        self, context: Context, where: EventFilter, place: Place | None, cursor: str | None, progress_seconds: float
    ) -> None:
        self.audience = context.viewer.rights
        self.place, self.cursor = place, cursor
        self._context = context
        self._where = where
        self._progress_seconds = progress_seconds

    def __aiter__(self) -> AsyncIterator[Happening]:
        return self._one_by_one()

    async def end(self) -> tuple[Place, str]:
        """Return the current end of the log, and its cursor."""
        database = self._context.services.database
        async with database.read() as connection:
            return await end_of_log(connection, database)

    def follow(self, after: Place) -> tuple[Context, AsyncGenerator[list[Happening], None]]:
        """Return the events after a place, old and new, and the context in which they are answered."""
        context = self._context.shared()
        return context, self._happenings(context, self._followed(context, after))

    def replay(self, after: Place, until: Place) -> tuple[Context, AsyncGenerator[list[Happening], None]]:
        """Return the events after one place and not after the other, and the context in which they are answered."""
        context = self._context.shared()
        return context, self._happenings(context, self._replayed(context, after, until))

    async def _one_by_one(self) -> AsyncGenerator[Happening, None]:
        context = self._context
        async with aclosing(self._happenings(context, self._followed(context, self.place))) as pages:
            async for page in pages:
                for each in page:
                    yield each

    def _followed(self, context: Context, after: Place | None) -> Pages:
        return context.services.feed.follow(context.viewer, self._where, after)

    async def _replayed(self, context: Context, after: Place, until: Place) -> Pages:
        while after < until:
            after, page = await context.services.feed.page_behind(context.viewer, self._where, after, until)
            if page:
                yield page

    async def _happenings(self, context: Context, pages: Pages) -> AsyncGenerator[list[Happening], None]:
        """Send pages of events that are answered together, as clients see them."""
        if self._progress_seconds:
            pages = thinned(pages, self._progress_seconds)
        async with reporting_history_gone(context), aclosing(pages):
            async for page in pages:
                for start in range(0, len(page), _NEIGHBORS):
                    rows = page[start : start + _NEIGHBORS]
                    context.forget()
                    context.neighbors = {}
                    for row in rows:
                        context.neighbors.setdefault(prefix_of(row.subject), []).append(row.subject)
                    yield [happening(context, row) for row in rows]


async def thinned(pages: Pages, seconds: float) -> Pages:
    """Send these events without progress that newer progress of the same subject replaces.

    Progress is held for `seconds` after the last progress that was sent. An event of another type sends all held
    progress first, because the order is that of the log. So does the end of the pages.
    """
    held: dict[str, EventRow] = {}
    loop = asyncio.get_running_loop()
    due = loop.time()
    coming: asyncio.Future[list[EventRow] | None] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(pages, None))
            await asyncio.wait({coming}, timeout=max(due - loop.time(), 0) if held else None)
            ready: list[EventRow] = []
            page: list[EventRow] | None = []
            if coming.done():
                page, coming = coming.result(), None
            for row in page or ():
                if row.type in _PROGRESS:
                    held.pop(row.subject, None)  # so that its new place is the last
                    held[row.subject] = row
                    continue
                ready += held.values()
                ready.append(row)
                held.clear()
            if page is None or (held and loop.time() >= due):
                ready += held.values()
                held.clear()
            if any(row.type in _PROGRESS for row in ready):
                due = loop.time() + seconds
            if ready:
                yield ready
            if page is None:
                return
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming
        await pages.aclose()
