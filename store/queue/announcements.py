"""Announcements of work. On PostgreSQL a transaction that announces work also leaves permits for the workers."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.database import announce


def announce_queued(connection: AsyncConnection, rows: int = 1) -> None:
    """Announce rows that workers may claim, once this transaction commits."""
    announce(connection, "queue", rows, before_commit=_leave_permits)


def announce_claimed(connection: AsyncConnection) -> None:
    """Announce a claim that may have left claimable rows behind, once this transaction commits."""
    announce(connection, "claimed", before_commit=_leave_permits)


async def _leave_permits(connection: AsyncConnection, news: Counter[str]) -> None:
    if connection.dialect.name == "sqlite":
        return
    from store.queue.permits import leave  # here: PgQueuer takes a third of a second to import, and SQLite needs none

    await leave(connection, rows=news["queue"], claimed=bool(news["claimed"]))
