"""The parts of Strawberry that its documentation does not promise, all used here: check them with each upgrade."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import strawberry
from graphql import specified_rules
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.arguments import convert_arguments
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.lazy_type import LazyType
from strawberry.utils.await_maybe import await_maybe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLField, GraphQLSchema
    from graphql.pyutils import Path

    from execution.compile.plan import FieldPlan

__all__ = [
    "AT_ONCE",
    "FIRST",
    "RULES",
    "Attribute",
    "Function",
    "LightInfo",
    "StrawberryGraphQLCoreExecutionContext",
    "await_maybe",
    "core_schema",
    "definition_of",
    "is_awaitable",
    "metadata_of",
    "read_of",
]

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
"""The validation rules of Strawberry's own `execute`."""

FIRST = "first"
"""Key in the metadata of a field of `Query`: a function of the context, awaited before all fields of the operation."""

AT_ONCE: Mapping[str, bool] = {"at_once": True}
"""Metadata of a field whose asynchronous resolver usually ends without a wait, so that no task is made for it before.

The resolver may begin in one task and continue in another: before its first wait it enters no timeout and no TaskGroup.
"""

_MADE_BY = f"{GraphQLCoreConverter.from_resolver.__qualname__}.<locals>."


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field that reads an attribute of its source."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A resolver without Strawberry's wrapper.

    Its positional argument is the source if `takes_self`. `source` and `info` are the names of the arguments for the
    source and for Strawberry's info, if it has them.
    """

    call: Callable[..., Any]
    takes_self: bool = False
    source: tuple[str, ...] = ()
    info: str | None = None
    is_async: bool = False
    """Whether each call returns a coroutine."""
    at_once: bool = False
    """Whether the coroutine usually ends without a wait: see AT_ONCE."""
    field: Any = None
    convert: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None
    """Turns graphql-core's arguments and an info into the function's keyword arguments. None without arguments."""
    converts_with_info: bool = False
    """Whether `convert` uses the info."""


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema behind Strawberry's."""
    return schema._schema


def definition_of(field: GraphQLField) -> StrawberryField:
    """Return Strawberry's definition of a field of graphql-core's schema."""
    definition: StrawberryField = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return definition


def metadata_of(definition: GraphQLField) -> dict[Any, Any]:
    """Return the metadata of a field; empty if Strawberry did not make it."""
    field = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return dict(getattr(field, "metadata", {}))


def read_of(schema: GraphQLSchema, definition: GraphQLField) -> Attribute | Function | None:
    """Return the attribute or the function behind a field's resolver; None if the resolver may do more.

    Strawberry's wrapper does nothing else for a field of its own class without extensions (permissions are extensions)
    in a schema without handlers of exceptions.
    """
    field, resolve = definition.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF), definition.resolve
    owner: strawberry.Schema | None = getattr(schema, "_strawberry_schema", None)
    if type(field) is not StrawberryField or owner is None or owner.exception_handlers or field.extensions:
        return None
    made = getattr(resolve, "__qualname__", "")
    if field.is_subscription and made.endswith("from_field.<locals>.<lambda>"):
        return Function(lambda event: event, takes_self=True)
    if made == f"{_MADE_BY}_get_basic_result":
        return Attribute(field.python_name) if owner.config.default_resolver is getattr else None
    if made not in (f"{_MADE_BY}_resolver", f"{_MADE_BY}_async_resolver") or field.base_resolver is None:
        return None
    resolver = field.base_resolver
    if not callable(resolver.wrapped_func) or owner.config.info_class is not strawberry.Info:
        return None
    config, scalars = owner.config, owner.schema_converter.scalar_registry

    def convert(values: dict[str, Any], info: Any) -> dict[str, Any]:
        return convert_arguments(values, field.arguments, scalars, config, info)

    sources = (resolver.parent_parameter, resolver.root_parameter)
    return Function(
        resolver.wrapped_func,
        takes_self=resolver.self_parameter is not None,
        source=tuple(dict.fromkeys(each.name for each in sources if each is not None)),
        info=resolver.info_parameter.name if resolver.info_parameter else None,
        is_async=inspect.iscoroutinefunction(resolver.wrapped_func),
        at_once=field.metadata.get("at_once", False),
        field=field,
        convert=convert if field.arguments else None,
        converts_with_info=any(not _is_simple(each.type) for each in field.arguments),
    )


def _is_simple(type_: Any) -> bool:
    """Return whether values of the type are scalars, enums, or lists of these."""
    if isinstance(type_, (StrawberryList, StrawberryOptional)):
        return _is_simple(type_.of_type)
    if isinstance(type_, LazyType):
        return False
    return isinstance(type_, StrawberryEnumDefinition) or not hasattr(type_, "__strawberry_definition__")


class LightInfo(strawberry.Info[Any, Any]):
    """Strawberry's info of a field, which makes graphql-core's info when a resolver needs more than context or path.

    `run` has `context`, `path(position)` and `site_info(site, position)`.
    """

    def __init__(self, field: Any, run: Any, site: Any, position: Any) -> None:
        self._field = field
        self._run = run
        self._site = site
        self._position = position

    @cached_property
    def _raw_info(self) -> Any:  # type: ignore[override]
        return self._run.site_info(self._site, self._position)

    @property
    def context(self) -> Any:
        """The context of the operation."""
        return self._run.context

    @property
    def plan(self) -> FieldPlan:
        """The plan of the field: what is selected below it."""
        found: FieldPlan = self._site.plan
        return found

    @property
    def path(self) -> Path:
        """The path of the field."""
        found: Path = self._run.path(self._position)
        return found
