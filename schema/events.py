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
from schema.common import Info, PageInfo, Progress
from schema.scalars import describe
from store.events import EventFilter as FilterValue
from store.tables import AnalysisStatus, BatchStatus, EventType

describe(
    EventType,
    "What happened.",
    {
        "ANALYSIS_QUEUED": "An analysis was accepted, retried by a person, or given back unharmed by its worker.",
        "ANALYSIS_STARTED": "A worker took an analysis; each try has one.",
        "ANALYSIS_PROGRESS": "A running analysis told how far it has come.",
        "ANALYSIS_RETRYING": "A try failed in a way that another may not; the error tells how. It waits for the next.",
        "ANALYSIS_COMPLETED": "An analysis has a result.",
        "ANALYSIS_FAILED": "An analysis ended with an error.",
        "ANALYSIS_CANCELED": "An analysis was canceled.",
        "ANALYSIS_TIMED_OUT": "An analysis's time was up.",
        "BATCH_STARTED": "The first item of a batch began.",
        "BATCH_PROGRESS": "Items of a batch ended; told at most four times a second.",
        "BATCH_COMPLETED": "Every item of a batch has ended.",
        "BATCH_CANCELED": "A batch was canceled, and every item has ended.",
        "BATCH_TIMED_OUT": "A batch's time was up, and every item has ended.",
    },
)

# Who wants the same shares an answer, for as long as `events.hub` keeps it.
_AS_ANSWERED = "As it was when this was answered, at most ten seconds ago; null where it had been deleted."


@strawberry.interface(
    description="Something that happened. Kept, in order, so that a subscriber that was away can catch up."
)
class Event:
    cursor: str = strawberry.field(
        description="Its place in the order of all events. Give it back as `after` to go on behind it."
    )
    type: EventType = strawberry.field(description="What happened.")
    occurred_at: datetime = strawberry.field(description="When.")
    subject_id: strawberry.ID = strawberry.field(description="The id of what it happened to.")


@strawberry.type(description="Something that happened to an analysis.")
class AnalysisEvent(Event):
    @strawberry.field(description="As it was when the event happened.")
    def status(root: strawberry.Parent[Happening]) -> AnalysisStatus:
        return root.data["status"]

    progress: Progress = strawberry.field(description="How far it had come.")
    error: AnalysisError | None = strawberry.field(
        description="Why it, or this try of it, did not complete; null otherwise."
    )

    @strawberry.field(description=_AS_ANSWERED)
    async def analysis(root: strawberry.Parent[Happening], info: Info) -> Analysis | None:
        return await resolve.subject_analysis(info.context, root)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening) and value.is_of_analysis


@strawberry.type(description="Something that happened to a batch.")
class BatchEvent(Event):
    @strawberry.field(description="As it was when the event happened.")
    def status(root: strawberry.Parent[Happening]) -> BatchStatus:
        return root.data["status"]

    @strawberry.field(description="How many items it was submitted with.")
    def total_items(root: strawberry.Parent[Happening]) -> int:
        return root.data["total_items"]

    @strawberry.field(description="Items that had completed.")
    def processed(root: strawberry.Parent[Happening]) -> int:
        return root.data["processed"]

    @strawberry.field(description="Items that had failed.")
    def failed(root: strawberry.Parent[Happening]) -> int:
        return root.data["failed"]

    progress: Progress = strawberry.field(description="How far it had come.")

    @strawberry.field(description=_AS_ANSWERED)
    async def batch(root: strawberry.Parent[Happening], info: Info) -> Batch | None:
        return await resolve.subject_batch(info.context, root)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening) and not value.is_of_analysis


@strawberry.type(description="One event of a list, and its place there.")
class EventEdge:
    cursor: str = strawberry.field(description="Its place, for `after`: the event's own cursor.")
    node: Event = strawberry.field(description="The event.")


@strawberry.type(description="A page of the log, oldest first.")
class EventConnection:
    edges: list[EventEdge] = strawberry.field(description="The page, each event with its cursor.")
    nodes: list[Event] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and where to go on.")


@strawberry.input(description="Which events; every condition that is given must hold.")
class EventFilter:
    types: list[EventType] | None = strawberry.field(default=None, description="Of one of these types.")
    analysis_id: strawberry.ID | None = strawberry.field(default=None, description="Of this analysis.")
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Of this batch and its items.")

    def value(self) -> FilterValue:
        """What the feed takes."""
        return resolve.event_filter(self.types, self.analysis_id, self.batch_id)


After = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "Behind the event of this cursor. Where what stood behind it has been deleted for its age, the error has "
            "the code HISTORY_GONE, and the cursor behind which all is kept as `historyBegins`."
        )
    ),
]
Filter = Annotated[EventFilter | None, strawberry.argument(description="Which; all without it.")]


class EventsEndFirst(SchemaExtension):
    """Reads `eventsEnd` before any other field of its operation is read, so that nothing falls between them."""

    async def on_execute(self) -> AsyncIterator[None]:
        operation = self.execution_context
        if "eventsEnd" in (operation.query or ""):
            with suppress(Exception):  # which the field meets too, and can tell
                await resolve.end_of_events(operation.context)
        yield


@strawberry.type
class EventQuery:
    @strawberry.field(description="What has happened, oldest first.")
    async def events(
        self,
        info: Info,
        filter: Filter = None,
        first: Annotated[
            int | None, strawberry.argument(description="At most so many: 0 to 1,000; 20 where it is not given.")
        ] = None,
        after: After = None,
    ) -> EventConnection:
        where = FilterValue() if filter is None else filter.value()
        return await resolve.events(info.context, where, first, after)

    @strawberry.field(
        description=(
            "The cursor of the log's end, an empty log's too: what happens from now on stands behind it, and nothing "
            "else. It is read before any other field of the same query: subscribe after it, and of what those fields "
            "show no change is missed."
        )
    )
    async def events_end(self, info: Info) -> str:
        return await resolve.end_of_events(info.context)


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        description=(
            "What happens from now on or, with `after`, from behind that cursor on: first what was missed, then what "
            "is new, each event once and in order, whichever server instance it happened on."
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
                    "How often progress is worth telling: of what comes within so many seconds only the newest of each "
                    "analysis and batch is sent, unless something else happened in between. 0 to 60; 0, all of it, "
                    "where it is not given."
                )
            ),
        ] = None,
    ) -> AsyncGenerator[Event, None]:
        where = FilterValue() if filter is None else filter.value()
        return await follow_events(info.context, where, after, progress_interval_seconds)
