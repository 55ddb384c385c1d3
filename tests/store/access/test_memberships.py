"""Memberships: one ADMIN stays, and a reader sees the memberships of the own workspaces."""

from __future__ import annotations

import pytest

from store.access.api_keys import NewApiKey, api_keys_of_user, create_api_key
from store.access.memberships import (
    LastAdmin,
    NoSuchMember,
    count_members,
    membership_of,
    memberships_by_id,
    memberships_of_user,
    page_of_members,
    set_role,
    users_seen_by,
)
from store.access.users import update_user
from store.access.workspaces import create_workspace
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.paging import PageArguments
from store.tables import Role, UserRow
from tests.resolvers.rows import NOW
from tests.store.access.calls import Caller, changes, new_user, outcomes, read, write


def test_each_role_is_above_the_one_before() -> None:
    assert [role.rank for role in (Role.VIEWER, Role.ANALYST, Role.ADMIN)] == [0, 1, 2]


async def test_a_role_is_set_changed_and_removed(database: Database) -> None:
    ada = await new_user(database, "ada")
    await new_user(database, "admin", Role.ADMIN)
    before = len(await changes(database))
    row = await write(database, set_role, "default", ada.id, Role.VIEWER, NOW)
    assert row is not None
    assert (row.workspace, row.user_id, row.role, row.created_at) == ("default", ada.id, "VIEWER", NOW)
    again = await write(database, set_role, "default", ada.id, Role.VIEWER, NOW)
    changed = await write(database, set_role, "default", ada.id, Role.ANALYST, NOW)
    assert again is not None
    assert changed is not None
    assert (again.id, changed.id, changed.role) == (row.id, row.id, "ANALYST")
    assert await write(database, set_role, "default", ada.id, None, NOW) is None
    assert await read(database, membership_of, "default", ada.id) is None
    assert await write(database, set_role, "default", ada.id, None, NOW) is None
    # An unchanged role, and the removal of nothing, are no changes.
    assert (await changes(database))[before:] == [(row.id, ada.id)] * 3


async def test_an_unknown_user_or_workspace_is_refused(database: Database) -> None:
    ada = await new_user(database, "ada")
    for workspace, user_id in (("default", "user_other"), ("other", ada.id)):
        with pytest.raises(NoSuchMember):
            await write(database, set_role, workspace, user_id, Role.VIEWER, NOW)
    assert await changes(database) == []


async def test_a_removal_revokes_the_users_keys_of_the_workspace(database: Database) -> None:
    ada, bob = await new_user(database, "ada", Role.ANALYST), await new_user(database, "bob", Role.ADMIN)
    lab = await write(database, create_workspace, "lab", "Lab", NOW)
    for hash_, workspace, user in (("1", "default", ada), ("2", "default", bob), ("3", lab.key, ada)):
        new = NewApiKey(workspace, "key", "assayk_abcde", hash_, Role.VIEWER, user.id, None)
        await write(database, create_api_key, new, NOW)
    await write(database, set_role, "default", ada.id, None, NOW)
    found = {row.hash: row.revoked_at for user in (ada, bob) for row in await read(database, api_keys_of_user, user.id)}
    assert found == {"1": NOW, "2": None, "3": None}


@pytest.mark.parametrize("role", [None, Role.ANALYST])
async def test_the_last_admin_stays(database: Database, role: Role | None) -> None:
    ada, bob, eve = [await new_user(database, name, Role.ADMIN) for name in ("ada", "bob", "eve")]
    await write(database, set_role, "default", eve.id, Role.VIEWER, NOW)
    # An inactive ADMIN does not count.
    await write(database, update_user, bob.id, {"is_active": False}, NOW)
    before = await changes(database)
    with pytest.raises(LastAdmin):
        await write(database, set_role, "default", ada.id, role, NOW)
    row = await read(database, membership_of, "default", ada.id)
    assert row is not None
    assert row.role == "ADMIN"
    assert await changes(database) == before
    await write(database, set_role, "default", bob.id, role, NOW)


async def test_of_concurrent_removals_of_all_admins_one_fails(database: Database) -> None:
    for number in range(3):
        lab = await write(database, create_workspace, f"lab{number}", "Lab", NOW)
        admins = [await new_user(database, f"{name}{number}") for name in ("ada", "bob", "eve")]
        for user in admins:
            await write(database, set_role, lab.key, user.id, Role.ADMIN, NOW)
        roles = (None, Role.VIEWER, None)
        found = await outcomes(
            *(write(database, set_role, lab.key, user.id, role, NOW) for user, role in zip(admins, roles, strict=True))
        )
        assert sum(isinstance(each, LastAdmin) for each in found) == 1
        left = (await read(database, page_of_members, lab.key, PageArguments())).rows
        assert sum(row.role == "ADMIN" for row in left) == 1


async def test_concurrent_calls_for_one_user_make_one_membership(database: Database) -> None:
    ada = await new_user(database, "ada")
    found = await outcomes(*(write(database, set_role, "default", ada.id, Role.VIEWER, NOW) for _ in range(8)))
    assert len({row.id for row in found}) == 1
    assert await read(database, count_members, "default") == 1


async def test_pages_hold_the_members_of_one_workspace(database: Database) -> None:
    users = [await new_user(database, f"user{number}", Role.ADMIN) for number in range(3)]
    lab = await write(database, create_workspace, "lab", "Lab", NOW)
    await write(database, set_role, lab.key, users[0].id, Role.VIEWER, NOW)
    page = await read(database, page_of_members, "default", PageArguments(first=2))
    assert [row.user_id for row in page.rows] == [user.id for user in users[:2]]
    assert page.has_next
    assert await read(database, count_members, "default") == 3
    assert await read(database, count_members, lab.key) == 1


async def test_a_reader_sees_the_memberships_of_the_own_workspaces(database: Database) -> None:
    ada, bob = await new_user(database, "ada"), await new_user(database, "bob")
    places = [await write(database, create_workspace, slug, slug, NOW) for slug in ("one", "two", "three")]
    one, two, three = (place.key for place in places)
    for key in (two, one, three):
        await write(database, set_role, key, ada.id, Role.ADMIN, NOW)
    await write(database, set_role, one, bob.id, Role.VIEWER, NOW)
    await write(database, set_role, two, bob.id, Role.VIEWER, NOW)

    async def seen(reader: Caller) -> list[str]:
        rows = await read(database, memberships_of_user, reader, ada.id)
        by_id = await read(database, memberships_by_id, reader, ids)
        assert sorted(row.id for row in rows) == sorted(by_id)
        return [row.workspace for row in rows]

    administrator = Caller("default", None, is_administrator=True)
    ids = [row.id for row in await read(database, memberships_of_user, administrator, ada.id)]
    assert await seen(administrator) == [two, one, three]
    assert await seen(Caller(one, ada.id)) == [two, one, three]
    assert await seen(Caller(one, bob.id)) == [two, one]
    assert await seen(Caller(three, None)) == [three]
    assert await seen(Caller(three, bob.id, new_id("apikey"))) == [three]
    assert await seen(Caller(one, bob.id, new_id("signin"))) == [two, one]
    assert await seen(Caller("default", "user_other")) == []


async def test_a_reader_sees_the_users_of_the_own_workspaces(database: Database) -> None:
    ada, bob, eve, lone = [await new_user(database, name) for name in ("ada", "bob", "eve", "lone")]
    one, two = [(await write(database, create_workspace, slug, slug, NOW)).key for slug in ("one", "two")]
    roles = [(one, ada, Role.ADMIN), (one, bob, Role.VIEWER), (two, ada, Role.VIEWER), (two, bob, Role.ADMIN)]
    for workspace, user, role in [*roles, (two, eve, Role.ANALYST)]:
        await write(database, set_role, workspace, user.id, role, NOW)
    names = {user.id: user.name for user in (ada, bob, eve, lone)}

    async def seen(workspace: str, user: UserRow | None, credential_id: str | None = None) -> dict[str, bool]:
        reader = Caller(workspace, None if user is None else user.id, credential_id)
        found = await read(database, users_seen_by, reader, [*names, "user_other"])
        return {names[id_]: is_admin for id_, is_admin in found.items()}

    assert await seen(one, ada) == {"ada": True, "bob": True, "eve": False}
    assert await seen(one, bob) == {"ada": True, "bob": True, "eve": True}
    assert await seen(two, eve) == {"ada": False, "bob": False, "eve": False}
    assert await seen("default", lone) == {"lone": False}
    assert await seen(one, None) == {"ada": False, "bob": False}
    assert await seen(one, ada, new_id("apikey")) == {"ada": False, "bob": False}
    assert await seen("default", None) == {}
