"""Invitations: each is accepted once, within 72 hours."""

from __future__ import annotations

from datetime import timedelta

import pytest

from store.access.invitations import LIFETIME, accept_invitation, create_invitation
from store.access.sessions import sessions_of_user
from store.access.users import set_password, update_user, user_by_name
from store.sql.database import Database
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, signed_in, write


async def password_of(database: Database, name: str) -> str | None:
    user = await read(database, user_by_name, name)
    assert user is not None
    return user.password


async def test_an_invitation_sets_the_password_once(database: Database) -> None:
    ada = await new_user(database, "ada")
    row = await write(database, create_invitation, ada.id, "hash", NOW)
    assert row is not None
    assert (row.user_id, row.created_at, row.expires_at) == (ada.id, NOW, NOW + timedelta(hours=72))
    assert await write(database, accept_invitation, "other", "encoded", NOW) is None
    calls = [write(database, accept_invitation, "hash", f"encoded {number}", NOW) for number in range(8)]
    accepted = [each for each in await outcomes(*calls) if each is not None]
    (user,) = accepted
    assert (user.id, user.password) == (ada.id, await password_of(database, "ada"))
    assert await write(database, accept_invitation, "hash", "late", NOW) is None
    assert await changes(database) == [(ada.id, ada.id)]


@pytest.mark.parametrize(("late", "password"), [(timedelta(microseconds=1), "encoded"), (timedelta(0), None)])
async def test_an_invitation_expires(database: Database, late: timedelta, password: str | None) -> None:
    ada = await new_user(database, "ada")
    await write(database, create_invitation, ada.id, "hash", NOW)
    found = await write(database, accept_invitation, "hash", "encoded", NOW + LIFETIME - late)
    assert (None if found is None else found.password) == password
    assert await password_of(database, "ada") == password


async def test_a_new_invitation_replaces_the_old_one_and_ends_all_sessions(database: Database) -> None:
    ada, bob = await new_user(database, "ada"), await new_user(database, "bob")
    await write(database, set_password, ada.id, "old", NOW)
    await write(database, create_invitation, ada.id, "first", NOW)
    await write(database, create_invitation, bob.id, "of bob", NOW)
    session = await signed_in(database, ada, "token")
    await write(database, create_invitation, ada.id, "second", NOW)
    assert await read(database, sessions_of_user, ada.id, NOW) == []
    assert (await changes(database))[-1] == (session.id, ada.id)
    assert await write(database, accept_invitation, "first", "no", NOW) is None
    assert await password_of(database, "ada") == "old"
    await signed_in(database, ada, "with the old password")
    assert await write(database, accept_invitation, "second", "new", NOW) is not None
    assert await password_of(database, "ada") == "new"
    assert await read(database, sessions_of_user, ada.id, NOW) == []
    assert await write(database, accept_invitation, "of bob", "new", NOW) is not None


async def test_an_inactive_or_unknown_user_is_not_invited(database: Database) -> None:
    ada = await new_user(database, "ada")
    await write(database, create_invitation, ada.id, "hash", NOW)
    await write(database, update_user, ada.id, {"is_active": False}, NOW)
    assert await write(database, accept_invitation, "hash", "encoded", NOW) is None
    for id_ in (ada.id, "user_other"):
        assert await write(database, create_invitation, id_, "next", NOW) is None
    assert await password_of(database, "ada") is None
    # The refused call has not used the invitation.
    await write(database, update_user, ada.id, {"is_active": True}, NOW)
    assert await write(database, accept_invitation, "hash", "encoded", NOW) is not None
