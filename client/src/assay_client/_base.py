"""What the generated types are made of.

An answer may say more than this version knows: a field that is new is passed over, a new value of an enum is kept as a
member of its own, a result or an event of an unknown type has what every one has.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

import msgspec

TypeT = TypeVar("TypeT")


class Name(StrEnum):
    """An enum of the API. A value that only a newer server has is a member too, and is named as it is."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A type of the API. Its fields are named as in the graph, in snake case."""


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What an analyzer reads. What is not given is left to the server's defaults."""

    ANALYZER: ClassVar[str]


def read(type_: type[TypeT], value: object) -> TypeT:
    """A value of an answer, as its type. Raises msgspec.ValidationError where it does not fit."""
    return msgspec.convert(value, type_)


@cache
def fields(type_: type[Shape]) -> Mapping[str, str]:
    """What fills a type: each field by its name in the graph, as it is selected there."""
    hints = typing.get_type_hints(type_)
    found = {}
    for field in msgspec.structs.fields(type_):
        shape = _shape_in(hints[field.name])
        found[field.encode_name] = f"{field.encode_name} {selection(shape)}" if shape else field.encode_name
    return found


def selection(type_: type[Shape]) -> str:
    """The GraphQL selection set that fills a type."""
    return f"{{ {' '.join(fields(type_).values())} }}"


def _shape_in(hint: Any) -> type[Shape] | None:
    """The type of the API in a field's annotation: itself, or below a list or an optional."""
    if isinstance(hint, type) and issubclass(hint, Shape):
        return hint
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is list:
        return next((found for part in typing.get_args(hint) if (found := _shape_in(part))), None)
    return None


def narrow_result(analysis: Any, types_: Mapping[str, type[Shape]]) -> None:
    """Read an analysis's result as its own type, where this version has that type and the result fits it.

    A server's plug-in may have a type of the same name and another shape: then it stays what every result is.
    """
    result = analysis.result
    narrow = None if result is None else types_.get(result.typename)
    if narrow is None or isinstance(result, narrow) or not isinstance(result.data, dict):
        return
    every = {"__typename": result.typename, **{name: getattr(result, name) for name in ("score", "tags", "summary")}}
    with suppress(msgspec.ValidationError):
        own = msgspec.convert({**result.data, **every, "data": result.data}, narrow)
        msgspec.structs.force_setattr(analysis, "result", own)
