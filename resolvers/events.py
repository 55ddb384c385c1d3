"""Events: the log read in pages, and followed live."""

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
from resolvers.faults import require_id
from resolvers.paging import Connection, Edge, page_info, page_request
from store.changes import Fault
from store.events import (
    START,
    EventFilter,
    HistoryGone,
    Place,
    last_place,
    page_of_events,
    place_of,
    read_cursor,
    require_history,
    write_cursor,
)
from store.ids import Kind
from store.progress import ProgressValue
from store.tables import AnalysisRow, BatchRow, EventRow, EventType

RowT = TypeVar("RowT", AnalysisRow, BatchRow)

# The subjects of so many events in a row are read at once.
_NEIGHBORS = 100

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
    cursor = write_cursor(place_of(row), sqlite=context.services.database.is_sqlite)
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
    place = read_cursor(cursor, sqlite=database.is_sqlite)
    if place is None:
        message = "`after` is no cursor of this log: give one that an event of this server had."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    async with database.read() as connection, _telling_where_history_begins(context):
        await require_history(connection, place)
        if place > await last_place(connection):
            message = "`after` is from the future: this log has not come that far. Was it another server's?"
            raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="after")
    return place


@asynccontextmanager
async def _telling_where_history_begins(context: Context) -> AsyncIterator[None]:
    try:
        yield
    except HistoryGone as gone:
        start = write_cursor(gone.start, sqlite=context.services.database.is_sqlite)
        message = (
            f"`after` is older than what is kept: history begins behind `{start}`. Go on from there, and read anew "
            "whatever you follow."
        )
        raise ClientError(ErrorCode.HISTORY_GONE, message, argument="after", historyBegins=start) from None


async def events(context: Context, where: EventFilter, first: int | None, after: str | None) -> Connection[Happening]:
    """A page of what has happened, oldest first."""
    request = page_request(first)
    place = await place_after(context, after)
    async with context.services.database.read() as connection, _telling_where_history_begins(context):
        rows = await page_of_events(connection, context.viewer, where, place or START, request.size + 1)
        if place is not None:
            await require_history(connection, place)
    shown = [happening(context, row) for row in rows[: request.size]]
    edges = [Edge(each.cursor, each) for each in shown]
    has_next = len(rows) > request.size
    return Connection(edges, page_info(edges, has_next=has_next, has_previous=after is not None))


async def follow_events(context: Context, where: EventFilter, after: str | None) -> AsyncGenerator[Happening, None]:
    """What was missed behind `after`, then what is new, each event once and in order. Raises as `place_after` does."""
    return _follow_events(context, where, await place_after(context, after))


async def _follow_events(context: Context, where: EventFilter, place: Place | None) -> AsyncGenerator[Happening, None]:
    following = context.services.feed.follow(context.viewer, where, place)
    async with _telling_where_history_begins(context), aclosing(following) as pages:
        async for page in pages:
            for start in range(0, len(page), _NEIGHBORS):
                rows = page[start : start + _NEIGHBORS]
                context.forget()
                context.neighbors = [row.analysis_id for row in rows if row.analysis_id is not None]
                for row in rows:
                    yield happening(context, row)


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
    async with _telling_where_history_begins(context), aclosing(following) as pages:
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
