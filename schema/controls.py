"""The operator's hold on the queue, in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import controls as resolve
from resolvers import metrics as resolve_metrics
from schema.common import USER_ERRORS, Info, UserError
from schema.metrics import QueueMetrics

WHICH = "The analyzer's name; null is the whole queue."


@strawberry.type(description="What an administrator holds of one analyzer.")
class AnalyzerQueue:
    analyzer: str = strawberry.field(description="Its name. One that is held here may be another server's.")
    paused_since: datetime | None = strawberry.field(description="Since when it is paused; null where it is not.")
    limit: int | None = strawberry.field(
        description="How many slots of each worker may run it at once: 1 to 256; null where there is no limit."
    )

    @strawberry.field(description="Whether nothing more of it begins. The whole queue may be paused besides.")
    def paused(root: strawberry.Parent[resolve.AnalyzerQueue]) -> bool:
        return root.paused_since is not None


@strawberry.type(
    description=(
        "What an administrator holds of the queue, for every server that shares the database. Workers follow within a "
        "second."
    )
)
class Queue:
    paused_since: datetime | None = strawberry.field(description="Since when it is paused; null where it is not.")
    concurrency: int | None = strawberry.field(
        description="Slots of each worker: 1 to 256; null where each has as many as it was started with."
    )
    analyzers: list[AnalyzerQueue] = strawberry.field(
        description="Each analyzer that this server has or that is held, by name."
    )

    @strawberry.field(
        description="Whether nothing more begins. What runs goes on, and what is submitted is taken and waits."
    )
    def paused(root: strawberry.Parent[resolve.Queue]) -> bool:
        return root.paused_since is not None

    @strawberry.field(description="What waits and what runs.")
    async def metrics(self, info: Info) -> QueueMetrics:
        return await resolve_metrics.queue(info.context.services)


@strawberry.input(description="What to pause.")
class PauseQueueInput:
    analyzer: str | None = strawberry.field(default=None, description=WHICH)


@strawberry.type(description="The queue as it is then.")
class PauseQueuePayload:
    queue: Queue | None = strawberry.field(description="With the pause, from when it first was; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="What to resume.")
class ResumeQueueInput:
    analyzer: str | None = strawberry.field(default=None, description=WHICH)


@strawberry.type(description="The queue as it is then.")
class ResumeQueuePayload:
    queue: Queue | None = strawberry.field(description="Without that pause; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="What may run at once.")
class SetConcurrencyInput:
    analyzer: str | None = strawberry.field(
        default=None, description="The analyzer's name; null sets the slots of each worker."
    )
    limit: int | None = strawberry.field(
        default=None,
        description=(
            "1 to 256. Null: no limit for the analyzer; without one, as many slots as each worker was started with."
        ),
    )


@strawberry.type(description="The queue as it is then.")
class SetConcurrencyPayload:
    queue: Queue | None = strawberry.field(description="With what was set; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class QueueQuery:
    @strawberry.field(description="What is paused, and how much may run at once.")
    async def queue(self, info: Info) -> Queue:
        return await resolve.queue(info.context.services)


@strawberry.type
class QueueMutation:
    @strawberry.mutation(
        description=(
            "Has nothing more begin, of one analyzer or at all, until it is resumed. What runs goes on; what is "
            "submitted is taken and waits. For administrators."
        )
    )
    async def pause_queue(
        self, info: Info, input: Annotated[PauseQueueInput, strawberry.argument(description="What.")]
    ) -> PauseQueuePayload:
        return await resolve.pause_queue(info.context, input.analyzer)

    @strawberry.mutation(
        description=(
            "Takes a pause back. That of the whole queue and those of analyzers are taken back one by one. For "
            "administrators."
        )
    )
    async def resume_queue(
        self, info: Info, input: Annotated[ResumeQueueInput, strawberry.argument(description="What.")]
    ) -> ResumeQueuePayload:
        return await resolve.resume_queue(info.context, input.analyzer)

    @strawberry.mutation(
        description=(
            "Sets how many analyses each worker runs at once, or how many of them may be one analyzer's. What runs "
            "goes on. For administrators."
        )
    )
    async def set_concurrency(
        self, info: Info, input: Annotated[SetConcurrencyInput, strawberry.argument(description="What.")]
    ) -> SetConcurrencyPayload:
        return await resolve.set_concurrency(info.context, input.analyzer, input.limit)
