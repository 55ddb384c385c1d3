"""The monitor: cached figures, and sampled ones."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resolvers.monitor import Kept, Monitor, read_disk, read_memory
from tests.support import until


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A reader that takes `seconds` of the clock. Returns the number of its calls."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds, self.asked = clock, seconds, 0

    async def __call__(self) -> int:
        self.asked += 1
        self.clock.now += self.seconds
        return self.asked


async def test_a_figure_is_cached_for_twenty_times_its_duration() -> None:
    clock = Clock()
    slow, kept = Slow(clock, 0.25), Kept[int](clock)
    assert await kept.get(slow) == 1
    clock.now += 4.9
    assert await kept.get(slow) == 1
    clock.now += 0.1
    assert await kept.get(slow) == 2


async def test_a_quick_figure_is_not_cached() -> None:
    clock = Clock()
    slow, kept = Slow(clock, 0.05), Kept[int](clock)
    assert await kept.get(slow) == 1
    clock.now += 0.001
    assert await kept.get(slow) == 2


async def test_no_figure_is_cached_for_more_than_a_minute() -> None:
    clock = Clock()
    slow, kept = Slow(clock, 10), Kept[int](clock)
    assert await kept.get(slow) == 1
    clock.now += 59.9
    assert await kept.get(slow) == 1
    clock.now += 0.1
    assert await kept.get(slow) == 2


async def test_a_watched_figure_is_cached_for_a_second_however_slow() -> None:
    clock = Clock()
    slow, kept = Slow(clock, 10), Kept[int](clock, longest_seconds=1)
    assert await kept.get(slow) == 1
    clock.now += 0.9
    assert await kept.get(slow) == 1
    clock.now += 0.1
    assert await kept.get(slow) == 2


async def test_concurrent_callers_share_one_reading() -> None:
    clock, go, asked = Clock(), asyncio.Event(), []

    async def read() -> int:
        asked.append(1)
        await go.wait()
        clock.now += 0.01
        return len(asked)

    kept = Kept[int](clock)
    askers = [asyncio.create_task(kept.get(read)) for _ in range(5)]
    await until(lambda: asked)
    go.set()
    assert await asyncio.gather(*askers) == [1] * 5
    clock.now += 0.01
    assert await kept.get(read) == 2


async def test_a_waiting_caller_reads_if_the_first_is_cancelled() -> None:
    clock, blocked = Clock(), asyncio.Event()

    async def never() -> int:
        blocked.set()
        return await asyncio.Future()

    kept = Kept[int](clock)
    first = asyncio.create_task(kept.get(never))
    await blocked.wait()
    second = asyncio.create_task(kept.get(Slow(clock, 1)))
    first.cancel()
    assert await second == 1
    assert first.cancelled()


async def test_an_error_is_not_cached() -> None:
    async def fail() -> int:
        raise OSError("away")

    clock = Clock()
    kept = Kept[int](clock)
    with pytest.raises(OSError, match="away"):
        await kept.get(fail)
    assert await kept.get(Slow(clock, 1)) == 1


async def test_the_lag_is_the_longest_of_the_last_forty_samples() -> None:
    monitor = Monitor()
    assert monitor.loop_lag_seconds == 0
    for lag in (0.5, -0.1, *[0.01] * 38):
        monitor.note_lag(lag)
    assert monitor.loop_lag_seconds == 0.5
    monitor.note_lag(0.02)
    assert monitor.loop_lag_seconds == 0.02


async def test_a_blocked_loop_is_seen() -> None:
    monitor = Monitor()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(monitor.run())
        await asyncio.sleep(0)
        time.sleep(0.75)  # noqa: ASYNC251 — blocks the loop; the monitor's next wake-up was due within 0.25 s
        await until(lambda: monitor.loop_lag_seconds >= 0.5, what="the lag")
        running.cancel()


async def test_the_processors_are_sampled() -> None:
    monitor = Monitor()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(monitor.run())
        await until(lambda: sum(range(1000)) and monitor.cpu_percent > 0, what="a busy processor")
        running.cancel()
    assert monitor.cpu_percent <= 100


def test_memory_includes_child_processes() -> None:
    held = 64 * 1024 * 1024
    code = f"held = b'x' * {held}; print('held', flush=True); input()"
    before = read_memory().server_bytes
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        memory = read_memory()
        child.kill()
    assert memory.server_bytes - before >= held
    assert 0 < memory.percent <= 100


def test_a_missing_folder_has_the_disk_of_its_parent(tmp_path: Path) -> None:
    disk = read_disk(tmp_path / "not" / "yet")
    assert disk.free_bytes <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
    assert 0 <= disk.percent <= 100
