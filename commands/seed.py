"""`server.py seed --demo`: users with each role and two workspaces, to try a closed server."""

from __future__ import annotations

from secrets import token_urlsafe

from rich.markup import escape

from commands.check import DEMO
from commands.operations import Refused, run
from commands.terminal import show, table
from commands.users import add_secret, add_user, encode, give_role, require_secret, tell_of_secret
from commands.workspaces import add_workspace
from settings import SeedSettings
from store.access.lock import lock_access
from store.access.users import NewUser, user_by_name
from store.access.workspaces import workspace_by_slug
from store.sql.database import Database
from store.sql.viewer import Role

WORKSPACES = {f"{DEMO}one": "Demo one", f"{DEMO}two": "Demo two"}
USERS = {f"{DEMO}{role.lower()}": role for role in Role}


def seed(settings: SeedSettings, *, demo: bool) -> None:
    """Create those demo users and workspaces that do not exist. Refused in production."""
    assert demo, "there is no other kind"
    if settings.environment == "production":
        raise Refused("In production there are no demo users: ASSAY_ENVIRONMENT is production.")
    require_secret(settings)
    run(_seed, settings)


async def _seed(database: Database, settings: SeedSettings) -> None:
    passwords = {name: token_urlsafe(12) for name in USERS}
    encoded = {name: await encode(password) for name, password in passwords.items()}
    found = table("User", "Password", "Role")
    async with database.write() as connection:
        await lock_access(connection)
        for slug, name in WORKSPACES.items():
            if await workspace_by_slug(connection, slug) is None:
                await add_workspace(connection, slug, name)
        for name, role in USERS.items():
            if await user_by_name(connection, name) is not None:
                found.add_row(name, "as before", role)
                continue
            row = await add_user(connection, NewUser(name=name), encoded[name])
            for slug in WORKSPACES:
                await give_role(connection, row, slug, role)
            found.add_row(name, escape(passwords[name]), role)
        has_written = add_secret(settings)
    print(f"Members of the workspaces {' and '.join(WORKSPACES)}:")
    show(found)
    if has_written:
        tell_of_secret(settings)
