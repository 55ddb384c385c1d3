"""The members of a request: valid, absent and invalid ones."""

from __future__ import annotations

from typing import Any

import pytest

from execution.errors import BadRequest
from execution.requests import OperationRequest, parse_request

TEXT = "{ hello }"


def test_each_member_is_used_unchanged() -> None:
    variables, extensions = {"n": [1, None, {"a": 1.5}]}, {"trace": True}
    request = parse_request(
        {"query": TEXT, "operationName": "One", "variables": variables, "extensions": extensions, "id": 7}
    )
    assert request == OperationRequest(TEXT, "One", variables, extensions)
    assert request.variables is variables
    assert request.extensions is extensions


@pytest.mark.parametrize("payload", [{}, dict.fromkeys(("query", "operationName", "variables", "extensions"))])
def test_null_is_the_same_as_absent(payload: dict[str, Any]) -> None:
    assert parse_request(payload) == OperationRequest(None, None, None, None)


def test_empty_members_are_not_absent() -> None:
    payload: dict[str, Any] = {"query": "", "operationName": "", "variables": {}, "extensions": {}}
    assert parse_request(payload) == OperationRequest("", "", {}, {})


@pytest.mark.parametrize("payload", [None, "x", "", 1, 0, 1.5, True, False, float("nan")], ids=repr)
def test_a_request_must_be_an_object(payload: object) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(payload)
    assert refused.value.code == "BAD_REQUEST"
    assert refused.value.message == "The request must be a JSON object."


@pytest.mark.parametrize("payload", [[], [{"query": TEXT}], [{"query": TEXT}] * 1_000], ids=len)
def test_lists_of_operations_are_refused(payload: list[Any]) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request(payload)
    assert refused.value.code == "BATCHING_NOT_SUPPORTED"
    assert refused.value.message == "Several operations in one request are not supported: send one object."


NOT_STRINGS: tuple[object, ...] = (7, 0, 1.5, True, False, [], ["x"], {}, {"a": 1})
NOT_OBJECTS: tuple[object, ...] = (7, 0, 1.5, True, False, "", "{}", [], [["a", 1]])


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        *((name, value, "a string") for name in ("query", "operationName") for value in NOT_STRINGS),
        *((name, value, "an object") for name in ("variables", "extensions") for value in NOT_OBJECTS),
    ],
    ids=repr,
)
def test_members_of_the_wrong_type_are_refused(name: str, value: object, wanted: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_request({"query": TEXT, name: value})
    assert refused.value.code == "BAD_REQUEST"
    assert refused.value.message == f"`{name}` must be {wanted} or null."
    assert refused.value.extensions == {}
