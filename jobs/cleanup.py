"""The clean-up: deletes what is older than it is to be kept, in slices short enough that nobody waits for them.

One of all the servers that share a database does it, at most once an hour. What it did is logged, and kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from settings import RetentionSettings
from store import retention
from store.idempotency import trim_keys
from store.retention import Cutoffs, Deleted, TakenOver
from store.sql.clock import utcnow
from store.sql.database import Database

EVERY = timedelta(hours=1)
# A transaction takes about so long, and the clean-up then rests for as long: others have the writer in between.
SLICE_SECONDS = 0.01
# On a busy machine the least of transactions takes longer: with fewer rows in each there would be no end to them.
FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 50, 50, 2_000

CountT = TypeVar("CountT")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ages:
    """How long things are kept after they ended or happened; None is for ever."""

    analyses: timedelta | None = None
    events: timedelta | None = None

    @classmethod
    def of(cls, settings: RetentionSettings) -> Ages:
        """As settings say it in days, where 0 is for ever."""
        days = settings.keep_analyses_days, settings.keep_events_days
        return cls(*(timedelta(days=each) if each else None for each in days))

    def before(self, now: datetime) -> Cutoffs:
        """What is too old now."""
        return Cutoffs(
            ended_before=None if self.analyses is None else now - self.analyses,
            happened_before=None if self.events is None else now - self.events,
        )


async def clean_up(database: Database, ages: Ages, *, every: timedelta = EVERY) -> Deleted | None:
    """Delete what is too old, and idempotency keys whose day is over.

    None where another server is at it, took it over, or was done with it less than `every` ago.
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
        async with database.write() as connection:
            await retention.finish(connection, lease, started_at, utcnow(), round_.deleted)
    except TakenOver:
        log.warning("clean-up taken over", **asdict(round_.deleted))
        return None
    if any(asdict(round_.deleted).values()):
        log.info("cleaned up", **asdict(round_.deleted), seconds=round(time.monotonic() - began, 1))
    return round_.deleted


class _Round:
    def __init__(self, database: Database, lease: str) -> None:
        self._database = database
        self._lease = lease
        self._rows = FIRST_ROWS
        self.deleted = Deleted()

    async def run(self, cutoffs: Cutoffs, now: datetime) -> None:
        if cutoffs.ended_before is not None:
            await self._batches(cutoffs.ended_before)
            await self._lone_analyses(cutoffs.ended_before)
        if cutoffs.happened_before is not None:
            delete_events = partial(retention.delete_events, lease=self._lease, before=cutoffs.happened_before)
            while (count := await self._slice(partial(delete_events, limit=self._rows))) > 0:
                self.deleted.events += count
        while (count := await self._slice(partial(trim_keys, now=now, limit=self._rows))) > 0:
            self.deleted.keys += count

    async def _batches(self, before: datetime) -> None:
        last = ""
        while True:
            async with self._database.read() as connection:
                found = await retention.ended_batches(connection, before, last)
            if not found:
                return
            while found:
                # As many as fill a slice; one that is larger takes several.
                ids, total = [found[0][0]], found[0][1]
                while len(ids) < len(found) and total + found[len(ids)][1] <= self._rows:
                    total += found[len(ids)][1]
                    ids.append(found[len(ids)][0])
                await self._items(ids, before)
                del found[: len(ids)]
                last = ids[-1]

    async def _items(self, ids: list[str], before: datetime) -> None:
        limit = items = 0
        while items == limit:
            limit = self._rows
            items, batches = await self._slice(partial(retention.delete_batches, ids=ids, before=before, limit=limit))
            self.deleted.analyses += items
            self.deleted.batches += batches

    async def _lone_analyses(self, before: datetime) -> None:
        place = retention.FIRST
        while True:
            async with self._database.read() as connection:
                found = await retention.ended_analyses(connection, before, place, self._rows)
            if not found:
                return
            place, ids = found[-1], [each.id for each in found]
            self.deleted.analyses += await self._slice(partial(retention.delete_lone_analyses, ids=ids, before=before))

    async def _slice(self, delete: Callable[[AsyncConnection], Awaitable[CountT]]) -> CountT:
        """Delete about as much as fits into a slice's time, then rest for as long as it took."""
        async with self._database.write() as connection:
            began = time.monotonic()
            count = await delete(connection)
            deleting = time.monotonic() - began
            await retention.hold(connection, self._lease, utcnow())
        took = time.monotonic() - began
        # What a commit takes depends little on the rows.
        fitting = int(self._rows * SLICE_SECONDS / max(deleting, 1e-4))
        self._rows = min(max(fitting, LEAST_ROWS), self._rows * 2, MOST_ROWS)
        await asyncio.sleep(took)
        return count
