"""The measures of documents, compared with those of the same document after a plain expansion of its fragments."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution.limits import Measurement
from execution.overlaps import repeated_pairs

pytestmark = pytest.mark.long

FRAGMENTS = 4

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # for a loaded machine

leaves = st.sampled_from(["a", "b", "a: b", "c @skip(if: true)", "a @x @y"])


def selections(spreads: list[str]) -> st.SearchStrategy[str]:
    """Generate the content of a selection set, which may contain these spreads."""

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(inner, min_size=1, max_size=3).map(" ".join)
        heads = st.sampled_from(["a", "q", "b: q", "...", "... on T @x", "__schema", "q @x"])
        return st.builds("{} {{ {} }}".format, heads, several)

    atoms = st.one_of(leaves, st.sampled_from(spreads)) if spreads else leaves
    return st.lists(st.recursive(atoms, deeper, max_leaves=6), min_size=1, max_size=4).map(" ".join)


@st.composite
def documents(draw: st.DrawFn, *, circular: bool = False) -> DocumentNode:
    names = [f"...F{number}" for number in range(FRAGMENTS)]
    parts = [f"fragment F{n} on T {{ {draw(selections(names if circular else names[:n]))} }}" for n in range(FRAGMENTS)]
    parts += [f"query A @x {{ {draw(selections(names))} }}", f"query B($v: Int @x) {{ {draw(selections(names))} }}"]
    return parse(" ".join(draw(st.permutations(parts))))


@dataclass
class Expanded:
    """Measures of one operation, as if each spread were replaced by its fragment."""

    fragments: dict[str, FragmentDefinitionNode]
    aliases: int = 0
    directives: int = 0
    selections: int = 0
    root_fields: int = 0

    def visit(self, node: SelectionSetNode, level: int = 0) -> None:
        """Count the selections of this set, which is inside of `level` fields."""
        for selection in node.selections:
            self.selections += 1
            self.directives += len(selection.directives or ())
            if isinstance(selection, InlineFragmentNode):
                self.visit(selection.selection_set, level)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                self.directives += len(fragment.directives or ())
                self.visit(fragment.selection_set, level)
            elif isinstance(selection, FieldNode):
                self.aliases += selection.alias is not None
                self.root_fields += level == 0
                if selection.selection_set:
                    self.visit(selection.selection_set, level + 1)


def depth_outside(node: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Return the levels of fields, without those below `__schema`."""
    deepest = 0
    for selection in node.selections:
        below = 0
        if isinstance(selection, FragmentSpreadNode):
            below = depth_outside(fragments[selection.name.value].selection_set, fragments)
        elif isinstance(selection, InlineFragmentNode):
            below = depth_outside(selection.selection_set, fragments)
        elif isinstance(selection, FieldNode):
            below = 1
            if selection.selection_set and selection.name.value != "__schema":
                below += depth_outside(selection.selection_set, fragments)
        deepest = max(deepest, below)
    return deepest


def paths(
    node: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], int]]:
    """Return the response path and the identity of each field."""
    found: list[tuple[tuple[str, ...], int]] = []
    for selection in node.selections:
        if isinstance(selection, FragmentSpreadNode):
            found += paths(fragments[selection.name.value].selection_set, fragments, path)
        elif isinstance(selection, InlineFragmentNode):
            found += paths(selection.selection_set, fragments, path)
        elif isinstance(selection, FieldNode):
            here = (*path, (selection.alias or selection.name).value)
            found.append((here, id(selection)))
            if selection.selection_set:
                found += paths(selection.selection_set, fragments, here)
    return found


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


def operations_of(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]


def nodes_of(node: SelectionSetNode) -> int:
    return sum(
        1
        + (
            nodes_of(each.selection_set)
            if isinstance(each, (FieldNode, InlineFragmentNode)) and each.selection_set
            else 0
        )
        for each in node.selections
    )


@patient
@given(documents())
def test_measures_equal_those_of_the_expanded_document(document: DocumentNode) -> None:
    measurement, fragments = Measurement(document), fragments_of(document)
    for operation, measure in zip(operations_of(document), measurement.operations, strict=True):
        plain = Expanded(fragments)
        plain.visit(operation.selection_set)
        own = len(operation.directives or ()) + sum(
            len(v.directives or ()) for v in operation.variable_definitions or ()
        )
        assert (measure.aliases, measure.directives, measure.selections, measure.fields, measure.depth) == (
            plain.aliases,
            plain.directives + own,
            plain.selections,
            plain.root_fields,
            depth_outside(operation.selection_set, fragments),
        )


@patient
@given(documents())
def test_repeated_pairs_equal_those_of_the_expanded_document(document: DocumentNode) -> None:
    """A field counts once per response path, and equal groups of fields at several paths count once."""
    fragments = fragments_of(document)
    groups: set[frozenset[int]] = set()
    for operation in operations_of(document):
        at: dict[tuple[str, ...], set[int]] = {}
        for path, field in paths(operation.selection_set, fragments):
            at.setdefault(path, set()).add(field)
        groups |= {frozenset(each) for each in at.values()}
    pairs = sum(len(each) * (len(each) - 1) // 2 for each in groups)
    counted = repeated_pairs(document, 10**9)
    used = set().union(*(spreads_of(each.selection_set, fragments) for each in operations_of(document)))
    if used == set(fragments):
        assert counted == pairs
    else:  # unused fragments are counted too
        assert counted >= pairs


def spreads_of(node: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> set[str]:
    found: set[str] = set()
    for each in node.selections:
        if isinstance(each, FragmentSpreadNode):
            found |= {each.name.value} | spreads_of(fragments[each.name.value].selection_set, fragments)
        elif isinstance(each, (FieldNode, InlineFragmentNode)) and each.selection_set:
            found |= spreads_of(each.selection_set, fragments)
    return found


@patient
@given(documents(circular=True))
def test_each_selection_is_visited_once_also_in_circular_fragments(document: DocumentNode) -> None:
    written = sum(nodes_of(each.selection_set) for each in (*operations_of(document), *fragments_of(document).values()))
    assert Measurement(document).visits == written
    repeated_pairs(document, 2_000)
