"""Mutations of API keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from access.opaque import START, Kind, digest_of, new_token
from resolvers import accounts
from resolvers.audit import write
from resolvers.context import Context
from resolvers.sign_ins import refused, require_user
from resolvers.user_errors import UserError, UserErrorCode, answers, check_name, require_id, require_none
from store.access.api_keys import NewApiKey, create_api_key, revoke_api_key
from store.access.lock import lock_access
from store.sql.clock import utcnow, write_instant
from store.sql.viewer import Role
from store.tables import ApiKeyRow, AuditAction


@dataclass(frozen=True, slots=True)
class ApiKeyPayload:
    """Answer of a mutation of API keys. `key` is the key itself, only after its creation."""

    api_key: ApiKeyRow | None = None
    key: str | None = field(default=None, repr=False)
    user_errors: Sequence[UserError] = field(default_factory=list)


@answers(ApiKeyPayload)
async def create(
    context: Context, name: str, role: Role, workspace_id: str | None, expires_at: datetime | None
) -> ApiKeyPayload:
    """Create an API key with at most the viewer's role in the workspace. The answer alone has the key."""
    user_id = require_user(context, "create keys")
    require_none(check_name("name", name, ["name"]))
    workspace = context.viewer.workspace
    if workspace_id is not None:
        require_id("workspace", workspace_id, "workspaceId")
        place = await context.load_together(accounts.visible_workspaces, workspace_id)
        if place is None:
            raise refused(UserErrorCode.NOT_FOUND, "There is no workspace with this id.", "workspaceId")
        workspace = place.key
    now = utcnow()
    expires_at = _expiry(context.services.settings.key_days, expires_at, now)
    own = await accounts.role_in(context, workspace)
    if own is None or own.rank < role.rank:
        message = f"The role of a key is at most yours in the workspace, {own}."
        raise refused(UserErrorCode.INVALID, message, "role")
    key = new_token(Kind.API_KEY)
    new = NewApiKey(workspace, name, key[:START], digest_of(key), role, user_id, expires_at)
    async with context.services.database.write() as connection:
        await lock_access(connection)
        row = await create_api_key(connection, new, now)
        details = {"name": name, "role": role, "expires_at": None if expires_at is None else write_instant(expires_at)}
        await write(context, connection, AuditAction.APIKEY_CREATED, row.id, now, workspace=workspace, **details)
    context.forget()
    return ApiKeyPayload(row, key)


def _expiry(days: int, asked: datetime | None, now: datetime) -> datetime | None:
    """Return the time of expiry; None for never. Raises Refused for a time out of bounds."""
    latest = now + timedelta(days=days) if days else None
    if asked is None:
        return latest
    if asked <= now:
        raise refused(UserErrorCode.INVALID, "`expiresAt` is in the past: it must be later than now.", "expiresAt")
    if latest is not None and asked > latest:
        message = f"`expiresAt` is too late: an API key expires within {days} days (ASSAY_KEY_DAYS)."
        raise refused(UserErrorCode.INVALID, message, "expiresAt")
    return asked


@answers(ApiKeyPayload)
async def revoke(context: Context, id_: str) -> ApiKeyPayload:
    """Revoke a key of the viewer, or any key of the workspace for an ADMIN. A second call changes nothing."""
    require_id("apikey", id_)
    found = (await accounts.visible_api_keys(context.services.database, context.viewer, [id_])).get(id_)
    row = None
    now = utcnow()
    if found is not None:
        async with context.services.database.write() as connection:
            row = await revoke_api_key(connection, found.workspace, id_, now)
            if row is not None and row.revoked_at == now:
                action = AuditAction.APIKEY_REVOKED
                await write(context, connection, action, id_, now, workspace=row.workspace, name=row.name)
    if row is None:
        raise refused(UserErrorCode.NOT_FOUND, "There is no API key with this id.", "id")
    context.forget()
    return ApiKeyPayload(row)
