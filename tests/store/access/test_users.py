"""Users: names are unique for ever, and one active administrator stays."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store.access.changes import last_change
from store.access.sessions import sessions_of_user
from store.access.users import (
    SIGN_IN_INTERVAL,
    LastAdministrator,
    NameTaken,
    NewUser,
    UserChanges,
    any_user,
    count_administrators,
    count_users,
    create_user,
    page_of_users,
    rehash_password,
    set_password,
    touch_sign_in,
    update_user,
    user_by_name,
    user_by_subject,
    users_by_id,
)
from store.sql.database import Database
from store.sql.paging import PageArguments
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, signed_in, write


async def test_a_new_database_has_no_user(database: Database) -> None:
    assert not await read(database, any_user)
    await new_user(database, "ada")
    assert await read(database, any_user)


async def test_a_user_is_found_by_id_name_and_subject(database: Database) -> None:
    ada = await new_user(database, "Ada@Example", display_name="Ada", email="ada@example.org")
    external = await new_user(database, "external", issuer="https://issuer", subject="42")
    assert (ada.name, ada.is_active, ada.is_administrator, ada.password) == ("ada@example", True, False, None)
    (row,) = (await read(database, users_by_id, [ada.id, "user_other"])).values()
    assert (row.id, row.display_name, row.email) == (ada.id, "Ada", "ada@example.org")
    assert await read(database, user_by_name, "ADA@example") == row
    found = await read(database, user_by_subject, "https://issuer", "42")
    assert found is not None
    assert found.id == external.id
    assert await read(database, user_by_name, "bob") is None
    assert await read(database, user_by_subject, "https://issuer", "43") is None
    assert await read(database, user_by_subject, "https://other", "42") is None


async def test_a_name_is_never_used_twice(database: Database) -> None:
    ada = await new_user(database, "ada")
    await write(database, update_user, ada.id, {"is_active": False}, NOW)
    with pytest.raises(NameTaken):
        await write(database, create_user, NewUser(name="ADA"), NOW)
    await new_user(database, "one", issuer="i", subject="s")
    with pytest.raises(NameTaken):
        await write(database, create_user, NewUser(name="two", issuer="i", subject="s"), NOW)
    await new_user(database, "two", issuer="i", subject="other")
    assert await read(database, count_users) == 3


async def test_of_concurrent_creations_with_one_name_one_succeeds(database: Database) -> None:
    found = await outcomes(*(write(database, create_user, NewUser(name="ada"), NOW) for _ in range(8)))
    assert sum(isinstance(each, NameTaken) for each in found) == 7
    assert await read(database, count_users) == 1


async def test_pages_of_users_are_in_the_order_of_creation(database: Database) -> None:
    users = [await new_user(database, f"user{number}") for number in range(5)]
    first = await read(database, page_of_users, PageArguments(first=2))
    assert [row.id for row in first.rows] == [user.id for user in users[:2]]
    second = await read(database, page_of_users, PageArguments(first=9, after=first.cursor(first.rows[-1])))
    assert [row.id for row in second.rows] == [user.id for user in users[2:]]
    assert (first.has_next, second.has_next) == (True, False)
    last = await read(database, page_of_users, PageArguments(last=1))
    assert [row.name for row in last.rows] == ["user4"]


async def test_an_update_keeps_omitted_values(database: Database) -> None:
    ada = await new_user(database, "ada", display_name="Ada", email="a@example.org")
    row = await write(database, update_user, ada.id, {"display_name": None}, NOW)
    assert row is not None
    assert (row.display_name, row.email, row.is_active) == (None, "a@example.org", True)
    assert await changes(database) == [(ada.id, ada.id)]
    assert await write(database, update_user, ada.id, {}, NOW) == row
    assert await write(database, update_user, "user_other", {"email": None}, NOW) is None
    assert await read(database, last_change) == 1


async def test_a_deactivation_ends_all_sessions(database: Database) -> None:
    ada, bob = await new_user(database, "ada"), await new_user(database, "bob")
    mine, other = await signed_in(database, ada, "one"), await signed_in(database, bob, "two")
    row = await write(database, update_user, ada.id, {"is_active": False}, NOW)
    assert row is not None
    assert not row.is_active
    assert await read(database, sessions_of_user, ada.id, NOW) == []
    assert [each.id for each in await read(database, sessions_of_user, bob.id, NOW)] == [other.id]
    assert await changes(database) == [(mine.id, ada.id), (ada.id, ada.id)]
    await write(database, update_user, ada.id, {"is_active": True}, NOW)
    assert await read(database, sessions_of_user, ada.id, NOW) == []


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_administrator": False}])
async def test_the_last_active_administrator_stays(database: Database, change: UserChanges) -> None:
    ada, bob = [await new_user(database, name, is_administrator=True) for name in ("ada", "bob")]
    await new_user(database, "viewer")
    assert await read(database, count_administrators) == 2
    await write(database, update_user, bob.id, {"is_active": False}, NOW)
    before = await read(database, users_by_id, [ada.id]), await read(database, last_change)
    with pytest.raises(LastAdministrator):
        await write(database, update_user, ada.id, change, NOW)
    assert (await read(database, users_by_id, [ada.id]), await read(database, last_change)) == before
    # Other changes of the administrator, and of the inactive one, are permitted.
    await write(database, update_user, ada.id, {"email": "a@example.org", "is_active": True}, NOW)
    await write(database, update_user, bob.id, {"is_administrator": False}, NOW)
    assert await read(database, count_administrators) == 1


async def test_of_two_administrators_that_deactivate_each_other_one_stays(database: Database) -> None:
    for number in range(3):
        users = [await new_user(database, f"{name}{number}", is_administrator=True) for name in ("ada", "bob")]
        for other in (await read(database, page_of_users, PageArguments(first=100))).rows:
            if other.id not in {user.id for user in users} and other.is_active:
                await write(database, update_user, other.id, {"is_active": False}, NOW)
        found = await outcomes(*(write(database, update_user, user.id, {"is_active": False}, NOW) for user in users))
        assert sum(isinstance(each, LastAdministrator) for each in found) == 1
        assert await read(database, count_administrators) == 1


async def test_a_new_password_ends_the_other_sessions(database: Database) -> None:
    ada = await new_user(database, "ada")
    one, two, three = [await signed_in(database, ada, token) for token in ("one", "two", "three")]
    row = await write(database, set_password, ada.id, "encoded", NOW, keep_session=two.id)
    assert row is not None
    assert row.password == "encoded"
    assert [each.id for each in await read(database, sessions_of_user, ada.id, NOW)] == [two.id]
    assert {subject for subject, _ in await changes(database)} == {one.id, three.id, ada.id}
    await write(database, set_password, ada.id, "next", NOW)
    assert await read(database, sessions_of_user, ada.id, NOW) == []
    assert await write(database, set_password, "user_other", "encoded", NOW) is None


async def test_a_new_encoding_never_replaces_a_new_password(database: Database) -> None:
    ada = await new_user(database, "ada")
    await write(database, set_password, ada.id, "old", NOW)
    session = await signed_in(database, ada, "one")
    assert await write(database, rehash_password, ada.id, "old", "old, stronger")
    assert not await write(database, rehash_password, ada.id, "old", "again")
    row = await read(database, user_by_name, "ada")
    assert row is not None
    assert row.password == "old, stronger"
    assert [each.id for each in await read(database, sessions_of_user, ada.id, NOW)] == [session.id]


async def test_a_sign_in_of_an_external_user_is_stored_once_a_minute(database: Database) -> None:
    ada = await new_user(database, "ada", issuer="issuer", subject="42")
    times = [NOW, NOW + SIGN_IN_INTERVAL - timedelta(microseconds=1), NOW + SIGN_IN_INTERVAL]
    assert [await write(database, touch_sign_in, ada.id, now) for now in times] == [True, False, True]
    row = await read(database, user_by_name, "ada")
    assert row is not None
    assert row.last_sign_in_at == NOW + SIGN_IN_INTERVAL
