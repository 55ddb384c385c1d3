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
    """Return the time this many days before `NOW`."""
    return NOW - timedelta(days=days)


def ended(days: float, batch_id: str | None = None, status: str = "FAILED", **more: Any) -> Row:
    """Return the row of an analysis that ended this many days before `NOW`."""
    when = days_ago(days)
    times: dict[str, Any] = {"created_at": when, "updated_at": when, "finished_at": when}
    return analysis(status, batch_id=batch_id, attempt=1, **times, **more)


def ended_batch(days: float | None, items: int) -> Row:
    """Return the row of a batch with failed items that ended this many days before `NOW`, or still runs if None."""
    finished = None if days is None else days_ago(days)
    status = "RUNNING" if days is None else "COMPLETED"
    return batch(status, total_items=items, failed=items, finished_at=finished, created_at=days_ago(99))


async def add(database: Database, *rows: Row) -> None:
    """Insert the rows in one transaction."""
    async with database.write() as connection:
        for row in rows:
            await connection.execute(insert(row.table), row.values)
