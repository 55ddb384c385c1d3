"""The first administrator, on each database."""

from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from access.first_administrator import create_first_administrator
from access.passwords import Passwords, UnusablePassword
from store.access.audit import audit_after
from store.access.users import count_users, user_by_name
from store.sql.database import Database
from tests.store.access.calls import read

PASSWORD = "correct horse battery staple"


async def test_one_of_concurrent_starts_creates_the_administrator(database: Database) -> None:
    calls = await asyncio.gather(*(create_first_administrator(database, PASSWORD) for _ in range(3)))
    assert sorted(calls) == [False, False, True]
    user = await read(database, user_by_name, "admin")
    assert user is not None
    assert (user.is_administrator, user.is_active) == (True, True)
    with closing(Passwords()) as passwords:
        assert (await passwords.verify(PASSWORD, user.password)).right
    assert not await create_first_administrator(database, "another password")
    assert await read(database, user_by_name, "admin") == user
    (entry,) = await read(database, audit_after, None, None, 10)
    assert (entry.action, entry.actor_kind, entry.subject_id) == ("user.created", "SYSTEM", user.id)


async def test_an_unusable_password_creates_no_user(database: Database) -> None:
    with pytest.raises(UnusablePassword):
        await create_first_administrator(database, "short")
    assert await read(database, count_users) == 0
