"""What one server instance knows of itself and its machine, and the costly figures that it keeps for a while.

`Monitor.run` samples what can only be seen by looking again and again: how busy the processors are, and how late the
event loop is. Everything else is read when somebody asks.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import psutil

from store.queue.timings import WorkFigures
from store.statistics import AnalyzerFigures, BatchFigures, FileFigures, QueueFigures, StorageFigures

ValueT = TypeVar("ValueT")

MIB = 1024 * 1024

# Late wake-ups are what the loop's lag is told from: four a second see whatever stops it for longer than that.
_TICK_SECONDS = 0.25
_TICKS_A_SAMPLE = 4
_LAGS_KEPT = 40  # ten seconds

# What takes no longer than this is read for everybody who asks. What takes longer is kept for so many times as long as
# that: reading it takes at most a twentieth of the time.
_CHEAP_SECONDS = 0.05
_KEPT_SHARE = 20
_LONGEST_KEPT_SECONDS = 60.0
# What people watch move: also on a busy machine, where reading takes long because all does.
_LONGEST_KEPT_LIVE_SECONDS = 1.0


class Kept(Generic[ValueT]):
    """A figure that may be costly: read once for all who ask meanwhile, and kept the longer the more it took."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, longest_seconds: float = _LONGEST_KEPT_SECONDS
    ) -> None:
        self._clock = clock
        self._longest_seconds = longest_seconds
        self._reading = asyncio.Lock()
        self._values: list[ValueT] = []
        self._ended = self._kept_until = float("-inf")

    async def get(self, read: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """The figure that is kept, or what `read` gives."""
        asked = self._clock()
        async with self._reading:
            if self._ended < asked and self._kept_until <= self._clock():
                began = self._clock()
                self._values = [await read()]
                self._ended = self._clock()
                took = self._ended - began
                if took > _CHEAP_SECONDS:
                    self._kept_until = self._ended + min(took * _KEPT_SHARE, self._longest_seconds)
            return self._values[0]


@dataclass(frozen=True, slots=True)
class Memory:
    """How much of the machine's is taken, and what this server and the processes that it started hold of it."""

    percent: float
    server_bytes: int

    @property
    def server_mb(self) -> float:
        """In MiB."""
        return self.server_bytes / MIB


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of a folder; `percent` is how much of what users may write is taken."""

    percent: float
    free_bytes: int


class Monitor:
    """One instance's own figures. `run` belongs into the app's lifespan."""

    def __init__(self) -> None:
        self.cpu_percent = 0.0
        """Of all processors of the machine, over the last second; 0 before the first one has passed."""
        self._lags: deque[float] = deque(maxlen=_LAGS_KEPT)
        self.queue: Kept[QueueFigures] = Kept(longest_seconds=_LONGEST_KEPT_LIVE_SECONDS)
        self.work: Kept[WorkFigures] = Kept(longest_seconds=_LONGEST_KEPT_LIVE_SECONDS)
        self.batches: Kept[BatchFigures] = Kept(longest_seconds=_LONGEST_KEPT_LIVE_SECONDS)
        self.analyzers: Kept[list[AnalyzerFigures]] = Kept()
        self.storage: Kept[StorageFigures] = Kept()
        self.files: Kept[FileFigures] = Kept()
        self.memory: Kept[Memory] = Kept()

    @property
    def loop_lag_seconds(self) -> float:
        """By how much the event loop was late at most, over the last ten seconds."""
        return max(self._lags, default=0.0)

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        psutil.cpu_percent()  # what it gives is since the last call, and means nothing the first time
        while True:
            for _ in range(_TICKS_A_SAMPLE):
                due = loop.time() + _TICK_SECONDS
                await asyncio.sleep(_TICK_SECONDS)
                self.note_lag(loop.time() - due)
            self.cpu_percent = psutil.cpu_percent()

    def note_lag(self, seconds: float) -> None:
        """Take in by how much a wake-up was late."""
        self._lags.append(max(seconds, 0.0))


def read_memory() -> Memory:
    """For a thread: it looks at every process of the machine. Pages that processes share count for each of them."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # it has ended meanwhile
            continue
    return Memory(percent=psutil.virtual_memory().percent, server_bytes=total)


def read_disk(folder: Path) -> Disk:
    """For a thread: a file system on a network may be slow. A folder that is not there yet is its parent's matter."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = psutil.disk_usage(str(folder))
    return Disk(percent=usage.percent, free_bytes=usage.free)
