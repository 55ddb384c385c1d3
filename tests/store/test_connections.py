"""Fewer connections than the pool wants: callers wait for one of this process, and no statement fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url, text

from resolvers.user_errors import explain
from settings import Settings
from store.sql import allowance
from store.sql.database import CONNECTIONS, Database
from store.sql.failures import is_too_many
from tests.support import until

pytestmark = pytest.mark.needs("postgresql")


@asynccontextmanager
async def limited(postgresql_url: str, limit: int) -> AsyncIterator[str]:
    """Yield the URL of the database for a role with a limit of connections."""
    role = f"assay_test_{uuid4().hex}"
    administrator = await asyncpg.connect(postgresql_url)
    try:
        await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}' CONNECTION LIMIT {limit}")
        yield make_url(postgresql_url).set(username=role, password=role).render_as_string(hide_password=False)
        await administrator.execute(f"DROP ROLE {role}")
    finally:
        await administrator.close()


async def look(database: Database, *, seconds: float = 0.0) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text(f"SELECT 7 FROM pg_sleep({seconds})"))).scalar_one())


async def write(database: Database) -> int:
    async with database.write() as connection:
        return int((await connection.execute(text("SELECT 7 FROM pg_sleep(0.002)"))).scalar_one())


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_call_fails_with_fewer_connections(limit: int, postgresql_url: str) -> None:
    async with limited(postgresql_url, limit) as url:
        database = Database(Settings(database_url=url).database)
        try:
            calls = [door(database) for _ in range(50) for door in (look, write)]
            assert await asyncio.gather(*calls) == [7] * 100
        finally:
            await database.close()


async def test_a_process_without_a_connection_retries_until_one_is_free(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "GIVE_UP_SECONDS", 300.0)
    async with limited(postgresql_url, 1) as url:
        other = await asyncpg.connect(url)
        database = Database(Settings(database_url=url).database)
        refusals = 0
        connect = database._server.connect

        async def count() -> asyncpg.Connection:
            nonlocal refusals
            try:
                return await connect()
            except asyncpg.TooManyConnectionsError:
                refusals += 1
                raise

        monkeypatch.setattr(database._server, "connect", count)
        try:
            looking = asyncio.create_task(look(database))
            await until(lambda: refusals > 1, what="a second attempt")
            await other.close()
            assert await looking == 7
        finally:
            await other.close()
            await database.close()


async def test_a_process_without_a_connection_gives_up(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowance, "GIVE_UP_SECONDS", 0.3)
    async with limited(postgresql_url, 1) as url:
        other = await asyncpg.connect(url)
        database = Database(Settings(database_url=url).database)
        try:
            with pytest.raises(Exception) as refusal:  # noqa: PT011  # the test is about the exception's type
                await look(database)
            assert is_too_many(refusal.value)
            answer = explain(refusal.value)
            assert answer is not None
            assert answer.code == "SERVICE_UNAVAILABLE"
            await other.close()
            assert await look(database) == 7
        finally:
            await other.close()
            await database.close()


@pytest.mark.parametrize("most", [4, CONNECTIONS])
async def test_a_process_opens_no_more_connections_than_the_setting(most: int, postgresql_url: str) -> None:
    name = uuid4().hex
    url = f"{postgresql_url}?application_name={name}"
    database = Database(Settings(database_url=url).database, connections=most)
    count = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, $1)"
    try:
        async with AsyncExitStack() as stack:
            for part in ("bus", "permits"):
                await stack.enter_async_context(database.apart(part))
            calls = [asyncio.create_task(look(database, seconds=0.01)) for _ in range(3 * most)]
            short = [database.fetch("SELECT 7 FROM pg_sleep(0.01)", []) for _ in range(3 * most)]
            assert await asyncio.gather(*short) == [[(7,)]] * 3 * most
            assert await asyncio.gather(*calls) == [7] * 3 * most
            administrator = await asyncpg.connect(postgresql_url)
            assert await administrator.fetchval(count, name) == most
            await administrator.close()
    finally:
        await database.close()


async def test_a_canceled_caller_keeps_no_place(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database, connections=4)
    try:
        async with database.read(), database.read():
            waiting = [asyncio.create_task(look(database)) for _ in range(10)]
            await asyncio.sleep(0)
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)
        running = [asyncio.create_task(look(database, seconds=300)) for _ in range(2)]
        await until(lambda: database._allowance._places.locked(), what="both to run")
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        assert await asyncio.gather(*(look(database) for _ in range(10))) == [7] * 10
    finally:
        await database.close()


def test_the_setting_has_the_default_of_the_database() -> None:
    assert Settings().database_connections == CONNECTIONS
