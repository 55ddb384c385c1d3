"""Memberships: set a role, list. `workspace` is the key of a workspace.

Each workspace with an ADMIN keeps one: the role of the last ADMIN with an active account can't be lowered or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, case, delete, exists, func, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.api_keys import revoke_api_keys
from store.access.changes import NewChange, note_changes
from store.access.lock import lock_access
from store.sql.ids import kind_of, new_id
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.tables import MembershipRow, Role

MAX_LISTED = 100

_membership, _user, _workspace = tables.membership, tables.user, tables.workspace
_LISTING = Listing("members", (_membership.c.id,))


class LastAdmin(Exception):
    """The user is the last ADMIN of the workspace with an active account."""


class NoSuchMember(Exception):
    """The user or the workspace does not exist."""


class Reader(Protocol):
    """A reader of memberships: the workspace of the request, the user (of an API key, its creator), the credential."""

    @property
    def workspace(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def credential_id(self) -> str | None: ...
    @property
    def is_administrator(self) -> bool: ...


def visible_to(reader: Reader) -> ColumnElement[bool]:
    """Return the condition that a reader may see a membership: it is in a workspace of the reader.

    These are the workspace of the request and all workspaces of the user; for an API key, its workspace alone.
    Administrators see all memberships.
    """
    if reader.is_administrator:
        return true()
    column: ColumnElement[str] = _membership.c.workspace
    here = column == reader.workspace
    if not _is_user(reader):
        return here
    own = _membership.alias("own")
    return or_(here, column.in_(select(own.c.workspace).where(own.c.user_id == reader.user_id)))


def _is_user(reader: Reader) -> bool:
    return reader.user_id is not None and kind_of(reader.credential_id or "") != "apikey"


async def set_role(
    connection: AsyncConnection, workspace: str, user_id: str, role: Role | None, now: datetime
) -> MembershipRow | None:
    """Set the role of a user in a workspace, and return the membership. None removes it, and returns None.

    A removal also revokes the user's API keys of the workspace. Raises LastAdmin and NoSuchMember. Of concurrent
    removals of the last two ADMINs, one succeeds.
    """
    await lock_access(connection)
    before = await membership_of(connection, workspace, user_id)
    if before is None:
        return None if role is None else await _add(connection, workspace, user_id, role, now)
    if role == before.role:
        return before
    if before.role == Role.ADMIN and not await _other_admins(connection, workspace, user_id):
        raise LastAdmin(user_id)
    this = _membership.c.id == before.id
    if role is None:
        await connection.execute(delete(_membership).where(this))
        key = tables.api_key.c
        await revoke_api_keys(connection, (key.workspace == workspace) & (key.created_by == user_id), now)
        rows = []
    else:
        changed = update(_membership).where(this).values(role=role.value).returning(_membership)
        rows = rows_of(await connection.execute(changed), MembershipRow)
    await note_changes(connection, [NewChange(before.id, user_id)], now)
    return rows[0] if rows else None


async def _add(connection: AsyncConnection, workspace: str, user_id: str, role: Role, now: datetime) -> MembershipRow:
    place = exists().where(_workspace.c.key == workspace, _workspace.c.deleted_at.is_(None))
    both = select(_user.c.id).where(_user.c.id == user_id, place)
    if (await connection.execute(both)).first() is None:
        raise NoSuchMember(user_id, workspace)
    row = MembershipRow(id=new_id("membership"), workspace=workspace, user_id=user_id, role=role.value, created_at=now)
    await connection.execute(insert(_membership).values(row.model_dump()))
    await note_changes(connection, [NewChange(row.id, user_id)], now)
    return row


async def _other_admins(connection: AsyncConnection, workspace: str, user_id: str) -> int:
    admins = (
        select(func.count())
        .select_from(_membership.join(_user, _user.c.id == _membership.c.user_id))
        .where(_membership.c.workspace == workspace, _membership.c.role == Role.ADMIN.value)
        .where(_user.c.id != user_id, _user.c.is_active)
    )
    count: int = (await connection.execute(admins)).scalar_one()
    return count


async def membership_of(connection: AsyncConnection, workspace: str, user_id: str) -> MembershipRow | None:
    """Return the membership of a user in a workspace. None without one."""
    which = (_membership.c.workspace == workspace, _membership.c.user_id == user_id)
    rows = rows_of(await connection.execute(select(_membership).where(*which)), MembershipRow)
    return rows[0] if rows else None


async def memberships_by_id(
    connection: AsyncConnection, reader: Reader, ids: Sequence[str]
) -> dict[str, MembershipRow]:
    """Return the memberships among these that the reader may see, by id."""
    statement = select(_membership).where(_membership.c.id.in_(ids), visible_to(reader))
    return {row.id: row for row in rows_of(await connection.execute(statement), MembershipRow)}


async def memberships_of_user(connection: AsyncConnection, reader: Reader, user_id: str) -> list[MembershipRow]:
    """Return the memberships of a user that the reader may see, oldest first, at most MAX_LISTED."""
    statement = select(_membership).where(_membership.c.user_id == user_id, visible_to(reader))
    return rows_of(await connection.execute(statement.order_by(_membership.c.id).limit(MAX_LISTED)), MembershipRow)


async def users_seen_by(connection: AsyncConnection, reader: Reader, ids: Sequence[str]) -> dict[str, bool]:
    """Return the users among these that share a workspace with the reader, and whether the reader is an ADMIN of one.

    Users always share with themselves. An API key shares the workspace of the request, and is no ADMIN here. For
    administrators, who see all users, there is no need to call this.
    """
    seen = _membership.c.user_id
    if not _is_user(reader):
        here = select(seen).where(seen.in_(ids), visible_to(reader))
        return dict.fromkeys((await connection.execute(here)).scalars(), False)
    own = _membership.alias("own")
    is_admin = func.max(case((own.c.role == Role.ADMIN.value, 1), else_=0))
    shared = (
        select(seen, is_admin)
        .select_from(_membership.join(own, own.c.workspace == _membership.c.workspace))
        .where(own.c.user_id == reader.user_id, seen.in_(ids))
        .group_by(seen)
    )
    found = {row[0]: bool(row[1]) for row in (await connection.execute(shared)).all()}
    return found | {id_: found.get(id_, False) for id_ in ids if id_ == reader.user_id}


async def page_of_members(connection: AsyncConnection, workspace: str, page: PageArguments) -> Page[MembershipRow]:
    """Return a page of the memberships in a workspace, oldest first. Raises PageError."""
    statement = select(_membership).where(_membership.c.workspace == workspace)
    return await fetch_page(connection, statement, _LISTING, page, MembershipRow)


async def count_members(connection: AsyncConnection, workspace: str) -> int:
    """Return the number of memberships in a workspace."""
    members = select(func.count()).where(_membership.c.workspace == workspace)
    count: int = (await connection.execute(members)).scalar_one()
    return count
