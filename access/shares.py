"""One instance's shares of shared buckets: charges without a wait for Redis.

An instance may charge up to `SHARE_SECONDS` of a bucket's drain on its own between two reconciliations. A
reconciliation sends these points to Redis and returns the bucket's level, which decides on the next share: none if the
bucket is full to its capacity. A charge above the share is asked for: Redis decides on it.

So each instance owes Redis at most one share, and no instance gets one while a bucket is at its capacity: the true
level of a bucket exceeds its capacity by at most one share for each instance. Redis adds the excess to the level, where
it delays later charges. This file does no input and output: `access.limits` moves the changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from access.buckets import MAX_BUCKETS, Bucket, Charge, Rule, Shelf
from access.redis_buckets import Change, key_of

SHARE_SECONDS = 0.1
"""The size of a share, in seconds of the drain, and the shortest time between two reconciliations of a bucket."""

MAX_CHANGES = 500
"""Most changes in one call, for which Redis takes 3 to 6 ms on a busy machine."""

Answer = Callable[[Charge | None], bool]
"""Receives the charge that was asked for, or None if Redis is lost. Returns False if nobody waits for the charge."""


class Share(Bucket):
    """The level of a shared bucket after the last reconciliation, and the points charged since."""

    __slots__ = ("asks", "points", "redis_key", "sent", "spent", "spent_sent", "unsent")

    def __init__(self, key: str, rule: Rule, at: float) -> None:
        super().__init__(key, rule, at)
        self.redis_key = key_of(rule, key)
        self.asks = 0
        """Charges that Redis has not decided on."""
        self.spent = self.spent_sent = 0.0
        """Points charged to the present share, and those of them in a reconciliation that is under way."""
        self.unsent = self.sent = 0.0
        """The same, less refunds: in no reconciliation, and in one that is under way."""
        self.grant()

    def grant(self) -> None:
        """Size the share by the level."""
        self.points = min(SHARE_SECONDS * self.rule.drain, max(0.0, self.rule.capacity - self.level))

    @property
    def is_busy(self) -> bool:
        """Whether Redis does not know all charges."""
        return bool(self.asks or self.spent or self.unsent or self.sent)

    @property
    def empty_at(self) -> float:
        return math.inf if self.is_busy else super().empty_at


class Ask(NamedTuple):
    """A charge that Redis decides on."""

    share: Share
    cost: float
    answer: Answer


class Shares:
    """The shares of one instance. One reconciliation runs at a time: `take`, then `apply` with its result.

    `wake` is called at each ask, and as the first share is touched.
    """

    def __init__(self, clock: Callable[[], float], wake: Callable[[], None], most: int = MAX_BUCKETS) -> None:
        self._clock = clock
        self._wake = wake
        self._shelf: Shelf[Share] = Shelf(Share, most)
        self._taken: list[tuple[Share, Ask | None]] = []
        self.asks: list[Ask] = []
        """Charges to ask for in the next reconciliation."""
        self.touched: set[Share] = set()
        """Shares with unsent points."""

    def __len__(self) -> int:
        return len(self._shelf)

    def charge(self, key: str, rule: Rule, cost: float) -> Charge | None:
        """Charge points of the share, or refuse them if the bucket had no room for them just now. None: ask."""
        now = self._clock()
        share = self._shelf.get(key, rule, now)
        level = _level(share, now)
        if level + cost > rule.capacity:
            # Later, another instance may have refunded points.
            return Charge(key, rule, cost, False, level, self) if now - share.at <= SHARE_SECONDS else None
        if share.spent + cost > share.points:
            return None
        self._add(share, cost)
        return Charge(key, rule, cost, True, level + cost, self)

    def ask(self, key: str, rule: Rule, cost: float, answer: Answer) -> None:
        """Ask for a charge in the next reconciliation, which calls `answer`."""
        share = self._shelf.get(key, rule, self._clock())
        share.asks += 1
        self.asks.append(Ask(share, cost, answer))
        self._wake()

    def settle(self, charge: Charge, cost: float) -> Charge:
        """Replace the cost of an admitted charge, as `Buckets.settle`. A refund empties the bucket at most."""
        if not charge.admitted:
            return charge
        now = self._clock()
        share = self._shelf.get(charge.key, charge.rule, now)
        level = _level(share, now)
        added = max(cost - charge.cost, -level)
        self._add(share, added)
        return charge._replace(cost=cost, level=level + added)

    def take(self, *, touched: bool) -> list[Change]:
        """Begin a reconciliation of the shares asked for, and of all touched shares with `touched`."""
        asks, self.asks = self.asks[:MAX_CHANGES], self.asks[MAX_CHANGES:]
        self._taken = [(ask.share, ask) for ask in asks]
        if touched:
            self._taken += [(share, None) for share in islice(self.touched, MAX_CHANGES - len(asks))]
        changes = []
        for share, ask in self._taken:
            changes.append(Change(share.redis_key, share.rule, share.unsent, ask.cost if ask else 0.0))
            share.sent += share.unsent
            share.unsent, share.spent_sent = 0.0, share.spent  # a later change of this share has nothing to add
            self.touched.discard(share)
        return changes

    def apply(self, levels: Sequence[tuple[float, bool]]) -> None:
        """End the reconciliation: give out the next shares, and answer what was asked."""
        now = self._clock()
        taken, self._taken = self._taken, []
        for (share, ask), (level, admitted) in zip(taken, levels, strict=True):
            share.level, share.at = level, now
            share.spent -= share.spent_sent
            share.spent_sent = share.sent = 0.0
            share.grant()
            if ask is not None:
                share.asks -= 1
                charge = Charge(share.key, share.rule, ask.cost, admitted, level, self)
                if not ask.answer(charge):
                    self.settle(charge, 0.0)

    def give_up(self) -> None:
        """Answer all that was asked with None."""
        asks = [ask for _, ask in self._taken if ask is not None] + self.asks
        self._taken, self.asks = [], []
        for ask in asks:
            ask.answer(None)

    def _add(self, share: Share, points: float) -> None:
        share.unsent += points
        share.spent += max(0.0, points)  # a refund is for other charges only after Redis has it: others may be charged
        if not self.touched:
            self._wake()
        self.touched.add(share)


def _level(share: Share, now: float) -> float:
    """Return the level as far as this instance knows: other instances may have added to it."""
    drained = max(0.0, now - share.at) * share.rule.drain
    return max(0.0, max(0.0, share.level - drained) + share.sent + share.unsent)
