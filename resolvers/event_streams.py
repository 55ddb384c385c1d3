"""Events as they come: a stream that begins at any place in the log, and that who wants the same can share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from resolvers.events import Happening, happening, place_after, telling_where_history_begins
from store.events import EventFilter, Place, last_place, write_cursor
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
    """What was missed behind `after`, then what is new, each event once and in order. Raises as `place_after` does.

    A client that takes its subscription up again by `Last-Event-ID` sends the same `after` as at first: it is older.
    """
    seconds = progress_seconds or 0.0
    if not 0 <= seconds <= MAX_PROGRESS_SECONDS:
        message = f"`progressIntervalSeconds` is {seconds:g}: it goes from 0 to {MAX_PROGRESS_SECONDS:g}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="progressIntervalSeconds")
    return EventStream(context, where, await place_after(context, context.last_event_id or after), seconds)


class EventStream:
    """The events that a viewer may see and asks for, behind `place`; where that is None, what is new."""

    def __init__(self, context: Context, where: EventFilter, place: Place | None, progress_seconds: float) -> None:
        self.audience = context.viewer
        self.place = place
        self._context = context
        self._where = where
        self._progress_seconds = progress_seconds

    def __aiter__(self) -> AsyncIterator[Happening]:
        return self._one_by_one()

    async def end(self) -> Place:
        """Where the log ends now."""
        async with self._context.services.database.read() as connection:
            return await last_place(connection)

    def cursor(self, place: Place) -> str:
        """The cursor of a place."""
        return write_cursor(self._context.services.database, place)

    def follow(self, after: Place) -> tuple[Context, AsyncGenerator[list[Happening], None]]:
        """The events behind a place and then as they come, and a context of their own to answer them in."""
        context = self._context.anew()
        return context, self._happenings(context, self._followed(context, after))

    def replay(self, after: Place, until: Place) -> tuple[Context, AsyncGenerator[list[Happening], None]]:
        """The events behind the one place and not behind the other, and a context of their own."""
        context = self._context.anew()
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
        """The lines of the log as clients see them, with what is now and then read together in mind."""
        if self._progress_seconds:
            pages = thinned(pages, self._progress_seconds)
        async with telling_where_history_begins(context), aclosing(pages):
            async for page in pages:
                for start in range(0, len(page), _NEIGHBORS):
                    rows = page[start : start + _NEIGHBORS]
                    context.forget()
                    context.neighbors = {}
                    for row in rows:
                        context.neighbors.setdefault(prefix_of(row.subject), []).append(row.subject)
                    yield [happening(context, row) for row in rows]


async def thinned(pages: Pages, seconds: float) -> Pages:
    """These events without progress that newer progress of the same subject has overtaken.

    Progress is held back until `seconds` after the last that was let go, or until something else comes, which must
    not come before it: the order is that of the log. What is held when the pages end is let go.
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
