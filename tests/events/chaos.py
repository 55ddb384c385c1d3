"""Writers with transactions that end out of order, clients that leave and return, and the expected events."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from events.bus import Bus
from settings import Settings
from store.cursors import cursor_of, identify
from store.events import START, Place, append, events_after, new_event, place_of
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import AnalysisEventType, EventRow
from tests.api.calls import WATCH
from tests.api.sockets import Socket
from tests.support import until

WRITERS = 16
LAST = "analysis_last"
RARE = AnalysisEventType.ANALYSIS_FAILED


@asynccontextmanager
async def instance(database_url: str, bus_url: str) -> AsyncIterator[Database]:
    """Open a database with a bus that announces its commits, as in the process of a worker."""
    settings = Settings(database_url=database_url, broadcast_url=bus_url)
    database, bus = Database(settings.database), Bus(settings.bus)
    database.on_commit(bus.publish)
    running = asyncio.create_task(bus.run())
    try:
        await identify(database)
        await until(lambda: bus.live, what="the bus of the writers")
        yield database
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await database.close()


@dataclass
class Writing:
    """Writers of events: transactions of random sizes, held open for random times, up to `allowed` events."""

    database: Database
    chance: random.Random
    total: int
    begun: int = 0
    written: int = 0
    allowed: int = 0

    async def run(self) -> None:
        """Write all events, and then the last one."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(WRITERS):
                tasks.create_task(self._writer(number))
        await self._write([(LAST, RARE)])

    async def reached(self, share: float) -> None:
        """Allow this share of all events, and wait until it has been written."""
        self.allowed = int(self.total * share)
        await until(lambda: self.written >= self.allowed, what="the writers", seconds=300)

    async def _writer(self, number: int) -> None:
        while (left := self.total - self.begun) > 0:
            if self.begun >= self.allowed:
                await asyncio.sleep(0.01)
                continue
            count = min(self.chance.randint(1, 20), left, self.allowed - self.begun)
            first = self.begun
            self.begun += count
            types = (RARE if self.chance.random() < 0.02 else AnalysisEventType.ANALYSIS_STARTED for _ in range(count))
            await self._write([(f"analysis_{number}.{first + index}", type_) for index, type_ in enumerate(types)])
            self.written += count
            await asyncio.sleep(self.chance.uniform(0, 0.05))

    async def _write(self, lines: Sequence[tuple[str, AnalysisEventType]]) -> None:
        rows = [new_event(LOCAL_ADMINISTRATOR.workspace, type_, name, utcnow(), "{}") for name, type_ in lines]
        async with self.database.write() as connection:
            half = len(rows) // 2
            await append(connection, rows[:half])
            await asyncio.sleep(self.chance.uniform(0, 0.02))  # within the open transaction
            await append(connection, rows[half:])


@dataclass
class Client:
    """A client that follows the log from a random server, disconnects at random, and resumes from its last cursor."""

    urls: Sequence[str]
    chance: random.Random
    start: str
    stay: int
    types: Sequence[AnalysisEventType] | None = None
    events: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0
    errors: list[Any] = field(default_factory=list)

    async def run(self) -> None:
        """Follow the log until the last event."""
        while not (self.events and self.events[-1][1] == LAST):
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                await self._session(self.chance.choice(self.urls), self.chance.randint(1, self.stay))

    async def _session(self, url: str, most: int) -> None:
        protocols = [Subprotocol("graphql-transport-ws")]
        # With pings the client detects a dead connection.
        options: dict[str, Any] = {"ping_interval": 2, "ping_timeout": 4, "open_timeout": 10, "close_timeout": 1}
        async with connect(url, subprotocols=protocols, max_size=None, **options) as connection:
            socket = Socket(connection)
            await socket.send(type="connection_init")
            await socket.receive()
            where = {} if self.types is None else {"filter": {"types": list(self.types)}}
            after = self.events[-1][0] if self.events else self.start
            await socket.subscribe("1", WATCH, after=after, **where)
            self.connections += 1
            for _ in range(most):
                message = await socket.receive()
                if message["type"] != "next" or "errors" in message["payload"]:
                    self.errors.append(message)
                    raise AssertionError(json.dumps(message))
                event = message["payload"]["data"]["events"]
                self.events.append((event["cursor"], event["subjectId"]))
                if event["subjectId"] == LAST:
                    return
            if self.chance.random() < 0.5:
                connection.transport.abort()


async def whole_log(database: Database) -> list[EventRow]:
    """Return all events in the order of the log."""
    rows: list[EventRow] = []
    place: Place = START
    async with database.read() as connection:
        while page := (await events_after(connection, place, 5_000))[0]:
            rows += page
            place = place_of(page[-1])
    return rows


def seen_by(
    database: Database, rows: Sequence[EventRow], types: Sequence[AnalysisEventType] | None
) -> list[tuple[str, str]]:
    """Return the expected cursors and subjects of a client that follows these types."""
    return [(cursor_of(database, row), row.subject) for row in rows if types is None or row.type in types]
