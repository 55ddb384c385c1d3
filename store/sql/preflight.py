"""The check of the database before a start. Its errors are one line for the operator, without passwords."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import make_url, select

from store.sql.database import Database
from store.sql.migrate import is_current

CONNECT_SECONDS = 10.0


class Unusable(Exception):
    """The database can't be used. The message names it and the reason."""


async def require_usable(url: str, *, migrated: bool) -> None:
    """Connect once. With `migrated`, also require this program's tables.

    Raises:
        Unusable: The database does not answer within ten seconds, or lacks the tables.
    """
    file = make_url(url).database
    if migrated and url.startswith("sqlite") and not await asyncio.to_thread(Path(file or "").exists):
        raise Unusable(f"There is no SQLite database {file}: start the server there first.")  # don't create one
    async with _opened(url) as database:
        async with asyncio.timeout(CONNECT_SECONDS), database.read() as connection:
            await connection.execute(select(1))  # there may be no table yet
        if migrated and not await is_current(database):
            raise Unusable("The database lacks this program's tables: run `python server.py migrate` first.")


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    try:
        database = Database(url)
    except OSError as error:
        raise Unusable(f"The folder {error.filename} can't be made: {error.strerror}.") from None
    try:
        yield database
    except Unusable:
        raise
    except TimeoutError:
        raise Unusable(f"{_capital(database)} does not answer.") from None
    except Exception as error:  # any error of the driver
        lines = str(getattr(error, "orig", None) or error).splitlines()
        reason = lines[0].rstrip(".") if lines else type(error).__name__
        raise Unusable(f"{_capital(database)} can't be used: {reason}.") from None
    finally:
        await database.close()


def _capital(database: Database) -> str:
    return f"T{database.name[1:]}"
