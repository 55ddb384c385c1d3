"""Who tells a worker that there is work: the one thing in which the embedded and the distributed mode differ.

The rows hold the queue, the claims and the outcomes in both modes: see `store.queue.claims`. An engine hands out
permits to look for work there. A permit that comes twice, late or for nothing costs one look; one that is lost is
made up for by a look every `POLL_SECONDS`.
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
        """What the engine does beside the worker, until cancelled."""

    async def receive(self) -> None:
        """Wait for a permit, for `POLL_SECONDS` at most."""

    async def done(self, *, found: bool) -> None:
        """What was received has been used: `found` says whether there was work to claim."""

    def wake(self) -> None:
        """There may be work, by another way than the engine's own."""


def engine_for(database: Database) -> Engine:
    """The one that goes with this kind of database."""
    if database.is_sqlite:
        return Embedded(database)
    from jobs.distributed import Distributed  # here: PgQueuer takes a third of a second to import

    return Distributed(database)


class Embedded:
    """On SQLite: a process that submits work wakes its own worker; `Database.watch` or a poll wakes the others'."""

    def __init__(self, database: Database) -> None:
        self._news = asyncio.Event()
        self._news.set()
        database.on_commit(lambda news: self.wake() if "queue" in news else None)

    async def run(self) -> None:
        """Nothing is to be done."""
        await asyncio.Event().wait()

    async def receive(self) -> None:
        """At once after news or a look that found something."""
        await wait_for(self._news, POLL_SECONDS)
        self._news.clear()  # before looking: what comes while we look is seen in the next round

    async def done(self, *, found: bool) -> None:
        """Where there was work there may be more."""
        if found:
            self.wake()

    def wake(self) -> None:
        """Let `receive` return."""
        self._news.set()
