"""Health over a real database: a component degrades with a cause, and recovers once the cause has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from events.bus import Bus
from resolvers.context import Services
from resolvers.health import health
from store import tables
from store.events import EventFilter
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR
from tests.resolvers.conftest import Ask
from tests.resolvers.rows import analysis, event, worker
from tests.support import free_port, until

Add = Callable[..., Awaitable[None]]
HEALTH = "{ health { status components { name status message latencyMs } recommendations } }"
COMPONENTS = ["database", "bus", "events", "workers", "queue", "disk", "memory", "analyzers", "event_loop"]

pytestmark = pytest.mark.usefixtures("machine")


def statuses(found: dict[str, Any]) -> dict[str, str]:
    """Return the statuses of the components that are not healthy."""
    return {each["name"]: each["status"] for each in found["components"] if each["status"] != "HEALTHY"}


async def test_every_component_is_healthy(ask: Ask, add: Add) -> None:
    await add(worker())
    found = (await ask(HEALTH))["health"]
    assert [each["name"] for each in found["components"]] == COMPONENTS
    assert (found["status"], statuses(found), found["recommendations"]) == ("HEALTHY", {}, [])
    by_name = {each["name"]: each for each in found["components"]}
    assert by_name["database"]["latencyMs"] > 0
    assert by_name["workers"]["message"] == "1 alive, 0 of 2 slots busy."
    assert by_name["queue"]["message"] == "0 waiting, 0 running."
    assert (await ask("{ metrics { health { status } } }")) == {"metrics": {"health": {"status": "HEALTHY"}}}


async def test_a_worker_falls_silent_and_comes_back(ask: Ask, add: Add, database: Database) -> None:
    await add(worker(silent_seconds=60))
    found = (await ask(HEALTH))["health"]
    assert (found["status"], statuses(found)) == ("UNHEALTHY", {"workers": "UNHEALTHY"})
    (advice,) = found["recommendations"]
    assert advice.startswith("ASSAY_WORKERS is 2 and no worker is alive (last heartbeat ")
    async with database.write() as connection:
        await connection.execute(update(tables.worker).values(last_seen_at=utcnow() + timedelta(hours=1)))
    found = (await ask(HEALTH))["health"]
    assert (found["status"], found["recommendations"]) == ("HEALTHY", [])


async def test_work_waits_and_is_taken(ask: Ask, add: Add, database: Database, machine: SimpleNamespace) -> None:
    machine.cores = 8
    since = utcnow() - timedelta(seconds=3600)
    await add(worker(), *(analysis(updated_at=since) for _ in range(3)))
    found = (await ask(HEALTH))["health"]
    assert statuses(found) == {"queue": "UNHEALTHY"}
    assert "nothing runs although a worker is alive" in found["recommendations"][0]

    await add(analysis("RUNNING"))
    found = (await ask(HEALTH))["health"]
    assert statuses(found) == {"queue": "DEGRADED"}
    (advice,) = found["recommendations"]
    assert advice.startswith("3 analyses wait, the oldest for 3,6")
    assert advice.endswith(
        "0 of 2 slots on 1 worker are busy: find in the logs of their servers why they start no more."
    )

    # A busy worker of another server, and a silent one, whose slots do not count.
    await add(worker(slots=6, busy=6), worker(silent_seconds=60, slots=100))
    found = (await ask(HEALTH))["health"]
    assert statuses(found) == {"queue": "DEGRADED", "workers": "DEGRADED"}
    (advice,) = (each for each in found["recommendations"] if "wait" in each)
    assert advice.endswith(
        " s, while 6 of 8 slots on 2 workers are busy: raise ASSAY_WORKERS from 2 (this machine has 8 cores)."
    )

    async with database.write() as connection:
        await connection.execute(delete(tables.worker).where(tables.worker.c.slots == 100))
    async with database.write() as connection:
        await connection.execute(update(tables.analysis).values(status="RUNNING"))
    found = (await ask(HEALTH))["health"]
    assert (found["status"], found["recommendations"]) == ("HEALTHY", [])


async def test_the_machine_runs_out_of_room(ask: Ask, add: Add, machine: SimpleNamespace, database: Database) -> None:
    await add(worker())
    machine.disk_percent, machine.memory_percent = 93.0, 94.0
    found = (await ask(HEALTH))["health"]
    assert statuses(found) == {"disk": "DEGRADED", "memory": "DEGRADED"}
    assert len(found["recommendations"]) == 2
    machine.disk_percent = 99.0
    found = (await ask(HEALTH))["health"]
    full = {"disk": "UNHEALTHY", "memory": "DEGRADED"}
    assert statuses(found) == (full | {"database": "UNHEALTHY"} if database.is_sqlite else full)
    machine.disk_percent, machine.memory_percent = 50.0, 50.0
    assert (await ask(HEALTH))["health"]["recommendations"] == []


async def test_a_plugin_that_did_not_load(ask: Ask, add: Add) -> None:
    await add(worker())
    found = (await ask(HEALTH, plugin_failures={"tides = tides:ANALYZER": "ImportError: no module moon"}))["health"]
    assert (found["status"], statuses(found)) == ("DEGRADED", {"analyzers": "DEGRADED"})
    (advice,) = found["recommendations"]
    assert advice == (
        "The plug-in tides = tides:ANALYZER did not load (ImportError: no module moon): repair or uninstall it, "
        "and restart the server."
    )


async def test_the_bus_is_down(ask: Ask, add: Add) -> None:
    await add(worker())
    bus = Bus(f"redis://127.0.0.1:{free_port()}")
    found = (await ask(HEALTH, bus=bus))["health"]
    assert (found["status"], statuses(found)) == ("DEGRADED", {"bus": "DEGRADED"})
    assert "ASSAY_BROADCAST_URL" in found["recommendations"][0]
    bus.live, bus.round_trip_seconds = True, 0.0015
    found = (await ask(HEALTH, bus=bus))["health"]
    assert (found["status"], statuses(found)) == ("HEALTHY", {})
    (component,) = (each for each in found["components"] if each["name"] == "bus")
    assert (component["message"], component["latencyMs"]) == (f"The bus is up since {bus.since:%F %T} UTC.", 1.5)


async def test_a_server_that_does_not_read_the_log(ask: Ask, add: Add, services: Services) -> None:
    """The feed does not run: its follower waits for an event that is in the log and is not read.

    On PostgreSQL a transaction of another test that just ends can hold back the log for a moment.
    """

    async def is_healthy() -> bool:
        return bool((await ask(HEALTH))["health"]["status"] == "HEALTHY")

    async def advice() -> str | None:
        found = (await ask(HEALTH))["health"]
        late = [
            each for each in found["recommendations"] if each.startswith("This server reads events with a delay of")
        ]
        return late[0] if late and statuses(found) == {"events": "DEGRADED"} else None

    async def read() -> bool:
        await services.feed._read_on()
        return await is_healthy()

    await add(worker())
    async with aclosing(services.feed.follow(LOCAL_ADMINISTRATOR, EventFilter())) as following:
        assert await anext(following) == []
        await until(is_healthy, what="a healthy server")
        await add(event(occurred_at=utcnow() - timedelta(seconds=30)))
        assert " s: its log has the reason if reads fail; " in await until(advice, what="the advice")
        await until(read, what="the event to be read")
    await add(event(occurred_at=utcnow() - timedelta(seconds=30)))
    await until(is_healthy, what="a healthy server without followers")


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_stalled_transaction(ask: Ask, add: Add, database: Database) -> None:
    await add(worker())
    async with database.write() as stalled:
        await stalled.execute(text("SELECT pg_current_xact_id()"))
        await add(event(occurred_at=utcnow() - timedelta(seconds=600)))
        found = (await ask(HEALTH))["health"]
    assert statuses(found) == {"events": "UNHEALTHY"}
    (advice,) = found["recommendations"]
    assert "pg_stat_activity" in advice


async def test_a_database_that_does_not_answer(services: Services) -> None:
    # Nothing listens on this port.
    away = Database("postgresql+asyncpg://assay:secret@127.0.0.1:1/assay")
    try:
        found = await health(replace(services, database=away))
    finally:
        await away.close()
    by_name = {component.name: component for component in found.components}
    assert [component.name for component in found.components] == COMPONENTS
    assert {name for name, component in by_name.items() if component.status == "UNHEALTHY"} == {
        "database",
        "events",
        "workers",
        "queue",
    }
    assert by_name["queue"].message == "The state is unknown while the database does not answer."
    assert "secret" not in repr(found)


async def test_only_figures_that_cannot_be_read_are_unhealthy(
    services: Services, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(worker())

    async def fail(_services: Services) -> None:
        raise OSError("no such device: /dev/secret")

    async def hang(_services: Services) -> None:
        await asyncio.Future()

    monkeypatch.setattr("resolvers.metrics.disk", fail)
    monkeypatch.setattr("resolvers.metrics.memory", hang)
    monkeypatch.setattr("resolvers.health.DATABASE_LIMIT_SECONDS", 3)
    found = await health(services)
    unwell = {each.name: each.message for each in found.components if each.status != "HEALTHY"}
    assert unwell == {
        "disk": "The figures can't be read; the log has the reason.",
        "memory": "The state was not available within 3 s.",
    }
