"""The hub: what several subscribers want alike is made once, and each is handed the same message.

Those that want the same form a group, by a key. One task a group follows the log and makes the messages; the newest
stand in a ring, bounded in bytes and in time. A subscriber is a place, not a queue:

- While it takes what it is offered it is live, and costs no task: each new message is handed to it by a plain call.
- One that does not take all it is offered (it reads too slowly) or begins further back (it was away) is behind, and
  has a task of its own until it has caught up: from the ring, or where its place has left the ring from the log, with
  messages made for it alone. The group waits for nobody.
- It changes between these without a wait in between and by the places of the messages, which only grow: there is never
  a gap, and nothing comes twice.

What a message is and how it is made, the hub does not know.
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
"""Messages in the log's order, each with its place."""

RING_BYTES = 262_144
"""The newest messages of a group that are kept for who is behind."""

HUB_BYTES = 67_108_864
"""The same, of all groups together."""

RING_SECONDS = 10.0
"""How old they may be: a message can say what was so when it was made, and no longer is."""

# So many subscribers are served before everybody else has a turn.
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
    def end(self) -> Callable[[], Awaitable[Place]]:
        """Returns the place of the log's end."""

    @property
    def follow(self) -> Callable[[Place], AsyncGenerator[Page[MessageT_co], None]]:
        """Yields the messages after a place, and then new ones as they come. It may end."""

    @property
    def replay(self) -> Callable[[Place, Place], AsyncGenerator[Page[MessageT_co], None]]:
        """Yields the messages after the one place up to the other."""


class Subscriber(ABC, Generic[MessageT]):
    """One that messages are handed to."""

    __slots__ = ("_group", "_next", "_place")

    def __init__(self) -> None:
        self._group: _Group[MessageT] | None = None
        # The number of the message that it is to have next and, while it is behind, the place before that one.
        self._next = 0
        self._place: Place

    @abstractmethod
    def take(self, page: Page[MessageT]) -> int:
        """Take as many of these as there is room for, from the first on, and say how many. It must not wait."""

    @abstractmethod
    async def room(self) -> bool:
        """Wait until there is room for a message; False where it has taken too long, and the subscriber is to go."""

    @abstractmethod
    def end(self) -> None:
        """There is nothing more to come."""

    def leave(self) -> None:
        """Have no more. At once, from wherever it is called; and again for nothing."""
        if self._group is not None:
            self._group.leave(self)


class Hub(Generic[MessageT]):
    """The groups of one server. `size` says how many bytes a message takes."""

    def __init__(
        self,
        size: Callable[[MessageT], int],
        *,
        ring_bytes: int = RING_BYTES,
        hub_bytes: int = HUB_BYTES,
        ring_seconds: float = RING_SECONDS,
    ) -> None:
        self.size = size
        self.ring_bytes, self.hub_bytes, self.ring_seconds = ring_bytes, hub_bytes, ring_seconds
        self.groups: dict[Hashable, _Group[MessageT]] = {}
        self.bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, subscriber: Subscriber[MessageT], stream: Stream[MessageT]) -> Place:
        """Hand the stream's messages to the subscriber, until it leaves or they end. Gives the place before them."""
        group = self.groups.get(stream.key)
        if group is None:
            start = await stream.end()
            group = self.groups.get(stream.key)  # another may have come meanwhile
            if group is None:
                group = self.groups[stream.key] = _Group(self, stream, start)
        return group.join(subscriber, stream.place)

    @property
    def behind(self) -> int:
        """How many subscribers are behind."""
        return sum(len(group.behind) for group in self.groups.values())

    async def close(self) -> None:
        """Wait until nothing runs any more for those that have left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run this beside everything else."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Group(Generic[MessageT]):
    def __init__(self, hub: Hub[MessageT], stream: Stream[MessageT], start: Place) -> None:
        self._hub, self._stream = hub, stream
        self._ring: deque[tuple[Place, MessageT]] = deque()
        self._times: deque[float] = deque()  # when each of the ring's messages came
        self._bytes = 0
        # The number of the ring's first message, and the places before it and of the last one.
        self._first = 0
        self._floor = self._end = start
        self._news = asyncio.Event()
        self._over = False
        self.live: dict[Subscriber[MessageT], None] = {}
        self.behind: dict[Subscriber[MessageT], asyncio.Task[None]] = {}
        self._driver = hub.start(self._drive())

    def join(self, subscriber: Subscriber[MessageT], place: Place | None) -> Place:
        subscriber._group = self
        if place is None or place == self._end:
            subscriber._next = self._first + len(self._ring)
            self.live[subscriber] = None
            return self._end
        subscriber._place = place
        self._find(subscriber)
        self._fall_behind(subscriber)
        return place

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
        self._end = page[-1][0]
        for served, subscriber in enumerate(list(self.live), 1):
            # One that has left meanwhile, or come and taken these from the ring, is passed over.
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
        """Drop the oldest from the ring: what is too old, and as far as there is too much of it."""
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
        """Number the message that stands behind the subscriber's place, if the ring goes that far."""
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
        """Hand over what the subscriber lacks, until it lacks nothing."""
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
        # Nothing was waited for since it had all there is.
        del self.behind[subscriber]
        if self._over:
            self._finish(subscriber)
        else:
            self.live[subscriber] = None

    async def _replay(self, subscriber: Subscriber[MessageT]) -> bool:
        """Bring the subscriber to where the ring can go on; False where that will not be."""
        while subscriber._place > self._end:  # it has seen more of the log than this group has looked at
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
                    await asyncio.sleep(0)  # where the subscriber has left, the task ends here
        subscriber._place = floor
        self._find(subscriber)
        return True
