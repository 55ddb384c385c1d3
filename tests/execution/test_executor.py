"""Operations from request to answer: kinds, codes, masking, time limits, streams."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest
from structlog.testing import capture_logs

from execution.answers import StreamAnswer
from execution.errors import INTERNAL_MESSAGE, MAX_ERRORS, MAX_LOGGED, MAX_MESSAGE
from execution.executor import QUERIES, Answer, AnswerKind, Executor, Limits, OperationRequest, OperationType, Stream
from resolvers.user_errors import explain
from settings import Settings
from tests.execution.toy import SECRET, Context, Toy, type_of
from tests.support import until

MASKED = {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-1"}


@pytest.fixture
def toy() -> Toy:
    return Toy()


def codes(body: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in body["errors"]]


# Requests


async def test_an_answer_without_errors_has_only_data(toy: Toy) -> None:
    request = OperationRequest("query Greet($name: String!) { hello(name: $name) }", "Greet", {"name": "you"}, {})
    answer = await toy.executor.execute(request, toy.context)
    assert answer == Answer({"data": {"hello": "Hello you"}}, AnswerKind.DATA)


@pytest.mark.parametrize(
    ("request_", "kind", "code"),
    [
        (OperationRequest("{ hello "), AnswerKind.PARSE_ERROR, "GRAPHQL_PARSE_FAILED"),
        (OperationRequest("{ nope }"), AnswerKind.VALIDATION_ERROR, "GRAPHQL_VALIDATION_FAILED"),
        (
            OperationRequest("{ ...on Query @defer { hello } }"),
            AnswerKind.VALIDATION_ERROR,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            OperationRequest("{...A} fragment A on Query {...A}"),
            AnswerKind.VALIDATION_ERROR,
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (OperationRequest("query($a: Int!) { hello }" * 2), AnswerKind.VALIDATION_ERROR, "GRAPHQL_VALIDATION_FAILED"),
        (OperationRequest("query($n: String!) { hello(name: $n) }"), AnswerKind.VARIABLES_ERROR, "BAD_USER_INPUT"),
        (
            OperationRequest("query($n: String!) { hello(name: $n) }", variables={"n": 5}),
            AnswerKind.VARIABLES_ERROR,
            "BAD_USER_INPUT",
        ),
        (OperationRequest("{ hello }", "Other"), AnswerKind.OPERATION_ERROR, "OPERATION_RESOLUTION_FAILURE"),
        (
            OperationRequest("query A { hello } query B { hello }"),
            AnswerKind.OPERATION_ERROR,
            "OPERATION_RESOLUTION_FAILURE",
        ),
        (OperationRequest("subscription { count(to: 1) }"), AnswerKind.METHOD, "METHOD_NOT_ALLOWED"),
        (OperationRequest(None), AnswerKind.BAD_REQUEST, "BAD_REQUEST"),
        (OperationRequest(""), AnswerKind.BAD_REQUEST, "BAD_REQUEST"),
        (
            OperationRequest(None, extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}),
            AnswerKind.UNREGISTERED,
            "PERSISTED_QUERY_NOT_FOUND",
        ),
        (OperationRequest("{" + "deeper{" * 50 + "hello" + "}" * 51), AnswerKind.LIMIT, "QUERY_TOO_COMPLEX"),
    ],
)
async def test_request_errors_have_a_code_and_no_data(
    toy: Toy, request_: OperationRequest, kind: AnswerKind, code: str
) -> None:
    for _ in range(2):  # read, and from the cache
        answer = await toy.executor.execute(request_, toy.context)
        assert answer.kind is kind
        assert set(answer.body) == {"errors"}
        assert codes(answer.body)[0] == code
        assert code == "BAD_USER_INPUT" or type_of(toy, request_) == (
            OperationType.SUBSCRIPTION if kind is AnswerKind.METHOD else answer
        )


async def test_a_message_quotes_the_beginning_of_an_operation_name(toy: Toy) -> None:
    answer = await toy.executor.execute(OperationRequest("{ hello }", "x" * 90_000), toy.context)
    assert [error["message"] for error in answer.body["errors"]] == [f"Unknown operation named '{'x' * 100}'."]


async def test_a_forbidden_operation_type_does_not_run(toy: Toy) -> None:
    answer = await toy.executor.execute(OperationRequest("mutation { bump }"), toy.context, allowed=QUERIES)
    assert answer.kind is AnswerKind.METHOD
    assert toy.context.probe.bumped == 0
    assert (await toy.executor.execute(OperationRequest("mutation { bump }"), toy.context)).body == {
        "data": {"bump": 1}
    }


async def test_the_named_operation_runs(toy: Toy) -> None:
    text = "query A { a: hello } mutation B { bump } subscription C { count(to: 1) }"
    assert await toy.body(text, operation_name="A") == {"data": {"a": "Hello world"}}
    assert await toy.body(text, operation_name="B") == {"data": {"bump": 1}}
    assert type_of(toy, OperationRequest(text, "C")) is OperationType.SUBSCRIPTION


# Exceptions of resolvers


@pytest.mark.parametrize("name", ["broken", "brokenRequired", "nullRequired", "notANumber", "uncoded"])
async def test_an_unexpected_exception_is_masked_and_logged(toy: Toy, name: str) -> None:
    with capture_logs() as logs:
        body = await toy.body(f"{{ {name} }}")
    assert body["data"] == (None if name in ("brokenRequired", "nullRequired") else {name: None})
    assert body["errors"] == [
        {"message": INTERNAL_MESSAGE, "locations": [{"line": 1, "column": 3}], "path": [name], "extensions": MASKED}
    ]
    assert [(line["event"], line["request_id"], line["path"]) for line in logs] == [
        ("resolver failed", "request-1", [name])
    ]
    assert isinstance(logs[0]["exc_info"], Exception)


async def test_an_expected_error_is_unchanged(toy: Toy) -> None:
    with capture_logs() as logs:
        body = await toy.body('{ hello, node(key: "x"), coded, items(count: 1) { refused } }')
    assert body["data"] == {"hello": "Hello world", "node": None, "coded": None, "items": [{"refused": None}]}
    assert [(error["message"], error["path"], error["extensions"]) for error in body["errors"]] == [
        ("This is no id of an item.", ["node"], {"code": "BAD_USER_INPUT"}),
        ("Sign in first.", ["coded"], {"code": "UNAUTHENTICATED"}),
        ("There is no item 0.", ["items", 0, "refused"], {"code": "NOT_FOUND", "number": 0}),
    ]
    assert logs == []


async def test_an_argument_refused_during_execution_is_the_clients_error(toy: Toy) -> None:
    body = await toy.body("query($c: Colour = RED) { hello, colour(of: $c) }", variables={"c": None})
    assert body["data"] is None
    assert codes(body) == ["BAD_USER_INPUT"]


async def test_errors_are_bounded_in_answer_and_log(toy: Toy) -> None:
    with capture_logs() as logs:
        body = await toy.body("{ items(count: 1000) { checked } }")
    assert len(body["errors"]) == MAX_ERRORS + 1
    assert body["errors"][-1]["extensions"] == {"code": "TOO_MANY_ERRORS", "limit": 100, "actual": 1000}
    assert [line["event"] for line in logs] == ["resolver failed"] * MAX_LOGGED + ["more resolvers failed"]
    assert SECRET not in str(body)


async def test_validation_errors_are_bounded_in_number_and_length(toy: Toy) -> None:
    body = await toy.body("{ deeper { " + " ".join(f"x{number}" for number in range(300)) + " } }")
    assert len(body["errors"]) == 101
    assert codes(body) == ["GRAPHQL_VALIDATION_FAILED"] * 101
    body = await toy.body("{ hello(name: [" + "1 " * 3_000 + "]) }")
    assert all(len(error["message"]) <= MAX_MESSAGE + 1 for error in body["errors"])


@pytest.mark.parametrize(("environment", "suggests"), [("development", True), ("production", False)])
async def test_suggestions_are_hidden_in_production(environment: str, suggests: bool) -> None:
    toy = Toy(environment=environment)
    for body in (
        await toy.body("{ helo }"),
        await toy.body("{ hello(nam: 1) }"),
        await toy.body("{ colour(of: GREN) }"),
        await toy.body("query($c: Colour!) { colour(of: $c) }", variables={"c": "GREN"}),
    ):
        assert ("Did you mean" in str(body)) is suggests


# Time limits


async def test_an_operation_is_ended_at_its_time_limit() -> None:
    toy = Toy(operation_timeout_seconds=1)  # enough for both fields to begin
    answer = await toy.executor.execute(OperationRequest("query Slow { a: slow, b: slow }"), toy.context)
    assert answer.kind is AnswerKind.TIMEOUT
    assert answer.body["data"] is None
    assert answer.body["errors"] == [
        {
            "message": "The operation exceeded its time limit of 1 seconds.",
            "extensions": {"code": "OPERATION_TIMEOUT", "limitSeconds": 1},
        }
    ]
    assert (toy.context.probe.waiting, toy.context.probe.cancelled) == (2, 2)
    assert [(each.name, each.count, each.errors) for each in toy.telemetry.operations()] == [("other", 1, 1)]


@pytest.mark.parametrize("query", ["subscription { late }", "subscription { stuck { slow } }"])
async def test_a_subscription_that_does_not_start_in_time_ends(query: str) -> None:
    toy = Toy(operation_timeout_seconds=1, explain=explain)
    async with asyncio.timeout(300):
        (body,) = await stream(toy, query)
    assert codes(body) == ["SERVICE_UNAVAILABLE"]
    assert (toy.context.probe.waiting, toy.context.probe.cancelled) == (1, 1)


async def test_a_resolver_may_extend_its_time_limit(toy: Toy) -> None:
    assert await toy.body("{ patient(seconds: 3) }") == {"data": {"patient": True}}


async def test_cancelling_an_execution_cancels_its_resolvers(toy: Toy) -> None:
    task = asyncio.create_task(toy.body("{ slow }"))
    await until(lambda: toy.context.probe.waiting)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert toy.context.probe.cancelled == 1


# Streams


async def stream(toy: Toy, query: str, **request: Any) -> list[dict[str, Any]]:
    begun = await toy.executor.open(OperationRequest(query, **request), toy.context)
    assert not isinstance(begun, Answer)
    bodies = []
    failed = False
    try:
        async with aclosing(begun.follow(None)) as pages:
            async for page in pages:
                ((place, answer),) = page
                bodies.append(json.loads(answer.json))
                failed = failed or answer.has_errors
                assert answer.failed is ("data" not in bodies[-1])
                assert (place, answer.cursor) == (None, None)
    finally:
        begun.record(failed)
    return bodies


async def test_closing_a_stream_closes_its_source(toy: Toy) -> None:
    begun = await toy.executor.open(OperationRequest("subscription { count(to: 2) }"), toy.context)
    assert not isinstance(begun, Answer)
    pages = begun.follow(None)
    expected = [[(None, StreamAnswer(b'{"data":{"count":0}}'))], [(None, StreamAnswer(b'{"data":{"count":1}}'))]]
    assert [await anext(pages), await anext(pages)] == expected
    assert (toy.context.probe.opened, toy.context.probe.closed) == (1, 0)
    await pages.aclose()
    assert toy.context.probe.closed == 1


async def test_cancelling_a_waiting_stream_closes_its_source(toy: Toy) -> None:
    task = asyncio.create_task(stream(toy, "subscription { count(to: 2) }"))
    await until(lambda: toy.context.probe.opened)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert toy.context.probe.closed == 1


async def test_a_failed_stream_ends_with_masked_errors(toy: Toy) -> None:
    with capture_logs() as logs:
        assert await stream(toy, "subscription S { throwing }") == [
            {"data": {"throwing": 0}},
            {"errors": [{"message": INTERNAL_MESSAGE, "extensions": MASKED}]},
        ]
    assert [line["event"] for line in logs] == ["resolver failed"]
    assert [(each.name, each.count, each.errors) for each in toy.telemetry.operations()] == [("other", 1, 1)]


async def test_a_refused_stream_ends_with_the_refusal(toy: Toy) -> None:
    (body,) = await stream(toy, "subscription { refused }")
    assert set(body) == {"errors"}
    assert (body["errors"][0]["message"], codes(body)) == ("There is no such batch.", ["NOT_FOUND"])


async def test_an_event_with_an_error_does_not_end_the_stream(toy: Toy) -> None:
    (body,) = await stream(toy, "subscription { items { number checked } }")
    assert body["data"] == {"items": {"number": 1, "checked": None}}
    assert codes(body) == ["INTERNAL_SERVER_ERROR"]


async def test_invalid_variables_end_a_stream_before_its_start(toy: Toy) -> None:
    (body,) = await stream(toy, "subscription($n: Int!) { count(to: $n) }", variables={"n": "x"})
    assert set(body) == {"errors"}
    assert codes(body) == ["BAD_USER_INPUT"]
    assert toy.context.probe.opened == 0


@pytest.mark.parametrize("query", ["{ hello }", "mutation { bump }", "{ nope }", "subscription {"])
async def test_an_invalid_subscription_is_answered_at_once(toy: Toy, query: str) -> None:
    assert isinstance(await toy.executor.open(OperationRequest(query), toy.context), Answer)
    assert toy.context.probe.bumped == 0


# The size of answers


async def test_an_encoded_answer_has_a_limit() -> None:
    toy = Toy(max_answer_bytes=1_000_000)
    around = len('{"data":{"hello":"Hello "}}')
    document = "query ($name: String!) { hello(name: $name) }"
    for size, fits in ((999_999, True), (1_000_000, True), (1_000_001, False)):
        request = OperationRequest(document, None, {"name": "x" * (size - around)})
        answer = await toy.executor.execute(request, toy.context)
        assert len(answer.json) == size if fits else answer.kind is AnswerKind.PARTIAL
        if not fits:
            [error] = answer.body["errors"]
            assert answer.body["data"] is None
            assert error["extensions"] == {"code": "ANSWER_TOO_LARGE", "bytes": size, "limit": 1_000_000, "path": None}


async def test_an_event_of_a_stream_has_the_same_limit() -> None:
    toy = Toy(max_answer_bytes=1_000_000)
    letters = "subscription { letters(counts: [999977, 1, 999978, 2]) }"
    stream = await toy.executor.open(OperationRequest(letters), toy.context)
    assert isinstance(stream, Stream)
    sent = []
    async with aclosing(stream.follow(None)) as pages:
        async for page in pages:
            sent += [answer for _, answer in page]
    assert [len(answer.json) for answer in sent[:2]] == [1_000_000, 24]
    assert json.loads(sent[2].json)["errors"][0]["extensions"]["bytes"] == 1_000_001
    assert [(len(sent), sent[2].failed), len(sent[3].json)] == [(4, False), 25]


# Counters


async def test_operations_are_counted_by_name(toy: Toy) -> None:
    await toy.body("query Greet { hello }")
    await toy.body("query Greet { hello, broken }")
    await toy.body("{ hello }")
    await toy.body("{ nope }")
    counted = {each.name: (each.count, each.errors, each.latency.count) for each in toy.telemetry.operations()}
    assert counted == {"Greet": (2, 1, 2), "anonymous": (1, 0, 1)}


async def test_executors_of_one_schema_keep_their_own_limits(toy: Toy) -> None:
    strict = Executor(toy.schema, settings=Settings(), telemetry=toy.telemetry, limits=Limits(root_fields=1))
    request = OperationRequest("{ a: hello, b: hello }")
    assert (await strict.execute(request, Context())).kind is AnswerKind.LIMIT
    assert (await toy.executor.execute(request, Context())).kind is AnswerKind.DATA
