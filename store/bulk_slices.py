"""The work of bulk actions, in slices: a transaction each, with its analyses, its figures and its event.

An action goes through its items in the order of their ids. A slice deletes its items, and notes the last one in the
action's row, in the transaction of its changes: after a crash the next slice has the next items, and no analysis is
reached twice.

One keeper carries out an action. It holds a lease, renewed by each slice, and another keeper takes it over after a
silence. Each slice begins with a conditional update of the row: one of a keeper without the lease, of a stopped action
or after an outdated place changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.bulk_actions import permits, report
from store.deletions import delete_analyses
from store.queue.retries import retry_analyses
from store.queue.transitions import lock_batches, lock_batches_where
from store.sql.paging import rows_of
from store.sql.statements import among
from store.sql.viewer import Role, Viewer
from store.stops import request_stops
from store.tables import (
    AnalysisStatus,
    BulkActionEventType,
    BulkActionKind,
    BulkActionRow,
    BulkActionStatus,
)

SLICE = 500
"""Analyses of one transaction: other writers wait for it some ten milliseconds."""

PROGRESS_INTERVAL = timedelta(seconds=1)
"""Shortest time between two progress events of an action."""

_action, _item = tables.bulk_action, tables.bulk_action_item
_analysis = tables.analysis.c


async def running_actions(connection: AsyncConnection) -> list[BulkActionRow]:
    """Return the running actions of all workspaces, oldest first. Without kinds that only a newer program knows."""
    statement = select(_action).where(_action.c.finished_at.is_(None), _action.c.kind.in_(list(BulkActionKind)))
    return rows_of(await connection.execute(statement.order_by(_action.c.id)), BulkActionRow)


async def next_ids(connection: AsyncConnection, row: BulkActionRow) -> list[str]:
    """Return the ids of the action's next analyses, at most SLICE."""
    its = (_item.c.action_id == row.id, _item.c.analysis_id > row.reached)
    statement = select(_item.c.analysis_id).where(*its).order_by(_item.c.analysis_id).limit(SLICE)
    return list((await connection.execute(statement)).scalars())


async def carry_out(
    connection: AsyncConnection, row: BulkActionRow, ids: Sequence[str], lease: str, now: datetime
) -> BulkActionRow | None:
    """Act on these next analyses, and note it. Returns the new row.

    None if the action was stopped, if another keeper has its lease, or has carried it on since `row` was read.
    """
    # Before the first write, and the action's before those of the batches: see `lock_batches`.
    await lock_batches(connection, [row.id])
    await lock_batches_where(connection, among(connection, _analysis.id, ids))
    free = or_(
        _action.c.lease.in_(("", lease)), and_(_action.c.lease == row.lease, _action.c.renewed_at == row.renewed_at)
    )
    this = (_action.c.id == row.id, _action.c.finished_at.is_(None), _action.c.reached == row.reached)
    claim = update(_action).where(*this, free).values(lease=lease, renewed_at=now).returning(_action.c.id)
    if (await connection.execute(claim)).first() is None:
        return None
    done = await _act(connection, row, ids, now)
    values: dict[str, Any] = {"done": row.done + done, "refused": row.refused + len(ids) - done}
    event = None
    if ids:
        values["reached"] = ids[-1]
        of_slice = (_item.c.action_id == row.id, _item.c.analysis_id <= ids[-1])
        await connection.execute(delete(_item).where(*of_slice))
    if not ids or values["done"] + values["refused"] >= row.eligible:
        values |= {"status": BulkActionStatus.COMPLETED.value, "finished_at": now, "lease": "", "renewed_at": None}
        event = BulkActionEventType.BULK_ACTION_ENDED
    elif row.progress_event_at is None or abs(now - row.progress_event_at) >= PROGRESS_INTERVAL:
        values["progress_event_at"] = now
        event = BulkActionEventType.BULK_ACTION_PROGRESS
    statement = update(_action).where(_action.c.id == row.id).values(values).returning(_action)
    (new,) = rows_of(await connection.execute(statement), BulkActionRow)
    if event is not None:
        await report(connection, new, event, now)
    return new


async def _act(connection: AsyncConnection, row: BulkActionRow, ids: Sequence[str], now: datetime) -> int:
    """Act on those of the analyses that permit it; returns their number."""
    kind, viewer = BulkActionKind(row.kind), Viewer(name=row.id, workspace=row.workspace, role=Role.ANALYST)
    these = (among(connection, _analysis.id, ids), permits(kind))
    if kind is BulkActionKind.RETRY:
        return len(await retry_analyses(connection, viewer, *these, now=now))
    if kind is BulkActionKind.CANCEL:
        return await request_stops(connection, viewer, *these, end=AnalysisStatus.CANCELED, now=now)
    return await delete_analyses(connection, viewer, *these, now=now)


async def release(connection: AsyncConnection, lease: str) -> None:
    """Free the actions of this lease, so that another keeper takes them at once."""
    await connection.execute(update(_action).where(_action.c.lease == lease).values(lease="", renewed_at=None))
