"""Retention: what is deleted for its age, in slices that hold up nobody, by one clean-up at a time.

Batches and analyses count from their end, and a batch goes with its items once it has ended as a whole. Events go from
the log's beginning on, in its order, so that what is left has no gap; where it begins then is kept with the deletion.
A clean-up holds a lease, and each of its transactions ends with `hold`: one that was taken over deletes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, delete, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import behind, below_fence, in_order, log_start, place_of, shown
from store.queue.transitions import take_turns
from store.sql.columns import microseconds
from store.sql.ids import new_id
from store.sql.paging import rows_of
from store.sql.statements import among
from store.tables import CleanupRow

LEASE = timedelta(minutes=1)
# Of so many batches at most one transaction waits for the turns: on PostgreSQL each is a lock.
MOST_BATCHES = 100

_analysis = tables.analysis.c
_batch = tables.batch.c
_event = tables.event.c
_place = tuple_(_event.xid, _event.position)
_cleanup = tables.cleanup
_ONLY = 1
_finished_at: ColumnElement[int] = type_coerce(_analysis.finished_at, BigInteger)


class TakenOver(Exception):
    """Another clean-up has begun since: this one was too long without a sign of life."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What is deleted: what ended, or happened, before. None keeps all."""

    ended_before: datetime | None
    happened_before: datetime | None


@dataclass(slots=True)
class Deleted:
    """How much a clean-up deleted, or would delete. `analyses` counts items of batches too."""

    batches: int = 0
    analyses: int = 0
    events: int = 0
    keys: int = 0


class Ended(NamedTuple):
    """A place in the list of what has ended, by the time of its end, within a workspace."""

    workspace: str
    finished_at: int
    id: str


FIRST = Ended("", 0, "")


async def last_cleanup(connection: AsyncConnection) -> CleanupRow | None:
    """The row about clean-ups; None before the first."""
    rows = rows_of(await connection.execute(select(_cleanup)), CleanupRow)
    return rows[0] if rows else None


async def begin(connection: AsyncConnection, now: datetime, *, ended_before: datetime) -> str | None:
    """Claim the clean-up: its lease. None where another is at it, or the last one ended after `ended_before`."""
    lease = new_id("lease")
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    claim = {"lease": lease, "lease_expires_at": now + LEASE}
    free = or_(_cleanup.c.lease.is_(None), _cleanup.c.lease_expires_at < now)
    due = or_(_cleanup.c.finished_at.is_(None), _cleanup.c.finished_at <= ended_before)
    statement = (
        insert(_cleanup)
        .values(CleanupRow(id=_ONLY).model_dump() | claim)
        .on_conflict_do_update(index_elements=[_cleanup.c.id], set_=claim, where=free & due)
        .returning(_cleanup.c.id)
    )
    return None if (await connection.execute(statement)).first() is None else lease


async def hold(connection: AsyncConnection, lease: str, now: datetime) -> None:
    """Show a sign of life, in the transaction that deletes. Raises TakenOver: the transaction must not be committed."""
    await _update(connection, lease, lease_expires_at=now + LEASE)


async def finish(connection: AsyncConnection, lease: str, started_at: datetime, now: datetime, did: Deleted) -> None:
    """The clean-up has ended, and did this. Raises TakenOver."""
    await _update(
        connection,
        lease,
        lease=None,
        lease_expires_at=None,
        started_at=started_at,
        finished_at=now,
        batches=did.batches,
        analyses=did.analyses,
        events=did.events,
    )


async def _update(connection: AsyncConnection, held: str, **values: object) -> None:
    statement = update(_cleanup).where(_cleanup.c.lease == held).values(values).returning(_cleanup.c.id)
    if (await connection.execute(statement)).first() is None:
        raise TakenOver


async def ended_batches(connection: AsyncConnection, before: datetime, after: str) -> list[tuple[str, int]]:
    """Batches behind this id that ended before: their ids and totals, in the order of their ids, at most 100."""
    statement = (
        select(_batch.id, _batch.total_items)
        .where(_batch.id > after, _batch.finished_at < before)
        .order_by(_batch.id)
        .limit(MOST_BATCHES)
    )
    return [(row.id, row.total_items) for row in (await connection.execute(statement)).all()]


async def delete_batches(
    connection: AsyncConnection, ids: Sequence[str], before: datetime, limit: int
) -> tuple[int, int]:
    """Delete at most `limit` items of those of these batches that ended before, and the batches that have none left.

    Returns how many items and batches. A batch that was run again meanwhile stays, with the items that it has left.
    """
    await take_turns(connection, ids)
    old = (among(connection, _batch.id, ids), _batch.finished_at < before)
    some = select(_analysis.id).where(_analysis.batch_id.in_(select(_batch.id).where(*old))).limit(limit)
    items = await connection.execute(delete(tables.analysis).where(_analysis.id.in_(some)))
    if items.rowcount == limit:
        await connection.execute(update(tables.batch).where(*old).values(thinned=True))
        return limit, 0
    left = select(_analysis.id).where(_analysis.batch_id == _batch.id).exists()
    batches = await connection.execute(delete(tables.batch).where(*old, ~left))
    return items.rowcount, batches.rowcount


async def ended_analyses(connection: AsyncConnection, before: datetime, after: Ended, limit: int) -> list[Ended]:
    """Analyses behind this place that ended before, in batches or not, at most `limit`; by an index alone.

    Empty only behind the last workspace.
    """
    listed = select(_analysis.workspace, _finished_at.label("finished_at"), _analysis.id)
    workspace: str | None = after.workspace
    while workspace is not None:
        if workspace == after.workspace:
            place: tuple[int, str] = (after.finished_at, after.id)
        else:
            place = (0, "")
        statement = (
            listed.where(_analysis.workspace == workspace, tables.finished)
            .where(tuple_(_finished_at, _analysis.id) > tuple_(*place), _finished_at < microseconds(before))
            .order_by(_finished_at, _analysis.id)
            .limit(limit)
        )
        found = [Ended(*row) for row in (await connection.execute(statement)).all()]
        if found:
            return found
        following = select(func.min(_analysis.workspace)).where(_analysis.workspace > workspace)
        workspace = (await connection.execute(following)).scalar_one()
    return []


async def delete_lone_analyses(connection: AsyncConnection, ids: Sequence[str], before: datetime) -> int:
    """Delete those of these that are in no batch and ended before; returns how many."""
    await take_turns(connection, [None])
    statement = delete(tables.analysis).where(
        among(connection, _analysis.id, ids), _analysis.batch_id.is_(None), _analysis.finished_at < before
    )
    return (await connection.execute(statement)).rowcount


async def delete_events(connection: AsyncConnection, lease: str, before: datetime, limit: int) -> int:
    """Delete from the log's beginning up to the first event that is younger, at most `limit`; returns how many.

    What is left begins where the log says from then on that it does. Raises TakenOver.
    """
    start = await log_start(connection)
    first = in_order(connection, _event.xid, _event.position, _event.occurred_at).where(behind(connection, start))
    rows, _ = await shown(connection, first.limit(limit))
    old = list(takewhile(lambda row: row.occurred_at < before, rows))
    if not old:
        return 0
    end = place_of(old[-1])
    await connection.execute(delete(tables.event).where(~behind(connection, end)))
    await _update(connection, lease, log_xid=end.xid, log_position=end.position)
    return len(old)


async def count_old(connection: AsyncConnection, cutoffs: Cutoffs) -> Deleted:
    """What a clean-up would delete now, without idempotency keys. Reads much of the tables."""
    found = Deleted()
    if (before := cutoffs.ended_before) is not None:
        ended = _batch.finished_at < before
        totals = select(func.count()).select_from(tables.batch).where(ended)
        found.batches = (await connection.execute(totals)).scalar_one()
        of_batches = _analysis.batch_id.in_(select(_batch.id).where(ended))
        lone = _analysis.batch_id.is_(None) & (_analysis.finished_at < before)
        items = select(func.count()).select_from(tables.analysis).where(or_(of_batches, lone))
        found.analyses = (await connection.execute(items)).scalar_one()
    if (before := cutoffs.happened_before) is not None:
        visible = in_order(connection, _event.xid, _event.position).where(await below_fence(connection))
        first = (await connection.execute(visible.where(_event.occurred_at >= before).limit(1))).first()
        old = visible
        if first is not None:
            old = old.where(_place < tuple_(*first))
        events = select(func.count()).select_from(old.order_by(None).subquery())
        found.events = (await connection.execute(events)).scalar_one()
    return found
