"""The prices of fields: operations of the server, and each rule on a small schema."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query, parse, validate

from analyzers.registry import load_registry
from execution.cost import Costs, OperationCost
from execution.prices import DEFAULT_PAGE, MAX_PAGE, priced
from execution.strawberry_parts import core_schema
from schema.build import fit
from store.sql import paging

# The schema of the server


class Schema:
    """Costs on one schema."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self.schema = core_schema(schema)
        self.costs = Costs(self.schema)

    def operation(self, text: str) -> OperationCost:
        """Return the cost of the only operation of a document."""
        document = parse(text)
        assert validate(self.schema, document) == []
        (cost,) = self.costs.of(document).values()
        return cost

    def cost(self, text: str, **variables: Any) -> int:
        return self.operation(text)(variables)


@pytest.fixture(scope="module")
def assay() -> Schema:
    return Schema(fit(load_registry(built_in=True).analyzers)[0])


BATCH = "mutation ($items: [BatchItem!]) { batchProcess(input: { items: $items }) { batch { id } } }"
ITEM: dict[str, Any] = {"request": {"text": {"text": "a"}}}
SUBMIT = """mutation ($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id result { summary } } userErrors { message } } }"""
NESTED_RESULTS = """query ($first: Int, $inner: Int = 100) { batch(id: "b") {
  results(first: $first) { nodes { batch { results(first: $inner) { nodes { id } } } } } } }"""

TABLE: dict[str, tuple[int, str, dict[str, Any]]] = {
    "one analysis": (
        1,
        """{ analysis(id: "a") { id analyzer { name } result { tags ... on TextResult { keywords { text } } }
          error { code } progress { fraction } } }""",
        {},
    ),
    "a page": (21, "{ analyses { nodes { id analyzer { name } progress { fraction } } } }", {}),
    "a page with edges": (21, "{ analyses { edges { cursor node { id } } pageInfo { hasNextPage } } }", {}),
    "100 with a count": (211, "{ analyses(first: 100) { totalCount nodes { result { tags } batch { id } } } }", {}),
    "1,000": (1_001, "{ analyses(last: 1000) { nodes { result { summary } error { message } } } }", {}),
    "metrics": (24, "{ metrics { workers { id current { id } } } health { status components { name } } }", {}),
    "nodes": (100, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 100}),
    "events": (2, "subscription { events { cursor ... on AnalysisEvent { analysis { id } } } }", {}),
    "submitAnalysis": (11, SUBMIT, {"input": ITEM}),
    "batchProcess": (111, BATCH, {"items": [ITEM] * 1_000}),
    "the largest batch": (1_011, BATCH, {"items": [ITEM] * 10_000}),
    "50 batches": (1_101, "{ batches(first: 50) { nodes { results { nodes { id } } } } }", {}),
    "100 batches": (10_201, "{ batches(first: 100) { nodes { results(first: 100) { nodes { id } } } } }", {}),
    "three default pages": (8_841, "{ batches { nodes { results { nodes { events { nodes { cursor } } } } } } }", {}),
    "three default pages with objects": (
        17_241,
        """{ batches { nodes { results { nodes { batch { id } events { nodes {
          cursor ... on AnalysisEvent { analysis { id } } } } } } } } }""",
        {},
    ),
    "four default pages": (
        177_241,
        "{ batches { nodes { results { nodes { batch { results { nodes { events { nodes { cursor } } } } } } } } } }",
        {},
    ),
    "the attack": (51_502, NESTED_RESULTS, {"first": 500}),
    "100 x 100 x 100": (
        1_020_201,
        "{ batches(first: 100) { nodes { results(first: 100) { nodes { events(first: 100) { nodes { type } } } } } } }",
        {},
    ),
    "counts": (33, "{ analyses(first: 0) { totalCount statusCounts { count } } metrics { timestamp } }", {}),
    "the queue": (12, "{ queue { paused metrics { depth } } }", {}),
    "queued by analyzer": (28, "{ metrics { queue { byAnalyzer { depth } byPriority { depth } } } }", {}),
    "groups": (21, "{ errorGroups { message examples { id } } }", {}),
    "introspection": (0, get_introspection_query(), {}),
    "type names": (0, '{ __typename a: __type(name: "Analysis") { name fields { name } } }', {}),
}


@pytest.mark.parametrize("case", TABLE)
def test_costs_of_operations_of_the_server(assay: Schema, case: str) -> None:
    expected, text, variables = TABLE[case]
    assert assay.cost(text, **variables) == expected


def test_pages_have_the_sizes_of_the_store() -> None:
    assert (DEFAULT_PAGE, MAX_PAGE) == (paging.DEFAULT_PAGE, paging.MAX_PAGE)


# A schema with each kind of field


@strawberry.type
class Leaf:
    number: int


@strawberry.type
class ThingEdge:
    node: Thing


@strawberry.type
class ThingConnection:
    edges: list[ThingEdge]
    nodes: list[Thing]

    @strawberry.field(metadata=priced(7))  # type: ignore[untyped-decorator]
    async def total(self) -> int:
        return 0

    @strawberry.field
    async def summary(self) -> Leaf:
        return Leaf(number=1)


@strawberry.type
class Thing:
    stored: Leaf
    stored_list: list[Leaf]

    @strawberry.field
    def derived(self) -> Leaf | None:
        return None

    @strawberry.field
    async def read(self) -> Thing | None:
        return None

    @strawberry.field
    async def read_list(self) -> list[Thing]:
        return []

    @strawberry.field
    async def scalars(self) -> list[int]:
        return []

    @strawberry.field
    async def counted(self, first: int | None = 10) -> list[Thing]:
        return []

    @strawberry.field
    async def page(self, first: int | None = None, last: int | None = None) -> ThingConnection | None:
        return None

    @strawberry.field
    async def five(self, first: int | None = 5) -> ThingConnection | None:
        return None


@strawberry.input
class ManyInput:
    entries: list[int] | None = None


@strawberry.type
class Query:
    @strawberry.field
    def thing(self) -> Thing | None:
        return None

    @strawberry.field
    def things(self) -> list[Thing]:
        return []

    @strawberry.field
    async def by_ids(self, ids: list[strawberry.ID]) -> list[Thing | None]:
        return []

    @strawberry.field(metadata=priced(3))  # type: ignore[untyped-decorator]
    async def costly(self) -> Leaf | None:
        return None


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def bump(self) -> int:
        return 1

    @strawberry.mutation(metadata=priced(2, counted="entries", per_point=4))  # type: ignore[untyped-decorator]
    async def many(self, input: ManyInput) -> Leaf | None:  # noqa: A002
        return None


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 1

    @strawberry.subscription
    async def followed(self) -> AsyncGenerator[Thing, None]:
        raise NotImplementedError
        yield


TOY = Schema(strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription))

RULES: dict[str, tuple[int, str]] = {
    "a root object": (1, "{ thing { stored { number } } }"),
    "a root list": (1, "{ things { stored { number } } }"),
    "parts of a row": (1, "{ thing { stored { number } storedList { number } derived { number } scalars } }"),
    "a read": (2, "{ thing { read { stored { number } } } }"),
    "a read in a read": (3, "{ thing { read { read { stored { number } } } } }"),
    "a list counts once": (3, "{ thing { readList { read { scalars } } } }"),
    "a list with first": (1 + 1 + 10 * (1 + 1), "{ thing { counted { read { scalars } } } }"),
    "a list with an explicit null": (1 + 1 + 10, "{ thing { counted(first: null) { scalars } } }"),
    "a list with ids": (3 * (1 + 1), '{ byIds(ids: ["a", "b", "c"]) { read { scalars } } }'),
    "one id": (1, '{ byIds(ids: "a") { scalars } }'),
    "no ids": (0, "{ byIds(ids: []) { scalars } }"),
    "too many ids": (1_000, f"{{ byIds(ids: [{', '.join(['1'] * 1_500)}]) {{ scalars }} }}"),
    "a page by default": (1 + 1 + 20, "{ thing { page { nodes { scalars } } } }"),
    "a page with a default of its own": (1 + 1 + 5, "{ thing { five { nodes { scalars } } } }"),
    "an empty page": (1 + 1, "{ thing { page(first: 0) { nodes { read { scalars } } } } }"),
    "a negative page": (1 + 1, "{ thing { page(first: -5) { nodes { read { scalars } } } } }"),
    "a page above the maximum": (1 + 1 + 1_000, "{ thing { page(first: 2000000000) { nodes { scalars } } } }"),
    "the last": (1 + 1 + 7, "{ thing { page(first: 3, last: 7) { nodes { scalars } } } }"),
    "the last is null": (1 + 1 + 3, "{ thing { page(first: 3, last: null) { nodes { scalars } } } }"),
    "nodes and edges": (
        1 + 1 + 2 * (1 + 1 + 1),
        "{ thing { page(first: 2) { nodes { read { scalars } } edges { node { read { scalars } } } } } }",
    ),
    "once for a page": (1 + 1 + 2 + 7 + 1, "{ thing { page(first: 2) { total summary { number } } } }"),
    "aliases": (1 + 1 + 1, "{ a: thing { x: read { scalars } y: read { scalars } } }"),
    "skipped": (1 + 1, "{ thing { read @skip(if: true) { scalars } ... @include(if: false) { scalars } } }"),
    "points of its own": (4, "{ costly { number } }"),
    "a mutation of a scalar": (10, "mutation { bump }"),
    "mutations": (20, "mutation { a: bump b: bump }"),
    "a mutation with work": (10 + 1 + 2 + 2, "mutation { many(input: { entries: [1, 2, 3, 4, 5] }) { number } }"),
    "a mutation without work": (10 + 1 + 2, "mutation { many(input: {}) { number } }"),
    "a subscription of a scalar": (1, "subscription { ticks }"),
    "a subscription": (2, "subscription { followed { read { scalars } } }"),
    "a fragment": (1 + 1 + 1, "{ thing { ...F readList { scalars } } } fragment F on Thing { read { scalars } }"),
    "a fragment on a page": (
        1 + 1 + 4 * (1 + 1) + 7,
        """{ thing { page(first: 4) { ...F } } }
        fragment F on ThingConnection { total ...G }
        fragment G on ThingConnection { nodes { read { scalars } } }""",
    ),
    "a fragment in two pages": (
        1 + (1 + 4 * (1 + 1)) + (1 + 9 * (1 + 1)),
        """{ thing { page(first: 4) { ...F } nine: page(first: 9) { ...F } } }
        fragment F on ThingConnection { ... on ThingConnection { nodes { read { scalars } } } }""",
    ),
    "a fragment before its definition": (
        2,
        "fragment A on Query { ...B } { ...A } fragment B on Query { thing { read { scalars } } }",
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_the_rules_of_prices(case: str) -> None:
    expected, text = RULES[case]
    assert TOY.cost(text) == expected
