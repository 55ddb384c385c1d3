"""Analyses in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from analyzers.base import AnalysisErrorCode
from resolvers import analyses as resolve
from resolvers import events as resolve_events
from resolvers.paging import page_request
from schema.analyzers import AnalysisResult, Analyzer
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
from schema.scalars import JSON, describe
from store.analyses import AnalysisFilter as FilterValue
from store.analyses import AnalysisOrderField
from store.queue.progress import progress_of_analysis
from store.sql.paging import DEFAULT_PAGE
from store.tables import AnalysisRow, AnalysisStatus

if TYPE_CHECKING:
    from schema.batches import Batch
    from schema.events import EventConnection

describe(
    AnalysisStatus,
    "Where an analysis stands.",
    {
        "QUEUED": "It waits for a worker, for the first time or for another try.",
        "RUNNING": "A worker has it.",
        "COMPLETED": "It has a result.",
        "FAILED": "It ended with an error, after as many tries as it may have.",
        "CANCELED": "Somebody canceled it.",
        "TIMED_OUT": "Its time, or its batch's, was up before it had ended.",
    },
)


describe(
    AnalysisErrorCode,
    "Why an analysis did not complete.",
    {
        "INPUT_UNREADABLE": "The input is empty or malformed, or can't be read.",
        "INPUT_TOO_LARGE": "The input, or the result it leads to, is beyond the analyzer's bounds.",
        "UNSUPPORTED_FORMAT": "No analyzer of this server reads such input, or this install lacks what it takes.",
        "ANALYZER_FAILED": "The analyzer raised an error; the message tells which.",
        "WORKER_LOST": "The process that ran it went away, as often as it was tried.",
        "MEMORY_EXCEEDED": "It took more memory than its analyzer may.",
        "TIMED_OUT": "Its time, or its batch's, was up before it had ended.",
        "CANCELED": "Somebody canceled it.",
    },
)


@strawberry.type(description="Why an analysis did not complete.")
class AnalysisError:
    code: AnalysisErrorCode = strawberry.field(description="What kind of error it is.")
    message: str = strawberry.field(description="What went wrong, in a sentence.")
    retryable: bool = strawberry.field(description="Whether another try could end differently.")


@strawberry.type(description="One piece of work: an input, the analyzer that reads it, and what came out.")
class Analysis(Node):
    id: strawberry.ID = strawberry.field(description="The id, `analysis_…`.")
    key: str | None = strawberry.field(description="The caller's own name for it; unique within its batch.")
    status: AnalysisStatus = strawberry.field(description="Where it stands.")
    priority: int = strawberry.field(description="From 1 (last) to 10 (first).")
    input_text: str | None = strawberry.field(
        description="The text that it reads; null where it reads none, or where the text was refused."
    )
    attempt: int = strawberry.field(description="Which try this is or was, from 1; 0 before the first.")
    max_attempts: int = strawberry.field(description="How often it is tried where another try could end differently.")
    created_at: datetime = strawberry.field(description="When it was accepted.")
    updated_at: datetime = strawberry.field(description="When it last changed.")
    started_at: datetime | None = strawberry.field(description="When its last try began; null before the first.")
    finished_at: datetime | None = strawberry.field(description="When it ended; null before.")
    processing_time_ms: float | None = strawberry.field(
        description="Milliseconds of the last attempt, from start to end."
    )

    @strawberry.field(description="The analyzer that reads the input.")
    def analyzer(root: strawberry.Parent[AnalysisRow], info: Info) -> Analyzer:
        return resolve.analyzer(info.context, root)

    @strawberry.field(description="The value that it reads; null where it reads none, or where it was refused.")
    def input_data(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON | None:
        return resolve.input_data(info.context, root)

    @strawberry.field(description="The options it runs with, defaults filled in.")
    def options(root: strawberry.Parent[AnalysisRow], info: Info) -> JSON:
        return resolve.options(info.context, root)

    @strawberry.field(description="Null until it has completed.")
    def result(root: strawberry.Parent[AnalysisRow], info: Info) -> AnalysisResult | None:
        return resolve.result(info.context, root)

    @strawberry.field(description="Null unless it failed, timed out or was canceled.")
    def error(root: strawberry.Parent[AnalysisRow]) -> AnalysisError | None:
        return resolve.error(root)

    @strawberry.field(description="How far it has come.")
    def progress(root: strawberry.Parent[AnalysisRow]) -> Progress:
        return progress_of_analysis(root)

    @strawberry.field(description="The batch it belongs to; null where it was submitted by itself.")
    async def batch(
        root: strawberry.Parent[AnalysisRow], info: Info
    ) -> Annotated[Batch, strawberry.lazy("schema.batches")] | None:
        return None if root.batch_id is None else await info.context.batches.load(root.batch_id)

    @strawberry.field(description="Its own history, oldest first.")
    async def events(
        root: strawberry.Parent[AnalysisRow], info: Info, first: FirstEvents = DEFAULT_PAGE, after: AfterEvent = None
    ) -> Annotated[EventConnection, strawberry.lazy("schema.events")]:
        where = resolve_events.event_filter(analysis_id=root.id)
        return await resolve_events.events(info.context, where, first, after)

    @classmethod
    def is_type_of(cls, value: Any, _info: object) -> bool:
        return getattr(value, "id", "").startswith("analysis_")


@strawberry.input(description="Which analyses; every condition that is given must hold.")
class AnalysisFilter:
    status: list[AnalysisStatus] | None = strawberry.field(default=None, description="In one of these statuses.")
    analyzer: list[str] | None = strawberry.field(default=None, description="Of one of these analyzers, by name.")
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="An item of this batch.")
    created_after: datetime | None = strawberry.field(default=None, description="Accepted later than this.")
    created_before: datetime | None = strawberry.field(default=None, description="Accepted earlier than this.")
    search: str | None = strawberry.field(
        default=None,
        description=(
            "Words that stand in the input text, all of them, in any order; at most 10 words, 200 characters. "
            "Upper and lower case are alike (on SQLite, those of ASCII letters)."
        ),
    )

    def value(self) -> FilterValue:
        """What the store takes."""
        return FilterValue(
            self.status, self.analyzer, self.batch_id, self.created_after, self.created_before, self.search
        )


describe(
    AnalysisOrderField,
    "What analyses are ordered by.",
    {
        "CREATED_AT": "When they were accepted.",
        "FINISHED_AT": "When they ended; those that have not count as ended longest ago.",
        "PRIORITY": "Their priority; within one, when they were accepted.",
        "PROCESSING_TIME": "How long their last attempt took; those without one count as the shortest.",
    },
)


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


describe(
    OrderDirection,
    "Which end comes first.",
    {"ASC": "The least or oldest first.", "DESC": "The greatest or newest first."},
)


@strawberry.input(description="The order of a list of analyses.")
class AnalysisOrder:
    field: AnalysisOrderField | None = strawberry.field(
        default=AnalysisOrderField.CREATED_AT, description="What they are ordered by."
    )
    direction: OrderDirection | None = strawberry.field(
        default=OrderDirection.DESC, description="Which end comes first."
    )


@strawberry.input(description="Which analysis to cancel.")
class CancelAnalysisInput:
    id: strawberry.ID = strawberry.field(description="Its id, `analysis_…`.")


@strawberry.type(description="The analysis that was canceled.")
class CancelAnalysisPayload:
    analysis: Analysis | None = strawberry.field(
        description="CANCELED, or still RUNNING where stopping it takes longer than two seconds; null where refused."
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Which analysis to run again.")
class RetryAnalysisInput:
    id: strawberry.ID = strawberry.field(description="Its id, `analysis_…`.")


@strawberry.type(description="The analysis that runs again.")
class RetryAnalysisPayload:
    analysis: Analysis | None = strawberry.field(description="It, queued again; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Which analysis to delete.")
class DeleteAnalysisInput:
    id: strawberry.ID = strawberry.field(description="Its id, `analysis_…`.")


@strawberry.type(description="The analysis that was deleted.")
class DeleteAnalysisPayload:
    deleted_id: strawberry.ID | None = strawberry.field(description="The id that it had; null where refused.")
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.type
class AnalysisQuery:
    @strawberry.field(description="Null where there is none, or it is not the caller's to see.")
    async def analysis(self, info: Info, id: Id) -> Analysis | None:
        return await resolve.analysis(info.context, id)

    @strawberry.field(description="The caller's analyses.")
    async def analyses(
        self,
        info: Info,
        filter: Annotated[AnalysisFilter | None, strawberry.argument(description="Which; all without it.")] = None,
        order_by: Annotated[
            AnalysisOrder | None, strawberry.argument(description="In which order; the newest first without it.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Analysis]:
        where = FilterValue() if filter is None else filter.value()
        order = order_by or AnalysisOrder()
        field = order.field or AnalysisOrderField.CREATED_AT
        descending = order.direction is not OrderDirection.ASC
        page = page_request(first, after, last, before)
        return await resolve.analyses(info.context, where, field, descending, page)

    @strawberry.field(description="The analyzers that this server has, by name.")
    def analyzers(self, info: Info) -> list[Analyzer]:
        analyzers = info.context.services.analyzers
        return [analyzers[name] for name in sorted(analyzers)]


@strawberry.type
class AnalysisMutation:
    @strawberry.mutation(description="Takes back a queued analysis, or stops a running one.")
    async def cancel_analysis(
        self, info: Info, input: Annotated[CancelAnalysisInput, strawberry.argument(description="Which.")]
    ) -> CancelAnalysisPayload:
        return await resolve.cancel_analysis(info.context, input.id)

    @strawberry.mutation(description="Runs a failed, canceled or timed-out analysis again, in its place.")
    async def retry_analysis(
        self, info: Info, input: Annotated[RetryAnalysisInput, strawberry.argument(description="Which.")]
    ) -> RetryAnalysisPayload:
        return await resolve.retry_analysis(info.context, input.id)

    @strawberry.mutation(description="Deletes an analysis that has ended. Its events stay in the log.")
    async def delete_analysis(
        self, info: Info, input: Annotated[DeleteAnalysisInput, strawberry.argument(description="Which.")]
    ) -> DeleteAnalysisPayload:
        return await resolve.remove_analysis(info.context, input.id)


@strawberry.type
class AnalysisSubscription:
    @strawberry.subscription(description="The analysis at once, then whenever it changes; ends when it does.")
    async def analysis(self, info: Info, id: Id) -> AsyncGenerator[Analysis, None]:
        return await resolve_events.follow_analysis(info.context, id)
