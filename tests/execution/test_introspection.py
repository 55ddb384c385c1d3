"""Kept answers to introspection: by document and operation, bounded in bytes, and of no other operation."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import get_introspection_query

from execution.executor import AnswerKind, OperationRequest
from execution.introspection import Introspections
from tests.execution.toy import Context, Toy

INTROSPECTION = get_introspection_query()


async def test_the_second_answer_is_the_first_one() -> None:
    toy = Toy()
    first, second = [await toy.executor.execute(OperationRequest(INTROSPECTION), Context()) for _ in range(2)]
    assert first.body["data"]["__schema"]["queryType"]["name"] == "Query"
    assert (second, second.json, second.kind) == (first, first.json, AnswerKind.DATA)
    assert toy.executor._introspections.get(INTROSPECTION, "IntrospectionQuery") == first.json
    [counted] = toy.telemetry.operations()
    assert (counted.name, counted.count, counted.errors) == ("IntrospectionQuery", 2, 0)


async def test_a_kept_answer_is_sent() -> None:
    toy = Toy()
    text = "query A { __typename } query B { ...F } fragment F on Query { ... { __typename } }"
    for name in "AB":
        await toy.executor.execute(OperationRequest(text, name), Context())
    toy.executor._introspections.keep(text, "B", b'{"data":{"kept":1}}')
    bodies = [(await toy.executor.execute(OperationRequest(text, name), Context())).body for name in "AB"]
    assert bodies == [{"data": {"__typename": "Query"}}, {"data": {"kept": 1}}]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ hello }", None),
        ("{ __typename hello }", None),
        ("{ __typename ...F } fragment F on Query { ... { hello } }", None),
        ("query ($name: String!) { __type(name: $name) { name } }", {"name": "Query"}),
        ("mutation { __typename }", None),
        ("{ __typename broken }", None),
    ],
)
async def test_other_answers_are_not_kept(text: str, variables: dict[str, Any] | None) -> None:
    toy = Toy()
    await toy.executor.execute(OperationRequest(text, None, variables), Context())
    assert toy.executor._introspections.bytes == 0


def test_the_bytes_are_bounded_and_the_least_recently_used_answer_leaves_first() -> None:
    answers = Introspections(max_bytes=20)
    for text in ("a", "b"):
        answers.keep(text, None, b"123456789")
    assert (answers.bytes, answers.get("a", None)) == (20, b"123456789")
    answers.keep("c", None, b"1")
    assert [answers.get(text, None) for text in "abc"] == [b"123456789", None, b"1"]
    answers.keep("d", None, b"x" * 20)
    assert (answers.bytes, [answers.get(text, None) for text in "acd"]) == (0, [None, None, None])
