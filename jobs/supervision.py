"""Side tasks that must not die: one that does is loud, and begins again after a pause. And how long an end takes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from store.sql.failures import is_out_of_reach

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
# A task that ran for this long without failing is well again.
WELL_SECONDS = 30.0

log = structlog.stdlib.get_logger(__name__)


async def keep_running(name: str, task: Callable[[], Awaitable[None]]) -> None:
    """Run `task` until it returns; when it raises, log it and run it again, after pauses that double up to 5 s."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        try:
            await task()
            return
        except Exception as error:
            if time.monotonic() - began > WELL_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if is_out_of_reach(error):  # where it failed says nothing, and a statement's values belong in no log
                reason = str(getattr(error, "orig", error)).partition("\n")[0]
                log.warning("the database is out of reach", task=name, reason=reason, again_in_seconds=pause)
            else:
                log.exception("task failed", task=name, again_in_seconds=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


class Ending:
    """The time that a program has to end in: all that it does one after the other, to end in order, takes of it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = math.inf

    def begin(self) -> None:
        """The time runs, from the first call on."""
        self._at = min(self._at, time.monotonic() + self._seconds)

    @property
    def seconds_left(self) -> float:
        """What is left of it, 0 when it is over."""
        return max(0.0, self._at - time.monotonic())


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it came."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def side_tasks(**named: Callable[[], Awaitable[None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Keep these running, each by its name, until the block is left."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_running(name, task), name=name) for name, task in named.items()]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
