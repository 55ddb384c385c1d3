"""Scripts: several statements in one call, for the hot paths.

An asynchronous statement on SQLite goes to the connection's thread and back several times, which costs more than the
statement itself. A script is a plain function that runs in that thread as a whole. On PostgreSQL it runs in a greenlet,
and asyncpg executes its statements: SQLAlchemy's work for a statement takes longer than asyncpg's. The SQL is the same
for both, with `?` for parameters.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.postgresql import begun, driver_of, wrapped_errors

Row = tuple[Any, ...]
T = TypeVar("T")


class Script(Protocol):
    """The statements of a script, inside a transaction."""

    sqlite: bool

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        """Execute a statement and return its rows, tuples of the driver's values."""

    def do(self, statement: str, *values: Any) -> None:
        """Execute a statement without rows."""

    def before_next(self, statement: str, *values: Any) -> None:
        """Execute a statement without rows, on PostgreSQL together with the next one of `rows` or `do`.

        The next one must use other tables: both see the state before this call.
        """

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        """Execute a statement for each of these rows; returns the number of changed rows on SQLite, else -1."""

    def keys(self, keys: Collection[str]) -> Any:
        """Return the parameter of `AMONG` or `EACH` for these keys, which contain no line break."""


# A condition (one of many keys) and a table (the keys as `value`), each with one parameter for any number of keys. On
# PostgreSQL the parameter is one text: asyncpg examines each element of an array in Python.
AMONG = "= ANY(ARRAY(SELECT value FROM json_each(?)))"
EACH = "json_each(?)"
KEYS = r"string_to_array(?, E'\n')"


class _SQLite:
    sqlite = True

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        return self._connection.execute(_for_sqlite(statement), values).fetchall()

    def do(self, statement: str, *values: Any) -> None:
        self._connection.execute(_for_sqlite(statement), values)

    before_next = do

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        return self._connection.executemany(_for_sqlite(statement), rows).rowcount

    def keys(self, keys: Collection[str]) -> str:
        return orjson.dumps(list(keys)).decode()


class _PostgreSQL:
    sqlite = False

    def __init__(self, connection: Connection) -> None:
        adapted: Any = connection.connection.dbapi_connection
        self._run = adapted.run_async
        self._first: tuple[str, Row] | None = None

    def rows(self, statement: str, *values: Any) -> Sequence[Any]:
        if self._first is not None:
            (first, given), self._first = self._first, None
            statement, values = f"WITH first AS ({first}) {statement}", given + values
        found: list[Any] = self._run(lambda driver: driver.fetch(_for_postgresql(statement), *values))
        return found

    def do(self, statement: str, *values: Any) -> None:
        self.rows(statement, *values)

    def before_next(self, statement: str, *values: Any) -> None:
        self.end()
        self._first = statement, values

    def end(self) -> None:
        """Execute a statement of `before_next` that has no next one."""
        if self._first is not None:
            (first, given), self._first = self._first, None
            self.do(first, *given)

    def each(self, statement: str, rows: Sequence[Row]) -> int:
        self._run(lambda driver: driver.executemany(_for_postgresql(statement), rows))
        return -1

    def keys(self, keys: Collection[str]) -> str:
        return "\n".join(keys)


@cache
def _for_sqlite(statement: str) -> str:
    return statement.replace(AMONG, "IN (SELECT value FROM json_each(?))")


@cache
def _for_postgresql(statement: str) -> str:
    statement = statement.replace(AMONG, f"= ANY({KEYS})").replace(EACH, f"unnest({KEYS}) AS each(value)")
    head, *rest = statement.split("?")
    return head + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


async def transact(
    connection: AsyncConnection, script: Callable[[Script], T], then: Callable[[T], Awaitable[None]]
) -> T:
    """Run a script as a whole transaction; none may be open. Raises DBAPIError.

    `then` gets the script's answer: on PostgreSQL before the commit, on SQLite after it. A cancellation rolls back on
    PostgreSQL. On SQLite the script runs to its end, without `then`: `Database.watch` notices the commit.
    """
    if connection.dialect.name == "sqlite":
        answer = await run(connection, _within_transaction(script))
        await then(answer)
        return answer
    async with begun(connection):
        answer = await run(connection, script)
        await then(answer)
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


def _to_the_end(connection: Connection, script: Callable[[Script], T]) -> T:
    whole = _PostgreSQL(connection)
    answer = script(whole)
    whole.end()
    return answer


async def run(connection: AsyncConnection, script: Callable[[Script], T]) -> T:
    """Run the script in this connection's transaction. Raises the same errors as statements through SQLAlchemy."""
    driver = driver_of(connection)
    if connection.dialect.name != "sqlite":
        with wrapped_errors(driver):
            return await connection.run_sync(_to_the_end, script)
    try:
        return cast(T, await driver._execute(lambda: script(_SQLite(driver._conn))))
    except sqlite3.Error as error:
        raise cast(DBAPIError, DBAPIError.instance("", None, error, sqlite3.Error)) from error
