"""The engine on PostgreSQL: permits come from PgQueuer, to any number of workers on any number of machines.

One connection of its own listens, takes permits one by one (SKIP LOCKED) and returns what is used. It takes a permit
only when the worker has a slot free: a permit that a busy worker holds helps nobody, so PgQueuer's own manager, which
fetches ahead, is not used. A permit taken by a worker that died comes again after `REDELIVERY`; nobody waits for that,
since a worker that hears nothing looks for work every `POLL_SECONDS`, and so goes on while the connection is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from uuid import uuid4

import structlog
from pgqueuer.core.listeners import initialize_notice_event_listener
from pgqueuer.models import AnyEvent, Job
from pgqueuer.queries import EntrypointExecutionParameter, Queries
from pgqueuer.types import QueueEntrypoint, QueueManagerId

from jobs.engine import POLL_SECONDS
from jobs.supervision import wait_for
from store.queue.permits import CHANNEL, ENTRYPOINT, queries, trim_log
from store.sql.database import Database

# A look takes milliseconds, unless it waits for its turn; one that takes longer may cost a second look.
REDELIVERY = timedelta(seconds=10)
# PostgreSQL that says nothing for so long is taken for gone, and asked again on a new connection.
ANSWER_SECONDS = 10.0
TRIM_SECONDS = 20.0

_ANY = {QueueEntrypoint(ENTRYPOINT): EntrypointExecutionParameter(concurrency_limit=0)}

log = structlog.stdlib.get_logger(__name__)


class Distributed:
    """The permits of one worker."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._id = QueueManagerId(uuid4())
        self._queries: Queries | None = None
        self._lost: asyncio.Future[None] | None = None
        self._news = asyncio.Event()
        self._woken = True  # what waits since before has its permits, or had
        self._held: list[Job] = []
        self._used: list[Job] = []
        self._has_used = asyncio.Event()

    async def run(self) -> None:
        """Keep the connection. Raises when it is lost, to be run again."""
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._database.apart("assay permits") as connection:
            connection.add_termination_listener(lambda _: self._lose(ConnectionError("PostgreSQL is gone")))
            own = queries(connection)
            await initialize_notice_event_listener(own.driver, CHANNEL, self._hear)
            self._queries, self._lost = own, lost
            self._news.set()  # what came while nobody listened
            log.debug("permits come")
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._return_used(own))
                    tasks.create_task(self._trim(own))
                    await lost
            finally:
                self._queries = self._lost = None
                lost.cancel()

    async def receive(self) -> None:
        """Return with a permit; without one when woken, or after `POLL_SECONDS`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + POLL_SECONDS
        while not self._held and not self._woken:
            self._news.clear()  # before asking: what comes meanwhile is asked for in the next round
            self._held.extend(await self._take())
            if not self._held and not await wait_for(self._news, until - loop.time()):
                break
        self._woken = False

    async def done(self, *, found: bool) -> None:
        """The permit is returned soon. Who found something looks again; a permit for the others is in the claim."""
        self._used += self._held
        self._held = []
        self._has_used.set()
        if found:
            self.wake()

    def wake(self) -> None:
        """Let `receive` return."""
        self._woken = True
        self._news.set()

    def _hear(self, event: AnyEvent) -> None:
        # Other changes of the table are no news of work.
        if event.root.type == "table_changed_event" and event.root.operation == "insert":
            self._news.set()

    def _lose(self, error: Exception) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_exception(error)

    async def _take(self) -> Collection[Job]:
        if self._queries is None:
            return ()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._queries.dequeue(1, _ANY, self._id, None, REDELIVERY)
        except Exception as error:  # `run` tells of it, and connects again
            self._lose(error)
            return ()

    async def _return_used(self, own: Queries) -> None:
        while True:
            self._has_used.clear()
            if used := self._used[:]:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await own.log_jobs([(permit, "successful", None) for permit in used])
                del self._used[: len(used)]
            else:
                await self._has_used.wait()

    async def _trim(self, own: Queries) -> None:
        while True:
            if not await trim_log(own):
                await asyncio.sleep(TRIM_SECONDS)
