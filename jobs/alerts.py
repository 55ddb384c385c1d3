"""Alerts: events of the changes in the health of components.

Each process checks its local components and reports them. Of all servers that share a database, the holder of the
keeper's lease checks and reports the shared components. Without an answer of the database, each server checks them
too: it keeps all changes, and writes them after its return with their original times, unless another holder does.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from jobs.stillness import Stillness
from store import alerts
from store.alerts import Change
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.failures import may_pass
from store.sql.ids import new_id
from store.tables import HealthStatus, KeeperRow

CHECK_SECONDS = 2.0
# Time for which a status must differ from the reported one: shorter changes are no news.
HOLD_SECONDS = 5.0
# The event loop's status is that of its worst moment in ten seconds: a single stop is no news either.
LONGER_HOLDS: Mapping[str, float] = {"event_loop": 15.0}
# Most unwritten changes of local components, and of shared ones: about 20 minutes without the database if a component
# changes as often as it can. Older changes are dropped.
MOST_KEPT = 200
# The holder renews the lease after the first time, and loses it to another server after the second.
RENEW_SECONDS, SILENCE_SECONDS = 5.0, 15.0
# Time limits of a look at the lease with its writes, and of the last write at a stop.
WRITE_SECONDS, RELEASE_SECONDS = 5.0, 1.0

log = structlog.stdlib.get_logger(__name__)


class Component(Protocol):
    """A part of the server and its current status, as `resolvers.health_checks` describes it."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> HealthStatus: ...
    @property
    def message(self) -> str | None: ...
    @property
    def advice(self) -> Collection[str]: ...


Check = Callable[[], Awaitable[Collection[Component]]]
"""Returns the current components, without those of unknown status. Does not raise."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """A status that differs from the reported one: since when, and when it took its present value."""

    since: float
    status: HealthStatus
    changed_at: datetime


class Watch:
    """The reported statuses of components, and the changes that are not written yet, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._differences: dict[str, _Difference] = {}
        self.reported: dict[str, HealthStatus] = {}
        """A component without a status is HEALTHY."""
        self.changes: deque[Change] = deque(maxlen=MOST_KEPT)

    def look(self, components: Collection[Component], now: datetime) -> None:
        """Note the current statuses. A difference that has lasted becomes a change, with the time of its beginning."""
        moment = self._clock()
        differences = {}
        for each in components:
            if each.status is self.reported.get(each.name, HealthStatus.HEALTHY):
                continue
            found = self._differences.get(each.name) or _Difference(moment, each.status, now)
            if found.status is not each.status:
                found = _Difference(found.since, each.status, now)
            if moment - found.since < LONGER_HOLDS.get(each.name, HOLD_SECONDS):
                differences[each.name] = found
                continue
            self.reported[each.name] = each.status
            message = None if each.status is HealthStatus.HEALTHY else " ".join(each.advice) or each.message
            self.changes.append(Change(each.name, each.status, message, found.changed_at))
            log.warning("health changed", component=each.name, health=each.status.value, message=message)
        self._differences = differences


class Alerts:
    """The alerts of one process. `shared` is None in a process that does not report shared components."""

    def __init__(self, database: Database, instance: str, local: Check, shared: Check | None = None) -> None:
        self._database = database
        self._instance = instance
        self._holder = new_id("lease")  # two containers may have one instance name
        self._check_local = local
        self._check_shared = shared
        self._local, self._shared = Watch(), Watch()
        self._stillness, self._looked_at = Stillness(), time.monotonic()
        self._lease: KeeperRow | None = None
        self._holds = False
        # Whether another instance held the lease at the last look, and the database has answered since.
        self._another_holds = False
        self._failing = False

    async def run(self) -> None:
        """Check and report until cancelled. Frees the lease at the end."""
        try:
            while True:
                self._local.look(await self._check_local(), utcnow())
                if self._check_shared is not None and not self._another_holds:
                    self._shared.look(await self._check_shared(), utcnow())
                await self._write()
                await asyncio.sleep(CHECK_SECONDS)
        finally:
            if self._holds:
                self._holds = False
                with suppress(Exception):  # without it, another server takes the lease after the silence
                    async with asyncio.timeout(RELEASE_SECONDS), self._database.write() as connection:
                        await alerts.release(connection, self._holder)

    async def _write(self) -> None:
        """Write the changes, and hold or seek the lease. After a failure, both wait for the next check."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self._write_local()
                if self._check_shared is not None:
                    await self._keep()
        except Exception as error:
            self._another_holds = False
            if not self._failing:
                reason = str(getattr(error, "orig", error)).partition("\n")[0]
                log.warning("alerts wait for the database", reason=reason or type(error).__name__)
                self._failing = True
            if not may_pass(error):
                raise
        else:
            self._failing = False

    async def _write_local(self) -> None:
        if changes := list(self._local.changes):
            async with self._database.write() as connection:
                await alerts.report(connection, self._instance, changes)
            self._local.changes.clear()

    async def _keep(self) -> None:
        """Look at the lease: renew it, take it from a silent holder, or leave the shared components to its holder."""
        async with self._database.read() as connection:
            lease = await alerts.lease(connection)
        before, self._looked_at = self._looked_at, time.monotonic()
        if self._looked_at - before > SILENCE_SECONDS / 2:
            self._stillness = Stillness()  # this process or the database was paused, and with it perhaps the holder
        seconds = self._stillness.look({} if lease is None else {lease.holder: lease.renewed_at})
        age = max(seconds.values(), default=0.0)
        is_free = lease is None or lease.holder in ("", self._holder)
        if is_free or age > SILENCE_SECONDS:
            if not self._holds or self._shared.changes or age >= RENEW_SECONDS:
                await self._hold(None if is_free else lease)
        else:
            self._holds = False
            if lease != self._lease:  # the holder is alive, and has seen the same changes
                self._shared = Watch()
                self._another_holds = True
        self._lease = lease

    async def _hold(self, seen: KeeperRow | None) -> None:
        changes = list(self._shared.changes)
        async with self._database.write() as connection:
            held = await alerts.hold(connection, self._holder, seen, utcnow())
            if held:
                await alerts.report_shared(connection, self._instance, changes)
                self._shared.reported = dict(await alerts.reported(connection))
        if held and not self._holds:
            log.info("this server reports the health of shared components")
        self._holds, self._another_holds = held, False
        if held:
            self._shared.changes.clear()
