"""The database connection of a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from settings import DatabaseSettings
from store.sql.database import Database
from store.sql.failures import is_forbidden, is_full, is_out_of_reach


@asynccontextmanager
async def connected(settings: DatabaseSettings, otherwise: str, *, alone: bool = False) -> AsyncIterator[Database]:
    """Open the database for a block. If it is full, busy, away or read-only, exit with `otherwise` and the reason.

    `alone`: the block writes only if no other program uses the SQLite file.
    """
    database = Database(settings.database, connections=settings.database_connections, alone=alone)
    try:
        yield database
    except BrokenPipeError:  # of the output: SQLAlchemy wraps one of the database's connection
        raise
    except Exception as error:
        if is_full(error):
            raise SystemExit(f"{otherwise}: {database.name} has no room left.") from None
        if is_out_of_reach(error) and alone and database.is_sqlite:
            raise SystemExit(f"{otherwise}: {database.name} is in use. Stop its servers and workers first.") from None
        if is_out_of_reach(error):
            raise SystemExit(f"{otherwise}: {database.name} is busy or unreachable.") from None
        if is_forbidden(error):
            raise SystemExit(f"{otherwise}: there is no right to do this in {database.name}.") from None
        raise
    finally:
        await database.close()
