"""Asynchronous resolvers that run to their first wait where they are called, in compiled operations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.types import Info

from execution.strawberry_parts import AT_ONCE, core_schema
from tests.execution.both_ways import build, compiled, differ, interpreted


@dataclass
class Context:
    answers_at_once: bool = True
    tasks: list[asyncio.Task[object] | None] = field(default_factory=list)
    closed: int = 0
    loader: DataLoader[int, int] = field(default_factory=lambda: DataLoader(load_fn=Context.double))

    @staticmethod
    async def double(keys: list[int]) -> list[int]:
        return [2 * key for key in keys]

    async def work(self, *, waits: bool, fails: bool = False) -> str:
        """Note the task before and after a wait."""
        self.tasks.append(asyncio.current_task())
        try:
            if waits:
                await asyncio.sleep(0)
                self.tasks.append(asyncio.current_task())
        except GeneratorExit:
            self.closed += 1
            raise
        if fails:
            raise LookupError("It fails.")
        return "done"


@strawberry.type
class Item:
    number: int

    @strawberry.field(metadata=AT_ONCE)  # type: ignore[untyped-decorator]
    async def soon(self, info: Info[Context, None], waits: bool = False, fails: bool = False) -> str:
        return await info.context.work(waits=waits, fails=fails)

    @strawberry.field(metadata=AT_ONCE)  # type: ignore[untyped-decorator]
    async def shared(self, info: Info[Context, None]) -> int | None:
        return await info.context.loader.load(self.number)

    @strawberry.field
    async def later(self, info: Info[Context, None]) -> str:
        return await info.context.work(waits=True)

    @strawberry.field(metadata=AT_ONCE)  # type: ignore[untyped-decorator]
    async def below(self, waits: bool = False) -> Item | None:
        if waits:
            await asyncio.sleep(0)
        return Item(number=self.number + 1) if self.number < 3 else None


@strawberry.type
class Query:
    @strawberry.field(metadata=AT_ONCE)  # type: ignore[untyped-decorator]
    async def items(self, count: int = 3, waits: bool = False) -> list[Item]:
        if waits:
            await asyncio.sleep(0)
        return [Item(number=number) for number in range(count)]


SCHEMA = core_schema(strawberry.Schema(Query))


async def test_operations_without_a_wait_need_no_task() -> None:
    context = Context()
    query = "{ items { number soon below { number soon below { number } } } }"
    result, gave_up = await compiled(build(SCHEMA, query, context=context))
    assert not gave_up
    assert result.data == (await interpreted(build(SCHEMA, query, context=Context()))).data
    assert set(context.tasks) == {asyncio.current_task()}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    "query",
    [
        "{ items { number soon } }",
        "{ items(waits: true) { number soon(waits: true) later a: soon below(waits: true) { soon(waits: true) } } }",
        "{ a: items { number } b: items(waits: true) { soon(waits: true) } }",
        "{ items { number soon(fails: true) } }",
        "{ items { below { later soon(waits: true, fails: true) } soon } }",
        "{ items { below { below { below { below { number } } } } } }",
        "{ items { shared again: shared below { shared } } more: items { shared } }",
        "{ items(count: 60) { number soon below(waits: true) { number } } }",
    ],
)
async def test_answers_are_those_of_graphql_core(query: str, at_once: bool) -> None:
    _, gave_up = await differ(lambda: build(SCHEMA, query, context=Context(answers_at_once=at_once)))
    assert gave_up == ("fails: true" in query)


async def test_a_resolver_that_waits_continues_with_the_others_at_the_same_time() -> None:
    context = Context()
    result, gave_up = await compiled(build(SCHEMA, "{ items(count: 2) { soon(waits: true) } }", context=context))
    assert (result.data, gave_up) == ({"items": [{"soon": "done"}] * 2}, False)
    own, again, *rest = context.tasks
    assert own is again is asyncio.current_task()
    assert len({*rest, own}) == 3  # both have waited, each in a task of its own


async def test_a_run_that_gives_up_closes_begun_resolvers() -> None:
    context = Context()
    query = "{ items(count: 1) { a: soon(waits: true) b: soon(fails: true) } }"
    result, gave_up = await compiled(build(SCHEMA, query, context=context))
    assert gave_up
    assert result.errors is not None
    assert context.closed == 1
