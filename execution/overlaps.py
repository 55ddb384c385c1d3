"""How many pairs of fields validation will compare: those that stand at one place of the answer.

Fields with one response name in one selection set are merged, and what is below the one is compared with what is
below the other, so that repetition inside repetition multiplies: `q { q { q … } q … } q { … }`, each twice and 8 deep,
takes validation most of a second. So selection sets are gone through as they are merged. Fields that are merged are
gone through once, however many ways lead to them, and several of them are at least one pair: the cost is bounded by
the document's own fields and the limit, even where fragments double or spread themselves.
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
    """Pairs of fields at one response path, over all operations and fragments; counting ends beyond `limit`."""
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
    """The selection sets of the operations, then of the fragments that were not reached from what came before."""
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
    """The fields of these selection sets as they are merged, those of each fragment once: it agrees with itself."""
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
