"""Coroutines that may end without a wait: they need no task, no timer and no watcher of the client.

A coroutine runs to its first wait in the present task, as asyncio's eager tasks do from Python 3.12 on. A timeout and
a `TaskGroup` cost 20 and 28 microseconds, and neither can interrupt a coroutine that does not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Eager(Generic[T]):
    """A coroutine that has run to its first wait, or to its end. Exceptions pass at once.

    `result` is valid once it is `done`. Only the task that began it may await it, unless the coroutine has entered no
    timeout and no TaskGroup before its first wait.
    """

    __slots__ = ("_coroutine", "_waits_for", "done", "result")

    result: T

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self.done = False
        try:
            self._waits_for = coroutine.send(None)
        except StopIteration as end:
            self.done, self.result = True, end.value
        else:
            self._mark(False)

    def _mark(self, blocking: bool) -> None:
        """Mark the future as awaited by a task, or not: asyncio lets only one coroutine at a time begin to await it."""
        if hasattr(self._waits_for, "_asyncio_future_blocking"):
            self._waits_for._asyncio_future_blocking = blocking

    def close(self) -> None:
        """Close a coroutine that nobody awaits."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, T]:
        if not self.done:
            self._mark(True)
        while not self.done:
            resume: Callable[[Any], Any] = self._coroutine.send
            try:
                value = yield self._waits_for
            except BaseException as error:
                resume, value = self._coroutine.throw, error
            try:
                self._waits_for = resume(value)
            except StopIteration as end:
                self.done, self.result = True, end.value
        return self.result


class TimeLimit:
    """A time limit in seconds, from the first wait of the coroutine on. It ends a coroutine only in a wait."""

    __slots__ = ("_timeout", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._timeout: asyncio.Timeout | None = None

    def extend(self, seconds: float) -> None:
        """Move the end by these seconds."""
        self.seconds += seconds
        if self._timeout is not None:
            end = self._timeout.when()
            assert end is not None
            self._timeout.reschedule(end + seconds)

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine. Raises TimeoutError at the limit."""
        running = Eager(coroutine)
        return running.result if running.done else await self.limit(running)

    async def limit(self, running: Eager[T]) -> T:
        """Return the result of a coroutine that waits. Raises TimeoutError at the limit, counted from now."""
        async with asyncio.timeout(self.seconds) as self._timeout:
            return await running
