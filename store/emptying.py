"""The end of a workspace's data: the keeper cancels its work, then deletes its rows, a slice in each transaction.

A workspace is deleted at once for all callers (`store.access.workspaces`). A submission that was on its way is deleted
too. Canceled work ends first, as by a request of a client. The keeper deletes the items of a batch as of any deleted
batch (`store.batches`). Events stay in the log until their age deletes them, because cursors of other workspaces are
places between them. No viewer sees them: no later workspace has the same key.

Several keepers may do this at once: each step is conditional.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.batches import request_batch_stop
from store.bulk_actions import stop_bulk_action
from store.queue.status_counts import count_deleted
from store.queue.tags import delete_tags
from store.queue.transitions import lock_batches
from store.sql.database import announce
from store.sql.scope import mine
from store.sql.statements import among
from store.sql.viewer import Role, Viewer
from store.stops import request_stops
from store.tables import AnalysisStatus

SLICE = 500
"""Most rows that one step changes: other writers wait for it some ten milliseconds."""

_analysis, _batch, _action, _key = tables.analysis, tables.batch, tables.bulk_action, tables.idempotency


async def deleted_with_data(connection: AsyncConnection) -> list[Viewer]:
    """Return a viewer of each deleted workspace that still has rows."""
    key = tables.workspace.c.key
    some = or_(*(exists().where(table.c.workspace == key) for table in (_analysis, _batch, _action, _key)))
    found = await connection.execute(select(key).where(tables.workspace.c.deleted_at.is_not(None), some))
    return [Viewer("keeper", each, Role.ADMIN) for each in found.scalars()]


async def stop_action(connection: AsyncConnection, viewer: Viewer, now: datetime) -> int:
    """Stop the next bulk action."""
    running = select(_action.c.id).where(mine(_action, viewer), _action.c.finished_at.is_(None)).limit(1)
    ids = list((await connection.execute(running)).scalars())
    return sum([await stop_bulk_action(connection, viewer, id_, now) for id_ in ids])


async def stop_batch(connection: AsyncConnection, viewer: Viewer, now: datetime) -> int:
    """Cancel the next open batch."""
    unfinished = (mine(_batch, viewer), _batch.c.finished_at.is_(None), _batch.c.stop_requested.is_(None))
    ids = list((await connection.execute(select(_batch.c.id).where(*unfinished).limit(1))).scalars())
    return sum([await request_batch_stop(connection, viewer, id_, AnalysisStatus.CANCELED, now) for id_ in ids])


async def stop_analyses(connection: AsyncConnection, viewer: Viewer, now: datetime) -> int:
    """Cancel the next analyses without a batch."""
    column = _analysis.c
    ids = await _alone(connection, viewer, tables.unfinished, column.stop_requested.is_(None))
    these = (among(connection, column.id, ids), column.stop_requested.is_(None))
    return await request_stops(connection, viewer, *these, end=AnalysisStatus.CANCELED, now=now) if ids else 0


async def delete_batches(connection: AsyncConnection, viewer: Viewer, _now: datetime) -> int:
    """Put the next ended batches into deletion. The keeper deletes their items."""
    ended = (mine(_batch, viewer), _batch.c.finished_at.is_not(None))
    ids = list((await connection.execute(select(_batch.c.id).where(*ended).limit(SLICE))).scalars())
    if not ids:
        return 0
    await lock_batches(connection, ids)
    these = update(_batch).where(among(connection, _batch.c.id, ids), *ended).values(workspace=tables.NOWHERE)
    announce(connection, "waiting")  # the keeper continues
    return (await connection.execute(these)).rowcount


async def delete_analyses(connection: AsyncConnection, viewer: Viewer, _now: datetime) -> int:
    """Delete the next ended analyses without a batch, without events."""
    column = _analysis.c
    ids = await _alone(connection, viewer, tables.finished)
    if not ids:
        return 0
    await lock_batches(connection, [None])
    these = (among(connection, column.id, ids), mine(_analysis, viewer), tables.finished)
    statement = delete(_analysis).where(*these).returning(column.id, column.workspace, column.status)
    rows = (await connection.execute(statement)).all()
    await delete_tags(connection, [row.id for row in rows])
    await count_deleted(connection, rows)
    return len(rows)


async def delete_actions(connection: AsyncConnection, viewer: Viewer, _now: datetime) -> int:
    """Delete the next ended bulk actions."""
    some = select(_action.c.id).where(mine(_action, viewer), _action.c.finished_at.is_not(None)).limit(SLICE)
    return (await connection.execute(delete(_action).where(mine(_action, viewer), _action.c.id.in_(some)))).rowcount


async def delete_keys(connection: AsyncConnection, viewer: Viewer, _now: datetime) -> int:
    """Delete the next idempotency keys."""
    which = tuple_(_key.c.workspace, _key.c.key)
    some = select(_key.c.workspace, _key.c.key).where(mine(_key, viewer)).limit(SLICE)
    return (await connection.execute(delete(_key).where(mine(_key, viewer), which.in_(some)))).rowcount


async def _alone(connection: AsyncConnection, viewer: Viewer, *where: ColumnElement[bool]) -> list[str]:
    column = _analysis.c
    these = select(column.id).where(mine(_analysis, viewer), column.batch_id.is_(None), *where)
    return list((await connection.execute(these.limit(SLICE))).scalars())


STEPS: Sequence[Callable[[AsyncConnection, Viewer, datetime], Awaitable[int]]] = (
    stop_action,
    stop_batch,
    stop_analyses,
    delete_batches,
    delete_analyses,
    delete_actions,
    delete_keys,
)
"""Each needs its own transaction, and returns the number of changed objects."""
