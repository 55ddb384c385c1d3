"""Batches in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, cast

import strawberry
from strawberry.types.nodes import SelectedField

from execution.compile.columns import columns_of
from execution.strawberry_parts import AT_ONCE
from resolvers import analyses as resolve_analyses
from resolvers import batches as resolve
from resolvers import error_groups as resolve_errors
from resolvers import events as resolve_events
from resolvers.events import Happening
from resolvers.paging import page_request
from schema.access import ANALYST, VIEWER
from schema.analyses import AnalysisConnection
from schema.common import (
    USER_ERRORS,
    AfterEvent,
    Connection,
    FirstEvents,
    Info,
    Node,
    Progress,
    UserError,
    after_of,
    before_of,
    first_of,
    id_of,
    last_of,
)
from schema.error_groups import DEFAULT_GROUPS, ErrorGroup, FirstGroups
from schema.events import Event, EventConnection, current_state, describe_events
from schema.filters import BatchFilter, BatchOrder, OrderDirection
from store.batches import BatchOrderField
from store.filters import AnalysisFilter
from store.filters import BatchFilter as FilterValue
from store.queue import progress
from store.sql.clock import utcnow
from store.sql.paging import DEFAULT_PAGE
from store.subjects import events_of
from store.tables import AnalysisStatus, BatchRow, BatchStatus


@strawberry.type(description="A group of analyses submitted and counted together.")
class Batch(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `batch_…`.")
    name: str | None = strawberry.field(description="Name chosen by the caller.")
    status: BatchStatus = strawberry.field(description="Current state.")
    total_items: int = strawberry.field(
        description="Number of submitted items. Grows while the items of a stream arrive."
    )
    processed: int = strawberry.field(description="Number of COMPLETED items.")
    failed: int = strawberry.field(description="Number of FAILED items.")
    canceled: int = strawberry.field(description="Number of CANCELED items.")
    timed_out: int = strawberry.field(description="Number of TIMED_OUT items.")
    running: int = strawberry.field(description="Number of RUNNING items.")
    queued: int = strawberry.field(description="Number of QUEUED items.")
    stop_reason: str | None = strawberry.field(
        description="Reason for a cancellation by the server, after a stream of items broke off. Null otherwise."
    )
    timeout_seconds: int = strawberry.field(
        description=(
            "Seconds until unfinished items time out, counted from submission, or from a retry that reopens the batch."
        )
    )
    created_at: datetime = strawberry.field(description="Time of submission.")
    started_at: datetime | None = strawberry.field(description="Start of the first item. Null before that.")
    last_retried_at: datetime | None = strawberry.field(
        description="Time of the last retry. Null without a retry. `startedAt` remains the first start."
    )
    finished_at: datetime | None = strawberry.field(description="End of the last item. Null before that.")

    @strawberry.field(description="Progress by ended items, in any final state.")
    def progress(root: strawberry.Parent[BatchRow]) -> Progress:
        return progress.progress_of_batch(root, utcnow())

    @strawberry.field(
        description=(
            "Throughput in ended items per second, over the last ten seconds or the last 200 items, if those "
            "took longer. Null until the first item ends."
        )
    )
    def items_per_second(root: strawberry.Parent[BatchRow]) -> float | None:
        return progress.items_per_second(root, utcnow())

    @strawberry.field(
        description=(
            "Milliseconds in which the batch ran; time between an end and the start of the next run after a retry "
            "is not counted. Null while the batch runs."
        )
    )
    def total_processing_time_ms(root: strawberry.Parent[BatchRow]) -> float | None:
        if root.started_at is None or root.finished_at is None:
            return None
        ran = root.finished_at - root.started_at - timedelta(microseconds=root.idle_time)
        return max(ran / timedelta(milliseconds=1), 0.0)

    @strawberry.field(description="Number of items that retryBatch queues again if called now.")
    async def retryable_items(root: strawberry.Parent[BatchRow], info: Info) -> int:
        return (await resolve.figures(info.context, root)).retryable

    @strawberry.field(description="Number of FAILED items with a rejected input. A retry cannot help these items.")
    async def refused_items(root: strawberry.Parent[BatchRow], info: Info) -> int:
        return (await resolve.figures(info.context, root)).refused

    @strawberry.field(description="Groups of failed and timed-out items with similar errors, largest first.")
    async def error_groups(
        root: strawberry.Parent[BatchRow], info: Info, first: FirstGroups = DEFAULT_GROUPS
    ) -> list[ErrorGroup]:
        where = AnalysisFilter(batch_id=root.id)
        return await resolve_errors.error_groups(info.context, where, DEFAULT_GROUPS if first is None else first)

    @strawberry.field(description="Items of the batch, in submission order.", metadata=AT_ONCE)
    async def results(
        root: strawberry.Parent[BatchRow],
        info: Info,
        first: Annotated[int | None, first_of("items")] = DEFAULT_PAGE,
        after: Annotated[str | None, after_of("items")] = None,
        last: Annotated[int | None, last_of("items")] = None,
        before: Annotated[str | None, before_of("items")] = None,
        status: Annotated[
            list[AnalysisStatus] | None, strawberry.argument(description="Returns only items in one of these states.")
        ] = None,
    ) -> AnalysisConnection:
        if last is not None and cast(SelectedField, info.selected_fields[0]).arguments.get("first") is None:
            first = None  # the default of `first` does not conflict with `last`
        page = page_request(first, after, last, before)
        columns = columns_of(info, "Analysis")
        return await resolve_analyses.results(info.context, root.id, status, page, columns=columns)

    @strawberry.field(description="Events of the batch and its items, oldest first.", metadata=AT_ONCE)
    async def events(
        root: strawberry.Parent[BatchRow], info: Info, first: FirstEvents = DEFAULT_PAGE, after: AfterEvent = None
    ) -> EventConnection:
        return await resolve_events.events(info.context, events_of(root.id), first, after)


@strawberry.input(description="Input of cancelBatch.")
class CancelBatchInput:
    id: strawberry.ID = strawberry.field(description="Id of the batch to cancel, `batch_…`.")


@strawberry.type(description="Result of cancelBatch.")
class CancelBatchPayload:
    batch: Batch | None = strawberry.field(
        description=(
            "The batch: CANCELED, or not yet ended if stopping takes longer than two seconds. Null if the "
            "request was rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of retryBatch.")
class RetryBatchInput:
    id: strawberry.ID = strawberry.field(description="Id of the batch with the items to run again, `batch_…`.")


@strawberry.type(description="Result of retryBatch.")
class RetryBatchPayload:
    batch: Batch | None = strawberry.field(
        description="The batch, with its retried items QUEUED. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of deleteBatch.")
class DeleteBatchInput:
    id: strawberry.ID = strawberry.field(description="Id of the batch to delete, `batch_…`. The batch must have ended.")


@strawberry.type(description="Result of deleteBatch.")
class DeleteBatchPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="Id of the deleted batch. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


describe_events(
    {
        "BATCH_STARTED": "The first item of a batch started.",
        "BATCH_PROGRESS": "Items of a batch ended. Sent at most four times a second.",
        "BATCH_COMPLETED": "Every item of a batch has ended.",
        "BATCH_CANCELED": "A batch was canceled, and every item has ended.",
        "BATCH_TIMED_OUT": "A batch timed out, and every item has ended.",
        "BATCH_DELETED": "A batch was deleted, with its items. The items have no event of their own.",
    }
)


@strawberry.type(description="An event of a batch.")
class BatchEvent(Event):
    subject_id: strawberry.ID = strawberry.field(description="Id of the batch.")

    @strawberry.field(description="State of the batch at the time of the event.")
    def status(root: strawberry.Parent[Happening]) -> BatchStatus:
        return root.data["status"]

    @strawberry.field(description="Number of submitted items at the time of the event.")
    def total_items(root: strawberry.Parent[Happening]) -> int:
        return root.data["total_items"]

    @strawberry.field(description="Number of COMPLETED items at the time of the event.")
    def processed(root: strawberry.Parent[Happening]) -> int:
        return root.data["processed"]

    @strawberry.field(description="Number of FAILED items at the time of the event.")
    def failed(root: strawberry.Parent[Happening]) -> int:
        return root.data["failed"]

    progress: Progress = strawberry.field(description="Progress at the time of the event.")

    @strawberry.field(description=current_state("batch"), metadata=AT_ONCE)
    async def batch(root: strawberry.Parent[Happening], info: Info) -> Batch | None:
        return await resolve_events.subject(info.context, root)


@strawberry.type
class BatchQuery:
    @strawberry.field(
        directives=VIEWER,
        description="Returns a batch by id. Null if the batch does not exist or is not visible to the caller.",
        metadata=AT_ONCE,
    )
    async def batch(self, info: Info, id: Annotated[strawberry.ID, id_of("batch")]) -> Batch | None:
        return await resolve.batch(info.context, id)

    @strawberry.field(
        directives=VIEWER, description="Lists the caller's batches, newest first by default.", metadata=AT_ONCE
    )
    async def batches(
        self,
        info: Info,
        filter: Annotated[
            BatchFilter | None, strawberry.argument(description="Conditions. All batches if omitted.")
        ] = None,
        order_by: Annotated[
            BatchOrder | None, strawberry.argument(description="Sort order. Newest first if omitted.")
        ] = None,
        status: Annotated[
            list[BatchStatus] | None,
            strawberry.argument(
                description="Returns only batches in one of these states.",
                deprecation_reason="Use `filter: {status: …}`.",
            ),
        ] = None,
        first: Annotated[int | None, first_of("batches")] = None,
        after: Annotated[str | None, after_of("batches")] = None,
        last: Annotated[int | None, last_of("batches")] = None,
        before: Annotated[str | None, before_of("batches")] = None,
    ) -> Connection[Batch]:
        where = FilterValue() if filter is None else filter.value()
        if status is not None:
            where = replace(where, status=[each for each in status if where.status is None or each in where.status])
        order = order_by or BatchOrder()
        field = order.field or BatchOrderField.CREATED_AT
        descending = order.direction is not OrderDirection.ASC
        return await resolve.batches(info.context, where, field, descending, page_request(first, after, last, before))


@strawberry.type
class BatchMutation:
    @strawberry.mutation(directives=ANALYST, description="Cancels all queued and running items of a batch.")
    async def cancel_batch(
        self, info: Info, input: Annotated[CancelBatchInput, strawberry.argument(description="Batch to cancel.")]
    ) -> CancelBatchPayload:
        return await resolve.cancel_batch(info.context, input.id)

    @strawberry.mutation(
        directives=ANALYST,
        description=(
            "Runs the failed, canceled and timed-out items of a batch again. Items with rejected input can't "
            "be retried. The retry of a large batch can continue after the response."
        ),
    )
    async def retry_batch(
        self, info: Info, input: Annotated[RetryBatchInput, strawberry.argument(description="Batch to retry.")]
    ) -> RetryBatchPayload:
        return await resolve.retry_failed(info.context, input.id)

    @strawberry.mutation(
        directives=ANALYST, description="Deletes a batch that has ended, with its items. Its events remain in the log."
    )
    async def delete_batch(
        self, info: Info, input: Annotated[DeleteBatchInput, strawberry.argument(description="Batch to delete.")]
    ) -> DeleteBatchPayload:
        return await resolve.remove_batch(info.context, input.id)


@strawberry.type
class BatchSubscription:
    @strawberry.subscription(
        directives=VIEWER,
        description=(
            "Sends the batch immediately and after changes, at most ten times a second. Completes after the "
            "batch ends or is deleted."
        ),
    )
    async def batch(self, info: Info, id: Annotated[strawberry.ID, id_of("batch")]) -> AsyncGenerator[Batch, None]:
        return await resolve_events.follow_subject(info.context, "batch", id, pause_seconds=resolve.INTERVAL_SECONDS)
