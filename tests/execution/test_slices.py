"""graphql-core in time slices: equal answers, and yields in long ones."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, execute, parse
from strawberry.dataloader import DataLoader

from execution.slices import LONG, SLICE_SECONDS
from execution.strawberry_parts import await_maybe
from tests.execution.both_ways import build, interpreted, written

SCHEMA = """
type Query { rows(first: Int!): [Row!]! loose: [Row] numbers: [Int!] }
type Row { n: Int! bad: Int worse: Int! rows(first: Int!): [Row!]! later: Row loaded: Int! }
"""


class Row:
    """A row with rows below it."""

    def __init__(self, n: int) -> None:
        self.n = n

    def rows(self, _info: Any, first: int) -> list[Row]:
        return [Row(number) for number in range(first)]

    def bad(self, _info: Any) -> int | None:
        if self.n % 7 == 3:
            raise ValueError(f"bad {self.n}")
        return self.n

    def worse(self, _info: Any) -> int | None:
        return None if self.n == 31 else self.n

    async def later(self, _info: Any) -> Row:
        await asyncio.sleep(0)
        return Row(self.n)

    async def loaded(self, info: Any) -> int:
        found: int = await info.context.load(self.n)
        return found


def _root() -> dict[str, Any]:
    return {
        "rows": lambda _info, first: [Row(number) for number in range(first)],
        "loose": [None, *(Row(number) for number in range(40)), ValueError("returned")],
        "numbers": [*range(50)],
    }


@pytest.fixture
def schema() -> GraphQLSchema:
    return build_schema(SCHEMA)


@pytest.mark.parametrize("first", [0, 1, LONG - 1, LONG, LONG + 1, LONG + 7, 100])
@pytest.mark.parametrize(
    "fields",
    ["n", "bad", "worse", "rows(first: 21) { n bad }", "later { n bad }", "rows(first: 3) { worse later { worse } }"],
)
async def test_answers_are_those_of_graphql_core(schema: GraphQLSchema, first: int, fields: str) -> None:
    text = f"{{ rows(first: {first}) {{ {fields} }} loose {{ {fields} }} numbers }}"
    expected = await await_maybe(execute(schema, parse(text), _root()))
    found = await interpreted(build(schema, text, root=_root()))
    assert written(found) == written(expected)


async def test_loaders_see_all_their_keys_together(schema: GraphQLSchema) -> None:
    batches: list[int] = []

    async def load(keys: list[int]) -> list[int]:
        batches.append(len(keys))
        return keys

    loader: DataLoader[int, int] = DataLoader(load_fn=load)
    await interpreted(build(schema, "{ rows(first: 100) { loaded } }", root=_root(), context=loader))
    assert batches == [100]


@pytest.mark.parametrize(
    "text",
    ["{ rows(first: 60) { rows(first: 60) { n } } }", "{ rows(first: 19) { rows(first: 60) { later { n } } } }"],
)
async def test_a_long_answer_yields(schema: GraphQLSchema, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock advances by a tenth of a slice at each look."""
    clock = itertools.count()
    monkeypatch.setattr("execution.slices.thread_time", lambda: next(clock) * SLICE_SECONDS / 10)
    yields = 0

    async def count() -> None:
        nonlocal yields
        while True:
            await asyncio.sleep(0)
            yields += 1

    counter = asyncio.ensure_future(count())
    result = await interpreted(build(schema, text, root=_root()))
    counter.cancel()
    assert result.errors is None
    assert yields > 50
