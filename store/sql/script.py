"""Scripts: several statements in one call, for the hot paths.

An asynchronous statement on SQLite goes to the connection's thread and back several times, which costs more than the
statement itself. A script is a plain function that runs in that thread as a whole, and on PostgreSQL in a greenlet. Its
SQL is the same for both, with `?` for parameters.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import asyncpg
import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

Row = tuple[Any, ...]
T = TypeVar("T")


class Script(Protocol):
    """The statements of a script, inside a transaction."""

    sqlite: bool

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        """Execute a statement and return its rows, tuples of the driver's values."""

    def do(self, statement: str, *values: Any) -> None:
        """Execute a statement without rows."""

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        """Execute a statement for each of these rows; returns the number of changed rows on SQLite, else -1."""

    def keys(self, keys: Collection[str]) -> Any:
        """Return the parameter of `AMONG` or `EACH`."""


# A condition (one of many keys) and a table (the keys as `value`), each with one parameter for any number of keys.
AMONG = "= ANY(ARRAY(SELECT value FROM json_each(?)))"
EACH = "json_each(?)"


class _SQLite:
    sqlite = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(_for_sqlite(statement), values).fetchall()

    def do(self, statement: str, *values: Any) -> None:
        self._connection.execute(_for_sqlite(statement), values)

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        return self._connection.executemany(_for_sqlite(statement), rows).rowcount

    def keys(self, keys: Collection[str]) -> str:
        return orjson.dumps(list(keys)).decode()


class _PostgreSQL:
    sqlite = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        return self._connection.exec_driver_sql(_for_postgresql(statement), values).all()

    def do(self, statement: str, *values: Any) -> None:
        self._connection.exec_driver_sql(_for_postgresql(statement), values)

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        self._connection.exec_driver_sql(_for_postgresql(statement), list(rows))
        return -1

    def keys(self, keys: Collection[str]) -> list[str]:
        return list(keys)


class _Asyncpg(_PostgreSQL):
    """Without SQLAlchemy's work per statement, which takes longer than asyncpg's."""

    def __init__(self, connection: Connection) -> None:
        adapted: Any = connection.connection.dbapi_connection
        self._run = adapted.run_async

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        found: list[Any] = self._run(lambda driver: driver.fetch(_for_postgresql(statement), *values))
        return found

    def do(self, statement: str, *values: Any) -> None:
        self.rows(statement, *values)

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        self._run(lambda driver: driver.executemany(_for_postgresql(statement), rows))
        return -1


@cache
def _for_sqlite(statement: str) -> str:
    return statement.replace(AMONG, "IN (SELECT value FROM json_each(?))")


@cache
def _for_postgresql(statement: str) -> str:
    statement = statement.replace(AMONG, "= ANY(?::text[])").replace(EACH, "unnest(?::text[]) AS each(value)")
    head, *rest = statement.split("?")
    return head + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


async def transact(
    connection: AsyncConnection, script: Callable[[Script], T], then: Callable[[T], Awaitable[None]]
) -> T:
    """Run a script as a whole transaction of the driver; SQLAlchemy must have begun none. Raises DBAPIError.

    `then` gets the script's answer: on PostgreSQL before the commit, on SQLite after it. A cancellation rolls back on
    PostgreSQL. On SQLite the script runs to its end, without `then`: `Database.watch` notices the commit.
    """
    if connection.dialect.name == "sqlite":
        answer = await run(connection, _within_transaction(script))
        await then(answer)
        return answer
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        async with driver.transaction():
            answer = await connection.run_sync(lambda sync: script(_Asyncpg(sync)))
            await then(answer)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        lost = driver.is_closed()
        failure = DBAPIError.instance("", None, error, Exception, connection_invalidated=lost)
        raise cast(DBAPIError, failure) from error
    except asyncio.CancelledError:
        await connection.invalidate()  # it may be inside the transaction
        raise
    return answer


def _within_transaction(script: Callable[[Script], T]) -> Callable[[Script], T]:
    def transaction(whole: Script) -> T:
        whole.do("BEGIN IMMEDIATE")
        try:
            answer = script(whole)
            whole.do("COMMIT")
        except BaseException:
            # After some errors, as of a full disk, SQLite has rolled back by itself.
            with suppress(sqlite3.Error):
                whole.do("ROLLBACK")
            raise
        return answer

    return transaction


async def run(connection: AsyncConnection, script: Callable[[Script], T]) -> T:
    """Run the script in this connection's transaction. Raises the same errors as statements through SQLAlchemy."""
    if connection.dialect.name != "sqlite":
        return await connection.run_sync(lambda sync: script(_PostgreSQL(sync)))
    driver: Any = (await connection.get_raw_connection()).driver_connection
    try:
        return cast(T, await driver._execute(lambda: script(_SQLite(driver._conn))))
    except sqlite3.Error as error:
        raise cast(DBAPIError, DBAPIError.instance("", None, error, sqlite3.Error)) from error
