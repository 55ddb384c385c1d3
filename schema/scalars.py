"""The scalars, and how enums of the store get their descriptions."""

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

# RFC 3339: a date, a time to at most nanoseconds, and an offset that must be there.
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)")


def read_instant(value: object) -> datetime:
    """An aware datetime of an RFC 3339 text. Raises GraphQLError for anything else."""
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
    raise GraphQLError("BigInt is a whole number from -(2^53 - 1) to 2^53 - 1.")


def _read_json(value: object) -> object:
    """Raises GraphQLError for what can't be kept as it is: numbers beyond 64 bits, and what is nested without end."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise GraphQLError(f"JSON is nested at most {MAX_JSON_DEPTH} deep.")
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
            elif isinstance(each, float) and not math.isfinite(each):
                raise GraphQLError("JSON has no number that large.")
            elif isinstance(each, int) and not -(2**63) <= each < 2**64:
                raise GraphQLError("Whole numbers in JSON go from -(2^63) to 2^64 - 1.")
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
        description="An instant, RFC 3339, always in UTC, with milliseconds: 2026-11-21T10:00:00.000Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=write_instant,
        parse_value=read_instant,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description=(
            "Any JSON value. Used only where the shape is the caller's own: everything that this API shapes has a type."
        ),
        specified_by_url="https://ecma-international.org/publications-and-standards/standards/ecma-404/",
        serialize=_write_json,
        parse_value=_read_json,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description=(
            "A whole number up to 2^53 - 1, for byte counts and totals that outgrow Int. Sent as a JSON number."
        ),
        specified_by_url="https://tc39.es/ecma262/#sec-number.max_safe_integer",
        serialize=int,
        parse_value=_read_whole,
    ),
}


def describe(enum: EnumT, description: str, values: Mapping[str, str]) -> EnumT:
    """Make an enum of a lower room one of the schema, its name and every value described."""
    described = strawberry.enum(enum, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
    return described
