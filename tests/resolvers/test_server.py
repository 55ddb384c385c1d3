"""Metrics and health of real servers, read by real clients."""

from __future__ import annotations

import asyncio
import signal
import socket
import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from gql import GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError
from prometheus_client.parser import text_string_to_metric_families

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import migrate
from tests.support import Server, until

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]
Connect = Callable[..., Awaitable[AsyncClientSession]]

BATCH = """
    mutation Submit($input: BatchProcessInput!) {
      batchProcess(input: $input) { batch { id status totalProcessingTimeMs } userErrors { code message } }
    }
    """
SCHEMA = "fragment S on __Schema { types { name fields { name } } }"
OF_THE_MACHINE = {"disk", "memory", "event_loop", "database"}


def items(count: int, priority: int = 5) -> list[dict[str, Any]]:
    text = {"text": "A plain text.", "operations": ["STATISTICS"]}
    return [{"request": {"text": text}, "priority": priority} for _ in range(count)]


async def submit(session: AsyncClientSession, **given: Any) -> dict[str, Any]:
    payload = (await session.execute(GraphQLRequest(BATCH, variable_values={"input": given})))["batchProcess"]
    assert payload["userErrors"] == []
    batch: dict[str, Any] = payload["batch"]
    return batch


async def metrics(session: AsyncClientSession, selected: str) -> dict[str, Any]:
    found: dict[str, Any] = (await session.execute(gql(f"{{ metrics {{ {selected} }} }}")))["metrics"]
    return found


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=300) as answer:
        text: str = answer.read().decode()
        return text


async def test_queued_analyses_are_counted(server: Start, client: Connect) -> None:
    one = await server(workers=0)
    session = await client(one)
    await submit(session, items=items(7, priority=3) + items(2, priority=9))
    expected = {"depth": 9, "running": 0, "byPriority": [{"priority": 9, "depth": 2}, {"priority": 3, "depth": 7}]}

    async def queued() -> bool:
        """Return whether the figures of the queue, which the server keeps for up to a second, are the present ones."""
        found = await metrics(session, "queue { depth running byPriority { priority depth } }")
        return bool(found["queue"] == expected)

    await until(queued, what="the figures of the queue")
    found = await metrics(session, "storage { analyses events } batches { total running }")
    alerts = (await session.execute(gql("{ events(filter: { types: [ALERT] }) { nodes { type } } }")))["events"][
        "nodes"
    ]
    assert found == {
        "storage": {"analyses": 9, "events": 9 + len(alerts)},
        "batches": {"total": 1, "running": 0},
    }
    families = text_string_to_metric_families(await asyncio.to_thread(get, f"{one.address}/metrics"))
    samples = {(sample.name, *sample.labels.values()): sample.value for each in families for sample in each.samples}
    assert samples["assay_queue_depth", "9"] == 2
    assert samples["assay_queue_depth", "3"] == 7
    assert samples["assay_operations_total", "Submit"] == 1


async def test_ended_analyses_are_counted(server: Start, client: Connect) -> None:
    one = await server(workers=2)
    session = await client(one)
    batch = await submit(session, items=items(50), waitSeconds=60)
    assert batch["status"] == "COMPLETED"
    found = await metrics(session, "batches { total running itemsProcessed itemsFailed latency { p50Ms p99Ms } }")
    # The same duration, computed by the database for the metrics and by the program for the batch.
    took = pytest.approx(batch["totalProcessingTimeMs"])
    assert found["batches"] == {
        "total": 1,
        "running": 0,
        "itemsProcessed": 50,
        "itemsFailed": 0,
        "latency": {"p50Ms": took, "p99Ms": took},
    }

    async def counted() -> bool:
        (worker,) = (await metrics(session, "workers { alive completed failed current { id } }"))["workers"]
        return bool(worker == {"alive": True, "completed": 50, "failed": 0, "current": []})

    await until(counted, what="a heartbeat with the worker's counts")

    async def well() -> bool:
        health = (await session.execute(gql("{ health { components { name status } } }")))["health"]
        return {each["name"] for each in health["components"] if each["status"] != "HEALTHY"} <= OF_THE_MACHINE

    await until(well, what="all components but the machine's to be healthy")


async def test_operations_are_counted_by_name(server: Start, client: Connect) -> None:
    one = await server(workers=0)
    session = await client(one)
    for _ in range(3):
        await session.execute(gql("query Named { metrics { instance } }"))
    found = (await metrics(session, "http { inFlight errorsTotal operations { name count errors } }"))["http"]
    assert found["inFlight"] == 1
    assert {"name": "Named", "count": 3, "errors": 0} in found["operations"]


async def test_names_that_clients_choose_do_not_fill_the_metrics(server: Start, client: Connect) -> None:
    one = await server(workers=0)
    session, socket = await client(one), await client(one, transport="websockets")
    for number in range(5):
        for each in (session, socket):
            await each.execute(gql(f"query N{number}{'x' * 90_000} {{ __typename eventsEnd }}"))
        with pytest.raises(TransportQueryError):
            await session.execute(gql(f'query Bad{number} {{ node(id: "nothing") {{ id }} }}'))
    found = (await metrics(session, "http { operations { name count errors } }"))["http"]["operations"]
    assert [each for each in found if each["name"] != "anonymous"] == [{"name": "other", "count": 15, "errors": 5}]
    exposed = await asyncio.to_thread(get, f"{one.address}/metrics")
    assert "xxx" not in exposed
    assert len(exposed) < 100_000


async def test_repeated_introspection_is_refused(server: Start, client: Connect) -> None:
    one = await server(workers=0)
    types = "".join(f'a{n}: __type(name: "Query") {{ name }} ' for n in range(11))
    for transport in ("aiohttp", "websockets"):
        session = await client(one, transport=transport)
        for document, measure in (
            (
                "{ a: __schema { ...S } b: __schema { ...S } ... { c: __schema { ...S } } } " + SCHEMA,
                "`__schema` fields",
            ),
            ("{ __schema { a: types { name } b: types { name } c: types { name } } }", "aliases in introspection"),
            (f"{{ {types} }}", "`__type` fields"),
        ):
            with pytest.raises(TransportQueryError) as refusal:
                await session.execute(gql(document))
            [error] = refusal.value.errors or []
            assert (error["extensions"]["code"], error["extensions"]["measure"]) == ("QUERY_TOO_COMPLEX", measure)


async def test_the_subscription_sees_a_batch_run(server: Start, client: Connect) -> None:
    one = await server(workers=1)
    session, socket = await client(one), await client(one, transport="websockets")
    stream = socket.subscribe(
        gql(
            """
            subscription {
              metrics(intervalSeconds: 0.5) { batches { itemsProcessed } subscriptions { connections active } }
            }
            """
        )
    )
    first = (await anext(stream))["metrics"]
    assert first == {"batches": {"itemsProcessed": 0}, "subscriptions": {"connections": 1, "active": 1}}
    await submit(session, items=items(20))
    async with asyncio.timeout(300):
        async for moment in stream:
            if moment["metrics"]["batches"]["itemsProcessed"] == 20:
                break
    await stream.aclose()

    async def closed() -> bool:
        return bool((await metrics(session, "subscriptions { active }"))["subscriptions"] == {"active": 0})

    await until(closed, what="the subscription to be gone")


@pytest.mark.needs("postgresql")
async def test_every_server_sees_the_workers_of_all(server: Start, client: Connect, postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    await migrate(database)
    await database.close()
    one = await server(workers=2, database_url=postgresql_url)
    other = await server(workers=1, database_url=postgresql_url)
    sessions = [await client(one), await client(other)]
    pids = [one.process.pid, other.process.pid]
    for session in sessions:

        async def both_alive(session: AsyncClientSession = session) -> bool:
            found = (await metrics(session, "workers { alive host pid slots busy }"))["workers"]
            alive = [(each["pid"], each["slots"], each["busy"]) for each in found if each["alive"]]
            return sorted(alive) == sorted(zip(pids, [2, 1], [0, 0], strict=True))

        await until(both_alive, what="both workers")

    async def advice() -> list[str]:
        found: list[str] = (await sessions[0].execute(gql("{ health { recommendations } }")))["health"][
            "recommendations"
        ]
        return [sentence for sentence in found if "heartbeat" in sentence]

    other.process.send_signal(signal.SIGSTOP)
    try:
        (silent,) = await until(advice, what="the worker to be silent")
        assert silent.startswith(
            f"1 of 2 workers ({socket.gethostname()}:{other.process.pid}) has sent no heartbeat for "
        )
    finally:
        other.process.send_signal(signal.SIGCONT)

    async def well() -> bool:
        return not await advice()

    await until(well, what="the worker's next heartbeat")
