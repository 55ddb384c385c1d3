"""Unusable databases: one line with the reason, and nothing changes. Concurrent migrations wait for each other."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import func, make_url, select, text

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import TURN, applied, is_current, migrate
from store.sql.preflight import Unusable, bring_up_to_date, require_bus, require_usable
from tests.support import ROOT, until


async def refusal(database_url: str) -> str:
    """Return the line that refuses a migration, without the names of the database and its server."""
    url = Settings(database_url=database_url).database
    with pytest.raises(Unusable) as refused:
        await bring_up_to_date(url)
    line = str(refused.value)
    assert "\n" not in line
    parts = make_url(database_url)
    return line.replace(f" on {parts.host}:{parts.port}", "").replace(str(parts.database), "NAME")


async def execute(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


NEWER = """\
has tables of the revision 9999, which is unknown here: they are of a newer version of Assay, or of another program. \
Use that version, or another database."""
LOST = "has this program's tables, but alembic_version names no revision: restore its row."


@pytest.mark.parametrize(
    ("statement", "reason", "revisions"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", NEWER, {"9999"}),
        ("DELETE FROM alembic_version", LOST, set()),
    ],
)
async def test_tables_of_another_revision(
    statement: str, reason: str, revisions: set[str], database: Database, database_url: str
) -> None:
    await execute(database, statement)
    subject = "The SQLite database" if database.is_sqlite else "The database"
    assert await refusal(database_url) == f"{subject} NAME {reason}"
    with pytest.raises(Unusable, match=reason):
        await require_usable(Settings(database_url=database_url).database, migrated=True)
    assert await applied(database) == revisions


async def test_an_unreadable_revision(database: Database, database_url: str) -> None:
    await execute(database, "ALTER TABLE alembic_version RENAME COLUMN version_num TO number")
    assert "atabase NAME can't be used: " in await refusal(database_url)


async def test_a_sqlite_file_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE note (text)")
    before = path.read_bytes()
    line = "The SQLite database NAME has tables of another program: use another file."
    assert await refusal(f"sqlite:///{path}") == line
    assert os.listdir(tmp_path) == ["other.db"]
    assert path.read_bytes() == before


async def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    line = "The SQLite database NAME can't be used: unable to open database file."
    assert await refusal(f"sqlite:///{tmp_path}") == line
    assert os.listdir(tmp_path) == []


@pytest.fixture
async def administrator(postgresql_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of the administrator to the database."""
    connection = await asyncpg.connect(postgresql_url)
    yield connection
    await connection.close()


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT 1", "The database NAME can't be used: permission denied for schema public."),
        (
            'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC',
            'The database NAME can\'t be used: permission denied for database "NAME".',
        ),
        (
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "The role ROLE may use no schema of the database NAME: grant it USAGE on one.",
        ),
        ("ALTER ROLE {role} NOLOGIN", 'The database NAME can\'t be used: role "ROLE" is not permitted to log in.'),
        (
            "CREATE TABLE alembic_version (version_num text)",
            "The database NAME can't be used: permission denied for table alembic_version.",
        ),
    ],
)
async def test_a_role_without_rights(
    statement: str, reason: str, administrator: asyncpg.Connection, postgresql_url: str
) -> None:
    role = f"assay_test_{uuid4().hex}"
    url = make_url(postgresql_url)
    own = url.set(username=role, password=role).render_as_string(hide_password=False)
    await administrator.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # PostgreSQL 14 grants it
    await administrator.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
    try:
        await administrator.execute(statement.format(role=role, database=url.database))
        assert (await refusal(own)).replace(role, "ROLE") == reason
        assert await administrator.fetchval("SELECT to_regclass('analysis')") is None
    finally:
        await administrator.execute(f"DROP ROLE {role}")


@pytest.mark.needs("postgresql")
async def test_a_missing_database(postgresql_url: str) -> None:
    url = make_url(postgresql_url).set(database=f"assay_test_{uuid4().hex}").render_as_string(hide_password=False)
    assert await refusal(url) == 'The database NAME can\'t be used: database "NAME" does not exist.'


@pytest.mark.needs("postgresql")
async def test_a_database_that_is_not_utf8(administrator: asyncpg.Connection, postgresql_url: str) -> None:
    name = f"assay_test_{uuid4().hex}"
    await administrator.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        url = make_url(postgresql_url).set(database=name).render_as_string(hide_password=False)
        assert await refusal(url) == (
            "The database NAME has the encoding LATIN1: it must be UTF8. Create another one with ENCODING 'UTF8' "
            "TEMPLATE template0."
        )
    finally:
        await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.needs("postgresql")
async def test_an_option_that_the_start_refuses(postgresql_url: str) -> None:
    url = f"{postgresql_url}?sslmod=require"
    reason = "The option 'sslmod' is unknown. The known ones: application_name, "
    assert (await refusal(url)).startswith(reason)
    with pytest.raises(Unusable, match=reason):
        await require_bus(Settings(broadcast_url=url).bus)


@pytest.mark.needs("postgresql", "pgbouncer")
async def test_start_up_parameters_that_pgbouncer_refuses(pgbouncer_url: str) -> None:
    line = "The database NAME can't be used: unsupported startup parameter: options."
    assert await refusal(f"{pgbouncer_url}?options=-c%20work_mem%3D1MB") == line


@pytest.mark.needs("postgresql")
async def test_a_migration_waits_for_another(
    administrator: asyncpg.Connection, postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one says so, and waits."""
    first, second = (Database(Settings(database_url=postgresql_url).database) for _ in range(2))
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid "
    waiting += "FROM pg_database WHERE datname = current_database())"
    try:
        async with first.write() as connection:
            assert (await connection.execute(select(func.pg_try_advisory_xact_lock(TURN)))).scalar_one()
            task = asyncio.create_task(migrate(second))

            async def waits() -> bool:
                return bool(await administrator.fetchval(waiting))

            await until(waits, what="the second migration to wait")
        await task
        assert capsys.readouterr().out.count("another migration of this database runs: waiting for its end") == 1
        assert await is_current(second)
    finally:
        await first.close()
        await second.close()


@pytest.mark.long
async def test_ten_processes_migrate_a_new_database(database_url: str) -> None:
    command = (sys.executable, "server.py", "migrate", "--database-url", database_url)
    pipe = asyncio.subprocess.PIPE
    running = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
        for _ in range(10)
    ]
    said = [(await each.communicate())[0].decode().splitlines()[-1] for each in running]
    assert said == ["The database's tables are up to date."] * 10
    assert [each.returncode for each in running] == [0] * 10
