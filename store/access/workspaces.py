"""Workspaces: create, find, list, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.api_keys import revoke_api_keys
from store.access.changes import NewChange, note_changes
from store.access.lock import lock_access
from store.sql.ids import new_id
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.sql.viewer import DEFAULT_WORKSPACE
from store.tables import WorkspaceRow

_workspace, _membership = tables.workspace, tables.membership
_LISTING = Listing("workspaces", (_workspace.c.id,))
_exists: ColumnElement[bool] = _workspace.c.deleted_at.is_(None)


class SlugTaken(Exception):
    """Another workspace has this slug."""


class FirstWorkspace(Exception):
    """The first workspace can't be deleted: it is the workspace of an open server."""


async def create_workspace(connection: AsyncConnection, slug: str, name: str, now: datetime) -> WorkspaceRow:
    """Create a workspace without members. Raises SlugTaken."""
    id_ = new_id("workspace")
    row = WorkspaceRow(id=id_, key=id_, slug=slug, name=name, created_at=now)
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(_workspace).values(row.model_dump()).on_conflict_do_nothing().returning(_workspace.c.id)
    if (await connection.execute(statement)).first() is None:
        raise SlugTaken(slug)
    return row


async def workspaces_by_id(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, WorkspaceRow]:
    """Return the existing workspaces among these, by id."""
    return {row.id: row for row in await _all(connection, _workspace.c.id.in_(ids))}


async def workspaces_by_key(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, WorkspaceRow]:
    """Return the existing workspaces among these, by key."""
    return {row.key: row for row in await _all(connection, _workspace.c.key.in_(keys))}


async def workspace_by_slug(connection: AsyncConnection, slug: str) -> WorkspaceRow | None:
    """Return the existing workspace with this slug. None without one."""
    rows = await _all(connection, _workspace.c.slug == slug)
    return rows[0] if rows else None


async def _all(connection: AsyncConnection, which: ColumnElement[bool]) -> list[WorkspaceRow]:
    return rows_of(await connection.execute(select(_workspace).where(which, _exists)), WorkspaceRow)


async def page_of_workspaces(
    connection: AsyncConnection, page: PageArguments, *, of_user: str | None = None, key: str | None = None
) -> Page[WorkspaceRow]:
    """Return a page of a user's workspaces, of the one with this key, or of all, oldest first. Raises PageError."""
    return await fetch_page(connection, _listed(select(_workspace), of_user, key), _LISTING, page, WorkspaceRow)


async def count_workspaces(connection: AsyncConnection, *, of_user: str | None = None, key: str | None = None) -> int:
    """Return the number of a user's workspaces, of those with this key, or of all."""
    statement = _listed(select(func.count()).select_from(_workspace), of_user, key)
    count: int = (await connection.execute(statement)).scalar_one()
    return count


def _listed(statement: Select[Any], of_user: str | None, key: str | None) -> Select[Any]:
    if key is not None:
        statement = statement.where(_workspace.c.key == key)
    if of_user is not None:
        own = select(_membership.c.workspace).where(_membership.c.user_id == of_user)
        statement = statement.where(_workspace.c.key.in_(own))
    return statement.where(_exists)


async def delete_workspace(connection: AsyncConnection, id_: str, now: datetime) -> WorkspaceRow | None:
    """Mark a workspace as deleted, delete its memberships and revoke its API keys. None without an existing one.

    Nothing finds the workspace afterwards. The keeper deletes its data (`store.emptying`), under a key that no other
    workspace gets; `deleted_workspaces` lists these keys. Raises FirstWorkspace.
    """
    await lock_access(connection)
    rows = await _all(connection, _workspace.c.id == id_)
    if not rows:
        return None
    (row,) = rows
    if row.key == DEFAULT_WORKSPACE:
        raise FirstWorkspace(row.slug)
    await connection.execute(update(_workspace).where(_workspace.c.id == id_).values(deleted_at=now))
    removed = delete(_membership).where(_membership.c.workspace == row.key)
    members = (await connection.execute(removed.returning(_membership.c.id, _membership.c.user_id))).all()
    await revoke_api_keys(connection, tables.api_key.c.workspace == row.key, now)
    changes = [NewChange(member.id, member.user_id) for member in members]
    await note_changes(connection, [*changes, NewChange(id_, None)], now)
    return row


async def deleted_workspaces(connection: AsyncConnection) -> list[str]:
    """Return the keys of deleted workspaces, oldest first."""
    statement = select(_workspace.c.key).where(_workspace.c.deleted_at.is_not(None)).order_by(_workspace.c.deleted_at)
    return list((await connection.execute(statement)).scalars())
