"""Compiled operations: give-ups, mutations, yields, the cache, and attempts to write code."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import build_schema
from strawberry.dataloader import DataLoader
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.types import Info
from structlog.testing import capture_logs

from execution.answers import Answer
from execution.compile.cache import BYTES_OF_NODES, ENTRY_BYTES, FIRST_USE, Programs
from execution.compile.run import SLICE_SECONDS, Program
from execution.executor import Executor, OperationRequest, Selected
from execution.strawberry_parts import core_schema
from settings import Settings
from telemetry import Telemetry
from tests.execution.both_ways import build, compiled, differ
from tests.execution.toy import Context, Toy, schema

TOY = core_schema(schema())


async def twice(toy: Toy, query: str, **request: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return graphql-core's answer at the first use of an operation, and the compiled one at the second."""
    return await toy.body(query, **request), await toy.body(query, **request)


@pytest.mark.parametrize(
    "query",
    [
        '{ hello a: hello(name: "x") __typename deeper { deeper { hello b: hello } } }',
        "{ items(count: 3) { number } colour(of: GREEN) requestId }",
        "{ hello broken coded uncoded }",
        "{ deeper { hello broken } }",
        "{ brokenRequired }",
        "{ deeper { nullRequired } }",
        "{ notANumber hello }",
        "{ items { number checked refused } }",
        '{ node(key: "x") }',
        "query ($n: Int! = 2) { items(count: $n) { number ...F } } fragment F on Item { number again: number }",
        "query ($yes: Boolean! = true) { hello @skip(if: $yes) deeper { hello @include(if: $yes) } }",
        "query ($c: Colour) { colour(of: $c) }",
    ],
)
async def test_a_compiled_answer_is_that_of_graphql_core(query: str) -> None:
    toy = Toy()
    first, second = await twice(toy, query)
    assert first == second
    assert list(first.get("data") or {}) == list(second.get("data") or {})
    assert toy.telemetry.interpreted.pop(FIRST_USE) == 1
    assert toy.telemetry.compiled + toy.telemetry.interpreted["gave_up"] == 1


async def test_introspection_is_left_to_graphql_core() -> None:
    toy = Toy()
    query = "query ($yes: Boolean! = true) { __schema { queryType { name } } hello @include(if: $yes) }"
    first, second = await twice(toy, query)
    assert first == second
    assert toy.telemetry.interpreted == {FIRST_USE: 1, "introspection": 1}


async def test_an_operation_without_awaitables_is_answered_at_once() -> None:
    toy = Toy()
    selected = toy.executor.select(OperationRequest("{ hello deeper { hello } }"))
    assert isinstance(selected, Selected)
    for _ in range(2):
        answer = toy.executor.begin(selected, toy.context)
        assert isinstance(answer, Answer)
        assert answer.body == {"data": {"hello": "Hello world", "deeper": {"hello": "Hello world"}}}
    assert toy.telemetry.compiled == 1


@pytest.mark.parametrize("use", range(3))
async def test_a_mutation_that_gives_up_runs_once(use: int) -> None:
    calls: list[str] = []

    @strawberry.type
    class Effect:
        name: str
        read: int

        @strawberry.field
        def bad(self) -> int:
            raise ValueError(self.name)

        @strawberry.field
        async def late(self) -> int:
            await asyncio.sleep(0)
            raise ValueError(self.name)

    @strawberry.type
    class Query:
        nothing: int = 0

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def now(self, name: str) -> Effect | None:
            calls.append(name)
            return Effect(name=name, read=len(calls))

        @strawberry.mutation
        async def later(self, name: str) -> Effect | None:
            await asyncio.sleep(0)
            calls.append(name)
            return Effect(name=name, read=len(calls))

        @strawberry.mutation
        async def failing(self, name: str) -> Effect | None:
            calls.append(name)
            raise ValueError(name)

    executor = Executor(strawberry.Schema(Query, Mutation), settings=Settings(), telemetry=Telemetry())
    query = """mutation {
      a: later(name: "a") { read } b: now(name: "b") { name bad } c: failing(name: "c") { read }
      d: later(name: "d") { late } e: now(name: "e") { read } f: later(name: "f") { read }
    }"""
    for _ in range(use):
        await executor.execute(OperationRequest(query), Context())
    calls.clear()
    answer = await executor.execute(OperationRequest(query), Context())
    assert calls == ["a", "b", "c", "d", "e", "f"]
    assert answer.body["data"] == {
        "a": {"read": 1}, "b": None, "c": None, "d": None, "e": {"read": 5}, "f": {"read": 6}
    }  # fmt: skip
    assert [error["path"] for error in answer.body["errors"]] == [["b", "bad"], ["c"], ["d", "late"]]


async def test_awaited_root_fields_run_once_when_another_gives_up() -> None:
    calls: list[str] = []
    proceed = asyncio.Event()

    @strawberry.type
    class Query:
        @strawberry.field
        async def slow(self) -> str:
            calls.append("slow")
            await proceed.wait()
            return "slow"

        @strawberry.field
        async def bad(self) -> str | None:
            calls.append("bad")
            asyncio.get_running_loop().call_later(0.01, proceed.set)
            raise ValueError("bad")

    made = core_schema(strawberry.Schema(Query))
    result, gave_up = await compiled(build(made, "{ slow bad again: slow }"))
    assert gave_up
    assert result.data == {"slow": "slow", "bad": None, "again": "slow"}
    assert sorted(calls) == ["bad", "slow", "slow"]


async def test_loaders_see_all_their_keys_together() -> None:
    batches: list[list[int]] = []

    async def load(keys: list[int]) -> list[int]:
        batches.append(sorted(keys))
        return [key * 10 for key in keys]

    @strawberry.type
    class Loaded:
        number: int

        @strawberry.field
        async def loaded(self, info: Info) -> int:
            found: int = await info.context.loader.load(self.number)
            return found

    @strawberry.type
    class Item(Loaded):
        @strawberry.field
        async def below(self, info: Info) -> Loaded:
            return Loaded(number=await info.context.loader.load(self.number))

    @strawberry.type
    class Query:
        @strawberry.field
        def items(self) -> list[Item]:
            return [Item(number=number) for number in range(30)]

    class Loading:
        def __init__(self) -> None:
            self.loader: DataLoader[int, int] = DataLoader(load_fn=load)

    made = core_schema(strawberry.Schema(Query))
    text = "{ items { number loaded below { number loaded } } }"
    _, gave_up = await differ(lambda: build(made, text, context=Loading()))
    assert not gave_up
    assert batches[2:] == batches[:2]
    assert [len(keys) for keys in batches[2:]] == [30, 27]  # the second lacks the keys of the first


async def test_a_long_list_yields_to_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock advances by a tenth of a slice at each look: every list longer than a slice yields."""
    clock = iter(range(10**9))
    monkeypatch.setattr("execution.compile.run.perf_counter", lambda: next(clock) * SLICE_SECONDS / 10)
    made = build_schema("type Query { rows: [Row!]! } type Row { n: Int! rows: [Row!]! }")
    row = {"n": 1, "rows": [{"n": number} for number in range(60)]}
    yields = 0

    async def count() -> None:
        nonlocal yields
        while True:
            await asyncio.sleep(0)
            yields += 1

    counter = asyncio.ensure_future(count())
    operation = build(made, "{ rows { n rows { n } } }", root={"rows": [row] * 60})
    result, gave_up = await compiled(operation)
    counter.cancel()
    assert not gave_up
    assert result.data == {"rows": [row] * 60}
    assert yields > 60 * 60 / 20


async def test_a_resolver_with_an_extension_keeps_its_wrapper() -> None:
    class Louder(FieldExtension):
        def resolve(self, next_: Any, source: Any, info: Any, **arguments: Any) -> Any:
            return next_(source, info, **arguments).upper()

    @strawberry.type
    class Query:
        @strawberry.field(extensions=[Louder()])  # type: ignore[untyped-decorator]
        def hello(self, name: str) -> str:
            return f"hello {name}"

    made = core_schema(strawberry.Schema(Query))
    result, gave_up = await compiled(build(made, '{ hello(name: "you") }'))
    assert (result.data, gave_up) == ({"hello": "HELLO YOU"}, False)


def test_schema_extensions_are_refused() -> None:
    class Extension(SchemaExtension):
        pass

    @strawberry.type
    class Query:
        nothing: int = 0

    with pytest.raises(TypeError, match="schema extensions are not run"):
        Executor(strawberry.Schema(Query, extensions=[Extension]), settings=Settings(), telemetry=Telemetry())


async def test_a_resolver_may_change_its_arguments() -> None:
    @strawberry.input
    class Given:
        values: list[int]

    @strawberry.type
    class Query:
        @strawberry.field
        def first(self, given: Given, more: list[int]) -> int:
            given.values.append(1)
            more.append(1)
            return len(given.values) + len(more)

    made = core_schema(strawberry.Schema(Query))
    operation = build(made, "{ first(given: {values: [1]}, more: [1, 2]) again: first(given: {values: []}, more: []) }")
    for _ in range(2):
        result, gave_up = await compiled(operation)
        assert (result.data, gave_up) == ({"first": 5, "again": 2}, False)


# Attempts to write code

HOSTILE = ["__import__", "exec", "r", "v", "p", "d", "a0", "leaf", "plain", "text_1", "None_", "__builtins__", "lambda"]


@pytest.mark.parametrize("name", [*HOSTILE, "class", "def", "return", "import", "_", "__", "A" * 200])
async def test_names_of_clients_are_only_keys(name: str) -> None:
    text = f"query {name} {{ {name}: hello deeper {{ {name}: hello ...{name} }} }} fragment {name} on Query {{ hello }}"
    (first, second), toy = await _answers(text)
    assert first == second
    assert first["data"] == {
        name: "Hello world",
        "deeper": {name: "Hello world", "hello": "Hello world"},
    }
    assert toy.telemetry.compiled == 1


@pytest.mark.parametrize(
    "value",
    [
        '\\"); import os; (\\"',
        "'''",
        "\\u0000",
        "\\n    raise SystemExit",
        "{0}",
        "%s",
        "\u2028",
        "text_1",
        "\\\\",
        "🤡",
    ],
)
async def test_strings_of_clients_are_only_values(value: str) -> None:
    text = f'{{ hello(name: "{value}") deeper {{ hello(name: "{value}") }} }}'
    (first, second), toy = await _answers(text)
    assert first == second
    assert "data" in first
    assert toy.telemetry.compiled == 1


async def test_the_source_has_no_text_of_a_client() -> None:
    text = 'query Q($v: String! = "needle1") { needle2: hello(name: "needle3") deeper { needle4: hello(name: $v) } }'
    programs, operation = Programs(), build(TOY, text)
    assert programs.get(text, "Q", (), operation) == FIRST_USE
    program = programs.get(text, "Q", (), operation)
    assert isinstance(program, Program)
    assert "needle" not in program.source
    assert {"needle2", "needle4"} <= set(program.texts.values())


@pytest.mark.parametrize("directive", ["@skip(if: true)", "@include(if: false)", "@deprecated", "@exec(code: 1)"])
async def test_directives_of_clients_are_not_code(directive: str) -> None:
    (first, second), _ = await _answers(f"{{ hello deeper {{ hello {directive} }} }}")
    assert first == second


async def _answers(text: str) -> tuple[tuple[dict[str, Any], dict[str, Any]], Toy]:
    toy = Toy()
    return await twice(toy, text), toy


# The cache


def _use(programs: Programs, text: str, **variables: bool) -> Program | str:
    return programs.get(text, None, tuple(variables), build(TOY, text, variables=variables))


def test_an_operation_is_compiled_at_its_second_use() -> None:
    programs = Programs()
    assert _use(programs, "{ hello }") == FIRST_USE
    assert programs.bytes == ENTRY_BYTES + len("{ hello }")
    program = _use(programs, "{ hello }")
    assert isinstance(program, Program)
    assert programs.bytes == ENTRY_BYTES + len("{ hello }") * (1 + BYTES_OF_NODES) + program.size
    assert _use(programs, "{ hello }") is program


def test_each_combination_of_conditions_has_a_program() -> None:
    programs = Programs()
    text = "query ($a: Boolean!) { hello @skip(if: $a) __typename }"
    made = [_use(programs, text, a=value) for value in (True, False, True, False)]
    assert made[:2] == [FIRST_USE, FIRST_USE]
    assert isinstance(made[2], Program)
    assert isinstance(made[3], Program)
    assert made[2] is not made[3]


def test_the_least_recently_used_program_leaves_first() -> None:
    sizes = Programs()
    for _ in range(2):
        program = _use(sizes, "{ a: hello }")
    assert isinstance(program, Program)
    programs = Programs(int(sizes.bytes * 2.5))
    for name in "aabbaacc":
        _use(programs, f"{{ {name}: hello }}")
    assert isinstance(_use(programs, "{ a: hello }"), Program)
    assert _use(programs, "{ b: hello }") == FIRST_USE
    assert programs.bytes <= sizes.bytes * 2.5


def test_a_flood_of_operations_is_not_compiled_and_keeps_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    compilations: list[Any] = []
    monkeypatch.setattr("execution.compile.cache.compile_plan", lambda plan, _: compilations.append(plan))
    programs = Programs(100_000)
    operation = build(TOY, "{ hello }")
    for number in range(1_000):
        assert programs.get(f"{{ a{number}: hello }}", None, (), operation) == FIRST_USE
        assert programs.bytes <= 100_000
    assert compilations == []


def test_a_variable_of_the_same_name_can_have_any_value() -> None:
    text = """query A($x: Boolean!) { hello @skip(if: $x) __typename } query B($x: [Colour!]) { __typename hello }"""
    operation = build(TOY, text, name="B", variables={"x": ["RED"]})
    programs = Programs()
    made = [programs.get(text, "B", ("x",), operation) for _ in range(2)]
    assert made[0] == FIRST_USE
    assert isinstance(made[1], Program)


async def test_a_fault_of_the_compiler_is_logged_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_plan: Any, _operation: Any) -> Any:
        raise SyntaxError("fault")

    monkeypatch.setattr("execution.compile.cache.compile_plan", fail)
    toy = Toy()
    with capture_logs() as logs:
        bodies = [await toy.body("{ hello }") for _ in range(3)]
    assert bodies == [{"data": {"hello": "Hello world"}}] * 3
    assert [line["event"] for line in logs] == ["operation not compiled"]
    assert toy.telemetry.interpreted == {FIRST_USE: 1, "failed": 2}


def test_an_operation_of_too_many_fields_is_not_compiled() -> None:
    text = f"{{ deeper {{ {' '.join(f'a{number}: hello' for number in range(501))} }} }}"
    programs = Programs()
    assert [_use(programs, text) for _ in range(3)] == [FIRST_USE, "too_large", "too_large"]
