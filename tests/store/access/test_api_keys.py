"""API keys: a key is valid while it, its creator and its workspace are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from store.access.api_keys import (
    USE_INTERVAL,
    NewApiKey,
    api_keys_by_id,
    api_keys_of_user,
    count_api_keys,
    create_api_key,
    page_of_api_keys,
    revoke_api_key,
    touch_api_key,
)
from store.access.identities import KeyIdentity, identify_key
from store.access.memberships import set_role
from store.access.users import update_user
from store.access.workspaces import create_workspace
from store.sql.database import Database
from store.sql.paging import PageArguments
from store.tables import ApiKeyRow, Role
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, write

DAY = timedelta(days=1)


async def new_key(database: Database, user_id: str, hash_: str = "hash", **values: Any) -> ApiKeyRow:
    fixed: dict[str, Any] = {"workspace": "default", "role": Role.ANALYST, "expires_at": None}
    new = NewApiKey(name="name", start="assayk_abcde", hash=hash_, created_by=user_id, **(fixed | values))
    return await write(database, create_api_key, new, NOW)


async def role_of(database: Database, hash_: str = "hash", now: datetime = NOW) -> str | None:
    """Return the role of a valid key."""
    identity = await read(database, identify_key, hash_, now)
    return None if identity is None else identity.place.role


async def test_a_key_is_identified_by_its_hash(database: Database) -> None:
    ada = await new_user(database, "ada", Role.ADMIN)
    key = await new_key(database, ada.id, expires_at=NOW + DAY)
    identity = await read(database, identify_key, "hash", NOW)
    assert isinstance(identity, KeyIdentity)
    assert (identity.id, identity.name, identity.user_id, identity.expires_at) == (key.id, "name", ada.id, NOW + DAY)
    assert (identity.place.workspace, identity.place.slug, identity.place.role) == ("default", "default", "ANALYST")
    assert identity.place.workspace_id.startswith("workspace_")
    assert await read(database, identify_key, "other", NOW) is None


async def test_a_key_is_valid_before_its_expiry(database: Database) -> None:
    ada = await new_user(database, "ada", Role.ADMIN)
    await new_key(database, ada.id, expires_at=NOW + DAY)
    just_before = NOW + DAY - timedelta(microseconds=1)
    assert [await role_of(database, now=now) for now in (just_before, NOW + DAY)] == ["ANALYST", None]


async def test_a_key_of_an_inactive_user_is_invalid(database: Database) -> None:
    ada = await new_user(database, "ada", Role.ADMIN)
    await new_key(database, ada.id)
    for is_active, role in ((False, None), (True, "ANALYST")):
        await write(database, update_user, ada.id, {"is_active": is_active}, NOW)
        assert await role_of(database) == role


async def test_a_key_has_at_most_the_role_of_its_creator(database: Database) -> None:
    ada, _ = await new_user(database, "ada", Role.ADMIN), await new_user(database, "bob", Role.ADMIN)
    await new_key(database, ada.id, role=Role.ADMIN)
    for role in (Role.ADMIN, Role.VIEWER, Role.ANALYST):
        await write(database, set_role, "default", ada.id, role, NOW)
        assert await role_of(database) == role
    await write(database, set_role, "default", ada.id, None, NOW)
    assert await role_of(database) is None
    await write(database, set_role, "default", ada.id, Role.ADMIN, NOW)
    assert await role_of(database) is None


async def test_a_key_of_an_administrator_needs_no_membership(database: Database) -> None:
    ada = await new_user(database, "ada", is_administrator=True)
    await new_user(database, "bob", is_administrator=True)
    await new_key(database, ada.id, role=Role.ADMIN)
    assert await role_of(database) == "ADMIN"
    await write(database, update_user, ada.id, {"is_administrator": False}, NOW)
    assert await role_of(database) is None


async def test_a_revoked_key_stays_revoked(database: Database) -> None:
    ada = await new_user(database, "ada", Role.ADMIN)
    before = len(await changes(database))
    key = await new_key(database, ada.id)
    found = await outcomes(*(write(database, revoke_api_key, "default", key.id, NOW) for _ in range(5)))
    later = await write(database, revoke_api_key, "default", key.id, NOW + DAY)
    assert later is not None
    assert {row.revoked_at for row in [*found, later]} == {NOW}
    assert await role_of(database) is None
    assert (await changes(database))[before:] == [(key.id, ada.id)]


async def test_a_foreign_key_is_not_revoked(database: Database) -> None:
    ada, bob = await new_user(database, "ada", Role.ADMIN), await new_user(database, "bob", Role.ADMIN)
    key = await new_key(database, ada.id)
    assert await write(database, revoke_api_key, "other", key.id, NOW) is None
    assert await write(database, revoke_api_key, "default", key.id, NOW, of_user=bob.id) is None
    assert await write(database, revoke_api_key, "default", "apikey_other", NOW) is None
    assert await role_of(database) == "ANALYST"
    assert await write(database, revoke_api_key, "default", key.id, NOW, of_user=ada.id) is not None


async def test_a_use_is_stored_once_a_minute(database: Database) -> None:
    ada = await new_user(database, "ada", Role.ADMIN)
    key = await new_key(database, ada.id)
    microsecond = timedelta(microseconds=1)
    times = [NOW, NOW + USE_INTERVAL - microsecond, NOW + USE_INTERVAL, NOW + USE_INTERVAL + microsecond]
    assert [await write(database, touch_api_key, key.id, now) for now in times] == [True, False, True, False]
    (row,) = (await read(database, api_keys_by_id, "default", [key.id])).values()
    assert row.last_used_at == NOW + USE_INTERVAL
    found = await outcomes(*(write(database, touch_api_key, key.id, NOW + DAY) for _ in range(5)))
    assert sorted(found) == [False] * 4 + [True]


async def test_lists_are_of_one_workspace_or_one_user(database: Database) -> None:
    ada, bob = await new_user(database, "ada", Role.ADMIN), await new_user(database, "bob", Role.ADMIN)
    lab = await write(database, create_workspace, "lab", "Lab", NOW)
    keys = [await new_key(database, user.id, str(number)) for number, user in enumerate((ada, bob, ada))]
    other = await new_key(database, ada.id, "other", workspace=lab.key)
    page = await read(database, page_of_api_keys, "default", PageArguments(first=2))
    assert [row.id for row in page.rows] == [keys[0].id, keys[1].id]
    assert (page.has_next, await read(database, count_api_keys, "default")) == (True, 3)
    assert [row.id for row in await read(database, api_keys_of_user, ada.id)] == [other.id, keys[2].id, keys[0].id]
    assert [row.id for row in await read(database, api_keys_of_user, ada.id, lab.key)] == [other.id]
    assert (await read(database, api_keys_by_id, "default", [keys[0].id, other.id])).keys() == {keys[0].id}
