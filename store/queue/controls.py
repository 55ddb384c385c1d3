"""Controls of the queue: pauses, and limits of slots.

One row for the whole queue, and one for each analyzer that ever had a control. Workers follow a change at their next
look, within a second; running analyses continue. A paused queue still accepts submissions. Each change is an event of
the installation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Executable, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import append, new_event
from store.sql.database import announce
from store.sql.paging import rows_of
from store.sql.scope import EVERYWHERE
from store.tables import ControlRow, QueueEventType

# The name of the whole queue's row; no analyzer has an empty name.
WHOLE_QUEUE = ""
# The subject of events about the whole queue.
QUEUE_SUBJECT = "queue"

_control = tables.control


@dataclass(frozen=True, slots=True)
class Controls:
    """The present controls."""

    paused: bool
    """Whether the whole queue is paused."""
    paused_analyzers: frozenset[str]
    """The paused analyzers."""
    limits: Mapping[str, int]
    """The most slots of one worker by analyzer, from 1; a missing analyzer has no limit."""
    slots: int | None
    """Slots of each worker, 1 to MAX_SLOTS; None for each worker's own setting."""


async def read_controls(connection: AsyncConnection) -> Controls:
    """Read the present controls."""
    rows = {row.analyzer: row for row in await control_rows(connection)}
    whole = rows.pop(WHOLE_QUEUE, None)
    return Controls(
        paused=whole is not None and whole.paused_at is not None,
        paused_analyzers=frozenset(name for name, row in rows.items() if row.paused_at is not None),
        limits={name: row.slots for name, row in rows.items() if row.slots is not None},
        slots=None if whole is None else whole.slots,
    )


async def control_rows(connection: AsyncConnection) -> list[ControlRow]:
    """Return the rows, the whole queue's first; an analyzer without a row never had a control."""
    return rows_of(await connection.execute(select(_control).order_by(_control.c.analyzer)), ControlRow)


async def pause(connection: AsyncConnection, analyzer: str | None, now: datetime, *, reason: str | None = None) -> bool:
    """Pause this analyzer, or the whole queue, for a reason; False if paused already, which keeps time and reason."""
    values = {"paused_at": now, "pause_reason": reason}
    return await _change(connection, _set(connection, analyzer, _control.c.paused_at.is_(None), values), now)


async def resume(connection: AsyncConnection, analyzer: str | None, now: datetime) -> bool:
    """End the pause of this analyzer, or of the whole queue; False if not paused."""
    return await _change(connection, _clear(analyzer, "paused_at", "pause_reason"), now)


async def set_slots(connection: AsyncConnection, analyzer: str | None, slots: int | None, now: datetime) -> bool:
    """Set the most slots of one worker for this analyzer, or the slots of each worker; False without a change.

    None for no limit, or for each worker's own setting. The caller checks the bounds, 1 to MAX_SLOTS.
    """
    if slots is None:
        return await _change(connection, _clear(analyzer, "slots"), now)
    differs = _control.c.slots.is_distinct_from(slots)
    return await _change(connection, _set(connection, analyzer, differs, {"slots": slots}), now)


def _set(
    connection: AsyncConnection, analyzer: str | None, differs: ColumnElement[bool], values: Mapping[str, object]
) -> Executable:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return (
        insert(_control)
        .values(analyzer=analyzer or WHOLE_QUEUE, **values)
        .on_conflict_do_update(index_elements=[_control.c.analyzer], set_=values, where=differs)
        .returning(_control.c.analyzer)
    )


def _clear(analyzer: str | None, column: str, *others: str) -> Executable:
    """Return the statement that clears these columns, if the first is not null."""
    return (
        update(_control)
        .where(_control.c.analyzer == (analyzer or WHOLE_QUEUE), _control.c[column].is_not(None))
        .values(dict.fromkeys((column, *others)))
        .returning(_control.c.analyzer)
    )


async def _change(connection: AsyncConnection, statement: Executable, now: datetime) -> bool:
    """Execute the statement, and report the change, if there is one, to workers and in the event log."""
    analyzer = (await connection.execute(statement)).scalar_one_or_none()
    if analyzer is None:
        return False
    subject = QUEUE_SUBJECT if analyzer == WHOLE_QUEUE else f"analyzer_{analyzer}"
    await append(connection, [new_event(EVERYWHERE, QueueEventType.QUEUE_CHANGED, subject, now, "{}")])
    announce(connection, "controls")
    return True
