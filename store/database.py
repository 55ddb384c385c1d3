"""The two doors to the database: one to write, one to read.

`write()` is a transaction: it commits on leaving, or rolls back when left by an exception. On SQLite there is one
writer per process and every transaction begins IMMEDIATE: a deferred one that reads first fails at once when
another process has committed in between, whatever the busy timeout says. `read()` runs each statement by itself on
a connection that can't write. Neither door is held open across analysis work, a network call or a stream's `yield`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers and the writer don't wait for one another
    "PRAGMA synchronous = FULL",  # a commit survives power loss; with many rows a commit it costs next to nothing
    "PRAGMA busy_timeout = 15000",  # another process may hold the write lock for a while
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",  # 64 MiB a connection
)
# For so long a process that stands still in the middle of a transaction can hold up the others, on PostgreSQL.
IDLE_IN_TRANSACTION_SECONDS = 10
_NEWS = "assay_news"


def announce(connection: AsyncConnection, subject: str) -> None:
    """Let whoever listens to `subject` know, once this transaction has been committed; nothing on rollback."""
    connection.sync_connection.info.setdefault(_NEWS, set()).add(subject)  # type: ignore[union-attr]


class Database:
    """One database, SQLite or PostgreSQL. `close()` must be awaited: open connections keep the process alive."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._sqlite_engine("BEGIN IMMEDIATE", query_only=False, pool_size=1)
            self._reader = self._sqlite_engine(None, query_only=True, pool_size=4)
        else:
            self._writer = self._postgresql_engine(pool_size=10)
            self._reader = self._postgresql_engine(pool_size=10, isolation_level="AUTOCOMMIT")
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    def on_commit(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call `listener` after each commit that announced something, with the subjects."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction. Left normally it is committed, and what it announced goes to the listeners."""
        async with self._writer.connect() as connection:
            info = connection.sync_connection.info  # type: ignore[union-attr]
            info.pop(_NEWS, None)
            async with connection.begin():
                yield connection
            news = frozenset(info.pop(_NEWS, ()))
        if news:
            for listener in self._listeners:
                listener(news)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading: no transaction, each statement sees what is committed when it starts."""
        async with self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()

    def _sqlite_engine(self, begin: str | None, *, query_only: bool, pool_size: int) -> AsyncEngine:
        engine = create_async_engine(self.url, pool_size=pool_size, max_overflow=0, pool_timeout=60)

        @event.listens_for(engine.sync_engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver begins nothing by itself
            cursor = connection.cursor()
            for pragma in _SQLITE_PRAGMAS:
                cursor.execute(pragma)
            if query_only:
                cursor.execute("PRAGMA query_only = ON")
            cursor.close()

        if begin is not None:

            @event.listens_for(engine.sync_engine, "begin")
            def begin_transaction(connection: Any) -> None:
                connection.exec_driver_sql(begin)

        return engine

    def _postgresql_engine(self, pool_size: int, **options: Any) -> AsyncEngine:
        # A transaction that is left open holds back its batches and every reader of the event log: the server ends it.
        server_settings = {
            "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS * 1000}",
            "application_name": "assay",
        }
        return create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=60,
            pool_pre_ping=True,
            connect_args={"server_settings": server_settings},
            **options,
        )
