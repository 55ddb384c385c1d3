"""Queue failed, canceled and timed-out analyses again: one, or all of a batch.

One transaction queues RETRY_SLICE items of a large batch; the keeper continues with the rest. Meanwhile the batch has a
`retry_before`: items that ended before it are queued again, later ones are not, and the batch can't end. A stop of the
batch cancels the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_queued
from store.queue.fairness import Lane, turns_for
from store.queue.transitions import Change, end_if_done, lock_batches, lock_batches_where, record
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.scope import mine
from store.sql.statements import Bulk
from store.sql.viewer import Viewer
from store.tables import AnalysisEventType, AnalysisStatus, BatchStatus

RETRY_SLICE = 2_000

_analysis = tables.analysis.c
_batch = tables.batch
_RETRYABLE = (AnalysisStatus.FAILED, AnalysisStatus.CANCELED, AnalysisStatus.TIMED_OUT)
# An item with a refused input (FAILED before its first attempt) has no stored input, and can't run.
_has_input = ~((_analysis.status == AnalysisStatus.FAILED) & (_analysis.attempt == 0))
# Without the items of batches in deletion.
_is_there = _analysis.batch_id.is_(None) | _analysis.batch_id.not_in(
    select(_batch.c.id).where(_batch.c.workspace == tables.NOWHERE)
)
_statement = select(
    _analysis.id, _analysis.workspace, _analysis.batch_id, _analysis.status, _analysis.analyzer, _analysis.priority
).where(_has_input, _is_there)
_FRESH = {
    "status": AnalysisStatus.QUEUED.value,
    "progress": 0.0,
    "attempt": 0,
    "error_code": None,
    "error_message": None,
    "error_retryable": None,
    "progress_step": None,
    "started_at": None,
    "finished_at": None,
    "processing_time_ms": None,
    "queued_at": None,
}
_QUEUE_AGAIN = Bulk.update(tables.analysis, (*_FRESH, "turn", "updated_at"))


async def retry_analyses(
    connection: AsyncConnection, viewer: Viewer, *where: ColumnElement[bool], now: datetime
) -> list[str]:
    """Queue failed, canceled and timed-out analyses again, from a first attempt; returns the ids.

    Ended batches reopen with their whole timeout. A batch in the middle of a stop also reopens: its queued items run,
    while its running items still stop.
    """
    these = (*where, mine(tables.analysis, viewer))
    await lock_batches_where(connection, *these)  # of any status: it may change before the lock is granted
    statement = _statement.where(*these, _analysis.status.in_(_RETRYABLE)).order_by(_analysis.id).with_for_update()
    rows = (await connection.execute(statement)).all()
    await _queue_again(connection, rows, now)
    return [row.id for row in rows]


async def retry_batch(connection: AsyncConnection, viewer: Viewer, batch_id: str, now: datetime) -> int:
    """`retry_analyses` for a batch; returns the number of items queued now, at most RETRY_SLICE: the rest follows."""
    await lock_batches(connection, [batch_id])
    statement = select(_batch.c.id).where(_batch.c.id == batch_id, mine(_batch, viewer))
    if (await connection.execute(statement)).first() is None:
        return 0
    return await _retry_slice(connection, viewer.workspace, batch_id, now, before=now, after=-1)


async def go_on_retrying(connection: AsyncConnection, now: datetime) -> bool:
    """Queue the next slice of every batch in the middle of a retry; False if there is none."""
    unfinished = (tables.unended, _batch.c.retry_before.is_not(None))
    ids = (await connection.execute(select(_batch.c.id).where(*unfinished))).scalars().all()
    await lock_batches(connection, ids)
    # Without batches that were stopped before the lock was granted.
    statement = select(_batch.c.id, _batch.c.workspace, _batch.c.retry_before, _batch.c.retry_turn)
    for row in (await connection.execute(statement.where(_batch.c.id.in_(ids), *unfinished))).all():
        before, after = row.retry_before, row.retry_turn
        if not await _retry_slice(connection, row.workspace, row.id, now, before=before, after=after):
            await end_if_done(connection, row.id, now)
    return bool(ids)


async def _retry_slice(
    connection: AsyncConnection, workspace: str, batch_id: str, now: datetime, *, before: datetime, after: int
) -> int:
    rows: list[Any] = []
    # By status and id, from the batch's first item on. `+ ""` keeps SQLite from the index on the batch, by which each
    # slice would read all other items of the batch.
    batch: ColumnElement[Any] = _analysis.batch_id
    if connection.dialect.name == "sqlite":
        batch = _analysis.batch_id + ""
    first = select(_analysis.id).where(_analysis.batch_id == batch_id).order_by(_analysis.position).limit(1)
    mine = (
        _analysis.workspace == workspace,
        _analysis.id >= first.scalar_subquery(),
        batch == batch_id,
        tables.finished,
        _analysis.finished_at <= before,
    )
    for status in _RETRYABLE:
        statement = _statement.where(*mine, _analysis.status == status.value).order_by(_analysis.id)
        found = await connection.execute(statement.limit(RETRY_SLICE - len(rows)).with_for_update())
        rows += found.all()
        if len(rows) == RETRY_SLICE:
            break
    turn = await _queue_again(connection, rows, now, after)
    more = len(rows) == RETRY_SLICE
    values = {"retry_before": before if more else None, "retry_turn": turn if more else None}
    await connection.execute(update(_batch).where(_batch.c.id == batch_id).values(values))
    if more:
        announce(connection, "waiting")  # the keeper continues
    return len(rows)


async def _queue_again(connection: AsyncConnection, rows: Sequence[Any], now: datetime, after: int = -1) -> int:
    """Queue these rows; returns their last turn."""
    if not rows:
        return after
    lanes = [Lane(row.analyzer, row.priority) for row in rows]
    turns = await turns_for(connection, lanes, alone=all(row.batch_id is None for row in rows), after=after)
    fresh, instant = tuple(_FRESH.values()), microseconds(now)
    # By id: further rows may meet the conditions since the read.
    values = [(*fresh, turn, instant, row.id) for row, turn in zip(rows, turns, strict=True)]
    await _QUEUE_AGAIN.execute(connection, values)
    await _reopen_batches(connection, {row.batch_id for row in rows if row.batch_id is not None}, now)
    queued, event = AnalysisStatus.QUEUED, AnalysisEventType.ANALYSIS_QUEUED
    changes = [
        Change(row.id, row.workspace, row.batch_id, AnalysisStatus(row.status), queued, event, attempt=0)
        for row in rows
    ]
    await record(connection, changes, now)
    announce_queued(connection, len(rows))
    return max(turns)


async def _reopen_batches(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    batch = _batch.c
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
        await connection.execute(update(_batch).where(batch.id == row.id).values(values))
