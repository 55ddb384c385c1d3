"""Idempotency keys: two calls with one key and one input within a day are one call, also at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from store import tables
from store.idempotency import LIFETIME, IdempotencyMismatch, take_key, trim_keys
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER

NOW = utcnow()


class Stumble(Exception):
    """An error that rolls a transaction back."""


async def take(
    database: Database, subject: str, *, key: str = "key", said: str = "hash", later: timedelta = timedelta(0)
) -> str:
    async with database.write() as connection:
        return await take_key(connection, VIEWER, key, said, subject, NOW + later)


async def count(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(tables.idempotency))).scalar_one()


async def test_the_first_call_has_the_key_for_a_day(database: Database) -> None:
    assert await take(database, "one") == "one"
    assert await take(database, "two") == "one"
    assert await take(database, "two", key="other") == "two"
    assert await take(database, "two", later=LIFETIME - timedelta(microseconds=1)) == "one"
    assert await take(database, "two", later=LIFETIME) == "two"
    assert await take(database, "three", later=LIFETIME) == "two"


async def test_another_input_is_refused_and_changes_nothing(database: Database) -> None:
    await take(database, "one")
    with pytest.raises(IdempotencyMismatch):
        await take(database, "two", said="other")
    assert await take(database, "three") == "one"
    assert await count(database) == 1


async def test_a_key_is_a_workspaces_own(database: Database) -> None:
    await take(database, "one")
    async with database.write() as connection:
        other = replace(VIEWER, workspace="other")
        assert await take_key(connection, other, "key", "different", "two", NOW) == "two"


async def test_of_many_calls_at_once_one_takes_the_key(database: Database) -> None:
    calls = [take(database, f"subject{number}") for number in range(20)]
    answers = await asyncio.gather(*calls)
    assert len(set(answers)) == 1
    assert await count(database) == 1


async def test_a_rolled_back_call_leaves_the_key_to_the_waiting_one(database: Database) -> None:
    """The second call begins while the first's transaction is open, and takes the key after its rollback."""
    second: asyncio.Task[str] | None = None

    async def first() -> None:
        nonlocal second
        async with database.write() as connection:
            assert await take_key(connection, VIEWER, "key", "hash", "one", NOW) == "one"
            second = asyncio.create_task(take(database, "two"))
            done, _ = await asyncio.wait([second], timeout=0.2)
            assert not done
            raise Stumble

    with pytest.raises(Stumble):
        await first()
    assert second is not None
    assert await second == "two"


async def test_old_keys_are_trimmed(database: Database) -> None:
    await take(database, "one")
    await take(database, "one", key="other")
    async with database.write() as connection:
        assert await trim_keys(connection, NOW + LIFETIME, 1) == 1
    await take(database, "two", key="young", later=timedelta(seconds=1))
    async with database.write() as connection:
        assert await trim_keys(connection, NOW + LIFETIME, 10) == 1
    assert await count(database) == 1
    assert await take(database, "three", key="young", later=LIFETIME) == "two"
