"""Detection of a transaction that waits for another."""

from __future__ import annotations

from sqlalchemy import text

from store.sql.database import Database

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def waits(database: Database) -> bool:
    """Return whether a transaction waits for the open one. On SQLite, a second writer always waits."""
    if database.is_sqlite:
        return True
    async with database.read() as connection:
        return bool((await connection.execute(_WAITING)).scalar_one())
