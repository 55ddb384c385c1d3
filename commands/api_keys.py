"""The commands of API keys: list, create, revoke.

A key goes to standard output alone, its explanation to standard error.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from rich.markup import escape

from access.opaque import START, Kind, digest_of, new_token
from commands.audit import write
from commands.operations import Refused
from commands.terminal import show, table, written
from commands.users import require_user
from commands.workspaces import all_of, all_workspaces, require_workspace
from resolvers.user_errors import check_name
from settings import OperatorSettings
from store.access.api_keys import NewApiKey, create_api_key, page_of_api_keys, revoke_api_key, workspace_of_api_key
from store.access.lock import lock_access
from store.access.memberships import membership_of
from store.access.users import users_by_id
from store.sql.clock import utcnow, write_instant
from store.sql.database import Database
from store.sql.ids import kind_of
from store.tables import ApiKeyRow, AuditAction, Role


async def list_(database: Database, _settings: OperatorSettings, workspace: str | None) -> None:
    """Show the API keys of a workspace, or of all, also revoked and expired ones."""
    found = table("Key", "Name", "Start", "Workspace", "Role", "User", "Last used", "State")
    async with database.read() as connection:
        if workspace is None:
            places = await all_workspaces(connection)
        else:
            places = [await require_workspace(connection, workspace)]
        for place in places:
            rows = await all_of(lambda page, key=place.key: page_of_api_keys(connection, key, page))  # type: ignore[misc]
            users = await users_by_id(connection, list({row.created_by for row in rows}))
            for row in rows:
                values = (row.id, escape(row.name), row.start, place.slug, row.role, users[row.created_by].name)
                found.add_row(*values, written(row.last_used_at), _state(row))
    if found.row_count:
        show(found)
    else:
        print("There is no API key.")


async def create(
    database: Database,
    _settings: OperatorSettings,
    name: str,
    user: str,
    workspace: str,
    role: Role,
    days: int,
) -> None:
    """Create an API key of a user, and print it. It expires after some days; never for 0."""
    if faults := [*check_name("NAME", name, [])]:
        raise Refused(faults[0].message)
    now, key = utcnow(), new_token(Kind.API_KEY)
    expires_at = now + timedelta(days=days) if days else None
    async with database.write() as connection:
        await lock_access(connection)
        owner = await require_user(connection, user)
        place = await require_workspace(connection, workspace)
        if not owner.is_active:
            raise Refused(f"The user {user} is inactive: `server.py user activate {user}` comes first.")
        if not owner.is_administrator:
            membership = await membership_of(connection, place.key, owner.id)
            if membership is None:
                raise Refused(f"The user {user} is not a member of {workspace}: the user of a key is one.")
            if Role(membership.role).rank < role.rank:
                raise Refused(f"The user {user} is {membership.role} in {workspace}: a key has at most this role.")
        new = NewApiKey(place.key, name, key[:START], digest_of(key), role, owner.id, expires_at)
        row = await create_api_key(connection, new, now)
        expiry = None if expires_at is None else write_instant(expires_at)
        details = {"name": name, "role": role, "user": owner.name, "expires_at": expiry}
        await write(connection, AuditAction.APIKEY_CREATED, row.id, now, workspace=place.key, **details)
    end = f"expires at {written(expires_at)}" if expires_at else "never expires"
    print(f"The API key {row.id} is created, and {end}. It can't be shown again:", file=sys.stderr, flush=True)
    print(key)


async def revoke(database: Database, _settings: OperatorSettings, id_: str) -> None:
    """Refuse an API key from now on."""
    if kind_of(id_) != "apikey":
        raise Refused(f"{id_!r} is not the id of an API key: the form is apikey_…")
    now = utcnow()
    async with database.write() as connection:
        await lock_access(connection)
        workspace = await workspace_of_api_key(connection, id_)
        row = None if workspace is None else await revoke_api_key(connection, workspace, id_, now)
        if row is None:
            raise Refused(f"There is no API key {id_}: `server.py key list` shows all.")
        if row.revoked_at == now:
            await write(connection, AuditAction.APIKEY_REVOKED, id_, now, workspace=row.workspace, name=row.name)
    print(f"The API key {id_} is {'' if row.revoked_at == now else 'already '}revoked.")


def _state(row: ApiKeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is None:
        return "never expires"
    return f"expire{'d' if row.expires_at <= utcnow() else 's'} {written(row.expires_at)}"
