"""The turn: transactions that change access, or write to the audit log, run one after another.

On PostgreSQL the turn is an advisory lock that ends with the transaction; on SQLite all writing transactions take turns
anyway. It has three purposes. The numbers of changes and audit entries are in the order of commits, so that a reader
that continues after a number misses nothing. A check such as "is there another administrator?" holds until the commit.
And functions may lock rows of `store.access` in any order without a deadlock.

A transaction takes the turn before it locks rows of `store.access`. Locks on other rows, for example of analyses, come
before the turn: a transaction that deletes analyses writes its audit entry last.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

# The advisory lock of the turn: "access" in ASCII.
TURN = 0x616363657373


async def take_turn(connection: AsyncConnection) -> None:
    """Wait for the turn, and keep it until the end of the transaction. A second call in a transaction does nothing."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(func.count(func.pg_advisory_xact_lock(TURN))))
