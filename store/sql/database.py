"""The two entry points to the database: one to write, one to read.

`write()` is a transaction: it commits on exit, or rolls back after an exception. SQLite has one writer per process, and
every transaction begins IMMEDIATE: a deferred one that reads first fails at once if another process commits in
between, despite the busy timeout. `read()` runs each statement on its own, on a connection that can't write. Neither
stays open across analysis work, a network call or the `yield` of a stream. Short reads have `fetch`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakSet

from sqlalchemy import event, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from store.sql.allowance import Allowance
from store.sql.direct import DirectPostgreSQL, DirectSQLite
from store.sql.postgresql import NoNotifications, PostgreSQL, begun
from store.sql.script import Script, transact

if TYPE_CHECKING:
    import asyncpg

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode = WAL",  # readers and the writer don't block each other
    "PRAGMA synchronous = FULL",  # a commit survives power loss, at little cost with many rows a commit
    "PRAGMA busy_timeout = 15000",  # milliseconds, for the write lock of another process
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",  # 64 MiB, for the writer
)
# Interval of looks for commits of other processes to a SQLite file, at up to 1 % of a core.
WATCH_SECONDS = 0.025
# Most connections to PostgreSQL by default, of which `LISTENING` are outside the pool, for the bus and for permits.
CONNECTIONS, LISTENING = 20, 2
# Of the other connections, every fourth is for short reads.
SHORT = 4
# Time limit of an orderly close of PostgreSQL connections; then they are dropped.
CLOSE_SECONDS = 2.0
_NEWS = "assay_news"
_BEFORE_COMMIT = "assay_before_commit"
_ENDED = "assay_ended"


T = TypeVar("T")

# Called with the open transaction and all that it announced; commits with it.
BeforeCommit = Callable[[AsyncConnection, "Counter[str]"], Awaitable[None]]


def announce(
    connection: AsyncConnection, subject: str, count: int = 1, *, before_commit: BeforeCommit | None = None
) -> None:
    """Notify the listeners of `subject` after the commit of this transaction; nothing on rollback.

    `before_commit` runs once, at the end of the transaction.
    """
    info = connection.sync_connection.info  # type: ignore[union-attr]
    news: Counter[str] = info.setdefault(_NEWS, Counter())
    news[subject] += count
    if before_commit is not None:
        info.setdefault(_BEFORE_COMMIT, {})[before_commit] = None


def count_ends(connection: AsyncConnection, ends: Mapping[tuple[str, str], int]) -> None:
    """Count ended analyses, by analyzer and status, for `Database.take_ends` after the commit; nothing on rollback."""
    info = connection.sync_connection.info  # type: ignore[union-attr]
    info.setdefault(_ENDED, Counter()).update(ends)


def _without_announcements(connection: AsyncConnection) -> dict[str, Any]:
    """Return the place of announcements, empty: a rolled back transaction may have left some."""
    info: dict[str, Any] = connection.sync_connection.info  # type: ignore[union-attr]
    for name in (_NEWS, _BEFORE_COMMIT, _ENDED):
        info.pop(name, None)
    return info


def _take_announcements(info: dict[str, Any]) -> dict[str, Any]:
    return {name: info.pop(name) for name in (_NEWS, _ENDED) if name in info}


class Database:
    """One database, SQLite or PostgreSQL. `close()` must be awaited: open connections keep the process alive.

    With `alone`, writing locks a SQLite file until `close()`; it fails within a second while any other program has the
    file open.
    """

    def __init__(self, url: str, *, connections: int = CONNECTIONS, alone: bool = False) -> None:
        """Raises WrongAddress for an option of a PostgreSQL address that is not libpq's. Opens no connection yet."""
        self.url = make_url(url)
        self._drivers: WeakSet[asyncpg.Connection] = WeakSet()
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._sqlite_engine("BEGIN IMMEDIATE", query_only=False, pool_size=1, alone=alone)
            self._reader = self._sqlite_engine(None, query_only=True, pool_size=4)
            # A database in memory belongs to its connection.
            self._file = None if alone or self.in_memory else DirectSQLite(self.url.database or "")
        else:
            self._server = PostgreSQL(self.url)
            pooled = connections - LISTENING
            self._direct = DirectPostgreSQL(self._connect_directly, most=pooled // SHORT)
            pooled -= pooled // SHORT
            self._allowance = Allowance(pooled, self._direct.refuse)
            self._writer = self._postgresql_engine(pool_size=pooled)
            self._reader = self._writer
        self._ends: Counter[tuple[str, str]] = Counter()
        self._listeners: list[Callable[[frozenset[str]], None]] = []
        self.identity = 0
        """32 bits of the event log's identity, read by `store.cursors.identify`; 0 before."""

    @property
    def name(self) -> str:
        """The database's name for messages, without its password."""
        if self.is_sqlite:
            return f"the SQLite database {self.url.database}"
        return f"the database {self.url.database or ''} on {self.url.host or 'this machine'}:{self.url.port or 5432}"

    @property
    def in_memory(self) -> bool:
        """Whether this is a SQLite database without a file."""
        return self.is_sqlite and self.url.database in (None, "", ":memory:")

    def on_commit(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call `listener` after each commit that announced something, with the subjects."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction. A normal exit commits, and notifies the listeners of the announced subjects."""
        async with self._connected(self._writer, writes=True) as connection:
            info = _without_announcements(connection)
            async with connection.begin() if self.is_sqlite else begun(connection):
                yield connection
                for before_commit in info.pop(_BEFORE_COMMIT, ()):
                    await before_commit(connection, info[_NEWS])
            announced = _take_announcements(info)
        self._tell(announced)

    async def transact(self, script: Callable[[Script], T], then: Callable[[AsyncConnection, T], None]) -> T:
        """Return the answer of a script that is a whole transaction. `then` may call `announce`, and nothing else.

        The same as `write` and `run`; on SQLite begin, script and commit are one visit to the connection's thread.
        """
        async with self._connected(self._writer, writes=True) as connection:
            info = _without_announcements(connection)

            async def announced(answer: T) -> None:
                then(connection, answer)
                for before_commit in info.pop(_BEFORE_COMMIT, ()):
                    await before_commit(connection, info[_NEWS])

            answer = await transact(connection, script, announced)
            news = _take_announcements(info)
        self._tell(news)
        return answer

    def _tell(self, announced: dict[str, Any]) -> None:
        """Pass on the announcements of a committed transaction."""
        self._ends.update(announced.get(_ENDED, ()))
        if news := frozenset(announced.get(_NEWS, ())):
            for listener in self._listeners:
                listener(news)

    def take_ends(self) -> Counter[tuple[str, str]]:
        """Return the analyses ended by transactions of this object since the last call, by analyzer and status."""
        ends, self._ends = self._ends, Counter()
        return ends

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection for reading, without a transaction: each statement sees the commits before its start."""
        async with self._connected(self._reader) as connection:
            yield connection

    async def fetch(self, text: str, values: Sequence[Any]) -> Sequence[Any]:
        """Return the rows of a short statement of `store.sql.short`, as the driver gives them.

        On SQLite this is synchronous, unless the file is locked or the read takes too long.
        """
        if self.is_sqlite:
            rows = None if self._file is None else self._file.rows(text, values)
        else:
            rows = await self._direct.rows(text, values)
        if rows is not None:
            return rows
        # The caller may continue in another task than it began in. The pool's time limits belong to one task.
        await asyncio.sleep(0)
        async with self.read() as connection:
            return (await connection.exec_driver_sql(text, tuple(values))).all()

    @property
    def answers_at_once(self) -> bool:
        """Whether `fetch` is synchronous now, apart from rare exceptions."""
        return self.is_sqlite and self._file is not None and not self._file.is_paused

    async def _connect_directly(self) -> asyncpg.Connection:
        driver = await self._server.connect()
        self._drivers.add(driver)
        return driver

    def _connected(self, engine: AsyncEngine, *, writes: bool = False) -> AbstractAsyncContextManager[AsyncConnection]:
        return engine.connect() if self.is_sqlite else self._allowance.connect(engine, writes=writes)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that reads: all its statements see the same commits. It delays no other transaction.

        Meanwhile SQLite's `-wal` file keeps all that is written, and PostgreSQL keeps deleted rows.
        """
        async with self._connected(self._reader) as connection:
            if self.is_sqlite:
                await connection.exec_driver_sql("BEGIN")
                yield connection
                return
            async with begun(connection, isolation="repeatable_read", readonly=True):
                # The reader of the rows may pause. The transaction has no id: no reader of the event log waits for it.
                await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                yield connection

    @asynccontextmanager
    async def apart(self, part: Literal["bus", "permits"]) -> AsyncIterator[asyncpg.Connection]:
        """Open a PostgreSQL connection outside the pool, for LISTEN. Raises NoNotifications behind PgBouncer."""
        driver = await self._server.connect(part)
        try:
            if self.is_pooled:
                raise NoNotifications
            self._drivers.add(driver)
            yield driver
        finally:
            driver.terminate()  # `close` would wait for an answer, perhaps for ever

    @property
    def is_pooled(self) -> bool:
        """Whether PgBouncer answers in place of PostgreSQL; False before the first connection."""
        return not self.is_sqlite and bool(self._server.is_pooled)

    async def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` soon after every commit of any process to a SQLite file, until canceled.

        Does nothing on PostgreSQL: the bus and permits announce commits there.
        """
        if not self.is_sqlite:
            await asyncio.Event().wait()
        with closing(sqlite3.connect(self.url.database or "", timeout=0, isolation_level=None)) as connection:
            before = None
            while True:
                with suppress(sqlite3.OperationalError):  # locked, during the recovery after a crash
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                    if before is not None and version != before:
                        changed()
                    before = version
                await asyncio.sleep(WATCH_SECONDS)

    async def close(self) -> None:
        """Close every connection, within CLOSE_SECONDS if PostgreSQL does not answer."""
        if self.is_sqlite and self._file is not None:
            self._file.close()  # first: the last connection that closes cleans up the file
        # All at once, before the pools: those close one after the other, without a time limit.
        closing = (driver.close(timeout=CLOSE_SECONDS) for driver in list(self._drivers))
        await asyncio.gather(*closing, return_exceptions=True)
        if not self.is_sqlite:
            await self._direct.close()
        await self._reader.dispose()
        await self._writer.dispose()

    def _sqlite_engine(
        self, begin: str | None, *, query_only: bool, pool_size: int, alone: bool = False
    ) -> AsyncEngine:
        # Seconds for a lock, until the busy timeout is set.
        timeout = {"timeout": 1} if alone else {}
        engine = create_async_engine(
            self.url, pool_size=pool_size, max_overflow=0, pool_timeout=60, connect_args=timeout
        )

        @event.listens_for(engine.sync_engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # the driver begins no transactions
            cursor = connection.cursor()
            if alone:  # before the first access, which takes the lock
                cursor.execute("PRAGMA locking_mode = EXCLUSIVE")
            for pragma in _SQLITE_PRAGMAS:
                cursor.execute(pragma)
            if query_only:
                cursor.execute("PRAGMA query_only = ON")
                cursor.execute("PRAGMA cache_size = -8192")  # 8 MiB each: the system caches the file too
            cursor.close()

        if begin is not None:

            @event.listens_for(engine.sync_engine, "begin")
            def begin_transaction(connection: Any) -> None:
                connection.exec_driver_sql(begin)

        return engine

    def _postgresql_engine(self, pool_size: int) -> AsyncEngine:
        async def connect(**_: Any) -> asyncpg.Connection:
            return await self._server.connect()

        url = self.url.set(query={})  # `connect` knows the options
        arguments = {"async_creator_fn": connect}
        # `begun` opens the transactions.
        engine = create_async_engine(
            url, connect_args=arguments, pool_size=pool_size, max_overflow=0, isolation_level="AUTOCOMMIT"
        )

        @event.listens_for(engine.sync_engine, "connect")
        def remember(connection: Any, _record: Any) -> None:
            self._drivers.add(connection.driver_connection)

        # The driver notices a closed connection. `pool_pre_ping` would cost two round trips at each checkout.
        @event.listens_for(engine.sync_engine, "checkout")
        def require_open(connection: Any, _record: Any, _proxy: Any) -> None:
            if connection.driver_connection.is_closed():
                raise InvalidatePoolError

        return engine
