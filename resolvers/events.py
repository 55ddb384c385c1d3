"""Events: the log read in pages, and analyses and batches as they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import orjson
from strawberry.dataloader import DataLoader

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from resolvers.paging import Connection, Edge, page_info, page_request
from resolvers.user_errors import require_id
from store.events import (
    START,
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
from store.sql.ids import Kind
from store.tables import AnalysisRow, BatchRow, EventRow, EventType

RowT = TypeVar("RowT", AnalysisRow, BatchRow)

# A batch that moves is sent at most this often.
_BATCH_INTERVAL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the log, with its JSON read: the subject's state as it was."""

    row: EventRow
    cursor: str
    data: dict[str, Any]

    @property
    def type(self) -> EventType:
        """What happened."""
        return EventType(self.row.type)

    @property
    def occurred_at(self) -> datetime:
        """When."""
        return self.row.occurred_at

    @property
    def place(self) -> Place:
        """Where it stands in the log."""
        return place_of(self.row)

    @property
    def subject_id(self) -> str:
        """The id of what it happened to."""
        return self.row.analysis_id or self.row.batch_id or ""

    @property
    def is_of_analysis(self) -> bool:
        """Whether it happened to an analysis; otherwise to a batch."""
        return self.row.analysis_id is not None

    @property
    def progress(self) -> ProgressValue:
        """How far the subject had come."""
        return ProgressValue(self.data["fraction"], self.data["step"], self.data.get("eta_seconds"))

    @property
    def error(self) -> Fault | None:
        """Why an analysis did not complete."""
        fault = self.data["error"]
        return fault and Fault(*fault)


def happening(context: Context, row: EventRow) -> Happening:
    """A line of the log as clients see it."""
    cursor = write_cursor(context.services.database, place_of(row))
    return Happening(row, cursor, orjson.loads(row.data))


def event_filter(
    types: Sequence[EventType] | None = None, analysis_id: str | None = None, batch_id: str | None = None
) -> EventFilter:
    """A filter from a client. Raises ClientError for an id that can't be one."""
    if analysis_id is not None:
        require_id("analysis", analysis_id, "filter.analysisId")
    if batch_id is not None:
        require_id("batch", batch_id, "filter.batchId")
    return EventFilter(None if types is None else frozenset(types), analysis_id, batch_id)


async def place_after(context: Context, cursor: str | None) -> Place | None:
    """The place of a client's cursor. Raises ClientError for one that is malformed, too old, or from the future."""
    if cursor is None:
        return None
    database = context.services.database
    try:
        place = read_cursor(database, cursor)
    except ForeignCursor:
        message = "`after` is of another database's log: read anew whatever you follow, and go on from `eventsEnd`."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after") from None
    if place is None:
        message = "`after` is no cursor of this log: give one that an event of this server had."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    async with database.read() as connection, telling_where_history_begins(context):
        await require_history(connection, place)
        # The newest event's place, held back or not: another server may know of more transactions that they have ended.
        if place > await newest_place(connection):
            message = "`after` is from the future: this log has not come that far. Was it set back, to a backup of it?"
            raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    return place


@asynccontextmanager
async def telling_where_history_begins(context: Context) -> AsyncIterator[None]:
    """Turn HistoryGone into what a client is told."""
    try:
        yield
    except HistoryGone as gone:
        start = write_cursor(context.services.database, gone.start)
        message = (
            f"`after` is older than what is kept: history begins behind `{start}`. Go on from there, and read anew "
            "whatever you follow."
        )
        raise ClientError(ErrorCode.HISTORY_GONE, message, argument="after", historyBegins=start) from None


async def events(context: Context, where: EventFilter, first: int | None, after: str | None) -> Connection[Happening]:
    """A page of what has happened, oldest first."""
    request = page_request(first)
    place = await place_after(context, after)
    async with context.services.database.read() as connection, telling_where_history_begins(context):
        rows = await page_of_events(connection, context.viewer, where, place or START, request.size + 1)
        if place is not None:
            await require_history(connection, place)
    shown = [happening(context, row) for row in rows[: request.size]]
    edges = [Edge(each.cursor, each) for each in shown]
    has_next = len(rows) > request.size
    return Connection(edges, page_info(edges, has_next=has_next, has_previous=after is not None))


async def end_of_events(context: Context) -> str:
    """The cursor behind which nothing has happened yet."""
    if context.events_end is None:
        database = context.services.database
        async with database.read() as connection:
            context.events_end = write_cursor(database, await last_place(connection))
    return context.events_end


async def subject_analysis(context: Context, event: Happening) -> AnalysisRow | None:
    """The analysis as it is now, read together with those of the events that are sent with this one."""
    if context.neighbors:
        neighbors, context.neighbors = context.neighbors, []
        await context.analyses.load_many(neighbors)
    return await context.analyses.load(event.subject_id)


async def subject_batch(context: Context, event: Happening) -> BatchRow | None:
    """The batch as it is now."""
    return await context.batches.load(event.subject_id)


async def follow_analysis(context: Context, id_: str) -> AsyncGenerator[AnalysisRow, None]:
    """The analysis at once, then whenever it changes; ends when it has ended, or is deleted.

    Raises ClientError where there is none.
    """
    await _require(context.analyses, "analysis", id_)
    return _follow_row(context, context.analyses, id_, EventFilter(analysis_id=id_), pause_seconds=0)


async def follow_batch(context: Context, id_: str) -> AsyncGenerator[BatchRow, None]:
    """The batch at once, then as it moves, at most ten times a second; ends when it has ended, or is deleted.

    Raises ClientError where there is none.
    """
    await _require(context.batches, "batch", id_)
    return _follow_row(context, context.batches, id_, EventFilter(batch_id=id_), pause_seconds=_BATCH_INTERVAL_SECONDS)


async def _require(rows: DataLoader[str, RowT | None], kind: Kind, id_: str) -> None:
    if await rows.load(require_id(kind, id_)) is None:
        raise ClientError(ErrorCode.NOT_FOUND, f"There is no {kind} of this id.", argument="id")


async def _follow_row(
    context: Context, rows: DataLoader[str, RowT | None], id_: str, where: EventFilter, *, pause_seconds: float
) -> AsyncGenerator[RowT, None]:
    """The row as often as it differs from what was sent last. What happens in a pause comes as one page behind it."""
    sent: RowT | None = None
    following = context.services.feed.follow(context.viewer, where)
    async with telling_where_history_begins(context), aclosing(following) as pages:
        async for _ in pages:
            context.forget()
            row = await rows.load(id_)
            if row is None:
                return
            if row != sent:
                sent = row
                yield row
            if row.finished_at is not None:
                return
            await asyncio.sleep(pause_seconds)
