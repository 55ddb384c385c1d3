"""The hub makes the messages of a stream once for all of its subscribers, and hands each the same objects.

Subscribers whose streams have equal keys form a group. One task per group follows the log and makes the messages; a
ring keeps the newest, bounded in bytes and in time. A subscriber is a place in the log, not a queue:

- A live subscriber takes each page that it is offered, and costs no task: the group hands it new messages by a plain
  call.
- A subscriber is behind if it did not take a whole page (it reads too slowly), or if it began further back (it was
  away). It then has its own task until it has caught up: from the ring, or, if the ring no longer reaches back to its
  place, from the log, with messages made only for it. The group never waits for a subscriber.
- A subscriber changes between the two states without an await in between, and by the places of the messages, which only
  grow. It therefore misses and repeats nothing.

The hub does not know the type of the messages.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import aclosing
from itertools import islice, repeat
from operator import itemgetter
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

import structlog

from store.events import Place

MessageT = TypeVar("MessageT")
MessageT_co = TypeVar("MessageT_co", covariant=True)

Page = Sequence[tuple[Place, MessageT]]
"""Messages in the order of the log, each with its place."""

RING_BYTES = 262_144
"""Bytes of the newest messages that a group keeps for subscribers that are behind."""

HUB_BYTES = 67_108_864
"""The same for all groups together."""

RING_SECONDS = 10.0
"""Longest age of a message in a ring: it may hold a state that has changed since it was made."""

# Subscribers that are served before other tasks have a turn.
_TURN = 200

log = structlog.stdlib.get_logger(__name__)


class Stream(Protocol[MessageT_co]):
    """A stream of messages that subscribers can share."""

    @property
    def key(self) -> Hashable:
        """Streams with equal keys have the same messages, though they may begin at different places."""

    @property
    def place(self) -> Place | None:
        """The place after which the subscriber begins; None for new messages only."""

    @property
    def cursor(self) -> str | None:
        """The cursor of that place."""

    @property
    def end(self) -> Callable[[], Awaitable[tuple[Place, str]]]:
        """Return the place of the log's end, and its cursor."""

    @property
    def follow(self) -> Callable[[Place], AsyncGenerator[Page[MessageT_co], None]]:
        """Yields the messages after a place, and then new ones as they come. It may end."""

    @property
    def replay(self) -> Callable[[Place, Place], AsyncGenerator[Page[MessageT_co], None]]:
        """Yields the messages after the one place up to the other."""


class Subscriber(ABC, Generic[MessageT]):
    """A receiver of messages."""

    __slots__ = ("_group", "_next", "_place")

    def __init__(self) -> None:
        self._group: _Group[MessageT] | None = None
        # The number of the next message and, while the subscriber is behind, the place before that message.
        self._next = 0
        self._place: Place

    @abstractmethod
    def take(self, page: Page[MessageT]) -> int:
        """Take the first of these messages, as many as there is room for, and return their number. It must not wait."""

    @abstractmethod
    async def room(self) -> bool:
        """Wait until there is room for a message. Return False if that takes too long: the subscriber then leaves."""

    @abstractmethod
    def end(self) -> None:
        """Note that the stream has ended."""

    def leave(self) -> None:
        """Receive no more messages, from this call on. A second call does nothing."""
        if self._group is not None:
            self._group.leave(self)


class Hub(Generic[MessageT]):
    """The groups of one server. `size` returns the bytes of a message, `cursor` the cursor of its place."""

    def __init__(
        self,
        size: Callable[[MessageT], int],
        cursor: Callable[[MessageT], str | None],
        *,
        ring_bytes: int = RING_BYTES,
        hub_bytes: int = HUB_BYTES,
        ring_seconds: float = RING_SECONDS,
    ) -> None:
        self.size, self.cursor = size, cursor
        self.ring_bytes, self.hub_bytes, self.ring_seconds = ring_bytes, hub_bytes, ring_seconds
        self.groups: dict[Hashable, _Group[MessageT]] = {}
        self.bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, subscriber: Subscriber[MessageT], stream: Stream[MessageT]) -> str | None:
        """Hand messages to the subscriber until it leaves or the stream ends. Return the cursor before the first."""
        group = self.groups.get(stream.key)
        if group is None:
            start, cursor = await stream.end()
            group = self.groups.get(stream.key)  # another subscriber may have made it during the await
            if group is None:
                group = self.groups[stream.key] = _Group(self, stream, start, cursor)
        return group.join(subscriber, stream)

    @property
    def behind(self) -> int:
        """Number of subscribers that are behind."""
        return sum(len(group.behind) for group in self.groups.values())

    async def close(self) -> None:
        """Wait until the tasks of all subscribers and groups that have left are done."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this in a task that `close` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Group(Generic[MessageT]):
    def __init__(self, hub: Hub[MessageT], stream: Stream[MessageT], start: Place, cursor: str | None) -> None:
        self._hub, self._stream = hub, stream
        self._ring: deque[tuple[Place, MessageT]] = deque()
        self._times: deque[float] = deque()  # the times at which the ring's messages came
        self._bytes = 0
        # The number of the ring's first message, and the places before it and of the last one.
        self._first = 0
        self._floor = self._end = start
        self._cursor = cursor  # of the last one
        self._news = asyncio.Event()
        self._over = False
        self.live: dict[Subscriber[MessageT], None] = {}
        self.behind: dict[Subscriber[MessageT], asyncio.Task[None]] = {}
        self._driver = hub.start(self._drive())

    def join(self, subscriber: Subscriber[MessageT], stream: Stream[MessageT]) -> str | None:
        subscriber._group = self
        if stream.place is None or stream.place == self._end:
            subscriber._next = self._first + len(self._ring)
            self.live[subscriber] = None
            return self._cursor
        subscriber._place = stream.place
        self._find(subscriber)
        self._fall_behind(subscriber)
        return stream.cursor

    def leave(self, subscriber: Subscriber[MessageT]) -> None:
        subscriber._group = None
        self.live.pop(subscriber, None)
        if task := self.behind.pop(subscriber, None):
            task.cancel()
        if not self.live and not self.behind:
            self._close()
            self._driver.cancel()

    def _close(self) -> None:
        self._over = True
        self._news.set()
        if self._hub.groups.get(self._stream.key) is self:
            del self._hub.groups[self._stream.key]
        self._hub.bytes -= self._bytes
        self._bytes = 0

    async def _drive(self) -> None:
        try:
            async with aclosing(self._stream.follow(self._end)) as pages:
                async for page in pages:
                    await self._publish(page)
        except Exception:
            log.exception("a group of subscribers failed")
        if not self._over:
            self._close()
        for subscriber in list(self.live):
            self._finish(subscriber)

    def _finish(self, subscriber: Subscriber[MessageT]) -> None:
        subscriber.leave()
        subscriber.end()

    async def _publish(self, page: Page[MessageT]) -> None:
        number, before = self._first + len(self._ring), self._end
        self._ring.extend(page)
        self._times.extend(repeat(monotonic(), len(page)))
        self._end, newest = page[-1]
        self._cursor = self._hub.cursor(newest)
        for served, subscriber in enumerate(list(self.live), 1):
            # Skip a subscriber that has left during an await, or that came then and took this page from the ring.
            if subscriber._group is self and subscriber._next == number:
                self._serve(subscriber, page, before)
            if served % _TURN == 0:
                await asyncio.sleep(0)
        if not self._over:
            added = sum(self._hub.size(message) for _, message in page)
            self._bytes += added
            self._hub.bytes += added
        self._trim()
        self._news.set()
        self._news.clear()

    def _serve(self, subscriber: Subscriber[MessageT], page: Page[MessageT], before: Place) -> None:
        taken = subscriber.take(page)
        if subscriber._group is not self:
            return
        subscriber._next += taken
        if taken < len(page):
            self.live.pop(subscriber, None)
            subscriber._place = page[taken - 1][0] if taken else before
            self._fall_behind(subscriber)

    def _trim(self) -> None:
        """Drop the oldest messages from the ring until it is within its bounds of age and bytes."""
        if self._over:
            return
        hub, oldest = self._hub, monotonic() - self._hub.ring_seconds
        while self._ring and (self._times[0] <= oldest or self._bytes > hub.ring_bytes or hub.bytes > hub.hub_bytes):
            self._floor, message = self._ring.popleft()
            self._times.popleft()
            self._first += 1
            size = hub.size(message)
            self._bytes -= size
            hub.bytes -= size

    def _find(self, subscriber: Subscriber[MessageT]) -> None:
        """Set the number of the first message after the subscriber's place, if the ring reaches back to it."""
        if self._floor <= subscriber._place <= self._end:
            subscriber._next = self._first + bisect_right(self._ring, subscriber._place, key=itemgetter(0))
        else:
            subscriber._next = self._first - 1

    def _fall_behind(self, subscriber: Subscriber[MessageT]) -> None:
        self.behind[subscriber] = self._hub.start(self._guarded(subscriber))

    async def _guarded(self, subscriber: Subscriber[MessageT]) -> None:
        try:
            await self._catch_up(subscriber)
        except Exception:
            log.exception("a subscriber could not catch up")
            self._finish(subscriber)

    async def _catch_up(self, subscriber: Subscriber[MessageT]) -> None:
        """Hand over the messages that the subscriber lacks until it has all."""
        while True:
            if not await subscriber.room():
                subscriber.leave()
                return
            self._trim()
            if subscriber._next < self._first:
                if await self._replay(subscriber):
                    continue
                break
            page = list(islice(self._ring, subscriber._next - self._first, None))
            taken = subscriber.take(page)
            if subscriber._group is not self:
                return
            subscriber._next += taken
            if taken == len(page):
                break
            if taken:
                subscriber._place = page[taken - 1][0]
            await asyncio.sleep(0)
        # No await since the subscriber took the last message: it has missed none.
        del self.behind[subscriber]
        if self._over:
            self._finish(subscriber)
        else:
            self.live[subscriber] = None

    async def _replay(self, subscriber: Subscriber[MessageT]) -> bool:
        """Replay the log up to the beginning of the ring. Return False if the group ends before."""
        while subscriber._place > self._end:  # it has read further than this group
            await self._news.wait()
            if self._over:
                return False
        floor = max(self._floor, subscriber._place)
        async with aclosing(self._stream.replay(subscriber._place, floor)) as pages:
            async for page in pages:
                while page:
                    if not await subscriber.room():
                        subscriber.leave()
                    if subscriber._group is self and (taken := subscriber.take(page)):
                        subscriber._place, page = page[taken - 1][0], page[taken:]
                    await asyncio.sleep(0)  # the task of a subscriber that has left ends here
        subscriber._place = floor
        self._find(subscriber)
        return True
