"""Figures of the queue, of batches, of storage, and of the delay of the event log.

The figures cover all workspaces; `store.workspace_figures` has those of one. Frequent figures use an index. Batch and
storage figures read a whole table or index: frequent callers cache them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import (
    ColumnElement,
    Table,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import oldest_held_back
from store.tables import BatchStatus
from telemetry import PERCENTS, Percentiles, nearest_rank

LATENCY_WINDOW = timedelta(minutes=5)

# Rows examined at the head of each lane for the oldest waiting time.
_HEAD = 100
# Rows up to which PostgreSQL counts them: the planner's estimate of a small or new table may be far off.
_COUNTED = 100_000

_analysis = tables.analysis


@dataclass(frozen=True, slots=True)
class PriorityFigures:
    """Queued rows of one priority. `oldest_seconds`: the age of the oldest claimable row; None without one."""

    priority: int
    depth: int
    oldest_seconds: float | None


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Queued rows by priority, highest first, running rows, and the age of the oldest claimable row in seconds.

    Rows in a pause before another attempt count as queued, but not for `oldest_seconds`.
    """

    depth: int
    running: int
    oldest_seconds: float | None
    by_priority: list[PriorityFigures]


@dataclass(frozen=True, slots=True)
class AnalyzerFigures:
    """Queued rows of one analyzer."""

    analyzer: str
    depth: int


async def queue_figures(connection: AsyncConnection, now: datetime) -> QueueFigures:
    """Read the figures of the queue by its own indexes: the cost grows with the queue, not with the stored rows."""
    depths: dict[int, int] = {}
    lane = (_analysis.c.analyzer, _analysis.c.priority)
    lanes = set()
    for condition in (tables.queued, tables.waiting):
        counted = select(*lane, func.count()).where(condition).group_by(*lane)
        for analyzer, priority, count in (await connection.execute(counted)).all():
            depths[priority] = depths.get(priority, 0) + count
            lanes.add((analyzer, priority))
    oldest: dict[int, float] = {}
    for (_, priority), seconds in (await oldest_by_lane(connection, lanes, now)).items():
        oldest[priority] = max(seconds, oldest.get(priority, 0.0))
    # The condition on the id makes SQLite use the index of running rows instead of a larger one.
    running = select(func.count()).select_from(_analysis).where(tables.running, _analysis.c.id > "")
    return QueueFigures(
        depth=sum(depths.values()),
        running=(await connection.execute(running)).scalar_one(),
        oldest_seconds=max(oldest.values(), default=None),
        by_priority=[
            PriorityFigures(priority, depths[priority], oldest.get(priority))
            for priority in sorted(depths, reverse=True)
        ],
    )


async def oldest_by_lane(
    connection: AsyncConnection, lanes: Iterable[tuple[str, int]], now: datetime
) -> dict[tuple[str, int], float]:
    """Return the waiting time in seconds of the oldest claimable row of each lane, by analyzer and priority."""
    oldest: dict[tuple[str, int], float] = {}
    for analyzer, priority in sorted(lanes):
        head = (
            select(_analysis.c.updated_at)  # the last write of a queued row was its queueing
            .where(tables.queued, _analysis.c.analyzer == analyzer, _analysis.c.priority == priority)
            .order_by(_analysis.c.turn, _analysis.c.id)
            .limit(_HEAD)
            .subquery()
        )
        found = (await connection.execute(select(func.min(head.c.updated_at)))).scalar_one()
        if found is not None:
            oldest[analyzer, priority] = max((now - found).total_seconds(), 0.0)
    return oldest


async def analyzer_figures(connection: AsyncConnection) -> list[AnalyzerFigures]:
    """Count queued rows by analyzer, the most first. Reads every queued row in the queue's own index."""
    depths: Counter[str] = Counter()
    for condition in (tables.queued, tables.waiting):
        counted = select(_analysis.c.analyzer, func.count()).where(condition).group_by(_analysis.c.analyzer)
        for analyzer, count in (await connection.execute(counted)).all():
            depths[analyzer] += count
    return [AnalyzerFigures(analyzer, depth) for analyzer, depth in sorted(depths.items(), key=lambda x: (-x[1], x[0]))]


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """Stored batches, and durations of those that ended in the last five minutes."""

    total: int
    running: int
    items_processed: int
    items_failed: int
    durations: Percentiles


async def batch_figures(connection: AsyncConnection, now: datetime, *where: ColumnElement[bool]) -> BatchFigures:
    """Read the figures of the batches that match the conditions, or of the whole table of batches."""
    batch = tables.batch.c
    sums = select(
        func.count(), func.coalesce(func.sum(batch.processed), 0), func.coalesce(func.sum(batch.failed), 0)
    ).where(*where)
    total, processed, failed = (await connection.execute(sums)).one()
    return BatchFigures(
        total=total,
        running=await running_batches(connection, *where),
        items_processed=int(processed),
        items_failed=int(failed),
        durations=await _batch_durations(connection, now - LATENCY_WINDOW, *where),
    )


async def running_batches(connection: AsyncConnection, *where: ColumnElement[bool]) -> int:
    """Count the batches that began and have not ended, those that match the conditions."""
    running = (
        select(func.count())
        .select_from(tables.batch)
        .where(tables.unended, tables.batch.c.status == BatchStatus.RUNNING.value, *where)
    )
    return (await connection.execute(running)).scalar_one()


async def _batch_durations(connection: AsyncConnection, since: datetime, *where: ColumnElement[bool]) -> Percentiles:
    batch = tables.batch.c
    ended = (
        select(
            tables.run_time.label("duration"),
            func.row_number().over(order_by=tables.run_time).label("rank"),
            func.count().over().label("total"),
        )
        .where(batch.finished_at >= since, batch.started_at.is_not(None), *where)
        .subquery()
    )
    ranks = [nearest_rank(ended.c.total, percent) for percent in PERCENTS]
    rows = await connection.execute(
        select(ended.c.duration, ended.c.rank, ended.c.total).where(ended.c.rank.in_(ranks))
    )
    found = {row.rank: (row.duration / 1000, row.total) for row in rows.all()}
    if not found:
        return Percentiles(None, None, None)
    total = next(iter(found.values()))[1]
    return Percentiles(*(found[nearest_rank(total, percent)][0] for percent in PERCENTS))


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """Disk space of the database, and the rows of the two large tables."""

    database_bytes: int
    analyses: int
    events: int


async def storage_figures(connection: AsyncConnection) -> StorageFigures:
    """Read the storage figures. On PostgreSQL counts above 100,000 rows are the planner's estimates."""
    return StorageFigures(
        database_bytes=await database_size(connection),
        analyses=await _rows_in(connection, _analysis),
        events=await _rows_in(connection, tables.event),
    )


async def database_size(connection: AsyncConnection) -> int:
    """Return the disk space of the database in bytes."""
    if connection.dialect.name == "sqlite":
        size = text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
    else:
        size = text("SELECT pg_database_size(current_database())")
    found: int = (await connection.execute(size)).scalar_one()
    return found


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
    """Number and size of the files in a folder and its subfolders."""

    file_bytes: int
    files: int


def file_figures(folder: Path) -> FileFigures:
    """Walk the folder (blocking); zeros if it does not exist."""
    sizes: list[int] = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:  # deleted meanwhile
                continue
    return FileFigures(sum(sizes), len(sizes))


async def touch(connection: AsyncConnection) -> None:
    """Make a round trip to the database with a trivial read of a table."""
    await connection.execute(select(tables.worker.c.id).limit(1))


@dataclass(frozen=True, slots=True)
class LogFigures:
    """The delay of readers of the log by open transactions of this database: always 0 on SQLite.

    `held_back_seconds` is the age of the oldest event that is committed and not shown yet, and `open_seconds` the age
    of the oldest open transaction of this database that has written. PostgreSQL shows the start of other roles'
    transactions only to members of pg_read_all_stats.
    """

    held_back_seconds: float
    open_seconds: float


async def log_figures(connection: AsyncConnection, now: datetime) -> LogFigures:
    """Read them by the log's index from the fence on, and from PostgreSQL's list of transactions."""
    if connection.dialect.name == "sqlite":
        return LogFigures(0.0, 0.0)
    oldest = await oldest_held_back(connection)
    began = text(
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(began)), 0)::float8 FROM ("
        " SELECT xact_start AS began FROM pg_stat_activity"
        " WHERE backend_xid IS NOT NULL AND datname = current_database()"
        " UNION ALL SELECT prepared FROM pg_prepared_xacts WHERE database = current_database()) AS writing"
    )
    return LogFigures(
        held_back_seconds=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
        open_seconds=max((await connection.execute(began)).scalar_one(), 0.0),
    )
