"""Retention in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers import retention as resolve
from schema.common import Info
from schema.scalars import BigInt


@strawberry.type(description="What a clean-up did: one of all the servers that share the database does it.")
class Cleanup:
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime = strawberry.field(description="When it ended.")
    batches: BigInt = strawberry.field(description="Batches that it deleted.")
    analyses: BigInt = strawberry.field(description="Analyses that it deleted, items of batches among them.")
    events: BigInt = strawberry.field(description="Events that it deleted.")


@strawberry.type(description="How long things are kept.")
class Retention:
    analyses_days: int | None = strawberry.field(
        description=(
            "Days for which analyses and batches are kept after their end, by this server's settings; null is for ever."
        )
    )
    events_days: int | None = strawberry.field(
        description="Days for which the event log goes back, by this server's settings; null is to its beginning."
    )
    history_begins: str | None = strawberry.field(
        description=(
            "The cursor behind which every event is kept, and before which none is; null while none was deleted."
        )
    )
    last_cleanup: Cleanup | None = strawberry.field(
        description="The last clean-up that ended; null before the first. Idempotency keys go with it after their day."
    )


@strawberry.type
class RetentionQuery:
    @strawberry.field(description="How long things are kept, and what the last clean-up deleted.")
    async def retention(self, info: Info) -> Retention:
        return await resolve.retention(info.context.services)
