"""Cursors: places in the event log, in an opaque form that also names the history of the log.

Two logs have the same places if one is a copy of the other. A cursor therefore ends with a checksum of the event at its
place, combined with the identity of the log. At the start of the log the checksum is that of the last deleted event; it
is 0 if no event was ever deleted. A cursor of another history has another checksum, or there is no event at its place:
the database was replaced, or an older copy of it was put back.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zlib import crc32

from sqlalchemy import bindparam, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import START, HistoryGone, Place, behind, in_order, last_event, log_start, place_columns, place_of
from store.sql.columns import microseconds
from store.sql.database import Database
from store.sql.paging import rows_of
from store.sql.short import Reader, Statement, is_sqlite, shapes
from store.tables import AlertEventType, EventRow

_CURSOR = re.compile(r"([sp])([0-9a-f]{1,15})-([0-9a-f]{1,15})(?:-([0-9a-f]{8}))?")
# Longest time for which an event may come after a younger one: a transaction takes the time before it writes. An alert
# may come later, after an outage of the database.
_DISORDER = timedelta(seconds=10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_event, _cleanup = tables.event.c, tables.cleanup.c
_SEARCHED = (_event.xid, _event.position, _event.occurred_at)


class OtherHistory(HistoryGone):
    """A cursor of another history: another log, or events that this log has lost. The log begins after `start`."""


async def identify(database: Database) -> None:
    """Read the identity of the log, for the cursors that are written from now on."""
    async with database.read() as connection:
        identity: str = (await connection.execute(select(tables.identity.c.id))).scalar_one()
    database.identity = int(identity[:8], 16)


def checksum_of(event: EventRow) -> int:
    """Return 32 bits that tell an event from one at the same place in another history."""
    return crc32(f"{event.type} {event.subject} {microseconds(event.occurred_at)}".encode())


def write_cursor(database: Database, xid: int, position: int, checksum: int) -> str:
    """Return the cursor of a place: the kind of database, the place, the checksum combined with the identity."""
    return f"{'s' if database.is_sqlite else 'p'}{xid:x}-{position:x}-{checksum ^ database.identity:08x}"


def cursor_of(database: Database, event: EventRow) -> str:
    """Return the cursor of an event."""
    return write_cursor(database, event.xid, event.position or 0, checksum_of(event))


async def find_place(reader: Reader, database: Database, cursor: str) -> Place | None:
    """Return the place of a cursor. None if the cursor is malformed.

    Raises HistoryGone for a cursor before the start of the log, and OtherHistory for a cursor of another history.
    """
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        return None
    kind, xid, position, ending = match.groups()
    place = Place(int(xid, 16), int(position, 16))
    found = await _at_place(is_sqlite(reader)).fetch(reader, place._asdict())
    if found:
        checksum = checksum_of(found[0])
    else:  # read the start after the event: retention deletes the event and moves the start in one transaction
        start, checksum = await _start(reader)
        if place != start:
            raise (HistoryGone if place < start else OtherHistory)(start)
    # Cursors without a checksum end with the identity or with nothing: accepted until the next release.
    endings = (f"{checksum ^ database.identity:08x}", f"{database.identity:08x}", None)
    if (kind == "s") != database.is_sqlite or ending not in endings:
        raise OtherHistory(await log_start(reader))
    return place


@shapes
def _at_place(sqlite: bool) -> Statement:
    place = (_event.xid == bindparam("xid"), _event.position == bindparam("position"))
    return Statement(select(_event.type, _event.subject, _event.occurred_at).where(*place), sqlite=sqlite)


async def end_of_log(reader: Reader, database: Database) -> tuple[Place, str]:
    """Return the place of the newest event that a reader may see, with its cursor; the log's start if there is none."""
    event = await last_event(reader)
    if event is not None:
        return place_of(event), cursor_of(database, event)
    start, checksum = await _start(reader)
    return start, write_cursor(database, *start, checksum)


async def start_of_log(connection: AsyncConnection, database: Database) -> str:
    """Return the cursor before the oldest event of the log."""
    start, checksum = await _start(connection)
    return write_cursor(database, *start, checksum)


async def cursor_at(connection: AsyncConnection, database: Database, time: datetime) -> str:
    """Return the cursor before the first event at or after this time: the log's end if there is none.

    A binary search over places finds the time less `_DISORDER`, as if times grew with places. From there the events are
    searched one by one.
    """
    end, cursor_of_end = await end_of_log(connection, database)
    before = max(time, _EPOCH + _DISORDER) - _DISORDER
    (low, _), high = await _start(connection), end
    while (middle := _between(low, high)) is not None:
        # Without an upper bound: PostgreSQL would read up to it if no event is in between.
        after = in_order(connection, *_SEARCHED).where(behind(connection, middle))
        row = (await connection.execute(after.where(_event.type != AlertEventType.ALERT.value).limit(1))).first()
        if row is not None and (found := Place(row.xid, row.position)) <= high and row.occurred_at < before:
            low = found
        else:
            high = middle
    first = in_order(connection).where(behind(connection, low), _event.occurred_at >= time).limit(1)
    rows = rows_of(await connection.execute(first), EventRow)
    if not rows or place_of(rows[0]) > end:
        return cursor_of_end
    columns = place_columns(connection)
    earlier = tuple_(*columns) < tuple_(*place_of(rows[0])[-len(columns) :])
    rows = rows_of(await connection.execute(in_order(connection, newest_first=True).where(earlier).limit(1)), EventRow)
    return cursor_of(database, rows[0]) if rows else await start_of_log(connection, database)


def _between(low: Place, high: Place) -> Place | None:
    """Return a place in the middle. None for neighbors: two transactions, or two positions of one.

    A log on SQLite, or before its move to another cluster, is like one transaction.
    """
    if high.xid - low.xid > 1:
        return Place((low.xid + high.xid) // 2, 0)
    if high.xid == low.xid and high.position - low.position > 1:
        return Place(low.xid, (low.position + high.position) // 2)
    return None


async def _start(reader: Reader) -> tuple[Place, int]:
    """Return the place after which the log begins, and the checksum there."""
    rows = await _start_of_log(is_sqlite(reader)).fetch(reader, {})
    return (Place(rows[0].log_xid, rows[0].log_position), rows[0].log_checksum) if rows else (START, 0)


@shapes
def _start_of_log(sqlite: bool) -> Statement:
    return Statement(select(_cleanup.log_xid, _cleanup.log_position, _cleanup.log_checksum), sqlite=sqlite)
