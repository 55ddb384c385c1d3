"""API keys: create, list, revoke, note the use. `store.access.identities` finds the caller of a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.changes import NewChange, note_changes
from store.access.lock import lock_access
from store.sql.ids import new_id
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.tables import ApiKeyRow, Role

USE_INTERVAL = timedelta(minutes=1)
"""Shortest time between two stored uses of a key."""
MAX_LISTED = 100

_key = tables.api_key
_LISTING = Listing("api keys", (_key.c.id,))


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key to create. `workspace` is the key of a workspace, `start` the first characters of the API key.

    `hash` is the SHA-256 of the API key in hexadecimal.
    """

    workspace: str
    name: str
    start: str
    hash: str
    role: Role
    created_by: str
    expires_at: datetime | None


async def create_api_key(connection: AsyncConnection, new: NewApiKey, now: datetime) -> ApiKeyRow:
    """Create an API key. It works while its creator is active and a member of the workspace, or an administrator."""
    row = ApiKeyRow(
        id=new_id("apikey"),
        workspace=new.workspace,
        name=new.name,
        start=new.start,
        hash=new.hash,
        role=new.role.value,
        created_by=new.created_by,
        created_at=now,
        expires_at=new.expires_at,
    )
    await connection.execute(insert(_key).values(row.model_dump()))
    return row


async def api_keys_by_id(connection: AsyncConnection, workspace: str, ids: Sequence[str]) -> dict[str, ApiKeyRow]:
    """Return the keys of this workspace among these, by id, also revoked and expired ones."""
    statement = select(_key).where(_key.c.workspace == workspace, _key.c.id.in_(ids))
    return {row.id: row for row in rows_of(await connection.execute(statement), ApiKeyRow)}


async def own_api_keys_by_id(connection: AsyncConnection, user_id: str, ids: Sequence[str]) -> dict[str, ApiKeyRow]:
    """Return the keys of this creator among these, of all workspaces, by id, also revoked and expired ones."""
    statement = select(_key).where(_key.c.created_by == user_id, _key.c.id.in_(ids))
    return {row.id: row for row in rows_of(await connection.execute(statement), ApiKeyRow)}


async def workspace_of_api_key(connection: AsyncConnection, id_: str) -> str | None:
    """Return the key of the workspace of an API key. None for an unknown id."""
    workspace: str | None = (await connection.execute(select(_key.c.workspace).where(_key.c.id == id_))).scalar()
    return workspace


async def page_of_api_keys(connection: AsyncConnection, workspace: str, page: PageArguments) -> Page[ApiKeyRow]:
    """Return a page of a workspace's keys, also revoked and expired ones, oldest first. Raises PageError."""
    return await fetch_page(connection, select(_key).where(_key.c.workspace == workspace), _LISTING, page, ApiKeyRow)


async def count_api_keys(connection: AsyncConnection, workspace: str) -> int:
    """Return the number of a workspace's keys, as in `page_of_api_keys`."""
    count: int = (await connection.execute(select(func.count()).where(_key.c.workspace == workspace))).scalar_one()
    return count


async def api_keys_of_user(connection: AsyncConnection, user_id: str, workspace: str | None = None) -> list[ApiKeyRow]:
    """Return a user's keys, of one workspace or of all, newest first, at most MAX_LISTED."""
    statement = select(_key).where(_key.c.created_by == user_id)
    if workspace is not None:
        statement = statement.where(_key.c.workspace == workspace)
    return rows_of(await connection.execute(statement.order_by(_key.c.id.desc()).limit(MAX_LISTED)), ApiKeyRow)


async def revoke_api_key(
    connection: AsyncConnection, workspace: str, id_: str, now: datetime, *, of_user: str | None = None
) -> ApiKeyRow | None:
    """Revoke a key of this workspace, and of this creator if given. Returns its row, also if it was revoked before.

    None without the key.
    """
    which = (_key.c.workspace == workspace) & (_key.c.id == id_)
    if of_user is not None:
        which &= _key.c.created_by == of_user
    revoked = await revoke_api_keys(connection, which, now)
    if not revoked:
        revoked = rows_of(await connection.execute(select(_key).where(which)), ApiKeyRow)
    return revoked[0] if revoked else None


async def revoke_api_keys(connection: AsyncConnection, which: ColumnElement[bool], now: datetime) -> list[ApiKeyRow]:
    """Revoke the keys that meet this condition and are not yet revoked; returns their rows."""
    await lock_access(connection)
    statement = update(_key).where(which, _key.c.revoked_at.is_(None)).values(revoked_at=now).returning(_key)
    rows = rows_of(await connection.execute(statement), ApiKeyRow)
    await note_changes(connection, [NewChange(row.id, row.created_by) for row in rows], now)
    return rows


async def touch_api_key(connection: AsyncConnection, id_: str, now: datetime) -> bool:
    """Store the use of a key, unless one of the last USE_INTERVAL is stored. Returns whether it did.

    Call it in a transaction of its own.
    """
    due = or_(_key.c.last_used_at.is_(None), _key.c.last_used_at <= now - USE_INTERVAL)
    return (await connection.execute(update(_key).where(_key.c.id == id_, due).values(last_used_at=now))).rowcount == 1
