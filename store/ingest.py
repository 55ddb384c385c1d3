"""Batches from a stream of items of any length, with one slice at a time in memory and in a transaction.

The batch of an open stream has `open_until`: workers run its items, its total grows, and it can't end yet. Each slice,
and each keep-alive between slices, moves that instant. A stream ends in one of two ways. A closed stream: the batch
ends with its last item, like any other. A broken stream (the sender gave up, or was silent until `open_until`): the
batch is CANCELED with a `stop_reason`, so that a part never passes for the whole. Completed items stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.batches import stop_batch
from store.bounds import DEFAULT_TIMEOUT_SECONDS
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.transitions import end_if_done, lock_batches
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.paging import rows_of
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, BatchRow, BatchStatus

# Silence of the sender after which a stream counts as broken.
SILENCE = timedelta(seconds=30)

_batch = tables.batch


class StreamBroken(Exception):
    """The source of the items failed. The message has the reason for the user."""


class StreamClosed(Exception):
    """The batch takes no more items: it was canceled, timed out, or its stream counts as broken."""


async def open_stream(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    name: str | None,
    now: datetime,
    *,
    timeout_seconds: int,
    silence: timedelta = SILENCE,
) -> None:
    """Insert a batch without items. Its timeout begins now."""
    row = BatchRow(
        id=batch_id,
        workspace=viewer.workspace,
        name=name,
        status=BatchStatus.QUEUED.value,
        total_items=0,
        queued=0,
        timeout_seconds=timeout_seconds,
        deadline_at=now + timedelta(seconds=timeout_seconds),
        open_until=now + silence,
        created_at=now,
        updated_at=now,
    )
    await connection.execute(insert(_batch).values(row.model_dump()))


async def extend_stream(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    items: Sequence[NewAnalysis],
    now: datetime,
    *,
    max_attempts: int,
    silence: timedelta = SILENCE,
) -> None:
    """Queue the next items of a batch; without items, only keep the stream open. Raises StreamClosed."""
    await lock_batches(connection, [batch_id])
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, mine(_batch, viewer), _batch.c.open_until.is_not(None))
        .values(total_items=_batch.c.total_items + len(items), open_until=now + silence, updated_at=now)
        .returning(_batch.c.total_items, _batch.c.timeout_seconds)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        raise StreamClosed(batch_id)
    if items:
        await insert_analyses(
            connection,
            viewer,
            items,
            now,
            # One attempt: an item that hangs must not keep its slot for the day that the batch may have.
            timeout_seconds=min(row.timeout_seconds, DEFAULT_TIMEOUT_SECONDS),
            max_attempts=max_attempts,
            batch_id=batch_id,
            first_position=row.total_items - len(items),
        )


async def close_stream(connection: AsyncConnection, viewer: Viewer, batch_id: str, now: datetime) -> None:
    """Close the stream: the batch ends with its last item, or now if all have ended. Raises StreamClosed."""
    await lock_batches(connection, [batch_id])
    statement = (
        update(_batch)
        .where(_batch.c.id == batch_id, mine(_batch, viewer), _batch.c.open_until.is_not(None))
        .values(open_until=None, updated_at=now)
        .returning(_batch.c.id)
    )
    if (await connection.execute(statement)).first() is None:
        raise StreamClosed(batch_id)
    await end_if_done(connection, batch_id, now)


async def break_stream(connection: AsyncConnection, viewer: Viewer, batch_id: str, reason: str, now: datetime) -> bool:
    """Break the stream: cancel the batch for this reason; False if the stream is not open."""
    await lock_batches(connection, [batch_id])
    open_ = (mine(_batch, viewer), _batch.c.open_until.is_not(None))
    return await stop_batch(connection, batch_id, *open_, end=AnalysisStatus.CANCELED, now=now, reason=reason)


async def break_silent_streams(connection: AsyncConnection, now: datetime) -> list[str]:
    """Cancel every batch with a silent sender; returns their ids."""
    silent = (tables.unended, _batch.c.open_until <= now)
    ids = (await connection.execute(select(_batch.c.id).where(*silent))).scalars().all()
    await lock_batches(connection, ids)
    reason = "The items stopped arriving before the end: submit the batch again."
    # Without batches whose sender spoke before the lock was granted.
    return [
        id_
        for id_ in ids
        if await stop_batch(connection, id_, *silent, end=AnalysisStatus.CANCELED, now=now, reason=reason)
    ]


async def insert_batch_stream(
    database: Database,
    viewer: Viewer,
    batch_id: str,
    name: str | None,
    slices: AsyncIterator[Sequence[NewAnalysis]],
    *,
    timeout_seconds: int,
    max_attempts: int,
    silence: timedelta = SILENCE,
    inserted: Callable[[int], None] = lambda total: None,
) -> int:
    """Queue a batch of all items of `slices`, each slice in its own transaction; returns the number of items.

    Calls `inserted` with the total after each slice. Without any item no batch is inserted. If `slices` raises, or the
    task is canceled, the stream is broken before the exception propagates. Raises StreamClosed.
    """

    async def next_slice() -> Sequence[NewAnalysis] | None:
        return await anext(slices, None)

    total = 0
    is_open = False
    coming = asyncio.ensure_future(next_slice())
    try:
        while True:
            done, _ = await asyncio.wait([coming], timeout=silence.total_seconds() / 3)
            items = coming.result() if done else []
            if items is None:
                break
            if done:
                coming = asyncio.ensure_future(next_slice())  # reads during the write of this one
            if not items and not is_open:
                continue
            try:
                async with database.write() as connection:
                    now = utcnow()
                    if not is_open:
                        await open_stream(
                            connection, viewer, batch_id, name, now, timeout_seconds=timeout_seconds, silence=silence
                        )
                    await extend_stream(
                        connection, viewer, batch_id, items, now, max_attempts=max_attempts, silence=silence
                    )
            except asyncio.CancelledError:
                is_open = True  # perhaps: a canceled commit may have taken effect
                raise
            is_open = True
            total += len(items)
            inserted(total)
        if is_open:
            async with database.write() as connection:
                await close_stream(connection, viewer, batch_id, utcnow())
    except StreamClosed:
        raise
    except BaseException as error:
        if is_open:
            reason = str(error) if isinstance(error, StreamBroken) else "The submission was interrupted."
            async with database.write() as connection:
                await break_stream(connection, viewer, batch_id, reason, utcnow())
        raise
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    return total


async def window_of_items(
    connection: AsyncConnection,
    viewer: Viewer,
    batch_id: str,
    status: Sequence[AnalysisStatus] | None,
    first: int,
    count: int,
    *,
    with_input: bool,
    max_bytes: int,
) -> tuple[list[AnalysisRow], int]:
    """Return items from position `first` on that have one of these statuses, in order, and the position after them.

    The window is one of `count` positions at most: a page of matching rows would read a whole batch for a rare status.
    Its contents have at most `max_bytes`; a single item may have more. Without input, the rows lack its columns.
    """
    column = tables.analysis.c
    these = [column.batch_id == batch_id, mine(tables.analysis, viewer), column.position >= first]
    if status is not None:
        these.append(column.status.in_([each.value for each in status]))
    end, bytes_ = first + count, 0
    counted = tables.sizes.values() if with_input else [tables.sizes["result_bytes"]]
    statement = select(column.position, sum(counted, literal(0))).where(*these, column.position < end)
    for position, size in (await connection.execute(statement.order_by(column.position))).all():
        if bytes_ and bytes_ + size > max_bytes:
            end = position
            break
        bytes_ += size
    left_out = {"attempts"} if with_input else {"attempts", "input_text", "input_data", "options"}
    columns = [each for each in column if each.name not in left_out]
    statement = select(*columns).where(*these, column.position < end).order_by(column.position)
    return rows_of(await connection.execute(statement), AnalysisRow), end
