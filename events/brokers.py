"""Brokers of the bus, Redis and PostgreSQL, as backends of broadcaster.

broadcaster's own backends have faults. Its Redis backend receives nothing with redis-py 8, since it listens before it
has subscribed, and ends at a message that is not UTF-8; neither backend notices a lost connection. These backends
subscribe to the one channel as they connect, and report a lost connection at once. A silent connection is found by the
heartbeat of the bus.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, NoReturn

from broadcaster import BroadcastBackend, Event

from store.sql.database import Database

if TYPE_CHECKING:
    import asyncpg

CHANNEL = "assay_news"


class Broker(BroadcastBackend):
    """One channel, subscribed to as soon as `connect` returns."""

    def __init__(self) -> None:
        self._lost = asyncio.Event()
        self._error: Exception = ConnectionError("It was lost.")

    async def until_lost(self) -> NoReturn:
        """Wait for the end of the connection, and raise its cause."""
        await self._lost.wait()
        raise self._error

    async def subscribe(self, channel: str) -> None:
        """Do nothing: `connect` has subscribed."""

    async def unsubscribe(self, channel: str) -> None:
        """Do nothing: `disconnect` unsubscribes."""

    def lose(self, error: Exception) -> None:
        """Note the end of the connection, and its cause."""
        self._error = error
        self._lost.set()


class Redis(Broker):
    """`redis://` and `rediss://`: PUBLISH and SUBSCRIBE, on a connection each."""

    def __init__(self, url: str) -> None:
        super().__init__()
        from redis.asyncio import Redis as Client  # here: it takes half a second to import
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Without retries of the client: messages during a retry would be lost silently.
        self._client = Client.from_url(url, retry=Retry(NoBackoff(), 0), retry_on_error=[])
        # Without a time limit: the client would use `asyncio.wait_for`, which drops cancellations before Python 3.12.
        self._client.connection_pool.connection_kwargs["socket_timeout"] = None
        self._subscription = self._client.pubsub()

    async def connect(self) -> None:
        await self._subscription.subscribe(CHANNEL)
        while (await self._next())["type"] != "subscribe":
            pass

    async def disconnect(self) -> None:
        try:
            await self._subscription.aclose()
        finally:
            await self._client.aclose()

    async def publish(self, channel: str, message: str) -> None:
        await self._client.publish(channel, message)

    async def next_published(self) -> Event:
        try:
            while (message := await self._next())["type"] != "message":
                pass
        except Exception as error:
            self.lose(error)
            await asyncio.Event().wait()  # until the disconnect: broadcaster drops exceptions raised here
        return Event(CHANNEL, message["data"].decode(errors="replace"))

    async def _next(self) -> dict[str, Any]:
        while (message := await self._subscription.get_message(timeout=None)) is None:
            pass
        return message  # type: ignore[no-any-return]


class PostgreSQL(Broker):
    """`postgresql://`: NOTIFY and LISTEN, on one connection. Raises NoNotifications behind PgBouncer."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._database = Database(url)
        self._stack = AsyncExitStack()
        self._messages: asyncio.Queue[str] = asyncio.Queue()
        self._connection: asyncpg.Connection

    async def connect(self) -> None:
        self._connection = await self._stack.enter_async_context(self._database.apart("bus"))
        self._connection.add_termination_listener(lambda _: self.lose(ConnectionError("PostgreSQL is gone")))
        await self._connection.add_listener(CHANNEL, self._hear)

    async def disconnect(self) -> None:
        await self._stack.aclose()

    async def publish(self, channel: str, message: str) -> None:
        await self._connection.execute("SELECT pg_notify($1, $2)", channel, message)

    async def next_published(self) -> Event:
        return Event(CHANNEL, await self._messages.get())

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._messages.put_nowait(payload)


def broker(url: str) -> Broker:
    """Return the broker of this address, in the form of `Settings.bus`."""
    return Redis(url) if url.startswith("redis") else PostgreSQL(url)
