"""Buckets in Redis, shared by all instances: one key each, which expires as the bucket becomes empty.

A key holds the level and Redis's own time in microseconds, so that the clocks of the instances don't matter. A step of
Redis's clock back drains nothing; a step forward drains as the passing of time does. The names of the keys are hashes:
they have one length, and show neither addresses nor names of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from access.buckets import Rule

PREFIX = "assay:limit:"

# `access.buckets.flow` for each key. The one argument has four numbers for each key: capacity, points drained per
# second, points added, points asked for. Answer: the time, and for each key its level, and 1 if the bucket admitted the
# points asked for. Argument and answer are one text each: a list costs the client five times the CPU time. 17 digits
# keep every bit of a number.
SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local answer = {string.format('%.0f', now)}
local word = string.gmatch(ARGV[1], '%S+')
for i, key in ipairs(KEYS) do
  local capacity, drain, added, asked = tonumber(word()), tonumber(word()), tonumber(word()), tonumber(word())
  local level, seconds = 0, 0
  local kept = redis.call('GET', key)
  if kept then
    local before, at = string.match(kept, '^(%S+) (%S+)$')
    level, seconds = tonumber(before), (now - tonumber(at)) / 1000000
  end
  level = math.max(0, math.max(0, level - math.max(0, seconds) * drain) + added)
  local admitted = level + asked <= capacity
  if admitted then level = level + asked end
  if level > 0 then
    local expiry = string.format('%.0f', math.ceil(level / drain * 1000) + 1) -- expiries have no microseconds
    redis.call('SET', key, string.format('%.17g %.0f', level, now), 'PX', expiry)
  else
    redis.call('DEL', key)
  end
  answer[2 * i] = string.format('%.17g', level)
  answer[2 * i + 1] = admitted and '1' or '0'
end
return table.concat(answer, ' ')
"""


class Change(NamedTuple):
    """A change of one bucket: points admitted before (negative: refunded), and points asked for."""

    key: str
    rule: Rule
    added: float
    asked: float


def key_of(rule: Rule, key: str) -> str:
    """Return the name of a bucket's key in Redis."""
    return PREFIX + blake2b(f"{rule.name} {key}".encode(errors="surrogatepass"), digest_size=16).hexdigest()


class RedisBuckets:
    """A connection to the buckets. After an exception or a cancellation, it can only be closed."""

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis  # here: it takes half a second to import
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Without retries: a call that failed may have changed the buckets.
        self._client = Redis.from_url(
            url, single_connection_client=True, retry=Retry(NoBackoff(), 0), retry_on_error=[]
        )
        # The caller limits the time. The client would use `asyncio.wait_for`, which drops cancellations before
        # Python 3.12.
        self._client.connection_pool.connection_kwargs.update(socket_timeout=None, socket_connect_timeout=None)

    async def change(self, changes: Sequence[Change]) -> tuple[int, list[tuple[float, bool]]]:
        """Apply changes in their order, in one call.

        Returns Redis's time in microseconds, and for each change the level of its bucket after it and whether the
        points asked for were admitted. Raises errors of the client and of the connection.
        """
        keys = [change.key for change in changes]
        numbers = " ".join([f"{rule.capacity} {rule.drain!r} {added!r} {asked!r}" for _, rule, added, asked in changes])
        answer = await self._client.execute_command("EVAL", SCRIPT, len(keys), *keys, numbers)
        time, *found = answer.split()
        levels = zip(found[::2], found[1::2], strict=True)
        return int(time), [(float(level), bool(int(admitted))) for level, admitted in levels]

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()
