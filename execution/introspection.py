"""Answers to introspection, kept as bytes: GraphiQL and code generators send the same few documents again and again.

An operation without variables that selects only `__schema`, `__type` and `__typename` has an answer that depends on
nothing but its document and the schema.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
)

from execution.limits import INTROSPECTION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphql import DocumentNode, SelectionSetNode

MAX_BYTES = 4 << 20
"""Bytes of kept answers and their documents: GraphiQL's answer has 200 KB."""


def introspections(document: DocumentNode) -> frozenset[str | None]:
    """Return the names of the operations that only introspect, without variables. The document is valid."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    return frozenset(
        operation.name.value if operation.name else None
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        and operation.operation is OperationType.QUERY
        and not operation.variable_definitions
        and all(name in INTROSPECTION or name == "__typename" for name in fields_of(operation.selection_set, fragments))
    )


def fields_of(node: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[str]:
    """Yield the names of the fields in a selection set, each fragment once."""
    open_sets, spread = [node], set()
    while open_sets:
        for selection in open_sets.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection.name.value
            elif isinstance(selection, FragmentSpreadNode):
                if selection.name.value not in spread:
                    spread.add(selection.name.value)
                    open_sets.append(fragments[selection.name.value].selection_set)
            elif isinstance(selection, InlineFragmentNode):
                open_sets.append(selection.selection_set)


class Introspections:
    """The kept answers of one schema, by document and operation name. The least recently used one leaves first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[str, str | None], bytes] = OrderedDict()
        self.bytes = 0

    def get(self, text: str, name: str | None) -> bytes | None:
        """Return the answer to the operation; None if it is not kept."""
        found = self._kept.get((text, name))
        if found is not None:
            self._kept.move_to_end((text, name))
        return found

    def keep(self, text: str, name: str | None, answer: bytes) -> None:
        """Keep an answer."""
        self._kept[text, name] = answer
        self.bytes += len(text) + len(answer)
        while self.bytes > self._max_bytes:
            (oldest, _), dropped = self._kept.popitem(last=False)
            self.bytes -= len(oldest) + len(dropped)
