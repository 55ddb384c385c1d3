"""The limits of use: buckets in Redis, shared by all instances, or buckets in the memory of this instance.

    limits = Limits(url)                    # empty: in memory
    charge = limits.charge(key, rule, cost) or await limits.ask(key, rule, cost)
    if charge.admitted: ...                 # then, with the actual cost:
    charge = limits.settle(charge, cost)

`run` reconciles with Redis while the limits are shared. If Redis does not answer within `WAIT_SECONDS` or answers with
an error, the instance uses its own buckets for `AWAY_SECONDS`, and then connects again: a dead Redis neither refuses
users nor removes the limits. A point charged to own buckets is never sent to Redis.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog

from access.buckets import Buckets, Charge, Rule
from access.redis_buckets import Change, RedisBuckets
from access.shares import SHARE_SECONDS, Shares
from store.sql.clock import utcnow

WAIT_SECONDS = 0.05
"""The longest wait for one call of Redis."""

AWAY_SECONDS = 5.0
"""The time from a loss of Redis to the next attempt to connect, and the longest time between two calls."""

CONNECT_SECONDS = 2.0
CLOSE_SECONDS = 1.0
# The wait for Redis has this many parts. A blocked event loop uses up one part only, and the next one reads an answer
# that has come meanwhile.
_PARTS = 5

log = structlog.stdlib.get_logger(__name__)


class Limits:
    """The buckets of one instance. May be created outside a running event loop."""

    def __init__(
        self,
        url: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        wait_seconds: float = WAIT_SECONDS,
        away_seconds: float = AWAY_SECONDS,
    ) -> None:
        self._url = url
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._away_seconds = away_seconds
        self._own = Buckets(clock)
        self._shares: Shares | None = None
        self._wake = asyncio.Event()
        self._reason = ""
        self.since: datetime = utcnow()
        """The instant of the last change of `shared`."""

    @property
    def has_redis(self) -> bool:
        """Whether a Redis is configured."""
        return bool(self._url)

    @property
    def shared(self) -> bool:
        """Whether all instances share their buckets; otherwise this instance has its own."""
        return self._shares is not None

    @property
    def is_lost(self) -> bool:
        """Whether the last attempt to use Redis failed."""
        return bool(self._reason)

    def charge(self, key: str, rule: Rule, cost: float) -> Charge | None:
        """Charge `cost` points, at least 0, or refuse them, without a wait. None: only `ask` can decide."""
        taker = self._own if self._shares is None else self._shares
        return taker.charge(key, rule, cost)

    async def ask(self, key: str, rule: Rule, cost: float) -> Charge:
        """Charge or refuse points by a call of Redis, after the one under way: within twice `WAIT_SECONDS`.

        Own buckets decide if Redis is lost. A cancelled ask charges nothing.
        """
        shares = self._shares
        if shares is None:
            return self._own.charge(key, rule, cost)
        future: asyncio.Future[Charge | None] = asyncio.get_running_loop().create_future()

        def answer(charge: Charge | None) -> bool:
            if future.done():
                return False
            future.set_result(charge)
            return True

        shares.ask(key, rule, cost, answer)
        return await future or self._own.charge(key, rule, cost)

    def settle(self, charge: Charge, cost: float) -> Charge:
        """Replace the cost of an admitted charge by the actual cost, and return the charge with the level after it.

        A lower cost refunds the difference, to the buckets that took the charge. A higher one is charged even above the
        capacity, since the work is done.
        """
        return charge.taker.settle(charge, cost)

    async def run(self) -> None:
        """Share the buckets until cancelled."""
        if not self.has_redis:
            await asyncio.Event().wait()
        while True:
            try:
                await self._serve()
            except TimeoutError:
                reason = "no answer in time"
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
            if reason != self._reason:  # once per reason, not at every attempt
                self._reason = reason
                log.warning("the limits are not shared: this instance uses its own buckets", reason=reason)
            await asyncio.sleep(self._away_seconds)

    async def _serve(self) -> None:
        """Connect and reconcile. Raises when Redis is lost."""
        redis = RedisBuckets(self._url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await redis.change([])
            await self._call(redis, [])
            self._shares, self.since, self._reason = Shares(self._clock, self._wake.set), utcnow(), ""
            log.info("the limits are shared")
            await self._reconcile(redis, self._shares)
        finally:
            if self._shares is not None:
                lost, self._shares, self.since = self._shares, None, utcnow()
                lost.give_up()
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await redis.close()

    async def _reconcile(self, redis: RedisBuckets, shares: Shares) -> None:
        loop = asyncio.get_running_loop()
        due = called = loop.time()
        while True:
            self._wake.clear()
            now = loop.time()
            if shares.asks or (now >= due and shares.touched) or now >= called + self._away_seconds:
                changes = shares.take(touched=now >= due)
                if now >= due and not shares.touched:
                    due = now + SHARE_SECONDS
                called = now
                shares.apply(await self._call(redis, changes))
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due if shares.touched else called + self._away_seconds):
                        await self._wake.wait()

    async def _call(self, redis: RedisBuckets, changes: list[Change]) -> list[tuple[float, bool]]:
        """Call Redis. Raises TimeoutError after `WAIT_SECONDS`, without the time for which the loop was blocked."""
        call = asyncio.create_task(redis.change(changes))
        call.add_done_callback(
            lambda call: call.cancelled() or call.exception()
        )  # after a timeout, nobody else reads it
        try:
            for _ in range(_PARTS):
                await asyncio.wait({call}, timeout=self._wait_seconds / _PARTS)
                if call.done():
                    return call.result()[1]
            raise TimeoutError
        finally:
            call.cancel()
