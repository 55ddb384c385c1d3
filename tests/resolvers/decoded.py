"""Random JSON near the shape of a model, and the contents of results for comparison."""

from __future__ import annotations

import json
import types
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from random import Random
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from resolvers.decoders import Decoded

TEXTS = ["", "a", "é", "😀", "ab", '"', "\\", "a\nb", "\x7f", "\u2028", "abc", "topWords", "1", "null"]
NUMBERS = [
    *("0", "1", "-1", "0.5", "-0", "-0.0", "1.0", "1e0", "1E+2", "1e-3", "10", "500", "500.0", "501", "2147483648"),
    *("9007199254740993", "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e400", "1e-400"),
    *("123456789012345678901234567890", "0.1", "0.30000000000000004", "5e-324", "2.2250738585072011e-308", "9" * 400),
    *("01", "1.", ".5", "+1", "NaN", "-Infinity", "1e", "0x1", "1_0"),
]
TIMES = [
    *("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.123456Z", "2026-11-21T10:00:00.1234567Z", "2026-11-21t10:00:00z"),
    *("2026-11-21 10:00:00+01:00", "2026-11-21T10:00:00", "2026-11-21", "2026-11-21T10:00Z", "2026-11-21T24:00:00Z"),
    *("2026-11-21T10:00:60Z", "2026-11-21T10:00:00.9999999-23:59", "0001-01-01T00:00:00+14:00", "1700000000"),
    *("9999-12-31T23:59:59.999999-01:00", "2026-02-29T10:00:00Z", "2026-11-21T10:00:00,5Z", "2026-11-21T10:00:00+0100"),
]
OTHERS = [*NUMBERS[:20], "true", "false", "null", "[]", "{}", "[[]]", '{"a":1}', '"\\ud800"', '"\\ud83d\\ude00"', "tru"]


def contents(value: Any) -> Any:
    """Return the contents of a value with the types of its parts: equal for a decoded result and pydantic's."""
    if isinstance(value, Decoded):
        assert value.__model__ is not None
        return value.__model__, [(name, contents(getattr(value, name))) for name in value.__struct_fields__]
    if isinstance(value, BaseModel):
        return type(value), [(name, contents(getattr(value, name))) for name in type(value).model_fields]
    if isinstance(value, list | tuple):
        return type(value), [contents(each) for each in value]
    if isinstance(value, dict):
        return dict, [(key, contents(each)) for key, each in value.items()]
    if isinstance(value, datetime):  # pydantic has a class of its own for offsets
        return datetime, value.replace(tzinfo=None), value.utcoffset()
    return type(value), repr(value)


class Object(list[list[Any]]):
    """The members of an object: pairs of a name and a value. A name may be there twice."""


class Maker:
    """Makes random JSON. A value is a text, a list of values, or an `Object`."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def text_near(self, annotation: Any, limits: Sequence[Any] = ()) -> str:
        """Return a text of the type's JSON: often a valid one, otherwise with a few changes."""
        value = [self.value(annotation, limits)]
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2, 4])):
            self._change(value)
        text = _written(value[0], self.random.choice([",", " ,\n"]))
        if self.random.random() < 0.05:
            place = self.random.randrange(len(text) + 1)
            text = (
                text[:place]
                + self.random.choice(["", " ", '"', "\\", "[", "}", ",", "\x00", "\ufeff"])
                + text[place + 1 :]
            )
        return text

    def value(self, annotation: Any, limits: Sequence[Any] = ()) -> Any:
        """Return a value of a type. A number is within the limits."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.value(arguments[0], arguments[1:])
        if origin in (Union, types.UnionType):
            return self.value(self.random.choice(arguments), limits)
        if origin is Literal:
            return json.dumps(self.random.choice(arguments))
        if origin in (list, tuple):
            return [self.value(arguments[0]) for _ in range(self.random.randint(0, 3))]
        if origin is dict:
            return Object(
                [json.dumps(str(each)), self.value(arguments[1])] for each in range(self.random.randint(0, 2))
            )
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            return Object(
                [json.dumps(field.alias or name), self.value(field.annotation, field.metadata)]
                for name, field in fields
            )
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return json.dumps(self.random.choice([*annotation]).value)
        return self._plain(annotation, limits)

    def _plain(self, annotation: Any, limits: Sequence[Any]) -> Any:
        if annotation is types.NoneType:
            return "null"
        if annotation is bool:
            return self.random.choice(["true", "false"])
        if annotation is str:
            return self.string()
        if annotation is datetime:
            offset = timezone(timedelta(minutes=self.random.choice([0, 0, 60, -330])))
            return json.dumps(datetime.fromtimestamp(self.random.uniform(0, 4e9), UTC).astimezone(offset).isoformat())
        if annotation in (int, float):
            bounds = {
                name: getattr(limit, name)
                for limit in limits
                for name in ("ge", "gt", "le", "lt")
                if hasattr(limit, name)
            }
            low, high = bounds.get("ge", bounds.get("gt", -3)), bounds.get("le", bounds.get("lt", 300))
            made = self.random.randint(int(low), int(high)) if annotation is int else self.random.uniform(low, high)
            return json.dumps(made)
        return self.random.choice([*OTHERS[:-5], self.string()])

    def string(self) -> str:
        """Return a string with escapes, or without."""
        text = self.random.choice(TEXTS)
        return json.dumps(text, ensure_ascii=self.random.random() < 0.5)

    def _change(self, value: Any) -> None:
        """Change something in a list or an object."""
        place = self.random.randrange(len(value)) if value else 0
        inner = value[place][1] if value and isinstance(value, Object) else value[place] if value else None
        if isinstance(inner, list) and inner and self.random.random() < 0.7:
            return self._change(inner)
        other = self.random.choice([*OTHERS, *NUMBERS, *map(json.dumps, TIMES), self.string(), *map(json.dumps, TEXTS)])
        if not isinstance(value, Object):
            value[place : place + 1] = [other]
            return None
        kind = self.random.random()
        if kind < 0.6 and value:
            value[place][1] = other
        elif kind < 0.7 and value:
            del value[place]
        elif kind < 0.8 and value:
            value.append([value[place][0], other])
        elif kind < 0.9:
            value.insert(place, [json.dumps(self.random.choice(["other", "tree_age", "best_tree"])), other])
        else:
            self.random.shuffle(value)
        return None


def _written(value: Any, comma: str) -> str:
    if isinstance(value, Object):
        return "{" + comma.join(f"{name}:{_written(each, comma)}" for name, each in value) + "}"
    if isinstance(value, list):
        return "[" + comma.join(_written(each, comma) for each in value) + "]"
    return str(value)
