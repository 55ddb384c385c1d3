"""Batches in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry
from strawberry.types.nodes import SelectedField

from resolvers import analyses as resolve_analyses
from resolvers import batches as resolve
from resolvers import events as resolve_events
from resolvers.paging import page_request
from schema.analyses import Analysis
from schema.common import (
    USER_ERRORS,
    After,
    AfterEvent,
    Before,
    Connection,
    First,
    FirstEvents,
    Id,
    Info,
    Last,
    Node,
    Progress,
    UserError,
)
from schema.scalars import describe
from store.queue import progress
from store.sql.clock import utcnow
from store.sql.paging import DEFAULT_PAGE
from store.tables import AnalysisStatus, BatchRow, BatchStatus

if TYPE_CHECKING:
    from schema.events import EventConnection

describe(
    BatchStatus,
    "Where a batch stands.",
    {
        "QUEUED": "No item of it has begun.",
        "RUNNING": "Items of it have begun, and not all have ended.",
        "COMPLETED": "Every item has ended, whatever its end.",
        "CANCELED": "Somebody canceled it, and every item has ended.",
        "TIMED_OUT": "Its time was up before every item had ended; now all have.",
    },
)


@strawberry.type(description="Many analyses, submitted as one and counted together.")
class Batch(Node):
    id: strawberry.ID = strawberry.field(description="The id, `batch_…`.")
    name: str | None = strawberry.field(description="The caller's name for it.")
    status: BatchStatus = strawberry.field(description="Where it stands.")
    total_items: int = strawberry.field(
        description="How many items it was submitted with; grows while items of a stream still come."
    )
    processed: int = strawberry.field(description="Items that completed.")
    failed: int = strawberry.field(description="Items that failed.")
    canceled: int = strawberry.field(description="Items that were canceled.")
    timed_out: int = strawberry.field(description="Items whose time was up.")
    running: int = strawberry.field(description="Items that a worker has.")
    queued: int = strawberry.field(description="Items that wait for a worker.")
    stop_reason: str | None = strawberry.field(
        description="Why it was canceled, where nobody asked for that: its items stopped coming. Else null."
    )
    timeout_seconds: int = strawberry.field(
        description="Seconds from its submission until what has not ended is timed out."
    )
    created_at: datetime = strawberry.field(description="When it was accepted.")
    started_at: datetime | None = strawberry.field(description="When its first item began; null before.")
    finished_at: datetime | None = strawberry.field(description="When its last item ended; null before.")

    @strawberry.field(description="How far it has come, by items that have ended, whatever their end.")
    def progress(root: strawberry.Parent[BatchRow]) -> Progress:
        return progress.progress_of_batch(root, utcnow())

    @strawberry.field(
        description="Items ended a second of late: over about ten seconds, or 200 items if they take longer."
    )
    def items_per_second(root: strawberry.Parent[BatchRow]) -> float | None:
        return progress.items_per_second(root, utcnow())

    @strawberry.field(description="From its start to its last item's end, in milliseconds; null while it runs.")
    def total_processing_time_ms(root: strawberry.Parent[BatchRow]) -> float | None:
        if root.started_at is None or root.finished_at is None:
            return None
        return (root.finished_at - root.started_at).total_seconds() * 1000

    @strawberry.field(description="Its items, in the order in which they were given.")
    async def results(
        root: strawberry.Parent[BatchRow],
        info: Info,
        first: First = DEFAULT_PAGE,
        after: After = None,
        last: Last = None,
        before: Before = None,
        status: Annotated[
            list[AnalysisStatus] | None, strawberry.argument(description="Only those in one of these statuses.")
        ] = None,
    ) -> Connection[Analysis]:
        if last is not None and cast(SelectedField, info.selected_fields[0]).arguments.get("first") is None:
            first = None  # its default says nothing against `last`
        page = page_request(first, after, last, before)
        return await resolve_analyses.results(info.context, root.id, status, page)

    @strawberry.field(description="Its own history and that of its items, oldest first.")
    async def events(
        root: strawberry.Parent[BatchRow], info: Info, first: FirstEvents = DEFAULT_PAGE, after: AfterEvent = None
    ) -> Annotated[EventConnection, strawberry.lazy("schema.events")]:
        where = resolve_events.event_filter(batch_id=root.id)
        return await resolve_events.events(info.context, where, first, after)

    @classmethod
    def is_type_of(cls, value: Any, _info: object) -> bool:
        return getattr(value, "id", "").startswith("batch_")


@strawberry.input(description="Which batch to cancel.")
class CancelBatchInput:
    id: strawberry.ID = strawberry.field(description="Its id, `batch_…`.")


@strawberry.type(description="The batch that was canceled.")
class CancelBatchPayload:
    batch: Batch | None = strawberry.field(
        description="CANCELED, or still open where stopping it takes longer than two seconds; null where refused."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Which batch to run again.")
class RetryBatchInput:
    id: strawberry.ID = strawberry.field(description="Its id, `batch_…`.")


@strawberry.type(description="The batch that runs again.")
class RetryBatchPayload:
    batch: Batch | None = strawberry.field(description="It, with the items that were queued again; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Which batch to delete.")
class DeleteBatchInput:
    id: strawberry.ID = strawberry.field(description="Its id, `batch_…`.")


@strawberry.type(description="The batch that was deleted.")
class DeleteBatchPayload:
    deleted_id: strawberry.ID | None = strawberry.field(description="The id that it had; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class BatchQuery:
    @strawberry.field(description="Null where there is none, or it is not the caller's to see.")
    async def batch(self, info: Info, id: Id) -> Batch | None:
        return await resolve.batch(info.context, id)

    @strawberry.field(description="The caller's batches, the newest first.")
    async def batches(
        self,
        info: Info,
        status: Annotated[
            list[BatchStatus] | None, strawberry.argument(description="Only those in one of these statuses.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Batch]:
        return await resolve.batches(info.context, status, page_request(first, after, last, before))


@strawberry.type
class BatchMutation:
    @strawberry.mutation(description="Takes back what of a batch is queued, and stops what runs.")
    async def cancel_batch(
        self, info: Info, input: Annotated[CancelBatchInput, strawberry.argument(description="Which.")]
    ) -> CancelBatchPayload:
        return await resolve.cancel_batch(info.context, input.id)

    @strawberry.mutation(description="Runs the batch's failed, canceled and timed-out items again.")
    async def retry_batch(
        self, info: Info, input: Annotated[RetryBatchInput, strawberry.argument(description="Which.")]
    ) -> RetryBatchPayload:
        return await resolve.retry_failed(info.context, input.id)

    @strawberry.mutation(description="Deletes a batch that has ended, and its items. Its events stay in the log.")
    async def delete_batch(
        self, info: Info, input: Annotated[DeleteBatchInput, strawberry.argument(description="Which.")]
    ) -> DeleteBatchPayload:
        return await resolve.remove_batch(info.context, input.id)


@strawberry.type
class BatchSubscription:
    @strawberry.subscription(
        description="The batch at once, then as it moves, at most ten times a second; ends when it does."
    )
    async def batch(self, info: Info, id: Id) -> AsyncGenerator[Batch, None]:
        return await resolve_events.follow_batch(info.context, id)
