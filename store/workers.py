"""Workers: who they are, and their signs of life."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.paging import rows_of
from store.tables import AnalysisRow, WorkerRow
from store.viewer import Viewer

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
) -> bool:
    """A sign of life, with how many analyses ended so far and what the worker and its processes use.

    False where the worker is not registered (any more: it was silent for long and taken for gone).
    """
    statement = (
        update(_worker)
        .where(_worker.c.id == worker_id)
        .values(last_seen_at=now, completed=completed, failed=failed, cpu_percent=cpu_percent, memory_mb=memory_mb)
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


async def work_of(connection: AsyncConnection, viewer: Viewer, worker_ids: Sequence[str]) -> list[AnalysisRow]:
    """What these workers have claimed and have not finished, of what this viewer may see."""
    statement = (
        select(tables.analysis)
        .where(tables.running, tables.analysis.c.worker_id.in_(worker_ids))
        .where(tables.analysis.c.workspace == viewer.workspace)
        .order_by(tables.analysis.c.id)
    )
    return rows_of(await connection.execute(statement), AnalysisRow)


async def forget(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """Workers that ended, or were found gone."""
    await connection.execute(delete(_worker).where(_worker.c.id.in_(worker_ids)))
