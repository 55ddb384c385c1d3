"""Figures of one workspace: its queue, its recent work, its stored rows. `store.statistics` has those of all together.

The indexes of workspaces find the rows: the cost grows with the unfinished analyses of the workspace, and with those
that ended in the last five minutes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, func, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.timings import WorkFigures
from store.sql.columns import microseconds
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.statistics import (
    LATENCY_WINDOW,
    AnalyzerFigures,
    PriorityFigures,
    QueueFigures,
    StorageFigures,
    database_size,
)
from store.tables import AnalysisStatus
from telemetry import Histogram

MOST_TIMED = 1_000
"""Newest ended analyses from which the percentiles come."""
MOST_COUNTED = 100_000
"""Events up to which PostgreSQL counts those of a workspace exactly; of a longer log it reads a sample of this size."""

_analysis = tables.analysis
_column = tables.analysis.c
_event = tables.event


async def queue_of(connection: AsyncConnection, viewer: Viewer, now: datetime) -> QueueFigures:
    """Read the queued and running analyses of the viewer's workspace."""
    since = func.min(case((_column.not_before.is_(None), _column.updated_at)))  # the last write was its queueing
    # The condition on the id makes SQLite use the index of unfinished rows instead of a larger one.
    unfinished = (mine(_analysis, viewer), tables.unfinished, _column.id > "")
    counted = select(_column.status, _column.priority, func.count(), since).where(*unfinished)
    depths: dict[int, int] = {}
    oldest: dict[int, float] = {}
    running = 0
    rows = await connection.execute(counted.group_by(_column.status, _column.priority))
    for status, priority, count, first in rows.all():
        if status == AnalysisStatus.RUNNING:
            running += count
        elif status == AnalysisStatus.QUEUED:
            depths[priority] = count
            if first is not None:
                oldest[priority] = max((now - first).total_seconds(), 0.0)
    return QueueFigures(
        depth=sum(depths.values()),
        running=running,
        oldest_seconds=max(oldest.values(), default=None),
        by_priority=[
            PriorityFigures(priority, depths[priority], oldest.get(priority))
            for priority in sorted(depths, reverse=True)
        ],
    )


async def analyzers_of(connection: AsyncConnection, viewer: Viewer) -> list[AnalyzerFigures]:
    """Count the queued analyses of the viewer's workspace by analyzer, the most first."""
    queued = (mine(_analysis, viewer), tables.unfinished, _column.id > "", _column.status == AnalysisStatus.QUEUED)
    counted = select(_column.analyzer, func.count().label("depth")).where(*queued).group_by(_column.analyzer)
    rows = (await connection.execute(counted.order_by(literal_column("depth").desc(), _column.analyzer))).all()
    return [AnalyzerFigures(analyzer, depth) for analyzer, depth in rows]


async def work_of_workspace(connection: AsyncConnection, viewer: Viewer, now: datetime) -> WorkFigures:
    """Read the rates and times of the viewer's analyses that ended in the last five minutes.

    The rates end one second before `now`, since workers write a second up to one second later. The percentiles are
    those of the newest MOST_TIMED analyses.
    """
    end = now - timedelta(seconds=1)
    ended = (mine(_analysis, viewer), tables.finished, _column.finished_at >= end - LATENCY_WINDOW)
    recently = func.count().filter(_column.finished_at >= end - timedelta(seconds=10))
    counted = select(recently, func.count()).where(*ended, _column.finished_at < end)
    ten_seconds, five_minutes = (await connection.execute(counted)).one()
    times = select(
        _column.attempt, _column.queued_at, _column.started_at, _column.finished_at, _column.processing_time_ms
    ).where(*ended)
    waiting, processing, total = Histogram(), Histogram(), Histogram()
    for row in (await connection.execute(times.order_by(_column.finished_at.desc()).limit(MOST_TIMED))).all():
        if row.queued_at is None:
            continue
        if row.attempt == 1 and row.started_at is not None:
            waiting.record(microseconds(row.started_at) - microseconds(row.queued_at))
        if row.processing_time_ms is not None:
            processing.record(int(row.processing_time_ms * 1000))
        total.record(microseconds(row.finished_at) - microseconds(row.queued_at))
    return WorkFigures(
        last_ten_seconds=ten_seconds / 10,
        last_five_minutes=five_minutes / LATENCY_WINDOW.total_seconds(),
        waiting=waiting.percentiles(),
        processing=processing.percentiles(),
        total=total.percentiles(),
    )


async def storage_of(connection: AsyncConnection, viewer: Viewer) -> StorageFigures:
    """Count the stored analyses and events of the viewer's workspace. The size is that of the whole database.

    The kept numbers give the analyses. The events have no index on the workspace: SQLite reads the whole log.
    """
    kept = tables.status_count
    analyses = select(func.coalesce(func.sum(kept.c.total), 0)).where(mine(kept, viewer))
    return StorageFigures(
        database_bytes=await database_size(connection),
        analyses=max(int((await connection.execute(analyses)).scalar_one()), 0),
        events=await _events_of(connection, viewer),
    )


async def _events_of(connection: AsyncConnection, viewer: Viewer) -> int:
    counted = select(func.count()).select_from(_event).where(mine(_event, viewer))
    if connection.dialect.name == "sqlite":
        return (await connection.execute(counted)).scalar_one()
    estimate = text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass('event')")
    events: int = (await connection.execute(estimate)).scalar_one()
    if events <= MOST_COUNTED:
        return (await connection.execute(counted)).scalar_one()
    sample = _event.tablesample(func.system(literal_column(f"{100 * MOST_COUNTED / events:f}")))
    of_sample = select(func.count().filter(mine(sample, viewer)), func.count()).select_from(sample)
    found, examined = (await connection.execute(of_sample)).one()
    return round(events * found / max(examined, 1))
