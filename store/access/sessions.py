"""Sign-in sessions: start, end, list, clean-up. `store.access.refresh` exchanges their refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.changes import NewChange, note_changes
from store.access.lock import lock_access
from store.access.texts import storable_or_none
from store.sql.ids import new_id
from store.sql.paging import rows_of
from store.tables import SignInRow

UNUSED, TOTAL = timedelta(days=14), timedelta(days=30)
"""Lifetimes of a session: without use, and in total."""
MAX_LISTED = 100

_signin, _refresh, _user = tables.signin, tables.refresh, tables.user


@dataclass(frozen=True, slots=True)
class Client:
    """The client of a session: IP address and User-Agent header. None if unknown."""

    address: str | None = None
    user_agent: str | None = None


def open_at(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a session is open: neither ended nor expired."""
    condition: ColumnElement[bool] = _signin.c.ended_at.is_(None) & (_signin.c.expires_at > now)
    return condition


async def start_session(
    connection: AsyncConnection, user_id: str, token_hash: str, client: Client, now: datetime
) -> SignInRow | None:
    """Start a session of an active user, with the SHA-256 (hexadecimal) of its first refresh token.

    Sets the user's time of sign-in. Returns None for an inactive or unknown user.
    """
    await lock_access(connection)
    active = (_user.c.id == user_id, _user.c.is_active)
    signed_in = update(_user).where(*active).values(last_sign_in_at=now).returning(_user.c.id)
    if (await connection.execute(signed_in)).first() is None:
        return None
    row = SignInRow(
        id=new_id("signin"),
        user_id=user_id,
        created_at=now,
        last_used_at=now,
        expires_at=now + UNUSED,
        address=storable_or_none(client.address),
        user_agent=storable_or_none(client.user_agent),
    )
    await connection.execute(insert(_signin).values(row.model_dump()))
    token = {"hash": token_hash, "signin_id": row.id, "expires_at": row.expires_at}
    await connection.execute(insert(_refresh).values(token))
    return row


async def end_session(connection: AsyncConnection, user_id: str, session_id: str, now: datetime) -> bool:
    """End an open session of this user. Returns False without one."""
    return bool(await _end(connection, (_signin.c.user_id == user_id) & (_signin.c.id == session_id), now))


async def end_session_of_token(connection: AsyncConnection, token_hash: str, now: datetime) -> SignInRow | None:
    """End the open session that this refresh token, used or not, belongs to. Returns its row; None without one."""
    of_token = select(_refresh.c.signin_id).where(_refresh.c.hash == token_hash).scalar_subquery()
    ended = await _end(connection, _signin.c.id == of_token, now)
    return ended[0] if ended else None


async def end_sessions(connection: AsyncConnection, user_id: str, now: datetime, *, but: str | None = None) -> int:
    """End all open sessions of a user, except the one with the id `but`. Returns their number."""
    others = _signin.c.user_id == user_id
    return len(await _end(connection, others if but is None else others & (_signin.c.id != but), now))


async def _end(connection: AsyncConnection, which: ColumnElement[bool], now: datetime) -> list[SignInRow]:
    await lock_access(connection)
    ended = update(_signin).where(which, open_at(now)).values(ended_at=now).returning(_signin)
    rows = rows_of(await connection.execute(ended), SignInRow)
    await note_changes(connection, [NewChange(row.id, row.user_id) for row in rows], now)
    return rows


async def sessions_of_user(connection: AsyncConnection, user_id: str, now: datetime) -> list[SignInRow]:
    """Return the open sessions of a user, last used first, at most MAX_LISTED."""
    statement = select(_signin).where(_signin.c.user_id == user_id, open_at(now))
    order = (_signin.c.last_used_at.desc(), _signin.c.id.desc())
    return rows_of(await connection.execute(statement.order_by(*order).limit(MAX_LISTED)), SignInRow)


async def trim_sessions(connection: AsyncConnection, now: datetime, limit: int) -> int:
    """Delete expired refresh tokens and expired sessions, at most `limit` of each; returns the number of all.

    The tokens of an ended session are kept until they expire: a later use is still a use of an ended session.
    """
    deleted = 0
    for table, key in ((_refresh, _refresh.c.hash), (_signin, _signin.c.id)):
        old = select(key).where(table.c.expires_at <= now).limit(limit)
        deleted += (await connection.execute(delete(table).where(key.in_(old), table.c.expires_at <= now))).rowcount
    return deleted
