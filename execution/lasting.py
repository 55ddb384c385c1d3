"""The marks of fields, and the reports of resolvers, by which answers are kept (`execution.answer_cache`).

An answer is kept only if its query consists of attributes and of fields that are marked with `lasting`. The resolver of
such a field gives the same value for the same object until the object changes, and reports each object or list from the
database to the `Reads` of its context. No other field is kept: a new resolver has no mark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

from execution.introspection import introspections
from execution.strawberry_parts import Attribute, metadata_of, read_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from graphql import DocumentNode, GraphQLObjectType, GraphQLSchema, SelectionSetNode

_LASTING = "lasting"


def lasting() -> dict[str, bool]:
    """Return the `metadata` of a Strawberry field with a resolver whose answers can be kept."""
    return {_LASTING: True}


class Reads:
    """The objects and lists that one operation has read, as tags of the app's choice. `viewer` identifies its caller.

    A tag is dropped at the next change of its object or list.
    """

    __slots__ = ("is_final", "tags", "viewer")

    def __init__(self, viewer: Hashable) -> None:
        self.viewer = viewer
        self.tags: set[str] = set()
        self.is_final = True
        """Whether nothing was read that changes without the drop of a tag."""

    def add(self, *tags: str) -> None:
        """Report objects or lists."""
        self.tags.update(tags)

    def changing(self) -> None:
        """Report an object that still changes: the answer is not kept."""
        self.is_final = False


def is_lasting(schema: GraphQLSchema, parent: GraphQLObjectType, name: str) -> bool:
    """Return whether a field of an object type is an attribute of its object, or marked with `lasting`."""
    if name == "__typename":
        return True
    definition = parent.fields.get(name)
    if definition is None:
        return False
    read = read_of(schema, definition)
    return isinstance(read, Attribute) or (read is not None and _LASTING in metadata_of(definition))


def lasting_queries(schema: GraphQLSchema, document: DocumentNode) -> frozenset[str | None]:
    """Return the names of the queries that read something, and lasting fields alone. The document is valid."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    walk = _Walk(schema, fragments)
    return frozenset(
        operation.name.value if operation.name else None
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        and operation.operation is OperationType.QUERY
        and walk.lasts(schema.query_type, operation.selection_set)
    ) - introspections(document)


class _Walk:
    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._known: dict[tuple[str, str], bool] = {}

    def lasts(self, type_: Any, selections: SelectionSetNode | None) -> bool:
        """Return whether all fields selected on an object, an interface or a union are lasting."""
        return all(self._selection(type_, each) for each in (selections.selections if selections else ()))

    def _selection(self, type_: Any, node: Any) -> bool:
        if isinstance(node, FieldNode):
            name = node.name.value
            if not all(is_lasting(self._schema, each, name) for each in self._objects(type_)):
                return False
            if name == "__typename":
                return True
            below = get_named_type(type_.fields[name].type)
            return is_leaf_type(below) or self.lasts(below, node.selection_set)
        if isinstance(node, InlineFragmentNode):
            condition = node.type_condition
            return self.lasts(self._schema.get_type(condition.name.value) if condition else type_, node.selection_set)
        assert isinstance(node, FragmentSpreadNode), "the document is valid"
        fragment = self._fragments[node.name.value]
        key = fragment.name.value, fragment.type_condition.name.value
        if key not in self._known:
            self._known[key] = self.lasts(self._schema.get_type(key[1]), fragment.selection_set)
        return self._known[key]

    def _objects(self, type_: Any) -> Iterator[GraphQLObjectType]:
        yield from self._schema.get_possible_types(type_) if is_abstract_type(type_) else (type_,)
