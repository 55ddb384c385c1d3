"""Idempotency keys: a repeated key with the same input, within a day, is the same call."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.scope import mine
from store.sql.viewer import Viewer

LIFETIME = timedelta(days=1)

_table = tables.idempotency


class IdempotencyMismatch(Exception):
    """The key was used before with another input."""


async def take_key(
    connection: AsyncConnection, viewer: Viewer, key: str, input_hash: str, subject_id: str, now: datetime
) -> str:
    """Bind a key to the new subject, in the transaction that inserts the subject.

    Returns the subject's id of an earlier call with this key (the caller must then insert nothing), or `subject_id`.
    Of two concurrent calls the second waits for the first's transaction. Raises IdempotencyMismatch.
    """
    this = (mine(_table, viewer), _table.c.key == key)
    await connection.execute(delete(_table).where(*this, _table.c.created_at <= now - LIFETIME))
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    await connection.execute(
        dialect.insert(_table)
        .values(workspace=viewer.workspace, key=key, input_hash=input_hash, subject_id=subject_id, created_at=now)
        .on_conflict_do_nothing()
    )
    row = (await connection.execute(select(_table.c.input_hash, _table.c.subject_id).where(*this))).one()
    if row.input_hash != input_hash:
        raise IdempotencyMismatch(key)
    return str(row.subject_id)


async def find_key(connection: AsyncConnection, viewer: Viewer, key: str, input_hash: str, now: datetime) -> str | None:
    """Return the subject's id of an earlier call with this key; None without one. Raises IdempotencyMismatch."""
    this = (mine(_table, viewer), _table.c.key == key, _table.c.created_at > now - LIFETIME)
    row = (await connection.execute(select(_table.c.input_hash, _table.c.subject_id).where(*this))).first()
    if row is None:
        return None
    if row.input_hash != input_hash:
        raise IdempotencyMismatch(key)
    return str(row.subject_id)


async def trim_keys(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Delete keys older than a day, at most `limit`; returns their number."""
    over = _table.c.created_at <= now - LIFETIME
    which = tuple_(_table.c.workspace, _table.c.key)
    some = select(_table.c.workspace, _table.c.key).where(over).limit(limit)
    return (await connection.execute(delete(_table).where(which.in_(some), over))).rowcount
