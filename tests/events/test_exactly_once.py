"""Each client sees each event once and in order, despite failures of brokers, servers and connections.

`ASSAY_TORTURE=long` (`make torture`) runs ten times as long. `ASSAY_TORTURE_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.api.calls import ApiServer
from tests.events.brokers import RedisServer, Road, road_to
from tests.events.chaos import LAST, RARE, Client, Writing, instance, seen_by, whole_log
from tests.support import until
from tests.torture.house import LONG, SEED, House, ask, build

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.long, pytest.mark.timeout(1_800)]
TOTAL = 100_000 if LONG else 10_000
CLIENTS = 6 if LONG else 4
HEALTH = "{ health { components { name status message } } }"

Outage = Callable[[], Awaitable[None]]


@pytest.fixture
async def house(postgresql_url: str, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(postgresql_url, tmp_path)
    yield house
    await house.close()


async def bus_of(server: ApiServer) -> Any:
    """Return the component `bus` of the server's health."""
    found = (await ask(server, HEALTH))["health"]["components"]
    return next(each for each in found if each["name"] == "bus")


async def is_live(*servers: ApiServer) -> bool:
    return all([(await bus_of(server))["status"] == "HEALTHY" for server in servers])


@pytest.mark.parametrize(
    ("broker", "count"),
    [pytest.param("redis", 3, marks=pytest.mark.needs("redis-server")), ("postgresql", 2)],
)
async def test_each_client_sees_the_whole_log(house: House, broker: str, count: int) -> None:
    print(f"ASSAY_TORTURE_SEED={SEED}")
    chance = random.Random(SEED)
    redis = RedisServer(house.folder) if broker == "redis" else None
    # Without a setting, the database is the broker.
    bus_url = redis.url if redis else house.url
    async with AsyncExitStack() as stack:
        if redis:
            stack.callback(redis.kill)
            await redis.start()
        to_broker = await stack.enter_async_context(road_to(make_url(bus_url).port or 5432))
        # Proxies that can be cut: from the first server to the broker, and from the clients to each server.
        far = make_url(bus_url).set(port=to_broker.port).render_as_string(hide_password=False)
        near = bus_url if redis else ""
        servers = [await house.start(workers=0, broadcast_url=far if number == 0 else near) for number in range(count)]
        roads = [await stack.enter_async_context(road_to(server.port)) for server in servers]
        database = await stack.enter_async_context(instance(house.url, near))
        urls = [f"ws://127.0.0.1:{road.port}/graphql" for road in roads]
        await until(lambda: is_live(*servers), what="every bus to be live")

        start = (await ask(servers[0], "{ eventsEnd }"))["eventsEnd"]
        clients = [Client(urls, chance, start, TOTAL // 5) for _ in range(CLIENTS)]
        clients.append(Client(urls, chance, start, 50, [RARE]))
        writing = Writing(database, chance, TOTAL)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writing.run())
            for client in clients:
                tasks.create_task(client.run())
            await break_all(writing, servers, roads, to_broker, redis, house.url)
        connections = sum(client.connections for client in clients)
        assert connections > 2 * len(clients)
        log = await whole_log(database)
        log = log[: next(place for place, row in enumerate(log) if row.subject == LAST) + 1]
        work = [row for row in log if row.type != "ALERT"]  # alerts come by themselves
        assert Counter(row.subject for row in work).most_common(1)[0][1] == 1
        assert len(work) == TOTAL + 1
        for client in clients:
            assert client.errors == []
            assert client.events == seen_by(database, log, client.types)
        await until(lambda: is_live(*servers), what="every bus to be live again")
        for server in servers:
            assert "the event log can't be read" not in server.log
            assert "resolver failed" not in server.log


async def break_all(
    writing: Writing,
    servers: list[ApiServer],
    roads: list[Road],
    to_broker: Road,
    redis: RedisServer | None,
    database_url: str,
) -> None:
    """Cause each failure during the stream, one after the other."""
    await writing.reached(0.1)
    await end_broker(redis, database_url)
    await writing.reached(0.25)
    if redis:

        async def is_down() -> bool:
            return bool((await bus_of(servers[1]))["status"] == "DEGRADED")

        await until(is_down, what="the outage to be detected")
        await redis.start()
    await writing.reached(0.35)
    await servers[-1].kill()
    await writing.reached(0.5)
    await servers[-1].start()
    await writing.reached(0.6)
    for road in roads:
        road.cut()
    await writing.reached(0.7)
    for road in roads:
        road.mend()
    await writing.reached(0.8)
    to_broker.cut()

    async def is_noticed() -> bool:
        return "comes by polling" in (await bus_of(servers[0]))["message"]

    await until(is_noticed, what="the silence to be detected")
    await writing.reached(0.9)
    to_broker.mend()
    await end_broker(redis, database_url)
    if redis:
        await redis.start()
    await writing.reached(1)


async def end_broker(redis: RedisServer | None, database_url: str) -> None:
    """Kill Redis or, on PostgreSQL, end the connections of the buses."""
    if redis:
        redis.kill()
        return
    connection = await asyncpg.connect(database_url)
    try:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'assay bus'"
        assert await connection.fetch(f"{query} AND datname = current_database()")
    finally:
        await connection.close()
