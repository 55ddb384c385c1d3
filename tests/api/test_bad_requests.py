"""Malformed and too large requests: each is refused with coded errors, and changes nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.api.calls import SUBMIT, Api, ApiServer
from tests.api.sockets import opened

TEXT = {"text": {"text": "Fine."}}

pytestmark = pytest.mark.usefixtures("nothing_changes")

VARIABLES: list[tuple[str, dict[str, Any], str]] = [
    (
        "unknown operation",
        {"request": {"text": {"text": "a", "operations": ["SHOUT"]}}},
        "Value 'SHOUT' does not exist",
    ),
    ("unknown analyzer", {"request": {"smell": {"text": "a"}}}, "'smell'"),
    ("no analyzer", {"request": {}}, "xactly one"),
    ("two analyzers", {"request": {"text": {"text": "a"}, "record": {"data": 1}}}, "xactly one"),
    ("a null for an analyzer", {"request": {"text": None}}, "text"),
    ("no request", {}, "request"),
    ("text that is none", {"request": {"text": {"text": 7}}}, "String cannot represent a non string value: 7"),
    ("unknown field", {"request": {"text": {"text": "a", "volume": 11}}}, "volume"),
    ("fraction for a number", {"request": TEXT, "priority": 1.5}, "Int cannot represent non-integer value: 1.5"),
    ("huge number", {"request": TEXT, "priority": 2**31}, "Int cannot represent non 32-bit signed integer value"),
    ("words for a number", {"request": TEXT, "timeoutSeconds": "5"}, "Int cannot represent non-integer value: '5'"),
]


@pytest.mark.parametrize(("given", "message"), [case[1:] for case in VARIABLES], ids=[case[0] for case in VARIABLES])
async def test_invalid_variables(queue: Api, given: dict[str, Any], message: str) -> None:
    errors = await queue.errors(SUBMIT, input=given)
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert any(message in error["message"] for error in errors), errors
    assert all("$input" in error["message"] for error in errors)


LITERALS = {
    'request: { text: { text: "a" } }, priority: 99999999999': "Int cannot represent non 32-bit signed integer value",
    'request: { text: { text: "a\\uD800" } }': "Invalid Unicode escape sequence",
    'request: { text: { text: "\\u{110000}" } }': "Invalid Unicode escape sequence",
    "request: { text: { text: null } }": "null",
}


@pytest.mark.parametrize("literal", LITERALS)
async def test_invalid_literals(queueing_server: ApiServer, literal: str) -> None:
    document = f"mutation {{ submitAnalysis(input: {{ {literal} }}) {{ analysis {{ id }} }} }}"
    (error,) = (await post(queueing_server, json.dumps({"query": document}).encode()))["errors"]
    assert LITERALS[literal] in error["message"]
    assert error["extensions"]["code"] in ("GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED")
    assert error["locations"]


async def test_numbers_that_are_not_finite(queue: Api, queueing_server: ApiServer) -> None:
    submit = "mutation { submitAnalysis(input: { %s }) { analysis { id } userErrors { code message path } } }"
    wait = 'request: { text: { text: "a" } }, waitSeconds: 1e999'
    assert (await queue(submit % wait))["submitAnalysis"] == {
        "analysis": None,
        "userErrors": [
            {"code": "INVALID", "message": "`waitSeconds` is inf: it must be from 0 to 60.", "path": ["waitSeconds"]}
        ],
    }
    for option in ("scale: { factor: 1e999 }", "scale: { factor: -1e999 }"):
        survey = f'request: {{ survey: {{ data: [{{ atStation: "a", value: 1 }}], {option} }} }}'
        (error,) = await queue.errors(submit % survey)
        assert error["message"] == "Numbers are finite: one of these is too large for a Float."
        assert (error["path"], error["extensions"]["code"]) == (["submitAnalysis"], "BAD_USER_INPUT")
    async with opened(queueing_server) as socket:
        error = await socket.refusal("subscription { metrics(intervalSeconds: 1e999) { timestamp } }")
    assert error["message"] == "`intervalSeconds` is inf: it must be from 0.5 to 60."


async def post(server: ApiServer, body: bytes, status: int = 400, **headers: str) -> dict[str, Any]:
    accepted = {"Content-Type": "application/json", "Accept": "application/graphql-response+json"}
    async with httpx.AsyncClient(timeout=300) as client:
        answer = await client.post(server.url, content=body, headers=accepted | headers)
    assert answer.status_code == status, answer.text[:500]
    found: dict[str, Any] = answer.json()
    assert "data" not in found
    return found


MUTATION = 'mutation { submitAnalysis(input: { request: { text: { text: "a" } } }) { analysis { id } } }'
NESTED = "{ analyses { nodes " + "{ batch { results { nodes " * 17 + "{ id }" + " } } }" * 17 + " } }"
DOCUMENTS: list[tuple[str, bytes, int, str]] = [
    ("depth 50", json.dumps({"query": NESTED}).encode(), 400, "QUERY_TOO_COMPLEX"),
    (
        "10,000 aliases",
        json.dumps({"query": "{" + " ".join(f"a{n}: __typename" for n in range(10_000)) + "}"}).encode(),
        400,
        "QUERY_TOO_COMPLEX",
    ),
    (
        "100 mutations",
        json.dumps({"query": "mutation {" + " ".join(f"a{n}: {MUTATION[11:-2]}" for n in range(100)) + "}"}).encode(),
        400,
        "QUERY_TOO_COMPLEX",
    ),
    ("5 MB query", json.dumps({"query": MUTATION + " " * 5_000_000}).encode(), 400, "QUERY_TOO_COMPLEX"),
    ("11 MB body", json.dumps({"query": MUTATION + " " * 11_000_000}).encode(), 413, "PAYLOAD_TOO_LARGE"),
    ("no JSON", b"no JSON", 400, "BAD_REQUEST"),
    ("cut JSON", json.dumps({"query": MUTATION}).encode()[:-1], 400, "BAD_REQUEST"),
    ("nothing", b"", 400, "BAD_REQUEST"),
    ("null", b"null", 400, "BAD_REQUEST"),
    ("a list", json.dumps([{"query": MUTATION}]).encode(), 400, "BATCHING_NOT_SUPPORTED"),
    ("lone surrogate", b'{"query": "{ __typename }", "variables": {"a": "\\ud800"}}', 400, "BAD_REQUEST"),
    ("infinite number", b'{"query": "{ __typename }", "variables": {"a": 1e999}}', 400, "BAD_REQUEST"),
    ("NaN", b'{"query": "{ __typename }", "variables": {"a": NaN}}', 400, "BAD_REQUEST"),
    ("not UTF-8", b'{"query": "{ __typename \xff }"}', 400, "BAD_REQUEST"),
    ("100,000 levels", b'{"query": "{ __typename }", "variables": ' + b"[" * 100_000, 400, "BAD_REQUEST"),
    ("no query", b'{"variables": {}}', 400, "BAD_REQUEST"),
    ("a document of nothing", b'{"query": "# nothing"}', 400, "GRAPHQL_PARSE_FAILED"),
    (
        "unknown operation",
        json.dumps({"query": MUTATION, "operationName": "Other"}).encode(),
        400,
        "OPERATION_RESOLUTION_FAILURE",
    ),
    (
        "unknown field",
        json.dumps({"query": MUTATION.replace("{ id }", "{ idd }")}).encode(),
        400,
        "GRAPHQL_VALIDATION_FAILED",
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code"), [case[1:] for case in DOCUMENTS], ids=[case[0] for case in DOCUMENTS]
)
async def test_malformed_and_complex_requests(queueing_server: ApiServer, body: bytes, status: int, code: str) -> None:
    errors = (await post(queueing_server, body, status))["errors"]
    assert {error["extensions"]["code"] for error in errors} == {code}
    for error in errors:
        assert error["message"]
        assert len(error["message"]) <= 1_001
        assert not re.search(r"Traceback|File \"|<class", error["message"])


async def test_a_refused_operation_leaves_its_socket_open(queueing_server: ApiServer) -> None:
    async with opened(queueing_server) as socket:
        for query, code in {
            NESTED: "QUERY_TOO_COMPLEX",
            MUTATION.replace("{ id }", "{ idd }"): "GRAPHQL_VALIDATION_FAILED",
            "{": "GRAPHQL_PARSE_FAILED",
        }.items():
            assert (await socket.refusal(query))["extensions"]["code"] == code
        await socket.subscribe("1", "{ __typename }")
        assert (await socket.receive())["payload"] == {"data": {"__typename": "Query"}}
