"""Notes: add, read, close."""

from __future__ import annotations

from store.notes import add_note, close_note, notes_by_id
from store.tables.notes import NoteRow

from resolvers.context import Context
from resolvers.user_errors import require_id
from resolvers.waiting import wait_until_ended
from store.sql.clock import utcnow

_WAIT_SECONDS = 60.0


async def note(context: Context, id_: str) -> NoteRow | None:
    """Return the note with this id. None if the viewer can't see one."""
    return await context.load(notes_by_id, require_id("note", id_))


async def add(context: Context, batch_id: str, text: str) -> NoteRow | None:
    """Add a note about a batch."""
    async with context.services.database.write() as connection:
        id_ = await add_note(connection, context.viewer, require_id("batch", batch_id, "batchId"), text, utcnow())
    return await note(context, id_)


async def close(context: Context, id_: str) -> NoteRow | None:
    """Close a note. None if it does not exist or is closed already."""
    async with context.services.database.write() as connection:
        closed = await close_note(connection, context.viewer, require_id("note", id_), utcnow())
    return await note(context, id_) if closed else None


async def closed(context: Context, id_: str) -> NoteRow | None:
    """Wait until the note is closed, and return it."""
    await wait_until_ended(context, require_id("note", id_), seconds=_WAIT_SECONDS)
    context.forget()
    return await note(context, id_)
