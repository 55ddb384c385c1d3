"""Analyses: made, read, listed, stopped, run again, deleted. What moves them while they run is in `store.queue`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.bulk import Bulk
from store.changes import END_EVENTS, Change, Fault, changes_of, record, take_turns_with
from store.columns import microseconds
from store.database import announce
from store.ids import new_id
from store.order import Lane, turns_for
from store.paging import Listing, Page, PageRequest, fetch_page, rows_of
from store.script import Row
from store.tables import AnalysisRow, AnalysisStatus, BatchStatus, EventType
from store.viewer import Viewer

OrderField = Literal["CREATED_AT", "FINISHED_AT", "PRIORITY", "PROCESSING_TIME"]

_analysis = tables.analysis
# Ids grow with time: by id is by creation. What has not ended yet counts as ended longest ago.
_ORDERS: dict[OrderField, list[ColumnElement[Any]]] = {
    "CREATED_AT": [_analysis.c.id],
    "FINISHED_AT": [literal_column("coalesce(finished_at, 0)", BigInteger), _analysis.c.id],
    "PRIORITY": [_analysis.c.priority, _analysis.c.id],
    "PROCESSING_TIME": [literal_column("coalesce(processing_time_ms, -1)", Float), _analysis.c.id],
}
STOP_FAULTS = {
    AnalysisStatus.CANCELED: Fault("CANCELED", "It was canceled."),
    AnalysisStatus.TIMED_OUT: Fault("TIMED_OUT", "Its time was up before it had ended.", retryable=True),
}


_INSERT = Bulk.insert(
    _analysis,
    (
        "id",
        "workspace",
        "batch_id",
        "position",
        "key",
        "analyzer",
        "status",
        "priority",
        "turn",
        "input_text",
        "input_data",
        "options",
        "error_code",
        "error_message",
        "error_retryable",
        "progress",
        "attempt",
        "max_attempts",
        "timeout_seconds",
        "created_at",
        "updated_at",
        "finished_at",
    ),
)


class NewAnalysis(NamedTuple):
    """What is to be analyzed. One whose input is at fault is kept as FAILED, without its content."""

    analyzer: str
    options: str
    priority: int
    key: str | None = None
    input_text: str | None = None
    input_data: str | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class AnalysisFilter:
    """Every condition that is given must hold; all the words of `search` stand in the input text."""

    status: Sequence[AnalysisStatus] | None = None
    analyzer: Sequence[str] | None = None
    batch_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: str | None = None


async def insert_analyses(
    connection: AsyncConnection,
    viewer: Viewer,
    items: Sequence[NewAnalysis],
    now: datetime,
    *,
    timeout_seconds: int,
    max_attempts: int,
    batch_id: str | None = None,
    ids: Sequence[str] | None = None,
    first_position: int = 0,
) -> None:
    """Queue these items, with their events. The row of the batch, if there is one, is there before its items.

    In their batch they stand from `first_position` on.
    """
    lanes = [Lane(item.analyzer, item.priority) for item in items]
    after = -1
    if first_position:
        before = (_analysis.c.batch_id == batch_id, _analysis.c.position == first_position - 1)
        after = (await connection.execute(select(_analysis.c.turn).where(*before))).scalar_one_or_none() or after
    turns = await turns_for(connection, lanes, alone=batch_id is None, after=after)
    instant = microseconds(now)
    values: list[Row] = []
    changes: list[Change] = []
    for position, item in enumerate(items):
        id_ = new_id("analysis") if ids is None else ids[position]
        fault = item.fault
        status = AnalysisStatus.QUEUED if fault is None else AnalysisStatus.FAILED
        values.append(
            (
                id_,
                viewer.workspace,
                batch_id,
                first_position + position,
                item.key,
                item.analyzer,
                status.value,
                item.priority,
                turns[position],
                item.input_text,
                item.input_data,
                item.options,
                *((None, None, None) if fault is None else (fault.code, fault.message, fault.retryable)),
                0.0,
                0,
                max_attempts,
                timeout_seconds,
                instant,
                instant,
                None if fault is None else instant,
            )
        )
        event = EventType.ANALYSIS_QUEUED if fault is None else EventType.ANALYSIS_FAILED
        changes.append(Change(id_, viewer.workspace, batch_id, None, status, event, attempt=0, fault=fault))
    await _INSERT.execute(connection, values)
    await record(connection, changes, now)
    announce(connection, "queue", len(values))


async def analyses_by_id(connection: AsyncConnection, viewer: Viewer, ids: Sequence[str]) -> dict[str, AnalysisRow]:
    """Those of these that there are and that this viewer may see."""
    statement = select(_analysis).where(_analysis.c.id.in_(ids), _analysis.c.workspace == viewer.workspace)
    return {row.id: row for row in rows_of(await connection.execute(statement), AnalysisRow)}


async def analysis_by_id(connection: AsyncConnection, viewer: Viewer, analysis_id: str) -> AnalysisRow | None:
    """None where there is none, or it is not this viewer's to see."""
    return (await analyses_by_id(connection, viewer, [analysis_id])).get(analysis_id)


def _filtered(statement: Select[Any], viewer: Viewer, where: AnalysisFilter) -> Select[Any]:
    column = _analysis.c
    statement = statement.where(column.workspace == viewer.workspace)
    if where.status is not None:
        statement = statement.where(column.status.in_([status.value for status in where.status]))
    if where.analyzer is not None:
        statement = statement.where(column.analyzer.in_(where.analyzer))
    if where.batch_id is not None:
        statement = statement.where(column.batch_id == where.batch_id)
    if where.created_after is not None:
        statement = statement.where(column.created_at > where.created_after)
    if where.created_before is not None:
        statement = statement.where(column.created_at < where.created_before)
    for word in (where.search or "").split():
        statement = statement.where(column.input_text.icontains(word, autoescape=True))
    return statement


async def page_of_analyses(
    connection: AsyncConnection,
    viewer: Viewer,
    where: AnalysisFilter,
    request: PageRequest,
    *,
    order: OrderField = "CREATED_AT",
    descending: bool = True,
) -> Page[AnalysisRow]:
    """A page of what this viewer may see. Raises PageError for a wrong cursor."""
    name = f"analyses {order} {'DESC' if descending else 'ASC'}"
    listing = Listing(name, _ORDERS[order], descending)
    return await fetch_page(connection, _filtered(select(_analysis), viewer, where), listing, request, AnalysisRow)


async def page_of_results(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    request: PageRequest,
) -> Page[AnalysisRow]:
    """A page of a batch's items, in the order in which they were given. Raises PageError for a wrong cursor."""
    where = AnalysisFilter(status=status, batch_id=batch_id)
    listing = Listing(f"results {batch_id}", [_analysis.c.position])
    return await fetch_page(connection, _filtered(select(_analysis), viewer, where), listing, request, AnalysisRow)


async def count_analyses(connection: AsyncConnection, viewer: Viewer, where: AnalysisFilter) -> int:
    """How many there are in all."""
    statement = _filtered(select(func.count()).select_from(_analysis), viewer, where)
    count: int = (await connection.execute(statement)).scalar_one()
    return count


async def request_stop(
    connection: AsyncConnection, viewer: Viewer, analysis_id: str, end: AnalysisStatus, now: datetime
) -> AnalysisRow | None:
    """End a queued analysis as CANCELED or TIMED_OUT, or ask the worker that runs it to.

    Returns the row as it is then; None where there was nothing to stop: it is not there, has ended, or was
    asked before.
    """
    column = _analysis.c
    mine = (column.id == analysis_id, column.workspace == viewer.workspace)
    await take_turns_with(connection, *mine)
    changes = await stop_queued(connection, *mine, end=end, now=now)
    if changes:
        await record(connection, changes, now)
        return await analysis_by_id(connection, viewer, analysis_id)
    statement = (
        update(_analysis)
        .where(*mine, column.status == AnalysisStatus.RUNNING, column.stop_requested.is_(None))
        .values(stop_requested=end.value, updated_at=now)
        .returning(_analysis)
    )
    rows = rows_of(await connection.execute(statement), AnalysisRow)
    if not rows:
        return None
    announce(connection, "stop")
    return rows[0]


async def stop_queued(
    connection: AsyncConnection, *where: ColumnElement[bool], end: AnalysisStatus, now: datetime
) -> list[Change]:
    """End what waits in the queue and meets the conditions. The caller records the changes."""
    column = _analysis.c
    fault = STOP_FAULTS[end]
    statement = (
        update(_analysis)
        .where(*where, column.status == AnalysisStatus.QUEUED)
        .values(
            status=end.value,
            error_code=fault.code,
            error_message=fault.message,
            error_retryable=fault.retryable,
            not_before=None,
            finished_at=now,
            updated_at=now,
        )
        .returning(column.id, column.workspace, column.batch_id, column.attempt, column.progress)
    )
    rows = (await connection.execute(statement)).all()
    return changes_of(rows, AnalysisStatus.QUEUED, end, END_EVENTS[end], fault)


_RETRYABLE = (AnalysisStatus.FAILED, AnalysisStatus.CANCELED, AnalysisStatus.TIMED_OUT)
_FRESH = {
    "status": AnalysisStatus.QUEUED.value,
    "error_code": None,
    "error_message": None,
    "error_retryable": None,
    "progress": 0.0,
    "progress_step": None,
    "attempt": 0,
    "started_at": None,
    "finished_at": None,
    "processing_time_ms": None,
    "queued_at": None,
}


async def retry_analyses(
    connection: AsyncConnection, viewer: Viewer, *where: ColumnElement[bool], now: datetime
) -> list[str]:
    """Queue again, from a first attempt, what ended otherwise than completed; returns the ids.

    An item whose input was refused (FAILED before its first attempt) was kept without it, and stays as it is.
    Batches that had ended are open again, with their whole time before them; so has one that was being stopped, which
    is stopped no longer. What of it runs and was asked to stop still stops.
    """
    column = _analysis.c
    mine = (*where, column.workspace == viewer.workspace)
    await take_turns_with(connection, *mine)  # whatever their status, which may change until it is our turn
    statement = (
        select(column.id, column.workspace, column.batch_id, column.status, column.analyzer, column.priority)
        .where(*mine, column.status.in_(_RETRYABLE))
        .where(~((column.status == AnalysisStatus.FAILED) & (column.attempt == 0)))
        .order_by(column.id)
        .with_for_update()
    )
    rows = (await connection.execute(statement)).all()
    if not rows:
        return []
    lanes = [Lane(row.analyzer, row.priority) for row in rows]
    turns = await turns_for(connection, lanes, alone=all(row.batch_id is None for row in rows))
    # These rows and no others: more may have come to meet the conditions since they were read.
    again = (
        update(_analysis)
        .where(column.id == bindparam("row_id"))
        .values(**_FRESH, turn=bindparam("new_turn"), updated_at=now)
    )
    values = [{"row_id": row.id, "new_turn": turn} for row, turn in zip(rows, turns, strict=True)]
    await connection.execute(again, values)
    await _reopen_batches(connection, {row.batch_id for row in rows if row.batch_id is not None}, now)
    queued, event = AnalysisStatus.QUEUED, EventType.ANALYSIS_QUEUED
    changes = [
        Change(row.id, row.workspace, row.batch_id, AnalysisStatus(row.status), queued, event, attempt=0)
        for row in rows
    ]
    await record(connection, changes, now)
    announce(connection, "queue", len(rows))
    return [row.id for row in rows]


async def _reopen_batches(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    batch = tables.batch.c
    statement = select(batch.id, batch.timeout_seconds, batch.finished_at).where(
        batch.id.in_(ids), batch.finished_at.is_not(None) | batch.stop_requested.is_not(None)
    )
    for row in (await connection.execute(statement)).all():
        values: dict[str, Any] = {"stop_requested": None, "deadline_at": now + timedelta(seconds=row.timeout_seconds)}
        if row.finished_at is not None:
            values |= {
                "status": BatchStatus.QUEUED.value,
                "started_at": None,
                "finished_at": None,
                "recent_ends": "[]",
            }
        await connection.execute(update(tables.batch).where(batch.id == row.id).values(values))


async def delete_analysis(connection: AsyncConnection, viewer: Viewer, analysis_id: str) -> bool:
    """Delete an analysis that has ended and is in no open batch; False where there is none such. Its events stay."""
    column = _analysis.c
    mine = (column.id == analysis_id, column.workspace == viewer.workspace)
    await take_turns_with(connection, *mine)
    open_batches = select(tables.batch.c.id).where(tables.batch.c.finished_at.is_(None))
    statement = (
        delete(_analysis)
        .where(*mine, column.status.not_in([AnalysisStatus.QUEUED.value, AnalysisStatus.RUNNING.value]))
        .where(column.batch_id.is_(None) | column.batch_id.not_in(open_batches))
        .returning(column.id)
    )
    return (await connection.execute(statement)).first() is not None
