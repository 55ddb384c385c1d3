"""Retention: the ages at which data is deleted, the beginning of the log, and the last clean-up."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.context import Services
from store.cursors import write_cursor
from store.events import START, Place
from store.retention import last_cleanup
from store.tables import CleanupRow


@dataclass(frozen=True, slots=True)
class Retention:
    """Ages in days; None means that nothing is deleted."""

    analyses_days: int | None
    events_days: int | None
    history_begins: str | None
    last_cleanup: CleanupRow | None


async def retention(services: Services) -> Retention:
    """Return the retention by this server's settings, and the last clean-up of any server."""
    async with services.database.read() as connection:
        row = await last_cleanup(connection)
    begins = None
    if row is not None and (start := Place(row.log_xid, row.log_position)) != START:
        begins = write_cursor(services.database, *start, row.log_checksum)
    return Retention(
        analyses_days=services.settings.keep_analyses_days or None,
        events_days=services.settings.keep_events_days or None,
        history_begins=begins,
        last_cleanup=None if row is None or row.finished_at is None else row,
    )
