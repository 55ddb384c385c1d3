"""Migrations, by alembic. The same migrations run on SQLite and PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from store.sql.database import Database

_MIGRATIONS = Path(__file__).parent.parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


async def migrate(database: Database, revision: str = "head") -> None:
    """Apply the missing migrations up to this revision, in one transaction."""
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def is_current(database: Database) -> bool:
    """Return whether the database has all migrations of this program."""
    heads = set(ScriptDirectory.from_config(_config()).get_heads())
    async with database.read() as connection:
        applied = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return set(applied) == heads
