"""What ended otherwise than completed, queued again: one analysis, or what is such of a batch.

Of a large batch one transaction queues RETRY_SLICE items, and the keeper goes on with the rest. While it does, the
batch has `retry_before`: what had ended by then is queued again, and what ends later is not; and it does not end
though all that has been queued so far has. A stop of the batch calls off the rest.
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
from store.queue.transitions import Change, end_if_done, record, take_turns, take_turns_with
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
# An item whose input was refused (FAILED before its first attempt) was kept without it, and stays as it is.
_has_input = ~((_analysis.status == AnalysisStatus.FAILED) & (_analysis.attempt == 0))
# What is being deleted with its batch stays away.
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
    """Queue again, from a first attempt, what ended otherwise than completed; returns the ids.

    Batches that had ended are open again, with their whole time before them; so has one that was being stopped, which
    is stopped no longer. What of it runs and was asked to stop still stops.
    """
    these = (*where, mine(tables.analysis, viewer))
    await take_turns_with(connection, *these)  # whatever their status, which may change until it is our turn
    statement = _statement.where(*these, _analysis.status.in_(_RETRYABLE)).order_by(_analysis.id).with_for_update()
    rows = (await connection.execute(statement)).all()
    await _queue_again(connection, rows, now)
    return [row.id for row in rows]


async def retry_batch(connection: AsyncConnection, viewer: Viewer, batch_id: str, now: datetime) -> int:
    """`retry_analyses` for a batch's items; returns how many at once: of more than RETRY_SLICE the rest follows."""
    await take_turns(connection, [batch_id])
    statement = select(_batch.c.id).where(_batch.c.id == batch_id, mine(_batch, viewer))
    if (await connection.execute(statement)).first() is None:
        return 0
    return await _retry_slice(connection, viewer.workspace, batch_id, now, before=now, after=-1)


async def go_on_retrying(connection: AsyncConnection, now: datetime) -> bool:
    """Queue the next items of every batch of which more is to be retried; whether there was any."""
    unfinished = (tables.unended, _batch.c.retry_before.is_not(None))
    ids = (await connection.execute(select(_batch.c.id).where(*unfinished))).scalars().all()
    await take_turns(connection, ids)
    # One that was stopped until it was our turn is retried no longer.
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
    # By the status and the id, from the batch's first item on. On SQLite not by the index on the batch: each slice
    # would pass over all of it that is not to be retried.
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
        announce(connection, "waiting")  # for the keeper, who goes on
    return len(rows)


async def _queue_again(connection: AsyncConnection, rows: Sequence[Any], now: datetime, after: int = -1) -> int:
    """Returns the last turn that was given."""
    if not rows:
        return after
    lanes = [Lane(row.analyzer, row.priority) for row in rows]
    turns = await turns_for(connection, lanes, alone=all(row.batch_id is None for row in rows), after=after)
    fresh, instant = tuple(_FRESH.values()), microseconds(now)
    # These rows and no others: more may have come to meet the conditions since they were read.
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
