"""Leaky buckets: limits of use, in points.

A charge raises the level of a bucket, and time drains the level to 0. A charge that would raise the level above the
capacity is refused and changes nothing. `flow` is the whole arithmetic; `access.redis_buckets` has the same in Lua.
Times are seconds of a monotonic clock: a step of the system's clock neither fills nor drains a bucket.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Generic, NamedTuple, Protocol, TypeVar

MAX_BUCKETS = 50_000
"""Most buckets in the memory of one instance: 18 MB, or 30 MB as shares of buckets in Redis."""

_LOOKS = 4
"""Old buckets that are looked at for each new one. More than one, so that the number of empty buckets falls."""


class Rule(NamedTuple):
    """The size of a bucket. Each rule has its own buckets, by name."""

    name: str
    capacity: int
    """The highest level after a charge, in points."""
    drain: float
    """Points drained per second; above 0."""
    policy: str = "cost"
    """The name of the limit in the header `RateLimit-Policy`."""


class Charge(NamedTuple):
    """A charge, admitted or refused, and the bucket's level after it."""

    key: str
    rule: Rule
    cost: float
    admitted: bool
    level: float
    taker: Taker
    """The buckets that took the charge, for `settle`."""


class Taker(Protocol):
    """Buckets that take charges."""

    def settle(self, charge: Charge, cost: float) -> Charge: ...


def flow(level: float, seconds: float, rule: Rule, added: float, asked: float) -> tuple[float, bool]:
    """Return a bucket's level after `seconds`, and whether it admitted the charge of `asked` points.

    `added` points were admitted elsewhere before, or are refunded if negative: they can raise the level above the
    capacity, and lower it to 0 at most. Negative seconds count as 0.
    """
    level = max(0.0, max(0.0, level - max(0.0, seconds) * rule.drain) + added)
    if level + asked <= rule.capacity:
        return level + asked, True
    return level, False


class Bucket:
    """The level of a bucket at an instant."""

    __slots__ = ("at", "key", "level", "rule")

    def __init__(self, key: str, rule: Rule, at: float) -> None:
        self.key = key
        self.rule = rule
        self.level = 0.0
        self.at = at

    @property
    def empty_at(self) -> float:
        """The instant from which the bucket is the same as a new one."""
        return self.at + self.level / self.rule.drain


AnyBucket = TypeVar("AnyBucket", bound=Bucket)


class Shelf(Generic[AnyBucket]):
    """Buckets by the names of their rules and by keys, in bounded memory.

    Each new bucket has the oldest ones looked at, and empty ones dropped: as a result, about as many buckets are kept
    as are in use. At the bound, the bucket is dropped that would be empty first.
    """

    def __init__(self, new: Callable[[str, Rule, float], AnyBucket], most: int = MAX_BUCKETS) -> None:
        self._new = new
        self._most = most
        self._buckets: OrderedDict[tuple[str, str], AnyBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def get(self, key: str, rule: Rule, now: float) -> AnyBucket:
        """Return the bucket of this rule and key: a new, empty one if there is none."""
        name = (rule.name, key)
        bucket = self._buckets.get(name)
        if bucket is None:
            self._make_room(now)
            bucket = self._buckets[name] = self._new(key, rule, now)
        return bucket

    def _make_room(self, now: float) -> None:
        buckets = self._buckets
        oldest = list(islice(buckets.items(), _LOOKS))
        for each, bucket in oldest:
            if bucket.empty_at <= now:
                del buckets[each]
            else:
                buckets.move_to_end(each)
        if len(buckets) >= self._most:
            del buckets[min(oldest, key=lambda item: item[1].empty_at)[0]]


class Buckets:
    """Buckets in the memory of this instance."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MAX_BUCKETS) -> None:
        self._clock = clock
        self._shelf: Shelf[Bucket] = Shelf(Bucket, most)

    def __len__(self) -> int:
        return len(self._shelf)

    def charge(self, key: str, rule: Rule, cost: float) -> Charge:
        """Charge `cost` points, at least 0, to the bucket of this key."""
        level, admitted = self._change(key, rule, 0.0, cost)
        return Charge(key, rule, cost, admitted, level, self)

    def settle(self, charge: Charge, cost: float) -> Charge:
        """Replace the cost of an admitted charge by the actual cost, and return the charge with the level after it.

        A lower cost refunds the difference. A higher one is charged even above the capacity, since the work is done.
        """
        if not charge.admitted:
            return charge
        level, _ = self._change(charge.key, charge.rule, cost - charge.cost, 0.0)
        return charge._replace(cost=cost, level=level)

    def _change(self, key: str, rule: Rule, added: float, asked: float) -> tuple[float, bool]:
        now = self._clock()
        bucket = self._shelf.get(key, rule, now)
        found = flow(bucket.level, now - bucket.at, rule, added, asked)
        bucket.level, bucket.at, bucket.rule = found[0], now, rule
        return found
