"""The clean-up: deletes objects and events that are older than the settings keep them, in short transactions.

Of all servers that share a database, one cleans up at a time, at most once an hour. It logs and stores its figures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from settings import RetentionSettings
from store import retention
from store.access.cleanup import TRIMS, clean_up_access
from store.idempotency import trim_keys
from store.queue import status_counts
from store.retention import Cutoffs, Deleted, TakenOver
from store.sql.clock import utcnow
from store.sql.database import Database
from store.subjects import SUBJECTS

EVERY = timedelta(hours=1)
# Aim for the time of one transaction, in seconds. The clean-up then pauses for as long, and other writers get a turn.
SLICE_SECONDS = 0.01
# Rows in the first transaction, and the bounds for the others. On a busy machine even the smallest transaction takes
# longer than the aim: with still fewer rows in each, the clean-up would never end.
FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 50, 50, 2_000

ResultT = TypeVar("ResultT")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ages:
    """How long objects are kept after their end, and events after they happened. None means for ever."""

    analyses: timedelta | None = None
    events: timedelta | None = None

    @classmethod
    def of(cls, settings: RetentionSettings) -> Ages:
        """Return the ages of the settings, which are in days. There, 0 means for ever."""
        days = settings.keep_analyses_days, settings.keep_events_days
        return cls(*(timedelta(days=each) if each else None for each in days))

    def before(self, now: datetime) -> Cutoffs:
        """Return the times before which objects and events are too old."""
        return Cutoffs(
            ended_before=None if self.analyses is None else now - self.analyses,
            happened_before=None if self.events is None else now - self.events,
        )


async def clean_up(database: Database, ages: Ages, *, every: timedelta = EVERY) -> Deleted | None:
    """Delete objects and events that are too old, and expired keys and sessions. Returns the figures.

    None if another server is cleaning up, took this clean-up over, or ended one less than `every` ago.
    """
    started_at = utcnow()
    async with database.write() as connection:
        lease = await retention.begin(connection, started_at, ended_before=started_at - every)
    if lease is None:
        return None
    began = time.monotonic()
    round_ = _Round(database, lease)
    try:
        await round_.run(ages.before(started_at), started_at)
        # On SQLite, which has no index-only scan for it, this would read all analyses. Its programs update together.
        if not database.is_sqlite and (differences := await status_counts.correct(database)):
            log.info("counts of analyses by status corrected", differences=differences)
        async with database.write() as connection:
            await retention.finish(connection, lease, started_at, utcnow(), round_.deleted)
    except TakenOver:
        log.warning("clean-up taken over", **_figures(round_.deleted))
        return None
    if round_.deleted.total():
        log.info("cleaned up", **_figures(round_.deleted), seconds=round(time.monotonic() - began, 1))
    return round_.deleted


def _figures(deleted: Deleted) -> dict[str, int]:
    """Return all figures, including zeros."""
    names = (*(subject.name for subject in SUBJECTS.values()), "events", "keys", *TRIMS)
    return {name: deleted[name] for name in names}


class _Round:
    """One run of the clean-up: a `store.retention.Round`."""

    def __init__(self, database: Database, lease: str) -> None:
        self._database = database
        self._lease = lease
        self.rows = FIRST_ROWS
        self.deleted = Deleted()

    async def run(self, cutoffs: Cutoffs, now: datetime) -> None:
        if cutoffs.ended_before is not None:
            for subject in SUBJECTS.values():
                await subject.clean_up(self, cutoffs.ended_before)
        if cutoffs.happened_before is not None:
            delete_events = partial(retention.delete_events, lease=self._lease, before=cutoffs.happened_before)
            while (count := await self.slice(partial(delete_events, limit=self.rows))) > 0:
                self.deleted["events"] += count
        while (count := await self.slice(partial(trim_keys, now=now, limit=self.rows))) > 0:
            self.deleted["keys"] += count
        await clean_up_access(self, now)

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        return self._database.read()

    async def slice(self, delete: Callable[[AsyncConnection], Awaitable[ResultT]]) -> ResultT:
        """Run the deletion in a transaction, set `rows` by the time that it took, and pause for as long."""
        async with self._database.write() as connection:
            began = time.monotonic()
            result = await delete(connection)
            deleting = time.monotonic() - began
            await retention.hold(connection, self._lease, utcnow())
        took = time.monotonic() - began
        # Without the time of the commit, which hardly depends on the rows.
        fitting = int(self.rows * SLICE_SECONDS / max(deleting, 1e-4))
        self.rows = min(max(fitting, LEAST_ROWS), self.rows * 2, MOST_ROWS)
        await asyncio.sleep(took)
        return result
