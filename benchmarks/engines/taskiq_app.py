"""taskiq on a Redis stream, with stored results."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from redis import Redis
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

from benchmarks.engines.work import TEXT, count_words

_URL = os.environ["BENCH_REDIS"]
broker = RedisStreamBroker(f"{_URL}/0").with_result_backend(RedisAsyncResultBackend(f"{_URL}/1"))


@broker.task
def work(text: str) -> dict[str, int]:
    """Process one item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """Enqueue one job for each item, a hundred concurrently."""

    async def run() -> None:
        await broker.startup()
        for first in range(0, items, 100):
            await asyncio.gather(*(work.kiq(TEXT) for _ in range(min(100, items - first))))
        await broker.shutdown()

    asyncio.run(run())


def ended() -> int:
    """Return the number of stored results."""
    return int(Redis.from_url(f"{_URL}/1").dbsize())
