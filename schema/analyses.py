"""Analyses in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

from analyzers.base import AnalysisErrorCode
from resolvers import analyses as resolve
from resolvers import batches as resolve_batches
from resolvers import events as resolve_events
from resolvers.events import Happening
from resolvers.paging import page_request
from schema.analyzers import AnalysisResult, Analyzer
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
from schema.events import Event, EventConnection, current_state, describe_events
from schema.scalars import JSON, describe
from store.analyses import AnalysisFilter as FilterValue
from store.analyses import AnalysisOrderField
from store.queue.progress import progress_of_analysis
from store.sql.paging import DEFAULT_PAGE
from store.subjects import events_of
from store.tables import AnalysisRow, AnalysisStatus

if TYPE_CHECKING:
    from schema.batches import Batch

describe(
    AnalysisStatus,
    "State of an analysis.",
    {
        "QUEUED": "Waiting for a worker, for the first attempt or for a retry.",
        "RUNNING": "Claimed by a worker.",
        "COMPLETED": "Ended with a result.",
        "FAILED": "Ended with an error after the last permitted attempt.",
        "CANCELED": "Ended by a cancel request.",
        "TIMED_OUT": "Ended by the timeout of the analysis or of its batch.",
    },
)


describe(
    AnalysisErrorCode,
    "Kind of analysis error.",
    {
        "INPUT_UNREADABLE": "The input is empty, malformed or unreadable.",
        "INPUT_TOO_LARGE": "The input, or its result, exceeds the analyzer's limits.",
        "UNSUPPORTED_FORMAT": (
            "No analyzer on this server reads the format, or the installation lacks a required package."
        ),
        "ANALYZER_FAILED": "The analyzer raised an error. The message names the error.",
        "WORKER_LOST": "The process running the analysis was lost in every attempt.",
        "MEMORY_EXCEEDED": "The analysis exceeded its analyzer's memory limit.",
        "TIMED_OUT": "The timeout of the analysis or of its batch expired.",
        "CANCELED": "The analysis was canceled.",
    },
)


@strawberry.type(description="Reason for an analysis to end without a result.")
class AnalysisError:
    code: AnalysisErrorCode = strawberry.field(description="Kind of error.")
    message: str = strawberry.field(description="One-sentence description of the error.")
    retryable: bool = strawberry.field(description="Whether another attempt could succeed.")


@strawberry.type(description="One unit of work: an input, the analyzer that reads it, and the result.")
class Analysis(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `analysis_…`.")
    key: str | None = strawberry.field(
        description="Key chosen by the caller. Unique within the batch. Null for a single submission."
    )
    status: AnalysisStatus = strawberry.field(description="Current state.")
    priority: int = strawberry.field(description="Priority, from 1 (lowest) to 10 (highest).")
    input_text: str | None = strawberry.field(
        description=(
            "Input text, always complete. Null if the analyzer takes no text, or if the server rejected the text."
        )
    )
    attempt: int = strawberry.field(
        description="Number of the current or last attempt, from 1; 0 before the first attempt."
    )
    max_attempts: int = strawberry.field(
        description="Maximum number of attempts. Only retryable errors lead to another attempt."
    )
    created_at: datetime = strawberry.field(description="Time of submission.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    started_at: datetime | None = strawberry.field(
        description="Start of the last attempt. Null before the first attempt."
    )
    finished_at: datetime | None = strawberry.field(description="Time of the end. Null until the analysis ends.")
    processing_time_ms: float | None = strawberry.field(
        description="Duration of the last attempt, in milliseconds. Null before the end of the first attempt."
    )

    @strawberry.field(description="Analyzer that reads the input.")
    def analyzer(root: strawberry.Parent[AnalysisRow], info: Info) -> Analyzer:
        return resolve.analyzer(info.context, root)

    @strawberry.field(
        description="Input value as JSON. Null if the analyzer takes a text, or if the server rejected the value."
    )
    def input_data(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON | None:
        return resolve.input_data(info.context, root)

    @strawberry.field(description="Options used for the run, including defaults.")
    def options(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON:
        return resolve.options(info.context, root)

    @strawberry.field(description="Result. Null until the analysis completes.")
    def result(root: strawberry.Parent[AnalysisRow], info: Info) -> AnalysisResult | None:
        return resolve.result(info.context, root)

    @strawberry.field(description="Error. Null unless the analysis failed, timed out or was canceled.")
    def error(root: strawberry.Parent[AnalysisRow]) -> AnalysisError | None:
        return resolve.error(root)

    @strawberry.field(description="Progress of the current attempt.")
    def progress(root: strawberry.Parent[AnalysisRow]) -> Progress:
        return progress_of_analysis(root)

    @strawberry.field(description="Batch of the analysis. Null for a single submission.")
    async def batch(
        root: strawberry.Parent[AnalysisRow], info: Info
    ) -> Annotated[Batch, strawberry.lazy("schema.batches")] | None:
        return None if root.batch_id is None else await resolve_batches.batch(info.context, root.batch_id)

    @strawberry.field(description="Events of this analysis, oldest first.")
    async def events(
        root: strawberry.Parent[AnalysisRow], info: Info, first: FirstEvents = DEFAULT_PAGE, after: AfterEvent = None
    ) -> EventConnection:
        return await resolve_events.events(info.context, events_of(root.id), first, after)


@strawberry.input(description="Conditions for analyses. An analysis must match all given conditions.")
class AnalysisFilter:
    status: list[AnalysisStatus] | None = strawberry.field(
        default=None, description="Matches analyses in any of these states."
    )
    analyzer: list[str] | None = strawberry.field(
        default=None, description="Matches analyses of any of these analyzers, by name. At most 100 names."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Matches items of this batch.")
    created_after: datetime | None = strawberry.field(
        default=None, description="Matches analyses submitted after this time."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Matches analyses submitted before this time."
    )
    search: str | None = strawberry.field(
        default=None,
        description=(
            "Matches analyses with all of these words in the input text, in any order: case-insensitive for "
            "ASCII on SQLite, for all letters on PostgreSQL. At most 10 words and 200 characters."
        ),
    )

    def value(self) -> FilterValue:
        """Return the filter that the store takes."""
        return FilterValue(
            self.status, self.analyzer, self.batch_id, self.created_after, self.created_before, self.search
        )


describe(
    AnalysisOrderField,
    "Sort key of analyses.",
    {
        "CREATED_AT": "Time of submission.",
        "FINISHED_AT": "Time of the end. Unfinished analyses sort as the oldest.",
        "PRIORITY": "Priority, then time of submission.",
        "PROCESSING_TIME": "Duration of the last attempt. Analyses without an attempt sort as the shortest.",
    },
)


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


describe(
    OrderDirection,
    "Sort direction.",
    {"ASC": "Ascending: smallest or oldest first.", "DESC": "Descending: largest or newest first."},
)


@strawberry.input(description="Sort order of analyses.")
class AnalysisOrder:
    field: AnalysisOrderField | None = strawberry.field(default=AnalysisOrderField.CREATED_AT, description="Sort key.")
    direction: OrderDirection | None = strawberry.field(default=OrderDirection.DESC, description="Sort direction.")


@strawberry.input(description="Input of cancelAnalysis.")
class CancelAnalysisInput:
    id: strawberry.ID = strawberry.field(description="Id of the analysis to cancel, `analysis_…`.")


@strawberry.type(description="Result of cancelAnalysis.")
class CancelAnalysisPayload:
    analysis: Analysis | None = strawberry.field(
        description=(
            "The analysis: CANCELED, or still RUNNING if stopping takes longer than two seconds. Null if the "
            "request was rejected."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of retryAnalysis.")
class RetryAnalysisInput:
    id: strawberry.ID = strawberry.field(description="Id of the analysis to run again, `analysis_…`.")


@strawberry.type(description="Result of retryAnalysis.")
class RetryAnalysisPayload:
    analysis: Analysis | None = strawberry.field(
        description="The analysis, QUEUED again. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of deleteAnalysis.")
class DeleteAnalysisInput:
    id: strawberry.ID = strawberry.field(
        description="Id of the analysis to delete, `analysis_…`. The analysis must have ended."
    )


@strawberry.type(description="Result of deleteAnalysis.")
class DeleteAnalysisPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        description="Id of the deleted analysis. Null if the request was rejected."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


describe_events(
    {
        "ANALYSIS_QUEUED": (
            "An analysis was submitted, retried by a user, or returned to the queue unharmed by its worker."
        ),
        "ANALYSIS_STARTED": "A worker started an attempt of an analysis.",
        "ANALYSIS_PROGRESS": "A running analysis reported progress.",
        "ANALYSIS_RETRYING": (
            "An attempt failed with a retryable error, and the analysis waits for the next attempt. "
            "`AnalysisEvent.error` holds the error."
        ),
        "ANALYSIS_COMPLETED": "An analysis ended with a result.",
        "ANALYSIS_FAILED": "An analysis ended with an error.",
        "ANALYSIS_CANCELED": "An analysis was canceled.",
        "ANALYSIS_TIMED_OUT": "An analysis timed out.",
    }
)


@strawberry.type(description="An event of an analysis.")
class AnalysisEvent(Event):
    subject_id: strawberry.ID = strawberry.field(description="Id of the analysis.")

    @strawberry.field(description="State of the analysis at the time of the event.")
    def status(root: strawberry.Parent[Happening]) -> AnalysisStatus:
        return root.data["status"]

    progress: Progress = strawberry.field(description="Progress at the time of the event.")
    error: AnalysisError | None = strawberry.field(
        description="Error of the analysis or of the attempt. Null if there was no error."
    )

    @strawberry.field(description=current_state("analysis"))
    async def analysis(root: strawberry.Parent[Happening], info: Info) -> Analysis | None:
        return await resolve_events.subject(info.context, root)


@strawberry.type
class AnalysisQuery:
    @strawberry.field(
        description="Returns an analysis by id. Null if the analysis does not exist or is not visible to the caller."
    )
    async def analysis(self, info: Info, id: Annotated[strawberry.ID, id_of("analysis")]) -> Analysis | None:
        return await resolve.analysis(info.context, id)

    @strawberry.field(description="Lists the caller's analyses.")
    async def analyses(
        self,
        info: Info,
        filter: Annotated[
            AnalysisFilter | None, strawberry.argument(description="Conditions. All analyses if omitted.")
        ] = None,
        order_by: Annotated[
            AnalysisOrder | None, strawberry.argument(description="Sort order. Newest first if omitted.")
        ] = None,
        first: Annotated[int | None, first_of("analyses")] = None,
        after: Annotated[str | None, after_of("analyses")] = None,
        last: Annotated[int | None, last_of("analyses")] = None,
        before: Annotated[str | None, before_of("analyses")] = None,
    ) -> Connection[Analysis]:
        where = FilterValue() if filter is None else filter.value()
        order = order_by or AnalysisOrder()
        field = order.field or AnalysisOrderField.CREATED_AT
        descending = order.direction is not OrderDirection.ASC
        page = page_request(first, after, last, before)
        return await resolve.analyses(info.context, where, field, descending, page)

    @strawberry.field(description="Lists the analyzers installed on this server, by name.")
    def analyzers(self, info: Info) -> list[Analyzer]:
        analyzers = info.context.services.analyzers
        return [analyzers[name] for name in sorted(analyzers)]


@strawberry.type
class AnalysisMutation:
    @strawberry.mutation(description="Cancels a queued or running analysis.")
    async def cancel_analysis(
        self, info: Info, input: Annotated[CancelAnalysisInput, strawberry.argument(description="Analysis to cancel.")]
    ) -> CancelAnalysisPayload:
        return await resolve.cancel_analysis(info.context, input.id)

    @strawberry.mutation(
        description=(
            "Runs a failed, canceled or timed-out analysis again. The analysis keeps its id. An analysis with "
            "rejected input can't be retried."
        )
    )
    async def retry_analysis(
        self, info: Info, input: Annotated[RetryAnalysisInput, strawberry.argument(description="Analysis to retry.")]
    ) -> RetryAnalysisPayload:
        return await resolve.retry_analysis(info.context, input.id)

    @strawberry.mutation(
        description=(
            "Deletes an analysis that has ended. Its events remain in the log. An item of a batch can be "
            "deleted after the whole batch has ended."
        )
    )
    async def delete_analysis(
        self, info: Info, input: Annotated[DeleteAnalysisInput, strawberry.argument(description="Analysis to delete.")]
    ) -> DeleteAnalysisPayload:
        return await resolve.remove_analysis(info.context, input.id)


@strawberry.type
class AnalysisSubscription:
    @strawberry.subscription(
        description=(
            "Sends the analysis immediately and after every change. Completes after the analysis ends or is deleted."
        )
    )
    async def analysis(
        self, info: Info, id: Annotated[strawberry.ID, id_of("analysis")]
    ) -> AsyncGenerator[Analysis, None]:
        return await resolve_events.follow_subject(info.context, "analysis", id)
