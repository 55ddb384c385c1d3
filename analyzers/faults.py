"""The words for invalid values: pydantic's error types as sentences with the state of the value and the rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

# Characters of a text that a message repeats.
_REPEATED = 40
# Larger numbers are not repeated.
_LARGE = 10**30
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_FINITE = "must be a finite number"
_BOOLEAN = "must be true or false"
_TEXT = "must be a text"
_LIST = "must be a list"
_OBJECT = "must be an object"
_DATE = "must be a date such as 2026-01-31"
_TIME = "must be a time of day such as 09:30:00"
_INSTANT = "must be a time such as 2026-01-31T09:30:00Z"
_DURATION = "must be a duration such as PT1H30M"
_UUID = "must be a UUID such as 0b6e2a4c-7d1f-4c3a-9b52-3e8f1a2d4c5b"
_URL = "must be a URL such as https://example.org/path"
OTHER = "must have the form that its description gives"

# By error type, the rule after "it". Names in braces are of the error's context. Pydantic's other types are about
# objects and calls of Python: no text and no JSON causes them.
RULES: Mapping[str, str] = {
    "missing": "must be given",
    "extra_forbidden": "must be left out",
    "invalid_key": "must have texts as names",
    "none_required": "must be null",
    "json_invalid": "must be valid JSON",
    "json_type": "must be JSON in a text",
    "recursion_loop": "must not contain itself",
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "dataclass_type": _OBJECT,
    "named_tuple_type": _OBJECT,
    "dict_type": _OBJECT,
    "frozen_dict_type": _OBJECT,
    "ordered_dict_type": _OBJECT,
    "counter_type": _OBJECT,
    "mapping_type": _OBJECT,
    "list_type": _LIST,
    "deque_type": _LIST,
    "tuple_type": _LIST,
    "set_type": _LIST,
    "frozen_set_type": _LIST,
    "iterable_type": _LIST,
    "set_item_not_hashable": "must be a text, a number, true, false or null",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "finite_number": _FINITE,
    "too_short": "must have at least {min_length}",
    "too_long": "must have at most {max_length}",
    "string_type": _TEXT,
    "string_unicode": "must be a text in Unicode",
    "string_too_short": "must have at least {min_length}",
    "string_too_long": "must have at most {max_length}",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "string_not_ascii": "must have ASCII characters only",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": "must have fewer digits",
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "decimal_max_digits": "must have {max_digits} or fewer digits",
    "decimal_max_places": "must have {decimal_places} or fewer decimal places",
    "decimal_whole_digits": "must have {whole_digits} or fewer digits before the decimal point",
    "fraction_type": _NUMBER,
    "fraction_parsing": _NUMBER,
    "complex_type": _NUMBER,
    "complex_str_parsing": _NUMBER,
    "bytes_type": _TEXT,
    "bytes_too_short": "must have at least {min_length}",
    "bytes_too_long": "must have at most {max_length}",
    "bytes_invalid_encoding": "must be encoded in {encoding}",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "date_past": "must be in the past",
    "date_future": "must be in the future",
    "time_type": _TIME,
    "time_parsing": _TIME,
    "datetime_type": _INSTANT,
    "datetime_parsing": _INSTANT,
    "datetime_object_invalid": _INSTANT,
    "datetime_from_date_parsing": _INSTANT,
    "datetime_past": "must be in the past",
    "datetime_future": "must be in the future",
    "timezone_naive": "must have no time zone",
    "timezone_aware": "must have a time zone",
    "timezone_offset": "must have the time zone that its description gives",
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "union_tag_invalid": "must have one of these as {discriminator}: {expected_tags}",
    "union_tag_not_found": "must have a {discriminator}",
    "url_type": _URL,
    "url_parsing": _URL,
    "url_syntax_violation": _URL,
    "url_too_long": "must have at most {max_length} characters",
    "url_scheme": "must begin with {expected_schemes}",
    "uuid_type": _UUID,
    "uuid_parsing": _UUID,
    "uuid_version": "must be a UUID of version {expected_version}",
}
# Types of errors with the words of a validator's author, behind these words of pydantic.
_OWN = {"value_error": "Value error, ", "assertion_error": "Assertion failed, "}
_KNOWN = frozenset(get_args(ErrorType)) - set(_OWN)
_UNITS = {"string": "character", "bytes": "byte", "too": "entry"}


def sentence(name: str, detail: Mapping[str, Any]) -> str:
    """Return a sentence about one of `ValidationError.errors()`: the state of the value of this name, and the rule."""
    kind = detail["type"]
    state = f" {_state(kind, detail['input'], detail.get('ctx', {}))}" if kind in _KNOWN else ""
    return f"`{name}`{state}: {rule(detail)}"


def rule(detail: Mapping[str, Any]) -> str:
    """Return the rule that a value breaks, "it must be at most 100.", or the words of a validator's author."""
    kind = detail["type"]
    if kind not in _KNOWN:
        return f"{str(detail['msg']).removeprefix(_OWN.get(kind, '')).rstrip('.')}."
    context = {name: _plain(value) for name, value in detail.get("ctx", {}).items()}
    unit = _UNITS.get(kind.partition("_")[0])
    for bound in ("min_length", "max_length"):
        if bound in context and unit is not None and kind.endswith(("_short", "_long")):
            context[bound] = _count(detail["ctx"][bound], unit)
    try:
        return f"it {RULES.get(kind, OTHER).format_map(context)}."
    except KeyError:  # another version of pydantic has another context
        return f"it {OTHER}."


def _state(kind: str, value: object, context: Mapping[str, Any]) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is unknown"
    unit = _UNITS.get(kind.partition("_")[0])
    if unit is not None and kind.endswith(("_short", "_long")):
        length = context.get("actual_length")
        if length is None and isinstance(value, str | bytes | list | dict):
            length = len(value)
        return "has another length" if length is None else f"has {_count(length, unit)}" if length else "is empty"
    if isinstance(value, str):
        return f'is "{value}"' if len(value) <= _REPEATED else f"is a text of {len(value):,} characters"
    if value is None or isinstance(value, bool):
        return f"is {'null' if value is None else str(value).lower()}"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < _LARGE):
        return f"is {_plain(value)}"
    return _STATES.get(type(value), "has another form")


_STATES = {list: "is a list", dict: "is an object", int: "is a large number"}


def _count(count: int, unit: str) -> str:
    many = "entries" if unit == "entry" else f"{unit}s"
    return f"{count:,} {unit if count == 1 else many}"


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
