"""Analyses: read, list, count, clean up. Inserts are in `store.queue.enqueue`, stops in `store.stops`.

Deletions by request are in `store.deletions`, work in `store.queue.claims` and `store.queue.finish`, retries in
`store.queue.retries`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    and_,
    bindparam,
    delete,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.deletions import OF_EVENT, deletion_of
from store.filters import AnalysisFilter, analyses_where
from store.queue.status_counts import count_deleted
from store.queue.tags import delete_tags
from store.queue.transitions import (
    COUNTER,
    lock_batches,
    record,
)
from store.retention import Deleted, Round
from store.sql.clock import utcnow
from store.sql.columns import microseconds
from store.sql.paging import (
    Listing,
    Page,
    PageArguments,
    PageShape,
    Part,
    fetch_page,
    page_of,
    page_statement,
    page_values,
)
from store.sql.scope import ANYONE, mine, scope_of
from store.sql.short import Columns, Reader, Statement, in_pool, is_one_of, is_sqlite, shapes
from store.sql.statements import among
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus


class AnalysisOrderField(StrEnum):
    """Orders of a list of analyses."""

    CREATED_AT = "CREATED_AT"
    FINISHED_AT = "FINISHED_AT"
    PRIORITY = "PRIORITY"
    PROCESSING_TIME = "PROCESSING_TIME"


_analysis = tables.analysis
# Ids grow with time: the order of ids is the order of creation.
_ORDERS: dict[AnalysisOrderField, list[ColumnElement[Any]]] = {
    AnalysisOrderField.CREATED_AT: [_analysis.c.id],
    AnalysisOrderField.FINISHED_AT: [type_coerce(_analysis.c.finished_at, BigInteger), _analysis.c.id],
    AnalysisOrderField.PRIORITY: [_analysis.c.priority, _analysis.c.id],
    AnalysisOrderField.PROCESSING_TIME: [tables.duration, _analysis.c.id],
}
# A running or queued analysis sorts as the longest ended, with no duration.
_OF_UNFINISHED: dict[AnalysisOrderField, ColumnElement[Any]] = {
    AnalysisOrderField.FINISHED_AT: literal_column("0", BigInteger),
    AnalysisOrderField.PROCESSING_TIME: literal_column("-1.0", Float),
}


async def analyses_by_id(
    reader: Reader, viewer: Viewer, ids: Sequence[str], columns: Columns = None
) -> dict[str, AnalysisRow]:
    """Return the existing analyses of the viewer's workspace among these, by id, with these columns or all.

    As in all rows for clients, a content above `INLINE_BYTES` is an empty text: see `store.contents`.
    """
    rows = await _by_id(is_sqlite(reader), columns).fetch(reader, {"ids": list(ids), **scope_of(viewer)})
    return {row.id: row for row in rows}


@shapes
def _by_id(sqlite: bool, columns: Columns) -> Statement:
    these = (is_one_of(_analysis.c.id, "ids", sqlite=sqlite), mine(_analysis, ANYONE))
    return Statement(select(*tables.shown_of(columns)).where(*these), sqlite=sqlite)


async def analysis_by_id(reader: Reader, viewer: Viewer, analysis_id: str) -> AnalysisRow | None:
    """Return the analysis; None if absent from the viewer's workspace."""
    return (await analyses_by_id(reader, viewer, [analysis_id])).get(analysis_id)


async def page_of_analyses(
    reader: Reader,
    viewer: Viewer,
    where: AnalysisFilter,
    page: PageArguments,
    *,
    order: AnalysisOrderField = AnalysisOrderField.CREATED_AT,
    descending: bool = True,
    columns: Columns = None,
) -> Page[AnalysisRow]:
    """Read a page of the viewer's analyses, with these columns or all. Raises PageError for an invalid cursor."""
    # A repeated condition on the status makes SQLite choose another index.
    by_status = order is AnalysisOrderField.CREATED_AT and where.status and where.error_fingerprint is None
    listing = _listing(order, descending, _sorted(where.status) if by_status else ())
    where = replace(where, status=None) if by_status else where
    if where == AnalysisFilter():  # each part has an index, and no further condition
        statement = _page(is_sqlite(reader), listing, page.shape, columns)
        rows = await statement.fetch(reader, {**page_values(listing, page), **scope_of(viewer)})
        return page_of(rows, listing, page)
    whole = select(*tables.shown_of(columns)).where(*analyses_where(viewer, where))
    async with in_pool(reader) as connection:
        return await fetch_page(connection, whole, listing, page, AnalysisRow)


@shapes
def _page(sqlite: bool, listing: Listing, shape: PageShape, columns: Columns) -> Statement:
    whole = select(*tables.shown_of(columns)).where(mine(_analysis, ANYONE))
    return Statement(page_statement(whole, listing, shape), sqlite=sqlite)


@shapes
def _listing(order: AnalysisOrderField, descending: bool, status: tuple[AnalysisStatus, ...]) -> Listing:
    name = f"analyses {order} {'DESC' if descending else 'ASC'}"
    return Listing(name, _ORDERS[order], descending, _parts_by_status(status) if status else _parts(order))


def _sorted(status: Sequence[AnalysisStatus] | None) -> tuple[AnalysisStatus, ...]:
    """Return the statuses once each, in one order for all lists of the same statuses."""
    return tuple(sorted(set(status or ())))


def _parts(order: AnalysisOrderField) -> list[Part]:
    """Return the indexed parts of the list of this order."""
    if order not in _OF_UNFINISHED:
        return [Part(true())]
    by_id = [_analysis.c.id]
    return [Part(tables.finished), Part(tables.unfinished, [_OF_UNFINISHED[order], *by_id], by_id)]


def _parts_by_status(status: Sequence[AnalysisStatus], *bounds: ColumnElement[bool]) -> list[Part]:
    """Return one part, ordered by id, for each of these statuses, within these bounds."""
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
        # Few analyses run at once. Without the subquery SQLite would read the index of the whole workspace.
        ids = select(_analysis.c.id).where(tables.running, _analysis.c.id > "").correlate(None)
        parts.append(Part(_analysis.c.id.in_(ids), by=by_id))
    return parts


async def page_of_results(
    reader: Reader,
    viewer: Viewer,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    page: PageArguments,
    columns: Columns = None,
) -> Page[AnalysisRow]:
    """Read a page of a batch's items in the order of submission. Raises PageError for an invalid cursor."""
    listing = Listing(f"results {batch_id}", [_analysis.c.position])
    given = {**page_values(listing, page), **scope_of(viewer), "batch": batch_id}
    given["lowest"], given["highest"] = given.get("after_0", -1), given.get("before_0", 2**31 - 1)
    statuses = None if status is None else _sorted(status)
    statement = _results(is_sqlite(reader), statuses, page.shape, columns)
    return page_of(await statement.fetch(reader, given), listing, page)


@shapes
def _results(sqlite: bool, status: tuple[AnalysisStatus, ...] | None, shape: PageShape, columns: Columns) -> Statement:
    column = _analysis.c
    batch = bindparam("batch", type_=column.batch_id.type)
    whole = select(*tables.shown_of(columns)).where(mine(_analysis, ANYONE))
    listing = Listing("results", [column.position])
    if status is None:
        return Statement(page_statement(whole.where(column.batch_id == batch), listing, shape), sqlite=sqlite)
    # By the index on the status: a page of a rare status would read the whole index on the batch.
    # Ids of a batch's items grow with their positions.
    its: ColumnElement[Any] = column.batch_id + literal_column("''") if sqlite else column.batch_id
    items = select(column.id).where(column.batch_id == batch).limit(1)
    lowest, highest = (bindparam(name, type_=column.position.type) for name in ("lowest", "highest"))
    first = items.where(column.position > lowest).order_by(column.position)
    last = items.where(column.position < highest).order_by(column.position.desc())
    bounds = (column.id >= first.scalar_subquery(), column.id <= last.scalar_subquery())
    listing = replace(listing, parts=_parts_by_status(status, *bounds) or [Part(false())])
    return Statement(page_statement(whole.where(its == batch), listing, shape), sqlite=sqlite)


async def count_analyses(connection: AsyncConnection, viewer: Viewer, where: AnalysisFilter) -> int:
    """Count the matching analyses; those of a complete batch by the batch's own counters."""
    if where == AnalysisFilter(status=where.status, batch_id=where.batch_id) and where.batch_id is not None:
        batch = tables.batch.c
        counters = {
            status: batch[COUNTER[status]] for status in (AnalysisStatus if where.status is None else where.status)
        }
        all_there = (batch.id == where.batch_id, mine(tables.batch, viewer), batch.thinned.is_(False))
        found = (await connection.execute(select(sum(counters.values(), literal(0))).where(*all_there))).scalar()
        if found is not None:
            return int(found)
    statement = select(func.count()).select_from(_analysis).where(*analyses_where(viewer, where))
    count: int = (await connection.execute(statement)).scalar_one()
    return count


class Ended(NamedTuple):
    """A place in the list of ended analyses, ordered by the time of their end within each workspace."""

    workspace: str
    finished_at: int
    id: str


FIRST = Ended("", 0, "")
_finished_at: ColumnElement[int] = type_coerce(_analysis.c.finished_at, BigInteger)


async def clean_up_analyses(round_: Round, before: datetime) -> None:
    """Delete analyses that are in no batch and ended before this time. Items are deleted with their batch."""
    place = FIRST
    while True:
        async with round_.read() as connection:
            found = await ended_analyses(connection, before, place, round_.rows)
        if not found:
            return
        place, ids = found[-1], [each.id for each in found]
        round_.deleted["analyses"] += await round_.slice(partial(delete_lone_analyses, ids=ids, before=before))


async def ended_analyses(connection: AsyncConnection, before: datetime, after: Ended, limit: int) -> list[Ended]:
    """Return analyses after this place that ended before this time, in batches or not, at most `limit`.

    Reads only an index. Returns an empty list only after the last workspace.
    """
    column = _analysis.c
    listed = select(column.workspace, _finished_at.label("finished_at"), column.id)
    workspace: str | None = after.workspace
    while workspace is not None:
        place: tuple[int, str] = (after.finished_at, after.id) if workspace == after.workspace else (0, "")
        statement = (
            listed.where(column.workspace == workspace, tables.finished)
            .where(tuple_(_finished_at, column.id) > tuple_(*place), _finished_at < microseconds(before))
            .order_by(_finished_at, column.id)
            .limit(limit)
        )
        found = [Ended(*row) for row in (await connection.execute(statement)).all()]
        if found:
            return found
        following = select(func.min(column.workspace)).where(column.workspace > workspace)
        workspace = (await connection.execute(following)).scalar_one()
    return []


async def delete_lone_analyses(connection: AsyncConnection, ids: Sequence[str], before: datetime) -> int:
    """Delete the analyses with these ids that are in no batch and ended before this time, and return their number.

    Writes one event for each workspace: about its analysis that ended last.
    """
    await lock_batches(connection, [None])
    column = _analysis.c
    these = (among(connection, column.id, ids), column.batch_id.is_(None), column.finished_at < before)
    statement = delete(_analysis).where(*these).returning(column.finished_at, *OF_EVENT)
    rows = (await connection.execute(statement)).all()
    last = {row.workspace: row for row in sorted(rows, key=lambda row: (row.finished_at, row.id))}
    await delete_tags(connection, [row.id for row in rows])
    await count_deleted(connection, rows)
    await record(connection, [deletion_of(row) for row in last.values()], utcnow())
    return len(rows)


async def count_old_analyses(connection: AsyncConnection, before: datetime) -> Deleted:
    """Return the number of analyses that `clean_up_analyses` would delete now."""
    column = _analysis.c
    old = select(func.count()).where(column.batch_id.is_(None), column.finished_at < before)
    return Deleted(analyses=(await connection.execute(old)).scalar_one())
