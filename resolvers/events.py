"""Events: the log in pages, and objects as they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any

import orjson

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context, Load
from resolvers.filters import require_values
from resolvers.paging import Connection, page_request
from resolvers.subjects import SUBJECTS
from resolvers.user_errors import check_name, require_id, require_none
from store import subjects
from store.cursors import OtherHistory, cursor_at, cursor_of, end_of_log, find_place, start_of_log
from store.events import (
    START,
    EventColumn,
    EventFilter,
    HistoryGone,
    Place,
    page_of_events,
    place_of,
    require_history,
)
from store.queue.progress import ProgressValue
from store.queue.transitions import Fault
from store.sql.ids import Kind, prefix_of
from store.subjects import PROBLEMS, EventType, events_of
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
    return Happening(row, cursor_of(context.services.database, row), orjson.loads(row.data))


def event_filter(
    types: Sequence[EventType] | None,
    ids: Mapping[str, str],
    *,
    subject_id: str | None = None,
    analyzers: Sequence[str] | None = None,
    problems_only: bool = False,
) -> EventFilter:
    """Return the filter for a client's conditions: `ids` are by kind. Raises ClientError for a malformed one."""
    wanted: dict[EventColumn, str] = {}
    if subject_id is not None:
        require_none(check_name("subjectId", subject_id, ["filter", "subjectId"]))
        wanted["subject"] = subject_id
    require_values(analyzers, "names", ["filter", "analyzer"])
    for kind, id_ in ids.items():
        require_id(kind, id_, f"filter.{kind}Id")
        if wanted.setdefault(subjects.SUBJECTS[kind].events_by, id_) != id_:
            return EventFilter(frozenset())  # no event has two subjects
    chosen: frozenset[str] | None = None if types is None else frozenset(types)
    if problems_only:
        chosen = PROBLEMS if chosen is None else chosen & PROBLEMS
    return EventFilter(chosen, None if analyzers is None else frozenset(analyzers), wanted)


async def place_after(context: Context, cursor: str | None) -> Place | None:
    """Return the place of a client's cursor. Raises ClientError if it is malformed, too old or of another history."""
    if cursor is None:
        return None
    database = context.services.database
    async with reporting_history_gone(context):
        place = await find_place(database, database, cursor)
    if place is None:
        message = "`after` is not a cursor of this log: pass the cursor of an event of this server."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    return place


@asynccontextmanager
async def reporting_history_gone(context: Context) -> AsyncIterator[None]:
    """Turn HistoryGone into the error for the client."""
    try:
        yield
    except HistoryGone as gone:
        async with context.services.database.read() as connection:
            start = await start_of_log(connection, context.services.database)
        reason = (
            "`after` is a cursor of another history: the database was replaced, or restored from a backup. This log "
            f"begins after `{start}`"
            if isinstance(gone, OtherHistory)
            else f"`after` is older than the log, which begins after `{start}`"
        )
        message = f"{reason}: read your data again, and continue from that cursor."
        raise ClientError(ErrorCode.HISTORY_GONE, message, argument="after", historyBegins=start) from None


async def events(context: Context, where: EventFilter, first: int | None, after: str | None) -> Connection[Happening]:
    """Return a page of events, oldest first."""
    request = page_request(first)
    place = await place_after(context, after)
    database = context.services.database
    async with reporting_history_gone(context):
        rows = await page_of_events(database, context.viewer, where, place or START, request.size + 1)
        if place is not None:
            await require_history(database, place)
    shown = [happening(context, row) for row in rows[: request.size]]
    for kind, each in SUBJECTS.items():
        context.expect(each.load, partial(_subjects, kind, shown))
    return Connection(shown, attrgetter("cursor"), len(rows) > request.size, after is not None)


def _subjects(kind: str, events: Sequence[Happening]) -> list[str]:
    return [event.subject_id for event in events if event.kind == kind]


async def end_of_events(context: Context) -> str:
    """Return the cursor of the log's end. Nothing has happened after it."""
    if context.events_end is None:
        database = context.services.database
        _, context.events_end = await end_of_log(database, database)
    return context.events_end


async def cursor_of_time(context: Context, time: datetime) -> str:
    """Return the cursor before the first event at or after this time."""
    database = context.services.database
    async with database.read() as connection:
        return await cursor_at(connection, database, time)


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
