"""Operations at each limit and one above it, over each transport."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.api.calls import NO_SUCH_BATCH, ApiServer
from tests.api.sockets import opened
from tests.execution.test_limits import BOUNDS
from web.serving.request_head import MAX_URL_BYTES

Errors = list[dict[str, Any]]
Send = Callable[[ApiServer, str, dict[str, Any]], Awaitable[Errors]]


def errors_in(body: dict[str, Any]) -> Errors:
    found: Errors = body.get("errors", [])
    return found


async def send(server: ApiServer, method: str, accept: str, **request: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=300, verify=False) as client:
        return await client.request(method, server.url, headers={"accept": accept}, **request)


async def by_post(server: ApiServer, query: str, variables: dict[str, Any]) -> Errors:
    members = {"query": query, "variables": variables}
    answer = await send(server, "POST", "application/graphql-response+json", json=members)
    body = answer.json()
    assert answer.status_code == (200 if "data" in body else 400)
    return errors_in(body)


async def by_get(server: ApiServer, query: str, variables: dict[str, Any]) -> Errors:
    parameters = {"query": query, "variables": json.dumps(variables)}
    answer = await send(server, "GET", "application/graphql-response+json", params=parameters)
    body = answer.json()
    assert answer.status_code == (200 if "data" in body else 400)
    return errors_in(body)


async def by_socket(server: ApiServer, query: str, variables: dict[str, Any]) -> Errors:
    async with opened(server) as socket:
        await socket.subscribe("1", query, **variables)
        message = await socket.receive()
    if message["type"] == "next":
        return errors_in(message["payload"])
    assert message["type"] == "error"
    return errors_in({"errors": message["payload"]})


async def by_events(server: ApiServer, query: str, variables: dict[str, Any]) -> Errors:
    answer = await send(server, "POST", "text/event-stream", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    (data,) = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    return errors_in(json.loads(data.removeprefix("data: ")))


async def by_parts(server: ApiServer, query: str, variables: dict[str, Any]) -> Errors:
    answer = await send(server, "POST", "multipart/mixed", json={"query": query, "variables": variables})
    if answer.status_code == 406:  # a valid document, but of a query
        return errors_in(answer.json())
    assert answer.headers["content-type"].startswith("multipart/mixed")
    (data,) = [line for line in answer.text.splitlines() if line.startswith('{"payload":')]
    return errors_in(json.loads(data)["payload"])


TRANSPORTS: dict[str, Send] = {
    "POST": by_post,
    "GET": by_get,
    "WebSocket": by_socket,
    "server-sent events": by_events,
    "multipart": by_parts,
}

# 2 + 21 n points, and 6 more.
SELECTION = """results(first: $n) { nodes { batch { results(first: 18) { nodes { id } } } } }
  errorGroups(first: 0) { message } events(first: 4) { nodes { cursor } }"""
VARIABLES = {"id": NO_SUCH_BATCH, "n": 952}
QUERY = f"query ($id: ID!, $n: Int) {{ batch(id: $id) {{ {SELECTION} MORE }} }}"
SUBSCRIPTION = QUERY.replace("query", "subscription")
ONE_MORE = "one: errorGroups(first: 0) { message }"


@pytest.mark.parametrize(
    ("transport", "operation"),
    [
        ("POST", QUERY),
        ("GET", QUERY),
        ("WebSocket", QUERY),
        ("WebSocket", SUBSCRIPTION),
        ("server-sent events", QUERY),
        ("server-sent events", SUBSCRIPTION),
        ("multipart", SUBSCRIPTION),
    ],
)
@pytest.mark.usefixtures("nothing_changes")
async def test_the_limit_of_the_cost(queueing_server: ApiServer, transport: str, operation: str) -> None:
    errors = await TRANSPORTS[transport](queueing_server, operation.replace("MORE", ""), VARIABLES)
    assert [error["extensions"]["code"] for error in errors] == ["NOT_FOUND"] * (operation is SUBSCRIPTION)
    (error,) = await TRANSPORTS[transport](queueing_server, operation.replace("MORE", ONE_MORE), VARIABLES)
    assert error == {
        "message": "The operation costs 20,001 points, above the limit of 20,000. The most expensive part is "
        "`batch.results(first: 952).nodes.batch.results(first: 18)`: request smaller pages or fewer nested objects, or "
        "split the operation.",
        "extensions": {
            "code": "QUERY_TOO_COMPLEX",
            "cost": 20_001,
            "limit": 20_000,
            "path": ["batch", "results", "nodes", "batch", "results"],
        },
    }


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_each_limit_of_documents(queueing_server: ApiServer, transport: str) -> None:
    """Most documents at the limits have fields that the schema lacks: validation refuses them."""
    others = {"GRAPHQL_VALIDATION_FAILED", "TOO_MANY_ERRORS", "NOT_ACCEPTABLE"}
    sent = 0
    for case, (measure, limit, make) in BOUNDS.items():
        if transport == "GET" and len(quote(make(limit + 1))) > MAX_URL_BYTES - 100:
            continue
        errors = await TRANSPORTS[transport](queueing_server, make(limit), {})
        assert {error["extensions"]["code"] for error in errors} <= others, case
        (error,) = await TRANSPORTS[transport](queueing_server, make(limit + 1), {})
        expected = {"code": "QUERY_TOO_COMPLEX", "measure": measure, "limit": limit, "actual": limit + 1}
        assert error["extensions"] == expected, case
        sent += 1
    assert sent == len(BOUNDS) or (transport == "GET" and sent > len(BOUNDS) / 2)
