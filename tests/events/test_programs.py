"""Servers and workers wake each other through the default bus, PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import WATCH
from tests.api.sockets import opened
from tests.events.brokers import RedisServer
from tests.events.conftest import Start, live
from tests.support import until
from tests.torture.house import House, WorkerProgram, ask, build, submit

CANCEL = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { message } } }"
HEALTH = "{ health { status components { name status message } recommendations } }"

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.long]


@pytest.fixture
async def house(postgresql_url: str, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(postgresql_url, tmp_path)
    yield house
    await house.close()


async def test_a_server_and_a_worker_wake_each_other(house: House, start: Start) -> None:
    server = await house.start(workers=0)
    await house.start(WorkerProgram, workers=1)
    bus = start(house.url)
    heard: set[str] = set()
    bus.listen(heard.update)
    await live(bus)
    gate = house.folder / "gate"
    held = await submit(server, "held", until=str(gate))

    async def is_running() -> bool:
        found = (await ask(server, "query ($id: ID!) { analysis(id: $id) { status } }", id=held["id"]))["analysis"]
        return bool(found["status"] == "RUNNING")

    await until(is_running, what="the worker to claim the analysis")
    start = (await ask(server, "{ eventsEnd }"))["eventsEnd"]
    async with opened(server) as socket:
        await socket.subscribe("1", WATCH, after=start)
        await until(lambda: "events" in heard, what="the earlier news")
        heard.clear()
        gate.touch()  # only the worker causes the next events
        while (await socket.receive())["payload"]["data"]["events"]["type"] != "ANALYSIS_COMPLETED":
            pass
        await until(lambda: heard == {"events"}, what="the worker's news")
    waiting = await submit(server, "waiting", until=str(house.folder / "never"))
    held = waiting
    await until(is_running, what="the worker to claim the analysis")
    await ask(server, CANCEL, id=waiting["id"])
    await until(lambda: "stop" in heard, what="the server's news for the worker")
    await ask(server, "mutation { pauseQueue(input: {}) { userErrors { message } } }")
    await until(lambda: "controls" in heard, what="the server's news for all")
    assert heard == {"events", "stop", "controls"}


@pytest.mark.needs("redis-server")
async def test_a_server_starts_without_its_broker(house: House, redis: RedisServer) -> None:
    redis.kill()
    server = await house.start(workers=1, broadcast_url=redis.url)

    async def health() -> dict[str, Any]:
        found: dict[str, Any] = (await ask(server, HEALTH))["health"]
        return found

    async def bus() -> dict[str, Any]:
        return next(each for each in (await health())["components"] if each["name"] == "bus")

    assert (await bus())["status"] == "DEGRADED"
    assert any("ASSAY_BROADCAST_URL" in sentence for sentence in (await health())["recommendations"])
    await until(lambda: "the bus is down" in server.log, what="a warning")
    assert "Traceback" not in server.log
    # Work continues without the bus.
    assert (await submit(server, "meanwhile", terms={"waitSeconds": 60}))["status"] == "COMPLETED"
    await redis.start()

    async def is_live() -> bool:
        return bool((await bus())["status"] == "HEALTHY")

    await until(is_live, what="the bus to be live")
    redis.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(300):
            assert await server.terminate() == 0  # a silent broker does not delay the stop
    finally:
        redis.signal(signal.SIGCONT)
