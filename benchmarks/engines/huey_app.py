"""Huey on SQLite, with WAL and synchronous commits."""

from __future__ import annotations

import os
from typing import Any

from huey import SqliteHuey

from benchmarks.engines.work import TEXT, count_words

huey = SqliteHuey("bench", filename=os.environ["BENCH_DATABASE"], fsync=True, journal_mode="wal", timeout=60)


@huey.task()
def work(text: str) -> dict[str, int]:
    """Process one item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """Enqueue one job for each item: Huey has no bulk operation."""
    for _ in range(items):
        work(TEXT)


def ended() -> int:
    """Return the number of stored results."""
    return int(huey.storage.result_store_size())
