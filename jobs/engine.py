"""Engines: they wake a worker when there is work. This is the one difference between embedded and distributed mode.

The rows hold the queue, the claims and the outcomes in both modes: see `store.queue.claims`. An engine hands out
permits to look for work there. A repeated, late or needless permit costs one look. A lost permit delays its rows by
`POLL_SECONDS` at most, the interval at which every worker looks without one.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from jobs.supervision import wait_for
from store.sql.database import Database

POLL_SECONDS = 1.0


class Engine(Protocol):
    """Hands out permits to claim a chunk of work."""

    async def run(self) -> None:
        """Run the engine's own work, until cancelled."""

    async def receive(self) -> None:
        """Wait for a permit, for `POLL_SECONDS` at most."""

    async def done(self, *, found: bool) -> None:
        """Return the permit. `found`: whether the worker claimed rows with it."""

    def wake(self) -> None:
        """Let `receive` return without a permit."""


def engine_for(database: Database) -> Engine:
    """Return the engine for this kind of database."""
    if database.is_sqlite:
        return Embedded(database)
    from jobs.distributed import Distributed  # here: PgQueuer takes a third of a second to import

    return Distributed(database)


class Embedded:
    """The engine on SQLite. A commit wakes the worker of its own process; `Database.watch` or a poll wakes others."""

    def __init__(self, database: Database) -> None:
        self._news = asyncio.Event()
        self._news.set()
        database.on_commit(lambda news: self.wake() if "queue" in news else None)

    async def run(self) -> None:
        """Do nothing until cancelled."""
        await asyncio.Event().wait()

    async def receive(self) -> None:
        """Return at once after an announcement or a successful claim, else after `POLL_SECONDS`."""
        await wait_for(self._news, POLL_SECONDS)
        self._news.clear()  # before the look: an announcement during the look starts another

    async def done(self, *, found: bool) -> None:
        """Look again after a successful claim."""
        if found:
            self.wake()

    def wake(self) -> None:
        """Let `receive` return."""
        self._news.set()
