"""Decoders of stored results: msgspec reads them as pydantic does, in a fifth of the time.

A decoder is made from the core schema of a result model, and covers the whole model: a selection alone can't tell
whether pydantic would refuse the rest of a result, which then has another type for clients. A decoder accepts nothing
that pydantic refuses, and its values are equal to pydantic's. It refuses many texts that pydantic accepts, such as
numbers in quotes and results of earlier versions: pydantic reads these.

A model with anything else than the plain types below has no decoder: for example one with validators, unions, regular
expressions, or itself as a part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Optional

import msgspec
import orjson
import structlog
from pydantic import BaseModel

log = structlog.stdlib.get_logger(__name__)

MOST_OPENED = 150
"""Most arrays and objects of a text with JSON of any shape: pydantic refuses more than 200 levels, msgspec more."""

_FINE_TIME = re.compile(r":\d\d\.\d{7}")
"""A time finer than a microsecond: pydantic cuts it, msgspec rounds it."""

_BOUNDS = ("ge", "gt", "le", "lt")
_LENGTHS = ("min_length", "max_length")
_IGNORED = frozenset({"type", "ref", "metadata"})
_CONFIG = ("title", "extra_fields_behavior", "loc_by_alias", "validate_by_name", "validate_by_alias")
_OWN = ("__getattribute__", "model_dump", "model_validate_json")
"""Methods by which a model could change its reading or writing."""


class Decoded(msgspec.Struct):
    """A decoded result, or a part of one. It has the attributes of its model."""

    __model__: ClassVar[type[BaseModel] | None] = None


class NotDecodable(Exception):
    """The model has something that msgspec does not read as pydantic does."""


@cache
def decoder_of(model: type[BaseModel]) -> Callable[[str], Decoded | None]:
    """Return the decoder of a model. It returns None for a text that pydantic has to read."""
    shape = _Shape()
    try:
        decode = msgspec.json.Decoder(shape.type_of(model.__pydantic_core_schema__)).decode
    except Exception as reason:
        log.info("pydantic reads the results of a model", model=model.__name__, reason=str(reason))
        return lambda _: None

    def read(text: str) -> Decoded | None:
        try:
            found: Decoded = decode(text)
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            return None
        return None if shape.unsure(text) else found

    return read


def is_of(value: object, model: type[BaseModel]) -> bool:
    """Return whether a value is of a model: made by pydantic, or decoded."""
    return type(value) is model or getattr(type(value), "__model__", None) is model


def as_json(decoded: Decoded) -> Any:
    """Return the JSON of a decoded result in the clients' spelling: text for the answer, or values."""
    try:
        return orjson.Fragment(msgspec.json.encode(decoded))
    except OverflowError:  # an integer beyond 64 bits
        return msgspec.to_builtins(decoded)


_well_formed = msgspec.json.Decoder(msgspec.Raw).decode


def stored_json(text: str) -> orjson.Fragment:
    """Return stored JSON as text for the answer, without making its values. Raises DecodeError if it is no JSON."""
    _well_formed(text)
    return orjson.Fragment(text)


class _Shape:
    """Translates a core schema of pydantic into a type of msgspec. Raises NotDecodable."""

    def __init__(self) -> None:
        self._definitions: dict[str, Any] = {}
        self._made: dict[type, Any] = {}
        self._open: set[Any] = set()
        self._any = self._times = False

    def unsure(self, text: str) -> bool:
        """Return whether pydantic must read a text that the decoder accepts."""
        if self._any and text.count("[") + text.count("{") > MOST_OPENED:
            return True
        return self._times and _FINE_TIME.search(text) is not None

    def type_of(self, node: Mapping[str, Any]) -> Any:
        translate = _TRANSLATORS.get(node["type"])
        if translate is None:
            raise NotDecodable(f"a schema of type {node['type']}")
        return translate(self, node)

    def _definitions_of(self, node: Mapping[str, Any]) -> Any:
        _require(node, "schema", "definitions")
        self._definitions.update({each["ref"]: each for each in node["definitions"]})
        return self.type_of(node["schema"])

    def _reference(self, node: Mapping[str, Any]) -> Any:
        _require(node, "schema_ref")
        ref = node["schema_ref"]
        if ref in self._open:
            raise NotDecodable("a model that contains itself")
        self._open.add(ref)
        found = self.type_of(self._definitions[ref])
        self._open.discard(ref)
        return found

    def _model(self, node: Mapping[str, Any]) -> Any:
        _require(node, "cls", "schema", "config", "custom_init", "root_model", "frozen", "generic_origin")
        model, fields, config = node["cls"], node["schema"], node.get("config", {})
        if model in self._made:
            return self._made[model]
        _require(config, *_CONFIG)
        _require(fields, "fields", "model_name", "computed_fields")
        if node.get("custom_init") or node.get("root_model") or fields.get("computed_fields"):
            raise NotDecodable("a constructor, a root model or a computed field")
        own = model.__mro__[: model.__mro__.index(BaseModel)]
        if config.get("validate_by_alias") is False or any(name in vars(each) for each in own for name in _OWN):
            raise NotDecodable("its own way to read or to write")
        members = [self._field(name, field) for name, field in fields["fields"].items()]
        names = {name: _name_of(name, field) for name, field in fields["fields"].items()}
        self._made[model] = msgspec.defstruct(
            model.__name__,
            members,
            bases=(Decoded,),
            namespace={"__model__": model},
            rename=names,
            kw_only=True,
            forbid_unknown_fields=True,
            gc=False,
        )
        return self._made[model]

    def _field(self, name: str, field: Mapping[str, Any]) -> Any:
        _require(field, "schema", "validation_alias", "serialization_alias", "frozen")
        node = field["schema"]
        if node["type"] != "default":
            return name, self.type_of(node)
        _require(node, "schema", "default", "default_factory", "default_factory_takes_data", "copy_default")
        made, default = self.type_of(node["schema"]), node.get("default", node.get("default_factory"))
        value = default() if default in (list, dict) else default
        if not _is_usual(value, made):
            return name, made  # required: pydantic reads a text without it
        return name, made, msgspec.field(default_factory=type(value)) if value in ([], {}) else value

    def _nullable(self, node: Mapping[str, Any]) -> Any:
        _require(node, "schema")
        return Optional[self.type_of(node["schema"])]  # noqa: UP045 - the type is known only now

    def _list(self, node: Mapping[str, Any]) -> Any:
        _require(node, "items_schema", *_LENGTHS)
        return _limited(list[self._items(node.get("items_schema"))], node)  # type: ignore[misc]

    def _tuple(self, node: Mapping[str, Any]) -> Any:
        _require(node, "items_schema", "variadic_item_index", *_LENGTHS)
        if node.get("variadic_item_index") != 0 or len(node["items_schema"]) != 1:
            raise NotDecodable("a tuple of several types")
        return _limited(tuple[self._items(node["items_schema"][0]), ...], node)  # type: ignore[misc]

    def _dict(self, node: Mapping[str, Any]) -> Any:
        _require(node, "keys_schema", "values_schema", *_LENGTHS)
        if node.get("keys_schema", {}).keys() - _IGNORED or node["keys_schema"]["type"] != "str":
            raise NotDecodable("a dictionary with keys other than texts")
        return _limited(dict[str, self._items(node.get("values_schema"))], node)  # type: ignore[misc]

    def _items(self, node: Mapping[str, Any] | None) -> Any:
        return self.type_of({"type": "any"} if node is None else node)

    def _anything(self, node: Mapping[str, Any]) -> Any:
        _require(node)
        self._any = True
        return Any

    def _datetime(self, node: Mapping[str, Any]) -> Any:
        _require(node, "microseconds_precision")
        if node.get("microseconds_precision", "truncate") != "truncate":
            raise NotDecodable("rounded times")
        self._times = True
        return datetime

    def _enum(self, node: Mapping[str, Any]) -> Any:
        _require(node, "cls", "members", "sub_type")
        if node.get("sub_type") != "str":
            raise NotDecodable("an enum of other values than texts")
        return node["cls"]

    def _literal(self, node: Mapping[str, Any]) -> Any:
        _require(node, "expected")
        if not all(type(each) is str for each in node["expected"]):
            raise NotDecodable("constants other than texts")
        return Literal[tuple(node["expected"])]

    def _plain(self, node: Mapping[str, Any]) -> Any:
        type_, keys = _PLAIN[node["type"]]
        _require(node, *keys)
        return _limited(type_, node)


_PLAIN: Mapping[str, tuple[type, tuple[str, ...]]] = {
    "str": (str, _LENGTHS),
    "int": (int, _BOUNDS),
    "float": (float, (*_BOUNDS, "allow_inf_nan")),
    "bool": (bool, ()),
}
_TRANSLATORS: Mapping[str, Callable[[_Shape, Mapping[str, Any]], Any]] = {
    **dict.fromkeys(_PLAIN, _Shape._plain),
    "definitions": _Shape._definitions_of,
    "definition-ref": _Shape._reference,
    "model": _Shape._model,
    "nullable": _Shape._nullable,
    "list": _Shape._list,
    "tuple": _Shape._tuple,
    "dict": _Shape._dict,
    "any": _Shape._anything,
    "datetime": _Shape._datetime,
    "enum": _Shape._enum,
    "literal": _Shape._literal,
}


def _require(node: Mapping[str, Any], *known: str) -> None:
    """Raise NotDecodable for a schema with other keys than the known ones."""
    if unknown := node.keys() - _IGNORED - {*known}:
        raise NotDecodable(f"a schema with {', '.join(sorted(unknown))}")


def _is_usual(default: Any, type_: Any) -> bool:
    """Return whether a default is a value of the type, and can be shared or is empty."""
    if isinstance(default, list | dict) and default:
        return False
    try:
        return type(msgspec.convert(default, type_)) is type(default)
    except msgspec.ValidationError:
        return False


def _limited(type_: Any, node: Mapping[str, Any]) -> Any:
    """Return the type with the limits of a schema."""
    limits = {key: node[key] for key in (*_BOUNDS, *_LENGTHS) if node.get(key) is not None}
    return Annotated[type_, msgspec.Meta(**limits)] if limits else type_


def _name_of(name: str, field: Mapping[str, Any]) -> str:
    """Return the name of a field in JSON: the first that pydantic reads, if pydantic writes it too."""
    read = field.get("validation_alias", name)
    if isinstance(read, list):
        read = read[0][0] if isinstance(read[0], list) and len(read[0]) == 1 else None
    if read is None or read != field.get("serialization_alias", name):
        raise NotDecodable("a field with different names to read and to write")
    return str(read)
