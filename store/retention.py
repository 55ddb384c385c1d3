"""Retention: the lease and figures of the clean-up, and the deletion of old events.

One clean-up at a time deletes, in short transactions, so that other writers never wait long. It holds a lease, and each
of its transactions ends with `hold`: a clean-up that was taken over deletes nothing more.

Each subject deletes its own rows (`store.subjects`). Events are deleted in the order of the log from its beginning, so
that the rest has no gap. The new beginning is stored in the transaction of the deletion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Protocol, TypeVar

from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.cursors import checksum_of
from store.events import behind, below_fence, in_order, log_start, place_of, shown
from store.sql.ids import new_id
from store.sql.paging import rows_of
from store.tables import CleanupRow

LEASE = timedelta(minutes=1)

_event = tables.event.c
_place = tuple_(_event.xid, _event.position)
# The columns that a cursor depends on.
_OF_CURSOR = (_event.xid, _event.position, _event.type, _event.subject, _event.occurred_at)
_cleanup = tables.cleanup
_ONLY = 1

ResultT = TypeVar("ResultT")


class TakenOver(Exception):
    """Another clean-up took over, because this one showed no sign of life for longer than its lease."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """A clean-up deletes objects that ended, and events that happened, before these times. None keeps all."""

    ended_before: datetime | None
    happened_before: datetime | None


class Deleted(Counter[str]):
    """Numbers of rows that a clean-up deleted, or would delete, by name: of a subject, "events" or "keys".

    Items of batches count as analyses.
    """


class Round(Protocol):
    """One run of the clean-up, as the subjects see it."""

    rows: int
    """Rows that the next transaction should delete at most."""
    deleted: Deleted

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a connection that reads."""

    async def slice(self, delete: Callable[[AsyncConnection], Awaitable[ResultT]]) -> ResultT:
        """Run the deletion in a transaction, measure it to set `rows`, and pause for as long as it took."""


async def last_cleanup(connection: AsyncConnection) -> CleanupRow | None:
    """Return the row about clean-ups. None before the first."""
    rows = rows_of(await connection.execute(select(_cleanup)), CleanupRow)
    return rows[0] if rows else None


async def begin(connection: AsyncConnection, now: datetime, *, ended_before: datetime) -> str | None:
    """Claim the clean-up and return its lease. None if another is at work, or the last ended after `ended_before`."""
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
    """End the clean-up and store its figures, those that have a column. Raises TakenOver."""
    figures = {name: count for name, count in did.items() if name in _cleanup.c}
    ended = {"lease": None, "lease_expires_at": None, "started_at": started_at, "finished_at": now}
    await _update(connection, lease, **ended, **figures)


async def _update(connection: AsyncConnection, held: str, **values: object) -> None:
    statement = update(_cleanup).where(_cleanup.c.lease == held).values(values).returning(_cleanup.c.id)
    if (await connection.execute(statement)).first() is None:
        raise TakenOver


async def delete_events(connection: AsyncConnection, lease: str, before: datetime, limit: int) -> int:
    """Delete events from the log's beginning up to the first younger one, at most `limit`, and return their number.

    Stores the new beginning of the log. Raises TakenOver.
    """
    start = await log_start(connection)
    first = in_order(connection, *_OF_CURSOR).where(behind(connection, start))
    rows, _ = await shown(connection, first.limit(limit))
    old = list(takewhile(lambda row: row.occurred_at < before, rows))
    if not old:
        return 0
    end = place_of(old[-1])
    await connection.execute(delete(tables.event).where(~behind(connection, end)))
    await _update(connection, lease, log_xid=end.xid, log_position=end.position, log_checksum=checksum_of(old[-1]))
    return len(old)


async def count_old_events(connection: AsyncConnection, before: datetime) -> int:
    """Return the number of events that `delete_events` would delete now. Reads a large part of the log."""
    old = in_order(connection, _event.xid, _event.position).where(await below_fence(connection))
    first = (await connection.execute(old.where(_event.occurred_at >= before).limit(1))).first()
    if first is not None:
        old = old.where(_place < tuple_(*first))
    events = select(func.count()).select_from(old.order_by(None).subquery())
    count: int = (await connection.execute(events)).scalar_one()
    return count
