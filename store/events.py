"""The event log: each event is written in the transaction of its change, and read in the order of the log.

A reader that continues after a place in the log, (`xid`, `position`), skips nothing and repeats nothing. On PostgreSQL
an open transaction of this database holds back the events of later transactions (see `EventRow`), so that no event
appears before a place that a reader has passed. `store.cursors` turns places into cursors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.paging import rows_of
from store.sql.scope import ANYONE, mine_or_everywhere, scope_of
from store.sql.script import EACH, Script, run
from store.sql.short import Reader, Statement, in_pool, is_sqlite, shapes
from store.sql.statements import Bulk
from store.sql.viewer import Viewer
from store.tables import EventRow

Reference = Literal["batch_id", "session_id", "file_id", "owner_id"]
"""A column of an event for an object, besides the subject, that the event belongs to."""

EventColumn = Literal["subject", Reference]
"""A column that readers select events by."""


class NewEvent(NamedTuple):
    """A row for `append`. `data` is JSON: the state of the subject at the time of the event."""

    workspace: str
    type: str
    subject: str
    batch_id: str | None
    occurred_at: int
    data: str
    session_id: str | None = None
    file_id: str | None = None
    owner_id: str | None = None
    analyzer: str | None = None


_INSERT = Bulk.insert(tables.event, NewEvent._fields)
_INSERT_ALIKE = f"""
    INSERT INTO event (workspace, type, batch_id, analyzer, occurred_at, data, subject)
    SELECT CAST(? AS text), CAST(? AS text), CAST(? AS text), CAST(? AS text), CAST(? AS bigint), CAST(? AS text), value
    FROM {EACH}
    """  # noqa: S608 - of constants


def new_event(
    workspace: str,
    type_: StrEnum,
    subject: str,
    occurred_at: datetime,
    data: str,
    *,
    batch_id: str | None = None,
    session_id: str | None = None,
    file_id: str | None = None,
    owner_id: str | None = None,
) -> NewEvent:
    """Return a row for `append`. The type is one of the event types of the subject's kind."""
    when = microseconds(occurred_at)
    return NewEvent(workspace, type_.value, subject, batch_id, when, data, session_id, file_id, owner_id)


async def append(connection: AsyncConnection, events: Sequence[NewEvent]) -> None:
    """Write events in this order, in the transaction of the changes that they report."""
    if events:
        await run(connection, lambda script: note(script, events))
        announce(connection, "events")


def note(script: Script, events: Sequence[NewEvent]) -> None:
    """`append`, in a script. The caller announces "events"."""
    if events:
        _INSERT.run(script, events)


def note_alike(script: Script, ids: Sequence[str], event: NewEvent) -> None:
    """`note` for events without references but a batch that differ only in their subjects, which have these ids.

    One statement writes them all.
    """
    alike = (event.workspace, event.type, event.batch_id, event.analyzer, event.occurred_at, event.data)
    script.do(_INSERT_ALIKE, *alike, script.keys(ids))


class Place(NamedTuple):
    """A place in the log. `Place(0, 0)` is before all events."""

    xid: int
    position: int


START = Place(0, 0)


class HistoryGone(Exception):
    """Events after a cursor have been deleted. The log begins after `start`."""

    def __init__(self, start: Place) -> None:
        super().__init__(start)
        self.start = start


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions for events. An event must match all given conditions."""

    types: frozenset[str] | None = None
    analyzers: frozenset[str] | None = None
    ids: Mapping[EventColumn, str] = field(default_factory=dict)

    def select(self, events: list[EventRow]) -> list[EventRow]:
        """Return the events that match. A call for each event would cost more than the comparisons."""
        if self.types is not None:
            events = [event for event in events if event.type in self.types]
        if self.analyzers is not None:
            events = [event for event in events if event.analyzer in self.analyzers]
        for column, value in self.ids.items():
            events = [event for event in events if getattr(event, column) == value]
        return events


# The columns that readers get: each costs every event that is read about 0.1 µs. No reader needs the other references
# yet. A filter by one of them adds it here, for the events in memory, and gives it an index.
_READ = [each for each in tables.event.c if each.name not in ("session_id", "file_id", "owner_id")]


def place_of(event: EventRow) -> Place:
    """Return the place of an event in the log."""
    return Place(event.xid, event.position or 0)


# On PostgreSQL, the oldest transaction that is open in any database of the cluster: all below it have ended. As a
# subquery, PostgreSQL computes it once and not for each row.
_OLDEST_OPEN: ColumnElement[int] = literal_column(
    "(SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint)", BigInteger
)
# The oldest transaction that may be open in this database, or the next one to begin. A transaction is of another
# database if its lock on its own id belongs to a session or a prepared transaction there. One without that lock counts
# as ours: it has ended meanwhile, or is about to take the lock. The list of locks depends on both other lists, so that
# PostgreSQL makes it last: the holder of a lock then was listed with its database, and not with its successor's.
# Every role sees these columns.
_FENCE = text(
    """
    SELECT coalesce(min(open.id::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    FROM (SELECT array_agg(pid) AS pids FROM pg_stat_activity WHERE datname <> current_database()) AS sessions
    CROSS JOIN (
        SELECT array_agg(transaction) AS ids FROM pg_prepared_xacts WHERE database <> current_database()
    ) AS prepared
    CROSS JOIN LATERAL (
        SELECT array_agg(transactionid) AS ids FROM pg_locks
        WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
            AND (pid = ANY (sessions.pids) OR pid IS NULL AND transactionid = ANY (prepared.ids))
    ) AS elsewhere
    CROSS JOIN (
        SELECT pg_snapshot_xip(pg_current_snapshot()) AS id
        UNION ALL SELECT pg_snapshot_xmin(pg_current_snapshot())
        UNION ALL SELECT pg_current_xact_id_if_assigned()
    ) AS open
    WHERE (open.id::xid = ANY (elsewhere.ids)) IS NOT TRUE
    """
)


def place_columns(connection: AsyncConnection) -> list[ColumnElement[int]]:
    """Return the columns of a place, in the order of the log. On SQLite this is the key of the row, `position`."""
    return _place_columns(is_sqlite(connection))


def _place_columns(sqlite: bool) -> list[ColumnElement[int]]:
    position: ColumnElement[int] = tables.event.c.position
    return [position] if sqlite else [tables.event.c.xid, position]


def behind(connection: AsyncConnection, place: Place) -> ColumnElement[bool]:
    """Return the condition that an event comes after this place."""
    columns = place_columns(connection)
    return tuple_(*columns) > tuple_(*place[-len(columns) :])


def in_order(connection: AsyncConnection, *columns: ColumnElement[Any], newest_first: bool = False) -> Select[Any]:
    """Return a statement for all events, or these columns, in the order of the log. It finds held back events too."""
    order = place_columns(connection)
    return select(*columns or _READ).order_by(*(column.desc() if newest_first else column for column in order))


async def shown(connection: AsyncConnection, statement: Select[Any]) -> tuple[list[EventRow], bool]:
    """Execute a statement of `in_order`, oldest first.

    Returns the rows that a reader may see, and whether others are held back. Only then does PostgreSQL look for
    transactions of other databases.
    """
    if connection.dialect.name == "sqlite":
        return rows_of(await connection.execute(statement), EventRow), False
    # One statement reads the rows and the fence, because the fence moves.
    rows: list[Any] = rows_of(await connection.execute(statement.add_columns(_OLDEST_OPEN.label("fence"))), EventRow)
    return await _in_front(connection, rows, statement)


async def _in_front(
    connection: AsyncConnection, rows: list[Any], statement: Select[Any]
) -> tuple[list[EventRow], bool]:
    """Return the rows of a statement that a reader may see. They were read with the fence."""
    if not rows or rows[-1].xid < rows[-1].fence:
        return rows, False
    found = [row for row in rows if row.xid < row.fence]
    if (fence := await _fence(connection)) > rows[len(found)].xid:
        # The rows above were read before the fence: a transaction may have ended in between that is missing in them.
        rows = rows_of(await connection.execute(statement), EventRow)
        found = [row for row in rows if row.xid < fence]
    return found, len(found) < len(rows)


async def below_fence(connection: AsyncConnection) -> ColumnElement[bool]:
    """Return the condition that a reader may see an event, for statements executed after this call.

    In a transaction PostgreSQL lists the sessions only once: there, call this once.
    """
    return true() if connection.dialect.name == "sqlite" else tables.event.c.xid < await _fence(connection)


async def _fence(connection: AsyncConnection) -> int:
    fence: int = (await connection.execute(_FENCE)).scalar_one()
    return fence


async def log_start(reader: Reader) -> Place:
    """Return the place after which the log begins. `START` if no event was ever deleted."""
    rows = await _log_start(is_sqlite(reader)).fetch(reader, {})
    return Place(*rows[0]) if rows else START


@shapes
def _log_start(sqlite: bool) -> Statement:
    return Statement(select(tables.cleanup.c.log_xid, tables.cleanup.c.log_position), sqlite=sqlite)


async def require_history(reader: Reader, after: Place) -> None:
    """Raise HistoryGone if events after this place have been deleted.

    Called after reading there, it proves that the rows are complete: each deletion moves the start of the log.
    """
    start = await log_start(reader)
    if after < start:
        raise HistoryGone(start)


async def last_event(reader: Reader) -> EventRow | None:
    """Return the newest event that a reader may see; None if there is none."""
    rows = await _newest(is_sqlite(reader)).fetch(reader, {})
    if rows and not is_sqlite(reader) and rows[0].xid >= rows[0].fence:
        async with in_pool(reader) as connection:
            newest = in_order(connection, newest_first=True).where(await below_fence(connection)).limit(1)
            rows = rows_of(await connection.execute(newest), EventRow)
    return rows[0] if rows else None


@shapes
def _newest(sqlite: bool) -> Statement:
    newest = select(*_READ).order_by(*(column.desc() for column in _place_columns(sqlite))).limit(1)
    return Statement(newest if sqlite else newest.add_columns(_OLDEST_OPEN.label("fence")), sqlite=sqlite)


async def last_place(reader: Reader) -> Place:
    """Return the place of the newest event that a reader may see; the log's start if there is none."""
    event = await last_event(reader)
    return await log_start(reader) if event is None else place_of(event)


async def events_after(connection: AsyncConnection, place: Place, limit: int) -> tuple[list[EventRow], bool]:
    """Return events of all workspaces after this place, oldest first, at most `limit`; and whether more are held back.

    An event is held back if it is committed while an earlier transaction is open. Nothing announces the end of that
    transaction, so the reader reads again soon.
    """
    return await shown(connection, in_order(connection).where(behind(connection, place)).limit(limit))


async def oldest_behind(connection: AsyncConnection, place: Place) -> datetime | None:
    """Return the time of the first event after this place that a reader may see. None if there is none."""
    columns = (tables.event.c.xid, tables.event.c.occurred_at)
    rows, _ = await shown(connection, in_order(connection, *columns).where(behind(connection, place)).limit(1))
    return rows[0].occurred_at if rows else None


async def oldest_held_back(connection: AsyncConnection) -> datetime | None:
    """Return the time of the oldest committed event that readers may not see yet; None if there is none."""
    if connection.dialect.name == "sqlite":
        return None
    held_back = select(func.min(tables.event.c.occurred_at))
    oldest: datetime | None = (await connection.execute(held_back.where(tables.event.c.xid >= _OLDEST_OPEN))).scalar()
    if oldest is not None:
        oldest = (await connection.execute(held_back.where(~await below_fence(connection)))).scalar()
    return oldest


async def page_of_events(
    reader: Reader,
    viewer: Viewer,
    where: EventFilter,
    after: Place,
    limit: int,
    *,
    until: Place | None = None,
) -> list[EventRow]:
    """Return the viewer's events after a place (and not after `until`), oldest first, at most `limit`.

    `until` is the place of an event that a reader has seen: nothing is held back before it.
    """
    rows: list[Any] | None = None
    if until is None and where.types is None and where.analyzers is None:  # by an index alone
        statement = _page(is_sqlite(reader), tuple(where.ids))
        given = scope_of(viewer) | after._asdict() | dict(where.ids) | {"limit": limit}
        rows = await statement.fetch(reader, given)
        if not rows or statement.sqlite or rows[-1].xid < rows[-1].fence:
            return rows
    event = tables.event.c
    async with in_pool(reader) as connection:
        whole = in_order(connection).where(mine_or_everywhere(tables.event, viewer), behind(connection, after))
        if where.types is not None:
            whole = whole.where(event.type.in_(sorted(where.types)))
        if where.analyzers is not None:
            whole = whole.where(event.analyzer.in_(sorted(where.analyzers)))
        for column, value in where.ids.items():
            whole = whole.where(event[column] == value)
        whole = whole.limit(limit)
        if rows is not None:
            return (await _in_front(connection, rows, whole))[0]
        if until is None:
            return (await shown(connection, whole))[0]
        return rows_of(await connection.execute(whole.where(~behind(connection, until))), EventRow)


@shapes
def _page(sqlite: bool, columns: tuple[EventColumn, ...]) -> Statement:
    event, place = tables.event.c, _place_columns(sqlite)
    after = tuple_(*(bindparam(column.name, type_=column.type) for column in place))
    whole = select(*_READ, *([] if sqlite else [_OLDEST_OPEN.label("fence")])).order_by(*place)
    whole = whole.where(mine_or_everywhere(tables.event, ANYONE), tuple_(*place) > after)
    for name in columns:
        whole = whole.where(event[name] == bindparam(name, type_=event[name].type))
    return Statement(whole.limit(bindparam("limit", type_=Integer)), sqlite=sqlite)
