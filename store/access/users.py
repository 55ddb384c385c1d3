"""Users: create, find, list, change. An account is deactivated and never deleted, so that no name is used twice.

The last active administrator can't be deactivated, and stays an administrator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.changes import NewChange, note_changes
from store.access.lock import lock_access
from store.access.sessions import end_sessions
from store.sql.ids import new_id
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.tables import UserRow

SIGN_IN_INTERVAL = timedelta(minutes=1)
"""Shortest time between two stored sign-ins of an external user."""

_user = tables.user
_LISTING = Listing("users", (_user.c.id,))


class NameTaken(Exception):
    """Another user, active or not, has this name, or this subject of the same issuer."""


class LastAdministrator(Exception):
    """The user is the last active administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to create. External users have an issuer and a subject."""

    name: str
    display_name: str | None = None
    email: str | None = None
    is_administrator: bool = False
    issuer: str | None = None
    subject: str | None = None


class UserChanges(TypedDict, total=False):
    """New values of a user. Omitted ones stay."""

    display_name: str | None
    email: str | None
    is_active: bool
    is_administrator: bool


async def create_user(connection: AsyncConnection, new: NewUser, now: datetime) -> UserRow:
    """Create an active user without a password. The name is stored in lower case. Raises NameTaken."""
    row = UserRow(
        id=new_id("user"),
        name=new.name.lower(),
        display_name=new.display_name,
        email=new.email,
        is_administrator=new.is_administrator,
        issuer=new.issuer,
        subject=new.subject,
        created_at=now,
    )
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(_user).values(row.model_dump()).on_conflict_do_nothing().returning(_user.c.id)
    if (await connection.execute(statement)).first() is None:
        raise NameTaken(row.name)
    return row


async def users_by_id(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, UserRow]:
    """Return the existing users among these, by id."""
    rows = rows_of(await connection.execute(select(_user).where(_user.c.id.in_(ids))), UserRow)
    return {row.id: row for row in rows}


async def user_by_name(connection: AsyncConnection, name: str) -> UserRow | None:
    """Return the user with this name, in any case. None without one."""
    return await _one(connection, _user.c.name == name.lower())


async def user_by_subject(connection: AsyncConnection, issuer: str, subject: str) -> UserRow | None:
    """Return the external user with this issuer and `sub`. None without one."""
    return await _one(connection, (_user.c.issuer == issuer) & (_user.c.subject == subject))


async def _one(connection: AsyncConnection, which: ColumnElement[bool]) -> UserRow | None:
    rows = rows_of(await connection.execute(select(_user).where(which)), UserRow)
    return rows[0] if rows else None


async def page_of_users(connection: AsyncConnection, page: PageArguments) -> Page[UserRow]:
    """Return a page of all users, oldest first. Raises PageError."""
    return await fetch_page(connection, select(_user), _LISTING, page, UserRow)


async def count_users(connection: AsyncConnection) -> int:
    """Return the number of all users."""
    count: int = (await connection.execute(select(func.count()).select_from(_user))).scalar_one()
    return count


async def any_user(connection: AsyncConnection) -> bool:
    """Return whether there is a user, active or not."""
    return (await connection.execute(select(_user.c.id).limit(1))).first() is not None


async def count_administrators(connection: AsyncConnection, *, but: str | None = None) -> int:
    """Return the number of active administrators, without the user with the id `but`."""
    active = select(func.count()).where(_user.c.is_active, _user.c.is_administrator)
    count: int = (await connection.execute(active if but is None else active.where(_user.c.id != but))).scalar_one()
    return count


async def update_user(connection: AsyncConnection, id_: str, changes: UserChanges, now: datetime) -> UserRow | None:
    """Change a user and return the new row; None for an unknown id. Raises LastAdministrator.

    A deactivation ends all sessions of the user. API keys of an inactive user are refused, and not revoked.
    """
    await lock_access(connection)
    before = await _one(connection, _user.c.id == id_)
    if before is None or not changes:
        return before
    stays = changes.get("is_active", before.is_active) and changes.get("is_administrator", before.is_administrator)
    if (
        before.is_active
        and before.is_administrator
        and not stays
        and not await count_administrators(connection, but=id_)
    ):
        raise LastAdministrator(before.name)
    if before.is_active and not changes.get("is_active", True):
        await end_sessions(connection, id_, now)
    return await _update(connection, id_, dict(changes), now)


async def set_password(
    connection: AsyncConnection, id_: str, password: str, now: datetime, *, keep_session: str | None = None
) -> UserRow | None:
    """Store an encoded password, and end all sessions of the user except `keep_session`. None for an unknown id."""
    await end_sessions(connection, id_, now, but=keep_session)
    return await _update(connection, id_, {"password": password}, now)


async def touch_sign_in(connection: AsyncConnection, id_: str, now: datetime) -> bool:
    """Store the time of an external user's token, unless one of the last SIGN_IN_INTERVAL is stored.

    Returns whether it did. Call it in a transaction of its own. `store.access.sessions` stores the sign-ins of others.
    """
    due = or_(_user.c.last_sign_in_at.is_(None), _user.c.last_sign_in_at <= now - SIGN_IN_INTERVAL)
    statement = update(_user).where(_user.c.id == id_, due).values(last_sign_in_at=now)
    return (await connection.execute(statement)).rowcount == 1


async def _update(connection: AsyncConnection, id_: str, values: dict[str, object], now: datetime) -> UserRow | None:
    statement = update(_user).where(_user.c.id == id_).values(values).returning(_user)
    rows = rows_of(await connection.execute(statement), UserRow)
    await note_changes(connection, [NewChange(row.id, row.id) for row in rows], now)
    return rows[0] if rows else None


async def rehash_password(connection: AsyncConnection, id_: str, before: str, after: str) -> bool:
    """Replace the encoding of an unchanged password. Returns False if the stored one is no longer `before`."""
    await lock_access(connection)
    statement = update(_user).where(_user.c.id == id_, _user.c.password == before).values(password=after)
    return (await connection.execute(statement)).rowcount == 1
