"""Errors as clients see them: faults are masked, and their details are only in the log."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.http.toy import SECRET, Server
from tests.web.http.wire import refused

NEWER = "application/graphql-response+json"
MASKED = "Internal error. The server's log has it under this requestId."


def coded(body: Any) -> list[tuple[str, object]]:
    """Return the code and the path of each error."""
    return [(error["extensions"]["code"], error.get("path")) for error in body["errors"]]


@pytest.mark.parametrize("accept", [NEWER, "application/json"])
@pytest.mark.parametrize(
    ("query", "data", "path"),
    [
        ("{ hello leak }", {"hello": "Hello world", "leak": None}, ["leak"]),
        ("{ hello misfit }", {"hello": "Hello world", "misfit": None}, ["misfit"]),
        ("{ hello required }", None, ["required"]),
        ("{ deeper { deeper { leak } } }", {"deeper": {"deeper": {"leak": None}}}, ["deeper", "deeper", "leak"]),
        ("{ a: leak hello }", {"a": None, "hello": "Hello world"}, ["a"]),
    ],
)
async def test_the_secret_is_in_the_log_only(
    server: Server, lines: list[dict[str, Any]], query: str, data: object, path: list[str], accept: str
) -> None:
    answer = await server.post(query, accept=accept)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    body = answer.json()
    assert body["data"] == data
    (error,) = body["errors"]
    request_id = answer.headers["x-request-id"]
    assert error["message"] == MASKED
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    assert error["path"] == path
    await server.settled()  # the log lines are written too
    fault, request = lines
    assert SECRET in fault["exception"]
    assert (fault["event"], fault["log_level"], fault["path"]) == ("resolver failed", "error", path)
    assert fault["request_id"] == request["request_id"] == request_id


async def test_an_answer_that_cannot_be_serialized_is_a_masked_500(server: Server, lines: list[dict[str, Any]]) -> None:
    answer = await server.post("{ unwritable }")
    error = refused(answer, 500, "INTERNAL_SERVER_ERROR")
    assert error["message"] == MASKED
    assert "object at" not in answer.text
    await server.settled()  # the log lines are written too
    assert [line["event"] for line in lines] == ["request failed", "request"]


@pytest.mark.parametrize(("count", "errors"), [(99, 99), (100, 100), (101, 101), (1000, 101)])
async def test_an_answer_has_at_most_101_errors(
    server: Server, lines: list[dict[str, Any]], count: int, errors: int
) -> None:
    body = (await server.post(f"{{ many(count: {count}) {{ value }} }}")).json()
    assert body["data"] == {"many": [{"value": None}] * count}
    assert len(body["errors"]) == errors
    assert {code for code, _ in coded(body)[:100]} == {"INTERNAL_SERVER_ERROR"}
    if count > 100:
        last = body["errors"][-1]
        assert last["message"] == f"{count - 100} more errors are omitted."
        assert last["extensions"] == {"code": "TOO_MANY_ERRORS", "limit": 100, "actual": count}
    # A repeated fault is logged five times and then counted.
    await server.settled()  # the log lines are written too
    assert [line["event"] for line in lines] == ["resolver failed"] * 5 + ["more resolvers failed", "request"]


async def test_a_document_has_at_most_101_errors(server: Server) -> None:
    wrong = " ".join(f"nope{number}" for number in range(300))
    body = (await server.post(f"{{ deeper {{ {wrong} }} }}", accept=NEWER)).json()
    assert "data" not in body
    assert len(body["errors"]) == 101
    assert {code for code, _ in coded(body)} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_the_time_limit_ends_all_concurrent_resolvers(serve: Any, lines: list[dict[str, Any]]) -> None:
    server: Server = serve(operation_timeout_seconds=2)  # enough for all three to begin
    answer = await server.post("query Three { a: slow b: slow deeper { c: slow } hello }")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] is None
    assert coded(body) == [("OPERATION_TIMEOUT", None)]
    assert (server.probe.waiting, server.probe.cancelled) == (0, 3)
    (counted,) = server.telemetry.operations()
    # Only an operation that ran well has its own name in the figures.
    assert (counted.name, counted.count, counted.errors) == ("other", 1, 1)
    await server.settled()  # the log lines are written too
    assert [line["event"] for line in lines] == ["request"]


async def test_a_clients_mistakes_are_no_faults_of_the_server(server: Server, lines: list[dict[str, Any]]) -> None:
    for query in ("{", "{ nope }", '{ item(id: "x") }', "query A { hello } query B { hello }", "{ area(box: {}) }"):
        assert "errors" in (await server.post(query)).json()
    await server.settled()  # the log lines are written too
    assert [(line["event"], line["log_level"]) for line in lines] == [("request", "info")] * 5


async def test_suggestions_are_hidden_in_production(server: Server, production: Server) -> None:
    query = "query ($box: BoxInput!) { area(box: $box) }"
    wrong = {"box": {"width": 1, "heigth": 2}}
    for answer in (await server.post("{ helo }"), await server.post(query, variables=wrong)):
        assert "Did you mean" in answer.text
    for answer in (await production.post("{ helo }"), await production.post(query, variables=wrong)):
        assert "Did you mean" not in answer.text
        assert "hello" not in answer.text
        assert "'height'" not in answer.text


@pytest.mark.parametrize("query", ["{ item(id: 1.5) }", "{ colour(of: BLUE) }", '{ area(box: { width: "1" }) }'])
async def test_literals_that_do_not_fit(server: Server, query: str) -> None:
    answer = await server.post(query, accept=NEWER)
    error = refused(answer, 400, "GRAPHQL_VALIDATION_FAILED", media_type=f"{NEWER}; charset=utf-8")
    assert error["locations"][0]["line"] == 1


async def test_enums_and_inputs_arrive_unchanged(server: Server) -> None:
    query = "query ($of: Colour!, $box: BoxInput!) { colour(of: $of) area(box: $box) }"
    answer = await server.post(query, variables={"of": "GREEN", "box": {"width": 3, "height": 4}})
    assert answer.json() == {"data": {"colour": "GREEN", "area": 12}}
