"""Idempotency keys: a repeated key with the same input, within a day, is the same call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.columns import microseconds
from store.sql.scope import mine
from store.sql.script import Script, run
from store.sql.viewer import Viewer

LIFETIME = timedelta(days=1)

_table = tables.idempotency


class IdempotencyMismatch(Exception):
    """The key was used before with another input."""


class NewKey(NamedTuple):
    """A key with the hash of its call's input, and the subject that the call would create."""

    workspace: str
    key: str
    input_hash: str
    subject_id: str


# A key that has outlived its day is taken over. A repeat locks the key: of two concurrent calls, the second waits.
_OVER = "CASE WHEN idempotency.created_at <= ? THEN excluded.{0} ELSE idempotency.{0} END"
_KEPT = ("input_hash", "subject_id", "created_at")
_OR_READ = f"""
    ON CONFLICT (workspace, key) DO UPDATE SET {", ".join(f"{name} = {_OVER.format(name)}" for name in _KEPT)}
    RETURNING workspace, key, input_hash, subject_id
    """
_TAKE = "INSERT INTO idempotency (workspace, key, input_hash, subject_id, created_at)"
_TAKE_SQLITE = f"{_TAKE} VALUES (?, ?, ?, ?, ?) {_OR_READ}"
_TAKE_POSTGRESQL = f"""
    {_TAKE}
    SELECT workspace, key, input_hash, subject_id, ?::bigint
    FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) AS each(workspace, key, input_hash, subject_id)
    {_OR_READ}
    """  # noqa: S608 - of constants


def take_keys(script: Script, keys: Sequence[NewKey], now: datetime) -> list[str | IdempotencyMismatch]:
    """Bind keys to new subjects, in the transaction that inserts the subjects.

    Returns for each key the subject's id of an earlier call, also of an earlier one in `keys` (the caller must then
    insert nothing), or its own `subject_id`, or the error. Of two concurrent calls the second waits for the first's
    transaction.
    """
    first: dict[tuple[str, str], NewKey] = {}
    for key in keys:
        first.setdefault(key[:2], key)
    # In one order, against deadlocks.
    new = [first[place] for place in sorted(first)]
    instant, over = microseconds(now), microseconds(now - LIFETIME)
    if script.sqlite:
        rows = [script.rows(_TAKE_SQLITE, *each, instant, over, over, over)[0] for each in new]
    else:
        rows = list(script.rows(_TAKE_POSTGRESQL, instant, *map(list, zip(*new, strict=True)), over, over, over))
    held = {(row[0], row[1]): (row[2], row[3]) for row in rows}
    answers: list[str | IdempotencyMismatch] = []
    for key in keys:
        input_hash, subject_id = held[key[:2]]
        answers.append(subject_id if input_hash == key.input_hash else IdempotencyMismatch(key.key))
    return answers


async def take_key(
    connection: AsyncConnection, viewer: Viewer, key: str, input_hash: str, subject_id: str, now: datetime
) -> str:
    """`take_keys` for one key. Raises IdempotencyMismatch."""
    new = NewKey(viewer.workspace, key, input_hash, subject_id)
    [answer] = await run(connection, lambda script: take_keys(script, [new], now))
    if isinstance(answer, IdempotencyMismatch):
        raise answer
    return answer


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
