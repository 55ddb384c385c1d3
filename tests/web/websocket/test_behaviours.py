"""Behaviours of a WebSocket, by their ids, each of which at least one other server gets wrong."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from settings import Settings
from tests.support import until
from tests.web.websocket.toy import SECRET, Client, Server, dial, ready

INIT = {"type": "connection_init"}


def subscribe(payload: object, key: object = "a") -> dict[str, object]:
    return {"id": key, "type": "subscribe", "payload": payload}


async def says_hello(client: Client, key: str = "a") -> None:
    """Assert that the socket answers a query, and that the id is free."""
    await client.subscribe(key, "{ hello }")
    await client.expect(
        {"id": key, "type": "next", "payload": {"data": {"hello": "Hello world"}}}, {"id": key, "type": "complete"}
    )


async def error_of(client: Client, payload: dict[str, Any], key: str = "a") -> dict[str, Any]:
    """Return the one error that answers this `subscribe`. Asserts that the socket and another stream continue."""
    await client.subscribe("beside", "subscription { endless }")
    assert await client.receive() == {"id": "beside", "type": "next", "payload": {"data": {"endless": 0}}}
    await client.send(subscribe(payload, key))
    message = await client.receive()
    assert (message["id"], message["type"]) == (key, "error")
    (error,) = message["payload"]
    await says_hello(client, key)
    await client.send({"id": "beside", "type": "complete"})
    found: dict[str, Any] = error
    return found


async def test_w02_connection_init_may_have_a_payload_of_null(server: Server) -> None:
    async with dial(server) as client:
        await client.send(INIT | {"payload": None})
        assert (await client.receive())["type"] == "connection_ack"
        await says_hello(client)


MALFORMED = {
    "W09a a list": [],
    "W09b a number": 1,
    "W09c a string": '"x"',
    "W09d null": None,
    "W10d query 5": subscribe({"query": 5}),
    "W10e id 7": subscribe({"query": "{ hello }"}, 7),
    "W10f variables 'x'": subscribe({"query": "{ hello }", "variables": "x"}),
    "W10g id ''": subscribe({"query": "{ hello }"}, ""),
    "W10h payload null": subscribe(None),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_w09_w10_an_invalid_message_closes_the_socket_with_4400_and_a_reason(server: Server, name: str) -> None:
    contexts = server.probe.contexts
    async with ready(server) as client:
        await client.send(MALFORMED[name])
        code, reason = await client.closed()
    assert code == 4400
    assert reason
    assert server.probe.contexts == contexts  # nothing was run


async def test_w13_a_pong_has_the_payload_of_its_ping(server: Server) -> None:
    async with ready(server) as client:
        await client.send({"type": "ping", "payload": {"any": ["thing"]}})
        await client.expect({"type": "pong", "payload": {"any": ["thing"]}})


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ ...none }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_w23_w24_a_bad_document_is_an_error_with_a_code_for_its_id_alone(
    server: Server, query: str, code: str
) -> None:
    async with ready(server) as client:
        error = await error_of(client, {"query": query})
    assert error["extensions"]["code"] == code


@pytest.mark.parametrize("after", [0, 2])
async def test_w25_w26_a_stream_that_raises_ends_with_a_masked_error(server: Server, after: int) -> None:
    async with ready(server) as client:
        await client.subscribe("a", f"subscription {{ throwing(after: {after}) }}")
        for number in range(after):
            assert await client.receive() == {"id": "a", "type": "next", "payload": {"data": {"throwing": number}}}
        message = await client.receive()
        assert (message["id"], message["type"]) == ("a", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == ["INTERNAL_SERVER_ERROR"]
        assert SECRET not in json.dumps(message)
        await says_hello(client)


async def test_w26_a_fault_in_a_field_is_masked(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "{ broken }")
        message = await client.receive()
        assert message["payload"]["data"] == {"broken": None}
        assert [error["extensions"]["code"] for error in message["payload"]["errors"]] == ["INTERNAL_SERVER_ERROR"]
        assert SECRET not in json.dumps(message)


async def test_w27_an_unknown_operation_name_is_an_error_for_its_id_alone(server: Server) -> None:
    async with ready(server) as client:
        error = await error_of(client, {"query": "query A { hello }", "operationName": "B"})
    assert error["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
    assert error["message"] == "Unknown operation named 'B'."


def whole(name: str, *values: object) -> list[dict[str, object]]:
    payloads = [{"data": {name: value}} for value in values]
    answers: list[dict[str, object]] = [{"id": "a", "type": "next", "payload": payload} for payload in payloads]
    return [*answers, {"id": "a", "type": "complete"}]


async def test_w29_persisted_queries(server: Server) -> None:
    text = "{ hello } # of W29"
    digest = sha256(text.encode()).hexdigest()
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": digest}}
    async with ready(server) as client:
        error = await error_of(client, {"extensions": persisted})
        assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}
        assert error["message"] == "PersistedQueryNotFound"
        assert (await error_of(client, {"documentId": f"sha256:{digest}"}))["extensions"] == error["extensions"]
        wrong = await error_of(client, {"query": "{ hello }", "extensions": persisted})
        assert wrong["extensions"]["code"] == "BAD_REQUEST"
        for payload in (
            {"query": text, "extensions": persisted},
            {"extensions": persisted},
            {"documentId": f"sha256:{digest}"},
        ):
            await client.send(subscribe(payload))
            await client.expect(*whole("hello", "Hello world"))


async def test_a_persisted_subscription(server: Server) -> None:
    text = "subscription ($to: Int!) { count(to: $to) }"
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": sha256(text.encode()).hexdigest()}}
    async with ready(server) as client:
        for payload in ({"query": text}, {}):
            await client.send(subscribe({**payload, "variables": {"to": 2}, "extensions": persisted}))
            await client.expect(*whole("count", 0, 1))


async def test_w30_defer_is_refused_clearly(server: Server) -> None:
    """The GraphQL specification has no incremental delivery yet, and the schema has no `@defer`."""
    async with ready(server) as client:
        error = await error_of(client, {"query": "{ ... @defer { hello } }"})
    assert error["message"] == "Unknown directive '@defer'."
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_w31_the_server_pings_and_drops_silent_clients(serve: Any) -> None:
    server = serve(ping_seconds=1)
    async with ready(server) as client:
        await client.expect({"type": "ping"})
        await client.send({"type": "pong"})
        await client.expect({"type": "ping"})
        assert (await client.closed())[0] == 4499
        await until(lambda: not server.leftovers(), what="nothing to be left over")


async def test_w31_the_server_says_how_often_it_pings(server: Server) -> None:
    async with dial(server) as client:
        await client.send(INIT)
        acknowledgement = await client.receive()
    assert acknowledgement["payload"]["pingIntervalSeconds"] == 12


async def test_w32_a_connection_that_is_not_initialised_in_time_is_closed_with_4408(serve: Any) -> None:
    assert Settings().socket_init_seconds == 10
    server = serve(Settings(socket_init_seconds=0.1))
    async with dial(server) as client:
        assert await client.closed() == (4408, "Connection initialisation timeout")
