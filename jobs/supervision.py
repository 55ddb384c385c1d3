"""Supervised side tasks, which are logged and restarted after a failure, and the time budget of a shutdown."""

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
# A task that ran this long without a failure starts again with the first pause.
WELL_SECONDS = 30.0

log = structlog.stdlib.get_logger(__name__)


async def keep_running(name: str, task: Callable[[], Awaitable[None]]) -> None:
    """Run `task` until it returns; when it raises, log it and run it again, after pauses that double up to 5 s.

    A cancellation ends it, even if `task` answers the cancellation with an error.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = time.monotonic()
        try:
            await task()
            return
        except Exception as error:
            if time.monotonic() - began > WELL_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if is_out_of_reach(error):  # the traceback is of no use, and the values of statements belong in no log
                reason = str(getattr(error, "orig", error)).partition("\n")[0]
                log.warning("the database is out of reach", task=name, reason=reason, again_in_seconds=pause)
            else:
                log.exception("task failed", task=name, again_in_seconds=pause)
            if _is_canceled():
                raise asyncio.CancelledError from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _is_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Ending:
    """The time budget of a shutdown, shared by its steps."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = math.inf

    def begin(self) -> None:
        """Start the time. Later calls do nothing."""
        self._at = min(self._at, time.monotonic() + self._seconds)

    @property
    def seconds_left(self) -> float:
        """The remaining seconds, at least 0."""
        return max(0.0, self._at - time.monotonic())


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event; False if it did not come within this time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def side_tasks(**named: Callable[[], Awaitable[None]]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Keep these tasks running, each under its name, until the block exits."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(keep_running(name, task), name=name) for name, task in named.items()]
        try:
            yield tasks
        finally:
            for task in tasks:
                task.cancel()
