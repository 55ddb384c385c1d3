"""The cache of answers: keys, tags, changes during an operation, bounds, and the fields that can be kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType, is_introspection_type
from strawberry.types import Info

from analyzers.registry import load_registry
from execution.answer_cache import MAX_SHARE, AnswerCache, Missed
from execution.executor import Executor, OperationRequest, Selected
from execution.lasting import Reads, is_lasting, lasting
from execution.strawberry_parts import Attribute, core_schema, read_of
from schema.build import fit
from settings import Settings
from telemetry import Telemetry, exposition
from tests.execution.toy import Context


class Changes:
    """Changes that a test sets."""

    def __init__(self) -> None:
        self.is_current = True
        self.tags: Collection[str] | None = ()

    def take(self) -> tuple[bool, Collection[str] | None]:
        tags, self.tags = self.tags, ()
        return self.is_current, tags


@strawberry.type
class Thing:
    name: str

    @strawberry.field(metadata=lasting())  # type: ignore[untyped-decorator]
    def shout(self) -> str:
        return self.name.upper()

    @strawberry.field
    def age(self) -> int:
        return 1


@strawberry.type
class Query:
    @strawberry.field(metadata=lasting())  # type: ignore[untyped-decorator]
    def thing(self, info: Info[Any, None], name: str, final: bool = True, report: bool = True) -> Thing | None:
        reads = info.context.reads
        if report:
            reads.add(name)
        if not final:
            reads.changing()
        return Thing(name=name)

    @strawberry.field(metadata=lasting())  # type: ignore[untyped-decorator]
    def broken(self) -> str | None:
        raise RuntimeError

    @strawberry.field
    def now(self) -> int:
        return 1


class Kept:
    """An executor with a cache."""

    def __init__(self, max_bytes: int = 1 << 20) -> None:
        self.changes, self.telemetry = Changes(), Telemetry()
        self.figures = self.telemetry.answers
        self.cache = AnswerCache(self.changes, self.figures, max_bytes)
        self.executor = Executor(
            strawberry.Schema(Query), settings=Settings(), telemetry=self.telemetry, answers=self.cache
        )

    async def hits(self, query: str, viewer: str = "me", **request: Any) -> bool:
        """Ask; return whether the answer came from the cache."""
        before, context = self.figures.hits, Context(reads=Reads(viewer))
        await self.executor.execute(OperationRequest(query, **request), context)
        return self.figures.hits > before


ONE = 'query One { thing(name: "a") { __typename name shout } }'
ANY = "query Any($name: String!) { thing(name: $name) { ... on Thing { ...Name } } } fragment Name on Thing { name }"


async def test_a_second_answer_is_the_first_one() -> None:
    kept = Kept()
    first, second = [await kept.executor.execute(OperationRequest(ONE), Context(reads=Reads("me"))) for _ in range(2)]
    assert first == second
    assert first.json == second.json == b'{"data":{"thing":{"__typename":"Thing","name":"a","shout":"A"}}}'
    assert (kept.figures.hits, kept.figures.misses, kept.figures.entries) == (1, 1, 1)


@pytest.mark.parametrize(
    "query",
    [
        '{ thing(name: "a") { name age } }',
        "{ now }",
        '{ now thing(name: "a") { name } }',
        '{ thing(name: "a", final: false) { name } }',
        '{ thing(name: "a", report: false) { name } }',
        '{ thing(name: "a") { name } broken }',
        "{ __typename }",
    ],
)
async def test_other_answers_are_not_kept(query: str) -> None:
    kept = Kept()
    for _ in range(3):
        assert not await kept.hits(query)
    assert kept.figures.entries == 0
    assert (kept.figures.misses > 0) == ("thing" in query and "age" not in query and "now" not in query)


async def test_answers_differ_by_text_name_variables_and_viewer() -> None:
    kept = Kept()
    two = 'query A { thing(name: "a") { name } } query B { thing(name: "b") { name } }'
    different: list[dict[str, Any]] = [
        {"query": ANY, "variables": {"name": "a"}},
        {"query": ANY, "variables": {"name": "b"}},
        {"query": f"{ANY} ", "variables": {"name": "a"}},
        {"query": two, "operation_name": "A"},
        {"query": two, "operation_name": "B"},
        {"query": ANY, "variables": {"name": "a"}, "viewer": "you"},
    ]
    for request in different:
        assert not await kept.hits(**request)
    for request in different:
        assert await kept.hits(**request)
    assert not await kept.hits(ANY, variables={"name": "a", "unknown": 2**70})
    assert kept.figures.entries == len(different)


async def test_a_change_drops_the_answers_with_its_tag() -> None:
    kept = Kept()
    for name in "ab":
        await kept.hits(ANY, variables={"name": name})
    kept.changes.tags = {"a", "unknown"}
    assert await kept.hits(ANY, variables={"name": "b"})
    assert not await kept.hits(ANY, variables={"name": "a"})
    assert kept.figures.dropped == 1
    kept.changes.tags = None
    assert not await kept.hits(ANY, variables={"name": "b"})
    assert (kept.figures.dropped, kept.figures.entries) == (3, 1)


async def test_without_all_changes_no_answer_is_kept_or_given() -> None:
    kept = Kept()
    await kept.hits(ONE)
    kept.changes.is_current = False
    assert not await kept.hits(ONE)
    assert not await kept.hits(ANY, variables={"name": "b"})
    assert kept.figures.entries == 1
    kept.changes.is_current = True
    assert await kept.hits(ONE)


@pytest.mark.parametrize("tags", [{"unrelated"}, None])
def test_an_answer_is_not_kept_after_a_change_during_its_operation(tags: Collection[str] | None) -> None:
    kept = Kept()
    selected = kept.executor.select(OperationRequest(ONE))
    assert isinstance(selected, Selected)
    missed = kept.cache.get(selected, Reads("me"))
    assert isinstance(missed, Missed)
    missed.reads.add("a")
    kept.changes.tags = tags
    assert isinstance(kept.cache.get(selected, Reads("you")), Missed)  # takes the change
    kept.cache.keep(missed, b"{}")
    assert kept.figures.entries == 0


async def test_the_memory_is_bounded() -> None:
    kept = Kept(200_000)
    for number in range(500):
        await kept.hits(ANY, variables={"name": f"{number:08}"})
        assert kept.figures.bytes <= 200_000
        assert await kept.hits(ANY, variables={"name": "00000000"})  # used last, so it stays
    assert 100 < kept.figures.entries < 500
    assert not await kept.hits(ANY, variables={"name": "00000001"})
    long = {"name": "x" * (200_000 // MAX_SHARE)}
    for _ in range(2):
        assert not await kept.hits(ANY, variables=long)
    kept.changes.tags = None
    await kept.hits("{ now }")
    await kept.hits(ONE)
    assert kept.figures.entries == 1
    assert len(kept.cache._keys) == 1


async def test_no_memory_keeps_none() -> None:
    kept = Kept(0)
    for _ in range(2):
        assert not await kept.hits(ONE)
    assert (kept.figures.entries, kept.figures.misses) == (0, 0)


async def test_the_metrics() -> None:
    kept = Kept()
    for _ in range(3):
        await kept.hits(ONE)
    kept.changes.tags = None
    await kept.hits(ONE)
    text = exposition(kept.telemetry).decode()
    for line in (
        "assay_answer_cache_hits_total 2.0",
        "assay_answer_cache_misses_total 2.0",
        "assay_answer_cache_dropped_total 1.0",
        "assay_answer_cache_entries 1.0",
    ):
        assert line in text.splitlines()


def test_every_field_that_can_be_kept_is_listed() -> None:
    """A new field with a resolver is listed here only if its value lasts as long as the ended analysis."""
    schema = core_schema(fit(load_registry().analyzers)[0])
    marked = set()
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not is_introspection_type(type_):
            for name, field in type_.fields.items():
                if is_lasting(schema, type_, name) and not isinstance(read_of(schema, field), Attribute):
                    marked.add(f"{type_.name}.{name}")
    results = {f"{each.name}.data" for each in schema.get_possible_types(schema.type_map["AnalysisResult"])}  # type: ignore[arg-type]
    analysis = "inputText title inputExcerpt cancelable analyzer inputData options result error progress attempts"
    untyped = {f"UntypedResult.{name}" for name in ("score", "tags", "summary")}
    expected = {"Query.analysis", "Query.analyses", *(f"Analysis.{name}" for name in analysis.split())}
    assert marked == expected | results | untyped
