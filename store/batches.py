"""Batches: insert with items, read, list, stop, delete. Retries: `store.queue.retries`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    cast,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import append, note
from store.filters import BatchFilter, batches_where
from store.queue.enqueue import Limits, NewAnalysis, announce_new, count_refused, write_analyses
from store.queue.status_counts import count_deleted
from store.queue.tags import delete_tags
from store.queue.transitions import COUNTER, batch_event, end_if_done, lock_batches, move, record
from store.retention import Deleted, Round
from store.sql.clock import utcnow
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.ids import new_ids
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
    rows_of,
)
from store.sql.scope import ANYONE, mine, scope_of
from store.sql.script import Script, run
from store.sql.short import Reader, Statement, in_pool, is_one_of, is_sqlite, shapes
from store.sql.statements import Bulk, among
from store.sql.viewer import Viewer
from store.stops import stop_queued
from store.tables import AnalysisStatus, BatchEventType, BatchRow, BatchStatus

_batch = tables.batch
_analysis = tables.analysis
# Items per transaction of a stop or a deletion. The keeper continues with the next slices.
STOP_SLICE = DELETE_SLICE = 2_000
# Most batches per transaction of the clean-up: on PostgreSQL each is a lock.
MOST_BATCHES = 100


class BatchOrderField(StrEnum):
    """Orders of a list of batches."""

    CREATED_AT = "CREATED_AT"
    FINISHED_AT = "FINISHED_AT"
    TOTAL_ITEMS = "TOTAL_ITEMS"
    FAILED = "FAILED"


# Ids grow with time: the order of ids is the order of creation.
_ORDERS: dict[BatchOrderField, list[ColumnElement[Any]]] = {
    BatchOrderField.CREATED_AT: [_batch.c.id],
    BatchOrderField.FINISHED_AT: [type_coerce(_batch.c.finished_at, BigInteger), _batch.c.id],
    BatchOrderField.TOTAL_ITEMS: [_batch.c.total_items, _batch.c.id],
    BatchOrderField.FAILED: [_batch.c.failed, _batch.c.id],
}
_OPEN = {BatchStatus.QUEUED, BatchStatus.RUNNING}
# An unfinished batch sorts as the longest ended.
_BY_END = (
    Part(tables.finished),
    Part(tables.unfinished, [literal_column("0", BigInteger), _batch.c.id], [_batch.c.id]),
)


_INSERT = Bulk.insert(_batch, [column.name for column in _batch.c])


async def insert_batch(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    name: str | None,
    items: Sequence[NewAnalysis],
    now: datetime,
    *,
    timeout_seconds: int,
    max_attempts: int,
) -> None:
    """Insert a batch and queue its items, at least one, with their events."""
    limits = Limits(viewer.workspace, timeout_seconds, max_attempts)
    await run(connection, lambda script: write_batch(script, batch_id, name, items, limits, now))
    count_refused(connection, items)
    announce_new(connection, len(items), alone=False)


def write_batch(
    script: Script, batch_id: str, name: str | None, items: Sequence[NewAnalysis], limits: Limits, now: datetime
) -> BatchRow:
    """`insert_batch` in a script; returns the row of the batch. The caller counts and announces the items."""
    row = BatchRow(
        id=batch_id,
        workspace=limits.workspace,
        name=name,
        status=BatchStatus.QUEUED.value,
        total_items=len(items),
        queued=0,
        timeout_seconds=limits.timeout_seconds,
        deadline_at=now + timedelta(seconds=limits.timeout_seconds),
        created_at=now,
        updated_at=now,
    )
    ids = new_ids("analysis", len(items))
    columns = write_analyses(script, items, ids, [limits] * len(items), now, batch_id=batch_id)
    statuses = Counter(columns["status"])
    events = move(row, Counter({COUNTER[AnalysisStatus(status)]: count for status, count in statuses.items()}), now)
    values = (getattr(row, column.name) for column in _batch.c)
    _INSERT.run(script, [tuple(microseconds(each) if isinstance(each, datetime) else each for each in values)])
    note(script, events)
    return row


async def batches_by_id(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, BatchRow]:
    """Return the existing batches of the viewer's workspace among these, by id."""
    rows = await _by_id(is_sqlite(reader)).fetch(reader, {"ids": list(ids), **scope_of(viewer)})
    return {row.id: row for row in rows}


@shapes
def _by_id(sqlite: bool) -> Statement:
    these = (is_one_of(_batch.c.id, "ids", sqlite=sqlite), mine(_batch, ANYONE))
    return Statement(select(_batch).where(*these), sqlite=sqlite)


async def batch_by_id(reader: Reader, viewer: Viewer, batch_id: str) -> BatchRow | None:
    """Return the batch; None if absent from the viewer's workspace."""
    return (await batches_by_id(reader, viewer, [batch_id])).get(batch_id)


async def page_of_batches(
    reader: Reader,
    viewer: Viewer,
    where: BatchFilter,
    page: PageArguments,
    *,
    order: BatchOrderField = BatchOrderField.CREATED_AT,
    descending: bool = True,
) -> Page[BatchRow]:
    """Read a page of the viewer's batches. Raises PageError for an invalid cursor."""
    listing = _listing(order, descending)
    # All open batches by creation have an index too.
    is_open = order is BatchOrderField.CREATED_AT and set(where.status or ()) == {
        BatchStatus.QUEUED,
        BatchStatus.RUNNING,
    }
    if (replace(where, status=None) if is_open else where) == BatchFilter():
        statement = _page(is_sqlite(reader), is_open, listing, page.shape)
        rows = await statement.fetch(reader, {**page_values(listing, page), **scope_of(viewer)})
        return page_of(rows, listing, page)
    whole = select(_batch).where(*batches_where(viewer, where))
    async with in_pool(reader) as connection:
        return await fetch_page(connection, whole, listing, page, BatchRow)


@shapes
def _page(sqlite: bool, is_open: bool, listing: Listing, shape: PageShape) -> Statement:
    whole = select(_batch).where(mine(_batch, ANYONE))
    if is_open:
        whole = whole.where(tables.unended, tables.unfinished)
    return Statement(page_statement(whole, listing, shape), sqlite=sqlite)


@shapes
def _listing(order: BatchOrderField, descending: bool) -> Listing:
    listing = Listing(f"batches {order} {'DESC' if descending else 'ASC'}", _ORDERS[order], descending)
    return replace(listing, parts=_BY_END) if order is BatchOrderField.FINISHED_AT else listing


async def count_batches(connection: AsyncConnection, viewer: Viewer, where: BatchFilter) -> int:
    """Count the viewer's batches that match the filter."""
    statement = select(func.count()).select_from(_batch).where(*batches_where(viewer, where))
    return (await connection.execute(statement)).scalar_one()


async def request_batch_stop(
    connection: AsyncConnection, viewer: Viewer, batch_id: str, end: AnalysisStatus, now: datetime
) -> bool:
    """End the batch's queued items as CANCELED or TIMED_OUT, and request that end for the running ones.

    Returns False if the batch is absent, has ended, or has a requested stop already.
    """
    await lock_batches(connection, [batch_id])
    return await stop_batch(connection, batch_id, mine(_batch, viewer), end=end, now=now)


async def time_out_batches(connection: AsyncConnection, now: datetime) -> list[str]:
    """Stop every batch past its deadline; returns their ids."""
    late = (tables.unended, _batch.c.deadline_at <= now)
    statement = select(_batch.c.id).where(*late, _batch.c.stop_requested.is_(None))
    ids = (await connection.execute(statement)).scalars().all()
    await lock_batches(connection, ids)
    # Without batches that a retry gave a new deadline before the lock was granted.
    return [id_ for id_ in ids if await stop_batch(connection, id_, *late, end=AnalysisStatus.TIMED_OUT, now=now)]


async def stop_batch(
    connection: AsyncConnection,
    batch_id: str,
    *where: ColumnElement[bool],
    end: AnalysisStatus,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Stop this locked batch if it is open, has no requested stop, and matches the conditions; False otherwise."""
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, _batch.c.finished_at.is_(None), _batch.c.stop_requested.is_(None), *where)
        .values(stop_requested=end.value, stop_reason=reason, open_until=None, retry_before=None, updated_at=now)
        .returning(_batch.c.id)
    )
    if (await connection.execute(statement)).first() is None:
        return False
    if not await _stop_items(connection, batch_id, end, now):  # all items of an open stream may have ended
        await end_if_done(connection, batch_id, now)
    return True


async def _stop_items(connection: AsyncConnection, batch_id: str, end: AnalysisStatus, now: datetime) -> int:
    """End the next STOP_SLICE queued items of this locked batch, request a stop of running ones; returns the ended."""
    column = _analysis.c
    its = column.batch_id == batch_id
    if connection.dialect.name == "sqlite":
        # `+ ""` keeps SQLite from the index on the batch, by which each slice would read all ended items.
        its = (column.batch_id + "") == batch_id
    order = (column.analyzer, column.priority.desc(), column.turn, column.id)
    ready = select(column.id).where(tables.queued, its).order_by(*order).limit(STOP_SLICE)
    ids = list((await connection.execute(ready)).scalars())
    if len(ids) < STOP_SLICE:
        later = select(column.id).where(tables.waiting, its).limit(STOP_SLICE - len(ids))
        ids += (await connection.execute(later)).scalars()
    # Under the batch's lock no running item returns to the queue between these two.
    changes = await stop_queued(connection, among(connection, column.id, ids), end=end, now=now) if ids else []
    await connection.execute(
        update(_analysis)
        .where(tables.running, its, column.stop_requested.is_(None))
        .values(stop_requested=end.value, updated_at=now)
    )
    await record(connection, changes, now)
    announce(connection, "stop")
    if len(ids) == STOP_SLICE:
        announce(connection, "waiting")  # the keeper continues
    return len(changes)


_STOPPING = (tables.unended, _batch.c.stop_requested.is_not(None), _batch.c.queued > 0)


async def go_on_stopping(connection: AsyncConnection, now: datetime) -> None:
    """End the next slice of queued items of every batch in the middle of a stop."""
    ids = (await connection.execute(select(_batch.c.id).where(*_STOPPING))).scalars().all()
    if not ids:
        return
    await lock_batches(connection, ids)
    # Without batches that a retry reopened before the lock was granted.
    statement = select(_batch.c.id, _batch.c.stop_requested).where(_batch.c.id.in_(ids), *_STOPPING)
    for row in (await connection.execute(statement)).all():
        await _stop_items(connection, row.id, AnalysisStatus(row.stop_requested), now)


async def bring_deadlines_near(connection: AsyncConnection, now: datetime) -> int:
    """Move deadlines of open batches that lie further away than the batch's timeout; returns their number."""
    latest = microseconds(now) + cast(_batch.c.timeout_seconds, BigInteger) * 1_000_000
    statement = (
        update(_batch)
        .where(tables.unended, type_coerce(_batch.c.deadline_at, BigInteger) > latest)
        .values(deadline_at=latest)
        .returning(_batch.c.id)
    )
    return len((await connection.execute(statement)).all())


async def next_deadline(connection: AsyncConnection) -> datetime | None:
    """Return the next instant at which the keeper has work on a batch; None without one.

    This is a deadline, the end of an open stream's silence, or the next slice of a stop, a retry or a deletion.
    """
    earliest = select(func.min(_batch.c.deadline_at), func.min(_batch.c.open_until))
    statement = earliest.where(tables.unended, _batch.c.stop_requested.is_(None))
    times = [*(await connection.execute(statement)).one()]
    retrying = (tables.unended, _batch.c.retry_before.is_not(None))
    for begun in (_STOPPING, retrying, (_batch.c.workspace == tables.NOWHERE,)):
        times += (await connection.execute(select(func.min(_batch.c.updated_at)).where(*begun))).scalars()
    return min((time for time in times if time is not None), default=None)


async def delete_batch(connection: AsyncConnection, viewer: Viewer, batch_id: str, now: datetime) -> bool:
    """Delete an ended batch and its items, with one event; False if there is none. Its events stay.

    The batch disappears at once. The keeper deletes the items beyond DELETE_SLICE.
    """
    await lock_batches(connection, [batch_id])
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, mine(_batch, viewer), _batch.c.finished_at.is_not(None))
        .values(workspace=tables.NOWHERE)
        .returning(_batch)
    )
    rows = rows_of(await connection.execute(statement), BatchRow)
    if not rows:
        return False
    event = batch_event(rows[0], BatchEventType.BATCH_DELETED, now)
    await append(connection, [event._replace(workspace=viewer.workspace)])
    await _delete_items(connection, batch_id)
    return True


async def go_on_deleting(connection: AsyncConnection) -> bool:
    """Delete the next items of every batch in deletion, and batches without items; False if there is none."""
    statement = select(_batch.c.id).where(_batch.c.workspace == tables.NOWHERE)
    ids = (await connection.execute(statement)).scalars().all()
    await lock_batches(connection, ids)
    for batch_id in ids:
        await _delete_items(connection, batch_id)
    return bool(ids)


async def _delete_items(connection: AsyncConnection, batch_id: str) -> None:
    column = _analysis.c
    some = select(column.id).where(column.batch_id == batch_id).order_by(column.position).limit(DELETE_SLICE)
    if await _delete_analyses(connection, column.id.in_(some)) < DELETE_SLICE:
        await connection.execute(delete(_batch).where(_batch.c.id == batch_id))
    else:
        announce(connection, "waiting")  # the keeper continues


async def _delete_analyses(connection: AsyncConnection, *where: ColumnElement[bool]) -> int:
    statement = delete(_analysis).where(*where).returning(_analysis.c.id, _analysis.c.workspace, _analysis.c.status)
    deleted = (await connection.execute(statement)).all()
    await delete_tags(connection, [row.id for row in deleted])
    await count_deleted(connection, deleted)
    announce(connection, "events")  # caches of answers look at the log, also for a deletion without an event
    return len(deleted)


async def clean_up_batches(round_: Round, before: datetime) -> None:
    """Delete batches that ended before this time, with their items."""
    last = ""
    while True:
        async with round_.read() as connection:
            found = await ended_batches(connection, before, last)
        if not found:
            return
        while found:
            # As many as fill a slice; a larger batch takes several slices.
            ids, total = [found[0][0]], found[0][1]
            while len(ids) < len(found) and total + found[len(ids)][1] <= round_.rows:
                total += found[len(ids)][1]
                ids.append(found[len(ids)][0])
            limit = items = 0
            while items == limit:
                limit = round_.rows
                items, batches = await round_.slice(partial(delete_batches, ids=ids, before=before, limit=limit))
                round_.deleted.update(batches=batches, analyses=items)
            del found[: len(ids)]
            last = ids[-1]


async def ended_batches(connection: AsyncConnection, before: datetime, after: str) -> list[tuple[str, int]]:
    """Return batches with a greater id that ended before this time: ids and totals, ordered by id, at most 100."""
    statement = (
        select(_batch.c.id, _batch.c.total_items)
        .where(_batch.c.id > after, _batch.c.finished_at < before)
        .order_by(_batch.c.id)
        .limit(MOST_BATCHES)
    )
    return [(row.id, row.total_items) for row in (await connection.execute(statement)).all()]


async def delete_batches(
    connection: AsyncConnection, ids: Sequence[str], before: datetime, limit: int
) -> tuple[int, int]:
    """Delete at most `limit` items of these batches, of those that ended before this time, and the empty batches.

    Writes one event for each batch, but none for a batch in deletion, which has its event. Returns the numbers of
    items and batches. A batch that was retried meanwhile stays, with its remaining items.
    """
    await lock_batches(connection, ids)
    column = _analysis.c
    old = (among(connection, _batch.c.id, ids), _batch.c.finished_at < before)
    some = select(column.id).where(column.batch_id.in_(select(_batch.c.id).where(*old))).limit(limit)
    items = await _delete_analyses(connection, column.id.in_(some))
    if items == limit:
        await connection.execute(update(_batch).where(*old).values(thinned=True))
        return limit, 0
    left = select(column.id).where(column.batch_id == _batch.c.id).exists()
    statement = delete(_batch).where(*old, ~left).returning(_batch)
    batches = rows_of(await connection.execute(statement), BatchRow)
    now, deleted = utcnow(), BatchEventType.BATCH_DELETED
    await append(connection, [batch_event(row, deleted, now) for row in batches if row.workspace != tables.NOWHERE])
    return items, len(batches)


async def count_old_batches(connection: AsyncConnection, before: datetime) -> Deleted:
    """Return the numbers of batches, and of their items, that `clean_up_batches` would delete now."""
    ended = _batch.c.finished_at < before
    batches = await connection.execute(select(func.count()).where(ended))
    of_batches = _analysis.c.batch_id.in_(select(_batch.c.id).where(ended))
    items = await connection.execute(select(func.count()).where(of_batches))
    return Deleted(batches=batches.scalar_one(), analyses=items.scalar_one())
