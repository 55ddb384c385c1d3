"""Changes of access: a numbered list. Every instance follows it to drop cached permissions and close connections.

A change of a user, membership, session, key or workspace notes a row in its transaction. A new user, session or key
notes none: nothing is cached about it yet. A new membership does, because its user may have cached permissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.lock import lock_access
from store.sql.database import announce
from store.sql.paging import rows_of
from store.tables import AccessChangeRow

KEPT = timedelta(days=1)
"""Age at which changes are deleted. A reader that paused for longer drops all its cached permissions."""

_change = tables.access_change


class NewChange(NamedTuple):
    """The id of the changed object, and the user who gained or lost permissions."""

    subject_id: str
    user_id: str | None


async def note_changes(connection: AsyncConnection, changes: Sequence[NewChange], now: datetime) -> None:
    """Write changes and announce "access". Takes the access lock."""
    if changes:
        await lock_access(connection)
        await connection.execute(insert(_change), [{**each._asdict(), "occurred_at": now} for each in changes])
        announce(connection, "access", len(changes))


async def last_change(connection: AsyncConnection) -> int:
    """Return the number of the last change; 0 without one. A reader with an empty cache begins after it."""
    number: int | None = (await connection.execute(select(func.max(_change.c.number)))).scalar()
    return number or 0


async def changes_after(connection: AsyncConnection, number: int, limit: int = 1_000) -> list[AccessChangeRow]:
    """Return the changes after this number, oldest first, at most `limit`."""
    statement = select(_change).where(_change.c.number > number).order_by(_change.c.number).limit(limit)
    return rows_of(await connection.execute(statement), AccessChangeRow)


async def trim_changes(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Delete changes older than KEPT, at most `limit`; returns their number."""
    old = select(_change.c.number).where(_change.c.occurred_at <= now - KEPT).order_by(_change.c.number).limit(limit)
    return (await connection.execute(delete(_change).where(_change.c.number.in_(old)))).rowcount
