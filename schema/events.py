"""Events in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.extensions import SchemaExtension

from resolvers import events as resolve
from resolvers.event_streams import follow_events
from resolvers.events import Happening
from schema.analyses import Analysis, AnalysisError
from schema.batches import Batch
from schema.common import AfterEvent, Info, PageInfo, Progress
from schema.scalars import describe
from store.events import EventFilter as FilterValue
from store.tables import AnalysisStatus, BatchStatus, EventType

describe(
    EventType,
    "Type of an event.",
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
        "BATCH_STARTED": "The first item of a batch started.",
        "BATCH_PROGRESS": "Items of a batch ended. Sent at most four times a second.",
        "BATCH_COMPLETED": "Every item of a batch has ended.",
        "BATCH_CANCELED": "A batch was canceled, and every item has ended.",
        "BATCH_TIMED_OUT": "A batch timed out, and every item has ended.",
    },
)


@strawberry.interface(
    description=(
        "An entry of the event log. The log is durable and ordered, so a disconnected subscriber can catch up."
    )
)
class Event:
    cursor: str = strawberry.field(description="Position in the event log. Pass as `after` to resume after this event.")
    type: EventType = strawberry.field(description="Type of the event.")
    occurred_at: datetime = strawberry.field(description="Time of the event.")
    subject_id: strawberry.ID = strawberry.field(description="Id of the object that the event is about.")


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

    # Subscribers to the same events share one answer, which `events.hub` keeps for ten seconds.
    @strawberry.field(
        description="Current state of the analysis, at most ten seconds old. Null if the analysis was deleted."
    )
    async def analysis(root: strawberry.Parent[Happening], info: Info) -> Analysis | None:
        return await resolve.subject_analysis(info.context, root)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening) and value.is_of_analysis


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

    @strawberry.field(description="Current state of the batch, at most ten seconds old. Null if the batch was deleted.")
    async def batch(root: strawberry.Parent[Happening], info: Info) -> Batch | None:
        return await resolve.subject_batch(info.context, root)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening) and not value.is_of_analysis


@strawberry.type(description="An event in a page.")
class EventEdge:
    cursor: str = strawberry.field(
        description="Position in the event log, for `after`. Equal to the cursor of the event."
    )
    node: Event = strawberry.field(description="The event.")


@strawberry.type(description="A page of events, oldest first.")
class EventConnection:
    edges: list[EventEdge] = strawberry.field(description="Events of the page, with cursors.")
    nodes: list[Event] = strawberry.field(description="Events of the page.")
    page_info: PageInfo = strawberry.field(description="Page information.")


@strawberry.input(description="Conditions for events. An event must match all given conditions.")
class EventFilter:
    types: list[EventType] | None = strawberry.field(default=None, description="Matches events of any of these types.")
    analysis_id: strawberry.ID | None = strawberry.field(default=None, description="Matches events of this analysis.")
    batch_id: strawberry.ID | None = strawberry.field(
        default=None, description="Matches events of this batch and its items."
    )

    def value(self) -> FilterValue:
        """Return the filter that the feed takes."""
        return resolve.event_filter(self.types, self.analysis_id, self.batch_id)


After = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "Resumes after this cursor. Null starts with the next event. If events after the cursor were deleted for "
            "their age, the request fails with the code HISTORY_GONE; its extension `historyBegins` holds the first "
            "usable cursor."
        )
    ),
]
Filter = Annotated[EventFilter | None, strawberry.argument(description="Conditions. All events if omitted.")]


class EventsEndFirst(SchemaExtension):
    """Reads `eventsEnd` before all other fields of the operation, so that no event falls between them."""

    async def on_execute(self) -> AsyncIterator[None]:
        operation = self.execution_context
        if "eventsEnd" in (operation.query or ""):
            with suppress(Exception):  # the field fails in the same way, and reports the error
                await resolve.end_of_events(operation.context)
        yield


@strawberry.type
class EventQuery:
    @strawberry.field(description="Lists past events, oldest first.")
    async def events(
        self,
        info: Info,
        filter: Filter = None,
        first: Annotated[
            int | None, strawberry.argument(description="Maximum number of events: 0 to 1,000. 20 if omitted.")
        ] = None,
        after: AfterEvent = None,
    ) -> EventConnection:
        where = FilterValue() if filter is None else filter.value()
        return await resolve.events(info.context, where, first, after)

    @strawberry.field(
        description=(
            "Cursor of the end of the event log, also of an empty log. Read before all other fields of the "
            "same query: a subscription after this cursor misses no change of the data in those fields."
        )
    )
    async def events_end(self, info: Info) -> str:
        return await resolve.end_of_events(info.context)


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        description=(
            "Streams events. Without `after`, the stream starts with the next event. With `after`, the stream "
            "first replays all events after that cursor and then continues live. Each event arrives exactly "
            "once and in order, from all server instances."
        )
    )
    async def events(
        self,
        info: Info,
        filter: Filter = None,
        after: After = None,
        progress_interval_seconds: Annotated[
            float | None,
            strawberry.argument(
                description=(
                    "Interval in seconds for thinning progress events: 0 to 60. Of the progress events of one object "
                    "in an interval, only the newest is sent, unless an event of another type comes in between; "
                    "events of other types are never thinned. Null means 0: all progress events."
                )
            ),
        ] = None,
    ) -> AsyncGenerator[Event, None]:
        where = FilterValue() if filter is None else filter.value()
        return await follow_events(info.context, where, after, progress_interval_seconds)
