"""Notes: add, read, close, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from store.tables.notes import NoteEventType, NoteRow, note

from store.events import append, new_event
from store.retention import Deleted, Round
from store.sql.ids import new_id
from store.sql.paging import rows_of
from store.sql.scope import ANYONE, mine, scope_of
from store.sql.short import Reader, Statement, is_one_of, is_sqlite, shapes
from store.sql.viewer import Viewer


async def add_note(connection: AsyncConnection, viewer: Viewer, batch_id: str, text: str, now: datetime) -> str:
    """Add a note with its event, and return its id."""
    row = NoteRow(id=new_id("note"), workspace=viewer.workspace, batch_id=batch_id, text=text)
    await connection.execute(insert(note).values(row.model_dump()))
    await _append(connection, row, NoteEventType.NOTE_ADDED, now)
    return row.id


async def close_note(connection: AsyncConnection, viewer: Viewer, id_: str, now: datetime) -> bool:
    """Close an open note, with its event. Returns False if there is none."""
    statement = (
        update(note)
        .where(note.c.id == id_, mine(note, viewer), note.c.finished_at.is_(None))
        .values(finished_at=now)
        .returning(note)
    )
    rows = rows_of(await connection.execute(statement), NoteRow)
    for row in rows:
        await _append(connection, row, NoteEventType.NOTE_CLOSED, now)
    return bool(rows)


async def _append(connection: AsyncConnection, row: NoteRow, type_: NoteEventType, now: datetime) -> None:
    data = orjson.dumps({"text": row.text}).decode()
    await append(connection, [new_event(row.workspace, type_, row.id, now, data, batch_id=row.batch_id)])


async def notes_by_id(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, NoteRow]:
    """Return the existing notes of the viewer's workspace among these, by id."""
    rows = await _by_id(is_sqlite(reader)).fetch(reader, {"ids": list(ids), **scope_of(viewer)})
    return {row.id: row for row in rows}


@shapes
def _by_id(sqlite: bool) -> Statement:
    these = (is_one_of(note.c.id, "ids", sqlite=sqlite), mine(note, ANYONE))
    return Statement(select(note).where(*these), sqlite=sqlite)


async def clean_up_notes(round_: Round, before: datetime) -> None:
    """Delete notes that were closed before this time."""
    while (count := await round_.slice(partial(_delete, before=before, limit=round_.rows))) > 0:
        round_.deleted["notes"] += count


async def _delete(connection: AsyncConnection, before: datetime, limit: int) -> int:
    some = select(note.c.id).where(note.c.finished_at < before).limit(limit)
    return (await connection.execute(delete(note).where(note.c.id.in_(some)))).rowcount


async def count_old_notes(connection: AsyncConnection, before: datetime) -> Deleted:
    """Return the number of notes that `clean_up_notes` would delete now."""
    old = await connection.execute(select(func.count()).where(note.c.finished_at < before))
    return Deleted(notes=old.scalar_one())
