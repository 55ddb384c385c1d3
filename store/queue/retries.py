"""Queue failed, canceled and timed-out analyses again: one, or all of a batch.

One transaction queues RETRY_SLICE items of a large batch; the keeper continues with the rest. Meanwhile the batch has a
`retry_before`: items that ended before it are queued again, later ones are not, and the batch can't end. A stop of the
batch cancels the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue import attempts
from store.queue.announcements import announce_queued
from store.queue.fairness import Lane, turns_for
from store.queue.transitions import Change, end_if_done, lock_batches, lock_batches_where, record
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.scope import mine
from store.sql.script import run
from store.sql.short import Reader, in_pool
from store.sql.statements import Bulk, among
from store.sql.viewer import Viewer
from store.tables import AnalysisEventType, AnalysisRow, AnalysisStatus, BatchStatus

RETRY_SLICE = 2_000

_analysis = tables.analysis.c
_batch = tables.batch
_RETRYABLE = (AnalysisStatus.FAILED, AnalysisStatus.CANCELED, AnalysisStatus.TIMED_OUT)
# An item with a refused input (FAILED before its first attempt) can't run.
_is_accepted = ~((_analysis.status == AnalysisStatus.FAILED) & (_analysis.attempt == 0))
# Without the items of batches in deletion.
_is_there = _analysis.batch_id.is_(None) | _analysis.batch_id.not_in(
    select(_batch.c.id).where(_batch.c.workspace == tables.NOWHERE)
)
accepted = _is_accepted & _is_there
"""The condition that a retry takes the analysis, if it has failed, timed out or been canceled."""
_statement = select(
    *(_analysis.id, _analysis.workspace, _analysis.batch_id, _analysis.status, _analysis.analyzer, _analysis.priority),
    *attempts.COLUMNS,
).where(accepted)
_FRESH = {
    "status": AnalysisStatus.QUEUED.value,
    "progress": 0.0,
    "attempt": 0,
    "error_code": None,
    "error_message": None,
    "error_retryable": None,
    "error_fingerprint": None,
    "progress_step": None,
    "started_at": None,
    "finished_at": None,
    "processing_time_ms": None,
    "queued_at": None,
    "worker_id": None,
}
_QUEUE_AGAIN = Bulk.update(tables.analysis, (*_FRESH, "turn", "updated_at", "attempts"))


class RetryFigures(NamedTuple):
    """Numbers of items of a batch."""

    refused: int
    """FAILED items with a rejected input."""
    retryable: int
    """Items that a retry queues again."""


def may_retry(row: AnalysisRow) -> bool:
    """Return whether a retry accepts the analysis, unless its batch is in deletion."""
    return row.status in _RETRYABLE and not (row.status == AnalysisStatus.FAILED and row.attempt == 0)


async def retry_figures(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, RetryFigures]:
    """Return the figures of these batches by their counters; of batches without all items by a count of the items."""
    batch = _batch.c
    refused = select(func.count()).where(tables.refused, _analysis.batch_id == batch.id).scalar_subquery()
    ended = batch.failed + batch.canceled + batch.timed_out
    statement = select(batch.id, refused, ended, batch.thinned).where(batch.id.in_(ids), mine(_batch, viewer))
    async with in_pool(reader) as connection:
        return await _figures(connection, viewer, statement)


async def _figures(connection: AsyncConnection, viewer: Viewer, statement: Select[Any]) -> dict[str, RetryFigures]:
    found = (await connection.execute(statement)).all()
    figures = {id_: RetryFigures(refused, ended - refused) for id_, refused, ended, _ in found}
    thinned = [id_ for id_, *_, thinned in found if thinned]
    if thinned:
        its = (among(connection, _analysis.batch_id, thinned), mine(tables.analysis, viewer))
        count = select(_analysis.batch_id, func.count()).where(*its, _is_accepted, _analysis.status.in_(_RETRYABLE))
        left = {row[0]: row[1] for row in (await connection.execute(count.group_by(_analysis.batch_id))).all()}
        figures |= {id_: figures[id_]._replace(retryable=left.get(id_, 0)) for id_ in thinned}
    return figures


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
    await _queue_again(connection, rows, now, retried_at=now)
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
    turn = await _queue_again(connection, rows, now, retried_at=before, after=after)
    more = len(rows) == RETRY_SLICE
    values = {"retry_before": before if more else None, "retry_turn": turn if more else None}
    await connection.execute(update(_batch).where(_batch.c.id == batch_id).values(values))
    if more:
        announce(connection, "waiting")  # the keeper continues
    return len(rows)


async def _queue_again(
    connection: AsyncConnection, rows: Sequence[Any], now: datetime, *, retried_at: datetime, after: int = -1
) -> int:
    """Queue these rows; returns their last turn."""
    if not rows:
        return after
    lanes = [Lane(row.analyzer, row.priority) for row in rows]
    alone = all(row.batch_id is None for row in rows)
    turns = await run(connection, lambda script: turns_for(script, lanes, alone=alone, after=after))
    fresh, instant = tuple(_FRESH.values()), microseconds(now)
    # By id: further rows may meet the conditions since the read.
    values = [(*fresh, turn, instant, attempts.after_run(row), row.id) for row, turn in zip(rows, turns, strict=True)]
    await _QUEUE_AGAIN.execute(connection, values)
    batches = {row.batch_id for row in rows if row.batch_id is not None}
    await _reopen_batches(connection, batches, now, retried_at)
    queued, event = AnalysisStatus.QUEUED, AnalysisEventType.ANALYSIS_QUEUED
    changes = [
        Change(
            row.id,
            row.workspace,
            row.batch_id,
            AnalysisStatus(row.status),
            queued,
            event,
            attempt=0,
            analyzer=row.analyzer,
        )
        for row in rows
    ]
    await record(connection, changes, now)
    announce_queued(connection, len(rows))
    return max(turns)


async def _reopen_batches(
    connection: AsyncConnection, ids: Collection[str], now: datetime, retried_at: datetime
) -> None:
    batch = _batch.c
    statement = select(batch.id, batch.timeout_seconds, batch.stop_requested, batch.finished_at)
    for row in (await connection.execute(statement.where(batch.id.in_(ids)))).all():
        values: dict[str, Any] = {"last_retried_at": retried_at}
        if row.finished_at is not None or row.stop_requested is not None:
            values |= {"stop_requested": None, "deadline_at": now + timedelta(seconds=row.timeout_seconds)}
        if row.finished_at is not None:
            values |= {
                "status": BatchStatus.QUEUED.value,
                "last_end_at": row.finished_at,
                "finished_at": None,
                "recent_ends": "[]",
            }
        await connection.execute(update(_batch).where(batch.id == row.id).values(values))
