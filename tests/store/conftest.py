"""Fixtures: an empty and a migrated database, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import migrate


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """Yield a database without tables."""
    database = Database(Settings(database_url=database_url).database)
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """Return the database with every migration applied."""
    await migrate(empty_database)
    return empty_database
