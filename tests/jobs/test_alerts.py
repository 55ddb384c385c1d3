"""Alerts: a change of health is reported once it has lasted, and by one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest

import jobs.alerts
from jobs.alerts import MOST_KEPT, Alerts, Watch
from store.alerts import Change, hold, lease, report, report_shared, reported
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.scope import EVERYWHERE
from store.tables import AlertEventType, EventRow, HealthStatus
from tests.store.truth import whole_log
from tests.support import until

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus
START = utcnow()


@dataclass
class Part:
    """A component with a status that a test sets."""

    name: str
    status: HealthStatus = HEALTHY
    message: str | None = "The reason."
    advice: Collection[str] = ("The reason: the remedy.",)


class Clock:
    """A movable clock, and a watch of one component by it."""

    def __init__(self, name: str = "disk") -> None:
        self.seconds = 0.0
        self.part = Part(name)
        self.watch = Watch(lambda: self.seconds)

    def look(self, *statuses: HealthStatus, every: float = 2.0) -> list[tuple[HealthStatus, float]]:
        """Look once for each status. Returns all changes so far, with their times in seconds."""
        for status in statuses:
            self.part.status = status
            self.watch.look([self.part], START + timedelta(seconds=self.seconds))
            self.seconds += every
        return [(each.health, (each.occurred_at - START).total_seconds()) for each in self.watch.changes]


def test_a_change_counts_after_five_seconds_with_the_time_of_its_beginning() -> None:
    clock = Clock()
    assert clock.look(HEALTHY, DEGRADED, DEGRADED, DEGRADED) == []
    assert clock.look(DEGRADED) == [(DEGRADED, 2)]
    assert clock.look(*[DEGRADED] * 5) == [(DEGRADED, 2)]
    assert clock.look(HEALTHY, HEALTHY, HEALTHY) == [(DEGRADED, 2)]
    assert clock.look(HEALTHY) == [(DEGRADED, 2), (HEALTHY, 20)]
    first, second = clock.watch.changes
    assert (first.component, first.message, second.message) == ("disk", "The reason: the remedy.", None)


def test_the_exact_time_is_a_change_and_less_is_none() -> None:
    clock = Clock()
    assert clock.look(UNHEALTHY, UNHEALTHY, every=4.875) == []
    assert clock.look(HEALTHY, UNHEALTHY, every=5) == []
    assert clock.look(UNHEALTHY) == [(UNHEALTHY, 14.75)]


def test_short_changes_are_no_news() -> None:
    clock = Clock()
    assert clock.look(*[DEGRADED, HEALTHY] * 50) == []
    assert clock.look(*[UNHEALTHY, UNHEALTHY, HEALTHY] * 50) == []
    # Never healthy, though never the same for five seconds.
    assert clock.look(UNHEALTHY, DEGRADED, UNHEALTHY, DEGRADED) == [(DEGRADED, 506)]


def test_one_stop_of_the_event_loop_is_no_news() -> None:
    clock = Clock("event_loop")
    assert clock.look(*[DEGRADED] * 5, HEALTHY) == []  # the status is that of the last ten seconds
    assert clock.look(*[DEGRADED] * 9) == [(DEGRADED, 12)]


def test_a_component_of_unknown_status_keeps_the_reported_one() -> None:
    clock = Clock()
    clock.look(*[DEGRADED] * 4)
    clock.watch.look([], START)
    assert clock.look(DEGRADED, DEGRADED, DEGRADED, DEGRADED) == [(DEGRADED, 0)]
    assert clock.look(HEALTHY, HEALTHY) == [(DEGRADED, 0)]
    clock.watch.look([], START)
    assert clock.look(HEALTHY, HEALTHY, HEALTHY) == [(DEGRADED, 0)]  # begins again
    assert clock.look(HEALTHY)[1:] == [(HEALTHY, 20)]


def test_the_oldest_unwritten_changes_are_dropped() -> None:
    clock = Clock()
    for _ in range(MOST_KEPT):
        clock.look(DEGRADED, DEGRADED, HEALTHY, HEALTHY, every=5)
    assert len(clock.watch.changes) == MOST_KEPT
    assert clock.watch.changes[-1].health is HEALTHY


def changes(*given: tuple[str, HealthStatus, float]) -> list[Change]:
    return [Change(name, health, None, START + timedelta(seconds=at)) for name, health, at in given]


async def alerts_in(database: Database) -> list[tuple[str, str, str]]:
    """Return the alerts in the order of the log: instance, component and status."""
    found = [each for each in await whole_log(database) if each.type == AlertEventType.ALERT]
    assert {each.workspace for each in found} <= {EVERYWHERE}
    return [(each.subject, *told(each)) for each in found]


def told(event: EventRow) -> tuple[str, str]:
    data = orjson.loads(event.data)
    return data["component"], data["health"]


async def test_only_changes_from_the_reported_status_are_written(database: Database) -> None:
    async with database.write() as connection:
        await report_shared(
            connection, "a", changes(("bus", HEALTHY, 0), ("queue", DEGRADED, 1), ("bus", UNHEALTHY, 2))
        )
    async with database.write() as connection:
        # Of another server that saw the same, or of a repeated write: nothing. Then a change back.
        again = changes(("queue", DEGRADED, 1.5), ("bus", HEALTHY, 1.9), ("bus", UNHEALTHY, 2), ("bus", HEALTHY, 3))
        await report_shared(connection, "b", again)
        await report(connection, "b", changes(("disk", DEGRADED, 4)))
        assert await reported(connection) == {"queue": DEGRADED, "bus": HEALTHY}
    assert await alerts_in(database) == [
        ("a", "queue", "DEGRADED"),
        ("a", "bus", "UNHEALTHY"),
        ("b", "bus", "HEALTHY"),
        ("b", "disk", "DEGRADED"),
    ]
    log = await whole_log(database)
    assert [(each.occurred_at - START).total_seconds() for each in log] == [1, 2, 3, 4]
    assert orjson.loads(log[0].data) == {"component": "queue", "health": "DEGRADED", "message": None}


async def test_a_lease_is_taken_from_a_silent_holder_only(database: Database) -> None:
    now = utcnow()
    async with database.write() as connection:
        assert await lease(connection) is None
        assert await hold(connection, "a", None, now)
        assert not await hold(connection, "b", None, now)
        seen = await lease(connection)
        assert await hold(connection, "a", None, now + timedelta(seconds=1))
        assert not await hold(connection, "b", seen, now)  # renewed since
        assert await hold(connection, "b", await lease(connection), now)
        assert not await hold(connection, "a", None, now)
        row = await lease(connection)
        assert row is not None
        assert (row.holder, row.renewed_at) == ("b", now)


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check without pauses, and take every change as one that has lasted."""
    for name, seconds in (("CHECK", 0.02), ("HOLD", 0.0), ("RENEW", 0.1)):
        monkeypatch.setattr(jobs.alerts, f"{name}_SECONDS", seconds)


@asynccontextmanager
async def running(database: Database, instance: str, local: Part, shared: Part | None) -> AsyncIterator[Alerts]:
    async def check_local() -> list[Part]:
        return [local]

    async def check_shared() -> list[Part]:
        assert shared is not None
        return [shared]

    alerts = Alerts(database, instance, check_local, check_shared if shared else None)
    task = asyncio.create_task(alerts.run())
    try:
        yield alerts
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()


def written(database: Database, count: int) -> Callable[[], object]:
    async def enough() -> bool:
        return len(await alerts_in(database)) >= count

    return enough


@pytest.mark.usefixtures("fast")
async def test_processes_report_their_own_parts_and_one_server_the_shared_ones(database: Database) -> None:
    shared = Part("queue")
    disks = [Part("disk") for _ in range(3)]
    async with (
        running(database, "first", disks[0], shared) as first,
        running(database, "second", disks[1], shared) as second,
        running(database, "worker", disks[2], None) as worker,
    ):
        await until(lambda: first._another_holds or second._another_holds, what="one server to leave the lease")
        for part in (shared, *disks):
            part.status = DEGRADED
        await until(written(database, 4), what="all alerts")
        for part in (shared, *disks):
            part.status = HEALTHY
        await until(written(database, 8), what="all alerts of the end")
        assert (first._holds, second._holds).count(True) == 1
        assert not worker._holds
    found = await alerts_in(database)
    assert sorted((subject, status) for subject, name, status in found if name == "disk") == [
        (subject, status) for subject in ("first", "second", "worker") for status in (DEGRADED, HEALTHY)
    ]
    assert [status for _, name, status in found if name == "queue"] == [DEGRADED, HEALTHY]


@pytest.mark.usefixtures("fast")
async def test_another_server_takes_over(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Part("queue", DEGRADED)
    async with running(database, "first", Part("disk"), queue):
        await until(written(database, 1), what="the alert")
    # After an orderly stop at once. What the first one reported is not reported again.
    async with running(database, "second", Part("disk"), queue) as second:
        await until(lambda: second._holds, what="the second server to take the lease")

        async def taken() -> bool:
            async with database.write() as connection:
                return await hold(connection, "third", await lease(connection), utcnow())

        await until(taken, what="a third server to take the lease between two renewals, and to stop without a word")
        await until(lambda: not second._holds, what="the second server to lose the lease")
        monkeypatch.setattr(jobs.alerts, "SILENCE_SECONDS", 0.2)
        await until(lambda: second._holds, what="the second server to take the lease again")
        queue.status = HEALTHY
        await until(written(database, 2), what="the alert of the end")
    assert await alerts_in(database) == [("first", "queue", "DEGRADED"), ("second", "queue", "HEALTHY")]
    async with database.read() as connection:
        freed = await lease(connection)
    assert freed is not None
    assert freed.holder == ""
