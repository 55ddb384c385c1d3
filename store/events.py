"""The event log: written in the transaction that makes an event true, read in its order.

A cursor is a place in the log, (`xid`, `position`), in one opaque form that says which database it is of.
Reading behind a cursor in the order of the log never skips and never repeats: on PostgreSQL a transaction of this
database that is still open holds back those that began after it (see `EventRow`), so that nothing appears behind a
reader's back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, func, literal_column, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.columns import microseconds
from store.sql.database import Database, announce
from store.sql.paging import rows_of
from store.sql.script import EACH, Row, Script, run
from store.sql.statements import Bulk
from store.sql.viewer import Viewer
from store.tables import EventRow, EventType

_IDENTITY_DIGITS = 8
_CURSOR = re.compile(rf"([sp])([0-9a-f]{{1,15}})-([0-9a-f]{{1,15}})(?:-([0-9a-f]{{{_IDENTITY_DIGITS}}}))?")


class NewEvent(NamedTuple):
    """A row for `append`. `data` is JSON: the subject's state as it was."""

    workspace: str
    type: str
    analysis_id: str | None
    batch_id: str | None
    occurred_at: int
    data: str


_INSERT = Bulk.insert(tables.event, NewEvent._fields)
_INSERT_ALIKE = f"""
    INSERT INTO event (workspace, type, batch_id, occurred_at, data, analysis_id)
    SELECT CAST(? AS text), CAST(? AS text), CAST(? AS text), CAST(? AS bigint), CAST(? AS text), value FROM {EACH}
    """  # noqa: S608 - of constants


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
        await run(connection, lambda script: note(script, events))
        announce(connection, "events")


def note(script: Script, events: Sequence[Row]) -> None:
    """`append`, in a script. The caller announces "events"."""
    if events:
        _INSERT.run(script, events)


def note_alike(
    script: Script, ids: Sequence[str], workspace: str, type_: str, batch_id: str | None, occurred_at: int, data: str
) -> None:
    """`note` for analyses of which all is the same but their ids: one statement, which knows of the rest once."""
    script.do(_INSERT_ALIKE, workspace, type_, batch_id, occurred_at, data, script.keys(ids))


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


class ForeignCursor(Exception):
    """A cursor of another database's log."""


async def identify(database: Database) -> None:
    """Read which database this is: the cursors that are written from then on say so."""
    async with database.read() as connection:
        identity: str = (await connection.execute(select(tables.identity.c.id))).scalar_one()
    database.identity = identity[:_IDENTITY_DIGITS]


def write_cursor(database: Database, place: Place) -> str:
    """The cursor of a place."""
    ending = f"-{database.identity}" if database.identity else ""
    return f"{'s' if database.is_sqlite else 'p'}{place.xid:x}-{place.position:x}{ending}"


def read_cursor(database: Database, cursor: str) -> Place | None:
    """The place of a cursor; None where it is malformed. Raises ForeignCursor for one of another database.

    Cursors that were written before databases had an identity tell its kind alone.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        return None
    kind, xid, position, identity = match.groups()
    if (kind == "s") != database.is_sqlite or (identity and database.identity and identity != database.identity):
        raise ForeignCursor(cursor)
    return Place(int(xid, 16), int(position, 16))


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
    """What tells a place from others, in the order of the log: on SQLite the position alone, which is the row's key."""
    position: ColumnElement[int] = tables.event.c.position
    return [position] if connection.dialect.name == "sqlite" else [tables.event.c.xid, position]


def behind(connection: AsyncConnection, place: Place) -> ColumnElement[bool]:
    """Whether an event stands behind this place."""
    columns = place_columns(connection)
    return tuple_(*columns) > tuple_(*place[-len(columns) :])


def in_order(connection: AsyncConnection, *columns: ColumnElement[Any], newest_first: bool = False) -> Select[Any]:
    """The log in its order, or these columns of it, including events that are held back."""
    order = place_columns(connection)
    return select(*columns or (tables.event,)).order_by(
        *(column.desc() if newest_first else column for column in order)
    )


async def shown(connection: AsyncConnection, statement: Select[Any]) -> tuple[list[EventRow], bool]:
    """Execute a statement of `in_order`, oldest first.

    Returns the rows that a reader may see, and whether others are held back. Only then does PostgreSQL look for
    transactions of other databases.
    """
    if connection.dialect.name == "sqlite":
        return rows_of(await connection.execute(statement), EventRow), False
    # One statement, for the fence moves.
    rows: list[Any] = rows_of(await connection.execute(statement.add_columns(_OLDEST_OPEN.label("fence"))), EventRow)
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


async def newest_place(connection: AsyncConnection) -> Place:
    """Return the place of the newest event, held back or not; the log's start if there is none."""
    row = (await connection.execute(in_order(connection, newest_first=True).limit(1))).first()
    return await log_start(connection) if row is None else Place(row.xid, row.position)


async def last_place(connection: AsyncConnection) -> Place:
    """The place of the newest event that a reader may see; where there is none, where the log begins."""
    if connection.dialect.name == "sqlite":
        return await newest_place(connection)
    newest = in_order(connection, newest_first=True).limit(1)
    row = (await connection.execute(newest.add_columns(_OLDEST_OPEN.label("fence")))).first()
    if row is not None and row.xid >= row.fence:
        row = (await connection.execute(newest.where(await below_fence(connection)))).first()
    return await log_start(connection) if row is None else Place(row.xid, row.position)


async def events_after(connection: AsyncConnection, place: Place, limit: int) -> tuple[list[EventRow], bool]:
    """What stands behind this place, of every workspace, oldest first, at most `limit`; and whether more is held back.

    Held back is what has been committed and can't be shown yet, for a transaction that began before it is still open.
    When that ends nobody need tell, so the reader looks again soon.
    """
    return await shown(connection, in_order(connection).where(behind(connection, place)).limit(limit))


async def oldest_behind(connection: AsyncConnection, place: Place) -> datetime | None:
    """When the first event behind this place happened that a reader may see; None where there is none."""
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
    connection: AsyncConnection,
    viewer: Viewer,
    where: EventFilter,
    after: Place,
    limit: int,
    *,
    until: Place | None = None,
) -> list[EventRow]:
    """What this viewer may see behind a place (and not behind `until`), oldest first, at most `limit`.

    `until` is the place of an event that a reader has seen: nothing is held back before it.
    """
    event = tables.event.c
    statement = in_order(connection).where(event.workspace == viewer.workspace, behind(connection, after)).limit(limit)
    if where.types is not None:
        statement = statement.where(event.type.in_(sorted(where.types)))
    if where.analysis_id is not None:
        statement = statement.where(event.analysis_id == where.analysis_id)
    if where.batch_id is not None:
        statement = statement.where(event.batch_id == where.batch_id)
    if until is None:
        return (await shown(connection, statement))[0]
    return rows_of(await connection.execute(statement.where(~behind(connection, until))), EventRow)
