"""The hub alone, over a log of numbers: shared groups, slow subscribers, and no lost or repeated message."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import partial

import pytest
from structlog.testing import capture_logs

from events.hub import RING_SECONDS, Hub, Page, Stream, Subscriber
from store.events import Place
from tests.support import until

Message = tuple[int, int]
"""A number of the log, and the count of its earlier creations."""


def place(number: int) -> Place:
    return Place(0, number)


@dataclass(frozen=True)
class Multiples:
    """A stream of the log."""

    key: Hashable
    place: Place | None
    cursor: str | None
    end: Callable[[], Awaitable[tuple[Place, str]]]
    follow: Callable[[Place], AsyncGenerator[Page[Message], None]]
    replay: Callable[[Place, Place], AsyncGenerator[Page[Message], None]]


@dataclass
class Log:
    """A log of the numbers from 1. A stream has the multiples of `every`."""

    end: int = 0
    made: dict[int, int] = field(default_factory=dict)
    following: int = 0
    failing: bool = False
    over: bool = False
    paused: bool = False
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def grow(self, by: int) -> None:
        async with self.news:
            self.end += by
            self.news.notify_all()

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    def stream(self, after: int | None = None, *, every: int = 1, key: object = None) -> Stream[Message]:
        return Multiples(
            (every, key),
            None if after is None else place(after),
            None if after is None else str(after),
            self._end,
            lambda start: self._follow(start, every),
            lambda start, until: self._replay(start, until, every),
        )

    async def _end(self) -> tuple[Place, str]:
        await asyncio.sleep(0)
        return place(self.end), str(self.end)

    async def _follow(self, after: Place, every: int) -> AsyncGenerator[Page[Message], None]:
        self.following += 1
        seen = after.position
        try:
            while not self.over:
                async with self.news:
                    while not ((self.end > seen and not self.paused) or self.over or self.failing):
                        await self.news.wait()
                if self.failing:
                    raise RuntimeError("The log is gone.")
                before, seen = seen, self.end
                if page := self._page(before, seen, every):
                    yield page
        finally:
            self.following -= 1

    async def _replay(self, after: Place, until: Place, every: int) -> AsyncGenerator[Page[Message], None]:
        numbers = range(after.position, until.position, 7)
        for start in numbers:
            await asyncio.sleep(0)
            if page := self._page(start, min(start + 7, until.position), every):
                yield page

    def _page(self, after: int, until: int, every: int) -> Page[Message]:
        page = []
        for number in range(after + 1, until + 1):
            if number % every == 0:
                before = self.made.get(number, 0)
                self.made[number] = before + 1
                page.append((place(number), (number, before)))
        return page


class Reader(Subscriber[Message]):
    """A subscriber with room for `space` messages; None for no bound."""

    def __init__(self, space: int | None = None) -> None:
        super().__init__()
        self.space = space
        self.numbers: list[int] = []
        self.ended = 0
        self.patient = True
        self._more = asyncio.Event()

    def take(self, page: Page[Message]) -> int:
        count = len(page) if self.space is None else min(self.space, len(page))
        self.numbers += [number for _, (number, _) in page[:count]]
        if self.space is not None:
            self.space -= count
        return count

    async def room(self) -> bool:
        while self.space == 0 and self.patient:
            self._more.clear()
            await self._more.wait()
        return self.patient

    def end(self) -> None:
        self.ended += 1

    def has(self, count: int) -> bool:
        return len(self.numbers) >= count

    def make_room(self, space: int | None) -> None:
        self.space = space
        self._more.set()

    def give_up(self) -> None:
        self.patient = False
        self._more.set()


@dataclass
class Clock:
    """The time of the hub."""

    now: float = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("events.hub.monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def hub() -> AsyncIterator[Hub[Message]]:
    hub: Hub[Message] = Hub(lambda _: 1, lambda message: str(message[0]), ring_bytes=20)
    yield hub
    await until(lambda: not hub.groups, what="all groups to end")
    await hub.close()
    assert hub.bytes == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def joined(hub: Hub[Message], stream: Stream[Message], space: int | None = None) -> Reader:
    reader = Reader(space)
    await hub.join(reader, stream)
    return reader


def leave(*readers: Reader) -> None:
    for reader in readers:
        reader.leave()


async def test_messages_of_many_subscribers_are_created_once(hub: Hub[Message], log: Log) -> None:
    readers = [await joined(hub, log.stream()) for _ in range(450)]
    await until(lambda: log.following == 1)
    for _ in range(3):
        await log.grow(10)
    await until(lambda: all(reader.numbers == list(range(1, 31)) for reader in readers))
    assert set(log.made.values()) == {1}
    assert len(hub.groups) == 1
    leave(*readers)


async def test_different_streams_are_not_shared(hub: Hub[Message], log: Log) -> None:
    one, two = await joined(hub, log.stream(key="one")), await joined(hub, log.stream(key="two"))
    three = await joined(hub, log.stream(every=3, key="one"))
    await log.grow(6)
    await until(lambda: one.numbers == two.numbers == [1, 2, 3, 4, 5, 6] and three.numbers == [3, 6])
    assert len(hub.groups) == log.following == 3
    assert log.made == {1: 2, 2: 2, 3: 3, 4: 2, 5: 2, 6: 3}
    leave(one, two, three)


async def test_concurrent_subscribers_share_a_group(hub: Hub[Message], log: Log) -> None:
    readers = await asyncio.gather(*(joined(hub, log.stream()) for _ in range(10)))
    assert len(hub.groups) == 1
    await log.grow(2)
    await until(lambda: all(reader.numbers == [1, 2] for reader in readers))
    assert log.following == 1
    leave(*readers)


async def test_a_subscriber_gets_missed_messages_and_then_new_ones(hub: Hub[Message], log: Log) -> None:
    await log.grow(100)
    new, away, longer = [await joined(hub, log.stream(after)) for after in (None, 50, 0)]
    await until(lambda: hub.behind == 0)
    await log.grow(5)
    await until(lambda: new.numbers == list(range(101, 106)))
    assert away.numbers == list(range(51, 106))
    assert longer.numbers == list(range(1, 106))
    assert [log.made.get(number) for number in (1, 50, 51, 100, 101, 105)] == [1, 1, 2, 2, 1, 1]
    leave(new, away, longer)


async def test_a_few_missed_messages_come_from_the_ring(hub: Hub[Message], log: Log) -> None:
    one = await joined(hub, log.stream())
    await log.grow(20)
    await until(lambda: len(one.numbers) == 20)
    other = await joined(hub, log.stream(3))
    await until(lambda: other.numbers == list(range(4, 21)))
    assert set(log.made.values()) == {1}
    leave(one, other)


async def test_old_messages_are_created_again(hub: Hub[Message], log: Log, clock: Clock) -> None:
    one = await joined(hub, log.stream())
    for end in (4, 8):
        await log.grow(4)
        await until(partial(one.has, end))
        clock.now += RING_SECONDS / 2
    other = await joined(hub, log.stream(0))
    await until(lambda: other.numbers == list(range(1, 9)))
    assert log.made == {1: 2, 2: 2, 3: 2, 4: 2, 5: 1, 6: 1, 7: 1, 8: 1}
    await until(lambda: hub.behind == 0)
    clock.now += RING_SECONDS / 2
    await log.grow(2)
    await until(lambda: one.numbers == other.numbers == list(range(1, 11)))
    assert hub.bytes == 2
    leave(one, other)


async def test_unread_messages_that_grow_old_are_created_again(hub: Hub[Message], log: Log, clock: Clock) -> None:
    quick, slow = await joined(hub, log.stream()), await joined(hub, log.stream(), space=2)
    await log.grow(6)
    await until(lambda: quick.numbers == [1, 2, 3, 4, 5, 6])
    clock.now += RING_SECONDS
    slow.make_room(None)
    await until(lambda: slow.numbers == [1, 2, 3, 4, 5, 6])
    assert log.made == {1: 1, 2: 1, 3: 2, 4: 2, 5: 2, 6: 2}
    await until(lambda: hub.behind == 0)
    await log.grow(1)
    await until(lambda: quick.numbers == slow.numbers == [1, 2, 3, 4, 5, 6, 7])
    assert log.made[7] == 1
    leave(quick, slow)


async def test_no_message_that_grows_old_during_delivery_is_lost(
    hub: Hub[Message], log: Log, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.hub._TURN", 1)

    class First(Reader):
        def take(self, page: Page[Message]) -> int:
            if len(page) == 3:
                clock.now += RING_SECONDS
                behind.make_room(None)
            return super().take(page)

    first, behind = First(), Reader(0)
    for reader in (first, behind):
        await hub.join(reader, log.stream())
    last = await joined(hub, log.stream(), space=2)
    await log.grow(1)
    await until(lambda: last.numbers == [1] and hub.behind == 1)
    await log.grow(3)
    await until(lambda: behind.numbers == [1, 2, 3, 4] and last.numbers == [1, 2])
    last.make_room(None)
    await until(lambda: first.numbers == last.numbers == [1, 2, 3, 4])
    assert log.made == {1: 2, 2: 2, 3: 3, 4: 3}
    leave(first, behind, last)


async def test_a_subscriber_without_missed_messages_is_live_at_once(hub: Hub[Message], log: Log) -> None:
    await log.grow(9)
    one = await joined(hub, log.stream(9))
    assert hub.behind == 0
    await log.grow(1)
    await until(lambda: one.numbers == [10])
    leave(one)


async def test_a_subscriber_ahead_of_its_group_waits(hub: Hub[Message], log: Log) -> None:
    one = await joined(hub, log.stream())
    await until(lambda: log.following == 1)
    log.paused = True
    await log.grow(10)
    other = await joined(hub, log.stream(8))
    assert other.numbers == []
    log.paused = False
    await log.tell()
    await until(lambda: one.numbers == list(range(1, 11)) and other.numbers == [9, 10])
    await until(lambda: hub.behind == 0)
    assert set(log.made.values()) == {1}
    leave(one, other)


async def test_a_slow_subscriber_does_not_delay_others_and_catches_up(hub: Hub[Message], log: Log) -> None:
    quick, slow = await joined(hub, log.stream()), await joined(hub, log.stream(), space=5)
    for _ in range(50):
        await log.grow(3)
        await until(lambda: len(quick.numbers) == log.end)
    assert slow.numbers == [1, 2, 3, 4, 5]
    assert hub.behind == 1
    assert hub.bytes == 20  # the ring, at its limit
    slow.make_room(None)
    await until(lambda: len(slow.numbers) == 150)
    assert slow.numbers == list(range(1, 151))
    await until(lambda: hub.behind == 0)
    # Only messages that had left the ring were created again.
    assert [number for number, times in log.made.items() if times == 2] == list(range(6, 131))
    leave(quick, slow)


async def test_a_subscriber_that_gives_up_leaves_alone(hub: Hub[Message], log: Log) -> None:
    quick, slow = await joined(hub, log.stream()), await joined(hub, log.stream(), space=0)
    await log.grow(3)
    await until(lambda: hub.behind == 1)
    slow.give_up()
    await until(lambda: hub.behind == 0)
    await log.grow(3)
    await until(lambda: len(quick.numbers) == 6)
    assert (slow.numbers, slow.ended) == ([], 0)
    leave(quick)


async def test_a_slow_subscriber_gets_nothing_after_it_left(hub: Hub[Message], log: Log) -> None:
    await log.grow(100)
    quick, ring, replaying = [
        await joined(hub, log.stream(after), space) for after, space in ((None, None), (99, 0), (0, 3))
    ]
    await until(lambda: len(replaying.numbers) == 3)
    leave(ring, replaying)
    leave(ring, replaying)
    for reader in (ring, replaying):
        reader.make_room(None)
    await log.grow(1)
    await until(lambda: quick.numbers == [101])
    assert (ring.numbers, replaying.numbers) == ([], [1, 2, 3])
    leave(quick)


async def test_a_subscriber_may_leave_during_delivery(hub: Hub[Message], log: Log) -> None:
    class Once(Reader):
        def take(self, page: Page[Message]) -> int:
            self.leave()
            return super().take(page)

    once, last = Once(), Once()
    await hub.join(once, log.stream())
    other = await joined(hub, log.stream())
    await log.grow(2)
    await until(lambda: other.numbers == [1, 2])
    await log.grow(2)
    await until(lambda: other.numbers == [1, 2, 3, 4])
    assert once.numbers == [1, 2]
    leave(other)
    await hub.join(last, log.stream(1))
    await until(lambda: last.numbers)
    assert hub.groups == {}


async def test_a_group_ends_with_its_last_subscriber(hub: Hub[Message], log: Log) -> None:
    one = await joined(hub, log.stream())
    await until(lambda: log.following == 1)
    leave(one)
    assert hub.groups == {}
    two = await joined(hub, log.stream())
    await log.grow(1)
    await until(lambda: two.numbers == [1])
    assert one.numbers == []
    await until(lambda: log.following == 1)
    leave(two)


async def test_each_subscriber_gets_the_end_once_after_all_messages(hub: Hub[Message], log: Log) -> None:
    live, behind = await joined(hub, log.stream()), await joined(hub, log.stream(), space=1)
    await until(lambda: log.following == 1)
    for _ in range(10):
        await log.grow(5)
        await until(lambda: len(live.numbers) == log.end)
    log.over = True
    await log.tell()
    await until(lambda: live.ended == 1)
    assert behind.ended == 0
    behind.make_room(None)
    await until(lambda: behind.ended == 1)
    assert behind.numbers == live.numbers == list(range(1, 51))
    assert live.ended == 1


async def test_a_failed_stream_ends_for_all_and_is_logged(hub: Hub[Message], log: Log) -> None:
    with capture_logs() as logs:
        one = await joined(hub, log.stream())
        log.failing = True
        await log.tell()
        await until(lambda: one.ended == 1)
    assert [line["event"] for line in logs] == ["a group of subscribers failed"]


async def test_the_memory_of_all_groups_is_bounded(log: Log) -> None:
    hub: Hub[Message] = Hub(lambda _: 1, lambda message: str(message[0]), ring_bytes=20, hub_bytes=50)
    readers = [await joined(hub, log.stream(key=key)) for key in range(10)]
    await until(lambda: log.following == 10)
    for _ in range(10):
        await log.grow(5)
        await until(lambda: all(len(reader.numbers) == log.end for reader in readers))
        assert hub.bytes <= 50
    leave(*readers)
    await hub.close()
    assert hub.bytes == 0


@pytest.mark.parametrize("seed", range(20))
async def test_no_message_is_lost_or_repeated_in_random_runs(
    hub: Hub[Message], log: Log, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr("events.hub._TURN", chance.choice((1, 200)))  # 1: tasks run during a delivery
    readers: list[tuple[Reader, int, int]] = []
    for _ in range(60):
        await log.grow(chance.randrange(12))
        hub.ring_seconds = chance.choice((0, RING_SECONDS))
        every = chance.choice((1, 1, 3))
        match chance.randrange(5):
            case 0 | 1:
                after = chance.randint(0, log.end)
                readers.append(
                    (await joined(hub, log.stream(after, every=every), chance.choice((None, 2))), after, every)
                )
            case 2 if readers:
                chance.choice(readers)[0].make_room(chance.choice((None, 1, 5, 40)))
            case 3 if readers:
                reader, after, every = readers.pop(chance.randrange(len(readers)))
                reader.leave()
                expected = list(range(after + 1, log.end + 1))
                assert reader.numbers == [number for number in expected if number % every == 0][: len(reader.numbers)]
        for _ in range(chance.randrange(10)):
            await asyncio.sleep(0)
    for reader, _, _ in readers:
        reader.make_room(None)
    for reader, after, every in readers:
        expected = [number for number in range(after + 1, log.end + 1) if number % every == 0]
        await until(partial(reader.has, len(expected)))
        assert reader.numbers == expected
    leave(*(reader for reader, _, _ in readers))
