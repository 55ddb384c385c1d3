"""Whether a transaction waits for another one."""

from __future__ import annotations

from sqlalchemy import text

from store.sql.database import Database

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def waits(database: Database) -> bool:
    """Whether one waits, while another is open. On SQLite whoever comes second waits at the door."""
    if database.is_sqlite:
        return True
    async with database.read() as connection:
        return bool((await connection.execute(_WAITING)).scalar_one())
