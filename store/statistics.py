"""Figures over what is kept: the queue, batches, storage, and how far readers of the log are behind.

They are of the whole server, whoever's the work is. What is asked often goes by an index; batches and storage read a
table or an index through, so whoever asks often keeps their answers for a while.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    func,
    literal,
    literal_column,
    select,
    text,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.columns import Instant
from store.tables import BatchStatus
from store.timings import Durations

RATE_WINDOW = timedelta(seconds=10)
LATENCY_WINDOW = timedelta(minutes=5)

# So many at the head of each priority are asked how long they have waited: the oldest stand there.
_HEAD = 100
# Below this many rows PostgreSQL counts them; its planner's estimate of a small or new table may be far off.
_COUNTED = 100_000

_analysis = tables.analysis


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """What waits (by priority, highest first), what runs, and for how many seconds the oldest has waited.

    What waits for its next try counts as waiting; `oldest_seconds` is of what a worker could take now.
    """

    depth: int
    running: int
    oldest_seconds: float | None
    by_priority: list[tuple[int, int]]


async def queue_figures(connection: AsyncConnection, now: datetime) -> QueueFigures:
    """The queue, by its own indexes: what it costs grows with what waits, not with what is kept."""
    depths: dict[int, int] = {}
    for condition in (tables.queued, tables.waiting):
        counted = select(_analysis.c.priority, func.count()).where(condition).group_by(_analysis.c.priority)
        for priority, count in (await connection.execute(counted)).all():
            depths[priority] = depths.get(priority, 0) + count
    heads = [
        select(_analysis.c.updated_at)
        .where(tables.queued, _analysis.c.priority == priority)
        .order_by(_analysis.c.id)
        .limit(_HEAD)
        .subquery()
        for priority in sorted(depths)
    ]
    # A row that waits was last written to when it was queued, or queued again.
    oldest = [
        found
        for head in heads
        if (found := (await connection.execute(select(func.min(head.c.updated_at)))).scalar_one()) is not None
    ]
    # The condition on the id makes SQLite take the index of what runs; by itself it reads a larger one through.
    running = select(func.count()).select_from(_analysis).where(tables.running, _analysis.c.id > "")
    return QueueFigures(
        depth=sum(depths.values()),
        running=(await connection.execute(running)).scalar_one(),
        oldest_seconds=max((now - min(oldest)).total_seconds(), 0.0) if oldest else None,
        by_priority=sorted(depths.items(), reverse=True),
    )


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """Batches that are kept, and of those that ended in the last five minutes how long they took."""

    total: int
    running: int
    items_processed: int
    items_failed: int
    durations: Durations


async def batch_figures(connection: AsyncConnection, now: datetime) -> BatchFigures:
    """Reads the table of batches through."""
    batch = tables.batch.c
    sums = select(
        func.count(), func.coalesce(func.sum(batch.processed), 0), func.coalesce(func.sum(batch.failed), 0)
    ).select_from(tables.batch)
    total, processed, failed = (await connection.execute(sums)).one()
    return BatchFigures(
        total=total,
        running=await running_batches(connection),
        items_processed=int(processed),
        items_failed=int(failed),
        durations=await _batch_durations(connection, now - LATENCY_WINDOW),
    )


async def running_batches(connection: AsyncConnection) -> int:
    """How many batches have begun and not ended."""
    running = (
        select(func.count())
        .select_from(tables.batch)
        .where(tables.unended, tables.batch.c.status == BatchStatus.RUNNING.value)
    )
    return (await connection.execute(running)).scalar_one()


async def _batch_durations(connection: AsyncConnection, since: datetime) -> Durations:
    batch = tables.batch.c
    duration = type_coerce(batch.finished_at, BigInteger) - type_coerce(batch.started_at, BigInteger)
    ended = (
        select(
            duration.label("duration"),
            func.row_number().over(order_by=duration).label("rank"),
            func.count().over().label("total"),
        )
        .where(batch.finished_at >= since, batch.started_at.is_not(None))
        .subquery()
    )
    ranks = [(ended.c.total * percent + 99) // 100 for percent in (50, 95, 99)]
    rows = await connection.execute(
        select(ended.c.duration, ended.c.rank, ended.c.total).where(ended.c.rank.in_(ranks))
    )
    found = {row.rank: (row.duration / 1000, row.total) for row in rows.all()}
    if not found:
        return Durations(None, None, None)
    total = next(iter(found.values()))[1]
    return Durations(*(found[(total * percent + 99) // 100][0] for percent in (50, 95, 99)))


async def ended_per_second(connection: AsyncConnection, now: datetime) -> float:
    """Analyses that ended, whatever their end, a second over the last ten seconds; by an index."""
    # The index begins with the workspace: step from one to the next, and count within each.
    first: Select[Any] = select(func.min(_analysis.c.workspace).label("workspace"))
    workspaces = first.cte("workspaces", recursive=True)
    following = select(func.min(_analysis.c.workspace)).where(_analysis.c.workspace > workspaces.c.workspace)
    workspaces = workspaces.union_all(
        select(following.scalar_subquery()).select_from(workspaces).where(workspaces.c.workspace.is_not(None))
    )
    finished_at: ColumnElement[datetime] = literal_column("coalesce(finished_at, 0)", Instant)
    ended = (
        select(func.count())
        .select_from(_analysis)
        .where(_analysis.c.workspace == workspaces.c.workspace, finished_at >= now - RATE_WINDOW)
        .scalar_subquery()
    )
    statement = select(func.coalesce(func.sum(ended), 0)).where(workspaces.c.workspace.is_not(None))
    return int((await connection.execute(statement)).scalar_one()) / RATE_WINDOW.total_seconds()


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """What the database takes on disk, and how many rows the two large tables have."""

    database_bytes: int
    analyses: int
    events: int


async def storage_figures(connection: AsyncConnection) -> StorageFigures:
    """Exact on SQLite, and on PostgreSQL up to 100,000 rows; there, more than that are its planner's estimates."""
    if connection.dialect.name == "sqlite":
        size = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
    else:
        size = text("SELECT pg_database_size(current_database())")
    return StorageFigures(
        database_bytes=(await connection.execute(size)).scalar_one(),
        analyses=await _rows_in(connection, _analysis),
        events=await _rows_in(connection, tables.event),
    )


async def _rows_in(connection: AsyncConnection, table: Table) -> int:
    if connection.dialect.name == "sqlite":
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()
    some = select(literal(1)).select_from(table).limit(_COUNTED).subquery()
    counted = (await connection.execute(select(func.count()).select_from(some))).scalar_one()
    if counted < _COUNTED:
        return counted
    estimate = text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:table)")
    return max(counted, int((await connection.execute(estimate, {"table": table.name})).scalar_one()))


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What lies in a folder, and in those below it."""

    file_bytes: int
    files: int


def file_figures(folder: Path) -> FileFigures:
    """Walks the folder: for a thread. Zeros where there is none."""
    sizes: list[int] = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:  # it was deleted meanwhile
                continue
    return FileFigures(sum(sizes), len(sizes))


async def touch(connection: AsyncConnection) -> None:
    """A round trip to the database and into its tables that reads next to nothing."""
    await connection.execute(select(tables.worker.c.id).limit(1))


@dataclass(frozen=True, slots=True)
class LogFigures:
    """How late readers of the log are because of transactions that are still open: always 0 on SQLite.

    `held_back_seconds` is the age of the oldest event that is committed and not shown yet, and `open_seconds` the age
    of the oldest transaction that has written. The second sees other roles' only with the role pg_read_all_stats.
    """

    held_back_seconds: float
    open_seconds: float


async def log_figures(connection: AsyncConnection, now: datetime) -> LogFigures:
    """By the log's index from the fence on, and the server's own list of transactions."""
    if connection.dialect.name == "sqlite":
        return LogFigures(0.0, 0.0)
    fence: ColumnElement[int] = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger)
    held_back = select(func.min(tables.event.c.occurred_at)).where(tables.event.c.xid >= fence)
    oldest = (await connection.execute(held_back)).scalar_one()
    # Of every database: the fence is one for the whole PostgreSQL server.
    began = text(
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(began)), 0)::float8 FROM ("
        " SELECT xact_start AS began FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        " UNION ALL SELECT prepared FROM pg_prepared_xacts) AS writing"
    )
    return LogFigures(
        held_back_seconds=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
        open_seconds=max((await connection.execute(began)).scalar_one(), 0.0),
    )
