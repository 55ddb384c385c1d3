"""Brokers of the tests, and buses on each kind of broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from events.bus import Bus
from settings import Settings
from tests.events.brokers import RedisServer
from tests.support import until

Start = Callable[..., Bus]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A running Redis server of the test."""
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture(
    params=[
        pytest.param("redis", marks=pytest.mark.needs("redis-server")),
        pytest.param("postgresql", marks=pytest.mark.needs("postgresql")),
    ]
)
def broker_url(request: pytest.FixtureRequest) -> str:
    """The URL of a broker of each kind, as for `ASSAY_BROADCAST_URL`."""
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis")
        return redis.url
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start buses: `start(url)` returns a running bus."""
    running: list[asyncio.Task[None]] = []

    def run(url: str, **options: float) -> Bus:
        bus = Bus(Settings(broadcast_url=url).bus, **options)
        running.append(asyncio.create_task(bus.run()))
        return bus

    yield run
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def live(*buses: Bus) -> None:
    """Wait until all buses are live."""
    await until(lambda: all(bus.live for bus in buses), what="the bus to be live")
