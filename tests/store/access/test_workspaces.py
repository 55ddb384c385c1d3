"""Workspaces: slugs are unique among existing workspaces, keys for ever; nothing finds a deleted one."""

from __future__ import annotations

import pytest

from store.access.api_keys import NewApiKey, api_keys_of_user, create_api_key
from store.access.identities import identify_external, identify_key
from store.access.memberships import NoSuchMember, count_members, set_role
from store.access.workspaces import (
    FirstWorkspace,
    SlugTaken,
    count_workspaces,
    create_workspace,
    delete_workspace,
    deleted_workspaces,
    page_of_workspaces,
    workspace_by_slug,
    workspaces_by_id,
    workspaces_by_key,
)
from store.sql.database import Database
from store.sql.paging import PageArguments
from store.tables import Role
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, write

ALL = PageArguments(first=100)


async def test_the_first_workspace_exists_and_stays(database: Database) -> None:
    first = await read(database, workspace_by_slug, "default")
    assert first is not None
    assert (first.key, first.slug, first.name) == ("default", "default", "Default")
    assert first.id.startswith("workspace_")
    with pytest.raises(FirstWorkspace):
        await write(database, delete_workspace, first.id, NOW)
    assert await read(database, workspaces_by_key, ["default", "other"]) == {"default": first}


async def test_a_slug_is_unique_among_existing_workspaces(database: Database) -> None:
    found = await outcomes(*(write(database, create_workspace, "lab", "Lab", NOW) for _ in range(8)))
    assert sum(isinstance(each, SlugTaken) for each in found) == 7
    old = await read(database, workspace_by_slug, "lab")
    assert old is not None
    assert old.key == old.id
    await write(database, delete_workspace, old.id, NOW)
    new = await write(database, create_workspace, "lab", "Lab", NOW)
    assert new.key != old.key
    existing = await read(database, workspace_by_slug, "lab")
    assert existing is not None
    assert existing.id == new.id


async def test_pages_hold_a_users_workspaces_or_all(database: Database) -> None:
    ada = await new_user(database, "ada", Role.VIEWER)
    one, two = [await write(database, create_workspace, slug, slug, NOW) for slug in ("one", "two")]
    await write(database, set_role, two.key, ada.id, Role.ADMIN, NOW)
    page = await read(database, page_of_workspaces, ALL, of_user=ada.id)
    assert [row.slug for row in page.rows] == ["default", "two"]
    assert await read(database, count_workspaces, of_user=ada.id) == 2
    await write(database, delete_workspace, one.id, NOW)
    assert [row.slug for row in (await read(database, page_of_workspaces, ALL)).rows] == ["default", "two"]
    assert await read(database, count_workspaces) == 2
    assert await read(database, count_workspaces, of_user="user_other") == 0


async def test_nothing_finds_a_deleted_workspace(database: Database) -> None:
    ada = await new_user(database, "ada", Role.VIEWER, issuer="i", subject="s")
    lab = await write(database, create_workspace, "lab", "Lab", NOW)
    membership = await write(database, set_role, lab.key, ada.id, Role.ADMIN, NOW)
    assert membership is not None
    new = NewApiKey(lab.key, "key", "assayk_abcde", "hash", Role.ADMIN, ada.id, None)
    key = await write(database, create_api_key, new, NOW)
    assert await read(database, identify_key, "hash", NOW) is not None
    before = len(await changes(database))

    deleted = await write(database, delete_workspace, lab.id, NOW)
    assert deleted is not None
    assert deleted.slug == "lab"
    expected = {(key.id, ada.id), (membership.id, ada.id), (lab.id, None)}
    assert set((await changes(database))[before:]) == expected
    assert await read(database, workspaces_by_id, [lab.id]) == {}
    assert await read(database, workspaces_by_key, [lab.key]) == {}
    assert await read(database, workspace_by_slug, "lab") is None
    assert await read(database, count_members, lab.key) == 0
    assert [row.revoked_at for row in await read(database, api_keys_of_user, ada.id)] == [NOW]
    assert await read(database, identify_key, "hash", NOW) is None
    identity = await read(database, identify_external, "i", "s")
    assert identity is not None
    assert [place.slug for place in identity.places] == ["default"]
    with pytest.raises(NoSuchMember):
        await write(database, set_role, lab.key, ada.id, Role.VIEWER, NOW)
    assert await read(database, deleted_workspaces) == [lab.key]
    assert await write(database, delete_workspace, lab.id, NOW) is None
    assert await write(database, delete_workspace, "workspace_other", NOW) is None
    assert len(await changes(database)) == before + 3
