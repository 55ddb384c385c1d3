"""How an analyzer's models are written for clients: the names of their fields in camelCase, and nothing else changed.

Models name their fields in snake_case. Where a field holds JSON of the caller's own shape, the keys in it are the
caller's too: names are exchanged along the model, never by looking at keys alone.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from execution.errors import ClientError, ErrorCode


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """`top_words` as `topWords`; digits stay as they are."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


@cache
def names_of(model: type[BaseModel]) -> Mapping[str, str]:
    """A model's fields by the names that clients see. Raises TypeError where two have the same."""
    names = {camel(name): name for name in model.model_fields}
    if len(names) < len(model.model_fields):
        raise TypeError(f"two fields of {model.__name__} have the same name in camelCase")
    return names


def plain(annotation: Any) -> Any:
    """An annotation without `Annotated` and without None."""
    while True:
        arguments = get_args(annotation)
        if get_origin(annotation) is Annotated:
            annotation = arguments[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            rest = [each for each in arguments if each is not types.NoneType]
            if len(rest) != 1:
                return annotation
            annotation = rest[0]
        else:
            return annotation


def _member(annotation: Any) -> Any:
    """What a list holds, where that is models or lists of models; else None."""
    annotation = plain(annotation)
    if get_origin(annotation) not in (list, Sequence, tuple):
        return None
    member = plain(get_args(annotation)[0])
    return member if is_model(member) or _member(member) is not None else None


def is_model(annotation: Any) -> bool:
    """Whether this is a model, which clients see as a type of its own."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


Read = Callable[[Any], Any]


def reader(annotation: Any) -> Read:
    """What makes of a client's value for this the same with the names of its model; a null for what has a default is
    left out. Made once, since a batch has thousands of values.

    It raises ClientError for a number that is infinite: graphql-core lets it pass in a document (`1e999`).
    """
    annotation = plain(annotation)
    if is_model(annotation):
        return _model_reader(annotation)
    member = _member(annotation)
    return _finite if member is None else _list_reader(reader(member))


@cache
def _model_reader(model: type[BaseModel]) -> Read:
    fields: dict[str, tuple[str, bool, Read]] = {}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            return _finite(value)
        if not fields:  # not before it is needed: a model may hold itself
            for written, name in names_of(model).items():
                field = model.model_fields[name]
                fields[written] = (name, field.is_required(), reader(field.annotation))
        exchanged: dict[str, Any] = {}
        for key, each in value.items():
            name, is_required, read_field = fields[key]
            if type(each) in _LEAVES:
                exchanged[name] = each
            elif each is not None or is_required:
                exchanged[name] = read_field(each)
        return exchanged

    return read


def _list_reader(read: Read) -> Read:
    return lambda value: [read(each) for each in value] if isinstance(value, list) else _finite(value)


def _finite(value: Any) -> Any:
    for number in value if isinstance(value, list) else (value,):
        if isinstance(number, float) and not math.isfinite(number):
            raise ClientError(ErrorCode.BAD_USER_INPUT, "Numbers are finite: one of these is too large for a Float.")
    return value


def write(value: Any, annotation: Any) -> Any:
    """JSON of this, with the names that clients see."""

    def exchange(kept: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
        fields = model.model_fields
        return {
            camel(name): write(each, fields[name].annotation if name in fields else None) for name, each in kept.items()
        }

    return _along(value, annotation, exchange)


def writer(annotation: Any) -> Callable[[Any], Any]:
    """`write` for values of one annotation, of which there are many: what to exchange is looked up once."""
    annotation = plain(annotation)
    if is_model(annotation):
        return _model_writer(annotation)
    member = _member(annotation)
    if member is None:
        return _as_it_is
    write_member = writer(member)
    return lambda value: [write_member(each) for each in value] if isinstance(value, list) else value


@cache
def _model_writer(model: type[BaseModel]) -> Callable[[Any], Any]:
    fields: dict[str, tuple[str, Callable[[Any], Any]]] = {}

    def write_model(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if not fields:  # not before it is needed: a model may hold itself
            fields.update({name: (camel(name), writer(field.annotation)) for name, field in model.model_fields.items()})
        written = {}
        for name, each in value.items():
            camel_name, write_field = fields.get(name) or (camel(name), _as_it_is)
            written[camel_name] = each if write_field is _as_it_is else write_field(each)
        return written

    return write_model


def _as_it_is(value: Any) -> Any:
    return value


def _along(value: Any, annotation: Any, exchange: Callable[[dict[str, Any], type[BaseModel]], dict[str, Any]]) -> Any:
    if not isinstance(value, dict | list):
        return value
    annotation = plain(annotation)
    if isinstance(value, dict) and is_model(annotation):
        return exchange(value, annotation)
    if isinstance(value, list) and (member := _member(annotation)) is not None:
        return [_along(each, member, exchange) for each in value]
    return value


def write_instant(value: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


_LEAVES = frozenset({str, int, bool})


def write_model(value: Any) -> Any:
    """The JSON of a model, or of anything that may hold some, with the names that clients see."""
    if value is None or type(value) in _LEAVES:
        return value
    if isinstance(value, BaseModel):
        return {camel(name): write_model(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {str(key): write_model(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [write_model(each) for each in value]
    return to_jsonable_python(value)


def untyped(value: Any) -> Any:
    """JSON of an analyzer that is gone: without its models, keys in snake_case are taken for names of fields."""
    if isinstance(value, dict):
        return {camel(key): untyped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [untyped(each) for each in value]
    return value


def path(location: Sequence[str | int], annotation: Any) -> list[str]:
    """The place of a fault within a model, as pydantic gives it, with the names that clients see."""
    written = []
    for part in location:
        annotation = plain(annotation)
        if isinstance(part, str) and is_model(annotation) and part in annotation.model_fields:
            written.append(camel(part))
            annotation = annotation.model_fields[part].annotation
        else:
            written.append(str(part))
            annotation = _member(annotation)
    return written


def options_schema(request: type[BaseModel], content_field: str) -> dict[str, Any]:
    """JSON Schema of a request without its content, with the names that clients see."""
    schema = request.model_json_schema()
    definitions = schema.pop("$defs", {})
    for each in (schema, *definitions.values()):
        if "properties" in each:
            each["properties"] = {camel(name): one for name, one in each["properties"].items()}
            each["required"] = [camel(name) for name in each.get("required", ())]
    properties = schema["properties"]
    del properties[camel(content_field)]
    for name, field in request.model_fields.items():
        if isinstance(field.default, BaseModel) and camel(name) in properties:
            properties[camel(name)]["default"] = write_model(field.default)
    schema["title"] = f"{request.__name__} options"
    schema["required"] = [name for name in schema["required"] if name in properties]
    if used := _definitions_of(schema, definitions):
        schema["$defs"] = used
    return schema


def _definitions_of(schema: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the definitions that the schema refers to, and that these refer to."""
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(waiting.pop())):
            if name not in used:
                used[name] = definitions[name]
                waiting.append(used[name])
    return used
