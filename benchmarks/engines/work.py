"""The work of all engines, and the timing of a run: from the first enqueued item to the last recorded one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any

TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind."
PROCESSES = 2
# Pause between two polls: more frequent polls would take CPU from the workers.
LOOK_SECONDS = 0.05


def count_words(text: str) -> dict[str, int]:
    """Count the words: almost no work, so the run measures the engine."""
    return {"words": len(text.split())}


@dataclass(frozen=True, slots=True)
class Run:
    """The number of items, and the seconds from the first item until all were enqueued, and until all had ended."""

    items: int
    enqueued_seconds: float
    ended_seconds: float


def timed(items: int, enqueue: Callable[[int], Any], ended: Callable[[], int]) -> Run:
    """Warm up the worker with one item, then enqueue `items` and wait until `ended` counts them all."""
    enqueue(1)
    wait_until(lambda: ended() >= 1)
    began = time.perf_counter()
    enqueue(items)
    enqueued = time.perf_counter() - began
    wait_until(lambda: ended() >= items + 1)
    return Run(items, enqueued, time.perf_counter() - began)


def wait_until(condition: Callable[[], bool], seconds: float = 600) -> None:
    """Poll the condition until it is true. Raises TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the items did not end")
        time.sleep(LOOK_SECONDS)


@contextmanager
def process(*command: str, root: Path, **environment: str) -> Iterator[Popen[bytes]]:
    """Run a process with additional environment variables; terminate it at the end, and kill it after 10 seconds."""
    running = Popen(command, cwd=root, env=os.environ | environment, stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(10)
        except TimeoutExpired:
            running.kill()
            running.wait()
