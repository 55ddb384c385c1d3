"""The database of a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from settings import Settings
from store.sql.database import Database
from store.sql.failures import is_full, is_out_of_reach


@asynccontextmanager
async def connected(settings: Settings, otherwise: str) -> AsyncIterator[Database]:
    """The database, until the block is left. Ends the program where it is full, busy or gone: `otherwise`, and why."""
    database = Database(settings.database)
    try:
        yield database
    except BrokenPipeError:  # of what is written to: a database's own is one of SQLAlchemy's
        raise
    except Exception as error:
        if is_full(error):
            raise SystemExit(f"{otherwise}: {database.name} has no room left.") from None
        if is_out_of_reach(error):
            raise SystemExit(f"{otherwise}: {database.name} is busy or out of reach.") from None
        raise
    finally:
        await database.close()
