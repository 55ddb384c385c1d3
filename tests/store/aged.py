"""Rows of a given age."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from store.sql.clock import utcnow
from store.sql.database import Database
from tests.resolvers.rows import Row, analysis, batch

NOW = utcnow()


def days_ago(days: float) -> datetime:
    """An instant before these tests began."""
    return NOW - timedelta(days=days)


def ended(days: float, batch_id: str | None = None, status: str = "FAILED", **more: Any) -> Row:
    """An analysis that ended so long ago."""
    when = days_ago(days)
    times: dict[str, Any] = {"created_at": when, "updated_at": when, "finished_at": when}
    return analysis(status, batch_id=batch_id, attempt=1, **times, **more)


def ended_batch(days: float | None, items: int) -> Row:
    """A batch whose items failed, and that ended so long ago, or runs yet."""
    finished = None if days is None else days_ago(days)
    status = "RUNNING" if days is None else "COMPLETED"
    return batch(status, total_items=items, failed=items, finished_at=finished, created_at=days_ago(99))


async def add(database: Database, *rows: Row) -> None:
    """Write rows, in one transaction."""
    async with database.write() as connection:
        for row in rows:
            await connection.execute(insert(row.table), row.values)
