"""The access lock: transactions that change access, or write to the audit log, run one after another.

On PostgreSQL this is an advisory lock until the end of the transaction. On SQLite all writing transactions run one
after another. The lock has three purposes. The numbers of changes and audit entries are in the order of commits: a
reader that continues after a number misses nothing. A check such as "is there another administrator?" holds until the
commit. And functions may lock rows of `store.access` in any order without a deadlock.

A transaction takes the lock before it locks rows of `store.access`, and after it locks other rows, for example of
analyses. A transaction that deletes analyses therefore writes its audit entry last.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

# The number of the advisory lock: "access" in ASCII.
LOCK = 0x616363657373


async def lock_access(connection: AsyncConnection) -> None:
    """Wait for the access lock, and keep it until the end of the transaction. A second call does nothing."""
    if connection.dialect.name != "sqlite":
        await connection.execute(select(func.count(func.pg_advisory_xact_lock(LOCK))))
