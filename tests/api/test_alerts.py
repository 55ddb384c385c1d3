"""Alerts of real servers: a paused queue, a full disk, a killed Redis, a lost PostgreSQL; each reported once."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from store.sql.clock import utcnow
from tests.api.calls import ApiServer
from tests.api.sockets import opened
from tests.events.brokers import RedisServer, Road, road_to
from tests.support import until
from tests.torture.house import House, WorkerProgram, ask, build

FIELDS = "cursor type occurredAt subjectId ... on AlertEvent { component health message }"
PAST = f"query ($after: String) {{ events(filter: {{ types: [ALERT] }}, after: $after) {{ nodes {{ {FIELDS} }} }} }}"
LIVE = f"subscription ($after: String) {{ events(filter: {{ types: [ALERT] }}, after: $after) {{ {FIELDS} }} }}"
PAUSE = "mutation { pauseQueue(input: {}) { userErrors { message } } }"
RESUME = "mutation { resumeQueue(input: {}) { userErrors { message } } }"
SERVER = "{ metrics { instance workers { id } } }"


async def alerts(server: ApiServer, component: str) -> list[dict[str, Any]]:
    """Return the alerts about a component, oldest first. Others may come from a busy machine."""
    nodes = (await ask(server, PAST))["events"]["nodes"]
    assert {node["type"] for node in nodes} <= {"ALERT"}
    return [node for node in nodes if node["component"] == component]


async def reported(server: ApiServer, component: str, *statuses: str) -> list[dict[str, Any]]:
    """Wait until the alerts about a component are these, and return them."""

    async def enough() -> list[dict[str, Any]]:
        found = await alerts(server, component)
        return found if len(found) >= len(statuses) else []

    found: list[dict[str, Any]] = await until(enough, what=f"the alerts about {component}")
    assert [each["health"] for each in found] == list(statuses)
    return found


async def instance_of(server: ApiServer) -> str:
    return str((await ask(server, SERVER))["metrics"]["instance"])


def time_of(alert: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(alert["occurredAt"])


async def started(folder: Path, **settings: object) -> ApiServer:
    server = ApiServer(folder, {"workers": 0, **settings})
    await server.start()
    return server


@pytest.mark.long
async def test_a_paused_queue_in_pages_and_streams(tmp_path: Path) -> None:
    server = await started(tmp_path)
    try:
        instance, began = await instance_of(server), utcnow()
        await ask(server, PAUSE)
        (worse,) = await reported(server, "queue", "DEGRADED")
        assert worse["subjectId"] == instance
        assert worse["message"].startswith("The queue is paused since ")
        assert began < time_of(worse) < utcnow()
        await ask(server, RESUME)
        async with opened(server) as socket:
            received: list[dict[str, Any]] = []
            async for answer in socket.answers(LIVE, after=worse["cursor"]):
                received.append(answer["events"])
                if received[-1]["component"] == "queue":
                    break
        found = await reported(server, "queue", "DEGRADED", "HEALTHY")
        assert received[-1] == found[1]
        assert found[1]["message"] is None
        assert (await ask(server, PAST, after=found[1]["cursor"]))["events"]["nodes"] == []
    finally:
        await server.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 300 MiB, which is low if it has less than 200 MiB free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("This process may not mount a tmpfs.")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.long
@pytest.mark.needs("postgresql")
async def test_a_full_disk_is_reported_by_each_process(house: House, small_disk: Path) -> None:
    servers = [await house.start(workers=0, data_dir=small_disk) for _ in range(2)]
    await house.start(WorkerProgram, workers=1, data_dir=small_disk)

    async def registered() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await ask(servers[0], SERVER))["metrics"]["workers"]
        return found

    (worker,) = await until(registered, what="the worker to register")
    reporters = sorted([*[await instance_of(server) for server in servers], worker["id"]])
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(150 * 2**20))
    worse = await reported(servers[0], "disk", *["UNHEALTHY"] * 3)
    assert sorted(each["subjectId"] for each in worse) == reporters
    assert {each["message"].partition(" is ")[0] for each in worse} == {"The disk of the data folder"}
    ballast.unlink()
    better = (await reported(servers[0], "disk", *["UNHEALTHY"] * 3, *["HEALTHY"] * 3))[3:]
    assert sorted(each["subjectId"] for each in better) == reporters


@pytest.fixture
async def house(postgresql_url: str, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(postgresql_url, tmp_path)
    yield house
    await house.close()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path)
    await server.start()
    yield server
    server.kill()


@pytest.mark.long
@pytest.mark.needs("postgresql")
@pytest.mark.needs("redis-server")
async def test_two_servers_report_a_killed_redis_once(house: House, redis: RedisServer) -> None:
    first, second = [await house.start(workers=0, broadcast_url=redis.url) for _ in range(2)]
    await until(lambda: all("the bus is live" in server.log for server in (first, second)), what="the bus to be live")
    redis.kill()
    (down,) = await reported(first, "bus", "DEGRADED")
    assert down["subjectId"] in {await instance_of(first), await instance_of(second)}
    assert down["message"].startswith("The bus is down since ")
    await redis.start()
    await reported(second, "bus", "DEGRADED", "HEALTHY")
    # The holder of the lease is killed: the other one reports the next change, and nothing twice.
    holder, other = (first, second) if down["subjectId"] == await instance_of(first) else (second, first)
    await holder.kill()
    redis.kill()
    found = await reported(other, "bus", "DEGRADED", "HEALTHY", "DEGRADED")
    assert found[2]["subjectId"] == await instance_of(other)


@pytest.mark.long
@pytest.mark.needs("postgresql")
async def test_a_lost_database_is_reported_after_its_return(house: House, postgresql_url: str) -> None:
    async with road_to(make_url(postgresql_url).port or 5432) as road:
        house.url = make_url(postgresql_url).set(port=road.port).render_as_string(hide_password=False)
        first, second = [await house.start(workers=0) for _ in range(2)]
        servers = (first, second)
        await until(lambda: any("reports the health" in server.log for server in servers), what="a holder of the lease")
        refused_at = utcnow()
        await until(lambda: _refuse(road, *servers), what="both servers to note the outage")
        mended_at = utcnow()
        road.mend()
        away, back = await reported(first, "database", "UNHEALTHY", "HEALTHY")
        assert refused_at < time_of(away) < mended_at < time_of(back)
        assert away["subjectId"] == back["subjectId"]
        assert away["message"].startswith("The database did not answer within 2 s, or refused the connection:")
        assert [each["component"] for each in (await ask(first, PAST))["events"]["nodes"]].count("queue") == 0
        await house.close()


def _refuse(road: Road, *servers: ApiServer) -> bool:
    road.refuse()
    return all('"component":"database"' in server.log for server in servers)
