"""Base classes of the generated types, and the functions that read them.

A newer server may send more than this version knows. New fields are ignored, new enum values become members, and a
result or event of an unknown type is read as the interface `AnalysisResult` or `Event`.
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
    """An enum of the API. An unknown value, as a newer server may send, becomes a member of that name."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        return member


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An output type of the API. The fields have the schema's names in snake case."""


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An analyzer's input. The server has a default for every field that is left out."""

    ANALYZER: ClassVar[str]


def read(type_: type[TypeT], value: object) -> TypeT:
    """Convert a value of a response to its type. Raises msgspec.ValidationError if the value does not fit."""
    return msgspec.convert(value, type_)


@cache
def fields(type_: type[Shape]) -> Mapping[str, str]:
    """Return the GraphQL selection of each of a type's fields, by the field's name in the schema."""
    hints = typing.get_type_hints(type_)
    found = {}
    for field in msgspec.structs.fields(type_):
        shape = _shape_in(hints[field.name])
        found[field.encode_name] = f"{field.encode_name} {selection(shape)}" if shape else field.encode_name
    return found


def selection(type_: type[Shape]) -> str:
    """Return the GraphQL selection set of all of a type's fields."""
    return f"{{ {' '.join(fields(type_).values())} }}"


def _shape_in(hint: Any) -> type[Shape] | None:
    """Return the output type in a field's annotation, also inside a list or an optional. None if there is none."""
    if isinstance(hint, type) and issubclass(hint, Shape):
        return hint
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is list:
        return next((found for part in typing.get_args(hint) if (found := _shape_in(part))), None)
    return None


def narrow_result(analysis: Any, types_: Mapping[str, type[Shape]]) -> None:
    """Read an analysis's result as its own type, if this version has that type and the result fits.

    A plug-in of the server may have a type of the same name with other fields. Its result stays an `AnalysisResult`.
    """
    result = analysis.result
    narrow = None if result is None else types_.get(result.typename)
    if narrow is None or isinstance(result, narrow) or not isinstance(result.data, dict):
        return
    every = {"__typename": result.typename, **{name: getattr(result, name) for name in ("score", "tags", "summary")}}
    with suppress(msgspec.ValidationError):
        own = msgspec.convert({**result.data, **every, "data": result.data}, narrow)
        msgspec.structs.force_setattr(analysis, "result", own)
