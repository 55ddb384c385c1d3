"""Mutations of the viewer's own sign-in: sessions, password, invitation. `access.sign_in` does the work."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from access.passwords import TooManyPasswords, UnusablePassword
from access.sign_in import (
    ExternalUser,
    InvalidInvitation,
    InvalidToken,
    SignIn,
    Tokens,
    TooManyAttempts,
    WrongPassword,
)
from execution.errors import ClientError, ErrorCode
from resolvers.audit import is_api_key, write
from resolvers.context import Context
from resolvers.user_errors import Refused, UserError, UserErrorCode, answers, require_id
from store.access.sessions import end_session
from store.sql.clock import utcnow
from store.sql.viewer import Viewer
from store.tables import AuditAction

OPEN = "This server is open: it needs no sign-in."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SignInPayload:
    """Answer of a mutation that starts or extends a session."""

    tokens: Tokens | None = None
    viewer: Viewer | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignOutPayload:
    """Answer of signOut."""

    signed_out: int = 0
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RevokeSessionPayload:
    """Answer of revokeSession."""

    deleted_id: str | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


def refused(code: UserErrorCode, message: str, *path: str) -> Refused:
    """Return the refusal with one error."""
    return Refused(UserError(code, message, list(path) or None))


def require_closed(context: Context) -> SignIn:
    """Return the sign-in of the server. Raises Refused on an open server."""
    if context.services.sign_in is None:
        raise refused(UserErrorCode.CONFLICT, OPEN)
    return context.services.sign_in


def require_user(context: Context, action: str) -> str:
    """Return the id of the viewer's user. Raises ClientError for an API key, and Refused on an open server."""
    viewer = context.viewer
    if is_api_key(viewer):
        raise ClientError(ErrorCode.FORBIDDEN, f"An API key cannot {action}: sign in as a user.")
    if viewer.role is None and context.services.sign_in is not None:
        raise ClientError(ErrorCode.UNAUTHENTICATED, "Sign in: this needs the access token of a session.")
    if viewer.user_id is None:
        raise refused(UserErrorCode.CONFLICT, OPEN)
    return viewer.user_id


@answers(SignInPayload)
async def sign_in(context: Context, name: str, password: str) -> SignInPayload:
    """Start a session. A wrong name and a wrong password get the same answer in the same time."""
    service = require_closed(context)
    return await _begun(context, service, service.sign_in(name, password, context.origin))


@answers(SignInPayload)
async def refresh_token(context: Context, token: str) -> SignInPayload:
    """Exchange a refresh token for a new token pair."""
    service = require_closed(context)
    return SignInPayload(await _attempted(service.refresh(token, context.origin)))


@answers(SignInPayload)
async def accept_invitation(context: Context, invitation: str, password: str) -> SignInPayload:
    """Set the password of an invited user, and start a session."""
    service = require_closed(context)
    return await _begun(context, service, service.accept_invitation(invitation, password, context.origin))


async def _begun(context: Context, service: SignIn, attempt: Coroutine[Any, Any, Tokens]) -> SignInPayload:
    tokens = await _attempted(attempt)
    viewer = await service.viewer(tokens)
    if viewer is not None:
        context.become(viewer)
    return SignInPayload(tokens, viewer)


async def _attempted(attempt: Coroutine[Any, Any, T], paths: tuple[str, str] = ("password", "password")) -> T:
    """Return the result of an attempt. Raises Refused for a problem of the input, and ClientError for too many.

    `paths` are the fields of a present and of a new password.
    """
    present, new = paths
    try:
        return await attempt
    except WrongPassword:
        message = "The name or the password is wrong." if present == new else "The password is wrong."
        raise refused(UserErrorCode.INVALID, message, present) from None
    except UnusablePassword as error:
        raise refused(UserErrorCode.INVALID, str(error), new) from None
    except InvalidToken:
        message = "The refresh token is not valid: it is unknown, expired or used, or its session has ended. Sign in."
        raise refused(UserErrorCode.INVALID, message, "refreshToken") from None
    except InvalidInvitation:
        message = (
            "The invitation is not valid: it is unknown, used, replaced or older than 72 hours. Ask for a new one."
        )
        raise refused(UserErrorCode.INVALID, message, "invitation") from None
    except ExternalUser:
        message = "The user has no password here: an external issuer signs the user in."
        raise refused(UserErrorCode.CONFLICT, message) from None
    except TooManyAttempts as error:
        raise ClientError(ErrorCode.RATE_LIMITED, str(error), retryAfter=error.retry_after) from None
    except TooManyPasswords:
        message = "Too many passwords are being checked: try again in a second."
        raise ClientError(ErrorCode.RATE_LIMITED, message, retryAfter=1) from None


@answers(SignOutPayload)
async def sign_out(context: Context, token: str | None, *, everywhere: bool) -> SignOutPayload:
    """End the session of a refresh token or of the viewer, or all sessions of its user. An API key has none."""
    service = require_closed(context)
    if token is not None and not is_api_key(context.viewer):
        ended = await service.sign_out(token, context.origin, everywhere=everywhere)
    else:
        user_id = require_user(context, "sign out")
        session_id = context.viewer.credential_id or ""
        ended = await service.end(user_id, session_id, context.origin, everywhere=everywhere)
    return SignOutPayload(ended)


@answers(SignInPayload)
async def change_password(context: Context, current: str, new: str) -> SignInPayload:
    """Change the password of the viewer's user, and end all other sessions of the user."""
    require_user(context, "change a password")
    service = require_closed(context)
    attempt = service.change_password(context.viewer, current, new, context.origin)
    await _attempted(attempt, ("currentPassword", "newPassword"))
    context.forget()
    return SignInPayload(viewer=context.viewer)


@answers(RevokeSessionPayload)
async def revoke_session(context: Context, id_: str) -> RevokeSessionPayload:
    """End one of the viewer's sessions."""
    user_id = require_user(context, "end a session")
    require_id("signin", id_)
    now = utcnow()
    async with context.services.database.write() as connection:
        ended = await end_session(connection, user_id, id_, now)
        if ended:
            await write(context, connection, AuditAction.SESSION_REVOKED, id_, now)
    if not ended:
        raise refused(UserErrorCode.NOT_FOUND, "There is no sign-in session with this id.", "id")
    context.forget()
    return RevokeSessionPayload(id_)
