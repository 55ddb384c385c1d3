"""Connections to PostgreSQL, direct or through PgBouncer in transaction mode, and their transactions.

Behind PgBouncer each transaction may run in another session of PostgreSQL, so that nothing may outlive a transaction:
no named statements, no settings of the session, no LISTEN. PgBouncer also refuses most start-up parameters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Literal, cast

import asyncpg
from asyncpg.transaction import Transaction
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.address import connect_arguments

# PostgreSQL ends an idle transaction after this time: until then a paused process holds up the others.
IDLE_IN_TRANSACTION_SECONDS = 10
# Time limit of a rollback. After it the connection is dropped, and PostgreSQL rolls back.
ROLLBACK_SECONDS = 2.0
_SETTINGS = {
    # An idle open transaction holds back its batches and every reader of the event log: PostgreSQL ends it.
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS * 1000}",
    "random_page_cost": "1.1",  # claimed and finished rows were just written, and are in memory
}
_SET_LOCAL = "".join(f"SET LOCAL {name} = {value};" for name, value in _SETTINGS.items())


class NoNotifications(ConnectionError):
    """LISTEN needs a direct connection."""

    def __init__(self) -> None:
        super().__init__("PgBouncer is in between, which does not pass on notifications")


class PostgreSQL:
    """One address. The first connection finds out whether a PgBouncer answers there."""

    def __init__(self, url: URL) -> None:
        self._arguments = connect_arguments(url)
        self._name = self._arguments["server_settings"]["application_name"]
        self._finding = asyncio.Lock()
        self.is_pooled: bool | None = None
        """Whether PgBouncer answers; None before the first connection."""

    async def connect(self, part: Literal["", "bus", "permits"] = "") -> asyncpg.Connection:
        """Open a connection. `part` is added to its application name in PostgreSQL."""
        if self.is_pooled is None:
            async with self._finding:
                if self.is_pooled is None:
                    self.is_pooled = await self._find_pooler()
        own = {"application_name": f"{self._name} {part}".rstrip()}
        if self.is_pooled:
            # Without a cache, asyncpg sends the text of an unnamed statement with each execution, in one message.
            pooled: dict[str, Any] = {"statement_cache_size": 0, "connection_class": _PooledConnection}
            return await asyncpg.connect(**self._arguments | pooled | {"server_settings": own})
        return await asyncpg.connect(**self._arguments | {"server_settings": _SETTINGS | own})

    async def _find_pooler(self) -> bool:
        """Connect once. PgBouncer announces a process id of its own making, and not PostgreSQL's."""
        connection = await asyncpg.connect(**self._arguments, statement_cache_size=0)
        try:
            return bool(await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid())
        finally:
            await connection.close()


def driver_of(connection: AsyncConnection) -> Any:
    """Return the driver's connection of an open connection; `get_raw_connection` would start a greenlet."""
    return connection.sync_connection.connection.driver_connection  # type: ignore[union-attr]


@asynccontextmanager
async def begun(connection: AsyncConnection, **terms: Any) -> AsyncIterator[None]:
    """Open a transaction of asyncpg, with these `terms`. SQLAlchemy may execute statements in it, and begins none.

    Raises DBAPIError for an error of asyncpg. A connection that may still be inside the transaction leaves the pool.
    """
    driver = driver_of(connection)
    transaction = driver.transaction(**terms)
    try:
        with wrapped_errors(driver):
            await transaction.start()
            try:
                yield
            except BaseException:
                with suppress(Exception):  # the connection is lost, or PostgreSQL is silent
                    async with asyncio.timeout(ROLLBACK_SECONDS):
                        await transaction.rollback()
                raise
            await transaction.commit()
    finally:
        if not driver.is_closed() and driver.is_in_transaction():  # the end was interrupted
            await connection.invalidate()


@contextmanager
def wrapped_errors(driver: Any) -> Iterator[None]:
    """Raise DBAPIError in place of an error of this asyncpg connection."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        lost = driver.is_closed()
        failure = DBAPIError.instance("", None, error, Exception, connection_invalidated=lost)
        raise cast(DBAPIError, failure) from error


class _PooledTransaction(Transaction):  # type: ignore[misc]
    def __init__(self, connection: asyncpg.Connection, *terms: Any) -> None:
        super().__init__(connection, *terms)
        self._pooled = connection

    async def start(self) -> None:
        await super().start()
        await self._pooled.execute(_SET_LOCAL)


class _PooledConnection(asyncpg.Connection):  # type: ignore[misc]
    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False, deferrable: bool = False
    ) -> Transaction:
        return _PooledTransaction(self, isolation, readonly, deferrable)
