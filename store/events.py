"""The event log: what happened, in order, written in the transaction that made it happen.

A cursor is a place in the log, (`xid`, `position`), in one opaque form that says which database it is of.
Reading behind a cursor in the order of the log never skips and never repeats: on PostgreSQL a transaction that is
still open holds back those that began after it (see `EventRow`), so that nothing appears behind a reader's back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.bulk import Bulk
from store.columns import microseconds
from store.database import announce
from store.paging import rows_of
from store.script import Row, Script
from store.tables import EventRow, EventType
from store.viewer import Viewer

_CURSOR = re.compile(r"([sp])([0-9a-f]{1,15})-([0-9a-f]{1,15})")


class Place(NamedTuple):
    """A place in the log; `Place(0, 0)` is before everything."""

    xid: int
    position: int


START = Place(0, 0)


class HistoryGone(Exception):
    """What stood behind a cursor has been deleted: the log begins behind `start`."""

    def __init__(self, start: Place) -> None:
        super().__init__(start)
        self.start = start


def write_cursor(place: Place, *, sqlite: bool) -> str:
    """The cursor of a place."""
    return f"{'s' if sqlite else 'p'}{place.xid:x}-{place.position:x}"


def read_cursor(cursor: str, *, sqlite: bool) -> Place | None:
    """The place of a cursor; None where it is malformed or of the other kind of database."""
    match = _CURSOR.fullmatch(cursor)
    if match is None or (match[1] == "s") != sqlite:
        return None
    return Place(int(match[2], 16), int(match[3], 16))


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: every condition that is given must hold."""

    types: frozenset[EventType] | None = None
    analysis_id: str | None = None
    batch_id: str | None = None

    def matches(self, event: EventRow) -> bool:
        """Whether this event is among them."""
        return (
            (self.types is None or event.type in self.types)
            and (self.analysis_id is None or event.analysis_id == self.analysis_id)
            and (self.batch_id is None or event.batch_id == self.batch_id)
        )


def place_of(event: EventRow) -> Place:
    """Where this event stands in the log."""
    return Place(event.xid, event.position or 0)


class NewEvent(NamedTuple):
    """A row for `append`. `data` is JSON: the subject's state as it was."""

    workspace: str
    type: str
    analysis_id: str | None
    batch_id: str | None
    occurred_at: int
    data: str


_INSERT = Bulk.insert(tables.event, NewEvent._fields)


def new_event(
    workspace: str,
    type_: EventType,
    occurred_at: datetime,
    data: str,
    *,
    analysis_id: str | None = None,
    batch_id: str | None = None,
) -> NewEvent:
    """A row for `append`."""
    return NewEvent(workspace, type_.value, analysis_id, batch_id, microseconds(occurred_at), data)


async def append(connection: AsyncConnection, events: Sequence[Row]) -> None:
    """Write events (`NewEvent`, or plain tuples like it) in this order, in the transaction that makes them true."""
    if events:
        await _INSERT.execute(connection, events)
        announce(connection, "events")


def note(script: Script, events: Sequence[Row]) -> None:
    """`append`, in a script. The caller announces "events"."""
    if events:
        _INSERT.run(script, events)


def place_columns(connection: AsyncConnection) -> list[ColumnElement[int]]:
    """What tells a place from others, in the order of the log: on SQLite the position alone, which is the row's key."""
    position: ColumnElement[int] = tables.event.c.position
    return [position] if connection.dialect.name == "sqlite" else [tables.event.c.xid, position]


def behind(connection: AsyncConnection, place: Place) -> ColumnElement[bool]:
    """Whether an event stands behind this place."""
    columns = place_columns(connection)
    return tuple_(*columns) > tuple_(*place[-len(columns) :])


def in_order(connection: AsyncConnection, *columns: ColumnElement[Any], newest_first: bool = False) -> Select[Any]:
    """The log in its order, or these columns of it, without what a reader must not see yet."""
    order = place_columns(connection)
    statement = select(*columns or (tables.event,)).order_by(
        *(column.desc() if newest_first else column for column in order)
    )
    if connection.dialect.name == "postgresql":
        statement = statement.where(
            tables.event.c.xid < literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        )
    return statement


async def log_start(connection: AsyncConnection) -> Place:
    """Where the log begins: everything behind this place is kept. `START` where nothing was ever deleted."""
    row = (await connection.execute(select(tables.cleanup.c.log_xid, tables.cleanup.c.log_position))).first()
    return START if row is None else Place(*row)


async def require_history(connection: AsyncConnection, after: Place) -> None:
    """Raise HistoryGone where not all that stood behind this place is kept.

    Asked after reading there, it tells whether what was read is whole: the log's start moves with what is deleted.
    """
    start = await log_start(connection)
    if after < start:
        raise HistoryGone(start)


async def last_place(connection: AsyncConnection) -> Place:
    """The place of the newest event that a reader may see; where there is none, where the log begins."""
    row = (await connection.execute(in_order(connection, newest_first=True).limit(1))).first()
    return await log_start(connection) if row is None else Place(row.xid, row.position)


async def events_after(connection: AsyncConnection, place: Place, limit: int) -> list[EventRow]:
    """What stands behind this place, of every workspace, oldest first, at most `limit`."""
    statement = in_order(connection).where(behind(connection, place)).limit(limit)
    return rows_of(await connection.execute(statement), EventRow)


async def page_of_events(
    connection: AsyncConnection,
    viewer: Viewer,
    where: EventFilter,
    after: Place,
    limit: int,
    *,
    until: Place | None = None,
) -> list[EventRow]:
    """What this viewer may see behind a place (and not behind `until`), oldest first, at most `limit`."""
    event = tables.event.c
    behind_after = (event.workspace == viewer.workspace, behind(connection, after))
    statement = in_order(connection).where(*behind_after).limit(limit)
    if until is not None:
        statement = statement.where(~behind(connection, until))
    if where.types is not None:
        statement = statement.where(event.type.in_(sorted(where.types)))
    if where.analysis_id is not None:
        statement = statement.where(event.analysis_id == where.analysis_id)
    if where.batch_id is not None:
        statement = statement.where(event.batch_id == where.batch_id)
    return rows_of(await connection.execute(statement), EventRow)
