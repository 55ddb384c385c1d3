"""The bus: tells the other instances that there is news, and of what kind. It carries nothing that the log has not.

    bus = Bus(settings.bus)
    bus.listen(feed.hear)             # what others publish, on this instance
    database.on_commit(bus.publish)   # what this one commits, for the others; its own listeners hear of it directly

One broadcaster, one channel, subscribed to once, published to by one task: broadcaster loses subscribers that join a
channel at the same moment, and PostgreSQL's connections publish one thing at a time. The bus is live while its own
heartbeats come back. When none has for two periods, or a connection ends, all is torn down and built again, with
backoff; until then the log is read once a second, so that news comes late and is never lost. Nobody knows what was said
meanwhile, so everybody looks when it is live again.
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
"""The address of no broker: one instance, or several that find each other's news by reading the log."""

# Subjects announced to other instances. New work is not among them: permits announce it (`store.queue.permits`), and
# workers watch a SQLite file.
SHARED = frozenset({"events", "stop", "controls"})

HEARTBEAT_SECONDS = 2.0
CONNECT_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
# What is published meanwhile goes as one message.
GAP_SECONDS = 0.005
CLOSE_SECONDS = 1.0
# No message of ours is longer; anybody may publish to a channel.
_LONGEST_MESSAGE = 200

log = structlog.stdlib.get_logger(__name__)

Listener = Callable[[frozenset[str]], None]


class Bus:
    """`publish` says to the other instances what `listen` hears there. Make it inside a running loop or before one."""

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
        """Whether others' news comes by the bus now; when not, it comes by polling alone."""
        self.since: datetime = utcnow()
        """When that last changed."""
        self.reconnects = 0
        """How often it was tried to build it again."""
        self.round_trip_seconds: float | None = None
        """How long the last heartbeat took; None while none has come back."""

    @property
    def has_broker(self) -> bool:
        """Whether there is anything to carry news between instances."""
        return self._url != ALONE

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the subjects of each piece of news that another instance publishes."""
        self._listeners.append(listener)

    def publish(self, subjects: Collection[str]) -> None:
        """Let the other instances know. Never waits: what comes while a message is sent goes with the next one."""
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
            if reason != self._reason:  # said once, not at every try
                self._reason = reason
                log.warning("the bus is down: news of other instances comes by polling", reason=reason)
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 — not all instances in one moment
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self.reconnects += 1

    async def _serve(self) -> None:
        """Connect, and pass messages on. Raises when the connection ends, or nothing comes back."""
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
        """Take in a message; whether it is a heartbeat of our own."""
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
        """Publish what waits as it comes, and a heartbeat at once and then every period."""
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
    """Where it can't be closed in order it is dropped."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await closing


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
