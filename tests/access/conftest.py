"""A Redis that the test may break, and limits that share it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from access.limits import Limits
from tests.events.brokers import RedisServer
from tests.support import until

Start = Callable[..., Limits]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    """A running Redis server of the test."""
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start limits: `start(url)` returns running limits."""
    running: list[asyncio.Task[None]] = []

    def run(url: str, **options: Any) -> Limits:
        limits = Limits(url, **{"away_seconds": 0.1} | options)
        running.append(asyncio.create_task(limits.run()))
        return limits

    yield run
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def shared(*instances: Limits) -> None:
    """Wait until all instances share their buckets."""
    await until(lambda: all(limits.shared for limits in instances), what="the limits to be shared")


async def apart(*instances: Limits) -> None:
    """Wait until all instances have their own buckets."""
    await until(lambda: not any(limits.shared for limits in instances), what="the limits to be apart")
