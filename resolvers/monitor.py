"""Measurements of one server instance and its machine, and a cache of figures that are expensive to read.

`Monitor.run` samples the load of the processors and the lag of the event loop. All other figures are read on demand.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import psutil

from resolvers.cgroup import cpu_limit, memory_limit
from store.queue.timings import WorkFigures
from store.statistics import AnalyzerFigures, BatchFigures, FileFigures, QueueFigures, StorageFigures

ValueT = TypeVar("ValueT")

MIB = 1024 * 1024

# The loop's lag is the delay of a wake-up: four a second notice any stop that lasts longer than a quarter of a second.
_TICK_SECONDS = 0.25
_TICKS_A_SAMPLE = 4
_LAGS_KEPT = 40  # ten seconds

# A figure that takes longer than this to read is cached for a multiple of that time: reading it then takes at most a
# twentieth of the time.
_CHEAP_SECONDS = 0.05
_KEPT_SHARE = 20
_LONGEST_KEPT_SECONDS = 60.0
# For figures on live displays: a busy machine, on which every read is slow, must not freeze them.
_LONGEST_KEPT_LIVE_SECONDS = 1.0


class Kept(Generic[ValueT]):
    """A cached figure. Concurrent callers share one read, and a slower read is cached for longer."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, longest_seconds: float = _LONGEST_KEPT_SECONDS
    ) -> None:
        self._clock = clock
        self._longest_seconds = longest_seconds
        self._reading = asyncio.Lock()
        self._values: list[ValueT] = []
        self._ended = self._kept_until = float("-inf")

    async def get(self, read: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """Return the cached figure, or the result of `read`."""
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


class KeptByWorkspace(Generic[ValueT]):
    """A cached figure of each workspace, and of all together (None)."""

    def __init__(self, longest_seconds: float = _LONGEST_KEPT_SECONDS) -> None:
        self._kept: defaultdict[str | None, Kept[ValueT]] = defaultdict(lambda: Kept(longest_seconds=longest_seconds))

    async def get(self, workspace: str | None, read: Callable[[], Awaitable[ValueT]]) -> ValueT:
        """Return the cached figure of the workspace, or the result of `read`."""
        return await self._kept[workspace].get(read)


@dataclass(frozen=True, slots=True)
class Memory:
    """Used memory in percent, and resident memory of this server and its child processes.

    The percentage is that of the container's limit, `limit_bytes`, or of the machine without one.
    """

    percent: float
    server_bytes: int
    limit_bytes: int | None = None

    @property
    def server_mb(self) -> float:
        """The same in MiB."""
        return self.server_bytes / MIB


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of a folder; `percent` is the used part of the space available to users."""

    percent: float
    free_bytes: int


class Monitor:
    """The figures of one instance. The app's lifespan runs `run`."""

    def __init__(self) -> None:
        self.cpu_percent = 0.0
        """Load over the last second, of the container's quota or of all processors of the machine; at first 0."""
        self._processors = _Processors()
        self._lags: deque[float] = deque(maxlen=_LAGS_KEPT)
        self.queue: KeptByWorkspace[QueueFigures] = KeptByWorkspace(_LONGEST_KEPT_LIVE_SECONDS)
        self.work: KeptByWorkspace[WorkFigures] = KeptByWorkspace(_LONGEST_KEPT_LIVE_SECONDS)
        self.batches: KeptByWorkspace[BatchFigures] = KeptByWorkspace(_LONGEST_KEPT_LIVE_SECONDS)
        self.analyzers: KeptByWorkspace[list[AnalyzerFigures]] = KeptByWorkspace()
        self.storage: KeptByWorkspace[StorageFigures] = KeptByWorkspace()
        self.files: Kept[FileFigures] = Kept()
        self.memory: Kept[Memory] = Kept()

    @property
    def loop_lag_seconds(self) -> float:
        """Longest lag of the event loop in the last ten seconds."""
        return max(self._lags, default=0.0)

    async def run(self) -> None:
        """Sample until cancelled."""
        loop = asyncio.get_running_loop()
        self._processors.look()  # the first call only sets the beginning of the next measurement
        while True:
            for _ in range(_TICKS_A_SAMPLE):
                due = loop.time() + _TICK_SECONDS
                await asyncio.sleep(_TICK_SECONDS)
                self.note_lag(loop.time() - due)
            self.cpu_percent = self._processors.look()

    def note_lag(self, seconds: float) -> None:
        """Record the delay of a wake-up."""
        self._lags.append(max(seconds, 0.0))


class _Processors:
    """Measures the load of the processors between two looks."""

    def __init__(self) -> None:
        self._used_seconds = self._at = 0.0

    def look(self) -> float:
        """Return the load since the last look in percent: of the container's quota, else of the machine."""
        machine, limit, now = psutil.cpu_percent(), cpu_limit(), time.monotonic()
        if limit is None:
            return machine
        used, passed = limit.used_seconds - self._used_seconds, now - self._at
        self._used_seconds, self._at = limit.used_seconds, now
        return min(100.0, round(100 * used / passed / limit.cpus, 1))


def read_memory() -> Memory:
    """Read the memory; slow, since it scans all processes: call it in a thread. Shared pages count once per process."""
    own = psutil.Process()
    total = own.memory_info().rss
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.Error:  # the process has ended
            continue
    limit = memory_limit()
    if limit is None:
        return Memory(percent=psutil.virtual_memory().percent, server_bytes=total)
    return Memory(percent=limit.percent, server_bytes=total, limit_bytes=limit.limit_bytes)


def read_disk(folder: Path) -> Disk:
    """Read the disk of a folder, or of its nearest existing parent. Call it in a thread: network disks may be slow."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    usage = psutil.disk_usage(str(folder))
    return Disk(percent=usage.percent, free_bytes=usage.free)
