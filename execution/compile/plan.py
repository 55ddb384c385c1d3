"""The plan of an operation: the merged fields of each object type, and how to read each field.

graphql-core collects the fields, with the values of the variables in `@skip` and `@include`: such an operation has a
plan for each combination of these values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    DirectiveNode,
    GraphQLError,
    GraphQLObjectType,
    Node,
    OperationType,
    VariableNode,
    default_field_resolver,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import collect_fields

from execution.strawberry_parts import Attribute, Function, read_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import DocumentNode, FieldNode, GraphQLField
    from graphql.execution import Executor as Operation
    from graphql.execution.collect_fields import FieldDetailsList

MAX_FIELDS = 500
"""Most fields of a plan, counted once for each object type. Compilation takes 50 ms for 500, as validation does."""

INTROSPECTION = frozenset({"__schema", "__type"})


class Unsupported(Exception):
    """graphql-core must run the operation. The message is the reason in `/metrics`."""


@dataclass(frozen=True, slots=True)
class Named:
    """A field without a resolver: a key of a dict, an attribute, or a method with the field's name."""

    name: str


@dataclass(frozen=True, slots=True)
class Resolver:
    """A resolver with the signature of graphql-core."""

    call: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Typename:
    """The field `__typename`."""


Read = Attribute | Function | Named | Resolver | Typename


@dataclass(slots=True, eq=False)
class FieldPlan:
    """A selected field of an object type."""

    key: str
    """The name in the answer: the alias if the field has one."""
    definition: GraphQLField
    nodes: list[FieldNode]
    parent: GraphQLObjectType
    read: Read
    objects: Mapping[str, ObjectPlan] = field(default_factory=dict)
    """The selected objects by type name; several for an interface or a union, none for a leaf."""
    columns: dict[str, frozenset[str] | None] = field(default_factory=dict)
    """By type name, what `columns_of` has found."""


@dataclass(slots=True, eq=False)
class ObjectPlan:
    """The selected fields of one object type, in the order of the answer."""

    type: GraphQLObjectType
    fields: list[FieldPlan]


@dataclass(slots=True, eq=False)
class Plan:
    """The plan of one operation."""

    root: ObjectPlan
    serial: bool
    """Whether each root field waits for the end of the one before: a mutation."""


def conditions(document: DocumentNode) -> tuple[str, ...]:
    """Return the names of the variables in `@skip` and `@include`, sorted."""
    found: set[str] = set()
    nodes: list[Node] = [document]
    while nodes:
        node = nodes.pop()
        if isinstance(node, DirectiveNode) and node.name.value in ("skip", "include"):
            values = [each.value for each in node.arguments or ()]
            found.update(each.name.value for each in values if isinstance(each, VariableNode))
            continue
        for key in node.keys:
            child = getattr(node, key, None)
            children = child if isinstance(child, (list, tuple)) else [child]
            nodes.extend(each for each in children if isinstance(each, Node))
    return tuple(sorted(found))


def make_plan(operation: Operation[Any]) -> Plan:
    """Return the plan of an operation with these values of its conditions. Raises Unsupported."""
    root = operation.schema.get_root_type(operation.operation.operation)
    if root is None:
        raise Unsupported("unsupported")
    if any(each.variable_signatures for each in operation.fragments.values()):
        raise Unsupported("unsupported")
    try:
        collected = collect_fields(
            operation.schema, operation.fragments, operation.variable_values, root, operation.operation
        )
        made = _Planner(operation).object(root, None, collected.grouped_field_set)
    except (GraphQLError, RecursionError):
        raise Unsupported("unsupported") from None
    return Plan(made, operation.operation.operation is OperationType.MUTATION)


class _Planner:
    def __init__(self, operation: Operation[Any]) -> None:
        self._operation = operation
        self._made: dict[Any, ObjectPlan] = {}
        self._fields = 0

    def object(
        self, type_: GraphQLObjectType, parent: GraphQLObjectType | None, fields: Mapping[str, FieldDetailsList]
    ) -> ObjectPlan:
        self._fields += len(fields)
        if self._fields > MAX_FIELDS:
            raise Unsupported("too_large")
        planned = (self._field(type_, key, details) for key, details in fields.items())
        return ObjectPlan(type_, [each for each in planned if each is not None])

    def _field(self, parent: GraphQLObjectType, key: str, details: FieldDetailsList) -> FieldPlan | None:
        nodes = [each.node for each in details]
        name = nodes[0].name.value
        if name in INTROSPECTION:
            raise Unsupported("introspection")
        definition = self._operation.schema.get_field(parent, name)
        if definition is None:
            return None
        planned = FieldPlan(key, definition, nodes, parent, self._read(definition, name))
        named = get_named_type(definition.type)
        if not is_leaf_type(named):
            types: Any = self._operation.schema.get_possible_types(named) if is_abstract_type(named) else [named]
            planned.objects = {each.name: self._below(each, parent, details) for each in types}
        return planned

    def _below(self, type_: GraphQLObjectType, parent: GraphQLObjectType, details: FieldDetailsList) -> ObjectPlan:
        # One plan for equal selections: fragments on interfaces inside one another would double them at each level.
        key = type_, parent, tuple(id(each.node) for each in details)
        if key not in self._made:
            collected = self._operation.collect_subfields(type_, details)
            self._made[key] = self.object(type_, parent, collected.grouped_field_set)
        return self._made[key]

    def _read(self, definition: GraphQLField, name: str) -> Read:
        if name == "__typename":
            return Typename()
        if definition.resolve is None:
            default = self._operation.field_resolver
            return Named(name) if default is default_field_resolver else Resolver(default)
        return read_of(self._operation.schema, definition) or Resolver(definition.resolve)
