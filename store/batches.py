"""Batches: made with their items, read, listed, stopped, deleted. How they are run again: `store.queue.retries`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, cast, delete, func, insert, select, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.analyses import NewAnalysis, insert_analyses, stop_queued
from store.queue.transitions import end_if_done, record, take_turns
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.sql.statements import among
from store.sql.viewer import Viewer
from store.tables import AnalysisStatus, BatchRow, BatchStatus

_batch = tables.batch
_analysis = tables.analysis
# A stop or a deletion takes so many items in its own transaction; the keeper goes on with the rest, so many at a time.
STOP_SLICE = DELETE_SLICE = 2_000


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
    """Queue a batch and its items, at least one, with their events."""
    row = BatchRow(
        id=batch_id,
        workspace=viewer.workspace,
        name=name,
        status=BatchStatus.QUEUED.value,
        total_items=len(items),
        queued=0,  # its items count themselves in
        timeout_seconds=timeout_seconds,
        deadline_at=now + timedelta(seconds=timeout_seconds),
        created_at=now,
        updated_at=now,
    )
    await connection.execute(insert(_batch).values(row.model_dump()))
    await insert_analyses(
        connection,
        viewer,
        items,
        now,
        timeout_seconds=timeout_seconds,
        max_attempts=max_attempts,
        batch_id=batch_id,
    )


async def batches_by_id(connection: AsyncConnection, viewer: Viewer, ids: Sequence[str]) -> dict[str, BatchRow]:
    """Those of these that there are and that this viewer may see."""
    statement = select(_batch).where(_batch.c.id.in_(ids), _batch.c.workspace == viewer.workspace)
    return {row.id: row for row in rows_of(await connection.execute(statement), BatchRow)}


async def batch_by_id(connection: AsyncConnection, viewer: Viewer, batch_id: str) -> BatchRow | None:
    """None where there is none, or it is not this viewer's to see."""
    return (await batches_by_id(connection, viewer, [batch_id])).get(batch_id)


async def page_of_batches(
    connection: AsyncConnection, viewer: Viewer, status: Sequence[BatchStatus] | None, page: PageArguments
) -> Page[BatchRow]:
    """A page of what this viewer may see, newest first. Raises PageError for an invalid cursor."""
    statement = select(_batch).where(_batch.c.workspace == viewer.workspace)
    if status is not None:
        statement = statement.where(_batch.c.status.in_([each.value for each in status]))
    return await fetch_page(connection, statement, Listing("batches", [_batch.c.id], True), page, BatchRow)


async def count_batches(connection: AsyncConnection, viewer: Viewer, status: Sequence[BatchStatus] | None) -> int:
    """How many there are in all."""
    statement = select(func.count()).select_from(_batch).where(_batch.c.workspace == viewer.workspace)
    if status is not None:
        statement = statement.where(_batch.c.status.in_([each.value for each in status]))
    return (await connection.execute(statement)).scalar_one()


async def request_batch_stop(
    connection: AsyncConnection, viewer: Viewer, batch_id: str, end: AnalysisStatus, now: datetime
) -> bool:
    """End what of the batch waits as CANCELED or TIMED_OUT, and ask the workers that run the rest to.

    False where there was nothing to stop: it is not there, has ended, or was asked before.
    """
    await take_turns(connection, [batch_id])
    return await stop_batch(connection, batch_id, _batch.c.workspace == viewer.workspace, end=end, now=now)


async def time_out_batches(connection: AsyncConnection, now: datetime) -> list[str]:
    """Stop every batch whose time is up; returns their ids."""
    late = (tables.unended, _batch.c.deadline_at <= now)
    statement = select(_batch.c.id).where(*late, _batch.c.stop_requested.is_(None))
    ids = (await connection.execute(statement)).scalars().all()
    await take_turns(connection, ids)
    # One that was run again until it was our turn has a new deadline.
    return [id_ for id_ in ids if await stop_batch(connection, id_, *late, end=AnalysisStatus.TIMED_OUT, now=now)]


async def stop_batch(
    connection: AsyncConnection,
    batch_id: str,
    *where: ColumnElement[bool],
    end: AnalysisStatus,
    now: datetime,
    reason: str | None = None,
) -> bool:
    """Stop this batch, whose turn it is, if it has not ended, was not asked to before, and meets the conditions."""
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, _batch.c.finished_at.is_(None), _batch.c.stop_requested.is_(None), *where)
        .values(stop_requested=end.value, stop_reason=reason, open_until=None, retry_before=None, updated_at=now)
        .returning(_batch.c.id)
    )
    if (await connection.execute(statement)).first() is None:
        return False
    if not await _stop_items(connection, batch_id, end, now):  # of a stream's batch all that has come may have ended
        await end_if_done(connection, batch_id, now)
    return True


async def _stop_items(connection: AsyncConnection, batch_id: str, end: AnalysisStatus, now: datetime) -> int:
    """End the next STOP_SLICE of what waits of this batch, whose turn it is; ask what runs to stop. How many ended."""
    column = _analysis.c
    mine = column.batch_id == batch_id
    if connection.dialect.name == "sqlite":
        # Not by the index on the batch: each slice would pass over all of it that has ended.
        mine = (column.batch_id + "") == batch_id
    order = (column.analyzer, column.priority.desc(), column.turn, column.id)
    ready = select(column.id).where(tables.queued, mine).order_by(*order).limit(STOP_SLICE)
    ids = list((await connection.execute(ready)).scalars())
    if len(ids) < STOP_SLICE:
        later = select(column.id).where(tables.waiting, mine).limit(STOP_SLICE - len(ids))
        ids += (await connection.execute(later)).scalars()
    # In the batch's turn no item that runs comes to wait again between these two.
    changes = await stop_queued(connection, among(connection, column.id, ids), end=end, now=now) if ids else []
    await connection.execute(
        update(_analysis)
        .where(tables.running, mine, column.stop_requested.is_(None))
        .values(stop_requested=end.value, updated_at=now)
    )
    await record(connection, changes, now)
    announce(connection, "stop")
    if len(ids) == STOP_SLICE:
        announce(connection, "waiting")  # for the keeper, who goes on
    return len(changes)


_STOPPING = (tables.unended, _batch.c.stop_requested.is_not(None), _batch.c.queued > 0)


async def go_on_stopping(connection: AsyncConnection, now: datetime) -> None:
    """End the next of what waits of every batch that was stopped while more waited than one transaction ends."""
    ids = (await connection.execute(select(_batch.c.id).where(*_STOPPING))).scalars().all()
    if not ids:
        return
    await take_turns(connection, ids)
    # One that was run again until it was our turn is stopped no longer.
    statement = select(_batch.c.id, _batch.c.stop_requested).where(_batch.c.id.in_(ids), *_STOPPING)
    for row in (await connection.execute(statement)).all():
        await _stop_items(connection, row.id, AnalysisStatus(row.stop_requested), now)


async def bring_deadlines_near(connection: AsyncConnection, now: datetime) -> int:
    """Let no open batch's time be up later than if it began now; returns how many were."""
    latest = microseconds(now) + cast(_batch.c.timeout_seconds, BigInteger) * 1_000_000
    statement = (
        update(_batch)
        .where(tables.unended, type_coerce(_batch.c.deadline_at, BigInteger) > latest)
        .values(deadline_at=latest)
        .returning(_batch.c.id)
    )
    return len((await connection.execute(statement)).all())


async def next_deadline(connection: AsyncConnection) -> datetime | None:
    """When the next batch's time is up, its stream counts as broken off, or the keeper is to go on with it.

    That is where it is stopped, retried or deleted in slices.
    """
    earliest = select(func.min(_batch.c.deadline_at), func.min(_batch.c.open_until))
    statement = earliest.where(tables.unended, _batch.c.stop_requested.is_(None))
    times = [*(await connection.execute(statement)).one()]
    retrying = (tables.unended, _batch.c.retry_before.is_not(None))
    for begun in (_STOPPING, retrying, (_batch.c.workspace == tables.NOWHERE,)):
        times += (await connection.execute(select(func.min(_batch.c.updated_at)).where(*begun))).scalars()
    return min((time for time in times if time is not None), default=None)


async def delete_batch(connection: AsyncConnection, viewer: Viewer, batch_id: str) -> bool:
    """Delete a batch that has ended, and its items; False where there is none such. Its events stay.

    It is gone at once. Of more than DELETE_SLICE items the keeper deletes the rest.
    """
    await take_turns(connection, [batch_id])
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, _batch.c.workspace == viewer.workspace, _batch.c.finished_at.is_not(None))
        .values(workspace=tables.NOWHERE)
        .returning(_batch.c.id)
    )
    if (await connection.execute(statement)).first() is None:
        return False
    await _delete_items(connection, batch_id)
    return True


async def go_on_deleting(connection: AsyncConnection) -> bool:
    """Delete the next items of every batch that is being deleted, or what has none left; whether there was any."""
    statement = select(_batch.c.id).where(_batch.c.workspace == tables.NOWHERE)
    ids = (await connection.execute(statement)).scalars().all()
    await take_turns(connection, ids)
    for batch_id in ids:
        await _delete_items(connection, batch_id)
    return bool(ids)


async def _delete_items(connection: AsyncConnection, batch_id: str) -> None:
    column = _analysis.c
    some = select(column.id).where(column.batch_id == batch_id).order_by(column.position).limit(DELETE_SLICE)
    deleted = await connection.execute(delete(_analysis).where(column.id.in_(some)))
    if deleted.rowcount < DELETE_SLICE:
        await connection.execute(delete(_batch).where(_batch.c.id == batch_id))
    else:
        announce(connection, "waiting")  # for the keeper, who goes on
