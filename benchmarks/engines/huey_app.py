"""Huey on SQLite: WAL, and every commit on disk."""

from __future__ import annotations

import os
from typing import Any

from huey import SqliteHuey

from benchmarks.engines.work import TEXT, count_words

huey = SqliteHuey("bench", filename=os.environ["BENCH_DATABASE"], fsync=True, journal_mode="wal", timeout=60)


@huey.task()
def work(text: str) -> dict[str, int]:
    """One item."""
    return count_words(text)


def enqueue(items: int) -> Any:
    """One job an item: Huey has no bulk."""
    for _ in range(items):
        work(TEXT)


def ended() -> int:
    """Results that are stored."""
    return int(huey.storage.result_store_size())
