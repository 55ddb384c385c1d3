"""Users, workspaces, memberships, API keys and sign-in sessions, as far as the viewer may see them.

An object that the viewer may not see is the same as one that does not exist.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from execution.errors import ClientError, ErrorCode
from resolvers.audit import audited_workspace, is_api_key
from resolvers.context import Context
from resolvers.paging import Connection, read_page_of
from resolvers.user_errors import require_id
from store.access.api_keys import (
    api_keys_by_id,
    api_keys_of_user,
    count_api_keys,
    own_api_keys_by_id,
    page_of_api_keys,
)
from store.access.audit import audit_by_id
from store.access.memberships import (
    count_members,
    membership_of,
    memberships_by_id,
    memberships_of_user,
    page_of_members,
    users_seen_by,
)
from store.access.sessions import sessions_of_user
from store.access.users import count_users, page_of_users, users_by_id
from store.access.workspaces import (
    count_workspaces,
    page_of_workspaces,
    workspace_by_slug,
    workspaces_by_id,
    workspaces_by_key,
)
from store.sql.clock import utcnow
from store.sql.paging import PageArguments
from store.sql.scope import is_mine
from store.sql.short import Reader
from store.sql.viewer import Role, Viewer
from store.tables import ApiKeyRow, AuditRow, MembershipRow, SignInRow, UserRow, WorkspaceRow


@dataclass(frozen=True, slots=True)
class Sight:
    """The private fields of a user that a viewer may see."""

    email: bool


@asynccontextmanager
async def _reading(reader: Reader) -> AsyncIterator[AsyncConnection]:
    if isinstance(reader, AsyncConnection):
        yield reader
    else:
        async with reader.read() as connection:
            yield connection


# Loaders for `Context.load_together`. Those named `all_…` are for objects that the viewer has reached by another one.


async def all_users(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, UserRow]:
    """Return users by id."""
    async with _reading(reader) as connection:
        return await users_by_id(connection, ids)


async def all_workspaces(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, WorkspaceRow]:
    """Return existing workspaces by key: `ids` has keys."""
    async with _reading(reader) as connection:
        return await workspaces_by_key(connection, ids)


async def sights(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, Sight]:
    """Return the sights of the users among these that the viewer may see, by id."""
    if viewer.is_administrator:
        return dict.fromkeys(ids, Sight(email=True))
    async with _reading(reader) as connection:
        seen = await users_seen_by(connection, viewer, ids)
    own = None if is_api_key(viewer) else viewer.user_id
    return {id_: Sight(email=is_admin or id_ == own) for id_, is_admin in seen.items()}


async def visible_users(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, UserRow]:
    """Return the users among these that share a workspace with the viewer; all of them for administrators."""
    seen = await sights(reader, viewer, ids)
    return await all_users(reader, viewer, list(seen))


async def visible_workspaces(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, WorkspaceRow]:
    """Return the workspaces of the viewer among these, by id; all of them for administrators."""
    async with _reading(reader) as connection:
        found = await workspaces_by_id(connection, ids)
        return {id_: row for id_, row in found.items() if await _role_in(connection, viewer, row.key) is not None}


async def visible_memberships(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, MembershipRow]:
    """Return the memberships among these that are in a workspace of the viewer, by id."""
    async with _reading(reader) as connection:
        return await memberships_by_id(connection, viewer, ids)


async def visible_api_keys(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, ApiKeyRow]:
    """Return the viewer's keys among these, and for an ADMIN those of the workspace, by id."""
    found: dict[str, ApiKeyRow] = {}
    async with _reading(reader) as connection:
        if viewer.role is Role.ADMIN:
            found |= await api_keys_by_id(connection, viewer.workspace, ids)
        if viewer.user_id is not None:
            own = await own_api_keys_by_id(connection, viewer.user_id, ids)
            found |= {id_: row for id_, row in own.items() if not is_api_key(viewer) or is_mine(row, viewer)}
        return {row.id: row for row in await _of_existing(connection, list(found.values()))}


async def own_sessions(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, SignInRow]:
    """Return the viewer's open sessions among these, by id."""
    async with _reading(reader) as connection:
        return {row.id: row for row in await _sessions(connection, viewer) if row.id in ids}


async def visible_entries(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, AuditRow]:
    """Return the audit entries among these that the viewer may see as an ADMIN or administrator, by id."""
    if viewer.role is not Role.ADMIN:
        return {}
    async with _reading(reader) as connection:
        return await audit_by_id(connection, audited_workspace(viewer), ids)


async def _of_existing(connection: AsyncConnection, rows: Sequence[ApiKeyRow]) -> list[ApiKeyRow]:
    """Return the keys whose workspace is not deleted."""
    existing = await workspaces_by_key(connection, list({row.workspace for row in rows}))
    return [row for row in rows if row.workspace in existing]


async def _sessions(connection: AsyncConnection, viewer: Viewer) -> list[SignInRow]:
    if viewer.user_id is None or is_api_key(viewer):
        return []
    return await sessions_of_user(connection, viewer.user_id, utcnow())


async def _role_in(connection: AsyncConnection, viewer: Viewer, workspace: str) -> Role | None:
    if viewer.is_administrator:
        return Role.ADMIN
    if workspace == viewer.workspace:
        return viewer.role
    if viewer.user_id is None or is_api_key(viewer):
        return None
    membership = await membership_of(connection, workspace, viewer.user_id)
    return None if membership is None else Role(membership.role)


async def role_in(context: Context, workspace: str) -> Role | None:
    """Return the viewer's role in the workspace with this key; None if it is not one of the viewer's."""
    async with context.services.database.read() as connection:
        return await _role_in(connection, context.viewer, workspace)


# The fields of the schema.


def viewer(context: Context) -> Viewer | None:
    """Return the viewer; None for an anonymous one."""
    return None if context.viewer.role is None else context.viewer


async def user_of(context: Context, id_: str) -> UserRow:
    """Return a user that the viewer has reached by another object."""
    row = await context.load_together(all_users, id_)
    assert row is not None, "users are never deleted"
    return row


async def email_of(context: Context, user: UserRow) -> str | None:
    """Return the user's e-mail address, if the viewer may see it."""
    sight = await context.load_together(sights, user.id)
    return user.email if sight is not None and sight.email else None


async def workspace_of(context: Context, key: str | None) -> WorkspaceRow | None:
    """Return the workspace with this key. None for None, and for a deleted workspace."""
    return None if key is None else await context.load_together(all_workspaces, key)


async def memberships(context: Context, user_id: str) -> list[MembershipRow]:
    """Return the memberships of a user that the viewer may see, oldest first."""
    async with context.services.database.read() as connection:
        return await memberships_of_user(connection, context.viewer, user_id)


async def sessions(context: Context) -> list[SignInRow]:
    """Return the viewer's open sessions, last used first. An API key has none."""
    async with context.services.database.read() as connection:
        return await _sessions(connection, context.viewer)


async def own_api_keys(context: Context, viewer: Viewer) -> list[ApiKeyRow]:
    """Return the keys that the viewer's user has created, newest first; for an API key, those of its workspace."""
    if viewer.user_id is None:
        return []
    async with context.services.database.read() as connection:
        only = viewer.workspace if is_api_key(viewer) else None
        return await _of_existing(connection, await api_keys_of_user(connection, viewer.user_id, only))


async def workspace(context: Context, id_: str | None, slug: str | None) -> WorkspaceRow | None:
    """Return a workspace of the viewer by its id or slug. None without one. Raise ClientError without exactly one."""
    if (id_ is None) == (slug is None):
        message = "Give exactly one of `id` and `slug`."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="id")
    if slug is not None:
        if "\0" in slug or not slug.isascii():
            return None
        async with context.services.database.read() as connection:
            row = await workspace_by_slug(connection, slug)
        id_ = None if row is None else row.id
        return None if id_ is None else await context.load_together(visible_workspaces, id_)
    return await context.load_together(visible_workspaces, require_id("workspace", id_ or ""))


async def workspaces(context: Context, page: PageArguments) -> Connection[WorkspaceRow]:
    """Return a page of the viewer's workspaces; of all for administrators."""
    viewer = context.viewer
    only: dict[str, str | None] = {}
    if is_api_key(viewer):
        only["key"] = viewer.workspace
    elif not viewer.is_administrator:
        only["of_user"] = viewer.user_id or ""
    return await read_page_of(
        context.services.database,
        lambda connection: page_of_workspaces(connection, page, **only),
        lambda connection: count_workspaces(connection, **only),
    )


async def users(context: Context, page: PageArguments) -> Connection[UserRow]:
    """Return a page of all users."""
    return await read_page_of(
        context.services.database, lambda connection: page_of_users(connection, page), count_users
    )


async def members(context: Context, workspace: WorkspaceRow, page: PageArguments) -> Connection[MembershipRow]:
    """Return a page of the members of a workspace of the viewer."""
    return await read_page_of(
        context.services.database,
        lambda connection: page_of_members(connection, workspace.key, page),
        lambda connection: count_members(connection, workspace.key),
    )


async def api_keys(context: Context, workspace: WorkspaceRow, page: PageArguments) -> Connection[ApiKeyRow] | None:
    """Return a page of the keys of a workspace. None for a viewer below ADMIN there."""
    if await role_in(context, workspace.key) is not Role.ADMIN:
        return None
    return await read_page_of(
        context.services.database,
        lambda connection: page_of_api_keys(connection, workspace.key, page),
        lambda connection: count_api_keys(connection, workspace.key),
    )


async def api_key(context: Context) -> ApiKeyRow | None:
    """Return the API key of the request. None for another credential."""
    viewer = context.viewer
    if not is_api_key(viewer) or viewer.credential_id is None:
        return None
    as_admin = replace(viewer, role=Role.ADMIN)
    return (await visible_api_keys(context.services.database, as_admin, [viewer.credential_id])).get(
        viewer.credential_id
    )
