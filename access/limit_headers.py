"""The state of a bucket in header fields and in `extensions.cost`.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-11. Points are rounded down and seconds up, so that
a client that believes them is not refused.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from access.buckets import Charge, Rule


def remaining(charge: Charge) -> int:
    """Return the points that the bucket still admits, at least 0."""
    return max(0, math.floor(charge.rule.capacity - charge.level))


def seconds_to_full(charge: Charge) -> int:
    """Return the seconds until all points are available, rounded up: 0 if they are, at least 1 after a refusal."""
    seconds = math.ceil(charge.level / charge.rule.drain)
    return seconds if charge.admitted else max(1, seconds)


@lru_cache  # rules are few
def policy_header(rule: Rule) -> str:
    """Return the value of `RateLimit-Policy`: the points of a full bucket, and the seconds in which they return."""
    return f'"{rule.policy}";q={rule.capacity};w={max(1, math.ceil(rule.capacity / rule.drain))}'


def limit_header(charge: Charge) -> str:
    """Return the value of `RateLimit`: the points left, and the seconds until all are available."""
    return f'"{charge.rule.policy}";r={remaining(charge)};t={seconds_to_full(charge)}'


def retry_after(charge: Charge) -> int:
    """Return the seconds for `Retry-After` and `extensions.retryAfter` of a refusal, the same as in `RateLimit`."""
    return max(1, seconds_to_full(charge))


def cost_extension(charge: Charge, settled: Charge | None = None) -> dict[str, Any]:
    """Return `extensions.cost` of an operation, from its charge and from the charge after its run.

    The actual cost is null before the run, and after a refusal.
    """
    latest = settled or charge
    return {
        "requestedQueryCost": charge.cost,
        "actualQueryCost": settled.cost if settled and settled.admitted else None,
        "throttleStatus": {
            "maximumAvailable": latest.rule.capacity,
            "currentlyAvailable": remaining(latest),
            "restoreRate": latest.rule.drain,
        },
    }
