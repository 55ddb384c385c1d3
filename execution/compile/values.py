"""The parts of the compiled functions that do not depend on the selection: leaves, arguments, and checks of values."""

from __future__ import annotations

import dis
import inspect
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    Undefined,
    VariableNode,
)
from graphql.execution.values import get_argument_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import FieldNode, GraphQLField, GraphQLObjectType, Node

    from execution.compile.plan import FieldPlan


MAX_CLASSES = 500
"""Most classes that a program remembers as ordinary. Further ones are checked at each value."""

UNUSUAL: Mapping[Any, str] = {
    # The condition under which a value `{0}` needs graphql-core's own coercion.
    GraphQLString.coerce_output_value: "type({0}) is not str",
    GraphQLID.coerce_output_value: "type({0}) is not str",
    GraphQLBoolean.coerce_output_value: "{0} is not True and {0} is not False",
    GraphQLInt.coerce_output_value: "type({0}) is not int or not -2147483648 <= {0} <= 2147483647",
    GraphQLFloat.coerce_output_value: "type({0}) is not float or {0} - {0} != 0.0",  # not for infinity and NaN
}

_IMMUTABLE = (str, int, float, bool, type(None), Enum)


class GiveUp(Exception):
    """The value is unusual: graphql-core must complete the answer."""


class Site(NamedTuple):
    """A selected field, for infos."""

    definition: GraphQLField
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    plan: FieldPlan


class Classes:
    """The classes whose values are ordinary: neither None nor exceptions nor awaitables."""

    def __init__(self, is_awaitable: Callable[[Any], bool]) -> None:
        self.plain: set[type] = set()
        self._is_awaitable = is_awaitable

    def require(self, value: Any) -> None:
        """Raise GiveUp for an unusual value."""
        if self.awaits(value) or value is None or value is Undefined:
            raise GiveUp

    def awaits(self, value: Any) -> bool:
        """Return whether the value is awaitable. Raises GiveUp for an exception."""
        if isinstance(value, Exception):
            raise GiveUp
        if self._is_awaitable(value):
            return True
        if value is not None and value is not Undefined and len(self.plain) < MAX_CLASSES:
            self.plain.add(value.__class__)
        return False

    def leaf(self, coerce: Callable[[Any], Any], value: Any) -> Any:
        """Return the leaf that graphql-core makes of a value. Raises GiveUp for null."""
        if value.__class__ not in self.plain:
            self.require(value)
        coerced = coerce(value)
        if coerced is None or coerced is Undefined:
            raise GiveUp
        return coerced


def as_list(value: Any) -> list[Any]:
    """Return the list of a tuple. Raises GiveUp for other values: an iterator can be read only once."""
    if type(value) is tuple:
        return list(value)
    raise GiveUp


def object_of(choice: Mapping[str, Any], name: Any, run: Any) -> Any:
    """Return the function of the object type with this name. Raises GiveUp if there is none."""
    found = choice.get(name) if type(name) is str else None
    if found is None:
        run.leave(name)
        raise GiveUp
    return found


def refuse_type(is_type_of: Any, run: Any) -> None:
    """Raise GiveUp: a type has not accepted a value."""
    run.leave(is_type_of)
    raise GiveUp


def names_of_enum(type_: GraphQLEnumType) -> dict[Any, str]:
    """Return the names of an enum's values and of its Python members, as graphql-core gives them."""
    members = list(getattr(type_, "wrapped_cls", ()))
    names: dict[Any, str] = {}
    for value in [*members, *(each.value for each in type_.values.values())]:
        try:
            name = type_.coerce_output_value(value)
            if names.setdefault(value, name) != name:
                return {}
        except Exception:
            return {}
    return names


def ignores(function: Any, index: int) -> bool:
    """Return whether a Python function never reads the positional argument with this index."""
    if inspect.ismethod(function):
        function, index = function.__func__, index + 1
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return False
    code = function.__code__
    if index >= code.co_argcount:
        return False
    name = code.co_varnames[index]
    used: set[Any] = {*code.co_cellvars}
    for each in dis.get_instructions(function):
        if "FAST" in each.opname:  # one instruction may load two variables
            used.update(each.argval if isinstance(each.argval, tuple) else [each.argval])
    return name not in used and not {"locals", "eval", "exec"} & set(code.co_names)


class Arguments:
    """The arguments of one selected field."""

    def __init__(
        self,
        definition: GraphQLField,
        node: FieldNode,
        convert: Callable[[dict[str, Any], Any], dict[str, Any]] | None,
        converts_with_info: bool,
    ) -> None:
        self._definition = definition
        self._node = node
        self._convert = convert
        self._with_info = converts_with_info
        self.fixed = self._constant()
        """The arguments if they are the same for each run."""

    def of(self, run: Any, info: Any) -> dict[str, Any]:
        """Return the arguments of a run. Those that a resolver could change are made for each call."""
        kept: dict[str, Any] | None = run.arguments.get(self)
        if kept is not None:
            return kept
        operation = run.operation
        values = get_argument_values(
            self._definition, self._node, operation.variable_values, None, operation.hide_suggestions
        )
        values = values if self._convert is None else self._convert(values, info)
        if not self._with_info and _are_immutable(values):
            run.arguments[self] = values
        return values

    @property
    def needs_info(self) -> bool:
        """Whether the conversion of the arguments uses the info."""
        return self._with_info

    def _constant(self) -> dict[str, Any] | None:
        if self._with_info or any(_has_variable(each.value) for each in self._node.arguments or ()):
            return None
        try:
            values = get_argument_values(self._definition, self._node)
            values = values if self._convert is None else self._convert(values, None)
        except Exception:
            return None  # each run reports the error
        return values if _are_immutable(values) else None


def _are_immutable(values: dict[str, Any]) -> bool:
    return all(isinstance(each, _IMMUTABLE) for each in values.values())


def _has_variable(node: Node) -> bool:
    if isinstance(node, VariableNode):
        return True
    children = [getattr(node, "value", None), *getattr(node, "values", ()), *getattr(node, "fields", ())]
    return any(_has_variable(each) for each in children if hasattr(each, "keys"))
