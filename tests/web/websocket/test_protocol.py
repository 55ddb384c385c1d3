"""Every message of graphql-transport-ws, and invalid messages."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from settings import Settings
from tests.support import until
from tests.web.websocket.toy import SECRET, Client, Server, dial, ready
from web.graphql.messages import MAX_MESSAGE_BYTES

MAX_OPERATIONS = Settings().max_socket_operations

INIT = {"type": "connection_init"}


def subscribe(payload: object, key: object = "a") -> dict[str, object]:
    return {"id": key, "type": "subscribe", "payload": payload}


def following(key: str, name: str, *values: object) -> list[dict[str, object]]:
    return [{"id": key, "type": "next", "payload": {"data": {name: value}}} for value in values]


def complete(key: str) -> dict[str, object]:
    return {"id": key, "type": "complete"}


# The handshake


@pytest.mark.parametrize("subprotocols", [(), ("graphql-ws",), ("chat", "graphql-ws")])
async def test_another_subprotocol_is_closed_with_4406(server: Server, subprotocols: tuple[str, ...]) -> None:
    async with dial(server, subprotocols=subprotocols) as client:
        assert client.connection.subprotocol is None
        assert await client.closed() == (4406, "Subprotocol not acceptable: use graphql-transport-ws.")


async def test_the_subprotocol_is_chosen_among_others(server: Server) -> None:
    async with dial(server, subprotocols=("graphql-ws", "graphql-transport-ws")) as client:
        assert client.connection.subprotocol == "graphql-transport-ws"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "https://127.0.0.1.evil.example",
        "http://127.0.0.1",
        "http://[",
        "file://",
        "https://{own}",
        "http://{own}/",
        "http://{own}/page",
        "http://user@{own}",
        "http://{own}@evil.example",
        "{own}",
        "ws://{own}",
    ],
)
async def test_a_foreign_origin_is_refused_before_the_socket_opens(server: Server, origin: str) -> None:
    before = server.telemetry.connections
    with pytest.raises(InvalidStatus) as refusal:
        async with dial(server, origin=origin.format(own=f"127.0.0.1:{server.port}")):
            pass
    assert refusal.value.response.status_code == 403
    (error,) = json.loads(refusal.value.response.body)["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    for remedy in ("ASSAY_ALLOWED_ORIGINS", "FORWARDED_ALLOW_IPS", "`Host`", "`X-Forwarded-Proto`"):
        assert remedy in error["message"]
    assert server.telemetry.connections == before


async def test_pages_of_this_host_and_of_allowed_origins_may_connect(serve: Any) -> None:
    server = serve(Settings(allowed_origins=("https://app.example", "https://slash.example/")))
    for origin in (f"http://127.0.0.1:{server.port}", "https://app.example", "https://slash.example"):
        async with dial(server, origin=origin) as client:
            await client.initialise()
    with pytest.raises(InvalidStatus):
        async with dial(server, origin="https://app.example.evil.example"):
            pass


async def test_connections_are_bounded(serve: Any) -> None:
    server = serve(Settings(max_sockets=2))
    async with ready(server), ready(server):
        with pytest.raises(InvalidStatus) as refusal:
            async with dial(server):
                pass
        assert refusal.value.response.status_code == 503
    await until(lambda: not server.leftovers())
    async with ready(server) as client:
        assert await client.drain() == []


# connection_init


@pytest.mark.parametrize("message", [INIT, INIT | {"payload": None}, INIT | {"payload": {}}])
async def test_initialisation_is_acknowledged(server: Server, message: dict[str, object]) -> None:
    async with dial(server) as client:
        await client.send(message)
        await client.expect({"type": "connection_ack", "payload": {"server": "assay", "pingIntervalSeconds": 12}})


async def test_the_payload_of_initialisation_reaches_the_context(server: Server) -> None:
    async with dial(server) as client:
        await client.send(INIT | {"payload": {"token": "t"}}, subscribe({"query": "{ hello }"}))
        assert (await client.receive())["type"] == "connection_ack"
        await client.expect(*following("a", "hello", "Hello world"), complete("a"))
    assert server.probe.connection_init[-1] == {"token": "t"}


async def test_a_missing_initialisation_closes_the_socket_with_4408(serve: Any) -> None:
    server = serve(Settings(socket_init_seconds=1))
    async with dial(server) as client:
        await client.send({"type": "ping"})
        assert await client.closed() == (4408, "Connection initialisation timeout")


async def test_the_time_limit_for_initialisation_ends_with_it(serve: Any) -> None:
    server = serve(Settings(socket_init_seconds=1), ping_seconds=2)
    async with ready(server) as client:
        await client.expect({"type": "ping"})
        assert await client.drain() == []


async def test_a_second_initialisation_is_closed_with_4429(server: Server) -> None:
    async with ready(server) as client:
        await client.send(INIT)
        assert await client.closed() == (4429, "Too many initialisation requests")


async def test_an_operation_before_the_acknowledgement_is_closed_with_4401(server: Server) -> None:
    contexts = server.probe.contexts
    async with dial(server) as client:
        await client.subscribe("a", "mutation { bump }")
        assert await client.closed() == (4401, "Unauthorized")
    assert server.probe.contexts == contexts


# ping and pong


@pytest.mark.parametrize("initialise", [False, True])
@pytest.mark.parametrize(
    ("ping", "pong"),
    [
        ({"type": "ping"}, {"type": "pong"}),
        ({"type": "ping", "payload": None}, {"type": "pong"}),
        ({"type": "ping", "payload": {}}, {"type": "pong", "payload": {}}),
        ({"type": "ping", "payload": {"n": [1, {"é": None}]}}, {"type": "pong", "payload": {"n": [1, {"é": None}]}}),
    ],
)
async def test_a_ping_is_answered_with_its_payload(
    server: Server, initialise: bool, ping: dict[str, object], pong: dict[str, object]
) -> None:
    async with dial(server) as client:
        if initialise:
            await client.initialise()
        await client.send(ping)
        await client.expect(pong)


async def test_an_unsolicited_pong_is_ignored(server: Server) -> None:
    async with ready(server) as client:
        await client.send({"type": "pong"}, {"type": "pong", "payload": {"any": 1}}, {"type": "pong", "payload": None})
        assert await client.drain() == []


# Invalid messages


NO_DOCUMENT = "The payload of `subscribe` must have a `query` or a `documentId`, a string."
MALFORMED: dict[str, tuple[object, str]] = {
    "a list": ([], "A message must be a JSON object."),
    "a number": (1, "A message must be a JSON object."),
    "a string": ('"x"', "A message must be a JSON object."),
    "null": (None, "A message must be a JSON object."),
    "true": (True, "A message must be a JSON object."),
    "not JSON": ("{nope", "The message is not JSON."),
    "nothing": ("", "The message is not JSON."),
    "two values": ("{} {}", "The message is not JSON."),
    "NaN": ('{"type": NaN}', "The message is not JSON."),
    "a member twice": (
        '{"type":"ping","type":"complete"}',
        'The message has the member "type" twice in one object.',
    ),
    "a variable twice": (
        '{"id":"a","type":"subscribe","payload":{"query":"{ hello }","variables":{"a":1,"a":2}}}',
        'The message has the member "a" twice in one object.',
    ),
    "a number of 90,000 digits": ('{"type":' + "9" * 90_000 + "}", "The message is not JSON."),
    "nested deep": ('{"type":' + "[" * 100_000 + "]" * 100_000 + "}", "The message is not JSON."),
    "binary": (b'{"type":"ping"}', "Messages must be text frames."),
    "binary rubbish": (b"\xff\x00", "Messages must be text frames."),
    "no type": ({}, "A message must have a `type`, a string."),
    "type null": ({"type": None}, "A message must have a `type`, a string."),
    "type 1": ({"type": 1}, "A message must have a `type`, a string."),
    "type {}": ({"type": {}}, "A message must have a `type`, a string."),
    "type unknown": ({"type": "start"}, "Unknown message type 'start'."),
    "type empty": ({"type": ""}, "Unknown message type ''."),
    "type of the server": ({"type": "next", "id": "a"}, "Unknown message type 'next'."),
    "type of 200 letters": ({"type": "ü" * 200}, "Unknown message type '" + "ü" * 50),
    "ping payload 1": ({"type": "ping", "payload": 1}, "The payload of `ping` must be an object, null or absent."),
    "ping payload ''": ({"type": "ping", "payload": ""}, "The payload of `ping` must be an object, null or absent."),
    "pong payload []": ({"type": "pong", "payload": []}, "The payload of `pong` must be an object, null or absent."),
    "complete without id": ({"type": "complete"}, "`complete` must have an `id`, a string that is not empty."),
    "complete id 1": ({"type": "complete", "id": 1}, "`complete` must have an `id`, a string that is not empty."),
    "no id": (
        {"type": "subscribe", "payload": {"query": "{ hello }"}},
        "`subscribe` must have an `id`, a string that is not empty.",
    ),
    "id ''": (subscribe({"query": "{ hello }"}, ""), "`subscribe` must have an `id`, a string that is not empty."),
    "id 7": (subscribe({"query": "{ hello }"}, 7), "`subscribe` must have an `id`, a string that is not empty."),
    "id {}": (subscribe({"query": "{ hello }"}, {}), "`subscribe` must have an `id`, a string that is not empty."),
    "id null": (subscribe({"query": "{ hello }"}, None), "`subscribe` must have an `id`, a string that is not empty."),
    "no payload": ({"id": "a", "type": "subscribe"}, "The payload of `subscribe` is wrong: "),
    "payload null": (subscribe(None), "The payload of `subscribe` is wrong: "),
    "payload 'x'": (subscribe("x"), "The payload of `subscribe` is wrong: "),
    "payload []": (subscribe([{"query": "{ hello }"}]), "The payload of `subscribe` is wrong: "),
    "payload {}": (subscribe({}), NO_DOCUMENT),
    "query 5": (subscribe({"query": 5}), "The payload of `subscribe` is wrong: `query`"),
    "query null": (subscribe({"query": None}), NO_DOCUMENT),
    "documentId null": (subscribe({"documentId": None}), NO_DOCUMENT),
    "documentId 5": (subscribe({"documentId": 5}), "The payload of `subscribe` is wrong: `documentId`"),
    "variables 'x'": (
        subscribe({"query": "{ hello }", "variables": "x"}),
        "The payload of `subscribe` is wrong: `variables`",
    ),
    "variables []": (
        subscribe({"query": "{ hello }", "variables": []}),
        "The payload of `subscribe` is wrong: `variables`",
    ),
    "operationName 1": (
        subscribe({"query": "{ hello }", "operationName": 1}),
        "The payload of `subscribe` is wrong: `operationName`",
    ),
    "extensions 'x'": (
        subscribe({"query": "{ hello }", "extensions": "x"}),
        "The payload of `subscribe` is wrong: `extensions`",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_an_invalid_message_closes_the_socket_with_4400(server: Server, name: str) -> None:
    message, reason = MALFORMED[name]
    contexts = server.probe.contexts
    async with ready(server) as client:
        await client.send(message)
        code, told = await client.closed()
    assert code == 4400
    assert told is not None
    assert told.startswith(reason)
    assert server.probe.contexts == contexts


@pytest.mark.parametrize("name", MALFORMED)
async def test_an_invalid_message_before_the_acknowledgement_closes_the_socket_with_4400(
    server: Server, name: str
) -> None:
    message, reason = MALFORMED[name]
    async with dial(server) as client:
        await client.send(message)
        code, told = await client.closed()
    assert code == 4400
    assert told is not None
    assert told.startswith(reason)


@pytest.mark.parametrize("payload", [1, "", "x", [], True])
async def test_an_initialisation_whose_payload_is_no_object_is_closed_with_4400(
    server: Server, payload: object
) -> None:
    async with dial(server) as client:
        await client.send(INIT | {"payload": payload})
        assert await client.closed() == (
            4400,
            "The payload of `connection_init` must be an object, null or absent.",
        )


@pytest.mark.parametrize("excess", [1, 5_000_000])
async def test_a_message_that_is_too_large_is_closed_with_1009(server: Server, excess: int) -> None:
    async with ready(server) as client:
        with suppress(ConnectionClosed):
            await client.subscribe("a", "x" * (MAX_MESSAGE_BYTES + excess))
        code, _ = await client.closed()
    assert code == 1009


async def test_the_endpoint_has_its_own_limit_for_messages(serve: Any) -> None:
    server = serve(ws_max_size=16_000_000)
    async with ready(server) as client:
        await client.subscribe("a", "ü" * (MAX_MESSAGE_BYTES // 2))
        assert await client.closed() == (1009, "A message may have at most 1000000 bytes.")


# Operations


async def test_queries_and_mutations_are_answered_with_next_and_complete(server: Server) -> None:
    bumped = server.probe.bumped
    async with ready(server) as client:
        await client.subscribe("a", "query($name: String!) { hello(name: $name) }", variables={"name": "é\u2028"})
        await client.expect(*following("a", "hello", "Hello é\u2028"), complete("a"))
        await client.subscribe("b", "mutation { bump }", variables=None, operationName=None, extensions=None)
        await client.expect(*following("b", "bump", bumped + 1), complete("b"))
        await client.subscribe("c", "query A { hello } query B { other: hello }", operationName="B")
        await client.expect(*following("c", "other", "Hello world"), complete("c"))
        await client.subscribe("d", "{ huge }")
        await client.expect(*following("d", "huge", 2**70), complete("d"))


async def test_answers_are_text_frames(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "{ hello }")
        assert isinstance(await client.connection.recv(), str)


async def test_a_subscription_is_answered_with_its_events_and_complete(server: Server) -> None:
    delivered = server.telemetry.delivered
    async with ready(server) as client:
        await client.subscribe("a", "subscription { count(to: 3) }")
        await client.expect(*following("a", "count", 0, 1, 2), complete("a"))
        await client.subscribe("b", "subscription { count(to: 0) }")
        await client.expect(complete("b"))
    assert server.telemetry.delivered == delivered + 3


async def test_operations_of_one_socket_run_concurrently(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "subscription { endless }")
        await client.expect(*following("a", "endless", 0))
        await client.subscribe("b", "subscription { endless }")
        await client.expect(*following("b", "endless", 0))
        await client.subscribe("c", "{ hello }")
        await client.expect(*following("c", "hello", "Hello world"), complete("c"))
        assert server.telemetry.active == 2
        assert server.probe.open == 2


async def test_every_operation_has_a_context_of_its_own(server: Server) -> None:
    async with ready(server) as client:
        seen = set()
        for key in "abc":
            await client.subscribe(key, "{ requestId }")
            seen.add((await client.receive())["payload"]["data"]["requestId"])
            await client.expect(complete(key))
    assert len(seen) == 3


# Errors


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "BAD_REQUEST"),
        ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ nope }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { nope }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { endless ticks }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A { hello }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { hello } query B { hello }"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "fragment F on Query { hello }"}, None),
        ({"query": "query($name: String!) { hello(name: $name) }", "variables": {"name": 1}}, "BAD_USER_INPUT"),
        ({"query": "query($name: String!) { hello(name: $name) }"}, "BAD_USER_INPUT"),
        ({"query": "subscription($to: Int!) { count(to: $to) }", "variables": {"to": "x"}}, "BAD_USER_INPUT"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}, "PERSISTED_QUERY_NOT_FOUND"),
    ],
)
async def test_a_request_that_cannot_run_is_an_error_for_its_id_alone(
    server: Server, payload: dict[str, object], code: str | None
) -> None:
    async with ready(server) as client:
        await client.subscribe("other", "subscription { endless }")
        await client.expect(*following("other", "endless", 0))
        await client.send(subscribe(payload))
        error = await client.receive()
        assert (error["id"], error["type"]) == ("a", "error")
        assert set(error) == {"id", "type", "payload"}
        assert len(error["payload"]) > 0
        for entry in error["payload"]:
            assert isinstance(entry["message"], str)
            assert code is None or entry["extensions"]["code"] == code
        assert await client.drain() == []
        await client.subscribe("a", "{ hello }")
        await client.expect(*following("a", "hello", "Hello world"), complete("a"))
        assert server.probe.open == 1


async def test_a_fault_inside_an_operation_is_masked(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "{ hello broken }")
        message = await client.receive()
        assert (message["type"], message["payload"]["data"]) == ("next", {"hello": "Hello world", "broken": None})
        [error] = message["payload"]["errors"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["requestId"] == f"request-{server.probe.contexts}"
        assert SECRET not in json.dumps(message)
        await client.expect(complete("a"))


async def test_an_answer_that_cannot_be_serialized_is_a_masked_error(server: Server) -> None:
    async with ready(server) as client:
        for query in ("{ unwritable }", "subscription { unwritable }"):
            await client.subscribe("a", query)
            message = await client.receive()
            assert (message["id"], message["type"]) == ("a", "error")
            [error] = message["payload"]
            assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
            assert error["extensions"]["requestId"] == f"request-{server.probe.contexts}"
            assert await client.drain() == []
            assert server.probe.open == 0


async def test_a_fault_inside_an_event_leaves_the_stream_running(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "subscription { brokenField { value } }")
        message = await client.receive()
        assert (message["type"], message["payload"]["data"]) == ("next", {"brokenField": {"value": None}})
        assert SECRET not in json.dumps(message)
        await client.expect(complete("a"))


@pytest.mark.parametrize("after", [0, 2])
async def test_a_stream_that_throws_ends_with_a_masked_error(server: Server, after: int) -> None:
    async with ready(server) as client:
        await client.subscribe("a", f"subscription {{ throwing(after: {after}) }}")
        await client.expect(*following("a", "throwing", *range(after)))
        message = await client.receive()
        assert (message["id"], message["type"]) == ("a", "error")
        [error] = message["payload"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert SECRET not in json.dumps(message)
        assert await client.drain() == []
        assert server.probe.open == 0


async def test_a_stream_that_refuses_ends_with_its_own_error(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "subscription { refused }")
        message = await client.receive()
        assert (message["id"], message["type"]) == ("a", "error")
        [error] = message["payload"]
        assert (error["message"], error["extensions"]) == ("There is no such batch.", {"code": "NOT_FOUND"})
        assert await client.drain() == []


# Ids and complete


@pytest.mark.parametrize("query", ["subscription { endless }", "{ endless }"])
async def test_an_id_that_is_in_use_is_closed_with_4409(server: Server, query: str) -> None:
    opened = server.probe.opened
    async with ready(server) as client:
        await client.subscribe("a", query)
        await until(lambda: server.probe.opened > opened)
        await client.subscribe("a", "{ hello }")
        assert await client.closed() == (4409, "Subscriber for a already exists")


async def test_a_long_id_is_cut_to_fit_the_close_frame(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("ä" * 1000, "subscription { endless }")
        await client.subscribe("ä" * 1000, "{ hello }")
        assert await client.closed() == (4409, "Subscriber for " + "ä" * 54)


async def test_an_id_can_be_used_again(server: Server) -> None:
    async with ready(server) as client:
        for _ in range(50):
            await client.subscribe("a", "{ hello }")
            await client.expect(*following("a", "hello", "Hello world"), complete("a"))
            await client.subscribe("a", "subscription { count(to: 1) }")
            await client.expect(*following("a", "count", 0), complete("a"))
            await client.subscribe("a", "{ nope }")
            assert (await client.receive())["type"] == "error"


async def test_complete_for_an_unknown_id_is_ignored(server: Server) -> None:
    async with ready(server) as client:
        await client.send(complete("never"))
        await client.subscribe("a", "{ hello }")
        await client.expect(*following("a", "hello", "Hello world"), complete("a"))
        await client.send(complete("a"), complete("a"))
        assert await client.drain() == []


@pytest.mark.parametrize("stream", ["endless", "stubborn", "ticks", "flood"])
async def test_complete_closes_the_stream_and_nothing_follows(server: Server, stream: str) -> None:
    async with ready(server) as client:
        await client.subscribe("a", f"subscription {{ {stream} }}")
        assert (await client.receive())["type"] == "next"
        await client.send(complete("a"))
        on_their_way = await client.drain()
        assert stream in ("ticks", "flood") or on_their_way == []
        await until(lambda: server.probe.open == 0)
        assert await client.drain() == []
        assert server.telemetry.active == 0


async def test_complete_cancels_a_query(server: Server) -> None:
    opened = server.probe.opened
    async with ready(server) as client:
        await client.subscribe("a", "{ endless }")
        await until(lambda: server.probe.opened > opened)
        await client.send(complete("a"))
        await until(lambda: server.probe.open == 0)
        assert await client.drain() == []


async def test_complete_leaves_a_mutation_running_and_nothing_follows(serve: Any) -> None:
    server = serve(Settings(max_socket_operations=2))
    async with ready(server) as client:
        await client.subscribe("a", "mutation { bumpLater }")
        await until(lambda: server.probe.open == 1)
        await client.send(complete("a"))
        await client.subscribe("a", "{ hello }")  # the id is free again
        await client.expect(*following("a", "hello", "Hello world"), complete("a"))
        await client.subscribe("b", "subscription { endless }")
        await client.expect(*following("b", "endless", 0))
        await client.subscribe("c", "{ hello }")  # the mutation counts for the limit while it runs
        assert [error["extensions"]["code"] for error in (await client.receive())["payload"]] == ["RATE_LIMITED"]
        server.loop.call_soon_threadsafe(server.probe.may_bump.set)
        await until(lambda: server.probe.open == 1)
        assert server.probe.bumped == 1
        assert await client.drain() == []


async def test_complete_at_once_after_subscribe(server: Server) -> None:
    async with ready(server) as client:
        for number in range(200):
            await client.subscribe(f"{number}", "subscription { endless }")
            await client.send(complete(f"{number}"))
        await client.drain()
        await until(lambda: server.probe.open == 0)
        assert await client.drain() == []


async def test_an_id_can_be_used_again_while_its_stream_is_closing(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "subscription { endless }")
        await client.expect(*following("a", "endless", 0))
        with server.holding():
            await client.send(complete("a"))
            await client.subscribe("a", "subscription { count(to: 2) }")
            await client.expect(*following("a", "count", 0, 1), complete("a"))
            assert server.probe.open == 1
        await until(lambda: server.probe.open == 0)
        assert await client.drain() == []


async def fill(client: Client, count: int) -> None:
    for number in range(count):
        await client.subscribe(f"{number}", "subscription { endless }")
    for _ in range(count):
        assert (await client.receive())["type"] == "next"


async def test_an_operation_above_the_limit_is_an_error_for_its_id(server: Server) -> None:
    async with ready(server) as client:
        await fill(client, MAX_OPERATIONS)
        contexts = server.probe.contexts
        for query in ("subscription { endless }", "mutation { bump }"):
            await client.subscribe("more", query)
            error = await client.receive()
            assert (error["id"], error["type"]) == ("more", "error")
            assert [entry["extensions"]["code"] for entry in error["payload"]] == ["RATE_LIMITED"]
        assert server.probe.contexts == contexts
        assert server.probe.open == MAX_OPERATIONS
        await client.send(complete("0"))
        await until(lambda: server.probe.open == MAX_OPERATIONS - 1)
        await client.subscribe("more", "{ hello }")
        await client.expect(*following("more", "hello", "Hello world"), complete("more"))


async def test_operations_that_are_closing_count_for_the_limit(server: Server) -> None:
    async with ready(server) as client:
        await fill(client, MAX_OPERATIONS)
        with server.holding():
            await client.send(*(complete(f"{number}") for number in range(MAX_OPERATIONS)))
            await client.subscribe("more", "{ hello }")
            assert (await client.receive())["type"] == "error"
