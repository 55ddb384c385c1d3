"""The history of the event log: its identity, and its order after a move to another PostgreSQL cluster.

Events are in the order of the transactions that wrote them. A dump restored into another cluster keeps the transaction
ids of the old one, while the new cluster may count from a lower number: the old events would be hidden, and come after
all new ones. They therefore become older than every transaction, in the same order. A cluster with a higher number
keeps the order, and a physical copy keeps the number.
"""

from __future__ import annotations

import secrets

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.database import Database

# An event of this cluster that this statement can see has a lower id than the next transaction. So has the log's start.
_MOVED = text(
    """
    SELECT (greatest((SELECT max(xid) FROM event), (SELECT max(log_xid) FROM cleanup))
        >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint) IS TRUE
    """
)
# Two processes can't renumber at once, and none can append an event meanwhile.
_LOCK = text("LOCK TABLE event, cleanup, identity IN SHARE ROW EXCLUSIVE MODE")
_TOP = text("SELECT greatest(nextval(pg_get_serial_sequence('event', 'position')), max(position)) FROM event")
# The new positions are above all old ones: no row meets the old place of another. Events of xid 0 are the oldest
# already, from an earlier move.
_RENUMBER = text(
    """
    UPDATE event SET xid = 0, position = :top + old.number
    FROM (
        SELECT xid, position, row_number() OVER (ORDER BY xid, position) AS number FROM event WHERE xid > 0
    ) AS old
    WHERE event.xid = old.xid AND event.position = old.position
    """
)
_MOVE_START = text("UPDATE cleanup SET log_xid = 0, log_position = :top WHERE log_xid > 0")
_MOVE_END = text("SELECT setval(pg_get_serial_sequence('event', 'position'), :end)")


async def renew_identity(connection: AsyncConnection) -> None:
    """Give the log a new identity, in this transaction: all its cursors become those of another history.

    A running server writes cursors of the old identity until it is restarted.
    """
    await connection.execute(text("UPDATE identity SET id = :id"), {"id": secrets.token_hex(16)})


async def renumber_moved(database: Database) -> int:
    """Restore the order of a log that was moved to another cluster, and renew its identity; in one transaction.

    Returns the number of renumbered events. Every process calls this before it writes events.
    """
    if database.is_sqlite:
        return 0
    async with database.write() as connection:
        if not (await connection.execute(_MOVED)).scalar_one():
            return 0
        await connection.execute(_LOCK)
        if not (await connection.execute(_MOVED)).scalar_one():
            return 0  # another process was faster
        top: int = (await connection.execute(_TOP)).scalar_one()
        count = (await connection.execute(_RENUMBER, {"top": top})).rowcount
        await connection.execute(_MOVE_START, {"top": top})
        await connection.execute(_MOVE_END, {"end": top + count})
        await renew_identity(connection)
        return count
