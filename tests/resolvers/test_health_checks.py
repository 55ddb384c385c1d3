"""Each health check at its bounds: the status, the message and the advice."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from events.bus import Bus
from resolvers import health_checks
from resolvers.health import Health
from resolvers.health_checks import Component
from resolvers.monitor import MIB, Disk, Memory
from store.statistics import LogFigures, PriorityFigures, QueueFigures
from store.tables import ControlRow, HealthStatus, WorkerRow
from tests.resolvers.rows import NOW

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus
GIB = 1024 * MIB


def workers(*silent_seconds: float, slots: int = 2, busy: int = 2) -> list[WorkerRow]:
    rows = [
        SimpleNamespace(
            instance=f"server:{number}", last_seen_at=NOW - timedelta(seconds=seconds), slots=slots, busy=busy
        )
        for number, seconds in enumerate(silent_seconds, 1)
    ]
    return cast(list[Any], rows)


def only(found: Component) -> str:
    """Return the component's one sentence of advice."""
    (sentence,) = found.advice
    return sentence


def queue(depth: int, oldest: float | None, running: int = 0) -> QueueFigures:
    return QueueFigures(depth, running, oldest, [PriorityFigures(5, depth, oldest)])


@pytest.mark.parametrize(
    ("free_percent", "free_bytes", "status"),
    [
        (10, 50 * GIB, HEALTHY),
        (9.9, 50 * GIB, DEGRADED),
        (2, 50 * GIB, DEGRADED),
        (1.9, 50 * GIB, UNHEALTHY),
        (50, 200 * MIB, HEALTHY),
        (50, 200 * MIB - 1, UNHEALTHY),
    ],
)
def test_the_disk(free_percent: float, free_bytes: int, status: HealthStatus) -> None:
    found = health_checks.check_disk(Disk(100 - free_percent, free_bytes))
    assert found.status is status
    assert len(found.advice) == (status is not HEALTHY)


def test_the_disks_advice() -> None:
    found = health_checks.check_disk(Disk(93.2, 12 * GIB))
    assert found.message == "93 % full, 12.0 GiB free."
    assert only(found) == (
        "The disk of the data folder is 93 % full (12.0 GiB free): give it more space; deleting analyses at first "
        "needs space itself."
    )


def test_the_database() -> None:
    room, full = Disk(50, 50 * GIB), Disk(99.5, 150 * MIB)
    answers = "The database answers."
    assert health_checks.check_database(500, room) == Component("database", HEALTHY, answers, 500)
    assert health_checks.check_database(0.5, None) == Component("database", HEALTHY, answers, 0.5)
    assert health_checks.check_database(501, room).status is DEGRADED
    assert health_checks.check_database(None).status is UNHEALTHY
    found = health_checks.check_database(0.5, full)
    assert (found.status, found.message) == (UNHEALTHY, "The disk of the database has 150 MiB free.")


@pytest.mark.parametrize(
    ("lag", "held_back", "status", "sentences"),
    [
        (5, 5, HEALTHY, 0),
        (5.1, 0, DEGRADED, 1),
        (0, 5.1, DEGRADED, 1),
        (0, 61, UNHEALTHY, 1),
        (61, 0, UNHEALTHY, 1),
        (61, 61, UNHEALTHY, 2),
    ],
)
def test_events(lag: float, held_back: float, status: HealthStatus, sentences: int) -> None:
    found = health_checks.check_events(LogFigures(held_back, held_back + 10), lag)
    assert found.status is status
    assert len(found.advice) == sentences


def test_a_server_without_a_bus_is_healthy() -> None:
    for sqlite, found in ((True, "its file is watched"), (False, "it is read once a second")):
        component = health_checks.check_bus(Bus(), sqlite=sqlite)
        assert (component.status, component.advice) == (HEALTHY, ())
        assert component.message == f"No bus is configured: news of other servers comes from the database; {found}."


def test_the_fences_advice() -> None:
    found = health_checks.check_events(LogFigures(12, 30), 0)
    assert found.message == "An open transaction holds back events for 12 s."
    assert only(found) == (
        "A transaction of this database that has written and is still open, the oldest of 30 s, holds back events for "
        "12 s: find it in pg_stat_activity (datname = current_database() and backend_xid is not null) or "
        "pg_prepared_xacts (database = current_database()) and end it."
    )


@pytest.mark.parametrize(
    ("silent_seconds", "wanted", "status", "message"),
    [
        ([0], 2, HEALTHY, "1 alive, 2 of 2 slots busy."),
        ([0, 5], 2, HEALTHY, "2 alive, 4 of 4 slots busy."),
        ([], 0, HEALTHY, "No worker is alive, and none is configured here."),
        ([0, 5.1], 2, DEGRADED, "1 alive, 1 silent."),
        ([7, 9], 0, DEGRADED, "0 alive, 2 silent."),
        ([], 2, UNHEALTHY, "No worker is alive: none has started."),
        ([7, 9], 2, UNHEALTHY, "No worker is alive: last heartbeat 7 s ago."),
    ],
)
def test_workers(silent_seconds: list[float], wanted: int, status: HealthStatus, message: str) -> None:
    found = health_checks.check_workers(workers(*silent_seconds), wanted, NOW)
    assert (found.status, found.message) == (status, message)
    assert len(found.advice) == (status is not HEALTHY)


def test_the_workers_advice() -> None:
    assert only(health_checks.check_workers(workers(0, 8, 7), 1, NOW)) == (
        "2 of 3 workers (server:2, server:3) have sent no heartbeat for 8 s: other workers retry their analyses; check "
        "whether the servers still run."
    )
    names = health_checks.check_workers(workers(*[60] * 5), 0, NOW).advice[0]
    assert "(server:1, server:2, server:3 and 2 more)" in names


@pytest.mark.parametrize(
    ("figures", "alive", "wanted", "status"),
    [
        (queue(0, None), 0, 0, HEALTHY),
        (queue(9, 15), 0, 2, HEALTHY),
        (queue(9, 16), 0, 2, UNHEALTHY),
        (queue(9, 16), 1, 2, UNHEALTHY),
        (queue(9, 16, running=1), 1, 2, HEALTHY),
        (queue(9, 60, running=1), 1, 2, HEALTHY),
        (queue(9, 61, running=1), 1, 2, DEGRADED),
        (queue(9, None, running=0), 1, 2, HEALTHY),
    ],
)
def test_the_queue(figures: QueueFigures, alive: int, wanted: int, status: HealthStatus) -> None:
    found = health_checks.check_queue(figures, workers(*[0] * alive), wanted)
    assert found.status is status
    assert len(found.advice) == (status is not HEALTHY)


def test_the_queues_advice(machine: SimpleNamespace) -> None:
    machine.cores = 8
    long, stuck = queue(412, 95, running=384), queue(1, 95)
    two = workers(0, 0, slots=4, busy=3)  # one on this server and one on another
    waits = "412 analyses wait, the oldest for 95 s, while 6 of 8 slots on 2 workers are busy: "
    assert (
        only(health_checks.check_queue(long, two, 3))
        == f"{waits}raise ASSAY_WORKERS from 3 (this machine has 8 cores)."
    )
    assert only(health_checks.check_queue(long, two, 8)) == (
        f"{waits}ASSAY_WORKERS is 8 and this machine has 8 cores, so take a larger machine, or let further servers "
        "share the queue over PostgreSQL (ASSAY_DATABASE_URL)."
    )
    assert only(health_checks.check_queue(long, two, 0)) == (
        f"{waits}raise ASSAY_WORKERS on the servers with workers, or let further servers share the queue."
    )
    assert only(health_checks.check_queue(long, workers(0, 0, slots=2, busy=1), 2)) == (
        "412 analyses wait, the oldest for 95 s, while 2 of 4 slots on 2 workers are busy: find in the logs of their "
        "servers why they start no more."
    )
    assert only(health_checks.check_queue(stuck, [], 0)) == (
        "1 analysis waits, the oldest for 95 s, and no worker is alive: set ASSAY_WORKERS above 0, here or on "
        "another server."
    )
    assert only(health_checks.check_queue(stuck, workers(0), 3)) == (
        "1 analysis waits, the oldest for 95 s, and nothing runs although a worker is alive: find the reason in its "
        "log."
    )


def test_a_queue_with_pauses_and_limits(machine: SimpleNamespace) -> None:
    whole, text = ControlRow(analyzer="", paused_at=NOW), ControlRow(analyzer="text", paused_at=NOW, slots=1)
    found = health_checks.check_queue(queue(9, 900), workers(0), 2, [whole, text])
    assert (found.status, found.message) == (DEGRADED, "9 waiting, 0 running, paused.")
    assert found.advice == [
        f"{what} is paused since 2026-11-21 10:00:00 UTC: resume it by `resumeQueue` or `python server.py {command}`."
        for what, command in (("The queue", "resume"), ("The queue of text", "resume text"))
    ]
    slow = health_checks.check_queue(queue(9, 900, running=1), workers(0), 2, [ControlRow(analyzer="text", slots=1)])
    assert only(slow) == (
        "9 analyses wait, the oldest for 900 s, while 2 of 2 slots on 1 worker are busy: raise the limit that "
        "was set by `setConcurrency`, or remove it."
    )
    assert health_checks.check_queue(queue(0, None), workers(0), 2, [ControlRow(analyzer="text")]).status is HEALTHY


@pytest.mark.parametrize(("percent", "status"), [(89.9, HEALTHY), (90, DEGRADED), (96.9, DEGRADED), (97, UNHEALTHY)])
def test_memory(percent: float, status: HealthStatus) -> None:
    found = health_checks.check_memory(Memory(percent, 512 * MIB), 3)
    assert found.status is status
    assert len(found.advice) == (status is not HEALTHY)


def test_the_memorys_advice() -> None:
    assert only(health_checks.check_memory(Memory(94, 512 * MIB), 3)) == (
        "94 % of the machine's memory is used, 512 MiB of it by this server and its processes: lower ASSAY_WORKERS "
        "from 3, or give the machine more memory."
    )
    assert only(health_checks.check_memory(Memory(94, 512 * MIB), 1)) == (
        "94 % of the machine's memory is used, 512 MiB of it by this server and its processes: give the machine more "
        "memory."
    )


def test_analyzers() -> None:
    assert health_checks.check_analyzers(3, {}) == Component("analyzers", HEALTHY, "3 loaded.")
    found = health_checks.check_analyzers(1, {"b": "ValueError: no", "a": "ImportError: no module x"})
    assert found.status is DEGRADED
    assert found.message == "1 loaded; not loaded: a (ImportError: no module x); b (ValueError: no)."
    assert found.advice == [
        "The plug-in a did not load (ImportError: no module x): repair or uninstall it, and restart the server.",
        "The plug-in b did not load (ValueError: no): repair or uninstall it, and restart the server.",
    ]


@pytest.mark.parametrize(
    ("lag_seconds", "status"), [(0, HEALTHY), (0.25, HEALTHY), (0.26, DEGRADED), (2, DEGRADED), (2.1, UNHEALTHY)]
)
def test_the_event_loop(lag_seconds: float, status: HealthStatus) -> None:
    found = health_checks.check_loop(lag_seconds)
    assert (found.status, found.latency_ms) == (status, lag_seconds * 1000)
    assert len(found.advice) == (status is not HEALTHY)


def test_the_total_has_the_worst_status_and_names_the_worst_component_first() -> None:
    parts = [
        Component("a", HEALTHY),
        Component("b", DEGRADED, advice=["b1", "b2"]),
        Component("c", UNHEALTHY, advice=["c"]),
        Component("d", DEGRADED, advice=["d"]),
    ]
    assert Health(parts).status is UNHEALTHY
    assert Health(parts).recommendations == ["c", "b1", "b2", "d"]
    assert Health(parts[:1]).status is HEALTHY
    assert Health(parts[:2]).status is DEGRADED
