"""The actual cost of a query: from 0 to its cost, and exact for pages at any depth."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from analyzers.registry import load_registry
from execution.limits import SATURATED
from execution.refunds import actual_cost
from schema.build import fit
from tests.execution.test_prices import Schema

ASSAY = Schema(fit(load_registry(built_in=True).analyzers)[0])

ALL = """query ($a: Int, $b: Int, $ids: [ID!]!) {
  batches(first: $a) { ...Page }
  more: batches(last: $b) { edges { node { ...Results } } totalCount }
  nodes(ids: $ids) { id ... on Batch { ...Results } }
  batch(id: "b") { ...Results }
  counted: analyses { totalCount }
}
fragment Page on BatchConnection { nodes { ...Results } edges { node { id } } }
fragment Results on Batch { results(first: $b) { nodes { id batch { id } } } }"""
OPERATION = ASSAY.operation(ALL)
NAMES = ("batches", "more", "nodes", "edges", "node", "batch", "results", "counted", "totalCount", "id")

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=40,
)


@given(
    st.dictionaries(st.sampled_from(NAMES), json_values, max_size=6),
    st.integers(-1, 1_100),
    st.integers(-1, 1_100),
    st.lists(st.just("id"), max_size=5),
)
def test_no_answer_costs_more_than_the_operation(data: dict[str, Any], a: int, b: int, ids: list[str]) -> None:
    variables = {"a": a, "b": b, "ids": ids}
    assert 0 <= actual_cost(OPERATION, variables, data) <= OPERATION(variables)


def page(*rows: Any) -> dict[str, Any]:
    return {"nodes": list(rows)}


@pytest.mark.parametrize(
    ("data", "cost"),
    [
        ({"batches": page()}, 1),
        ({"batches": page({"results": page()})}, 1 + 1 + 1),
        ({"batches": page({"results": page({}, {})}, {"results": page()})}, 1 + (1 + 1 + 2 * 2) + (1 + 1)),
        ({"batches": page(*[{"results": page(*[{}] * 3)}] * 5)}, 1 + 5 * (1 + 1 + 3 * 2)),
        # Without a list, the length of the page is unknown.
        ({"batches": {"pageInfo": {}}}, 1 + 5 * (1 + 1 + 3 * 2)),
        ({"batches": None}, 1 + 5 * (1 + 1 + 3 * 2)),
        ({"batches": page({"results": None})}, 1 + 1 + 1 + 3 * 2),
    ],
)
def test_missing_rows_are_refunded_at_any_depth(data: dict[str, Any], cost: int) -> None:
    text = "{ batches(first: 5) { nodes { results(first: 3) { nodes { batch { id } } } } } }"
    assert actual_cost(ASSAY.operation(text), {}, data) == cost


@pytest.mark.parametrize(("depth", "cost", "actual"), [(9, 2**9 * 3, 2**9), (60, SATURATED, SATURATED)])
def test_fragments_that_double_are_read_once_for_each_object(depth: int, cost: int, actual: int) -> None:
    fragments = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(depth)]
    last = f"fragment F{depth} on Query {{ batches(first: 2) {{ nodes {{ id }} }} }}"
    operation = ASSAY.operation(" ".join(["{ ...F0 }", *fragments, last]))
    assert (operation({}), actual_cost(operation, {}, {"batches": page()})) == (cost, actual)
