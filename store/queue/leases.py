"""Leases of claims, and pauses before another attempt.

A worker renews its leases. The keeper (`jobs.keeper`) finds expired leases by its own clock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_queued
from store.queue.claims import LEASE, Claimed
from store.queue.fairness import catch_up, times
from store.queue.transitions import lock_batches_where
from store.sql.paging import rows_of
from store.tables import AnalysisStatus

# Longest pause before another attempt.
LONGEST_PAUSE = timedelta(seconds=60)

_analysis = tables.analysis
_column = _analysis.c


async def renew(
    connection: AsyncConnection, worker_id: str, leases: Collection[str], now: datetime, lease: timedelta = LEASE
) -> set[str]:
    """Extend these leases of this worker to `lease` from now; returns those with running rows.

    A claim unknown to the worker (its answer was lost) is not renewed, and expires.
    """
    mine = (tables.running, _column.worker_id == worker_id, _column.lease.in_(leases))
    await lock_batches_where(connection, *mine)
    statement = update(_analysis).where(*mine).values(lease_expires_at=now + lease).returning(_column.lease)
    return set((await connection.execute(statement)).scalars())


async def stops(connection: AsyncConnection, worker_id: str) -> dict[str, tuple[str, AnalysisStatus]]:
    """Return the requested stops of this worker's rows: by id, the lease and the requested status."""
    statement = select(_column.id, _column.lease, _column.stop_requested).where(
        tables.running, _column.worker_id == worker_id, _column.stop_requested.is_not(None)
    )
    return {
        row.id: (row.lease, AnalysisStatus(row.stop_requested)) for row in (await connection.execute(statement)).all()
    }


async def running_leases(connection: AsyncConnection) -> dict[str, datetime]:
    """Return the leases of all running rows, and the end of each."""
    statement = select(_column.lease, func.max(_column.lease_expires_at)).where(tables.running).group_by(_column.lease)
    return {row[0]: row[1] for row in (await connection.execute(statement)).all()}


async def lost(
    connection: AsyncConnection, gone_workers: Collection[str], silent: Mapping[str, datetime]
) -> list[Claimed]:
    """Return the rows of silent leases, if still unrenewed, and of dead workers; without the inputs.

    `silent`: expired leases with their ends, as `running_leases` returned them.
    """
    empty = {"input_text", "input_data", "options"}
    columns = [literal_column("''").label(name) if name in empty else _column[name] for name in Claimed._fields]
    unrenewed = tuple_(_column.lease, _column.lease_expires_at).in_(silent.items())
    statement = select(*columns).where(tables.running, unrenewed | _column.worker_id.in_(gone_workers))
    return rows_of(await connection.execute(statement), Claimed)


async def wake_waiting(connection: AsyncConnection, now: datetime) -> int:
    """Make rows claimable whose pause is over; returns their number.

    A pause of more than twice LONGEST_PAUSE comes from a clock that was set back since, and also ends now.
    """
    # Without locks on batches, so without a wait: rows that another transaction moves are found at the next look.
    over = (_column.not_before <= now) | (_column.not_before > now + 2 * LONGEST_PAUSE)
    due = select(_column.id).where(tables.waiting, over).with_for_update(skip_locked=True).cte("due")
    statement = (
        update(_analysis)
        .where(_column.id.in_(select(due.c.id)))
        .values(not_before=None)
        .returning(_column.id, _column.analyzer, _column.priority, _column.turn)
    )
    present = await times(connection)
    woken = (await connection.execute(statement)).all()
    if woken:
        await catch_up(connection, present, woken)
        announce_queued(connection, len(woken))
    return len(woken)


async def next_wake(connection: AsyncConnection, now: datetime) -> datetime | None:
    """Return the instant at which `wake_waiting` next finds a row; None without paused rows."""
    ends = [select(end(_column.not_before)).where(tables.waiting).scalar_subquery() for end in (func.min, func.max)]
    earliest, latest = (await connection.execute(select(*ends))).one()
    return now if latest is not None and latest > now + 2 * LONGEST_PAUSE else cast(datetime | None, earliest)
