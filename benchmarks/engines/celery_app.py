"""Celery on Redis, with late acknowledgement and stored results."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from redis import Redis

from benchmarks.engines.work import TEXT, count_words

_URL = os.environ["BENCH_REDIS"]
app = Celery("bench", broker=f"{_URL}/0", backend=f"{_URL}/1")
app.conf.task_acks_late = True
app.conf.worker_prefetch_multiplier = 16


@app.task
def work(text: str) -> dict[str, int]:
    """Process one item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """Enqueue one job for each item, over one connection."""
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        for _ in range(items):
            work.apply_async((TEXT,), producer=producer)


def ended() -> int:
    """Return the number of stored results."""
    return int(Redis.from_url(f"{_URL}/1").dbsize())
