"""Coercion of variables by functions that are made once for each input type.

graphql-core looks up the type of every value again, which takes most of a second for a batch of 10,000 items. The
functions made here coerce values of the usual form, with the same result as graphql-core. Unusual values, and
therefore all invalid ones, are left to graphql-core unchanged: every error is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

from graphql import (
    DocumentNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
)
from graphql.execution import create_source_event_stream
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.type import is_required_input_field
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_literal

from execution.slices import Sliced
from execution.strawberry_parts import await_maybe

Coerce = Callable[[Any], Any]

# Values of exactly these classes are coerced to themselves.
_UNCHANGED: dict[Any, type] = {
    GraphQLString.coerce_input_value: str,
    GraphQLID.coerce_input_value: str,
    GraphQLBoolean.coerce_input_value: bool,
}
# The other types of JSON than lists and null: in place of a list, such a value is a list of one.
_SINGLE = frozenset({dict, str, int, float, bool})


class Unusual(Exception):
    """graphql-core must coerce or refuse the value."""


class Coercion:
    """The functions of one schema. Safe to share: two functions for one type are equivalent."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._made: dict[str, Coerce | None] = {}

    def values(self, operation: OperationDefinitionNode, inputs: dict[str, Any]) -> VariableValues:
        """Return the result of graphql-core's `get_variable_values` for these inputs; raise Unusual to defer to it."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for definition in operation.variable_definitions or ():
            signature = get_variable_signature(self._schema, definition)
            if isinstance(signature, GraphQLError):
                raise Unusual
            name, type_ = signature.name, signature.type
            value = inputs.get(name, Undefined)
            if value is not Undefined:
                sources[name] = VariableValueSource(signature, value)
                coerced[name] = self._of(type_)(value)
                continue
            sources[name] = VariableValueSource(signature)
            if definition.default_value is not None:
                coerced[name] = _certain(coerce_input_literal, definition.default_value, type_)
            elif isinstance(type_, GraphQLNonNull):
                raise Unusual
        return VariableValues(sources, coerced)

    def function(self, type_: GraphQLInputObjectType) -> Coerce:
        """Return a function that coerces a value of this type, or raises Unusual to leave it to graphql-core."""
        return self._required(type_)

    def _of(self, type_: Any) -> Coerce:
        if isinstance(type_, GraphQLNonNull):
            return self._required(type_.of_type)
        coerce = self._required(type_)
        return lambda value: None if value is None else coerce(value)

    def _required(self, type_: Any) -> Coerce:
        """Return the function for the values of a type, without null."""
        if isinstance(type_, GraphQLList):
            return _list(self._of(type_.of_type))
        name: str = type_.name
        if name not in self._made:
            self._made[name] = None  # during its construction: a recursive type may nest without end
            self._made[name] = self._object(type_) if isinstance(type_, GraphQLInputObjectType) else _leaf(type_)
        made = self._made[name]
        if made is None:
            raise Unusual
        return made

    def _object(self, type_: GraphQLInputObjectType) -> Coerce:
        fields = [
            (name, field.out_name or name, _unchanged(field.type), self._of(field.type), _default(field))
            for name, field in type_.fields.items()
        ]
        finish = None if type_.out_type is GraphQLInputObjectType.out_type else type_.out_type
        is_one_of = type_.is_one_of

        def coerce(value: Any) -> Any:
            if type(value) is not dict:
                raise Unusual
            coerced: dict[str, Any] = {}
            given = 0
            for name, out_name, unchanged, coerce_field, default in fields:
                each = value.get(name, Undefined)
                if each is Undefined:
                    if default is Unusual:
                        raise Unusual
                    if default is not Undefined:
                        coerced[out_name] = default
                else:
                    given += 1
                    coerced[out_name] = each if type(each) is unchanged else coerce_field(each)
            if given != len(value):  # some members are unknown
                raise Unusual
            if is_one_of and (given != 1 or len(coerced) != 1 or next(iter(coerced.values())) is None):
                raise Unusual
            return coerced if finish is None else _certain(finish, coerced)

        return coerce


def _list(coerce: Coerce) -> Coerce:
    def coerce_list(value: Any) -> list[Any]:
        if type(value) is list:
            return [coerce(each) for each in value]
        if type(value) in _SINGLE:
            return [coerce(value)]
        raise Unusual

    return coerce_list


def _leaf(type_: Any) -> Coerce:
    parse = type_.coerce_input_value

    def coerce(value: Any) -> Any:
        if value is None or value is Undefined:
            raise Unusual
        return _certain(parse, value)

    return coerce


def _certain(coerce: Callable[..., Any], *given: Any) -> Any:
    """Return the result of a function of graphql-core or Strawberry. Raise Unusual if it refuses the value."""
    try:
        coerced = coerce(*given)
    except Exception:
        raise Unusual from None
    if coerced is Undefined:
        raise Unusual
    return coerced


def _unchanged(type_: Any) -> type | None:
    """Return the class of values that a field accepts unchanged. None if there is none."""
    while isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    return _UNCHANGED.get(getattr(type_, "coerce_input_value", None))


def _default(field: GraphQLInputField) -> Any:
    """Return the value for a missing field: Undefined if it stays missing, Unusual if the field is required."""
    if is_required_input_field(field):
        return Unusual
    try:
        return coerce_default_value(field)
    except TypeError:
        return Unusual


class FastVariables(Sliced):
    """graphql-core's execution in time slices, with variables coerced by `coercion` if possible."""

    coercion: ClassVar[Coercion]

    @classmethod
    def of(cls, schema: GraphQLSchema) -> type[FastVariables]:
        """Return the execution context class of this schema."""
        return type(cls.__name__, (cls,), {"coercion": Coercion(schema)})

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        *more: Any,
        **named: Any,
    ) -> Any:
        """Build as the base class does. It gets the operation without variables, so that it has none to coerce."""

        def build(document: DocumentNode, inputs: dict[str, Any] | None) -> Any:
            return super(FastVariables, cls).build(
                schema, document, root_value, context_value, inputs, operation_name, *more, **named
            )

        operation = _operation(document, operation_name)
        if operation is None or not operation.variable_definitions:
            return build(document, raw_variable_values)
        try:
            values = cls.coercion.values(operation, raw_variable_values or {})
        except Unusual:
            return build(document, raw_variable_values)
        bare = replace(operation, variable_definitions=())
        definitions = tuple(bare if each is operation else each for each in document.definitions)
        built = build(replace(document, definitions=definitions), None)
        if isinstance(built, cls):
            built.operation, built.variable_values = operation, values
        return built

    async def source(self) -> Any:
        """Return the source stream of a subscription, or an ExecutionResult with the errors that prevent it."""
        return await await_maybe(create_source_event_stream(self))

    def on_event(self, event: object) -> FastVariables:
        """Return the operation for one event of a subscription."""
        built = self.build_per_event_executor(event)
        assert isinstance(built, FastVariables)
        return built


def without_variables(document: DocumentNode) -> DocumentNode:
    """Return the document without definitions of variables."""
    definitions = [
        replace(each, variable_definitions=()) if isinstance(each, OperationDefinitionNode) else each
        for each in document.definitions
    ]
    return replace(document, definitions=tuple(definitions))


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Return the operation with this name, or the only operation; None if there is no such operation."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        operations = [each for each in operations if each.name is not None and each.name.value == name]
    return operations[0] if len(operations) == 1 else None
