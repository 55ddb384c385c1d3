"""Mutations of users, workspaces and memberships. Administrators call them, and setRole also an ADMIN."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from access.opaque import digest_of
from access.sign_in import NAME
from execution.errors import ClientError, ErrorCode
from resolvers import accounts
from resolvers.audit import write
from resolvers.context import Context
from resolvers.sign_ins import refused, require_closed
from resolvers.user_errors import UserError, UserErrorCode, answers, check_name, require_id, require_none
from store.access.invitations import create_invitation
from store.access.lock import lock_access
from store.access.memberships import LastAdmin, NoSuchMember, membership_of, set_role
from store.access.users import LastAdministrator, NameTaken, NewUser, UserChanges, create_user, update_user, users_by_id
from store.access.workspaces import (
    FirstWorkspace,
    SlugTaken,
    create_workspace,
    delete_workspace,
    workspaces_by_id,
)
from store.sql.clock import utcnow
from store.sql.viewer import Role
from store.tables import AuditAction, MembershipRow, UserRow, WorkspaceRow

MAX_EMAIL = 254
"""Longest e-mail address, in characters (RFC 5321 with its erratum 1690)."""

_SLUG = re.compile(r"[a-z0-9-]{1,40}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True)
class UserPayload:
    """Answer of a mutation of a user."""

    user: UserRow | None = None
    invitation: str | None = field(default=None, repr=False)
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WorkspacePayload:
    """Answer of createWorkspace."""

    workspace: WorkspaceRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DeleteWorkspacePayload:
    """Answer of deleteWorkspace."""

    deleted_id: str | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MembershipPayload:
    """Answer of setRole."""

    membership: MembershipRow | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


def _check_email(email: str | None) -> Iterable[UserError]:
    yield from check_name("email", email, ["email"], MAX_EMAIL)
    if email is not None and not _EMAIL.fullmatch(email):
        yield UserError(UserErrorCode.INVALID, "`email` must have the form name@host.", ["email"])


@answers(UserPayload)
async def create(context: Context, new: NewUser, workspace_id: str | None, role: Role) -> UserPayload:
    """Create a user with an invitation, and with a membership if a workspace is given."""
    require_closed(context)
    errors = [*check_name("displayName", new.display_name, ["displayName"]), *_check_email(new.email)]
    if not NAME.fullmatch(new.name.lower()):
        message = "`name` must have 1 to 64 of the characters a-z, 0-9, `.`, `_`, `-` and `@`."
        errors.insert(0, UserError(UserErrorCode.INVALID, message, ["name"]))
    require_none(errors)
    if workspace_id is not None:
        require_id("workspace", workspace_id, "workspaceId")
    now, invitation = utcnow(), secrets.token_urlsafe(32)
    try:
        async with context.services.database.write() as connection:
            await lock_access(connection)
            row = await create_user(connection, new, now)
            await create_invitation(connection, row.id, digest_of(invitation), now)
            action = AuditAction.USER_CREATED
            flag = row.is_administrator
            await write(context, connection, action, row.id, now, name=row.name, is_administrator=flag)
            await write(context, connection, AuditAction.INVITATION_CREATED, row.id, now)
            if workspace_id is not None:
                place = (await workspaces_by_id(connection, [workspace_id])).get(workspace_id)
                if place is None:
                    raise refused(UserErrorCode.NOT_FOUND, "There is no workspace with this id.", "workspaceId")
                membership = await set_role(connection, place.key, row.id, role, now)
                assert membership is not None, "the user is new"
                action = AuditAction.MEMBERSHIP_SET
                about = {"user_id": row.id, "role": role}
                await write(context, connection, action, membership.id, now, workspace=place.key, **about)
    except NameTaken:
        message = "Another user, active or not, has this name: names are never used twice."
        raise refused(UserErrorCode.CONFLICT, message, "name") from None
    return UserPayload(row, invitation)


@answers(UserPayload)
async def update(context: Context, id_: str, changes: UserChanges) -> UserPayload:
    """Change a user. A deactivation ends all sessions of the user."""
    require_id("user", id_)
    require_none(
        [
            *check_name("displayName", changes.get("display_name"), ["displayName"]),
            *_check_email(changes.get("email")),
        ]
    )
    now = utcnow()
    try:
        async with context.services.database.write() as connection:
            row = await update_user(connection, id_, changes, now)
            if row is not None and changes:
                # Not the e-mail address: the log outlives it.
                flags = {name: value for name, value in changes.items() if isinstance(value, bool)}
                action = AuditAction.USER_UPDATED
                await write(context, connection, action, id_, now, changed=sorted(changes), flags=flags)
    except LastAdministrator:
        message = "The user is the last active administrator: name another one first."
        path = "isActive" if changes.get("is_active") is False else "isAdministrator"
        raise refused(UserErrorCode.CONFLICT, message, path) from None
    if row is None:
        raise refused(UserErrorCode.NOT_FOUND, "There is no user with this id.", "id")
    context.forget()
    return UserPayload(row)


@answers(UserPayload)
async def invite(context: Context, user_id: str) -> UserPayload:
    """Create a new invitation for a user, in place of an open one, and end all sessions of the user."""
    require_closed(context)
    require_id("user", user_id, "userId")
    now, invitation = utcnow(), secrets.token_urlsafe(32)
    async with context.services.database.write() as connection:
        row = (await users_by_id(connection, [user_id])).get(user_id)
        if row is None:
            raise refused(UserErrorCode.NOT_FOUND, "There is no user with this id.", "userId")
        if row.issuer is not None:
            message = "The user has no password here: an external issuer signs the user in."
            raise refused(UserErrorCode.CONFLICT, message, "userId")
        if await create_invitation(connection, user_id, digest_of(invitation), now) is None:
            message = "The user is inactive: set `isActive` by updateUser first."
            raise refused(UserErrorCode.CONFLICT, message, "userId")
        await write(context, connection, AuditAction.INVITATION_CREATED, user_id, now)
    context.forget()
    return UserPayload(row, invitation)


@answers(WorkspacePayload)
async def create_place(context: Context, slug: str, name: str) -> WorkspacePayload:
    """Create a workspace without members."""
    errors = list(check_name("name", name, ["name"]))
    if not _SLUG.fullmatch(slug):
        message = "`slug` must have 1 to 40 of the characters a-z, 0-9 and `-`."
        errors.insert(0, UserError(UserErrorCode.INVALID, message, ["slug"]))
    require_none(errors)
    now = utcnow()
    try:
        async with context.services.database.write() as connection:
            await lock_access(connection)
            row = await create_workspace(connection, slug, name, now)
            action = AuditAction.WORKSPACE_CREATED
            await write(context, connection, action, row.id, now, workspace=row.key, slug=slug, name=name)
    except SlugTaken:
        raise refused(UserErrorCode.CONFLICT, "Another workspace has this slug: choose another one.", "slug") from None
    return WorkspacePayload(row)


@answers(DeleteWorkspacePayload)
async def delete_place(context: Context, id_: str, slug: str) -> DeleteWorkspacePayload:
    """Delete a workspace. The slug confirms the id."""
    require_id("workspace", id_)
    now = utcnow()
    try:
        async with context.services.database.write() as connection:
            row = await delete_workspace(connection, id_, now)
            if row is None:
                raise refused(UserErrorCode.NOT_FOUND, "There is no workspace with this id.", "id")
            if row.slug != slug:
                raise refused(UserErrorCode.INVALID, "`slug` is not the slug of this workspace.", "slug")
            action = AuditAction.WORKSPACE_DELETED
            await write(context, connection, action, id_, now, workspace=row.key, slug=slug)
    except FirstWorkspace:
        raise refused(UserErrorCode.CONFLICT, "The first workspace cannot be deleted.", "id") from None
    context.forget()
    return DeleteWorkspacePayload(id_)


@answers(MembershipPayload)
async def set_member(context: Context, workspace_id: str, user_id: str, role: Role | None) -> MembershipPayload:
    """Set or remove the role of a user in a workspace in which the viewer is an ADMIN.

    An ADMIN sets the roles of users of common workspaces, and administrators those of all users.
    """
    require_id("workspace", workspace_id, "workspaceId")
    require_id("user", user_id, "userId")
    place = await context.load_together(accounts.visible_workspaces, workspace_id)
    if place is None:
        raise refused(UserErrorCode.NOT_FOUND, "There is no workspace with this id.", "workspaceId")
    if await accounts.role_in(context, place.key) is not Role.ADMIN:
        message = "`setRole` needs the role ADMIN in the workspace."
        raise ClientError(ErrorCode.FORBIDDEN, message, requires=Role.ADMIN)
    if await context.load_together(accounts.visible_users, user_id) is None:
        raise refused(UserErrorCode.NOT_FOUND, "There is no user with this id.", "userId")
    now = utcnow()
    try:
        async with context.services.database.write() as connection:
            await lock_access(connection)
            before = await membership_of(connection, place.key, user_id)
            row = await set_role(connection, place.key, user_id, role, now)
            if (before and before.role) == role:
                return MembershipPayload(row)
            action = AuditAction.MEMBERSHIP_REMOVED if role is None else AuditAction.MEMBERSHIP_SET
            about = {"user_id": user_id} if role is None else {"user_id": user_id, "role": role}
            changed = row or before
            subject_id = None if changed is None else changed.id
            await write(context, connection, action, subject_id, now, workspace=place.key, **about)
    except LastAdmin:
        message = "The user is the last ADMIN of the workspace: name another one first."
        raise refused(UserErrorCode.CONFLICT, message, "role") from None
    except NoSuchMember:
        raise refused(UserErrorCode.NOT_FOUND, "There is no user with this id.", "userId") from None
    context.forget()
    return MembershipPayload(row)
