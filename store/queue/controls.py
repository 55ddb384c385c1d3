"""The operator's hold on the queue: what is paused, and how many slots of a worker run what.

One row for the queue as a whole and one for each analyzer that was ever held. Workers obey within their next look;
what runs already goes on. A paused queue still takes what is submitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Executable, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.database import announce
from store.sql.paging import rows_of
from store.tables import ControlRow

# The name under which the queue as a whole is kept; no analyzer has it.
WHOLE_QUEUE = ""
MAX_SLOTS = 256

_control = tables.control


@dataclass(frozen=True, slots=True)
class Controls:
    """What workers obey."""

    paused: bool
    """Nothing is claimed."""
    paused_analyzers: frozenset[str]
    """Nothing of these analyzers is claimed."""
    limits: Mapping[str, int]
    """Slots of one worker that may run this analyzer at once, from 1; an analyzer that is not there has no limit."""
    slots: int | None
    """Slots of each worker, from 1 to MAX_SLOTS; None is what each was started with."""


async def read_controls(connection: AsyncConnection) -> Controls:
    """What holds now."""
    rows = {row.analyzer: row for row in await control_rows(connection)}
    whole = rows.pop(WHOLE_QUEUE, None)
    return Controls(
        paused=whole is not None and whole.paused_at is not None,
        paused_analyzers=frozenset(name for name, row in rows.items() if row.paused_at is not None),
        limits={name: row.slots for name, row in rows.items() if row.slots is not None},
        slots=None if whole is None else whole.slots,
    )


async def control_rows(connection: AsyncConnection) -> list[ControlRow]:
    """The rows as they are, that of the whole queue first; an analyzer without one was never held."""
    return rows_of(await connection.execute(select(_control).order_by(_control.c.analyzer)), ControlRow)


async def pause(connection: AsyncConnection, analyzer: str | None, now: datetime) -> bool:
    """Have nothing more of this analyzer claimed, or nothing at all; False where that was so already."""
    return await _set(connection, analyzer, _control.c.paused_at.is_(None), paused_at=now)


async def resume(connection: AsyncConnection, analyzer: str | None) -> bool:
    """Take back the pause of this analyzer, or that of the whole queue; False where there was none."""
    return await _clear(connection, analyzer, "paused_at")


async def set_slots(connection: AsyncConnection, analyzer: str | None, slots: int | None) -> bool:
    """Set how many slots of one worker may run this analyzer, or how many each worker has; False where it was so.

    None is no limit, or as many as each worker was started with. The caller keeps to 1 … MAX_SLOTS.
    """
    if slots is None:
        return await _clear(connection, analyzer, "slots")
    return await _set(connection, analyzer, _control.c.slots.is_distinct_from(slots), slots=slots)


async def _set(
    connection: AsyncConnection, analyzer: str | None, differs: ColumnElement[bool], **values: object
) -> bool:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(_control)
        .values(analyzer=analyzer or WHOLE_QUEUE, **values)
        .on_conflict_do_update(index_elements=[_control.c.analyzer], set_=values, where=differs)
        .returning(_control.c.analyzer)
    )
    return await _changed(connection, statement)


async def _clear(connection: AsyncConnection, analyzer: str | None, column: str) -> bool:
    statement = (
        update(_control)
        .where(_control.c.analyzer == (analyzer or WHOLE_QUEUE), _control.c[column].is_not(None))
        .values({column: None})
        .returning(_control.c.analyzer)
    )
    return await _changed(connection, statement)


async def _changed(connection: AsyncConnection, statement: Executable) -> bool:
    changed = (await connection.execute(statement)).first() is not None
    if changed:
        announce(connection, "controls")
    return changed
