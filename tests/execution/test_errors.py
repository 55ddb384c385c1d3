"""Errors as clients see them: invalid values, masked exceptions, and extended time limits."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.types import Info
from structlog.testing import capture_logs

from execution.errors import INTERNAL_MESSAGE, BadRequest, ClientError, ErrorCode, error_body, request_errors
from execution.executor import Answer, AnswerKind, Executor, OperationRequest
from settings import Settings
from telemetry import Telemetry
from tests.execution.toy import SECRET, Colour, Context

MASKED = {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-1"}


@strawberry.input(one_of=True)
class Choice:
    number: strawberry.Maybe[int]
    text: strawberry.Maybe[str]


@strawberry.type
class Query:
    @strawberry.field
    def integer(self, of: int | None = None) -> int | None:
        return of

    @strawberry.field
    def fraction(self, of: float) -> float | None:
        return of

    @strawberry.field
    def colour(self, of: Colour) -> Colour | None:
        return of

    @strawberry.field
    def choice(self, of: Choice) -> str:
        return "number" if of.number else "text"

    @strawberry.field
    def required(self, of: int = 1) -> int:
        return of

    @strawberry.field
    def integers(self, of: list[int]) -> int:
        return len(of)

    @strawberry.field
    def too_large(self) -> int | None:
        return 2**31

    @strawberry.field
    def infinite(self) -> float | None:
        return math.inf

    @strawberry.field
    def colourless(self) -> Colour | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    async def out_of_time(self) -> int | None:
        raise TimeoutError(SECRET)

    @strawberry.field
    def wrapped(self) -> int | None:
        try:
            raise RuntimeError(SECRET)
        except RuntimeError as error:
            raise GraphQLError(SECRET, original_error=error, extensions={"code": "FORBIDDEN"}) from error

    @strawberry.field
    async def waits(self, info: Info[Context, None], seconds: float) -> bool:
        limit = info.context.time_limit
        assert limit is not None
        limit.extend(seconds)
        await asyncio.Event().wait()
        return True


async def run(query: str, variables: dict[str, Any] | None = None, **settings: Any) -> Answer:
    executor = Executor(strawberry.Schema(query=Query), settings=Settings(**settings), telemetry=Telemetry())
    return await executor.execute(OperationRequest(query, variables=variables), Context())


NUMBER = "query ($v: Int) { integer(of: $v) }"
FRACTION = "query ($v: Float!) { fraction(of: $v) }"
CHOICE = "query ($v: Choice!) { choice(of: $v) }"
COLOUR = "query ($v: Colour!) { colour(of: $v) }"

WRONG: list[tuple[str, Any, str]] = [
    (NUMBER, 2**31, "non 32-bit signed integer"),
    (NUMBER, -(2**31) - 1, "non 32-bit signed integer"),
    (NUMBER, 10**400, "non 32-bit signed integer"),
    (NUMBER, 1.5, "non-integer"),
    (NUMBER, "1", "non-integer"),
    (NUMBER, True, "non-integer"),
    (NUMBER, math.nan, "non-integer"),
    (NUMBER, math.inf, "non-integer"),
    (FRACTION, math.nan, "non numeric"),
    (FRACTION, math.inf, "non numeric"),
    (FRACTION, -math.inf, "non numeric"),
    (FRACTION, "1.5", "non numeric"),
    (FRACTION, None, "not to be None"),
    (COLOUR, "BLUE", "does not exist in 'Colour' enum"),
    (COLOUR, "red", "does not exist in 'Colour' enum"),
    (COLOUR, 1, "cannot represent non-string value: 1"),
    (CHOICE, {}, "xactly one"),
    (CHOICE, {"number": 1, "text": "a"}, "xactly one"),
    (CHOICE, {"number": None}, "null"),
    (CHOICE, {"other": 1}, "unknown field 'other'"),
    (CHOICE, 5, "to be an object"),
]


@pytest.mark.parametrize(("query", "value", "message"), WRONG)
async def test_invalid_variables(query: str, value: Any, message: str) -> None:
    with capture_logs() as logs:
        answer = await run(query, {"v": value})
    assert answer.kind is AnswerKind.VARIABLES_ERROR
    assert set(answer.body) == {"errors"}
    assert {error["extensions"]["code"] for error in answer.body["errors"]} == {"BAD_USER_INPUT"}
    assert any(message in error["message"] for error in answer.body["errors"]), answer.body
    assert logs == []


@pytest.mark.parametrize("value", [2**31 - 1, -(2**31), 0, None])
async def test_integers_at_their_bounds_are_valid(value: int | None) -> None:
    assert (await run(NUMBER, {"v": value})).body == {"data": {"integer": value}}


@pytest.mark.parametrize(
    "query",
    [
        "{ integer(of: 2147483648) }",
        "{ integer(of: 1.0) }",
        '{ fraction(of: "NaN") }',
        "{ fraction(of: NaN) }",
        "{ colour(of: BLUE) }",
        '{ colour(of: "RED") }',
        "{ choice(of: {}) }",
        '{ choice(of: { number: 1, text: "a" }) }',
        "{ choice(of: { number: null }) }",
        "query ($n: Int) { choice(of: { number: $n }) }",
    ],
)
async def test_invalid_literals(query: str) -> None:
    answer = await run(query)
    assert answer.kind is AnswerKind.VALIDATION_ERROR
    assert {error["extensions"]["code"] for error in answer.body["errors"]} == {"GRAPHQL_VALIDATION_FAILED"}


async def test_a_null_found_during_execution_is_the_clients_error() -> None:
    answer = await run("query ($n: Int = 1) { integer(of: 1) required(of: $n) }", {"n": None})
    assert answer.kind is AnswerKind.PARTIAL
    assert answer.body["data"] is None
    (error,) = answer.body["errors"]
    assert (error["path"], error["extensions"]) == (["required"], {"code": "BAD_USER_INPUT"})


async def test_a_null_of_a_directive_is_the_clients_error() -> None:
    answer = await run("query ($on: Boolean = true) { integer @include(if: $on) }", {"on": None})
    assert [error["extensions"] for error in answer.body["errors"]] == [{"code": "BAD_USER_INPUT"}]


async def test_errors_of_variables_are_bounded() -> None:
    answer = await run("query ($v: [Int!]!) { integers(of: $v) }", {"v": ["x"] * 10_000})
    assert answer.kind is AnswerKind.VARIABLES_ERROR
    assert 1 <= len(answer.body["errors"]) <= 101
    assert {error["extensions"]["code"] for error in answer.body["errors"]} == {"BAD_USER_INPUT"}
    (error,) = (await run(NUMBER, {"v": "x" * 100_000})).body["errors"]
    assert len(error["message"]) <= 1_001


@pytest.mark.parametrize("name", ["tooLarge", "infinite", "colourless", "outOfTime", "wrapped"])
async def test_invalid_results_are_masked_and_logged(name: str) -> None:
    with capture_logs() as logs:
        answer = await run(f"{{ integer(of: 1) {name} }}")
    assert answer.kind is AnswerKind.PARTIAL
    assert answer.body["data"] == {"integer": 1, name: None}
    (error,) = answer.body["errors"]
    assert (error["message"], error["path"], error["extensions"]) == (INTERNAL_MESSAGE, [name], MASKED)
    assert [(line["event"], line["log_level"], line["path"]) for line in logs] == [("resolver failed", "error", [name])]
    assert SECRET not in str(answer.body)


async def test_the_error_has_the_extended_time_limit() -> None:
    answer = await run("{ waits(seconds: 0.02) }", operation_timeout_seconds=0.01)
    assert answer.kind is AnswerKind.TIMEOUT
    assert answer.body["data"] is None
    assert answer.body["errors"] == [
        {
            "message": "The operation exceeded its time limit of 0.03 seconds.",
            "extensions": {"code": "OPERATION_TIMEOUT", "limitSeconds": 0.03},
        }
    ]


def test_a_client_error_has_code_message_and_extensions() -> None:
    error = ClientError(ErrorCode.RATE_LIMITED, "Later.", retryAfter=5)
    assert (str(error), error.code, error.extensions) == ("Later.", "RATE_LIMITED", {"retryAfter": 5})
    assert type(error.code) is str
    assert isinstance(BadRequest("BAD_REQUEST", "No."), ClientError)
    assert error_body(error.code, error.message, **error.extensions) == {
        "errors": [{"message": "Later.", "extensions": {"code": "RATE_LIMITED", "retryAfter": 5}}]
    }


def test_request_errors_get_the_code_and_keep_other_extensions() -> None:
    error = GraphQLError("No.", extensions={"code": "OTHER", "hint": "x"})
    assert (
        request_errors([error] * 300, "BAD_USER_INPUT")
        == [{"message": "No.", "extensions": {"code": "BAD_USER_INPUT", "hint": "x"}}] * 101
    )


async def test_an_explained_exception_is_not_masked_and_logs_no_traceback() -> None:
    @strawberry.type
    class Broken:
        @strawberry.field
        def full(self) -> int | None:
            raise OSError(f"no room\n{SECRET}")

        @strawberry.field
        def other(self) -> int | None:
            raise RuntimeError(SECRET)

    def explain(error: BaseException) -> ClientError | None:
        return ClientError(ErrorCode.STORAGE_FULL, "It is full.") if isinstance(error, OSError) else None

    schema = strawberry.Schema(query=Broken)
    executor = Executor(schema, settings=Settings(), telemetry=Telemetry(), explain=explain)
    with capture_logs() as logs:
        answer = await executor.execute(OperationRequest("{ full other }"), Context())
    found = {error["path"][0]: (error["message"], error["extensions"]) for error in answer.body["errors"]}
    assert found == {"full": ("It is full.", {"code": "STORAGE_FULL"}), "other": (INTERNAL_MESSAGE, MASKED)}
    assert [(line["path"], line.get("reason"), "exc_info" in line) for line in logs] == [
        (["full"], "no room", False),
        (["other"], None, True),
    ]
