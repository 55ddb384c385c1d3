"""A full, locked or unreachable database: the client gets a code, and nothing changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from resolvers.user_errors import explain
from settings import Settings
from store.sql.database import Database


async def failure(database: Database, statement: str) -> Any:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # the test is about the exception's type
        async with database.write() as connection:
            await connection.execute(text(statement))
    return explain(raised.value)


async def test_a_full_database(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'full.db'}")
    try:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE heap (bytes BLOB)"))
            await connection.execute(text("PRAGMA max_page_count = 4"))
        found = await failure(database, "INSERT INTO heap VALUES (zeroblob(1000000))")
    finally:
        await database.close()
    assert found.code == "STORAGE_FULL"
    assert found.message.startswith("The database has no room left")


async def test_a_locked_database(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        async with database.write() as connection:
            await connection.execute(text("PRAGMA busy_timeout = 0"))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            found = await failure(database, "CREATE TABLE heap (bytes BLOB)")
            other.execute("ROLLBACK")
        assert found.code == "SERVICE_UNAVAILABLE"
        assert found.message.endswith("try again in a moment.")
        assert await failure(database, "SELECT nonsense") is None
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
async def test_a_lost_connection(postgresql_url: str) -> None:
    database = Database(postgresql_url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        found = await failure(database, "SELECT pg_terminate_backend(pg_backend_pid())")
        assert found.code == "SERVICE_UNAVAILABLE"
        assert await failure(database, "SELECT nonsense") is None
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
async def test_a_database_that_refuses_connections(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    database = Database(Settings(database_url=postgresql_url).database)
    other = Database(Settings(database_url=url.set(database="postgres").render_as_string(hide_password=False)).database)
    try:
        async with database.read() as connection:
            with pytest.raises(DBAPIError) as lasting:
                await connection.execute(text("SELECT lastval()"))  # a statement's error with the same SQLSTATE
        assert explain(lasting.value) is None
        async with other.read() as connection:
            await connection.execute(text(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false'))
        await database.close()
        assert (await failure(database, "SELECT 1")).code == "SERVICE_UNAVAILABLE"
    finally:
        await other.close()
        await database.close()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(), "SERVICE_UNAVAILABLE"),
        (TimeoutError(), "SERVICE_UNAVAILABLE"),
        (FileNotFoundError(), None),
        (ValueError(), None),
    ],
)
def test_other_errors(error: Exception, code: str | None) -> None:
    found = explain(error)
    assert (found.code if found else None) == code
