"""Workers: registration and heartbeats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.paging import rows_of
from store.sql.scope import mine
from store.sql.short import Reader, Statement, is_one_of, is_sqlite, shapes
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, WorkerRow

# Age of the last heartbeat, written every second, after which a worker is shown as not alive.
SILENCE = timedelta(seconds=5)

_worker = tables.worker


async def register(connection: AsyncConnection, row: WorkerRow) -> None:
    """Insert a worker's row."""
    await connection.execute(insert(_worker).values(row.model_dump()))


async def beat(
    connection: AsyncConnection,
    worker_id: str,
    now: datetime,
    *,
    completed: int,
    failed: int,
    cpu_percent: float,
    memory_mb: float,
    slots: int,
    busy: int,
    current: Sequence[str],
) -> bool:
    """Write a heartbeat, with the counts of ended analyses and the use of CPU and memory.

    `slots`: their number. `busy`: the slots with work. `current`: the running analyses.
    Returns False if the worker is not registered, for example after a long silence.
    """
    statement = (
        update(_worker)
        .where(_worker.c.id == worker_id)
        .values(last_seen_at=now, completed=completed, failed=failed, cpu_percent=cpu_percent, memory_mb=memory_mb)
        .values(slots=slots, busy=busy, current=orjson.dumps(current).decode())
        .returning(_worker.c.id)
    )
    return (await connection.execute(statement)).first() is not None


async def all_workers(connection: AsyncConnection) -> list[WorkerRow]:
    """Return all registered workers, oldest first."""
    return rows_of(await connection.execute(select(_worker).order_by(_worker.c.id)), WorkerRow)


async def workers_by_id(reader: Reader, ids: Sequence[str]) -> dict[str, WorkerRow]:
    """Return the existing ones of these workers, by id."""
    rows = await _by_id(is_sqlite(reader)).fetch(reader, {"ids": list(ids)})
    return {row.id: row for row in rows}


@shapes
def _by_id(sqlite: bool) -> Statement:
    return Statement(select(_worker).where(is_one_of(_worker.c.id, "ids", sqlite=sqlite)), sqlite=sqlite)


async def analyzers_of_others(connection: AsyncConnection, worker_id: str, now: datetime) -> frozenset[str]:
    """Return the names of the analyzers of the other live workers."""
    alive = (_worker.c.id != worker_id, _worker.c.last_seen_at >= now - SILENCE)
    told = await connection.execute(select(_worker.c.analyzers).where(*alive))
    return frozenset(name for names in told.scalars() for name in orjson.loads(names))


async def work_of(connection: AsyncConnection, viewer: Viewer, worker_ids: Sequence[str]) -> list[AnalysisRow]:
    """Return the analyses in these workers' slots at their last heartbeat that still run, of the viewer's workspace.

    By id: a worker claims up to hundreds of rows for each slot, and runs one of them.
    """
    told = await connection.execute(select(_worker.c.current).where(_worker.c.id.in_(worker_ids)))
    ids: list[str] = [id_ for current in told.scalars() for id_ in orjson.loads(current)]
    if not ids:
        return []
    column = tables.analysis.c
    statement = (
        select(*tables.shown)
        .where(column.id.in_(ids), column.status == AnalysisStatus.RUNNING, column.worker_id.in_(worker_ids))
        .where(mine(tables.analysis, viewer))
        .order_by(column.id)
    )
    return rows_of(await connection.execute(statement), AnalysisRow)


async def forget(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """Delete the rows of stopped or dead workers."""
    await connection.execute(delete(_worker).where(_worker.c.id.in_(worker_ids)))
