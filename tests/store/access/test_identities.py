"""Identities of users: by session or by external subject, with all memberships."""

from __future__ import annotations

from datetime import timedelta

from store.access.identities import Place, identify_external, identify_session
from store.access.memberships import set_role
from store.access.sessions import UNUSED, end_session
from store.access.users import update_user
from store.access.workspaces import create_workspace, workspace_by_slug
from store.sql.database import Database
from store.tables import Role
from tests.resolvers.rows import NOW
from tests.store.access.calls import new_user, read, signed_in, write


async def test_an_open_session_has_its_user_and_all_memberships(database: Database) -> None:
    lab = await write(database, create_workspace, "lab", "Lab", NOW)
    ada = await new_user(database, "ada", display_name="Ada", is_administrator=True)
    session = await signed_in(database, ada, "token")
    identity = await read(database, identify_session, session.id, NOW)
    assert identity is not None
    assert (identity.id, identity.name, identity.display_name) == (ada.id, "ada", "Ada")
    assert (identity.is_administrator, identity.places) == (True, ())

    await write(database, set_role, lab.key, ada.id, Role.VIEWER, NOW)
    await write(database, set_role, "default", ada.id, Role.ADMIN, NOW)
    identity = await read(database, identify_session, session.id, NOW)
    first = await read(database, workspace_by_slug, "default")
    assert identity is not None
    assert first is not None
    assert identity.places == (
        Place(lab.key, lab.id, "lab", Role.VIEWER),
        Place("default", first.id, "default", Role.ADMIN),
    )


async def test_an_ended_or_expired_session_has_no_user(database: Database) -> None:
    ada = await new_user(database, "ada")
    one, two = await signed_in(database, ada, "one"), await signed_in(database, ada, "two")
    assert await write(database, end_session, ada.id, one.id, NOW)
    assert await read(database, identify_session, one.id, NOW) is None
    assert await read(database, identify_session, two.id, NOW + UNUSED - timedelta(microseconds=1)) is not None
    assert await read(database, identify_session, two.id, NOW + UNUSED) is None
    assert await read(database, identify_session, "signin_other", NOW) is None


async def test_an_inactive_user_has_no_identity(database: Database) -> None:
    ada = await new_user(database, "ada", issuer="issuer", subject="42")
    assert await read(database, identify_external, "issuer", "42") is not None
    assert await read(database, identify_external, "issuer", "43") is None
    await write(database, update_user, ada.id, {"is_active": False}, NOW)
    assert await read(database, identify_external, "issuer", "42") is None
