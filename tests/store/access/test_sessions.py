"""Sign-in sessions: start, end, list."""

from __future__ import annotations

from datetime import timedelta

from store.access.refresh import Refreshed, refresh
from store.access.sessions import (
    MAX_LISTED,
    UNUSED,
    Client,
    end_session,
    end_session_of_token,
    end_sessions,
    sessions_of_user,
    start_session,
)
from store.access.texts import MAX_TEXT
from store.access.users import update_user, user_by_name
from store.sql.database import Database
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, signed_in, write

HOUR = timedelta(hours=1)


async def test_a_session_knows_its_client_and_its_user_the_time(database: Database) -> None:
    ada = await new_user(database, "ada")
    client = Client("::1", "agent\0\ud800" + "x" * MAX_TEXT)
    session = await write(database, start_session, ada.id, "token", client, NOW)
    assert session is not None
    (row,) = await read(database, sessions_of_user, ada.id, NOW)
    assert (row.id, row.user_id, row.address) == (session.id, ada.id, "::1")
    assert row.user_agent == "agent\ufffd?" + "x" * (MAX_TEXT - 7)
    assert (row.created_at, row.last_used_at, row.expires_at) == (NOW, NOW, NOW + UNUSED)
    user = await read(database, user_by_name, "ada")
    assert user is not None
    assert user.last_sign_in_at == NOW
    # Nothing is cached about a new session.
    assert await changes(database) == []


async def test_an_inactive_or_unknown_user_starts_no_session(database: Database) -> None:
    ada = await new_user(database, "ada")
    await write(database, update_user, ada.id, {"is_active": False}, NOW)
    for id_ in (ada.id, "user_other"):
        assert await write(database, start_session, id_, "token", Client(), NOW) is None
        assert await read(database, sessions_of_user, id_, NOW) == []


async def test_a_user_ends_own_sessions_only(database: Database) -> None:
    ada, bob = await new_user(database, "ada"), await new_user(database, "bob")
    session = await signed_in(database, ada, "token")
    assert not await write(database, end_session, bob.id, session.id, NOW)
    assert not await write(database, end_session, ada.id, "signin_other", NOW)
    found = await outcomes(*(write(database, end_session, ada.id, session.id, NOW) for _ in range(5)))
    assert sorted(found) == [False] * 4 + [True]
    assert await read(database, sessions_of_user, ada.id, NOW) == []
    assert await changes(database) == [(session.id, ada.id)]


async def test_all_sessions_end_except_one(database: Database) -> None:
    ada, bob = await new_user(database, "ada"), await new_user(database, "bob")
    sessions = [await signed_in(database, ada, f"token{number}") for number in range(4)]
    other = await signed_in(database, bob, "other")
    expired = NOW + UNUSED
    assert await write(database, end_sessions, ada.id, NOW, but=sessions[1].id) == 3
    assert [row.id for row in await read(database, sessions_of_user, ada.id, NOW)] == [sessions[1].id]
    assert await write(database, end_sessions, ada.id, NOW) == 1
    assert await write(database, end_sessions, bob.id, expired) == 0
    assert [row.id for row in await read(database, sessions_of_user, bob.id, NOW)] == [other.id]
    ended = [sessions[0], sessions[2], sessions[3], sessions[1]]
    found = await changes(database)
    assert sorted(found[:3]) == [(session.id, ada.id) for session in ended[:3]]
    assert found[3:] == [(sessions[1].id, ada.id)]


async def test_any_token_of_a_session_ends_it(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "first")
    assert isinstance(await write(database, refresh, "first", "second", "kid", NOW), Refreshed)
    assert await write(database, end_session_of_token, "other", NOW) is None
    ended = await write(database, end_session_of_token, "first", NOW)
    assert ended is not None
    assert (ended.id, ended.user_id) == (session.id, ada.id)
    assert await write(database, end_session_of_token, "second", NOW) is None


async def test_the_last_used_sessions_come_first(database: Database) -> None:
    ada = await new_user(database, "ada")
    one, two, three = [
        await signed_in(database, ada, token, NOW + number * HOUR) for number, token in enumerate(("1", "2", "3"))
    ]
    assert isinstance(await write(database, refresh, "1", "next", "kid", NOW + 9 * HOUR), Refreshed)
    found = await read(database, sessions_of_user, ada.id, NOW + 9 * HOUR)
    assert [row.id for row in found] == [one.id, three.id, two.id]
    assert found[0].last_used_at == NOW + 9 * HOUR
    # The second session expires first.
    found = await read(database, sessions_of_user, ada.id, NOW + UNUSED + HOUR)
    assert [row.id for row in found] == [one.id, three.id]
    async with database.write() as connection:
        for number in range(MAX_LISTED):
            await start_session(connection, ada.id, f"more {number}", Client(), NOW + 10 * HOUR)
    found = await read(database, sessions_of_user, ada.id, NOW + 10 * HOUR)
    assert len(found) == MAX_LISTED
    assert one.id not in {row.id for row in found}
