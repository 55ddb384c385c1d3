"""The connections of one process to PostgreSQL: at most a number, and fewer while PostgreSQL gives no more.

When PostgreSQL refuses a further connection (SQLSTATE 53300), the caller waits for a connection of this process. The
place of the refused connection stays closed for a while, so that waiting callers share the open ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.sql.failures import is_too_many

# Most time of a caller in the queue for a connection.
WAIT_SECONDS = 60.0
# Time until a refused connection is tried again: with open connections of this process, and without any.
AGAIN_SECONDS, ALONE_SECONDS = 5.0, 0.2
# Most time of a caller without any connection of this process.
GIVE_UP_SECONDS = 5.0


class Allowance:
    """At most `most` connections in use at once. A caller in excess waits for its turn, in the order of arrival.

    Two thirds of them may write: while writers wait for a lock of another program, readers continue.
    """

    def __init__(self, most: int, refused: Callable[[], Awaitable[None]]) -> None:
        """`refused` is called when PostgreSQL refuses a further connection: it closes connections outside the pool."""
        self._places = asyncio.Semaphore(most)
        self._writers = asyncio.Semaphore(max(1, most * 2 // 3))
        self._used = 0
        self._refused = refused

    @asynccontextmanager
    async def connect(self, engine: AsyncEngine, *, writes: bool = False) -> AsyncIterator[AsyncConnection]:
        """Take a connection of the pool, for reading only unless `writes`.

        Raises:
            TimeoutError: None was returned within `WAIT_SECONDS`.
            Exception: The driver's error; after `GIVE_UP_SECONDS` the refusal, if this process has no connection.
        """
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(WAIT_SECONDS):
                if writes:
                    await stack.enter_async_context(self._writers)
                connection = await self._connect(engine, stack)
            yield connection

    async def _connect(self, engine: AsyncEngine, stack: AsyncExitStack) -> AsyncConnection:
        loop = asyncio.get_running_loop()
        give_up_at: float | None = None
        while True:
            await self._places.acquire()
            connection = engine.connect()
            try:
                await connection.start()
            except BaseException as error:
                if not is_too_many(error):
                    self._places.release()
                    raise
                is_alone = not self._used
                loop.call_later(ALONE_SECONDS if is_alone else AGAIN_SECONDS, self._places.release)
                give_up_at = give_up_at or loop.time() + GIVE_UP_SECONDS
                await self._refused()
                if is_alone and loop.time() > give_up_at:
                    raise
            else:
                self._used += 1
                stack.callback(self._free)  # after the exit of the connection: the stack unwinds in reverse order
                stack.push_async_exit(connection)
                return connection

    def _free(self) -> None:
        self._used -= 1
        self._places.release()
