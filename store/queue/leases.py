"""What holds a row up: the leases of claims, and the pause before another try.

A lease is renewed by the worker that holds it. Which one ran out, the keeper tells by its own clock (`jobs.keeper`).
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
from store.queue.transitions import take_turns_with
from store.sql.paging import rows_of
from store.tables import AnalysisStatus

# The longest that a row waits for its next try.
LONGEST_PAUSE = timedelta(seconds=60)

_analysis = tables.analysis
_column = _analysis.c


async def renew(
    connection: AsyncConnection, worker_id: str, leases: Collection[str], now: datetime, lease: timedelta = LEASE
) -> set[str]:
    """Push the end of these leases of this worker's out to `lease` from now; returns those under which something runs.

    A claim that the worker does not know of (its answer was lost on the way) is not renewed, and so runs out.
    """
    mine = (tables.running, _column.worker_id == worker_id, _column.lease.in_(leases))
    await take_turns_with(connection, *mine)
    statement = update(_analysis).where(*mine).values(lease_expires_at=now + lease).returning(_column.lease)
    return set((await connection.execute(statement)).scalars())


async def stops(connection: AsyncConnection, worker_id: str) -> dict[str, tuple[str, AnalysisStatus]]:
    """What this worker runs and is asked to stop: by id, the lease and the end that was asked for."""
    statement = select(_column.id, _column.lease, _column.stop_requested).where(
        tables.running, _column.worker_id == worker_id, _column.stop_requested.is_not(None)
    )
    return {
        row.id: (row.lease, AnalysisStatus(row.stop_requested)) for row in (await connection.execute(statement)).all()
    }


async def running_leases(connection: AsyncConnection) -> dict[str, datetime]:
    """The leases under which something runs, and when each ends if it is not renewed."""
    statement = select(_column.lease, func.max(_column.lease_expires_at)).where(tables.running).group_by(_column.lease)
    return {row[0]: row[1] for row in (await connection.execute(statement)).all()}


async def lost(
    connection: AsyncConnection, gone_workers: Collection[str], silent: Mapping[str, datetime]
) -> list[Claimed]:
    """What runs under these leases, still unrenewed, or of a worker that is known to be gone; without the inputs.

    `silent` says of each lease what `running_leases` said of it.
    """
    empty = {"input_text", "input_data", "options"}
    columns = [literal_column("''").label(name) if name in empty else _column[name] for name in Claimed._fields]
    unrenewed = tuple_(_column.lease, _column.lease_expires_at).in_(silent.items())
    statement = select(*columns).where(tables.running, unrenewed | _column.worker_id.in_(gone_workers))
    return rows_of(await connection.execute(statement), Claimed)


async def wake_waiting(connection: AsyncConnection, now: datetime) -> int:
    """Let what has waited long enough for its next try be claimed; returns how many.

    What would wait for much longer than anything may was told so by a clock that has been set back since.
    """
    # Takes no turns, and so waits for nobody: what another transaction moves just now is found at the next look.
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
    """When `wake_waiting` next finds something, by what waits now."""
    ends = [select(end(_column.not_before)).where(tables.waiting).scalar_subquery() for end in (func.min, func.max)]
    earliest, latest = (await connection.execute(select(*ends))).one()
    return now if latest is not None and latest > now + 2 * LONGEST_PAUSE else cast(datetime | None, earliest)
