"""The ratchet of refresh tokens: one successor each, repeats within the grace period, and the end at a reuse."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from store import tables
from store.access.identities import identify_session
from store.access.refresh import GRACE_SECONDS, Refreshed, Refusal, Refused, refresh
from store.access.sessions import TOTAL, UNUSED, end_session, sessions_of_user, trim_sessions
from store.access.users import update_user
from store.sql.database import Database
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, new_user, outcomes, read, signed_in, write
from tests.store.waiting import waits
from tests.support import until

SECOND, MICROSECOND = timedelta(seconds=1), timedelta(microseconds=1)
GRACE = timedelta(seconds=GRACE_SECONDS)


async def tokens(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(tables.refresh))).scalar_one())


async def test_each_token_is_exchanged_for_the_next(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    for number in range(4):
        now = NOW + number * timedelta(days=1)
        found = await write(database, refresh, f"t{number}", f"t{number + 1}", f"kid {number}", now)
        assert found == Refreshed(session.id, ada.id, f"kid {number}", now + UNUSED, repeated=False)
    (row,) = await read(database, sessions_of_user, ada.id, now)
    assert (row.last_used_at, row.expires_at) == (now, now + UNUSED)
    assert await changes(database) == []


async def test_ten_concurrent_refreshes_get_one_successor(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    found = await outcomes(*(write(database, refresh, "t0", "t1", "kid", NOW) for _ in range(10)))
    assert sorted(each.repeated for each in found) == [False] + [True] * 9
    assert {(each.session_id, each.kid, each.expires_at) for each in found} == {(session.id, "kid", NOW + UNUSED)}
    assert await tokens(database) == 2
    assert isinstance(await write(database, refresh, "t1", "t2", "kid", NOW), Refreshed)


async def test_a_repeat_gets_the_secret_of_the_first_use(database: Database) -> None:
    """The secret was rotated in between: the caller computes the same successor with the old one."""
    ada = await new_user(database, "ada")
    await signed_in(database, ada, "t0")
    await write(database, refresh, "t0", "t1 by old", "old", NOW)
    found = await write(database, refresh, "t0", "t1 by new", "new", NOW + SECOND)
    assert isinstance(found, Refreshed)
    assert (found.kid, found.repeated, found.expires_at) == ("old", True, NOW + UNUSED)
    assert await write(database, refresh, "t1 by new", "t2", "new", NOW + SECOND) == Refused(Refusal.UNKNOWN)
    assert isinstance(await write(database, refresh, "t1 by old", "t2", "new", NOW + SECOND), Refreshed)


@pytest.mark.parametrize("grace", [GRACE, timedelta(0), timedelta(minutes=1)])
async def test_a_repeat_after_the_grace_period_ends_the_session(database: Database, grace: timedelta) -> None:
    ada = await new_user(database, "ada")
    session, other = await signed_in(database, ada, "t0"), await signed_in(database, ada, "other")
    await write(database, refresh, "t0", "t1", "kid", NOW, grace=grace)
    within = await write(database, refresh, "t0", "t1", "kid", NOW + grace, grace=grace)
    assert isinstance(within, Refreshed)
    late = NOW + grace + MICROSECOND
    found = await write(database, refresh, "t0", "t1", "kid", late, grace=grace)
    assert found == Refused(Refusal.REUSED, session.id, ada.id)
    ended = Refused(Refusal.ENDED, session.id, ada.id)
    assert [await write(database, refresh, each, "t2", "kid", late, grace=grace) for each in ("t0", "t1")] == [
        ended
    ] * 2
    assert await read(database, identify_session, session.id, late) is None
    assert await read(database, identify_session, other.id, late) is not None
    assert await changes(database) == [(session.id, ada.id)]


async def test_a_repeat_after_the_use_of_the_successor_ends_the_session(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    await write(database, refresh, "t0", "t1", "kid", NOW)
    await write(database, refresh, "t1", "t2", "kid", NOW)
    assert await write(database, refresh, "t0", "t1", "kid", NOW) == Refused(Refusal.REUSED, session.id, ada.id)
    assert await write(database, refresh, "t2", "t3", "kid", NOW) == Refused(Refusal.ENDED, session.id, ada.id)
    assert await read(database, sessions_of_user, ada.id, NOW) == []


async def test_concurrent_reuses_end_the_session_once(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    await write(database, refresh, "t0", "t1", "kid", NOW)
    calls = (write(database, refresh, token, f"{token}+", "kid", NOW + timedelta(hours=1)) for token in ["t0"] * 5)
    found = await outcomes(*calls)
    assert {each.reason for each in found} <= {Refusal.REUSED, Refusal.ENDED}
    assert Refused(Refusal.REUSED, session.id, ada.id) in found
    assert await changes(database) == [(session.id, ada.id)]


async def test_a_token_expires_after_14_days_and_a_session_after_30(database: Database) -> None:
    ada = await new_user(database, "ada")
    unused = await signed_in(database, ada, "unused")
    late = await write(database, refresh, "unused", "next", "kid", NOW + UNUSED)
    assert late == Refused(Refusal.EXPIRED, unused.id, ada.id)
    in_time = await write(database, refresh, "unused", "next", "kid", NOW + UNUSED - MICROSECOND)
    assert isinstance(in_time, Refreshed)

    session = await signed_in(database, ada, "t0")
    days = timedelta(days=1)
    for number, (day, until_day) in enumerate([(13, 27), (20, 30), (29, 30)]):
        found = await write(database, refresh, f"t{number}", f"t{number + 1}", "kid", NOW + day * days)
        assert isinstance(found, Refreshed)
        assert found.expires_at == NOW + until_day * days
    assert await write(database, refresh, "t3", "t4", "kid", NOW + TOTAL) == Refused(
        Refusal.EXPIRED, session.id, ada.id
    )


async def test_an_inactive_user_gets_no_token(database: Database) -> None:
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    await write(database, update_user, ada.id, {"is_active": False}, NOW)
    await write(database, update_user, ada.id, {"is_active": True}, NOW)
    assert await write(database, refresh, "t0", "t1", "kid", NOW) == Refused(Refusal.ENDED, session.id, ada.id)
    assert await tokens(database) == 1


async def test_no_session_outlives_a_concurrent_sign_out(database: Database) -> None:
    """The sign-out waits for the open refresh, or the refresh for the sign-out: the session has ended in both cases."""
    ada = await new_user(database, "ada")
    for number in range(6):
        session = await signed_in(database, ada, f"{number}")
        calls = [
            write(database, refresh, f"{number}", f"{number}+", "kid", NOW),
            write(database, end_session, ada.id, session.id, NOW),
        ]
        results = await outcomes(*(calls if number % 2 else reversed(calls)))
        assert not [each for each in results if isinstance(each, Exception)]
        assert await read(database, sessions_of_user, ada.id, NOW) == []
        found = await write(database, refresh, f"{number}+", "next", "kid", NOW)
        assert isinstance(found, Refused)


async def test_a_sign_out_during_a_refresh_leaves_no_successor(database: Database) -> None:
    """On PostgreSQL: the sign-out is open while the refresh has used the token."""
    ada = await new_user(database, "ada")
    session = await signed_in(database, ada, "t0")
    async with database.write() as connection:
        await end_session(connection, ada.id, session.id, NOW)
        refreshing = asyncio.create_task(write(database, refresh, "t0", "t1", "kid", NOW))

        async def waiting() -> bool:
            return await waits(database)

        await until(waiting, what="the refresh to wait for the sign-out", seconds=60)
    assert await refreshing == Refused(Refusal.ENDED, session.id, ada.id)
    assert await tokens(database) == 1
    assert await write(database, refresh, "t1", "t2", "kid", NOW) == Refused(Refusal.UNKNOWN)


async def test_the_clean_up_deletes_what_has_expired(database: Database) -> None:
    ada = await new_user(database, "ada")
    old, new = await signed_in(database, ada, "old"), await signed_in(database, ada, "new")
    await write(database, refresh, "new", "newer", "kid", NOW + SECOND)
    await write(database, end_session, ada.id, new.id, NOW + SECOND)
    assert await write(database, trim_sessions, NOW + UNUSED - MICROSECOND, 100) == 0
    # The tokens `old` and `new`, and the session of `old`.
    assert [await write(database, trim_sessions, NOW + UNUSED, 1) for _ in range(3)] == [2, 1, 0]
    assert await write(database, refresh, "old", "next", "kid", NOW) == Refused(Refusal.UNKNOWN)
    assert await write(database, refresh, "newer", "next", "kid", NOW) == Refused(Refusal.ENDED, new.id, ada.id)
    assert await write(database, trim_sessions, NOW + UNUSED + SECOND, 100) == 2
    async with database.read() as connection:
        assert (await connection.execute(select(tables.signin))).all() == []
    assert old.id != new.id
