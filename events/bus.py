"""The bus: announces to other instances that there is news, by subject. Its messages carry no data.

    bus = Bus(settings.bus)
    bus.listen(feed.hear)             # announcements of other instances
    database.on_commit(bus.publish)   # own commits, for the others; local listeners are called directly

One broadcaster and one channel, with one subscription and one publishing task: broadcaster loses subscribers that join
a channel at the same moment, and a PostgreSQL connection publishes one message at a time. The bus is live while its own
heartbeats come back. After two periods without one, or at the end of a connection, the bus closes everything and
connects again, with backoff. Until then every reader polls the log once a second: events arrive late, never lost.
A live bus first wakes all listeners, here and on other instances, for announcements that were lost.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from time import perf_counter
from uuid import uuid4

import structlog
from broadcaster import Broadcast

from events.brokers import CHANNEL, Broker, broker
from store.sql.clock import utcnow

ALONE = "memory://"
"""The address without a broker: one instance, or several that poll the log."""

# Subjects announced to other instances. New work is not among them: permits announce it (`store.queue.permits`), and
# workers watch a SQLite file.
SHARED = frozenset({"events", "stop", "controls"})

HEARTBEAT_SECONDS = 2.0
CONNECT_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
# Shortest interval between messages: announcements within it share one.
GAP_SECONDS = 0.005
CLOSE_SECONDS = 1.0
# Characters read of a message. Ours are shorter, but any client may publish to the channel.
_LONGEST_MESSAGE = 200

log = structlog.stdlib.get_logger(__name__)

Listener = Callable[[frozenset[str]], None]


class Bus:
    """The bus of one instance. May be created outside a running event loop."""

    def __init__(self, url: str = ALONE, *, heartbeat_seconds: float = HEARTBEAT_SECONDS) -> None:
        self._url = url
        self._heartbeat = heartbeat_seconds
        self._name = uuid4().hex[:16]
        self._waiting: set[str] = set()
        self._wake = asyncio.Event()
        self._listeners: list[Listener] = []
        self._beats = 0
        self._beat_at = 0.0
        self._reason = ""
        self.live = url == ALONE
        """Whether announcements of other instances arrive; otherwise readers depend on polling."""
        self.since: datetime = utcnow()
        """The instant of the last change of `live`."""
        self.reconnects = 0
        """The number of attempts to connect again."""
        self.round_trip_seconds: float | None = None
        """The round trip of the last heartbeat; None before the first."""

    @property
    def has_broker(self) -> bool:
        """Whether a broker is configured."""
        return self._url != ALONE

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the subjects of each announcement of another instance."""
        self._listeners.append(listener)

    def publish(self, subjects: Collection[str]) -> None:
        """Announce these subjects to the other instances. Does not wait: the next message carries them."""
        news = SHARED.intersection(subjects)
        if news and self.has_broker:
            self._waiting.update(news)
            self._wake.set()

    async def run(self) -> None:
        """Keep the bus up until cancelled."""
        if not self.has_broker:
            await asyncio.Event().wait()
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._serve()
            except TimeoutError:
                reason = "nothing came back in time"
            except Exception as error:
                reason = _reason(error)
            if self.live:
                self.live, self.since, self.round_trip_seconds = False, utcnow(), None
                pause = FIRST_PAUSE_SECONDS
            if reason != self._reason:  # once per reason, not at every attempt
                self._reason = reason
                log.warning("the bus is down: news of other instances comes by polling", reason=reason)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 — spreads the instances
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self.reconnects += 1

    async def _serve(self) -> None:
        """Connect, send and receive. Raises at the end of the connection, or without heartbeats."""
        async with (
            asyncio.timeout(CONNECT_SECONDS) as silence,
            self._connected() as (broadcast, carrier),
            broadcast.subscribe(CHANNEL) as subscriber,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._send(broadcast))
            tasks.create_task(carrier.until_lost())
            while True:
                message = await subscriber.get()
                if self._hear(message.message):
                    silence.reschedule(asyncio.get_running_loop().time() + 2 * self._heartbeat)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[Broadcast, Broker]]:
        carrier = broker(self._url)
        broadcast = Broadcast(backend=carrier)
        try:
            await broadcast.connect()
        except BaseException:
            await _close(carrier.disconnect())
            raise
        try:
            yield broadcast, carrier
        finally:
            await _close(broadcast.disconnect())

    def _hear(self, text: str) -> bool:
        """Take in a message; True for this instance's own heartbeat."""
        sender, *words = text[:_LONGEST_MESSAGE].split() or [""]
        if sender != self._name:
            if news := SHARED.intersection(words):
                self._tell(news)
            return False
        if str(self._beats) not in words:
            return False
        self.round_trip_seconds = perf_counter() - self._beat_at  # uvloop's own clock has milliseconds
        if not self.live:
            self.live, self.since, self._reason = True, utcnow(), ""
            log.info("the bus is live", round_trip_ms=round(self.round_trip_seconds * 1000, 3))
            self._tell(SHARED)
            self.publish(SHARED)
        return True

    def _tell(self, news: frozenset[str]) -> None:
        for listener in self._listeners:
            listener(news)

    async def _send(self, broadcast: Broadcast) -> None:
        """Publish announcements as they come, and a heartbeat at once and then every period."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()
            words, self._waiting = sorted(self._waiting), set()
            if loop.time() >= due:
                self._beats += 1
                self._beat_at, due = perf_counter(), loop.time() + self._heartbeat
                words.append(str(self._beats))
            if words:
                await broadcast.publish(CHANNEL, " ".join([self._name, *words]))
            await asyncio.sleep(GAP_SECONDS)


async def _close(closing: Awaitable[None]) -> None:
    """Close within `CLOSE_SECONDS`; ignore errors."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await closing


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
