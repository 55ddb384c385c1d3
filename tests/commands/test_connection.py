"""The database connection of a command: its errors are one line."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import make_url, text

from commands.connection import connected
from settings import DatabaseSettings, Settings
from store.sql.database import Database
from store.sql.migrate import migrate

WRITE = text("UPDATE identity SET id = 'changed'")


async def write(settings: DatabaseSettings, *before: str) -> None:
    async with connected(settings, "Nothing was changed") as database, database.write() as connection:
        for statement in before:
            await connection.execute(text(statement))
        await connection.execute(WRITE)


async def refusal(settings: DatabaseSettings, *before: str) -> str:
    with pytest.raises(SystemExit) as refused:
        await write(settings, *before)
    return str(refused.value)


@pytest.mark.needs("postgresql")
async def test_a_role_that_may_only_read(postgresql_url: str) -> None:
    role = f"assay_test_{uuid4().hex}"
    administrator = await asyncpg.connect(postgresql_url)
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        await migrate(database)
        await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        url = make_url(postgresql_url).set(username=role, password=role)
        settings = DatabaseSettings(database_url=url.render_as_string(hide_password=False))
        line = f"Nothing was changed: there is no right to do this in {database.name}."
        assert await refusal(settings) == line
        assert await administrator.fetchval("SELECT id FROM identity") != "changed"
    finally:
        await database.close()
        await administrator.execute(f"DROP ROLE {role}")
        await administrator.close()


async def test_a_sqlite_file_that_can_only_be_read(tmp_path: Path) -> None:
    settings = DatabaseSettings(data_dir=tmp_path)
    database = Database(settings.database)
    try:
        await migrate(database)
        line = f"Nothing was changed: there is no right to do this in {database.name}."
        assert await refusal(settings, "PRAGMA query_only = ON") == line
    finally:
        await database.close()
