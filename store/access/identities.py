"""Identities: the user or API key of a credential, with all that its permissions depend on. One statement each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.sessions import open_at
from store.tables import Role

_key, _membership, _signin = tables.api_key, tables.membership, tables.signin
_user, _workspace = tables.user, tables.workspace
_OF_USER = (_user.c.id, _user.c.name, _user.c.display_name, _user.c.is_administrator)
_OF_WORKSPACE = (_workspace.c.key, _workspace.c.id, _workspace.c.slug)


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace, by its key, id and slug, and the role there."""

    workspace: str
    workspace_id: str
    slug: str
    role: Role


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """An active user, with all memberships, oldest first."""

    id: str
    name: str
    display_name: str | None
    is_administrator: bool
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A valid API key, with the id of its creator.

    Its role is the lower of the key's and the creator's. The key of an administrator needs no membership.
    """

    id: str
    name: str
    user_id: str
    place: Place
    expires_at: datetime | None


async def identify_session(connection: AsyncConnection, session_id: str, now: datetime) -> UserIdentity | None:
    """Return the user of an open session. None for another session, and for an inactive user."""
    sessions = select(_signin.c.user_id).where(_signin.c.id == session_id, open_at(now))
    return await _identify_user(connection, _user.c.id.in_(sessions))


async def identify_external(connection: AsyncConnection, issuer: str, subject: str) -> UserIdentity | None:
    """Return the user of an external issuer's token. None for an unknown or inactive user."""
    return await _identify_user(connection, (_user.c.issuer == issuer) & (_user.c.subject == subject))


async def _identify_user(connection: AsyncConnection, which: ColumnElement[bool]) -> UserIdentity | None:
    statement = (
        select(*_OF_USER, *(column.label(f"workspace_{column.name}") for column in _OF_WORKSPACE), _membership.c.role)
        .select_from(
            # SQLite would read all memberships for an outer join with the join of the two.
            _user.outerjoin(_membership, _membership.c.user_id == _user.c.id).outerjoin(
                _workspace, _workspace.c.key == _membership.c.workspace
            )
        )
        .where(which, _user.c.is_active)
        .order_by(_membership.c.id)
    )
    rows = (await connection.execute(statement)).all()
    if not rows:
        return None
    places = [
        Place(row.workspace_key, row.workspace_id, row.workspace_slug, Role(row.role))
        for row in rows
        if row.role is not None
    ]
    user = rows[0]
    return UserIdentity(user.id, user.name, user.display_name, user.is_administrator, tuple(places))


async def identify_key(connection: AsyncConnection, hash_: str, now: datetime) -> KeyIdentity | None:
    """Return the identity of an API key by its SHA-256 (hexadecimal).

    None if the key is unknown, revoked or expired, its workspace deleted, or its creator inactive or no longer a
    member.
    """
    member = (_membership.c.user_id == _user.c.id) & (_membership.c.workspace == _key.c.workspace)
    statement = (
        select(
            _key.c.id,
            _key.c.name,
            _key.c.role,
            _key.c.expires_at,
            _key.c.created_by,
            _user.c.is_administrator,
            *(column.label(f"workspace_{column.name}") for column in _OF_WORKSPACE),
            _membership.c.role.label("member_role"),
        )
        .select_from(
            _key.join(_user, _user.c.id == _key.c.created_by)
            .join(_workspace, _workspace.c.key == _key.c.workspace)
            .outerjoin(_membership, member)
        )
        .where(_key.c.hash == hash_, _key.c.revoked_at.is_(None))
        .where(or_(_key.c.expires_at.is_(None), _key.c.expires_at > now))
        .where(_user.c.is_active, _workspace.c.deleted_at.is_(None))
        .where(or_(_membership.c.id.is_not(None), _user.c.is_administrator))
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    role = Role(row.role)
    if not row.is_administrator:
        role = min(role, Role(row.member_role), key=lambda each: each.rank)
    place = Place(row.workspace_key, row.workspace_id, row.workspace_slug, role)
    return KeyIdentity(row.id, row.name, row.created_by, place, row.expires_at)
