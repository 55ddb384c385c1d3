"""A migrated database of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import migrate


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """Without tables."""
    database = Database(Settings(database_url=database_url).database)
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """With every migration applied."""
    await migrate(empty_database)
    return empty_database
