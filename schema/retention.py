"""Retention in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import retention as resolve
from schema.access import VIEWER
from schema.common import Info
from schema.scalars import BigInt


@strawberry.type(
    description="Result of a clean-up. Each clean-up is run by one of the servers that share the database."
)
class Cleanup:
    started_at: datetime = strawberry.field(description="Start of the clean-up.")
    finished_at: datetime = strawberry.field(description="End of the clean-up.")
    batches: BigInt = strawberry.field(description="Number of deleted batches.")
    analyses: BigInt = strawberry.field(description="Number of deleted analyses, including items of batches.")
    events: BigInt = strawberry.field(description="Number of deleted events.")


@strawberry.type(description="Retention periods of stored data.")
class Retention:
    analyses_days: int | None = strawberry.field(
        description=(
            "Number of days for which analyses and batches are kept after their end, by this server's "
            "settings. Null means without limit."
        )
    )
    events_days: int | None = strawberry.field(
        description="Number of days for which events are kept, by this server's settings. Null means without limit."
    )
    history_begins: str | None = strawberry.field(
        description=(
            "First usable cursor of the event log: all events after this cursor are kept, all earlier events "
            "were deleted. Null if no events were deleted."
        )
    )
    last_cleanup: Cleanup | None = strawberry.field(
        description=(
            "Last finished clean-up. Null before the first. A clean-up also deletes idempotency keys that are "
            "more than a day old."
        )
    )


@strawberry.type
class RetentionQuery:
    @strawberry.field(
        directives=VIEWER, description="Returns the retention periods and the result of the last clean-up."
    )
    async def retention(self, info: Info) -> Retention:
        return await resolve.retention(info.context.services)
