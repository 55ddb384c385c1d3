"""`server.py seed --demo`: users that can sign in, once, and not in production."""

from __future__ import annotations

import pytest

from access.passwords import Passwords
from store.access.memberships import memberships_of_user
from store.access.users import user_by_name
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR, Role
from tests.commands.calls import call, refused, said
from tests.support import SECRET

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]


async def test_demo_users_have_the_printed_passwords(database: Database, database_url: str) -> None:
    out = await said(database_url, "seed --demo", ASSAY_SECRET=SECRET)
    assert out.startswith("Members of the workspaces demo-one and demo-two:\n")
    rows = [line.split() for line in out.splitlines() if line.strip().startswith("demo-")]
    assert [(name, role) for name, _, role in rows] == [(f"demo-{role.lower()}", role) for role in Role]
    passwords = Passwords()
    try:
        for name, password, role in rows:
            async with database.read() as connection:
                user = await user_by_name(connection, name)
                assert user is not None
                places = await memberships_of_user(connection, LOCAL_ADMINISTRATOR, user.id)
            assert [each.role for each in places] == [role, role]
            assert (await passwords.verify(password, user.password)).right
    finally:
        passwords.close()
    again = await said(database_url, "seed --demo", ASSAY_SECRET=SECRET)
    assert again.count("as before") == 3


async def test_there_are_no_demo_users_in_production(database: Database, database_url: str) -> None:
    message = await refused(database_url, "seed --demo", ASSAY_SECRET=SECRET, ASSAY_ENVIRONMENT="production")
    assert "ASSAY_ENVIRONMENT is production" in message
    assert (await call(database_url, "seed", ASSAY_SECRET=SECRET))[0] == 2
    async with database.read() as connection:
        assert await user_by_name(connection, "demo-viewer") is None
