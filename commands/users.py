"""The commands of users: create, list, invite, deactivate, activate, set a role, show and end sessions.

A change and its audit entry are one transaction. An invitation goes to standard output alone, its explanation to
standard error.
"""

from __future__ import annotations

import sys
from getpass import getpass
from secrets import token_urlsafe

from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from access.opaque import digest_of
from access.passwords import LONGEST, Passwords, UnusablePassword, require_usable
from access.secrets import FILE, keys_of, write_secret
from commands.arguments import MAX_EMAIL
from commands.audit import write
from commands.operations import Refused, run
from commands.terminal import end, show, table, written
from commands.workspaces import all_of, all_workspaces, require_workspace
from resolvers.user_errors import check_name
from settings import NewUserSettings, OperatorSettings
from store.access import sessions
from store.access.invitations import create_invitation
from store.access.lock import lock_access
from store.access.memberships import LastAdmin, membership_of, page_of_members, set_role
from store.access.users import (
    LastAdministrator,
    NameTaken,
    NewUser,
    create_user,
    page_of_users,
    set_password,
    update_user,
    user_by_name,
)
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import AuditAction, Role, UserRow


def create(
    settings: NewUserSettings,
    *,
    name: str,
    administrator: bool,
    display_name: str | None,
    email: str | None,
    workspace: str | None,
    role: Role | None,
    password_stdin: bool,
) -> None:
    """Create a user with a password, or with an invitation if nobody gives one.

    On SQLite without a secret, the command also writes the file `secret` into the data folder.
    """
    faults = [
        *check_name("--display-name", display_name, []),
        *check_name("--email", email, [], MAX_EMAIL),
    ]
    if faults:
        raise Refused(faults[0].message)
    if (workspace is None) != (role is None):
        raise Refused("`--workspace` and `--role` belong together: give both or none.")
    require_secret(settings)
    try:
        password = _password(name, from_stdin=password_stdin)
    except UnusablePassword as unusable:
        raise Refused(str(unusable)) from None
    except (KeyboardInterrupt, EOFError):
        end("Interrupted.", 130)
    new = NewUser(name=name, display_name=display_name, email=email, is_administrator=administrator)
    run(_create, settings, new=new, password=password, workspace=workspace, role=role)


async def _create(
    database: Database,
    settings: NewUserSettings,
    new: NewUser,
    password: str | None,
    workspace: str | None,
    role: Role | None,
) -> None:
    encoded = None if password is None else await encode(password)
    invitation = token_urlsafe(32)
    async with database.write() as connection:
        await lock_access(connection)
        row = await add_user(connection, new, encoded)
        if encoded is None:
            await _invite(connection, row, invitation)
        if workspace is not None:
            await give_role(connection, row, workspace, role)
        # Before the commit: an installation with users always has a secret.
        has_written = add_secret(settings)
    print(f"The user {row.name} is created.", file=sys.stderr if encoded is None else sys.stdout)
    if encoded is None:
        _show_invitation(row, invitation)
    if has_written:
        tell_of_secret(settings)


async def list_(database: Database, _settings: OperatorSettings) -> None:
    """Show all users, oldest first, with their roles."""
    roles: dict[str, list[str]] = {}
    async with database.read() as connection:
        for place in await all_workspaces(connection):
            for each in await all_of(lambda page, key=place.key: page_of_members(connection, key, page)):  # type: ignore[misc]
                roles.setdefault(each.user_id, []).append(f"{place.slug}: {each.role}")
        rows = await all_of(lambda page: page_of_users(connection, page))
    found = table("User", "Display name", "State", "Administrator", "Roles", "Last sign-in")
    for row in rows:
        state, flag = "active" if row.is_active else "inactive", "yes" if row.is_administrator else "no"
        places = ", ".join(roles.get(row.id, []))
        found.add_row(row.name, escape(row.display_name or ""), state, flag, places, written(row.last_sign_in_at))
    if rows:
        show(found)
    else:
        print("There is no user.")


async def invite(database: Database, _settings: OperatorSettings, name: str) -> None:
    """Print a new invitation for a user, in place of an open one, and end all sessions of the user."""
    invitation = token_urlsafe(32)
    async with database.write() as connection:
        await lock_access(connection)
        row = await require_user(connection, name)
        if row.issuer is not None:
            raise Refused(f"The user {row.name} has no password here: an external issuer signs the user in.")
        await _invite(connection, row, invitation)
    _show_invitation(row, invitation)


async def deactivate(database: Database, _settings: OperatorSettings, name: str) -> None:
    """Refuse a user: end all sessions, and refuse the API keys, until the user is active again."""
    await _set_active(database, name, is_active=False)


async def activate(database: Database, _settings: OperatorSettings, name: str) -> None:
    """Let a deactivated user sign in again."""
    await _set_active(database, name, is_active=True)


async def _set_active(database: Database, name: str, *, is_active: bool) -> None:
    state = "active" if is_active else "inactive"
    now = utcnow()
    try:
        async with database.write() as connection:
            await lock_access(connection)
            row = await require_user(connection, name)
            if row.is_active != is_active:
                await update_user(connection, row.id, {"is_active": is_active}, now)
                flags = {"is_active": is_active}
                await write(connection, AuditAction.USER_UPDATED, row.id, now, changed=["is_active"], flags=flags)
    except LastAdministrator:
        raise Refused(f"The user {name} is the last active administrator: create another one first.") from None
    print(f"The user {row.name} is {'already ' if row.is_active == is_active else ''}{state}.")


async def role(database: Database, _settings: OperatorSettings, name: str, workspace: str, role: Role | None) -> None:
    """Set the role of a user in a workspace; None ends the membership."""
    async with database.write() as connection:
        await lock_access(connection)
        row = await require_user(connection, name)
        await give_role(connection, row, workspace, role)
    if role is None:
        print(f"The user {row.name} is not a member of {workspace}.")
    else:
        print(f"The user {row.name} is {role} in {workspace}.")


async def show_sessions(database: Database, _settings: OperatorSettings, name: str, *, end: bool) -> None:
    """Show the open sign-in sessions of a user, last used first, or end all of them."""
    now = utcnow()
    if end:
        async with database.write() as connection:
            await lock_access(connection)
            row = await require_user(connection, name)
            ended = await sessions.end_sessions(connection, row.id, now)
            if ended:
                await write(connection, AuditAction.SESSION_REVOKED, row.id, now, sessions=ended)
        print(f"Ended sessions of {row.name}: {ended:,}.")
        return
    async with database.read() as connection:
        row = await require_user(connection, name)
        rows = await sessions.sessions_of_user(connection, row.id, now)
    found = table("Session", "Started", "Last used", "Expires", "Address", "Client")
    for each in rows:
        times = (written(each.created_at), written(each.last_used_at), written(each.expires_at))
        found.add_row(each.id, *times, escape(each.address or ""), escape(each.user_agent or ""))
    if rows:
        show(found)
    else:
        print(f"The user {row.name} has no open session.")


async def require_user(connection: AsyncConnection, name: str) -> UserRow:
    """Return the user with this name. Raises Refused without one."""
    row = await user_by_name(connection, name)
    if row is None:
        raise Refused(f"There is no user {name}: `server.py user list` shows all.")
    return row


async def encode(password: str) -> str:
    """Return the encoded form of a new password."""
    passwords = Passwords()
    try:
        return await passwords.encode(password)
    finally:
        passwords.close()


async def add_user(connection: AsyncConnection, new: NewUser, password: str | None) -> UserRow:
    """Create a user with this encoded password, and its audit entry. Raises Refused for a name in use."""
    now = utcnow()
    try:
        row = await create_user(connection, new, now)
    except NameTaken:
        raise Refused(f"There is a user {new.name}, active or not: names are never used twice.") from None
    if password is not None:
        await set_password(connection, row.id, password, now)
    is_administrator = row.is_administrator
    await write(connection, AuditAction.USER_CREATED, row.id, now, name=row.name, is_administrator=is_administrator)
    return row


async def give_role(connection: AsyncConnection, row: UserRow, workspace: str, role: Role | None) -> None:
    """Set the role of a user in the workspace with this slug, and write the audit entry of a change.

    Raises Refused for an unknown workspace and for its last ADMIN.
    """
    now = utcnow()
    place = await require_workspace(connection, workspace)
    before = await membership_of(connection, place.key, row.id)
    try:
        after = await set_role(connection, place.key, row.id, role, now)
    except LastAdmin:
        raise Refused(f"The user {row.name} is the last ADMIN of {workspace}: name another one first.") from None
    changed = after or before
    if changed is None or (before is not None and before.role == role):
        return
    action = AuditAction.MEMBERSHIP_REMOVED if role is None else AuditAction.MEMBERSHIP_SET
    details = {"user_id": row.id} if role is None else {"user_id": row.id, "role": role}
    await write(connection, action, changed.id, now, workspace=place.key, **details)


def require_secret(settings: NewUserSettings) -> None:
    """Raise Refused for an invalid secret, and on PostgreSQL also without one."""
    if settings.secret:
        try:
            keys_of(settings.secret)
        except ValueError as error:
            raise Refused(f"ASSAY_SECRET: {error}") from None
    elif not settings.database.startswith("sqlite"):
        raise Refused("ASSAY_SECRET: Set it to the output of `server.py secret`, the same on every instance.")


def add_secret(settings: NewUserSettings) -> bool:
    """Write the file with the secret if there is none, and none is set. Returns whether it did."""
    if settings.secret:
        return False
    try:
        return write_secret(settings.data_dir)
    except OSError as error:
        raise Refused(f"The secret can't be written to {settings.data_dir / FILE}: {error.strerror}.") from None


def tell_of_secret(settings: NewUserSettings) -> None:
    """Say that the secret is written."""
    path = settings.data_dir / FILE
    print(f"The secret is written to {path}. Start running servers again: they then require sign-in.", file=sys.stderr)


def _password(name: str, *, from_stdin: bool) -> str | None:
    """Read a new password. Returns None if nobody gives one. Raises UnusablePassword."""
    if from_stdin:
        try:
            # A character has at most four bytes.
            line = sys.stdin.buffer.readline(4 * LONGEST + 2).decode()
        except UnicodeDecodeError:
            raise UnusablePassword("The password must be text in UTF-8.") from None
        password = line.removesuffix("\n").removesuffix("\r")
    elif sys.stdin.isatty():
        password = getpass(f"Password of {name} (empty prints an invitation): ")
        if not password:
            return None
        require_usable(password)
        if getpass("The same again: ") != password:
            raise UnusablePassword("The two passwords differ.")
    else:
        return None
    require_usable(password)
    return password


async def _invite(connection: AsyncConnection, row: UserRow, invitation: str) -> None:
    now = utcnow()
    if await create_invitation(connection, row.id, digest_of(invitation), now) is None:
        raise Refused(f"The user {row.name} is inactive: `server.py user activate {row.name}` comes first.")
    await write(connection, AuditAction.INVITATION_CREATED, row.id, now)


def _show_invitation(row: UserRow, invitation: str) -> None:
    how = "/dashboard/invitation/… of a server sets the password, once, within 72 hours"
    print(
        f"Give {row.name} this invitation: {how}.",
        file=sys.stderr,
        flush=True,
    )
    print(invitation)
