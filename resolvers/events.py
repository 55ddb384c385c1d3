"""Events: the log in pages, and objects as they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context, Load
from resolvers.paging import Connection, Edge, page_info, page_request
from resolvers.subjects import SUBJECTS
from resolvers.user_errors import require_id
from store import subjects
from store.events import (
    START,
    EventColumn,
    EventFilter,
    ForeignCursor,
    HistoryGone,
    Place,
    last_place,
    newest_place,
    page_of_events,
    place_of,
    read_cursor,
    require_history,
    write_cursor,
)
from store.queue.progress import ProgressValue
from store.queue.transitions import Fault
from store.sql.ids import Kind, prefix_of
from store.subjects import EventType, events_of
from store.tables import EventRow


@dataclass(frozen=True, slots=True)
class Happening:
    """A row of the log with its decoded JSON: the state of the subject at the time of the event."""

    row: EventRow
    cursor: str
    data: dict[str, Any]

    @property
    def type(self) -> EventType:
        """The type of the event."""
        return EventType(self.row.type)

    @property
    def occurred_at(self) -> datetime:
        """The time of the event."""
        return self.row.occurred_at

    @property
    def place(self) -> Place:
        """The place in the log."""
        return place_of(self.row)

    @property
    def subject_id(self) -> str:
        """The id of the subject."""
        return self.row.subject

    @property
    def kind(self) -> str:
        """The kind of the subject."""
        return prefix_of(self.row.subject)

    @property
    def progress(self) -> ProgressValue:
        """The progress of the subject at the time of the event."""
        return ProgressValue(self.data["fraction"], self.data["step"], self.data.get("eta_seconds"))

    @property
    def error(self) -> Fault | None:
        """The error of the subject at the time of the event. None if there was none."""
        fault = self.data["error"]
        return fault and Fault(*fault)


def happening(context: Context, row: EventRow) -> Happening:
    """Return a row of the log as clients see it."""
    cursor = write_cursor(context.services.database, place_of(row))
    return Happening(row, cursor, orjson.loads(row.data))


def event_filter(types: Sequence[EventType] | None, ids: Mapping[str, str]) -> EventFilter:
    """Return the filter for a client's event types and ids by kind. Raises ClientError for a malformed id."""
    wanted: dict[EventColumn, str] = {}
    for kind, id_ in ids.items():
        require_id(kind, id_, f"filter.{kind}Id")
        if wanted.setdefault(subjects.SUBJECTS[kind].events_by, id_) != id_:
            return EventFilter(frozenset())  # no event has two subjects
    return EventFilter(None if types is None else frozenset(types), wanted)


async def place_after(context: Context, cursor: str | None) -> Place | None:
    """Return the place of a client's cursor. Raises ClientError if it is malformed, too old or beyond the log's end."""
    if cursor is None:
        return None
    database = context.services.database
    try:
        place = read_cursor(database, cursor)
    except ForeignCursor:
        message = "`after` is a cursor of another database: read your data again, and continue from `eventsEnd`."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after") from None
    if place is None:
        message = "`after` is not a cursor of this log: pass the cursor of an event of this server."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    async with database.read() as connection, reporting_history_gone(context):
        await require_history(connection, place)
        # Also if the newest event is held back: another server may already know that its transaction has ended.
        if place > await newest_place(connection):
            message = "`after` is beyond the end of this log: was the database restored from a backup?"
            raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    return place


@asynccontextmanager
async def reporting_history_gone(context: Context) -> AsyncIterator[None]:
    """Turn HistoryGone into the error for the client."""
    try:
        yield
    except HistoryGone as gone:
        start = write_cursor(context.services.database, gone.start)
        message = (
            f"`after` is older than the log, which begins after `{start}`: read your data again, and continue from "
            "that cursor."
        )
        raise ClientError(ErrorCode.HISTORY_GONE, message, argument="after", historyBegins=start) from None


async def events(context: Context, where: EventFilter, first: int | None, after: str | None) -> Connection[Happening]:
    """Return a page of events, oldest first."""
    request = page_request(first)
    place = await place_after(context, after)
    async with context.services.database.read() as connection, reporting_history_gone(context):
        rows = await page_of_events(connection, context.viewer, where, place or START, request.size + 1)
        if place is not None:
            await require_history(connection, place)
    shown = [happening(context, row) for row in rows[: request.size]]
    edges = [Edge(each.cursor, each) for each in shown]
    has_next = len(rows) > request.size
    return Connection(edges, page_info(edges, has_next=has_next, has_previous=after is not None))


async def end_of_events(context: Context) -> str:
    """Return the cursor of the log's end. Nothing has happened after it."""
    if context.events_end is None:
        database = context.services.database
        async with database.read() as connection:
            context.events_end = write_cursor(database, await last_place(connection))
    return context.events_end


async def subject(context: Context, event: Happening) -> Any | None:
    """Return the current row of the event's subject. Reads it together with the subjects of neighboring events."""
    load = SUBJECTS[event.kind].load
    if neighbors := context.neighbors.pop(event.kind, None):
        await context.load_many(load, neighbors)
    return await context.load(load, event.subject_id)


async def follow_subject(
    context: Context, kind: Kind, id_: str, *, pause_seconds: float = 0
) -> AsyncGenerator[Any, None]:
    """Send the row at once, then after every change, with a pause of at least this time between two rows.

    Ends after the row has ended or is deleted. Raises ClientError if there is none, or for an id of another kind.
    """
    if await context.load(SUBJECTS[kind].load, require_id(kind, id_)) is None:
        raise ClientError(ErrorCode.NOT_FOUND, f"There is no {kind} of this id.", argument="id")
    return _follow(context, SUBJECTS[kind].load, id_, pause_seconds)


async def _follow(context: Context, load: Load[Any], id_: str, pause_seconds: float) -> AsyncGenerator[Any, None]:
    """Send each row that differs from the one before. Events during a pause arrive as one page after it."""
    sent = None
    following = context.services.feed.follow(context.viewer, events_of(id_))
    async with reporting_history_gone(context), aclosing(following) as pages:
        async for _ in pages:
            context.forget()
            row = await context.load(load, id_)
            if row is None:
                return
            if row != sent:
                sent = row
                yield row
            if row.finished_at is not None:
                return
            await asyncio.sleep(pause_seconds)
