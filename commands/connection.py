"""The database connection of a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from settings import DatabaseSettings
from store.sql.database import Database
from store.sql.failures import is_full, is_out_of_reach


@asynccontextmanager
async def connected(settings: DatabaseSettings, otherwise: str) -> AsyncIterator[Database]:
    """Open the database for a block. If it is full, busy or unreachable, exit with `otherwise` and the reason."""
    database = Database(settings.database)
    try:
        yield database
    except BrokenPipeError:  # of the output: SQLAlchemy wraps one of the database's connection
        raise
    except Exception as error:
        if is_full(error):
            raise SystemExit(f"{otherwise}: {database.name} has no room left.") from None
        if is_out_of_reach(error):
            raise SystemExit(f"{otherwise}: {database.name} is busy or unreachable.") from None
        raise
    finally:
        await database.close()
