"""The cost of operations: sizes in variables, fragments, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from graphql import parse
from hypothesis import given
from hypothesis import strategies as st

from execution.answers import AnswerKind
from execution.cost import OperationTooExpensive
from execution.executor import Executor, OperationRequest, Stream
from execution.limits import SATURATED
from execution.prices import MAX_PAGE
from settings import Settings
from telemetry import Telemetry
from tests.execution.test_prices import TOY, Mutation, Query, Subscription
from tests.execution.toy import Context, Toy

SIZES: list[tuple[str, dict[str, Any], int]] = [
    ("$n: Int", {}, 20),
    ("$n: Int", {"n": None}, 20),
    ("$n: Int", {"n": 7}, 7),
    ("$n: Int", {"n": 7.0}, 7),
    ("$n: Int = 9", {}, 9),
    ("$n: Int = 9", {"n": None}, 20),
    ("$n: Int = null", {}, 20),
    ("$n: Int", {"n": -1}, 0),
    ("$n: Int", {"n": 1_000}, 1_000),
    ("$n: Int", {"n": 1_001}, 1_000),
    ("$n: Int", {"n": 10**30}, 1_000),
    # Values that execution refuses:
    ("$n: Int", {"n": "500"}, 1),
    ("$n: Int", {"n": 7.5}, 1),
    ("$n: Int", {"n": float("inf")}, 1),
    ("$n: Int", {"n": float("nan")}, 1),
    ("$n: Int", {"n": {"n": 500}}, 1),
    ("$n: Int", {"n": [1, 2]}, 2),
    ("$n: Int", {"n": True}, 1),
]


@pytest.mark.parametrize(("definition", "variables", "size"), SIZES)
def test_the_size_of_a_page_in_a_variable(definition: str, variables: dict[str, Any], size: int) -> None:
    text = f"query ({definition}) {{ thing {{ page(first: $n) {{ nodes {{ scalars }} }} }} }}"
    assert TOY.cost(text, **variables) == 1 + 1 + size


LISTS: list[tuple[str, dict[str, Any], int]] = [
    ("query ($ids: [ID!]!) { byIds(ids: $ids) { scalars } }", {"ids": ["a", "b"]}, 2),
    ("query ($ids: [ID!]!) { byIds(ids: $ids) { scalars } }", {"ids": "a"}, 1),
    ("query ($ids: [ID!]!) { byIds(ids: $ids) { scalars } }", {}, 0),
    ('query ($ids: [ID!] = ["a", "b", "c"]) { byIds(ids: $ids) { scalars } }', {}, 3),
    ("query ($a: ID!) { byIds(ids: [$a, $a]) { scalars } }", {"a": "a"}, 2),
    ("mutation ($input: ManyInput!) { many(input: $input) { number } }", {"input": {"entries": [1] * 9}}, 13 + 3),
    ("mutation ($input: ManyInput!) { many(input: $input) { number } }", {"input": {"entries": None}}, 13),
    ("mutation ($input: ManyInput!) { many(input: $input) { number } }", {"input": {}}, 13),
    ("mutation ($input: ManyInput!) { many(input: $input) { number } }", {"input": [1]}, 13),
    ("mutation ($input: ManyInput!) { many(input: $input) { number } }", {}, 13),
    ("mutation ($e: [Int!]) { many(input: { entries: $e }) { number } }", {"e": [1] * 8}, 13 + 2),
    ("mutation ($e: Int!) { many(input: { entries: [1, $e, 2, 3, 4] }) { number } }", {"e": 1}, 13 + 2),
    ("mutation ($input: ManyInput = { entries: [1, 2, 3] }) { many(input: $input) { number } }", {}, 13 + 1),
]


@pytest.mark.parametrize(("text", "variables", "expected"), LISTS)
def test_the_length_of_a_list(text: str, variables: dict[str, Any], expected: int) -> None:
    assert TOY.cost(text, **variables) == expected


def test_each_operation_of_a_document_has_its_own_cost() -> None:
    text = """query A($n: Int = 3) { thing { ...F } } query B($n: Int) { a: thing { ...F } b: thing { ...F } }
    query C { thing { scalars } } fragment F on Thing { page(first: $n) { nodes { scalars } } }"""
    costs = TOY.costs.of(parse(text))
    assert {name: cost(None) for name, cost in costs.items()} == {"A": 5, "B": 44, "C": 1}
    assert {name: cost({"n": 1}) for name, cost in costs.items()} == {"A": 3, "B": 6, "C": 1}


# Properties


@st.composite
def operations(draw: st.DrawFn) -> tuple[str, dict[str, int], int]:
    """Return an operation, its variables, and its cost by the formula."""
    fragments: list[str] = []
    variables: dict[str, int] = {}

    def size() -> tuple[int, str]:
        number = draw(st.integers(0, 30))
        if draw(st.booleans()):
            return number, str(number)
        variables[f"v{len(variables)}"] = number
        return number, f"$v{len(variables) - 1}"

    def selections(depth: int) -> tuple[str, int]:
        texts, cost = ["scalars"], 0
        for number in range(draw(st.integers(0, 2)) if depth else 0):
            inner, below = selections(depth - 1)
            kind = draw(st.sampled_from(["read", "readList", "counted", "page", "edges"]))
            if kind in ("read", "readList"):
                text, own = f"{kind} {{ {inner} }}", 1 + below
            else:
                rows, shown = size()
                own = 1 + rows * (1 + below)
                if kind == "counted":
                    text = f"counted(first: {shown}) {{ {inner} }}"
                elif kind == "page":
                    text, own = f"page(last: {shown}) {{ total nodes {{ {inner} }} }}", own + 7
                else:
                    text = f"page(first: {shown}) {{ edges {{ node {{ {inner} }} }} }}"
            text = f"a{number}: {text}"
            if draw(st.booleans()):
                fragments.append(f"fragment F{len(fragments)} on Thing {{ {text} }}")
                text = f"... on Thing {{ ...F{len(fragments) - 1} }}"
            texts.append(text)
            cost += own
        return " ".join(texts), cost

    text, cost = selections(3)
    defined = f"({', '.join(f'${name}: Int' for name in variables)})" if variables else ""
    return f"query {defined} {{ thing {{ {text} }} }} {' '.join(fragments)}", variables, 1 + cost


@given(operations())
def test_the_cost_is_that_of_the_formula(operation: tuple[str, dict[str, int], int]) -> None:
    text, variables, expected = operation
    found = TOY.operation(text)
    assert found(variables) == min(expected, SATURATED)
    assert (found.constant is None) == bool(variables)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["entries", "n"]), inner, max_size=2),
    max_leaves=6,
)


@given(JSON)
def test_no_value_of_a_variable_raises(value: Any) -> None:
    page = "query ($n: Int) { thing { page(first: $n) { nodes { scalars } } } }"
    assert 2 <= TOY.cost(page, n=value) <= 2 + MAX_PAGE
    many = "mutation ($n: ManyInput!) { many(input: $n) { number } }"
    assert TOY.cost(many, n=value) >= 13


def doubling(times: int) -> str:
    """Return a document of `times + 1` fragments, which expand to 2**times pages."""
    chain = " ".join(f"fragment F{n} on Thing {{ ...F{n + 1} ...F{n + 1} }}" for n in range(times))
    last = f"fragment F{times} on Thing {{ page(first: $n) {{ nodes {{ scalars }} }} }}"
    return f"query ($n: Int) {{ thing {{ ...F0 }} }} {chain} {last}"


@pytest.mark.parametrize("times", [1, 10, 25, 98])
def test_each_node_is_one_term(times: int) -> None:
    """The work depends on the length of a document, not on its expanded size."""
    operation = TOY.operation(doubling(times))
    fragments, fields, operations = times + 1, 2, 1
    assert len(operation.terms) == fragments + fields + operations
    assert operation({"n": 2}) == min(1 + 3 * 2**times, SATURATED)


# Refusals


def refusal(text: str, limit: int, **variables: Any) -> OperationTooExpensive:
    with pytest.raises(OperationTooExpensive) as refused:
        TOY.operation(text).check(variables, limit)
    return refused.value


PATHS: list[tuple[str, list[str], str]] = [
    ("{ thing { page(first: 500) { nodes { scalars } } } }", ["thing", "page"], "thing.page(first: 500)"),
    (
        "{ t: thing { read { scalars } p: page(last: 500) { edges { node { q: page { nodes { scalars } } } } } } }",
        ["t", "p", "edges", "node", "q"],
        "t.p(last: 500).edges.node.q(first: 20)",
    ),
    (
        """{ thing { ...F } } fragment F on Thing { page(first: 500) { ...G } }
        fragment G on ThingConnection { nodes { r: read { s: read { scalars } t: page { total } } } }""",
        ["thing", "page", "nodes", "r", "t"],
        "thing.page(first: 500).nodes.r.t(first: 20)",
    ),
    # A page that costs more than any one part of its selection:
    ("{ thing { page(first: 500) { nodes { read { scalars } } } } }", ["thing", "page"], "thing.page(first: 500)"),
    ("mutation { many(input: { entries: [1] }) { number } }", ["many"], "many(entries: 1)"),
    ("{ byIds(ids: [1, 2, 3]) { page { nodes { scalars } } } }", ["byIds", "page"], "byIds(ids: 3).page(first: 20)"),
    ("{ costly { number } }", ["costly"], "costly"),
]


@pytest.mark.parametrize(("text", "path", "shown"), PATHS)
def test_a_refusal_has_the_most_expensive_path(text: str, path: list[str], shown: str) -> None:
    cost = TOY.cost(text)
    refused = refusal(text, 1)
    assert (refused.code, refused.extensions) == ("QUERY_TOO_COMPLEX", {"cost": cost, "limit": 1, "path": path})
    assert refused.message == (
        f"The operation costs {cost:,} points, above the limit of 1. The most expensive part is `{shown}`: request "
        "smaller pages or fewer nested objects, or split the operation."
    )


def test_the_path_depends_on_the_variables() -> None:
    text = """query ($a: Int, $b: Int) { thing {
      a: page(first: $a) { nodes { scalars } } b: page(first: $b) { nodes { scalars } } } }"""
    assert refusal(text, 100, a=300, b=200).extensions["path"] == ["thing", "a"]
    assert refusal(text, 100, a=200, b=300).extensions["path"] == ["thing", "b"]


def test_a_long_path_is_shortened_in_the_message() -> None:
    name = "a" * 200
    refused = refusal(f"{{ {name}: thing {{ {name}: page {{ nodes {{ scalars }} }} }} }}", 2)
    assert refused.extensions["path"] == [name, name]
    assert f"`{name}.{'a' * 99}…`" in refused.message


# The executor


def executor(max_cost: int) -> Executor:
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
    return Executor(schema, settings=Settings(max_cost=max_cost), telemetry=Telemetry())


PAGE = "query ($n: Int) { thing { page(first: $n) { nodes { scalars } } } }"


async def test_the_limit_at_its_bound() -> None:
    limited = executor(100)
    for size, kind in ((97, AnswerKind.DATA), (98, AnswerKind.DATA), (99, AnswerKind.LIMIT)):
        answer = await limited.execute(OperationRequest(PAGE, variables={"n": size}), Context())
        assert answer.kind is kind
    assert answer.body == {
        "errors": [
            {
                "message": "The operation costs 101 points, above the limit of 100. The most expensive part is "
                "`thing.page(first: 99)`: request smaller pages or fewer nested objects, or split the operation.",
                "extensions": {
                    "code": "QUERY_TOO_COMPLEX",
                    "cost": 101,
                    "limit": 100,
                    "path": ["thing", "page"],
                },
            }
        ]
    }


async def test_0_is_no_limit() -> None:
    answer = await executor(0).execute(OperationRequest(doubling(5), variables={"n": 1_000}), Context())
    assert answer.body == {"data": {"thing": None}}


async def test_a_refused_mutation_changes_nothing() -> None:
    toy = Toy(max_cost=9)
    assert (await toy.body("mutation { bump }"))["errors"][0]["extensions"]["cost"] == 10
    assert toy.context.probe.bumped == 0


async def test_a_subscription_is_refused_before_its_start() -> None:
    refusing = Toy(max_cost=1)
    text = "subscription { stuck { slow } }"
    assert isinstance(await refusing.executor.open(OperationRequest(text), refusing.context), Stream)
    limited = executor(1)
    answer = await limited.open(OperationRequest("subscription { followed { read { scalars } } }"), Context())
    assert not isinstance(answer, Stream)
    assert answer.kind is AnswerKind.LIMIT
    assert answer.body["errors"][0]["extensions"]["path"] == ["followed"]
