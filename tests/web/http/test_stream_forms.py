"""The form of an answer if the client accepts streams, and refusals. S02, S03, S05, S06."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import until
from tests.web.http.test_behaviours import URQL
from tests.web.http.test_streams import (
    APOLLO,
    BEGUN,
    COMPLETE,
    EVENTS,
    EVENTS_TYPE,
    LAST_BOUNDARY,
    PARTS_TYPE,
    event,
    subscribe,
)
from tests.web.http.toy import Server
from tests.web.http.wire import JSON_TYPE, RESPONSE_TYPE, refused

# S02: the form of a stream


STREAMED = {
    "text/event-stream": EVENTS_TYPE,
    "text/event-stream, multipart/mixed": EVENTS_TYPE,  # urql
    URQL: EVENTS_TYPE,
    APOLLO: PARTS_TYPE,
    "multipart/mixed;subscriptionSpec=1.0, application/json": PARTS_TYPE,
    'multipart/mixed;subscriptionSpec="1.0"': PARTS_TYPE,
    "multipart/mixed, text/event-stream;q=0.9": PARTS_TYPE,
    "multipart/mixed;q=0.8, text/event-stream;q=0.9": EVENTS_TYPE,
    # JSON can't carry a subscription: the next accepted form is used
    "application/json, text/event-stream;q=0.1": EVENTS_TYPE,
    "*/*, multipart/mixed;q=0.1": PARTS_TYPE,
    "Text/Event-Stream": EVENTS_TYPE,
}


@pytest.mark.parametrize("accept", STREAMED)
async def test_a_subscription_has_the_form_that_is_ranked_highest(server: Server, accept: str) -> None:
    answer = await server.post("subscription { count(to: 1) }", accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, STREAMED[accept])


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/event-stream;q=0"])
async def test_a_subscription_without_an_accepted_stream_is_refused(server: Server, accept: str) -> None:
    error = refused(await server.post("subscription { ticks }", accept=accept), 400, "METHOD_NOT_ALLOWED")
    assert error["message"] == (
        "Subscriptions are run over WebSocket, with the subprotocol graphql-transport-ws, or where `Accept` names "
        "text/event-stream or multipart/mixed."
    )


ANSWERED = {
    URQL: RESPONSE_TYPE,
    "application/json, text/event-stream": JSON_TYPE,
    "text/event-stream, application/json": JSON_TYPE,
    "*/*, text/event-stream": JSON_TYPE,
    APOLLO: RESPONSE_TYPE,
    "application/json;q=0.5, text/event-stream": EVENTS_TYPE,
    "text/event-stream;q=0.5, application/json;q=0.4": EVENTS_TYPE,
    "text/event-stream;q=0.1": EVENTS_TYPE,
}


@pytest.mark.parametrize("accept", ANSWERED)
@pytest.mark.parametrize("query", ["{ hello }", "mutation { bump }"])
async def test_s02_a_query_is_json_unless_events_are_ranked_higher(server: Server, query: str, accept: str) -> None:
    answer = await server.post(query, accept=accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, ANSWERED[accept])


# S03: operations that can't run


UNRUNNABLE: dict[str, tuple[dict[str, Any], str]] = {
    "syntax": ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    "syntax of a subscription": ({"query": "subscription {"}, "GRAPHQL_PARSE_FAILED"),
    "validation": ({"query": "subscription { nope }"}, "GRAPHQL_VALIDATION_FAILED"),
    "two root fields": ({"query": "subscription { ticks endless }"}, "GRAPHQL_VALIDATION_FAILED"),
    "depth": ({"query": "{ deeper " * 200 + "{ hello }" + " }" * 200}, "QUERY_TOO_COMPLEX"),
    "operationName": ({"query": "subscription A { ticks }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
    "variables": ({"query": "subscription($to: Int!) { count(to: $to) }", "variables": {"to": "x"}}, "BAD_USER_INPUT"),
    "no variables": ({"query": "subscription($to: Int!) { count(to: $to) }"}, "BAD_USER_INPUT"),
    "variables of a query": (
        {"query": "query($name: String!) { hello(name: $name) }", "variables": {"name": 1}},
        "BAD_USER_INPUT",
    ),
    "S05 @defer": ({"query": "{ ... @defer { hello } }"}, "GRAPHQL_VALIDATION_FAILED"),
}


@pytest.mark.parametrize("name", UNRUNNABLE)
async def test_s03_an_invalid_operation_is_an_event_with_errors_and_complete(server: Server, name: str) -> None:
    members, code = UNRUNNABLE[name]
    for path in ("/graphql", "/graphql/stream"):
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        answer = await server.send("POST", path, headers=headers, content=json.dumps(members).encode())
        assert (answer.status_code, answer.headers["content-type"]) == (200, EVENTS_TYPE)
        assert answer.content.startswith(BEGUN + b"event: next\ndata: ")
        assert answer.content.endswith(b"\n\n" + COMPLETE)
        body = json.loads(answer.content[len(BEGUN + b"event: next\ndata: ") : -len(b"\n\n" + COMPLETE)])
        assert list(body) == ["errors"]
        assert {error["extensions"]["code"] for error in body["errors"]} == {code}
    assert server.probe.opened == server.probe.closed


async def test_s04_an_invalid_operation_is_json_if_accepted_and_else_a_part(server: Server) -> None:
    refused(await server.post("subscription {", accept=APOLLO), 400, "GRAPHQL_PARSE_FAILED", media_type=RESPONSE_TYPE)
    answer = await server.post("subscription {", accept="multipart/mixed;subscriptionSpec=1.0")
    assert (answer.status_code, answer.headers["content-type"]) == (200, PARTS_TYPE)
    begun, _, rest = answer.content.partition(b"\r\n\r\n")
    body, _, end = rest.partition(b"\r\n---")
    assert (begun, end) == (b"---\r\ncontent-type: application/json; charset=utf-8", LAST_BOUNDARY)
    assert json.loads(body)["payload"]["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    error = await server.post(
        "subscription($to: Int!) { count(to: $to) }", accept="multipart/mixed", variables={"to": 1.5}
    )
    assert b'{"payload":{"errors":[' in error.content
    assert error.content.endswith(b"\r\n---" + LAST_BOUNDARY)


@pytest.mark.parametrize(
    "accept", ["multipart/mixed", "multipart/mixed;deferSpec=20220824, application/json", "application/json", URQL]
)
async def test_s05_s06_defer_is_refused_and_never_a_stream(server: Server, accept: str) -> None:
    """The GraphQL specification has no incremental delivery yet, and the schema has no `@defer`."""
    answer = await server.post("{ ... @defer { hello } }", accept=accept)
    if accept == "multipart/mixed":
        assert b'"errors"' in answer.content
        assert b"hasNext" not in answer.content
        assert answer.headers["content-length"] == str(len(answer.content))
    else:
        (error,) = answer.json()["errors"]
        assert error["message"] == "Unknown directive '@defer'."
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


# Refusals before a stream begins


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_an_invalid_request_is_refused_in_json(server: Server, path: str) -> None:
    ticks = json.dumps({"query": "subscription { ticks }"}).encode()
    json_type = {"content-type": "application/json"}
    cases: list[tuple[int, str, str, dict[str, str], bytes]] = [
        (400, "BAD_REQUEST", "POST", json_type, b"nope"),
        (400, "BAD_REQUEST", "POST", json_type, b"{}"),
        (400, "BATCHING_NOT_SUPPORTED", "POST", json_type, b"[" + ticks + b"]"),
        (413, "PAYLOAD_TOO_LARGE", "POST", json_type, b" " * 11_000_000),
        (415, "UNSUPPORTED_MEDIA_TYPE", "POST", {"content-type": "text/plain"}, ticks),
        (405, "METHOD_NOT_ALLOWED", "PUT", json_type, ticks),
        (405, "METHOD_NOT_ALLOWED", "DELETE", {}, b""),
    ]
    for status, code, method, headers, content in cases:
        answer = await server.send(method, path, headers=headers | {"accept": "text/event-stream"}, content=content)
        refused(answer, status, code)
        assert ("allow" in answer.headers) == (status == 405)
    assert (await server.send("OPTIONS", path)).headers["allow"] == "GET, POST, OPTIONS"


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_a_mutation_by_get_is_refused_in_json(server: Server, path: str) -> None:
    bumped = server.probe.bumped
    headers = {"accept": "text/event-stream"}
    answer = await server.send("GET", path, headers=headers, params={"query": "mutation { bump }"})
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "POST"
    assert server.probe.bumped == bumped


@pytest.mark.parametrize("path", ["/graphql", "/graphql/stream"])
async def test_c05_a_page_of_another_site_may_not_subscribe(server: Server, production: Server, path: str) -> None:
    opened = server.probe.opened, production.probe.opened
    parameters = {"query": "subscription { count(to: 1) }"}
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        accept = {"accept": "text/event-stream"}
        refused(
            await server.send("GET", path, headers=headers | accept, params=parameters),
            403,
            "CSRF_PREVENTED",
        )
    refused(await production.send("GET", path, headers=accept, params=parameters), 403, "CSRF_PREVENTED")
    assert (server.probe.opened, production.probe.opened) == opened
    preflighted = accept | {"GraphQL-Require-Preflight": "1"}
    answer = await production.send("GET", path, headers=preflighted, params=parameters)
    assert answer.content == BEGUN + event({"data": {"count": 0}}) + COMPLETE


async def test_streams_are_bounded(serve: Any) -> None:
    server = serve(max_sockets=2)
    with server.dial() as one, server.dial() as two:
        for wire in (one, two):
            assert subscribe(wire, "subscription { endless }", EVENTS).chunk() == BEGUN
        answer = await server.post("subscription { endless }", accept=APOLLO)
        refused(answer, 503, "RATE_LIMITED")  # Apollo Client retries after a 503
        assert answer.headers["retry-after"] == "1"
        answer = await server.post("{ hello }", accept="text/event-stream")
        assert answer.status_code == 200
        assert server.streams.open == 2
    await until(lambda: not server.leftovers(), what="nothing to be left over")
    assert (await server.post("subscription { count(to: 1) }", accept=APOLLO)).status_code == 200


async def test_streams_of_one_address_are_bounded(serve: Any) -> None:
    server = serve(max_sockets_per_address=1)
    with server.dial() as wire:
        assert subscribe(wire, "subscription { endless }", EVENTS).chunk() == BEGUN
        answer = await server.post("subscription { endless }", accept="text/event-stream")
        error = refused(answer, 429, "RATE_LIMITED")
        assert error["message"] == "An address can have at most 1 open streams: end another first."
        assert server.streams.addresses == {"127.0.0.1": 1}
    await until(lambda: not server.leftovers(), what="nothing to be left over")
    assert not server.streams.addresses
    assert (await server.post("subscription { count(to: 1) }", accept=APOLLO)).status_code == 200
