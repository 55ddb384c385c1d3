"""Bulk actions: count, insert, read, stop, delete. Their work: `store.bulk_slices`.

An action has an item for each analysis that is eligible at its start. It acts on those that still permit it when it
reaches them, and refuses the others: at its end, `done` and `refused` add up to `eligible`. No other analysis changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
from sqlalchemy import ColumnElement, and_, delete, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import append, new_event
from store.filters import AnalysisFilter, analyses_where
from store.queue.progress import ProgressValue
from store.queue.retries import accepted
from store.queue.transitions import lock_batches
from store.retention import Deleted, Round
from store.sql.database import announce
from store.sql.paging import rows_of
from store.sql.scope import ANYONE, mine, scope_of
from store.sql.short import Reader, Statement, is_one_of, is_sqlite, shapes
from store.sql.statements import among
from store.sql.viewer import Viewer
from store.tables import AnalysisStatus, BulkActionEventType, BulkActionKind, BulkActionRow, BulkActionStatus

MAX_IDS = 1_000
"""Ids of one action."""

STATUSES = {
    BulkActionKind.RETRY: (AnalysisStatus.FAILED, AnalysisStatus.CANCELED, AnalysisStatus.TIMED_OUT),
    BulkActionKind.CANCEL: (AnalysisStatus.QUEUED, AnalysisStatus.RUNNING),
    BulkActionKind.DELETE: tuple(status for status in AnalysisStatus if status.ended),
}
"""The statuses of analyses that permit the action."""

_action, _item = tables.bulk_action, tables.bulk_action_item
_analysis = tables.analysis.c
_batch = tables.batch.c


@dataclass(frozen=True, slots=True)
class Selection:
    """The analyses of an action: those of the filter, or, without a filter, those with these ids.

    Without analyses created after `created_before`.
    """

    kind: BulkActionKind
    where: AnalysisFilter | None
    ids: Sequence[str]
    created_before: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of analyses: all of a selection, and those in a state that permits the action."""

    matched: int
    eligible: int


def permits(kind: BulkActionKind) -> ColumnElement[bool]:
    """Return the condition that an analysis permits the action."""
    has_status = _analysis.status.in_([status.value for status in STATUSES[kind]])
    if kind is BulkActionKind.CANCEL:
        return and_(has_status, tables.unfinished, _analysis.stop_requested.is_(None))
    if kind is BulkActionKind.RETRY:
        return and_(has_status, tables.finished, accepted)
    open_batches = select(_batch.id).where(_batch.finished_at.is_(None))
    return and_(has_status, tables.finished, or_(_analysis.batch_id.is_(None), _analysis.batch_id.not_in(open_batches)))


def _selected(connection: AsyncConnection, viewer: Viewer, selection: Selection) -> list[ColumnElement[bool]]:
    if selection.where is None:
        conditions = [mine(tables.analysis, viewer), among(connection, _analysis.id, selection.ids)]
    else:
        conditions = analyses_where(viewer, selection.where)
    return [*conditions, _analysis.created_at <= selection.created_before]


async def count_selection(connection: AsyncConnection, viewer: Viewer, selection: Selection) -> Counts:
    """Count the viewer's analyses of a selection."""
    conditions = _selected(connection, viewer, selection)
    ended = {status.ended for status in (selection.where and selection.where.status) or ()}
    if len(ended) == 1:  # then the index on ended or on unfinished analyses serves, which needs its own condition
        conditions.append(tables.finished if ended == {True} else tables.unfinished)
    counts = select(func.count(), func.count().filter(permits(selection.kind))).select_from(tables.analysis)
    return Counts(*(await connection.execute(counts.where(*conditions))).one())


async def insert_bulk_action(
    connection: AsyncConnection, viewer: Viewer, id_: str, selection: Selection, matched: int, now: datetime
) -> int:
    """Start an action on the eligible analyses of a selection, of which `matched` were counted before.

    Returns the number of eligible analyses.
    """
    eligible = select(literal(id_), _analysis.id).where(
        *_selected(connection, viewer, selection), permits(selection.kind)
    )
    items = insert(_item).from_select(["action_id", "analysis_id"], eligible, include_defaults=False)
    count = (await connection.execute(items)).rowcount
    row = BulkActionRow(
        id=id_,
        workspace=viewer.workspace,
        kind=selection.kind.value,
        status=BulkActionStatus.RUNNING.value,
        matched=max(matched, count),
        eligible=count,
        created_at=now,
    )
    await connection.execute(insert(_action).values(row.model_dump()))
    announce(connection, "bulk actions")
    return count


async def bulk_actions_by_id(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, BulkActionRow]:
    """Return the existing actions of the viewer's workspace among these, by id."""
    rows = await _by_id(is_sqlite(reader)).fetch(reader, {"ids": list(ids), **scope_of(viewer)})
    return {row.id: row for row in rows}


@shapes
def _by_id(sqlite: bool) -> Statement:
    these = (is_one_of(_action.c.id, "ids", sqlite=sqlite), mine(_action, ANYONE))
    return Statement(select(_action).where(*these), sqlite=sqlite)


async def stop_bulk_action(connection: AsyncConnection, viewer: Viewer, id_: str, now: datetime) -> bool:
    """Stop a running action, after the transaction of its current slice; False if there is none."""
    await lock_batches(connection, [id_])
    statement = (
        update(_action)
        .where(_action.c.id == id_, mine(_action, viewer), _action.c.finished_at.is_(None))
        .values(status=BulkActionStatus.STOPPED.value, finished_at=now, lease="", renewed_at=None)
        .returning(_action)
    )
    rows = rows_of(await connection.execute(statement), BulkActionRow)
    for row in rows:
        await connection.execute(delete(_item).where(_item.c.action_id == id_))
        await report(connection, row, BulkActionEventType.BULK_ACTION_ENDED, now)
    return bool(rows)


async def report(connection: AsyncConnection, row: BulkActionRow, type_: BulkActionEventType, now: datetime) -> None:
    """Write the event of an action as it is."""
    data = orjson.dumps({"done": row.done, "eligible": row.eligible}).decode()
    await append(connection, [new_event(row.workspace, type_, row.id, now, data)])


def progress_of_bulk_action(row: BulkActionRow, now: datetime) -> ProgressValue:
    """Return the progress by reached analyses. The ETA assumes a constant rate since the start."""
    if row.status == BulkActionStatus.COMPLETED:
        return ProgressValue(1.0, None, None)
    reached = row.done + row.refused
    fraction = reached / row.eligible if row.eligible else 0.0
    if row.finished_at is not None:
        return ProgressValue(fraction, None, None)
    elapsed = max((now - row.created_at).total_seconds(), 0.0)
    eta = round(elapsed * (row.eligible - reached) / reached, 1) if reached else None
    return ProgressValue(fraction, f"{reached:,} of {row.eligible:,} analyses", eta)


async def clean_up_bulk_actions(round_: Round, before: datetime) -> None:
    """Delete actions that ended before this time."""
    while (count := await round_.slice(partial(_delete, before=before, limit=round_.rows))) > 0:
        round_.deleted["bulk_actions"] += count


async def _delete(connection: AsyncConnection, before: datetime, limit: int) -> int:
    some = select(_action.c.id).where(_action.c.finished_at < before).limit(limit)
    return (await connection.execute(delete(_action).where(_action.c.id.in_(some)))).rowcount


async def count_old_bulk_actions(connection: AsyncConnection, before: datetime) -> Deleted:
    """Return the number of actions that `clean_up_bulk_actions` would delete now."""
    old = await connection.execute(select(func.count()).where(_action.c.finished_at < before))
    return Deleted(bulk_actions=old.scalar_one())
