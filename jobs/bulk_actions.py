"""Bulk actions: the keeper's task that carries them out, a slice of each in turn.

Of all keepers on a database, one carries out an action. Another takes it over after a silence, measured by its own
clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog

from jobs.stillness import Stillness
from jobs.supervision import wait_for
from store.bulk_slices import carry_out, next_ids, release, running_actions
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.tables import BulkActionRow

POLL_SECONDS = 1.0
# Time without a slice after which another keeper takes an action over. A slice renews the lease, and takes well under a
# second, with its pause and with the slices of some other actions.
SILENCE_SECONDS = 10.0
# Time limit of the last write at a stop.
RELEASE_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


class BulkActions:
    """The bulk actions of one keeper."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lease = new_id("lease")
        self._stillness, self._looked_at = Stillness(), time.monotonic()
        self._news = asyncio.Event()
        database.on_commit(lambda news: self._news.set() if "bulk actions" in news else None)

    async def run(self) -> None:
        """Carry out actions until cancelled. Frees their leases at the end."""
        try:
            while True:
                async with self._database.read() as connection:
                    rows = await running_actions(connection)
                if not await self._slices(self._free(rows)) and await wait_for(self._news, POLL_SECONDS):
                    self._news.clear()
        finally:
            with suppress(Exception):  # without it, another keeper takes over after the silence
                async with asyncio.timeout(RELEASE_SECONDS), self._database.write() as connection:
                    await release(connection, self._lease)

    def _free(self, rows: Sequence[BulkActionRow]) -> list[BulkActionRow]:
        """Return the actions that no other keeper carries out, and those whose keeper has been silent."""
        before, self._looked_at = self._looked_at, time.monotonic()
        if self._looked_at - before > SILENCE_SECONDS / 2:
            self._stillness = Stillness()  # this process or the database was paused, and perhaps the others too
        renewed = {f"{row.id} {row.lease}": row.renewed_at for row in rows if row.renewed_at is not None}
        seconds = self._stillness.look(renewed)
        return [
            row
            for row in rows
            if row.lease in ("", self._lease) or seconds.get(f"{row.id} {row.lease}", 0.0) > SILENCE_SECONDS
        ]

    async def _slices(self, rows: Sequence[BulkActionRow]) -> bool:
        """Carry out a slice of each action; False if none changed. Raises the first error, after the other slices."""
        errors = []
        changed = False
        for row in rows:
            try:
                changed |= await self._slice(row)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return changed

    async def _slice(self, row: BulkActionRow) -> bool:
        async with self._database.read() as connection:
            ids = await next_ids(connection, row)
        began = time.monotonic()
        async with self._database.write() as connection:
            new = await carry_out(connection, row, ids, self._lease, utcnow())
        if new is None:
            return False
        if new.finished_at is not None:
            log.info("bulk action completed", action=new.id, kind=new.kind, done=new.done, refused=new.refused)
        await asyncio.sleep(time.monotonic() - began)  # other writers have a turn
        return True
