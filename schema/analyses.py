"""Analyses in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from analyzers.base import AnalysisErrorCode
from execution.compile.columns import columns_of, reads
from execution.lasting import lasting
from execution.prices import priced
from execution.strawberry_parts import AT_ONCE
from resolvers import analyses as resolve
from resolvers import batches as resolve_batches
from resolvers import events as resolve_events
from resolvers.events import Happening
from resolvers.paging import Connection as ConnectionOf
from resolvers.paging import page_request
from schema.access import ANALYST, VIEWER
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
from schema.filters import AnalysisFilter, AnalysisOrder, OrderDirection
from schema.scalars import JSON
from store.analyses import AnalysisOrderField
from store.filters import AnalysisFilter as FilterValue
from store.queue.progress import progress_of_analysis
from store.sql.paging import DEFAULT_PAGE
from store.subjects import events_of
from store.tables import AnalysisRow, AnalysisStatus

if TYPE_CHECKING:
    from schema.batches import Batch


@strawberry.type(description="Reason for an analysis to end without a result.")
class AnalysisError:
    code: AnalysisErrorCode = strawberry.field(description="Kind of error.")
    message: str = strawberry.field(description="One-sentence description of the error.")
    retryable: bool = strawberry.field(description="Whether another attempt could succeed.")


@strawberry.type(description="One attempt of an analysis.")
class Attempt:
    number: int = strawberry.field(description="Number of the attempt, from 1, counted over all runs.")
    run: int = strawberry.field(description="Run of the analysis, from 1; a retry by a client begins a new run.")
    started_at: datetime = strawberry.field(description="Start of the attempt.")
    finished_at: datetime | None = strawberry.field(description="End of the attempt. Null while the attempt runs.")
    worker: str | None = strawberry.field(description="Id of the worker, `worker_…`. Null if unknown.")
    error: AnalysisError | None = strawberry.field(
        description="Error of the attempt. Null while the attempt runs, and for a completed attempt."
    )


@strawberry.type(description="One unit of work: an input, the analyzer that reads it, and the result.")
class Analysis(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `analysis_…`.")
    key: str | None = strawberry.field(
        description="Key chosen by the caller. Unique within the batch. Null for a single submission."
    )
    status: AnalysisStatus = strawberry.field(description="Current state.")
    priority: int = strawberry.field(description="Priority, from 1 (lowest) to 10 (highest).")
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

    @strawberry.field(
        description=(
            "Input text, also of a rejected input. Null if the analyzer takes no text. Complete, except for an input "
            "rejected as too large: its first 1,000 characters, or those of its JSON if the analyzer takes no text."
        ),
        metadata={**lasting(), **reads("input_text", "input_bytes")},
    )
    def input_text(root: strawberry.Parent[AnalysisRow], info: Info) -> str | None:
        return resolve.input_text(info.context, root, info.path)

    @strawberry.field(
        description=(
            "Title for display: the key unless generated, otherwise the first words of the input, at most 80 "
            "characters. Never empty."
        ),
        metadata={
            **lasting(),
            **AT_ONCE,
            **reads("key", "position", "input_text", "input_data", "input_form", "input_bytes"),
        },
    )
    async def title(root: strawberry.Parent[AnalysisRow], info: Info) -> str:
        return await resolve.title(info.context, root)

    @strawberry.field(
        description=(
            "First 1,000 characters of the input, also of a rejected input; of JSON, its text. Null without a stored "
            "input."
        ),
        metadata={**lasting(), **AT_ONCE, **reads("input_text", "input_data", "input_form", "input_bytes")},
    )
    async def input_excerpt(root: strawberry.Parent[AnalysisRow], info: Info) -> str | None:
        return await resolve.input_excerpt(info.context, root)

    @strawberry.field(
        description="Whether retryAnalysis accepts the analysis now.",
        metadata={**AT_ONCE, **reads("status", "attempt", "batch_id")},
    )
    async def retryable(root: strawberry.Parent[AnalysisRow], info: Info) -> bool:
        return await resolve.retryable(info.context, root)

    @strawberry.field(
        description="Whether cancelAnalysis accepts the analysis now.",
        metadata={**lasting(), **reads("status", "stop_requested")},
    )
    def cancelable(root: strawberry.Parent[AnalysisRow]) -> bool:
        return resolve.cancelable(root)

    @strawberry.field(description="Analyzer that reads the input.", metadata={**lasting(), **reads("analyzer")})
    def analyzer(root: strawberry.Parent[AnalysisRow], info: Info) -> Analyzer:
        return resolve.analyzer(info.context, root)

    @strawberry.field(
        description=(
            "Input value as JSON, also of a rejected input. Null if the analyzer takes a text, or if the value was "
            "rejected as too large."
        ),
        metadata={**lasting(), **reads("input_data", "input_bytes", "input_form", "analyzer")},
    )
    def input_data(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON | None:
        return resolve.input_data(info.context, root, info.path)

    @strawberry.field(
        description="Options used for the run, including defaults.",
        metadata={**lasting(), **reads("options", "options_bytes", "input_form", "analyzer")},
    )
    def options(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON:
        return resolve.options(info.context, root, info.path)

    @strawberry.field(
        description="Result. Null until the analysis completes.",
        metadata={**lasting(), **reads("result", "result_bytes", "result_form", "analyzer")},
    )
    def result(root: strawberry.Parent[AnalysisRow], info: Info) -> AnalysisResult | None:
        return resolve.result(info.context, root, info.path)

    @strawberry.field(
        description="Error. Null unless the analysis failed, timed out or was canceled.",
        metadata={**lasting(), **reads("error_code", "error_message", "error_retryable")},
    )
    def error(root: strawberry.Parent[AnalysisRow]) -> AnalysisError | None:
        return resolve.error(root)

    error_fingerprint: str | None = strawberry.field(
        description=(
            "Identifier of the group of similar errors, for AnalysisFilter.errorFingerprint. Null unless the analysis "
            "failed or timed out."
        )
    )

    @strawberry.field(
        description="Progress of the current attempt.",
        metadata={**lasting(), **reads("status", "progress", "progress_step", "started_at")},
    )
    def progress(root: strawberry.Parent[AnalysisRow]) -> Progress:
        return progress_of_analysis(root)

    @strawberry.field(
        description=("Attempts of the analysis, at most the newest 100, oldest first. Empty before the first attempt."),
        metadata={**lasting(), **AT_ONCE, **reads()},
    )
    async def attempts(root: strawberry.Parent[AnalysisRow], info: Info) -> list[Attempt]:
        return await resolve.attempts(info.context, root, info.path)

    @strawberry.field(
        description="Batch of the analysis. Null for a single submission.", metadata={**AT_ONCE, **reads("batch_id")}
    )
    async def batch(
        root: strawberry.Parent[AnalysisRow], info: Info
    ) -> Annotated[Batch, strawberry.lazy("schema.batches")] | None:
        return None if root.batch_id is None else await resolve_batches.batch(info.context, root.batch_id)

    @strawberry.field(description="Events of this analysis, oldest first.", metadata={**AT_ONCE, **reads()})
    async def events(
        root: strawberry.Parent[AnalysisRow], info: Info, first: FirstEvents = DEFAULT_PAGE, after: AfterEvent = None
    ) -> EventConnection:
        return await resolve_events.events(info.context, events_of(root.id), first, after)


@strawberry.type(description="Number of analyses with one status.")
class StatusCount:
    status: AnalysisStatus = strawberry.field(description="Status of the counted analyses.")
    count: int = strawberry.field(
        description=("Number of analyses, at most 10,000 for a list with a filter other than `batchId` alone.")
    )
    exact: bool = strawberry.field(
        description="Whether `count` is the full number. False if counting stopped at 10,000."
    )


@strawberry.type(description="A page of analyses. The page does not shift while the list grows.")
class AnalysisConnection(Connection[Analysis]):
    @strawberry.field(
        description=(
            "Number of analyses for each status under the filter of the list without its `status`. Counted only if "
            "selected."
        ),
        metadata=priced(10),
    )
    async def status_counts(root: strawberry.Parent[ConnectionOf[AnalysisRow]]) -> list[StatusCount]:
        assert root.status_counts is not None
        return await root.status_counts()


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
        "ANALYSIS_DELETED": (
            "An analysis was deleted. Retention sends one event per slice, about the analysis that ended last: all "
            "analyses outside of batches that ended before were deleted too."
        ),
    }
)


@strawberry.type(description="An event of an analysis.")
class AnalysisEvent(Event):
    subject_id: strawberry.ID = strawberry.field(description="Id of the analysis.")

    @strawberry.field(description="State of the analysis at the time of the event.")
    def status(root: strawberry.Parent[Happening]) -> AnalysisStatus:
        return root.data["status"]

    @strawberry.field(
        description="Title of the analysis, as in Analysis.title. Null if the analysis was deleted.", metadata=AT_ONCE
    )
    async def title(root: strawberry.Parent[Happening], info: Info) -> str | None:
        row = await resolve_events.subject(info.context, root)
        return None if row is None else await resolve.title(info.context, row)

    @strawberry.field(description="Name of the analyzer. Null in events of earlier server versions.")
    def analyzer_name(root: strawberry.Parent[Happening]) -> str | None:
        return root.row.analyzer

    @strawberry.field(description="Id of the batch, `batch_…`. Null for a single submission.")
    def batch_id(root: strawberry.Parent[Happening]) -> strawberry.ID | None:
        return None if root.row.batch_id is None else strawberry.ID(root.row.batch_id)

    progress: Progress = strawberry.field(description="Progress at the time of the event.")
    error: AnalysisError | None = strawberry.field(
        description="Error of the analysis or of the attempt. Null if there was no error."
    )

    @strawberry.field(description=current_state("analysis"), metadata=AT_ONCE)
    async def analysis(root: strawberry.Parent[Happening], info: Info) -> Analysis | None:
        return await resolve_events.subject(info.context, root)


@strawberry.type
class AnalysisQuery:
    @strawberry.field(
        directives=VIEWER,
        description="Returns an analysis by id. Null if the analysis does not exist or is not visible to the caller.",
        metadata={**lasting(), **AT_ONCE},
    )
    async def analysis(self, info: Info, id: Annotated[strawberry.ID, id_of("analysis")]) -> Analysis | None:
        return await resolve.analysis(info.context, id, columns_of(info, "Analysis"))

    @strawberry.field(directives=VIEWER, description="Lists the caller's analyses.", metadata={**lasting(), **AT_ONCE})
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
    ) -> AnalysisConnection:
        where = FilterValue() if filter is None else filter.value()
        order = order_by or AnalysisOrder()
        field = order.field or AnalysisOrderField.CREATED_AT
        descending = order.direction is not OrderDirection.ASC
        page = page_request(first, after, last, before)
        columns = columns_of(info, "Analysis")
        return await resolve.analyses(info.context, where, field, descending, page, columns=columns)

    @strawberry.field(directives=VIEWER, description="Lists the analyzers installed on this server, by name.")
    def analyzers(self, info: Info) -> list[Analyzer]:
        analyzers = info.context.services.analyzers
        return [analyzers[name] for name in sorted(analyzers)]


@strawberry.type
class AnalysisMutation:
    @strawberry.mutation(directives=ANALYST, description="Cancels a queued or running analysis.")
    async def cancel_analysis(
        self, info: Info, input: Annotated[CancelAnalysisInput, strawberry.argument(description="Analysis to cancel.")]
    ) -> CancelAnalysisPayload:
        return await resolve.cancel_analysis(info.context, input.id)

    @strawberry.mutation(
        directives=ANALYST,
        description=(
            "Runs a failed, canceled or timed-out analysis again. The analysis keeps its id. An analysis with "
            "rejected input can't be retried."
        ),
    )
    async def retry_analysis(
        self, info: Info, input: Annotated[RetryAnalysisInput, strawberry.argument(description="Analysis to retry.")]
    ) -> RetryAnalysisPayload:
        return await resolve.retry_analysis(info.context, input.id)

    @strawberry.mutation(
        directives=ANALYST,
        description=(
            "Deletes an analysis that has ended. Its events remain in the log. An item of a batch can be "
            "deleted after the whole batch has ended."
        ),
    )
    async def delete_analysis(
        self, info: Info, input: Annotated[DeleteAnalysisInput, strawberry.argument(description="Analysis to delete.")]
    ) -> DeleteAnalysisPayload:
        return await resolve.remove_analysis(info.context, input.id)


@strawberry.type
class AnalysisSubscription:
    @strawberry.subscription(
        directives=VIEWER,
        description=(
            "Sends the analysis immediately and after every change. Completes after the analysis ends or is deleted."
        ),
    )
    async def analysis(
        self, info: Info, id: Annotated[strawberry.ID, id_of("analysis")]
    ) -> AsyncGenerator[Analysis, None]:
        return await resolve_events.follow_subject(info.context, "analysis", id)
