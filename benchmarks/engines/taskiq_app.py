"""taskiq on a Redis stream, with results kept."""

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
    """One item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """One job an item, a hundred at a time under way."""

    async def run() -> None:
        await broker.startup()
        for first in range(0, items, 100):
            await asyncio.gather(*(work.kiq(TEXT) for _ in range(min(100, items - first))))
        await broker.shutdown()

    asyncio.run(run())


def ended() -> int:
    """Results that are stored."""
    return int(Redis.from_url(f"{_URL}/1").dbsize())
