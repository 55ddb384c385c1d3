"""Stops: end queued analyses as CANCELED or TIMED_OUT, and request that end of running ones from their workers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.analyses import analysis_by_id
from store.queue.transitions import END_EVENTS, STOP_FAULTS, Change, changes_of, lock_batches_where, record
from store.sql.database import announce
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus

_analysis = tables.analysis


async def request_stop(
    connection: AsyncConnection, viewer: Viewer, analysis_id: str, end: AnalysisStatus, now: datetime
) -> AnalysisRow | None:
    """`request_stops` for one analysis. Returns the new row, or None."""
    stopped = await request_stops(connection, viewer, _analysis.c.id == analysis_id, end=end, now=now)
    return await analysis_by_id(connection, viewer, analysis_id) if stopped else None


async def request_stops(
    connection: AsyncConnection, viewer: Viewer, *where: ColumnElement[bool], end: AnalysisStatus, now: datetime
) -> int:
    """End queued analyses that match the conditions, and request the end of running ones; returns their number.

    Without analyses that have ended, or have a requested stop already.
    """
    column = _analysis.c
    these = (*where, mine(_analysis, viewer))
    await lock_batches_where(connection, *these)
    # Under the locks no running analysis returns to the queue between these two.
    changes = await stop_queued(connection, *these, end=end, now=now)
    statement = (
        update(_analysis)
        .where(*these, column.status == AnalysisStatus.RUNNING, column.stop_requested.is_(None))
        .values(stop_requested=end.value, updated_at=now)
        .returning(column.id)
    )
    running = (await connection.execute(statement)).all()
    await record(connection, changes, now)
    if running:
        announce(connection, "stop")
    return len(changes) + len(running)


async def stop_queued(
    connection: AsyncConnection, *where: ColumnElement[bool], end: AnalysisStatus, now: datetime
) -> list[Change]:
    """End the queued analyses that match the conditions. The caller records the changes."""
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
            error_fingerprint=fault.fingerprint,
            not_before=None,
            finished_at=now,
            updated_at=now,
        )
        .returning(column.id, column.workspace, column.batch_id, column.analyzer, column.attempt, column.progress)
    )
    rows = (await connection.execute(statement)).all()
    return changes_of(rows, AnalysisStatus.QUEUED, end, END_EVENTS[end], fault)
