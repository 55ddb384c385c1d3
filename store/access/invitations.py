"""Invitations: each sets the password of one user, once, within 72 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.lock import lock_access
from store.access.sessions import end_sessions
from store.access.users import set_password
from store.sql.paging import rows_of
from store.tables import InvitationRow, UserRow

LIFETIME = timedelta(hours=72)

_invitation, _user = tables.invitation, tables.user


async def create_invitation(
    connection: AsyncConnection, user_id: str, hash_: str, now: datetime
) -> InvitationRow | None:
    """Create the user's only invitation, in place of an open one, and end all sessions of the user.

    `hash_` is the invitation's SHA-256 in hexadecimal. The present password stays valid until the invitation is
    accepted. Returns None for an inactive or unknown user.
    """
    await lock_access(connection)
    active = select(_user.c.id).where(_user.c.id == user_id, _user.c.is_active)
    if (await connection.execute(active)).first() is None:
        return None
    await end_sessions(connection, user_id, now)
    row = InvitationRow(user_id=user_id, hash=hash_, created_at=now, expires_at=now + LIFETIME)
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    values = row.model_dump()
    statement = insert(_invitation).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=[_invitation.c.user_id], set_=values))
    return row


async def is_open(connection: AsyncConnection, hash_: str, now: datetime) -> bool:
    """Return whether there is an unused invitation with this SHA-256 (hexadecimal) that has not expired."""
    statement = select(_invitation.c.user_id).where(_invitation.c.hash == hash_, _invitation.c.expires_at > now)
    return (await connection.execute(statement)).first() is not None


async def accept_invitation(connection: AsyncConnection, hash_: str, password: str, now: datetime) -> UserRow | None:
    """Use an invitation: store the encoded password of its user, end all sessions, and return the user.

    None for a used, replaced, expired or unknown invitation, and for an inactive user. Of concurrent calls, one
    succeeds.
    """
    await lock_access(connection)
    active = exists().where(_user.c.id == _invitation.c.user_id, _user.c.is_active)
    used = (
        delete(_invitation)
        .where(_invitation.c.hash == hash_, _invitation.c.expires_at > now, active)
        .returning(_invitation)
    )
    rows = rows_of(await connection.execute(used), InvitationRow)
    return await set_password(connection, rows[0].user_id, password, now) if rows else None


async def trim_invitations(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Delete expired invitations, at most `limit`; returns their number."""
    is_old = _invitation.c.expires_at <= now
    old = select(_invitation.c.user_id).where(is_old).limit(limit)
    return (await connection.execute(delete(_invitation).where(_invitation.c.user_id.in_(old), is_old))).rowcount
