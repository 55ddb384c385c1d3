"""Connections for short reads, without SQLAlchemy: its engine, pool and greenlets cost more than a short statement.

They only save time. If a direct read is not possible, or not short, the caller runs the same statement in the pool of
readers, which waits for locks, replaces lost connections, and reports errors.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from threading import get_ident
from time import perf_counter

import asyncpg

from store.sql.failures import is_too_many

Rows = Sequence[Sequence[object]]

# Longest time of a read in the thread of the event loop. A longer one is interrupted, and runs again in the pool.
MOST_SECONDS = 0.005
# The same if the thread neither computed for that time nor read from a disk: other programs used the processor, or a
# file system on a network does not report what it reads.
MOST_IDLE_SECONDS = 0.1
# Time without direct reads after such a read: the disk is slow, or the rows are large.
PAUSE_SECONDS = 1.0
# Steps of SQLite's virtual machine between two looks at the clock: about 20 µs.
_STEPS = 500
_STATEMENTS = 256

# Time without direct reads after PostgreSQL has refused a further connection of this process.
REFUSED_SECONDS = 60.0


# The resources of the calling thread; of the whole process on systems that know no others.
_THREAD = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)


def _spent() -> tuple[float, int]:
    """Return the seconds of computation of this thread, and the blocks that it has read from disks."""
    used = resource.getrusage(_THREAD)
    return used.ru_utime + used.ru_stime, used.ru_inblock


class DirectSQLite:
    """A connection to a SQLite file for the thread that reads first: that of the event loop."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._connection: sqlite3.Connection | None = None
        self._thread: int | None = None
        self._began = 0.0
        self._spent = 0.0, 0
        self._paused_until = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether reads use the pool for now."""
        return perf_counter() < self._paused_until

    def rows(self, text: str, values: Sequence[object]) -> Rows | None:
        """Return the rows of a statement. None if the statement must run in the pool."""
        if self.is_paused:
            return None
        try:
            connection = self._connection or self._open()
        except sqlite3.Error:
            return None
        if self._thread != get_ident():
            return None
        self._spent = _spent()
        self._began = perf_counter()
        try:
            return connection.execute(text, values).fetchall()
        except sqlite3.Error:
            return None
        finally:
            if self._is_slow():
                self._paused_until = perf_counter() + PAUSE_SECONDS

    def _is_slow(self) -> bool:
        """Return whether the present read takes too long, as the handler of the progress of a statement."""
        seconds = perf_counter() - self._began
        if seconds < MOST_SECONDS:
            return False
        (computed, read), (before, read_before) = _spent(), self._spent
        return computed - before >= MOST_SECONDS or read > read_before or seconds >= MOST_IDLE_SECONDS

    def _open(self) -> sqlite3.Connection:
        # No wait for a lock: it would stop the event loop.
        connection = sqlite3.connect(
            self._file, timeout=0, isolation_level=None, cached_statements=_STATEMENTS, check_same_thread=False
        )
        for pragma in ("query_only = ON", "temp_store = MEMORY", "cache_size = -8192"):
            connection.execute(f"PRAGMA {pragma}")
        connection.set_progress_handler(self._is_slow, _STEPS)
        self._connection, self._thread = connection, get_ident()
        return connection

    def close(self) -> None:
        """Close the connection. The next read opens another one, perhaps in another thread."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class DirectPostgreSQL:
    """At most `most` connections of asyncpg, each of which runs one statement at a time. A read in excess waits."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._places = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []
        self._refused_until = 0.0

    async def rows(self, text: str, values: Sequence[object]) -> Rows | None:
        """Return the rows of a statement. None if the statement must run in the pool."""
        if not self._most or perf_counter() < self._refused_until:
            return None
        async with self._places:
            connection = None
            try:
                while connection is None and self._idle:
                    connection = self._idle.pop()
                    connection = None if connection.is_closed() else connection
                if connection is None:
                    connection = await self._connect()
                rows: Rows = await connection.fetch(text, *values)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if connection is not None:
                    connection.terminate()
                if is_too_many(error):
                    await self.refuse()
                return None
            except BaseException:  # a cancellation: the statement may still run
                if connection is not None:
                    connection.terminate()
                raise
            if perf_counter() < self._refused_until:
                connection.terminate()
            else:
                self._idle.append(connection)
            return rows

    async def refuse(self) -> None:
        """Leave the connections to the pool for a while: PostgreSQL gives this process no more."""
        self._refused_until = perf_counter() + REFUSED_SECONDS
        await self.close()

    async def close(self, seconds: float = 1.0) -> None:
        """Close the idle connections, within this time each."""
        idle, self._idle = self._idle, []
        for connection in idle:
            with suppress(Exception):
                await connection.close(timeout=seconds)
