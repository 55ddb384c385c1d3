"""Alerts: changes in the health of components, as events of the installation; and the keeper's lease.

Local components belong to one instance, which reports them. Shared components have a row with their reported status,
and the holder of the lease reports them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import append, new_event
from store.sql.paging import rows_of
from store.sql.scope import EVERYWHERE
from store.tables import AlertEventType, AlertRow, HealthStatus, KeeperRow

_alert, _keeper = tables.alert, tables.keeper
_ONLY = 1


@dataclass(frozen=True, slots=True)
class Change:
    """A component's new status, and the time of the change."""

    component: str
    health: HealthStatus
    message: str | None
    occurred_at: datetime


async def report(connection: AsyncConnection, instance: str, changes: Sequence[Change]) -> None:
    """Write one ALERT for each change. `instance` is the reporter, the subject of the events."""
    await append(
        connection,
        [
            new_event(
                EVERYWHERE,
                AlertEventType.ALERT,
                instance,
                change.occurred_at,
                orjson.dumps(
                    {"component": change.component, "health": change.health, "message": change.message}
                ).decode(),
            )
            for change in changes
        ],
    )


async def report_shared(connection: AsyncConnection, instance: str, changes: Sequence[Change]) -> None:
    """Write one ALERT for each change of a shared component, except changes that are reported already.

    Only the holder of the lease may call this, in the transaction of `hold`.
    """
    rows = rows_of(await connection.execute(select(_alert)), AlertRow)
    known = {row.component: (HealthStatus(row.health), row.occurred_at) for row in rows}
    new = []
    for change in changes:
        health, since = known.get(change.component, (HealthStatus.HEALTHY, None))
        if change.health is not health and (since is None or change.occurred_at > since):
            known[change.component] = change.health, change.occurred_at
            new.append(change)
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    for component in dict.fromkeys(change.component for change in new):
        health, since = known[component]
        values = {"health": health.value, "occurred_at": since}
        statement = insert(_alert).values(component=component, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=[_alert.c.component], set_=values))
    await report(connection, instance, new)


async def reported(connection: AsyncConnection) -> Mapping[str, HealthStatus]:
    """Return the reported status of shared components. A component without one is HEALTHY."""
    rows = rows_of(await connection.execute(select(_alert)), AlertRow)
    return {row.component: HealthStatus(row.health) for row in rows}


async def lease(connection: AsyncConnection) -> KeeperRow | None:
    """Return the keeper's lease. None before the first holder."""
    rows = rows_of(await connection.execute(select(_keeper)), KeeperRow)
    return rows[0] if rows else None


async def hold(connection: AsyncConnection, holder: str, seen: KeeperRow | None, now: datetime) -> bool:
    """Take or renew the lease. `seen` is the lease of another, silent holder, or None.

    Returns False if another holder has the lease, and has renewed it since `seen`.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    own = {"holder": holder, "renewed_at": now}
    free = _keeper.c.holder.in_((holder, ""))
    if seen is not None:
        free = or_(free, (_keeper.c.holder == seen.holder) & (_keeper.c.renewed_at == seen.renewed_at))
    statement = (
        insert(_keeper)
        .values(id=_ONLY, **own)
        .on_conflict_do_update(index_elements=[_keeper.c.id], set_=own, where=free)
        .returning(_keeper.c.id)
    )
    return (await connection.execute(statement)).first() is not None


async def release(connection: AsyncConnection, holder: str) -> None:
    """Free the lease, so that another server takes it at once. Does nothing if another one has it."""
    await connection.execute(update(_keeper).where(_keeper.c.holder == holder).values(holder=""))
