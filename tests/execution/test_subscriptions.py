"""Shared subscriptions: equal requests, apart from variables that only set the start of the stream."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import parse

from execution.requests import OperationRequest
from execution.subscriptions import place_variables, sharing_key


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("subscription ($a: String) { events(after: $a) { cursor } }", {None: {"a"}}),
        ('subscription S($a: String = "x", $b: Int) { events(after: $a, every: $b) { cursor } }', {"S": {"a"}}),
        ("subscription { events(after: null) { cursor } }", {None: set()}),
        ('subscription { events(after: "x") { cursor } }', {None: set()}),
        # The variable has a second use.
        ("subscription ($a: String) { events(after: $a) { page(after: $a) } }", {None: set()}),
        ("subscription ($a: String) { events(after: $a) { ...F } } fragment F on E { page(of: $a) }", {None: set()}),
        ("subscription ($a: String) { events(after: $a, filter: { id: $a }) { cursor } }", {None: set()}),
        ("subscription ($a: Boolean!) { events(after: $a) @include(if: $a) { cursor } }", {None: set()}),
        ("subscription A($a: String) { events(after: $a) { x } } query B($a: Int) { page(of: $a) }", {"A": set()}),
        # The argument is not directly on the root field: sharing is not required.
        ("subscription ($a: String) { ...F } fragment F on S { events(after: $a) { cursor } }", {None: set()}),
        ("subscription ($a: String) { events { page(after: $a) } }", {None: set()}),
        (
            "subscription A($a: Int) { e(after: $a) { x } } subscription B($b: Int) { e(after: $b) { x } }",
            {"A": {"a"}, "B": {"b"}},
        ),
        ("query ($a: String) { events(after: $a) { cursor } }", {}),
        ("{ events { cursor } }", {}),
    ],
)
def test_variables_that_only_set_the_start(document: str, expected: dict[str | None, set[str]]) -> None:
    assert place_variables(parse(document)) == expected


REQUEST: dict[str, Any] = {
    "query": "subscription S { a }",
    "operation_name": "S",
    "variables": {"after": "1", "x": {"b": [1, None], "a": 2**70}},
    "extensions": {"y": 1},
}


def key(audience: object = "all", **changed: Any) -> object:
    return sharing_key(OperationRequest(**(REQUEST | changed)), frozenset({"after"}), audience)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"variables": {"x": {"a": 2**70, "b": [1, None]}, "after": "2"}},
        {"variables": {"x": {"a": 2**70, "b": [1, None]}}},
    ],
)
def test_equal_requests_share_a_key(changed: dict[str, Any]) -> None:
    assert key(**changed) == key()
    assert hash(key(**changed)) == hash(key())


@pytest.mark.parametrize(
    "changed",
    [
        {"audience": "some"},
        {"query": "subscription S { b }"},
        {"operation_name": None},
        {"variables": None},
        {"variables": {"x": {"b": [None, 1], "a": 2**70}}},
        {"variables": {"x": {"b": [True, None], "a": 2**70}}},
        {"variables": {"x": {"b": ["1", None], "a": 2**70}}},
        {"variables": {"x": {"b": [1, None], "a": 2**70}, "y": None}},
        {"extensions": None},
    ],
)
def test_different_requests_have_different_keys(changed: dict[str, Any]) -> None:
    assert key(**changed) != key()
