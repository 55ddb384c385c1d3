"""Counting the pairs of fields that validation will compare: fields at one place of the answer.

Fields of one response name in one selection set are merged, and validation compares their selections with each other.
Repetition inside repetition therefore multiplies: `q { q { q … } q … } q { … }`, each twice and 8 deep, takes
validation most of a second. This module walks the selection sets as they are merged. It visits each set of merged
fields once, even if several paths lead to it, and each such set of several fields counts as at least one pair. The cost
is therefore bounded by the fields of the document and the limit, even if fragments double or spread themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphql import DocumentNode, SelectionSetNode


def repeated_pairs(document: DocumentNode, limit: int) -> int:
    """Return the pairs of fields at one response path, over all operations and fragments. Stop beyond `limit`."""
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    reached: set[str] = set()
    merged: set[frozenset[int]] = set()
    pairs = 0
    for start in _starts(document, fragments, reached):
        groups = [[start]]
        while groups:
            for fields in _by_response_name(groups.pop(), fragments, reached):
                key = frozenset(map(id, fields))
                if key in merged:
                    continue
                merged.add(key)
                pairs += len(fields) * (len(fields) - 1) // 2
                if pairs > limit:
                    return pairs
                groups.append([each.selection_set for each in fields if each.selection_set])
    return pairs


def _starts(
    document: DocumentNode, fragments: dict[str, FragmentDefinitionNode], reached: set[str]
) -> Iterator[SelectionSetNode]:
    """Yield the selection sets of the operations, then of the fragments that none before has reached."""
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            yield definition.selection_set
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            name = definition.name.value
            if name not in reached or fragments[name] is not definition:
                yield definition.selection_set


def _by_response_name(
    group: list[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode], reached: set[str]
) -> Iterable[list[FieldNode]]:
    """Return the merged fields of these selection sets, each fragment once, since it can't conflict with itself."""
    names: dict[str, list[FieldNode]] = {}
    spread: set[str] = set()
    while group:
        for selection in group.pop().selections:
            if isinstance(selection, FieldNode):
                names.setdefault((selection.alias or selection.name).value, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                group.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = fragments.get(selection.name.value)
                if fragment is not None and fragment.name.value not in spread:
                    spread.add(fragment.name.value)
                    group.append(fragment.selection_set)
    reached |= spread
    return names.values()
