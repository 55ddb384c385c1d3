"""Messages about invalid values: in words of our own, with the value's state and the bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    NaiveDatetime,
    PastDate,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from analyzers.base import Request
from analyzers.faults import OTHER, RULES, rule, sentence
from analyzers.registry import load_analyzers
from tests.api.trial_package import SurveyRequest


class Color(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Finite = Annotated[float, Field(allow_inf_nan=False)]
Money = Annotated[Decimal, Field(max_digits=3, decimal_places=1)]
Strict = Field(strict=True)

# An annotation, a value, the error type, and the message.
CASES: list[tuple[Any, Any, str, str]] = [
    (str, 5, "string_type", "is 5: it must be a text."),
    (str, None, "string_type", "is null: it must be a text."),
    (Annotated[str, MinLen(1)], "", "string_too_short", "is empty: it must have at least 1 character."),
    (Annotated[str, MinLen(3)], "ab", "string_too_short", "has 2 characters: it must have at least 3 characters."),
    (
        Annotated[str, MaxLen(1_000)],
        "x" * 1_001,
        "string_too_long",
        "has 1,001 characters: it must have at most 1,000 characters.",
    ),
    (Annotated[str, Field(pattern="^a+$")], "b", "string_pattern_mismatch", 'is "b": it must match the pattern ^a+$.'),
    (int, "many", "int_parsing", 'is "many": it must be a whole number.'),
    (int, "m" * 50, "int_parsing", "is a text of 50 characters: it must be a whole number."),
    (int, [1], "int_type", "is a list: it must be a whole number."),
    (int, 1.5, "int_from_float", "is 1.5: it must be a whole number."),
    (int, "9" * 5_000, "int_parsing_size", "is a text of 5,000 characters: it must have fewer digits."),
    (Annotated[int, Ge(1)], 0, "greater_than_equal", "is 0: it must be at least 1."),
    (Annotated[int, Le(1_000)], 2_000, "less_than_equal", "is 2,000: it must be at most 1,000."),
    (Annotated[int, Le(1)], 10**40, "less_than_equal", "is a large number: it must be at most 1."),
    (Annotated[float, Gt(0)], 0, "greater_than", "is 0: it must be greater than 0."),
    (Annotated[float, Lt(0.5)], 2.0, "less_than", "is 2: it must be less than 0.5."),
    (Annotated[int, MultipleOf(5)], 7, "multiple_of", "is 7: it must be a multiple of 5."),
    (float, {}, "float_type", "is an object: it must be a number."),
    (float, "x", "float_parsing", 'is "x": it must be a number.'),
    (Finite, float("inf"), "finite_number", "is inf: it must be a finite number."),
    (Money, "12.34", "decimal_max_digits", 'is "12.34": it must have 3 or fewer digits.'),
    (Money, "1.23", "decimal_max_places", 'is "1.23": it must have 1 or fewer decimal places.'),
    (Money, "x", "decimal_parsing", 'is "x": it must be a number.'),
    (bool, "maybe", "bool_parsing", 'is "maybe": it must be true or false.'),
    (bool, [], "bool_type", "is a list: it must be true or false."),
    (Annotated[int, Strict], True, "int_type", "is true: it must be a whole number."),
    (None, 5, "none_required", "is 5: it must be null."),
    (Color, "GREEN", "enum", "is \"GREEN\": it must be 'RED' or 'BLUE'."),
    (Literal["a", "b"], 5, "literal_error", "is 5: it must be 'a' or 'b'."),
    (list[int], 5, "list_type", "is 5: it must be a list."),
    (Annotated[list[int], MinLen(1)], [], "too_short", "is empty: it must have at least 1 entry."),
    (Annotated[list[int], MaxLen(2)], [1, 2, 3], "too_long", "has 3 entries: it must have at most 2 entries."),
    (dict[str, int], [], "dict_type", "is a list: it must be an object."),
    (Part, "x", "model_type", 'is "x": it must be an object.'),
    (date, "x", "date_from_datetime_parsing", 'is "x": it must be a date such as 2026-01-31.'),
    (PastDate, "2999-01-01", "date_past", 'is "2999-01-01": it must be in the past.'),
    (datetime, "x", "datetime_from_date_parsing", 'is "x": it must be a time such as 2026-01-31T09:30:00Z.'),
    (datetime, [], "datetime_type", "is a list: it must be a time such as 2026-01-31T09:30:00Z."),
    (AwareDatetime, "2026-01-31T00:00", "timezone_aware", 'is "2026-01-31T00:00": it must have a time zone.'),
    (NaiveDatetime, "2026-01-31T00:00Z", "timezone_naive", 'is "2026-01-31T00:00Z": it must have no time zone.'),
    (timedelta, "x", "time_delta_parsing", 'is "x": it must be a duration such as PT1H30M.'),
    (UUID, "x", "uuid_parsing", 'is "x": it must be a UUID such as 0b6e2a4c-7d1f-4c3a-9b52-3e8f1a2d4c5b.'),
    (AnyUrl, "x", "url_parsing", 'is "x": it must be a URL such as https://example.org/path.'),
    (Json, "{", "json_invalid", 'is "{": it must be valid JSON.'),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        {"kind": "cow"},
        "union_tag_invalid",
        "is an object: it must have one of these as 'kind': 'cat', 'dog'.",
    ),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        {},
        "union_tag_not_found",
        "is an object: it must have a 'kind'.",
    ),
]


def faults(check: Any, value: Any) -> list[dict[str, Any]]:
    try:
        check(value)
    except ValidationError as error:
        return [dict(each) for each in error.errors(include_url=False)]
    return []


@pytest.mark.parametrize(("annotation", "value", "kind", "message"), CASES, ids=[case[2] for case in CASES])
def test_a_message_has_the_state_and_the_bound(annotation: Any, value: Any, kind: str, message: str) -> None:
    (fault,) = faults(TypeAdapter(annotation).validate_python, value)
    assert fault["type"] == kind
    assert sentence("name", fault) == f"`name` {message}"
    assert rule(fault) == message.partition(": ")[2]


def test_messages_about_fields() -> None:
    found = faults(Part.model_validate, {"weight": 5})
    assert [sentence(fault["loc"][-1], fault) for fault in found] == [
        "`size` is missing: it must be given.",
        "`weight` is unknown: it must be left out.",
    ]


def test_the_words_of_an_author_are_kept() -> None:
    def refuse(value: int) -> int:
        if value == 1:
            raise ValueError("One is taken.")
        if value == 2:
            raise AssertionError("two is taken")
        raise PydanticCustomError("mine", "{number} is taken", {"number": value})

    check = TypeAdapter(Annotated[int, AfterValidator(refuse)]).validate_python
    found = [fault for value in (1, 2, 3) for fault in faults(check, value)]
    assert [sentence("value", fault) for fault in found] == [
        "`value`: One is taken.",
        "`value`: two is taken.",
        "`value`: 3 is taken.",
    ]


def test_every_error_type_of_pydantic_has_words() -> None:
    types = get_args(ErrorType)  # earlier versions of pydantic have fewer
    own = {"value_error", "assertion_error"}
    of_python = set(types) - set(RULES) - own
    words = ("argument", "attribute", "instance", "subclass", "callable", "frozen", "factory", "sentinel", "ellipsis")
    others = {
        "iteration_error",
        "needs_python_object",
        "recursion_depth_exceeded",
        "dataclass_exact_type",
        "string_sub_type",
    }
    assert {each for each in of_python if not any(word in each for word in words)} <= others
    for kind in of_python:
        assert rule({"type": kind, "msg": "Pydantic's words", "input": 5}) == f"it {OTHER}."


JUNK = [None, True, -1, 10**9, 1.5, float("inf"), "", " ", "x", "x" * 1_000_001, [], [None], ["x"] * 101, {}, {"x": 1}]


def junk_for(model: type[Request]) -> Iterator[Mapping[str, Any]]:
    """Yield requests with an invalid value in each field, and in each field of objects in it."""
    yield from ({}, {"unknown": 1})
    for name, field in model.model_fields.items():
        yield from ({name: value} for value in JUNK)
        yield from ({name: [value]} for value in JUNK)
        for inner in [field.annotation, *get_args(field.annotation)]:
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                objects = [{each: value} for each in inner.model_fields for value in JUNK]
                yield from ({name: each} for each in objects)
                yield from ({name: [each]} for each in objects)


MODELS = [*(analyzer.request for analyzer in load_analyzers().values()), SurveyRequest]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_message_about_a_request_has_the_words_of_pydantic(model: type[Request]) -> None:
    seen = set()
    for value in junk_for(model):
        for fault in faults(model.model_validate, value):
            seen.add(fault["type"])
            message = sentence(str(fault["loc"][-1]), fault)
            assert message.endswith(".")
            if fault["type"] in get_args(ErrorType) and fault["type"] != "value_error":
                assert fault["type"] in RULES
                assert fault["msg"].rstrip(".") not in message
            assert not any(word in message for word in ("Input should", "should have", "valid ", "Field required"))
    assert {"missing", "extra_forbidden", "list_type", "enum", "too_short", "too_long"} <= seen
