"""Migrations, by alembic. The same migrations run on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.database import Database

# The advisory lock of migrations: "assay" in ASCII.
TURN = 0x6173736179
log = structlog.stdlib.get_logger(__name__)

_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


async def migrate(database: Database, revision: str = "head") -> None:
    """Apply the missing migrations up to this revision, in one transaction. Waits for a concurrent call to end."""
    newest = set(_scripts().get_heads())
    async with database.write() as connection:
        await _take_turn(connection)
        # After a wait there is usually nothing left to do. Alembic would read all migrations, while others wait.
        if revision != "head" or {await connection.run_sync(revision_of)} != newest:
            await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def _take_turn(connection: AsyncConnection) -> None:
    """Lock out other migrations until the end of the transaction. On SQLite its beginning has done that."""
    if connection.dialect.name == "sqlite":
        return
    if not (await connection.execute(select(func.pg_try_advisory_xact_lock(TURN)))).scalar_one():
        log.warning("another migration of this database runs: waiting for its end")
        await connection.execute(select(func.count(func.pg_advisory_xact_lock(TURN))))


async def applied(database: Database) -> frozenset[str]:
    """Return the revisions that the database's table of alembic names: one, or none before the first migration."""
    async with database.read() as connection:
        return frozenset(await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads()))


def known() -> frozenset[str]:
    """Return the revisions of this program's migrations."""
    return frozenset(each.revision for each in _scripts().walk_revisions())


async def move(connection: AsyncConnection, revision: str) -> None:
    """Bring the tables to this revision in the open transaction, also back to an earlier one."""
    await _take_turn(connection)
    present = await connection.run_sync(revision_of)
    earlier = {each.revision for each in _scripts().iterate_revisions(present, "base")} if present else set()
    change = command.downgrade if revision in earlier else command.upgrade
    await connection.run_sync(lambda sync: change(_config(sync), revision))


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the database's tables. None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


async def is_current(database: Database) -> bool:
    """Return whether the database has all migrations of this program."""
    return await applied(database) == set(_scripts().get_heads())
