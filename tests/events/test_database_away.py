"""A silent or unreachable PostgreSQL: the server disconnects subscribers in a way that lets them reconnect."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, STDOUT, create_subprocess_exec
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url
from websockets.exceptions import ConnectionClosed

from tests.api.calls import NO_SUCH_BATCH, WATCH, ApiServer
from tests.api.sockets import opened
from tests.conformance.test_followers import FOLLOWERS
from tests.events.brokers import Road, road_to
from tests.support import CLIENTS, until
from tests.torture.house import House, ask, build, starts, submit

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.long]

REASON = "The database is away: resume with `after` and the last cursor you have."
EVENTS, PARTS = "text/event-stream", "multipart/mixed;subscriptionSpec=1.0, application/json"
NEWS = "subscription { events { cursor } }"


@pytest.fixture
async def road(postgresql_url: str) -> AsyncIterator[Road]:
    async with road_to(make_url(postgresql_url).port or 5432) as road:
        yield road
        road.mend()


@pytest.fixture
async def house(road: Road, postgresql_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Servers that connect to the database through the proxy."""
    house = await build(postgresql_url, tmp_path)
    house.url = make_url(postgresql_url).set(port=road.port).render_as_string(hide_password=False)
    yield house
    await house.close()


async def closed(server: ApiServer, document: str, **variables: Any) -> tuple[int, str]:
    """Start a subscription that must fail; return the code and reason of the closed socket."""
    async with opened(server) as socket:
        await socket.subscribe("1", document, **variables)
        with pytest.raises(ConnectionClosed) as found:
            raise AssertionError(await socket.receive())
    assert found.value.rcvd is not None
    return found.value.rcvd.code, found.value.rcvd.reason


async def broken_off(server: ApiServer, accept: str, document: str, **variables: Any) -> bytes:
    """Start a subscription over HTTP; return its bytes up to the broken connection."""
    found: list[bytes] = []

    async def read(answer: httpx.Response) -> None:
        async for chunk in answer.aiter_raw():
            found.append(chunk)

    body = {"query": document, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=300, trust_env=False) as client,
        client.stream("POST", server.url, json=body, headers={"accept": accept}) as answer,
    ):
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await read(answer)
    return b"".join(found)


async def test_subscribers_of_a_silent_database_are_disconnected(house: House, road: Road) -> None:
    server = await house.start(workers=1, operation_timeout_seconds=3)
    analysis = await submit(server, "held", until=str(house.folder / "never"), folder=str(house.folder))
    await until(lambda: starts(house.folder, "held") == 1, what="the analysis to run")
    end = (await ask(server, "{ eventsEnd }"))["eventsEnd"]
    road.cut()

    found = await asyncio.gather(
        closed(server, WATCH, after=end),
        closed(server, NEWS),
        closed(server, "subscription ($id: ID!) { analysis(id: $id) { status } }", id=analysis["id"]),
        closed(server, "subscription ($id: ID!) { batch(id: $id) { status } }", id=NO_SUCH_BATCH),
        closed(server, "subscription { metrics { workers { id } } }"),
    )
    assert set(found) == {(1013, REASON)}
    assert await broken_off(server, EVENTS, WATCH, after=end) == b":\n\n"
    assert await broken_off(server, EVENTS, NEWS) == b":\n\n"
    for document in (WATCH, NEWS):
        parts = await broken_off(server, PARTS, document)
        assert json.loads(parts.split(b"\r\n")[3])["payload"] is None
        assert parts.endswith(b"\r\n-----\r\n")

    assert await server.terminate() == 0


async def test_subscribers_of_an_unreachable_database_may_retry(house: House, road: Road) -> None:
    server = await house.start(workers=0)
    end = (await ask(server, "{ eventsEnd }"))["eventsEnd"]
    road.refuse()
    assert await closed(server, WATCH, after=end) == (1013, REASON)
    assert await broken_off(server, EVENTS, WATCH, after=end) == b":\n\n"
    parts = await broken_off(server, PARTS, WATCH, after=end)
    (error,) = json.loads(parts.split(b"\r\n")[3])["errors"]
    assert error["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
    async with opened(server) as socket:  # a query is answered with an error, and the socket stays open
        await socket.subscribe("1", "{ eventsEnd }")
        message = await socket.receive()
        assert message["payload"]["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE"}
        assert await socket.receive() == {"id": "1", "type": "complete"}


@pytest.mark.needs("node")
@pytest.mark.parametrize("client", FOLLOWERS)
async def test_clients_reconnect(house: House, road: Road, client: str) -> None:
    server = await house.start(workers=0)
    end = (await ask(server, "{ eventsEnd }"))["eventsEnd"]
    await submit(server, "one")
    road.refuse()
    process = await create_subprocess_exec(
        *("node", "follow.mjs", server.url, client, "away"),
        cwd=CLIENTS,
        env=os.environ | {"AFTER": end},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        refused = '"event":"resolver failed"'
        await until(lambda: server.log.count(refused) >= 2, what="the client to reconnect")
        road.mend()
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
