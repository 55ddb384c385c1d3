"""The engine on PostgreSQL: permits come from PgQueuer, to any number of workers on any number of machines.

A connection of its own listens, takes permits one by one (SKIP LOCKED) and returns used ones. The worker takes a permit
only when it has a free slot: a permit held by a busy worker is of no use. PgQueuer's own manager fetches ahead, and is
therefore not used. PgQueuer delivers the permit of a dead worker again after `REDELIVERY`. Work does not wait for that:
every worker looks for work each `POLL_SECONDS`, also while this connection is down.

PgBouncer does not pass on notifications. Behind it a worker takes no permits: commits of its own process wake it, and
it finds the work of others by its looks.
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
from store.sql.postgresql import NoNotifications

# Far above the milliseconds of a look. A look that waits longer for its locks may cost a second look.
REDELIVERY = timedelta(seconds=10)
# Time limit of a statement: after it the connection counts as lost, and the engine opens a new one.
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
        self._woken = True  # rows queued before the start may have had their permits already
        self._held: list[Job] = []
        self._used: list[Job] = []
        self._has_used = asyncio.Event()
        database.on_commit(lambda news: self.wake() if database.is_pooled and "queue" in news else None)

    async def run(self) -> None:
        """Hold the connection. Raises when it is lost; the caller runs this again."""
        try:
            await self._hold()
        except NoNotifications:
            log.info("PgBouncer is in between: this worker looks for work each second")
            await asyncio.Event().wait()

    async def _hold(self) -> None:
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        async with self._database.apart("permits") as connection:
            connection.add_termination_listener(lambda _: self._lose(ConnectionError("PostgreSQL is gone")))
            own = queries(connection)
            await initialize_notice_event_listener(own.driver, CHANNEL, self._hear)
            self._queries, self._lost = own, lost
            self._news.set()  # for permits from before the LISTEN
            log.debug("listening for permits")
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._return_used(own))
                    tasks.create_task(self._trim(own))
                    await lost
            finally:
                self._queries = self._lost = None
                lost.cancel()

    async def receive(self) -> None:
        """Take a permit; return without one when woken, or after `POLL_SECONDS`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + POLL_SECONDS
        while not self._held and not self._woken:
            self._news.clear()  # before the query: a notification during the query starts another
            self._held.extend(await self._take())
            if not self._held and not await wait_for(self._news, until - loop.time()):
                break
        self._woken = False

    async def done(self, *, found: bool) -> None:
        """Return the permit soon; look again after a successful claim, which left a permit for other workers."""
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
        # Updates and deletes of the table bring no work.
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
        except Exception as error:  # `run` raises it, and is run again with a new connection
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
