"""The state of the caller's rate limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from access.limit_headers import remaining, seconds_to_full
from resolvers.context import Context
from store.sql.clock import utcnow


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The caller's bucket after the charge of this operation."""

    cost: int
    limit: int
    remaining: int
    restore_per_second: float
    reset_at: datetime


def rate_limit(context: Context) -> RateLimit | None:
    """Return the state of the caller's bucket; None if no limit applies to the caller."""
    if context.charged is None:
        return None
    charge = context.charged.latest
    return RateLimit(
        cost=int(charge.cost),
        limit=charge.rule.capacity,
        remaining=remaining(charge),
        restore_per_second=charge.rule.drain,
        reset_at=utcnow() + timedelta(seconds=seconds_to_full(charge)),
    )
