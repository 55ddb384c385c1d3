"""Notes in the schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
from store.tables.notes import NoteRow

from resolvers import events as resolve_events
from resolvers import notes as resolve
from resolvers.events import Happening
from schema.common import AfterEvent, FirstEvents, Info, Node
from schema.events import Event, EventConnection, describe_events
from store.subjects import events_of

describe_events(
    {
        "NOTE_ADDED": "A note was added to a batch.",
        "NOTE_CLOSED": "A note was closed.",
    }
)


@strawberry.type(description="A text about a batch, open until somebody closes it.")
class Note(Node):
    id: strawberry.ID = strawberry.field(description="Id of the note, `note_…`.")
    text: str = strawberry.field(description="Text of the note.")
    finished_at: datetime | None = strawberry.field(description="Time of closing. Null if the note is open.")

    @strawberry.field(description="Events of the note, oldest first.")
    async def events(
        root: strawberry.Parent[NoteRow], info: Info, first: FirstEvents = 20, after: AfterEvent = None
    ) -> EventConnection:
        return await resolve_events.events(info.context, events_of(root.id), first, after)


@strawberry.type(description="An event of a note.")
class NoteEvent(Event):
    @strawberry.field(description="Text of the note at the time of the event.")
    def text(root: strawberry.Parent[Happening]) -> str:
        return root.data["text"]

    @strawberry.field(description="Current state of the note. Null if the note was deleted.")
    async def note(root: strawberry.Parent[Happening], info: Info) -> Note | None:
        return await resolve_events.subject(info.context, root)


@strawberry.type
class NoteQuery:
    @strawberry.field(description="Waits until a note is closed, and returns it.")
    async def closed_note(self, info: Info, id: strawberry.ID) -> Note | None:
        return await resolve.closed(info.context, id)


@strawberry.type
class NoteMutation:
    @strawberry.mutation(description="Adds a note to a batch.")
    async def add_note(self, info: Info, batch_id: strawberry.ID, text: str) -> Note | None:
        return await resolve.add(info.context, batch_id, text)

    @strawberry.mutation(description="Closes a note.")
    async def close_note(self, info: Info, id: strawberry.ID) -> Note | None:
        return await resolve.close(info.context, id)


@strawberry.type
class NoteSubscription:
    @strawberry.subscription(description="Sends the note immediately and after every change.")
    async def note(self, info: Info, id: strawberry.ID) -> AsyncGenerator[Note, None]:
        return await resolve_events.follow_subject(info.context, "note", id)
