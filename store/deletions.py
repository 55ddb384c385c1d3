"""Deletions of analyses by request, and their events. The clean-up is in `store.analyses`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.status_counts import count_deleted
from store.queue.tags import delete_tags
from store.queue.transitions import Change, Fault, lock_batches_where, record
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisEventType, AnalysisStatus

_analysis = tables.analysis
# The columns of a deleted row that its event needs.
OF_EVENT = [
    _analysis.c[name]
    for name in (
        *("id", "workspace", "batch_id", "analyzer", "status", "attempt", "progress"),
        *("error_code", "error_message", "error_retryable"),
    )
]


def deletion_of(row: Any) -> Change:
    """Return the change of a deleted row with the columns of OF_EVENT."""
    status = AnalysisStatus(row.status)
    fault = row.error_code and Fault(row.error_code, row.error_message or "", bool(row.error_retryable))
    return Change(
        row.id,
        row.workspace,
        row.batch_id,
        status,
        status,
        AnalysisEventType.ANALYSIS_DELETED,
        row.attempt,
        row.progress,
        fault=fault,
        analyzer=row.analyzer,
    )


async def delete_analysis(connection: AsyncConnection, viewer: Viewer, analysis_id: str, now: datetime) -> bool:
    """`delete_analyses` for one analysis; False if there is none."""
    return bool(await delete_analyses(connection, viewer, _analysis.c.id == analysis_id, now=now))


async def delete_analyses(
    connection: AsyncConnection, viewer: Viewer, *where: ColumnElement[bool], now: datetime
) -> int:
    """Delete ended analyses without an open batch that match the conditions, with an event each; returns their number.

    Their earlier events stay.
    """
    column = _analysis.c
    these = (*where, mine(_analysis, viewer))
    await lock_batches_where(connection, *these)
    open_batches = select(tables.batch.c.id).where(tables.batch.c.finished_at.is_(None))
    statement = (
        delete(_analysis)
        .where(*these, column.status.not_in([AnalysisStatus.QUEUED.value, AnalysisStatus.RUNNING.value]))
        .where(column.batch_id.is_(None) | column.batch_id.not_in(open_batches))
        .returning(*OF_EVENT)
    )
    rows = (await connection.execute(statement)).all()
    if not rows:
        return 0
    thinned = {row.batch_id for row in rows if row.batch_id is not None}
    await connection.execute(update(tables.batch).where(tables.batch.c.id.in_(thinned)).values(thinned=True))
    await delete_tags(connection, [row.id for row in rows])
    await count_deleted(connection, rows)
    await record(connection, [deletion_of(row) for row in rows], now)
    return len(rows)
