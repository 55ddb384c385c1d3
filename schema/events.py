"""Events in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Annotated

import strawberry

from execution.strawberry_parts import AT_ONCE, FIRST
from resolvers import events as resolve
from resolvers.event_streams import follow_events
from resolvers.events import Happening
from resolvers.subjects import EVENT_TYPE_NAMES, SUBJECTS
from schema.access import VIEWER
from schema.common import AfterEvent, Info, PageInfo
from store.events import EventFilter as FilterValue
from store.subjects import EventType

strawberry.enum(EventType, description="Type of an event.")


def describe_events(descriptions: Mapping[str, str]) -> None:
    """Set the descriptions of a subject's event types in the enum that clients read."""
    values = {value.name: value for value in EventType.__strawberry_definition__.values}  # type: ignore[attr-defined]
    for name, description in descriptions.items():
        values[name].description = description


def current_state(noun: str) -> str:
    """Return the description of an event's field for its subject.

    Subscribers to the same events share one answer, which `events.hub` keeps for ten seconds.
    """
    deleted = f"Null if the {noun} was deleted, and always in {noun.upper()}_DELETED."
    return f"Current state of the {noun}, at most ten seconds old. {deleted}"


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

    @classmethod
    def resolve_type(cls, event: Happening, _info: object, _type: object) -> str:
        return EVENT_TYPE_NAMES[event.type]

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Happening)  # of the type that `resolve_type` has found


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
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="Matches events about this object, of any type. Null means all objects."
    )
    analyzer: list[str] | None = strawberry.field(
        default=None,
        description=(
            "Matches events of analyses of any of these analyzers, by name, at most 100 names. Events of earlier "
            "server versions match none. Null means all analyzers."
        ),
    )
    problems_only: bool | None = strawberry.field(
        default=None,
        description=(
            "True matches only events about problems: failures, timeouts, retries by the server and alerts. Null "
            "means false."
        ),
    )

    def value(self) -> FilterValue:
        """Return the filter of the store. Each field for an id is named for a kind of subject."""
        given = {kind: getattr(self, f"{kind}_id", None) for kind in SUBJECTS}
        return resolve.event_filter(
            self.types,
            {kind: id_ for kind, id_ in given.items() if id_ is not None},
            subject_id=self.subject_id,
            analyzers=self.analyzer,
            problems_only=bool(self.problems_only),
        )


After = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "Resumes after this cursor. Null starts with the next event. If events after the cursor were deleted for "
            "their age, or the database was replaced or restored from a backup without the event of the cursor, the "
            "request fails with the code HISTORY_GONE; its extension `historyBegins` holds the first usable cursor."
        )
    ),
]
Filter = Annotated[EventFilter | None, strawberry.argument(description="Conditions. All events if omitted.")]


@strawberry.type
class EventQuery:
    @strawberry.field(directives=VIEWER, description="Lists past events, oldest first.", metadata=AT_ONCE)
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
        directives=VIEWER,
        description=(
            "Cursor of the end of the event log, also of an empty log. Read before all other fields of the "
            "same query: a subscription after this cursor misses no change of the data in those fields."
        ),
        metadata={FIRST: resolve.end_of_events},
    )
    async def events_end(self, info: Info) -> str:
        return await resolve.end_of_events(info.context)

    @strawberry.field(
        directives=VIEWER,
        description=(
            "Returns the cursor before the first event at or after a time: a start for `events` and subscriptions. For "
            "a time before the kept history the cursor of its beginning, for a time in the future the cursor of its "
            "end."
        ),
    )
    async def events_cursor_at(
        self, info: Info, time: Annotated[datetime, strawberry.argument(description="The time.")]
    ) -> str:
        return await resolve.cursor_of_time(info.context, time)


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        directives=VIEWER,
        description=(
            "Streams events. Without `after`, the stream starts with the next event. With `after`, the stream "
            "first replays all events after that cursor and then continues live. Each event arrives exactly "
            "once and in order, from all server instances."
        ),
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
