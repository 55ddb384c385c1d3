"""The caller's rate limit in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import rate_limit as resolve
from schema.access import VIEWER
from schema.common import Info


@strawberry.type(description="State of the caller's rate limit, a leaky bucket measured in cost points.")
class RateLimit:
    cost: int = strawberry.field(
        description=(
            "Cost of this operation in points, computed before execution. Objects cost 1, objects read from the same "
            "row as their parent (progress, error, analyzer, result and its parts) 0, connections 1 + n x (1 + node) "
            "with n from `last` or `first` (20 if both are omitted), plain lists 1 or, with `first`, 1 + n x element, "
            "`nodes` the number of ids, mutations 10 plus their work. The server refuses operations above 20,000 "
            "points (default)."
        )
    )
    limit: int = strawberry.field(
        description="Capacity of the bucket in points. Defaults: VIEWER 50,000, ANALYST 100,000, ADMIN 200,000."
    )
    remaining: int = strawberry.field(description="Points currently available.")
    restore_per_second: float = strawberry.field(
        description="Points restored per second. Defaults: VIEWER 2,000, ANALYST 5,000, ADMIN 10,000."
    )
    reset_at: datetime = strawberry.field(description="Time of full capacity, if no further requests arrive.")


@strawberry.type
class RateLimitQuery:
    @strawberry.field(
        directives=VIEWER,
        description="Returns the state of the caller's rate limit. Null if no limit applies to the caller.",
    )
    def rate_limit(self, info: Info) -> RateLimit | None:
        return resolve.rate_limit(info.context)
