"""Pauses and concurrency limits of the queue in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from execution.prices import priced
from resolvers import controls as resolve
from resolvers import metrics as resolve_metrics
from resolvers.events import Happening
from schema.access import ADMINISTRATOR, VIEWER
from schema.common import USER_ERRORS, Info, UserError
from schema.events import Event, describe_events
from schema.metrics import QueueMetrics
from store.subjects import EventType


@strawberry.type(description="Pause and concurrency limit of one analyzer.")
class AnalyzerQueue:
    analyzer: str = strawberry.field(
        description="Name of the analyzer. A paused or limited analyzer may be installed only on another server."
    )
    paused_since: datetime | None = strawberry.field(
        description="Start of the pause. Null if the analyzer is not paused."
    )
    pause_reason: str | None = strawberry.field(
        description="Reason given for the pause. Null if not paused or without a reason."
    )
    limit: int | None = strawberry.field(
        description=(
            "Maximum number of slots of each worker that run this analyzer at the same time: 1 to 256. Null "
            "if there is no limit."
        )
    )

    @strawberry.field(
        description=(
            "Whether the analyzer is paused: workers start no more of its analyses. Independent of a pause of "
            "the whole queue."
        )
    )
    def paused(root: strawberry.Parent[resolve.AnalyzerQueue]) -> bool:
        return root.paused_since is not None


@strawberry.type(
    description=(
        "Pauses and concurrency limits of the queue, for all servers that share the database. Workers "
        "apply changes within a second."
    )
)
class Queue:
    paused_since: datetime | None = strawberry.field(
        description="Start of the pause of the whole queue. Null if the queue is not paused."
    )
    pause_reason: str | None = strawberry.field(
        description="Reason given for the pause. Null if not paused or without a reason."
    )
    concurrency: int | None = strawberry.field(
        description=(
            "Number of slots of each worker: 1 to 256. Null if each worker has the number of slots it was started with."
        )
    )
    analyzers: list[AnalyzerQueue] = strawberry.field(
        description="All analyzers that are installed on this server, paused or limited, by name."
    )

    @strawberry.field(
        description=(
            "Whether the whole queue is paused: workers start no more analyses. Running analyses continue; "
            "new submissions are accepted and wait."
        )
    )
    def paused(root: strawberry.Parent[resolve.Queue]) -> bool:
        return root.paused_since is not None

    @strawberry.field(description="Queued and running analyses.", metadata=priced(5))
    async def metrics(self, info: Info) -> QueueMetrics:
        return await resolve_metrics.queue(info.context.services, info.context.viewer)


describe_events({"QUEUE_CHANGED": "The queue or an analyzer was paused or resumed, or its concurrency changed."})


@strawberry.type(
    description=(
        "The queue or an analyzer was paused or resumed, or its concurrency changed. Visible in all workspaces."
    )
)
class QueueEvent(Event):
    type: EventType = strawberry.field(description="Type of the event: QUEUE_CHANGED.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    subject_id: strawberry.ID = strawberry.field(
        description="Id of the analyzer, `analyzer_…`; `queue` for the whole queue."
    )

    @strawberry.field(description="Current state of the queue.")
    async def queue(root: strawberry.Parent[Happening], info: Info) -> Queue:
        return await resolve.queue(info.context.services)

    @strawberry.field(
        description=(
            "Name of the user or API key behind the change. Null for callers without administration of the "
            "installation, and on a server without sign-in."
        )
    )
    def by(root: strawberry.Parent[Happening]) -> str | None:
        return root.data.get("by")


@strawberry.input(description="Input of pauseQueue.")
class PauseQueueInput:
    analyzer: str | None = strawberry.field(
        default=None, description="Name of the analyzer to pause. Null pauses the whole queue."
    )
    reason: str | None = strawberry.field(
        default=None, description="Reason for the pause, for display: at most 500 characters. Null gives no reason."
    )


@strawberry.type(description="Result of pauseQueue.")
class PauseQueuePayload:
    queue: Queue | None = strawberry.field(
        description=(
            "The queue with the pause. An earlier pause keeps its start time and its reason. Null if the request was "
            "rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of resumeQueue.")
class ResumeQueueInput:
    analyzer: str | None = strawberry.field(
        default=None, description="Name of the analyzer to resume. Null ends the pause of the whole queue."
    )


@strawberry.type(description="Result of resumeQueue.")
class ResumeQueuePayload:
    queue: Queue | None = strawberry.field(description="The queue without the pause. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of setConcurrency.")
class SetConcurrencyInput:
    analyzer: str | None = strawberry.field(
        default=None, description="Name of the analyzer to limit. Null sets the number of slots of each worker."
    )
    limit: int | None = strawberry.field(
        default=None,
        description=(
            "Number of slots: 1 to 256. Null removes the limit of the analyzer or, without an analyzer, "
            "restores the number of slots that each worker was started with."
        ),
    )


@strawberry.type(description="Result of setConcurrency.")
class SetConcurrencyPayload:
    queue: Queue | None = strawberry.field(
        description="The queue with the new limit. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class QueueQuery:
    @strawberry.field(
        directives=VIEWER, description="Returns the pauses and concurrency limits of the queue.", metadata=priced(5)
    )
    async def queue(self, info: Info) -> Queue:
        return await resolve.queue(info.context.services)


@strawberry.type
class QueueMutation:
    @strawberry.mutation(
        directives=ADMINISTRATOR,
        description=(
            "Pauses one analyzer or the whole queue until resumeQueue. Running analyses continue; new "
            "submissions are accepted and wait. For administrators."
        ),
    )
    async def pause_queue(
        self,
        info: Info,
        input: Annotated[PauseQueueInput, strawberry.argument(description="Analyzer or queue to pause.")],
    ) -> PauseQueuePayload:
        return await resolve.pause_queue(info.context, input.analyzer, input.reason)

    @strawberry.mutation(
        directives=ADMINISTRATOR,
        description=(
            "Ends the pause of one analyzer or of the whole queue. The pauses of the queue and of analyzers "
            "end independently of each other. For administrators."
        ),
    )
    async def resume_queue(
        self,
        info: Info,
        input: Annotated[ResumeQueueInput, strawberry.argument(description="Analyzer or queue to resume.")],
    ) -> ResumeQueuePayload:
        return await resolve.resume_queue(info.context, input.analyzer)

    @strawberry.mutation(
        directives=ADMINISTRATOR,
        description=(
            "Sets the number of analyses that each worker runs at the same time, or the maximum number of one "
            "analyzer. Running analyses continue. For administrators."
        ),
    )
    async def set_concurrency(
        self, info: Info, input: Annotated[SetConcurrencyInput, strawberry.argument(description="Limit to set.")]
    ) -> SetConcurrencyPayload:
        return await resolve.set_concurrency(info.context, input.analyzer, input.limit)
