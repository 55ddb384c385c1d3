"""The ratchet of refresh tokens: each token has exactly one successor.

The first use of a token stores the hash of its successor. Another use within the grace period, before the successor's
own first use, is a repeat by the same client: the answer may have been lost, or two tabs refreshed at once. The caller
computes the same successor again. Every other use is a reuse: somebody has a copy of the token, and the session ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.sessions import TOTAL, UNUSED, end_session, open_at

GRACE_SECONDS = 10
"""Default time for repeats after the first use."""

_signin, _refresh, _user = tables.signin, tables.refresh, tables.user


class Refusal(Enum):
    """Reasons to refuse a refresh token."""

    UNKNOWN = auto()
    """No such token, or it was deleted after its expiry."""
    EXPIRED = auto()
    ENDED = auto()
    """The session has ended, or its user is inactive."""
    REUSED = auto()
    """This use of the token has ended its session."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused refresh. The session and its user are None for an unknown token."""

    reason: Refusal
    session_id: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The successor of a token. `kid` names the secret that computes it: for a repeat, that of the first use."""

    session_id: str
    user_id: str
    kid: str
    expires_at: datetime
    repeated: bool


async def refresh(
    connection: AsyncConnection,
    token_hash: str,
    successor_hash: str,
    kid: str,
    now: datetime,
    *,
    grace: timedelta = timedelta(seconds=GRACE_SECONDS),
) -> Refreshed | Refused:
    """Exchange a refresh token for its successor, computed with the secret `kid`. Hashes are SHA-256 in hexadecimal.

    The transaction must commit after a refusal too: a reuse ends the session. Many concurrent calls with one token make
    one successor.
    """
    live = (_signin.c.id == _refresh.c.signin_id) & (_user.c.id == _signin.c.user_id) & _user.c.is_active & open_at(now)
    use = (
        update(_refresh)
        .where(_refresh.c.hash == token_hash, _refresh.c.used_at.is_(None), _refresh.c.expires_at > now)
        .where(exists().where(live))
        .values(used_at=now, successor=successor_hash, kid=kid)
        .returning(_refresh.c.signin_id)
    )
    used = (await connection.execute(use)).first()
    if used is None:
        return await _repeat_or_refuse(connection, token_hash, now, grace)
    (session_id,) = used
    session = select(_signin.c.created_at, _signin.c.user_id).where(_signin.c.id == session_id)
    started_at, user_id = (await connection.execute(session)).one()
    expires_at = min(now + UNUSED, started_at + TOTAL)
    extend = update(_signin).where(_signin.c.id == session_id, _signin.c.ended_at.is_(None)).returning(_signin.c.id)
    extended = await connection.execute(extend.values(last_used_at=now, expires_at=expires_at))
    if extended.first() is None:  # on PostgreSQL, another transaction has ended the session in between
        return Refused(Refusal.ENDED, session_id, user_id)
    token = {"hash": successor_hash, "signin_id": session_id, "expires_at": expires_at}
    await connection.execute(insert(_refresh).values(token))
    return Refreshed(session_id, user_id, kid, expires_at, repeated=False)


async def _repeat_or_refuse(
    connection: AsyncConnection, token_hash: str, now: datetime, grace: timedelta
) -> Refreshed | Refused:
    successor = _refresh.alias("next")
    statement = (
        select(
            _refresh.c.expires_at,
            _refresh.c.used_at,
            _refresh.c.kid,
            _signin.c.id.label("session_id"),
            _signin.c.user_id,
            (_signin.c.ended_at.is_(None) & _user.c.is_active).label("is_live"),
            successor.c.expires_at.label("next_expires_at"),
            successor.c.used_at.label("next_used_at"),
        )
        .join(_signin, _signin.c.id == _refresh.c.signin_id)
        .join(_user, _user.c.id == _signin.c.user_id)
        .outerjoin(successor, successor.c.hash == _refresh.c.successor)
        .where(_refresh.c.hash == token_hash)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return Refused(Refusal.UNKNOWN)
    reason = _reason(row, now, grace)
    if reason is None:
        return Refreshed(row.session_id, row.user_id, row.kid, row.next_expires_at, repeated=True)
    if reason is Refusal.REUSED:
        await end_session(connection, row.user_id, row.session_id, now)
    return Refused(reason, row.session_id, row.user_id)


def _reason(row: Any, now: datetime, grace: timedelta) -> Refusal | None:
    """Return the reason to refuse a token that this call has not used for the first time; None for a repeat."""
    if not row.is_live:
        return Refusal.ENDED
    if row.expires_at <= now:
        return Refusal.EXPIRED
    if row.used_at is None:  # the user became active after the attempt to use it
        return Refusal.ENDED
    is_repeat = now - row.used_at <= grace and row.next_expires_at is not None and row.next_used_at is None
    return None if is_repeat else Refusal.REUSED
