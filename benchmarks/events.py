"""Measure event delivery on real servers, databases and brokers.

    python -m benchmarks.events delay [--events 500] [--rounds 3] [--json FILE]

`delay` is the time from a commit in one process to its event at a client of a server in another process: the sum of
bus, feed, GraphQL and socket. The buses run in turns, so that other load affects all of them alike. The writers are in
this process, with the same bus as a worker's process. The client is in this process too, so both times come from one
clock. The benchmark starts its own PostgreSQL and Redis, because foreign transactions would hold back its events.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from settings import Settings
from store.events import NewEvent, append, new_event
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import AnalysisEventType
from tests.api.calls import WATCH, ApiServer
from tests.api.sockets import opened
from tests.events.brokers import RedisServer
from tests.events.chaos import instance
from tests.support import post, until
from tests.torture.postgresql import Cluster

WRITERS = 16
HOLD_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Delay:
    """The delays of one bus, in milliseconds from the commit to the client."""

    bus: str
    writers: int
    p50_ms: float
    p99_ms: float
    most_ms: float


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of the benchmark's files, and its own servers."""

    folder: Path
    postgresql: Cluster
    redis: RedisServer


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Start the servers, and yield their place."""
    with tempfile.TemporaryDirectory() as folder:
        cluster, redis = await asyncio.to_thread(Cluster), RedisServer(Path(folder))
        try:
            await asyncio.to_thread(cluster.start)
            await redis.start()
            yield Place(Path(folder), cluster, redis)
        finally:
            redis.kill()
            await asyncio.to_thread(cluster.close)


async def new_database(kind: str, where: Place) -> str:
    """Create a database with all tables, and return its URL."""
    name = f"assay_bench_{uuid4().hex}"
    url = f"sqlite:///{where.folder / name}.db"
    if kind == "postgresql":
        connection = await asyncpg.connect(where.postgresql.url)
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        url = urlunsplit(urlsplit(where.postgresql.url)._replace(path=f"/{name}"))
    database = Database(Settings(database_url=url).database)
    try:
        await migrate(database)
    finally:
        await database.close()
    return url


# By the name of the bus: the kind of database, and ASSAY_BROADCAST_URL.
BUSES: dict[str, tuple[str, Callable[[Place], str]]] = {
    "Redis": ("postgresql", lambda where: where.redis.url),
    "PostgreSQL": ("postgresql", lambda _: ""),
    "none, PostgreSQL polled": ("postgresql", lambda _: "memory://"),
    "none, SQLite file watched": ("sqlite", lambda _: ""),
}


async def delays(where: Place, bus: str, writers: int, events: int) -> list[float]:
    """Return the delays of `events` events in milliseconds, over one bus, with concurrent writers."""
    kind, address = BUSES[bus]
    url = await new_database(kind, where)
    server = ApiServer(where.folder, {"database_url": url, "broadcast_url": address(where), "workers": 0})
    try:
        await server.start()
        await until(lambda: asyncio.to_thread(bus_is_live, server), what="the server's bus")
        async with instance(url, address(where)) as database, opened(server) as socket:
            return await _delays(database, socket.answers(WATCH), writers, events)
    finally:
        await server.close()


def bus_is_live(server: ApiServer) -> bool:
    """Return whether the server's health shows a live bus."""
    found = post(server.url, "{ health { components { name status } } }")["data"]["health"]["components"]
    return {"name": "bus", "status": "HEALTHY"} in found


def _line(name: str) -> NewEvent:
    return new_event(LOCAL_ADMINISTRATOR.workspace, AnalysisEventType.ANALYSIS_STARTED, name, utcnow(), "{}")


async def _delays(database: Database, answers: AsyncIterator[dict[str, Any]], writers: int, events: int) -> list[float]:
    committed: dict[str, float] = {}
    arrived: dict[str, float] = {}

    async def read() -> None:
        async for answer in answers:
            arrived[answer["events"]["subjectId"]] = perf_counter()

    async def write(number: int) -> None:
        for index in range(events // writers):
            name = f"analysis_{number}.{index}"
            async with database.write() as connection:
                await append(connection, [_line(name)])
                if writers > 1 and not database.is_sqlite:
                    await asyncio.sleep(random.uniform(0, HOLD_SECONDS))
            committed[name] = perf_counter()
            await asyncio.sleep(random.uniform(0.01, 0.05) * writers**0.5)

    reading = asyncio.create_task(read())
    try:
        await until(lambda: first_arrives(database, arrived), what="the subscription to be there")
        await asyncio.gather(*(write(number) for number in range(writers)))
        await until(lambda: committed.keys() <= arrived.keys(), what="every event")
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    # An event can reach the client before the commit returns to the writer.
    return [max(arrived[name] - at, 0) * 1000 for name, at in committed.items()]


async def first_arrives(database: Database, arrived: dict[str, float]) -> bool:
    """Write an event outside the measurement, and return whether any event has arrived."""
    async with database.write() as connection:
        await append(connection, [_line("analysis_before")])
    await asyncio.sleep(0.2)
    return bool(arrived)


async def delay(options: argparse.Namespace, console: Console, where: Place) -> list[Delay]:
    """Measure every bus, with one writer and with writers that have overlapping transactions."""
    found: dict[tuple[str, int], list[float]] = {}
    for number in range(options.rounds):
        for bus in BUSES:
            for writers in (1, WRITERS):
                console.print(f"round {number + 1} of {options.rounds}: {bus}, {writers} writers")
                taken = await delays(where, bus, writers, options.events)
                found.setdefault((bus, writers), []).extend(taken)
    figures = []
    for (bus, writers), taken in found.items():
        p99 = quantiles(taken, n=100)[98]
        figures.append(Delay(bus, writers, round(median(taken), 2), round(p99, 2), round(max(taken), 2)))
    table = Table("bus", "writers", "p50 ms", "p99 ms", "longest ms")
    for figure in figures:
        took = (f"{each:,.1f}" for each in (figure.p50_ms, figure.p99_ms, figure.most_ms))
        table.add_row(figure.bus, str(figure.writers), *took)
    console.print(table)
    return figures


PARTS: dict[str, Callable[[argparse.Namespace, Console, Place], Coroutine[Any, Any, list[Any]]]] = {"delay": delay}


async def measure(options: argparse.Namespace, console: Console) -> dict[str, list[dict[str, Any]]]:
    """Return the figures of every requested part."""
    async with place() as where:
        return {part: [asdict(each) for each in await PARTS[part](options, console, where)] for part in options.parts}


def main() -> None:
    """Run the requested parts, by default all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("parts", nargs="*", default=[*PARTS], choices=[*PARTS], help="parts to measure")
    parser.add_argument("--events", type=int, default=500, help="events for each bus and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    console = Console()
    figures = uvloop.run(measure(options, console))
    console.print(f"load average {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
