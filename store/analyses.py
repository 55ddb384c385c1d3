"""Analyses: insert, read, list, stop, retry, delete. Their work: `store.queue.claims` and `store.queue.finish`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Select,
    and_,
    delete,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_queued
from store.queue.fairness import Lane, turns_for
from store.queue.transitions import (
    COUNTER,
    END_EVENTS,
    STOP_FAULTS,
    Change,
    Fault,
    Step,
    changes_of,
    record,
    record_alike,
    take_turns_with,
)
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.ids import new_ids
from store.sql.paging import Listing, Page, PageRequest, Part, fetch_page, rows_of
from store.sql.script import Script, run
from store.sql.statements import Bulk
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, EventType, Form

OrderField = Literal["CREATED_AT", "FINISHED_AT", "PRIORITY", "PROCESSING_TIME"]

_analysis = tables.analysis
# Ids grow with time: by id is by creation.
_ORDERS: dict[OrderField, list[ColumnElement[Any]]] = {
    "CREATED_AT": [_analysis.c.id],
    "FINISHED_AT": [type_coerce(_analysis.c.finished_at, BigInteger), _analysis.c.id],
    "PRIORITY": [_analysis.c.priority, _analysis.c.id],
    "PROCESSING_TIME": [tables.duration, _analysis.c.id],
}
# What has not ended yet counts as ended longest ago, and took no time yet.
_OF_UNFINISHED: dict[OrderField, ColumnElement[Any]] = {
    "FINISHED_AT": literal_column("0", BigInteger),
    "PROCESSING_TIME": literal_column("-1.0", Float),
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
        "input_form",
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
    """An analysis to queue; options and input data are in the clients' spelling.

    One with a fault is kept as FAILED, without its content.
    """

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
    workspace, count = viewer.workspace, len(items)
    ids = new_ids("analysis", count) if ids is None else ids
    queued, failed = AnalysisStatus.QUEUED, AnalysisStatus.FAILED
    faults = [item.fault for item in items]

    def script(script: Script) -> None:
        instants = [microseconds(now)] * count
        columns: list[Sequence[Any]] = [
            ids,
            [workspace] * count,
            [batch_id] * count,
            range(first_position, first_position + count),
            [item.key for item in items],
            [item.analyzer for item in items],
            [queued.value if fault is None else failed.value for fault in faults],
            [item.priority for item in items],
            turns,
            [item.input_text for item in items],
            [item.input_data for item in items],
            [item.options for item in items],
            [Form.CLIENT.value] * count,
            [fault and fault.code for fault in faults],
            [fault and fault.message for fault in faults],
            [fault and fault.retryable for fault in faults],
            [0.0] * count,
            [0] * count,
            [max_attempts] * count,
            [timeout_seconds] * count,
            instants,
            instants,
            [fault and instants[0] for fault in faults],
        ]
        _INSERT.run_columns(script, columns)
        if not any(faults):
            step = Step(workspace, batch_id, None, queued, EventType.ANALYSIS_QUEUED)
            record_alike(script, {step: ids}, now)

    await run(connection, script)
    if any(faults):
        events = (EventType.ANALYSIS_QUEUED, EventType.ANALYSIS_FAILED)
        changes = [
            Change(id_, workspace, batch_id, None, failed if fault else queued, events[bool(fault)], 0, fault=fault)
            for id_, fault in zip(ids, faults, strict=True)
        ]
        await record(connection, changes, now)
    announce(connection, "events")
    announce_queued(connection, count)
    if batch_id is None:
        announce(connection, "alone")


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
    if order == "CREATED_AT" and where.status:
        # With the status said twice SQLite takes another index.
        parts, where = _parts_by_status(where.status), replace(where, status=None)
    else:
        parts = _parts(order)
    listing = Listing(name, _ORDERS[order], descending, parts)
    return await fetch_page(connection, _filtered(select(_analysis), viewer, where), listing, request, AnalysisRow)


def _parts(order: OrderField) -> list[Part]:
    """The parts of a list that have an index."""
    if order not in _OF_UNFINISHED:
        return [Part(true())]
    by_id = [_analysis.c.id]
    return [Part(tables.finished), Part(tables.unfinished, [_OF_UNFINISHED[order], *by_id], by_id)]


def _parts_by_status(status: Sequence[AnalysisStatus], *bounds: ColumnElement[bool]) -> list[Part]:
    """What is in one of these statuses, each part of it by the ids; they have these bounds."""
    by_id = [_analysis.c.id]
    parts = [
        Part(and_(tables.finished, _analysis.c.status == each.value, *bounds), by=by_id)
        for each in status
        if each.ended
    ]
    if AnalysisStatus.QUEUED in status:
        waits = true() if AnalysisStatus.RUNNING in status else _analysis.c.status == AnalysisStatus.QUEUED.value
        parts.append(Part(and_(tables.unfinished, waits, *bounds), by=by_id))
    elif AnalysisStatus.RUNNING in status:
        # Few run at once. By a condition alone SQLite would take the index of a whole workspace.
        ids = select(_analysis.c.id).where(tables.running, _analysis.c.id > "").correlate(None)
        parts.append(Part(_analysis.c.id.in_(ids), by=by_id))
    return parts


async def page_of_results(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    request: PageRequest,
) -> Page[AnalysisRow]:
    """A page of a batch's items, in the order in which they were given. Raises PageError for a wrong cursor."""
    listing = Listing(f"results {batch_id}", [_analysis.c.position])
    if status is None:
        statement = _filtered(select(_analysis), viewer, AnalysisFilter(batch_id=batch_id))
        return await fetch_page(connection, statement, listing, request, AnalysisRow)
    # By the index on the status: by that on the batch, a page of what few have would be looked for through all of it.
    # The ids of a batch's items grow with their positions.
    column = _analysis.c
    batch: ColumnElement[Any] = column.batch_id + "" if connection.dialect.name == "sqlite" else column.batch_id
    lowest, highest = -1, 2**31 - 1
    for argument, cursor in (("after", request.after), ("before", request.before)):
        if cursor is not None:
            (position,) = listing.values(argument, cursor)
            lowest, highest = (position, highest) if argument == "after" else (lowest, position)
    items = select(column.id).where(column.batch_id == batch_id).limit(1)
    first = items.where(column.position > lowest).order_by(column.position)
    last = items.where(column.position < highest).order_by(column.position.desc())
    bounds = (column.id >= first.scalar_subquery(), column.id <= last.scalar_subquery())
    statement = _filtered(select(_analysis), viewer, AnalysisFilter()).where(batch == batch_id)
    listing = replace(listing, parts=_parts_by_status(status, *bounds) or [Part(false())])
    return await fetch_page(connection, statement, listing, request, AnalysisRow)


async def count_analyses(connection: AsyncConnection, viewer: Viewer, where: AnalysisFilter) -> int:
    """How many there are in all: of a batch by its own counters, where all of its items are there."""
    if where == AnalysisFilter(status=where.status, batch_id=where.batch_id) and where.batch_id is not None:
        batch = tables.batch.c
        counters = {
            status: batch[COUNTER[status]] for status in (AnalysisStatus if where.status is None else where.status)
        }
        all_there = (batch.id == where.batch_id, batch.workspace == viewer.workspace, batch.thinned.is_(False))
        found = (await connection.execute(select(sum(counters.values(), literal(0))).where(*all_there))).scalar()
        if found is not None:
            return int(found)
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
        .returning(column.batch_id)
    )
    row = (await connection.execute(statement)).first()
    if row is not None and row.batch_id is not None:
        await connection.execute(update(tables.batch).where(tables.batch.c.id == row.batch_id).values(thinned=True))
    return row is not None
