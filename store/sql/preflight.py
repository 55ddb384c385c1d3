"""The check of the database before a start. Its errors are one line for the operator, without passwords."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from sqlalchemy import inspect, make_url, text

from store.sql.address import WrongAddress
from store.sql.database import Database
from store.sql.failures import is_out_of_reach
from store.sql.history import renumber_moved
from store.sql.migrate import applied, is_current, known, migrate
from store.sql.postgresql import NoNotifications

CONNECT_SECONDS = 10.0
# Time limit of the check of a bus, which may be down at the start.
BUS_SECONDS = 2.0
_REVISIONS = "alembic_version"


class Unusable(Exception):
    """The database can't be used. The message names it and the reason."""


async def require_usable(url: str, *, migrated: bool) -> int:
    """Connect once. With `migrated`, also require this program's tables, and restore the order of a moved event log.

    Returns the number of events that were renumbered for it.

    Raises:
        Unusable: The database does not answer within ten seconds, is not UTF-8, has tables of another program, or
            lacks this program's.
    """
    file = make_url(url).database
    if migrated and url.startswith("sqlite") and not await asyncio.to_thread(Path(file or "").exists):
        raise Unusable(f"There is no SQLite database {file}: start the server there first.")  # don't create one
    async with _opened(url) as database:
        await _require_fit(database)
        if not migrated:
            return 0
        if not await is_current(database):
            raise Unusable("The database lacks this program's tables: run `python server.py migrate` first.")
        return await renumber_moved(database)


async def bring_up_to_date(url: str) -> int:
    """Apply the missing migrations, and restore the order of a moved event log: `require_usable`.

    Raises Unusable, as that does, and if a migration fails.
    """
    async with _opened(url) as database:
        await _require_fit(database)
        await migrate(database)
        return await renumber_moved(database)


async def require_bus(url: str) -> None:
    """Check the address of a bus. Raises Unusable for an invalid option, or if PgBouncer answers there.

    A server that does not answer is no error: the bus connects later.
    """
    if not url.startswith("postgresql"):
        return
    async with _opened(url) as database:
        try:
            async with asyncio.timeout(BUS_SECONDS), database.apart("bus"):
                pass
        except NoNotifications as error:
            raise Unusable(
                f"{error}: set it to redis://…, to the address of PostgreSQL itself, or to memory:// for looks at the "
                "log once a second."
            ) from None
        except Exception as error:
            if not is_out_of_reach(error):
                raise


async def _require_fit(database: Database) -> None:
    """Raise Unusable for an unsuitable database: its encoding, its schema, or the tables in it."""
    if database.is_sqlite:
        tables = await asyncio.to_thread(_tables_of_file, Path(database.url.database or ""))
        if tables and _REVISIONS not in tables:
            raise Unusable(f"{_capital(database)} has tables of another program: use another file.")
    async with asyncio.timeout(CONNECT_SECONDS), database.read() as connection:
        await connection.execute(text("SELECT 1"))  # there may be no table yet
        if not database.is_sqlite:
            facts = "SELECT current_setting('server_encoding'), current_schema(), current_user"
            encoding, schema, role = (await connection.execute(text(facts))).one()
            if encoding != "UTF8":
                raise Unusable(
                    f"{_capital(database)} has the encoding {encoding}: it must be UTF8. Create another one with "
                    "ENCODING 'UTF8' TEMPLATE template0."
                )
            if schema is None:
                raise Unusable(f"The role {role} may use no schema of {database.name}: grant it USAGE on one.")
        has_tables = await connection.run_sync(lambda sync: inspect(sync).has_table("analysis"))
    revisions = await applied(database)
    if unknown := sorted(revisions - known()):
        raise Unusable(
            f"{_capital(database)} has tables of the revision {', '.join(unknown)[:100]}, which is unknown here: they "
            "are of a newer version of Assay, or of another program. Use that version, or another database."
        )
    if has_tables and not revisions:
        raise Unusable(
            f"{_capital(database)} has this program's tables, but {_REVISIONS} names no revision: restore its row."
        )


def _tables_of_file(path: Path) -> frozenset[str]:
    """Return the names of a SQLite file's tables. `Database` would change the file as it opens it, to WAL."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
        return frozenset(name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
    return frozenset()  # no file, or an unreadable one: the first statement reports it


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    try:
        database = Database(url)
    except WrongAddress as error:
        raise Unusable(str(error)) from None
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
