"""The scalars, and the descriptions of enums that are defined in other packages."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NewType, TypeVar

import strawberry
from graphql import GraphQLError

from store.sql.clock import write_instant

EnumT = TypeVar("EnumT", bound=type[Enum])

MAX_JSON_DEPTH = 100

# RFC 3339: a date, a time with at most nine decimals of a second, and a required offset.
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def read_instant(value: object) -> datetime:
    """Return the UTC datetime of an RFC 3339 text, cut to microseconds. Raises GraphQLError for anything else."""
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        date, time, fraction, offset = match.groups()
        try:
            text = f"{date}T{time}.{(fraction or '0')[:6]:0<6}{offset.upper().replace('Z', '+00:00')}"
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError("DateTime is an RFC 3339 instant with an offset, such as 2026-11-21T10:00:00.000Z.")


def _read_whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return value
    raise GraphQLError("BigInt is an integer from -(2^53 - 1) to 2^53 - 1.")


def _read_json(value: object) -> object:
    """Return the value unchanged. Raises GraphQLError for numbers beyond 64 bits and more than 100 nested levels."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise GraphQLError(f"JSON has at most {MAX_JSON_DEPTH} nested levels.")
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
            elif isinstance(each, float) and not math.isfinite(each):
                raise GraphQLError("A number in JSON must be finite.")
            elif isinstance(each, int) and not -(2**63) <= each < 2**64:
                raise GraphQLError("An integer in JSON is from -(2^63) to 2^64 - 1.")
        level = below
    return value


def _write_json(value: object) -> object:
    """Resolvers return JSON in the clients' spelling."""
    return value


JSON = NewType("JSON", object)
BigInt = NewType("BigInt", int)

SCALARS: Mapping[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "A point in time: RFC 3339, always UTC, with milliseconds, for example 2026-11-21T10:00:00.000Z. "
            "Input may have any offset, but must have one."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=write_instant,
        parse_value=read_instant,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description=(
            "Any JSON value. Used only for data with a caller-defined shape; data with a shape defined by this API has "
            "a type. Input has at most 100 nested levels, and integers from -(2^63) to 2^64 - 1."
        ),
        specified_by_url="https://ecma-international.org/publications-and-standards/standards/ecma-404/",
        serialize=_write_json,
        parse_value=_read_json,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "An integer up to 2^53 - 1, for byte counts and totals beyond the range of Int. Serialized as a JSON "
            "number."
        ),
        specified_by_url="https://tc39.es/ecma262/#sec-number.max_safe_integer",
        serialize=int,
        parse_value=_read_whole,
    ),
}


def describe(enum: EnumT, description: str, values: Mapping[str, str]) -> EnumT:
    """Turn an enum of another package into a GraphQL enum, with a description of the enum and of each value."""
    described = strawberry.enum(enum, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
    return described
