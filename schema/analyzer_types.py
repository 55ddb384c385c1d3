"""GraphQL types of analyzers: each adds a field to `AnalysisRequest` and an implementation of `AnalysisResult`.

An analyzer's request and result are pydantic models. A model becomes a GraphQL type of the same name, with the fields'
descriptions and defaults. A field with a default is optional for clients, and null means the default.
"""

from __future__ import annotations

import functools
import inspect
import math
import operator
import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from analyzers.base import Analyzer, Choice, Result, camel, names_of
from execution.errors import ClientError, ErrorCode
from resolvers.decoders import is_of
from resolvers.submissions import Requested
from schema.analyzers import AnalysisResult
from schema.scalars import JSON, describe

_TYPED = (str, int, float, bool, datetime, types.NoneType)
_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")


class AnalyzerTypes:
    """The GraphQL types of a set of analyzers. All references to a model share one type.

    Raises TypeError for a model that can't become a GraphQL type. A type name that is already taken shows only in the
    complete schema: its type of this name is not the one in `made`.
    """

    def __init__(self, analyzers: Mapping[str, Analyzer[Any, Any]]) -> None:
        self.made: dict[type, Any] = {}
        self._inputs: set[type] = set()
        self.results = [self._result(analyzer.result) for analyzer in analyzers.values()]
        self.request = self._request(analyzers)

    def _request(self, analyzers: Mapping[str, Analyzer[Any, Any]]) -> Any:
        """Return `AnalysisRequest`, a @oneOf input that is read as a `Requested`."""
        members = {
            name: (
                self._input(analyzer.request) | None,
                strawberry.field(name=name, description=analyzer.description),
            )
            for name, analyzer in analyzers.items()
        }
        made = strawberry.input(
            _new_class("AnalysisRequest", (), members),
            one_of=True,
            description=(
                "Selects the analyzer and carries its input. Exactly one field must be set. Each analyzer adds its own "
                "field."
            ),
        )

        requests: dict[str, type[BaseModel]] = {name: analyzer.request for name, analyzer in analyzers.items()}
        readers = {name: _model_reader(request) for name, request in requests.items()}

        def requested(_type: type, value: Mapping[str, Any], _context: object) -> Requested:
            name, given = next(iter(value.items()))
            return Requested(name, readers[name](given))

        made.__strawberry_definition__.from_input = requested  # type: ignore[attr-defined]
        return made

    def _result(self, model: type[Result]) -> Any:
        if model in self.made:
            return self.made[model]
        own = {name: field for name, field in model.model_fields.items() if name not in Result.model_fields}
        changed = {
            name
            for name, field in Result.model_fields.items()
            if model.model_fields[name].annotation != field.annotation
        }
        if taken := sorted(changed | (own.keys() & {"data"})):
            raise TypeError(f"{model.__name__} may not have fields of its own named {', '.join(taken)}")

        def is_type_of(value: object, _info: object) -> bool:
            return is_of(value, model)

        members = {name: self._output_field(model, name) for name in own}
        names_of(model)
        cls = _new_class(model.__name__, (AnalysisResult,), members, is_type_of=staticmethod(is_type_of))
        self.made[model] = strawberry.type(cls, description=_about(model))
        return self.made[model]

    def _output(self, model: type[BaseModel]) -> Any:
        if model in self._inputs:
            raise TypeError(f"{model.__name__} is in a request and in a result: GraphQL wants two types")
        if model not in self.made:
            members = {name: self._output_field(model, name) for name in names_of(model).values()}
            self.made[model] = strawberry.type(_new_class(model.__name__, (), members), description=_about(model))
        return self.made[model]

    def _output_field(self, model: type[BaseModel], name: str) -> tuple[Any, Any]:
        field = model.model_fields[name]
        annotation = self._annotation(field.annotation, self._output)
        return annotation, strawberry.field(name=camel(name), description=field.description)

    def _input(self, model: type[BaseModel]) -> Any:
        if model in self.made and model not in self._inputs:
            raise TypeError(f"{model.__name__} is in a request and in a result: GraphQL wants two types")
        if model not in self.made:
            self._inputs.add(model)
            members = {
                name: self._input_field(written, model.model_fields[name]) for written, name in names_of(model).items()
            }
            self.made[model] = strawberry.input(_new_class(model.__name__, (), members), description=_about(model))
        return self.made[model]

    def _input_field(self, written: str, field: FieldInfo) -> tuple[Any, Any]:
        annotation = self._annotation(field.annotation, self._input)
        if field.is_required():
            return annotation, strawberry.field(name=written, description=field.description)

        def default() -> Any:
            # Only the model applies the default of a JSON field: it has no GraphQL literal.
            return _default(field.get_default(call_default_factory=True)) if annotation is not JSON else None

        return annotation | None, strawberry.field(name=written, description=field.description, default_factory=default)

    def _annotation(self, annotation: Any, of_model: Callable[[type[BaseModel]], Any]) -> Any:
        """Return the type of a field, with GraphQL types in place of models and enums."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._annotation(arguments[0], of_model)
        if origin in (Union, types.UnionType):
            return functools.reduce(operator.or_, [self._annotation(each, of_model) for each in arguments])
        if origin in (list, Sequence, tuple):
            return list[self._annotation(arguments[0], of_model)]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return of_model(annotation)
        if isinstance(annotation, type) and issubclass(annotation, Choice):
            if annotation not in self.made:
                values = {member.name: member.description for member in annotation}
                self.made[annotation] = describe(annotation, _about(annotation), values)
            return annotation
        return annotation if annotation in _TYPED else JSON


Read = Callable[[Any], Any]


@functools.cache
def _model_reader(model: type[BaseModel]) -> Read:
    """Make the function that takes the nulls of fields with a default out of a client's value for a model.

    It raises ClientError for an infinite number: graphql-core accepts one in a document (`1e999`).
    """
    optional = frozenset(
        written for written, name in names_of(model).items() if not model.model_fields[name].is_required()
    )
    readers: dict[str, Read] | None = None

    def read(value: Any) -> Any:
        nonlocal readers
        if readers is None:  # made when first needed: a model may contain itself
            fields = {
                written: _reader(model.model_fields[name].annotation) for written, name in names_of(model).items()
            }
            readers = {written: read_field for written, read_field in fields.items() if read_field is not None}
        if not isinstance(value, dict):
            return value
        if None in value.values():
            value = {name: each for name, each in value.items() if each is not None or name not in optional}
        if readers:
            value = {name: readers[name](each) if name in readers else each for name, each in value.items()}
        return value

    return read


def _reader(annotation: Any) -> Read | None:
    """Make the function that reads a client's value for a field; None if it is used as it is."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _reader(arguments[0])
    if origin in (Union, types.UnionType):
        members = [each for each in arguments if each is not types.NoneType]
        return _reader(members[0]) if len(members) == 1 else None
    if origin in (list, Sequence, tuple):
        read = _reader(arguments[0])
        return None if read is None else lambda values: [read(each) for each in values] if values else values
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _model_reader(annotation)
    return _finite if annotation is float else None


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ClientError(ErrorCode.BAD_USER_INPUT, "Numbers are finite: one of these is too large for a Float.")
    return value


def _default(value: Any) -> Any:
    """Return a default in the form in which clients write it."""
    if isinstance(value, BaseModel):
        return {camel(name): _default(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, list | tuple):
        return [_default(each) for each in value]
    return value


def _new_class(name: str, bases: tuple[type, ...], members: Mapping[str, tuple[Any, Any]], **more: Any) -> type:
    if not _NAME.fullmatch(name):
        raise TypeError(f"{name} is no name for a GraphQL type")
    namespace = {"__annotations__": {field: annotation for field, (annotation, _) in members.items()}, **more}
    return type(name, bases, {**namespace, **{field: value for field, (_, value) in members.items()}})


def _about(cls: type) -> str:
    return inspect.cleandoc(cls.__doc__ or cls.__name__)
