"""The columns that operations read of analyses: each field is answered right with the columns that it declares."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type, is_abstract_type, is_leaf_type, is_required_argument

from analyzers.registry import load_registry
from execution.compile.columns import columns_of
from execution.compile.plan import make_plan
from execution.executor import Executor, OperationRequest
from execution.strawberry_parts import core_schema
from resolvers.context import Context, Services
from schema.build import fit
from store.sql.short import Reader, Statement
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import Form
from tests.execution.both_ways import build
from tests.resolvers.rows import NOW, Row, ago, analysis, batch

Add = Callable[..., Awaitable[None]]
SCHEMA, ANALYZERS, _ = fit(load_registry(built_in=True).analyzers)
CORE = core_schema(SCHEMA)
ANALYSIS = CORE.type_map["Analysis"]
assert isinstance(ANALYSIS, GraphQLObjectType)
ALWAYS = {"id", "workspace", "status", "order_0", "order_1"}
PLACES = (
    "analyses(first: 50) { nodes { %s } }",
    "analyses(first: 50, orderBy: { field: FINISHED_AT }) { edges { cursor node { %s } } pageInfo { endCursor } }",
    'analyses(first: 50, filter: { analyzer: ["text", "gone"] }) { nodes { %s } }',
    'batch(id: "BATCH") { results { nodes { %s } } withFailed: results(status: [FAILED, RUNNING]) { nodes { %s } } }',
    'analysis(id: "ANALYSIS") { %s }',
)


def selection(type_: Any, depth: int) -> Iterator[str]:
    """Yield the fields of a type that need no argument, with their own fields."""
    if is_abstract_type(type_):
        yield "__typename"
    for name, field in type_.fields.items() if hasattr(type_, "fields") else ():
        if any(is_required_argument(each) for each in field.args.values()):
            continue
        named = get_named_type(field.type)
        if is_leaf_type(named):
            yield name
        elif depth and (below := " ".join(selection(named, depth - 1))):
            yield f"{name} {{ {below} }}"


FIELDS = dict(zip(ANALYSIS.fields, selection(ANALYSIS, 2), strict=True))


@pytest.fixture
async def ids(add: Add) -> dict[str, str]:
    """Insert analyses of every kind, and return the ids of the batch and of one of them."""
    whole = batch("RUNNING", name="whole", total_items=9)
    in_batch: Any = {
        "batch_id": whole.values["id"],
        "input_form": Form.CLIENT,
        "input_text": "A text.",
        "input_bytes": 7,
    }
    ended: Any = {"started_at": ago(20), "finished_at": ago(10), "attempt": 2, "processing_time_ms": 2.5}
    fault: Any = {"error_code": "INPUT_UNREADABLE", "error_message": "No.", "error_retryable": True}
    attempts = orjson.dumps([1, 0, [[1, 1, 5, 6, "worker_x", ["INPUT_UNREADABLE", "Once.", True]]]]).decode()
    long = "word " * 2_000
    rows: list[Row] = [
        analysis(**in_batch, key="mine", position=1),
        analysis("RUNNING", **in_batch, position=2, started_at=ago(5), progress=0.5, progress_step="half", attempt=1),
        analysis("RUNNING", position=3, started_at=ago(5), stop_requested="CANCELED", attempt=1),
        analysis("COMPLETED", **in_batch, **ended, position=4, result='{"summary": "x"}', result_form=Form.CLIENT),
        analysis("COMPLETED", **ended, position=5, result='{"summary": "x"}', options='{"top_words": 3}'),
        analysis("COMPLETED", **ended, position=6, analyzer="gone", input_data='{"some_key": 1}'),
        analysis("FAILED", **in_batch, **ended, **fault, position=7, error_fingerprint="f", attempts=attempts),
        analysis("FAILED", **fault, position=8, finished_at=NOW, input_text=long, input_bytes=len(long)),
        analysis("CANCELED", **ended, position=9, input_data=orjson.dumps(long).decode(), input_form=Form.CLIENT),
    ]
    await add(whole, *rows)
    return {"BATCH": str(whole.values["id"]), "ANALYSIS": str(rows[6].values["id"])}


class Asked:
    """Answers operations by graphql-core and compiled, and collects the columns of analyses that the second reads."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self._services = replace(services, analyzers=ANALYZERS)
        self._executor = Executor(SCHEMA, settings=services.settings, telemetry=services.telemetry)
        self.columns: list[set[str]] = []
        fetch = Statement.fetch

        async def collect(statement: Statement, reader: Reader, given: Mapping[str, Any]) -> list[Any]:
            if " FROM analysis" in " ".join(statement.text.split()):
                self.columns.append(set(statement.row._fields) - ALWAYS)
            return await fetch(statement, reader, given)

        monkeypatch.setattr(Statement, "fetch", collect)

    async def __call__(self, query: str, ids: Mapping[str, str]) -> dict[str, Any]:
        """Return the data of both ways, which are the same."""
        for name, id_ in ids.items():
            query = query.replace(name, id_)
        answers = []
        for _ in range(2):
            self.columns.clear()
            answer = await self._executor.execute(
                OperationRequest(query=query), Context(self._services, LOCAL_ADMINISTRATOR, "test")
            )
            assert "errors" not in answer.body, (query, answer.body["errors"])
            answers.append(orjson.loads(answer.json)["data"])
        telemetry = self._services.telemetry
        assert telemetry.interpreted["gave_up"] == 0
        assert answers[0] == answers[1]
        data: dict[str, Any] = answers[1]
        return data


@pytest.fixture
def ask(services: Services, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr("store.queue.progress.utcnow", lambda: NOW)
    return Asked(services, monkeypatch)


@pytest.mark.parametrize("name", FIELDS)
async def test_each_field_alone_is_answered_with_its_columns(name: str, ask: Asked, ids: dict[str, str]) -> None:
    for place in PLACES:
        await ask(f"{{ {place.replace('%s', FIELDS[name])} }}", ids)


async def test_all_fields_together_are_answered(ask: Asked, ids: dict[str, str]) -> None:
    for place in PLACES:
        await ask(f"{{ {place.replace('%s', ' '.join(FIELDS.values()))} }}", ids)


async def test_an_operation_reads_the_columns_of_its_fields(ask: Asked, ids: dict[str, str]) -> None:
    for place in (PLACES[0], PLACES[1], PLACES[4]):
        await ask(f"{{ {place.replace('%s', 'id status maxAttempts cancelable __typename')} }}", ids)
        assert ask.columns == [{"max_attempts", "stop_requested"}]
    await ask("{ analyses { totalCount nodes { ...F } } } fragment F on Node { id ... on Analysis { key } }", ids)
    assert ask.columns == [{"key"}]
    await ask("{ analyses { totalCount } }", ids)
    assert ask.columns == [set()]


async def test_fields_with_other_columns_share_no_row(ask: Asked, ids: dict[str, str]) -> None:
    """A row that was read with few columns is not taken for a field that needs more."""
    few, more = 'a: analysis(id: "ANALYSIS") { key }', 'b: analysis(id: "ANALYSIS") { status attempts { number } }'
    for query in (f"{{ {few} {more} }}", f"{{ {more} {few} }}"):
        data = await ask(query, ids)
        assert data["a"] == {"key": None}
        assert data["b"]["status"] == "FAILED"
        assert [each["number"] for each in data["b"]["attempts"]] == [1, 2]
    await ask(f'{{ {few} node(id: "ANALYSIS") {{ ... on Analysis {{ {" ".join(FIELDS.values())} }} }} }}', ids)
    query = f"{{ {few} again: {few.partition(': ')[2]} }}"
    await ask(query, ids)
    assert ask.columns == [{"key"}]


def test_every_field_of_an_analysis_has_known_columns() -> None:
    """A field that reads all columns would slow down each operation with it."""
    query = f"{{ analyses {{ nodes {{ {' '.join(FIELDS.values())} }} }} }}"
    plan = make_plan(build(CORE, query))
    info = type("Info", (), {"plan": plan.root.fields[0]})
    columns = columns_of(info, "Analysis")
    assert columns is not None
    assert {"result", "input_data", "error_message", "batch_id"} <= columns
    assert "lease" not in columns
