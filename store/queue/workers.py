"""Workers: who they are, and their signs of life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.paging import rows_of
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisRow, AnalysisStatus, WorkerRow

# A worker says every second that it lives; one that was not heard for this long is shown as not alive.
SILENCE = timedelta(seconds=5)

_worker = tables.worker


async def register(connection: AsyncConnection, row: WorkerRow) -> None:
    """A worker begins."""
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
    """A sign of life, with how many analyses ended so far and what the worker and its processes use.

    `slots` is how many it has, `busy` how many of them have work, and `current` the analyses that run in them.

    False where the worker is not registered (any more: it was silent for long and taken for gone).
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
    """Every worker that has not said goodbye, oldest first."""
    return rows_of(await connection.execute(select(_worker).order_by(_worker.c.id)), WorkerRow)


async def workers_by_id(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, WorkerRow]:
    """Those of these that there are."""
    statement = select(_worker).where(_worker.c.id.in_(ids))
    return {row.id: row for row in rows_of(await connection.execute(statement), WorkerRow)}


async def analyzers_of_others(connection: AsyncConnection, worker_id: str, now: datetime) -> frozenset[str]:
    """The analyzers that other workers have which are alive."""
    alive = (_worker.c.id != worker_id, _worker.c.last_seen_at >= now - SILENCE)
    told = await connection.execute(select(_worker.c.analyzers).where(*alive))
    return frozenset(name for names in told.scalars() for name in orjson.loads(names))


async def work_of(connection: AsyncConnection, viewer: Viewer, worker_ids: Sequence[str]) -> list[AnalysisRow]:
    """What ran in these workers' slots at their last sign of life and still runs, of what this viewer may see.

    By the rows' ids: a worker has claimed up to hundreds of rows for each slot, and of those one runs.
    """
    told = await connection.execute(select(_worker.c.current).where(_worker.c.id.in_(worker_ids)))
    ids: list[str] = [id_ for current in told.scalars() for id_ in orjson.loads(current)]
    if not ids:
        return []
    column = tables.analysis.c
    statement = (
        select(tables.analysis)
        .where(column.id.in_(ids), column.status == AnalysisStatus.RUNNING, column.worker_id.in_(worker_ids))
        .where(mine(tables.analysis, viewer))
        .order_by(column.id)
    )
    return rows_of(await connection.execute(statement), AnalysisRow)


async def forget(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """Workers that ended, or were found gone."""
    await connection.execute(delete(_worker).where(_worker.c.id.in_(worker_ids)))
