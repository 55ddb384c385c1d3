"""Measure the cost of a charge to the limits of use: in memory, with shares of buckets in Redis, and by asking Redis.

    python -m benchmarks.limits [--seconds 2] [--rounds 5]

The ways take turns. `memory` is an instance without Redis. With `shares`, most charges take 1 point of a share and the
instance reconciles in the background. With `ask`, each charge is above its share, and 20 tasks ask at once; `ask alone`
has one task. `script` is one call of the script for each charge, without shares, by 20 tasks with a connection each.
Charges go to one bucket, or to 1,000 buckets in turns. CPU time is that of this process and of Redis, for each charge;
the benchmark starts its own Redis.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil
import structlog
import uvloop
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from access.buckets import Rule
from access.limits import Limits
from access.redis_buckets import Change, RedisBuckets, key_of
from tests.events.brokers import RedisServer
from tests.support import until

TASKS = 20
# Charges between two passes of the event loop. A server makes one for each operation.
BURST = 20

WIDE = Rule("WIDE", 1_000_000_000, 1e8)
"""The charges of the benchmark stay within its shares."""
NARROW = Rule("NARROW", 1_000_000_000, 1.0)
"""A share is smaller than any charge."""

Run = Callable[[float], Awaitable[int]]


@dataclass(slots=True)
class Figures:
    """The rounds of one way."""

    rates: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    """Microseconds of CPU time of this process for a charge."""
    redis: list[float] = field(default_factory=list)
    """The same of Redis."""


def keys(count: int) -> list[str]:
    """Return keys like those of a server."""
    return [f"user_{number:032x}" for number in range(count)]


def by_share(limits: Limits, count: int) -> Run:
    """Charge 1 point again and again, without a wait."""

    async def run(seconds: float) -> int:
        names, done, end = keys(count), 0, perf_counter() + seconds
        while perf_counter() < end:
            for _ in range(BURST):
                charge = limits.charge(names[done % count], WIDE, 1)
                assert charge is not None
                assert charge.admitted
                done += 1
            await asyncio.sleep(0)
        return done

    return run


def by_ask(limits: Limits, count: int, tasks: int) -> Run:
    """Ask Redis for each charge, in several tasks."""

    async def run(seconds: float) -> int:
        names, done, end = keys(count), 0, perf_counter() + seconds

        async def ask() -> None:
            nonlocal done
            while perf_counter() < end:
                name = names[done % count]
                done += 1
                assert (limits.charge(name, NARROW, 1) or await limits.ask(name, NARROW, 1)).admitted

        await asyncio.gather(*(ask() for _ in range(tasks)))
        return done

    return run


def by_script(connections: list[RedisBuckets], count: int) -> Run:
    """Call the script for each charge, in as many tasks as there are connections."""

    async def run(seconds: float) -> int:
        names, done, end = keys(count), 0, perf_counter() + seconds

        async def call(buckets: RedisBuckets) -> None:
            nonlocal done
            while perf_counter() < end:
                name = key_of(WIDE, names[done % count])
                done += 1
                await buckets.change([Change(name, WIDE, 0, 1)])

        await asyncio.gather(*(call(buckets) for buckets in connections))
        return done

    return run


async def measure(ways: dict[tuple[str, int], Run], server: psutil.Process, seconds: float, rounds: int) -> None:
    """Run all ways in turns, and print their medians."""
    found = {way: Figures() for way in ways}
    for _ in range(rounds):
        for way, run in ways.items():
            own, redis, began = process_time(), sum(server.cpu_times()[:2]), perf_counter()
            done = await run(seconds)
            figures = found[way]
            figures.rates.append(done / (perf_counter() - began))
            figures.own.append((process_time() - own) / done * 1e6)
            figures.redis.append((sum(server.cpu_times()[:2]) - redis) / done * 1e6)
    table = Table("charges", "buckets", "a second", "CPU µs", "CPU µs of Redis", "CPU / memory")
    floor = {count: median(figures.own) for (name, count), figures in found.items() if name == "memory"}
    for (name, count), figures in found.items():
        own = median(figures.own)
        table.add_row(
            name,
            f"{count:,}",
            f"{median(figures.rates):,.0f}",
            f"{own:.2f}",
            f"{median(figures.redis):.2f}",
            f"{own / floor[count]:.2f}",
        )
    Console(width=120).print(table)


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        await server.start()
        memory, shared = Limits(), Limits(server.url, wait_seconds=60)
        running = asyncio.create_task(shared.run())
        connections = [RedisBuckets(server.url) for _ in range(TASKS)]
        try:
            await until(lambda: shared.shared, what="the limits to be shared")
            ways: dict[tuple[str, int], Run] = {}
            for count in (1, 1_000):
                ways["memory", count] = by_share(memory, count)
                ways["shares", count] = by_share(shared, count)
                ways["ask", count] = by_ask(shared, count, TASKS)
                ways["ask alone", count] = by_ask(shared, count, 1)
                ways["script", count] = by_script(connections, count)
            async with Redis.from_url(server.url) as client:
                process = psutil.Process((await client.info("server"))["process_id"])
            await measure(ways, process, given.seconds, given.rounds)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            for buckets in connections:
                await buckets.close()
            server.kill()


if __name__ == "__main__":
    uvloop.run(main())
