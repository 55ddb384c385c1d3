"""Sign-in sessions: their start by a password or an invitation, the exchange of refresh tokens, and their end.

Each change and its audit entry are one transaction. A refusal has a transaction of its own, and a limit: the log of an
attack does not fill the database.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from access.buckets import Buckets, Rule
from access.gate import Gate, NoSuchWorkspace
from access.opaque import Kind, digest_of, is_token, new_token, successor_of
from access.passwords import Passwords, require_usable
from access.secrets import Keys
from access.sign_in_throttle import SignInAttempt
from access.tokens import AccessTokens
from store.access.audit import Actor, AuditEntry, write_audit
from store.access.invitations import accept_invitation, is_open
from store.access.lock import lock_access
from store.access.refresh import Refreshed, Refusal, refresh
from store.access.sessions import Client, end_session, end_session_of_token, end_sessions, start_session
from store.access.users import rehash_password, set_password, user_by_name, users_by_id
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import Viewer
from store.tables import AuditAction, AuditActorKind, AuditOutcome, SignInRow, UserRow

NAME = re.compile(r"[a-z0-9._@-]{1,64}")
"""The form of a sign-in name, in lower case."""

_INVITATION = re.compile(r"[0-9A-Za-z_-]{43}")

_NO_NAME = "-"
"""The name in the throttle and the audit log for texts that can't be names: they may be passwords."""

_REFUSALS = Rule("AUDITED_REFUSALS", 10, 10)
"""Audit entries of refusals: 10 a second. The next entry has the number of the missing ones, `unwritten`."""


class WrongPassword(Exception):
    """The name or the password is wrong, or the user is inactive: all look the same."""


class ExternalUser(Exception):
    """The user has no password here: an external issuer signs the user in."""


class InvalidToken(Exception):
    """The refresh token is unknown, expired or used, or its session has ended."""


class InvalidInvitation(Exception):
    """The invitation is unknown, used, replaced or expired, or its user is inactive."""


class TooManyAttempts(Exception):
    """Too many sign-ins have failed. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many sign-ins have failed: try again in {retry_after} seconds.")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a session, and their times of expiry. The server stores neither of them."""

    access_token: str
    access_token_expires_at: datetime
    refresh_token: str
    refresh_token_expires_at: datetime

    def __repr__(self) -> str:
        return "Tokens(…)"


@dataclass(frozen=True, slots=True)
class Origin:
    """The client and the id of a request, for audit entries."""

    client: Client = field(default_factory=Client)
    request_id: str | None = None


class SignIn:
    """Starts, extends and ends sign-in sessions. `throttle` begins an attempt by a name and an address."""

    def __init__(
        self,
        database: Database,
        keys: Sequence[Keys],
        passwords: Passwords,
        throttle: Callable[[str, str], Awaitable[SignInAttempt]],
    ) -> None:
        self._database = database
        self._tokens = AccessTokens(keys)
        self._keys = {each.kid: each.refresh for each in keys}
        self._kid = keys[0].kid
        self._passwords = passwords
        self._throttle = throttle
        self._gate = Gate(database, self._tokens)
        self._refusals = Buckets()
        self._unwritten = 0

    async def sign_in(self, name: str, password: str, origin: Origin) -> Tokens:
        """Start a session. Raises WrongPassword, TooManyAttempts and TooManyPasswords."""
        name = name.lower()
        is_name = NAME.fullmatch(name) is not None
        name = name if is_name else _NO_NAME
        attempt = await self._begin(name, origin)
        user = None
        if is_name:
            async with self._database.read() as connection:
                user = await user_by_name(connection, name)
        new = await self._verify(attempt, password, user)
        if user is None or new is None:
            await self._refused(AuditAction.USER_SIGN_IN_FAILED, name, user, origin)
            raise WrongPassword
        attempt.succeed()
        now, token = utcnow(), new_token(Kind.REFRESH)
        async with self._database.write() as connection:
            session = await start_session(connection, user.id, digest_of(token), origin.client, now)
            if session is None or not await _has_password(connection, user):
                raise WrongPassword  # the user was changed meanwhile
            if new:
                await rehash_password(connection, user.id, user.password or "", new)
            await _write(connection, AuditAction.USER_SIGNED_IN, user, origin, now, session.id)
        return self._of(session, token, now)

    async def refresh(self, token: str, origin: Origin) -> Tokens:
        """Exchange a refresh token for its successor, by `store.access.refresh`. Raises InvalidToken.

        A reuse ends the session and is audited.
        """
        if not is_token(Kind.REFRESH, token):
            raise InvalidToken
        now, successor = utcnow(), successor_of(token, self._keys[self._kid])
        async with self._database.write() as connection:
            found = await refresh(connection, digest_of(token), digest_of(successor), self._kid, now)
            if not isinstance(found, Refreshed) and found.reason is Refusal.REUSED and found.user_id is not None:
                user = (await users_by_id(connection, [found.user_id]))[found.user_id]
                action = AuditAction.SESSION_REUSED
                await _write(connection, action, user, origin, now, found.session_id, AuditOutcome.REFUSED)
        if not isinstance(found, Refreshed) or found.kid not in self._keys:
            raise InvalidToken
        if found.kid != self._kid:  # a repeat: the first use was on an instance with another secret
            successor = successor_of(token, self._keys[found.kid])
        access, access_expires_at = self._tokens.sign(found.user_id, found.session_id, now)
        return Tokens(access, access_expires_at, successor, found.expires_at)

    async def accept_invitation(self, invitation: str, password: str, origin: Origin) -> Tokens:
        """Set the password of an invited user, and start a session.

        Raises InvalidInvitation, UnusablePassword and TooManyPasswords.
        """
        require_usable(password)
        if not _INVITATION.fullmatch(invitation):
            raise InvalidInvitation
        hash_ = digest_of(invitation)
        async with self._database.read() as connection:  # before the work of a hash
            if not await is_open(connection, hash_, utcnow()):
                raise InvalidInvitation
        encoded = await self._passwords.encode(password)
        now, token = utcnow(), new_token(Kind.REFRESH)
        async with self._database.write() as connection:
            user = await accept_invitation(connection, hash_, encoded, now)
            if user is None:
                raise InvalidInvitation
            session = await start_session(connection, user.id, digest_of(token), origin.client, now)
            if session is None:
                raise InvalidInvitation
            await _write(connection, AuditAction.INVITATION_ACCEPTED, user, origin, now, user.id)
            await _write(connection, AuditAction.USER_SIGNED_IN, user, origin, now, session.id)
        return self._of(session, token, now)

    async def change_password(self, viewer: Viewer, current: str, new: str, origin: Origin) -> None:
        """Change the password of the viewer's user, and end all other sessions of the user.

        Raises WrongPassword, ExternalUser, UnusablePassword, TooManyAttempts and TooManyPasswords.
        """
        require_usable(new)
        assert viewer.user_id is not None, "the viewer is signed in"
        async with self._database.read() as connection:
            user = (await users_by_id(connection, [viewer.user_id]))[viewer.user_id]
        if user.issuer is not None:
            raise ExternalUser
        attempt = await self._begin(user.name, origin)
        if await self._verify(attempt, current, user) is None:
            await self._refused(AuditAction.PASSWORD_CHANGED, user.name, user, origin)
            raise WrongPassword
        attempt.succeed()
        encoded = await self._passwords.encode(new)
        now = utcnow()
        async with self._database.write() as connection:
            await lock_access(connection)
            if not await _has_password(connection, user):
                raise WrongPassword  # an invitation or another change was faster
            await set_password(connection, user.id, encoded, now, keep_session=viewer.credential_id)
            await _write(connection, AuditAction.PASSWORD_CHANGED, user, origin, now, user.id)

    async def sign_out(self, token: str, origin: Origin, *, everywhere: bool = False) -> int:
        """End the session of a refresh token, or all of its user's. Returns the number of ended sessions."""
        if not is_token(Kind.REFRESH, token):
            return 0
        now = utcnow()
        async with self._database.write() as connection:
            session = await end_session_of_token(connection, digest_of(token), now)
            if session is None:
                return 0
            others = await end_sessions(connection, session.user_id, now) if everywhere else 0
            await _write_sign_out(connection, session.user_id, session.id, 1 + others, origin, now)
        return 1 + others

    async def end(self, user_id: str, session_id: str, origin: Origin, *, everywhere: bool = False) -> int:
        """End a session of a user, or all sessions. Returns the number of ended sessions."""
        now = utcnow()
        async with self._database.write() as connection:
            if everywhere:
                ended = await end_sessions(connection, user_id, now)
            else:
                ended = int(await end_session(connection, user_id, session_id, now))
            if ended:
                await _write_sign_out(connection, user_id, session_id, ended, origin, now)
        return ended

    async def viewer(self, tokens: Tokens) -> Viewer | None:
        """Return the viewer of new tokens, in the first workspace. None for a user without a workspace."""
        try:
            return await self._gate.viewer(f"Bearer {tokens.access_token}", None)
        except NoSuchWorkspace:
            return None

    async def _begin(self, name: str, origin: Origin) -> SignInAttempt:
        attempt = await self._throttle(name, origin.client.address or "")
        if attempt.refusal is not None:
            level, rule = attempt.refusal.level, attempt.refusal.rule
            await self._refused(AuditAction.SIGN_IN_THROTTLED, name, None, origin)
            raise TooManyAttempts(max(1, math.ceil((level + 1 - rule.capacity) / rule.drain)))
        return attempt

    async def _verify(self, attempt: SignInAttempt, password: str, user: UserRow | None) -> str | None:
        """Return None for a wrong password, and otherwise its new encoded form; empty if the old one stays."""
        encoded = user.password if user is not None and user.is_active else None
        try:
            verified = await self._passwords.verify(password, encoded)
        except BaseException:
            attempt.succeed()  # nobody has learned anything about the password
            raise
        return (verified.encoded or "") if verified.right else None

    async def _refused(self, action: AuditAction, name: str, user: UserRow | None, origin: Origin) -> None:
        if not self._refusals.charge("", _REFUSALS, 1).admitted:
            self._unwritten += 1
            return
        details = {"unwritten": self._unwritten} if self._unwritten else {}
        self._unwritten = 0
        entry = AuditEntry(
            action=action,
            outcome=AuditOutcome.REFUSED,
            actor=Actor(AuditActorKind.ANONYMOUS, name),
            subject_id=None if user is None else user.id,
            address=origin.client.address,
            user_agent=origin.client.user_agent,
            request_id=origin.request_id,
            details=details,
        )
        async with self._database.write() as connection:
            await write_audit(connection, entry, utcnow())

    def _of(self, session: SignInRow, token: str, now: datetime) -> Tokens:
        access, access_expires_at = self._tokens.sign(session.user_id, session.id, now)
        return Tokens(access, access_expires_at, token, session.expires_at)


async def _has_password(connection: AsyncConnection, user: UserRow) -> bool:
    found = (await users_by_id(connection, [user.id])).get(user.id)
    return found is not None and found.password == user.password


async def _write_sign_out(
    connection: AsyncConnection, user_id: str, session_id: str, ended: int, origin: Origin, now: datetime
) -> None:
    user = (await users_by_id(connection, [user_id]))[user_id]
    action = AuditAction.USER_SIGNED_OUT
    await _write(connection, action, user, origin, now, session_id, sessions=ended)


async def _write(
    connection: AsyncConnection,
    action: AuditAction,
    user: UserRow,
    origin: Origin,
    now: datetime,
    subject_id: str | None,
    outcome: AuditOutcome = AuditOutcome.DONE,
    **details: object,
) -> None:
    entry = AuditEntry(
        action=action,
        outcome=outcome,
        actor=Actor(AuditActorKind.USER, user.name, user.id),
        subject_id=subject_id,
        address=origin.client.address,
        user_agent=origin.client.user_agent,
        request_id=origin.request_id,
        details=details,
    )
    await write_audit(connection, entry, now)
