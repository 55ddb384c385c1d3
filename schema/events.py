"""Events in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.extensions import SchemaExtension

from resolvers import events as resolve
from resolvers.event_streams import follow_events
from resolvers.events import Happening
from resolvers.subjects import SUBJECTS
from schema.common import Info, PageInfo
from store.events import EventFilter as FilterValue
from store.subjects import EventType

strawberry.enum(EventType, description="What happened.")


def describe_events(descriptions: Mapping[str, str]) -> None:
    """Set the descriptions of a subject's event types in the enum that clients read."""
    values = {value.name: value for value in EventType.__strawberry_definition__.values}  # type: ignore[attr-defined]
    for name, description in descriptions.items():
        values[name].description = description


# Subscribers to the same events share one answer, which `events.hub` keeps for ten seconds.
AS_ANSWERED = "As it was when this was answered, at most ten seconds ago; null where it had been deleted."


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

    @classmethod
    def resolve_type(cls, event: Happening, _info: object, _type: object) -> str:
        return SUBJECTS[event.kind].event_type_name

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening)  # of the type that `resolve_type` has found


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
        """Return the filter of the store. Each field for an id is named for a kind of subject."""
        given = {kind: getattr(self, f"{kind}_id", None) for kind in SUBJECTS}
        return resolve.event_filter(self.types, {kind: id_ for kind, id_ in given.items() if id_ is not None})


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
