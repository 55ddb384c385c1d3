"""Rows of the old form: they read exactly as new rows do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import text, update

from analyzers.base import Analyzer, Job, Request, Result, name_fields
from analyzers.registry import load_registry
from execution.executor import Executor, OperationRequest
from jobs.sandbox.outcome import result_json
from jobs.sandbox.slot import request_json
from resolvers.context import Context, Services
from resolvers.exports import line_of
from resolvers.submissions import Requested, checked
from schema.build import build_schema
from settings import Settings
from store import tables
from store.analyses import analysis_by_id
from store.queue import claims, finish
from store.queue.enqueue import insert_analyses
from store.queue.finish import End, Origin, Outcome
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisRow, Form

QUEUED, COMPLETED = new_id("analysis"), new_id("analysis")
QUERY = """query ($id: ID!) { analysis(id: $id) {
  inputData options analyzer { name version }
  result { __typename score tags summary data ... on OrchardResult { bestTree { treeAge } } } } }"""


class OrchardTree(BaseModel):
    """A tree."""

    tree_age: int = Field(description="Years.")
    tags_of_it: dict[str, Any] = Field(default_factory=dict, description="Whatever is known of it.")


class OrchardRules(BaseModel):
    """The options of a part."""

    least_age: int = Field(default=3, description="Years.")


class OrchardRequest(Request):
    """Trees."""

    data: list[OrchardTree] = Field(description="The trees.")
    count_rules: OrchardRules = Field(default=OrchardRules(), description="What counts.")
    any_notes: dict[str, Any] | None = Field(default=None, description="Whatever the caller notes.")


class OrchardPick(BaseModel):
    """A tree that was picked."""

    tree_age: int = Field(description="Years.")
    first_seen: datetime | None = Field(default=None, description="When it was seen first.")


class OrchardResult(Result):
    """The test analyzer's result."""

    best_tree: OrchardPick | None = Field(description="The oldest.")
    by_name: dict[str, OrchardPick] = Field(default_factory=dict, description="Trees by the caller's names.")
    any_notes: dict[str, Any] | None = Field(default=None, description="What the caller noted.")


def pick(request: OrchardRequest, job: Job) -> OrchardResult:
    oldest = max(request.data, key=lambda tree: tree.tree_age)
    found = OrchardPick(tree_age=oldest.tree_age, first_seen=datetime.fromisoformat("2026-11-21T10:00:00+00:00"))
    summary = f"{len(request.data)} trees from {request.count_rules.least_age} years on."
    named = {"old_one": found}
    return OrchardResult(
        score=0.5, tags=["trees"], summary=summary, best_tree=found, by_name=named, any_notes=request.any_notes
    )


ORCHARD = Analyzer(
    name="orchard", version="1", description="Picks.", request=OrchardRequest, result=OrchardResult, run=pick
)
REQUEST = {
    "data": [{"treeAge": 4, "tagsOfIt": {"snake_key": 1}}, {"treeAge": 9}],
    "countRules": {"leastAge": 2},
    "anyNotes": {"a_b": {"c_d": None}, "eF": []},
}
# The columns of revision 0006 for REQUEST: the names are those of the models' fields.
OLD_DATA = '[{"tree_age":4,"tags_of_it":{"snake_key":1}},{"tree_age":9,"tags_of_it":{}}]'
OLD_OPTIONS = '{"count_rules":{"least_age":2},"any_notes":{"a_b":{"c_d":null},"eF":[]}}'
OLD_RESULT = (
    '{"score":0.5,"tags":["trees"],"summary":"2 trees from 2 years on.",'
    '"best_tree":{"tree_age":9,"first_seen":"2026-11-21T10:00:00Z"},'
    '"by_name":{"old_one":{"tree_age":9,"first_seen":"2026-11-21T10:00:00Z"}},'
    '"any_notes":{"a_b":{"c_d":null},"eF":[]}}'
)
OLD_INSERT = """
    INSERT INTO analysis (id, workspace, position, turn, analyzer, status, priority, input_data, options, result,
      progress, attempt, max_attempts, timeout_seconds, created_at, updated_at, queued_at, finished_at)
    VALUES (:id, 'default', 0, 0, 'orchard', :status, :priority, :data, :options, :result,
      0, 0, 3, 60, 1, 1, 1, :finished)
    """


@pytest.fixture(scope="module", autouse=True)
def named() -> None:
    """As the registry does it."""
    name_fields(ORCHARD.request, ORCHARD.result)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A queued and a completed row in the form of revision 0006, migrated to the newest."""
    opened = Database(Settings(database_url=database_url).database)
    try:
        await migrate(opened, "0006")
        async with opened.write() as connection:
            for typed_id, status, priority, result, finished in (
                (QUEUED, "QUEUED", 1, None, None),
                (COMPLETED, "COMPLETED", 5, OLD_RESULT, 2),
            ):
                values = {"id": typed_id, "status": status, "priority": priority, "data": OLD_DATA}
                values |= {"options": OLD_OPTIONS, "result": result, "finished": finished}
                await connection.execute(text(OLD_INSERT), values)
        await migrate(opened)
        yield opened
    finally:
        await opened.close()


async def new_row(database: Database) -> str:
    """The id of a row that this revision queued."""
    item, faults = checked({"orchard": ORCHARD}, Requested("orchard", REQUEST), 5, ["request"])
    assert faults == []
    typed_id = new_id("analysis")
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, [item], utcnow(), timeout_seconds=60, max_attempts=3, ids=[typed_id])
    return typed_id


async def run(database: Database, *, quickly: bool) -> None:
    """Run the queue's head as a worker does, and record it by either of the two ways."""
    async with database.write() as connection:
        (row,) = await claims.claim(connection, "worker", lambda _: 1, utcnow())
        request = ORCHARD.request.model_validate_json(request_json(ORCHARD, row))
        result = result_json(ORCHARD, ORCHARD.run(request, None), 1_000_000).decode()  # type: ignore[arg-type]
        origin = Origin(row.workspace, row.batch_id, row.attempt, row.analyzer) if quickly else None
        outcome = Outcome(row.id, row.lease, End.COMPLETED, result, None, 1.0, None, origin)
        assert await finish.finish(connection, [outcome], utcnow()) == [outcome]


async def read(database: Database, typed_id: str) -> AnalysisRow:
    async with database.read() as connection:
        row = await analysis_by_id(connection, VIEWER, typed_id)
    assert row is not None
    return row


async def shown(services: Services, typed_id: str, **analyzers: Analyzer[Any, Any]) -> tuple[Any, Any]:
    """A row by the graph and by the export, with the analyzers that a server has."""
    everything = {**load_registry().analyzers, "orchard": ORCHARD}  # in the schema, also if the server lacks it
    executor = Executor(build_schema(everything), settings=services.settings, telemetry=services.telemetry)
    context = Context(replace(services, analyzers=analyzers), VIEWER, "test")
    answer = await executor.execute(OperationRequest(query=QUERY, variables={"id": typed_id}), context)
    assert "errors" not in answer.body, answer.body["errors"]
    line = line_of(await read(services.database, typed_id), analyzers, with_input=True)
    assert line.count(b"\n") == 1
    exported = json.loads(line)
    graph = json.loads(answer.json)["data"]["analysis"]
    return graph, {name: exported[name] for name in ("inputData", "options", "result")}


OPTIONS = {"countRules": {"leastAge": 2}, "anyNotes": REQUEST["anyNotes"]}
DATA = [{"treeAge": 4, "tagsOfIt": {"snake_key": 1}}, {"treeAge": 9, "tagsOfIt": {}}]
PICK = {"treeAge": 9, "firstSeen": "2026-11-21T10:00:00Z"}
COMMON = {"score": 0.5, "tags": ["trees"], "summary": "2 trees from 2 years on."}
RESULT = {**COMMON, "bestTree": PICK, "byName": {"old_one": PICK}, "anyNotes": REQUEST["anyNotes"]}


@pytest.mark.parametrize("queued", ["old", "new"])
@pytest.mark.parametrize("finished", ["old", "quickly", "by its row"])
async def test_each_form_reads_alike(services: Services, queued: str, finished: str) -> None:
    """An analysis may be queued by one release and run by another: input and result have a form each."""
    database = services.database
    if queued == "old":
        typed_id = COMPLETED if finished == "old" else QUEUED
    else:
        typed_id = await new_row(database)
    if finished != "old":
        await run(database, quickly=finished == "quickly")
    elif queued == "new":  # a worker of the release before knows no form
        values = {"status": "COMPLETED", "result": OLD_RESULT}
        async with database.write() as connection:
            await connection.execute(update(tables.analysis).values(values).where(tables.analysis.c.id == typed_id))
    row = await read(database, typed_id)
    assert (Form(row.input_form), Form(row.result_form)) == (
        Form.MODEL if queued == "old" else Form.CLIENT,
        Form.MODEL if finished == "old" else Form.CLIENT,
    )
    assert (row.options == OLD_OPTIONS, row.result == OLD_RESULT) == (queued == "old", finished == "old")
    graph, exported = await shown(services, typed_id, orchard=ORCHARD)
    assert graph == {
        "inputData": DATA,
        "options": OPTIONS,
        "analyzer": {"name": "orchard", "version": "1"},
        "result": {"__typename": "OrchardResult", **COMMON, "data": RESULT, "bestTree": {"treeAge": 9}},
    }
    assert exported == {"inputData": DATA, "options": OPTIONS, "result": RESULT}


async def test_without_the_analyzer_keys_are_names_in_the_old_form_alone(services: Services) -> None:
    new = await new_row(services.database)
    await run(services.database, quickly=True)
    graph, exported = await shown(services, new)
    assert graph["result"] == {"__typename": "UntypedResult", **COMMON, "data": RESULT}
    assert (graph["inputData"], graph["options"]) == (DATA, OPTIONS)
    assert exported == {"inputData": DATA, "options": OPTIONS, "result": RESULT}

    graph, exported = await shown(services, COMPLETED)
    notes = {"aB": {"cD": None}, "eF": []}
    untyped = {**RESULT, "byName": {"oldOne": PICK}, "anyNotes": notes}
    assert graph["result"] == {"__typename": "UntypedResult", **COMMON, "data": untyped}
    assert (graph["inputData"], graph["options"]) == (json.loads(OLD_DATA), {**OPTIONS, "anyNotes": notes})
    assert exported == {"inputData": json.loads(OLD_DATA), "options": graph["options"], "result": untyped}


async def test_a_result_of_another_version_of_its_analyzer_is_untyped(services: Services) -> None:
    class OtherResult(Result):
        """The result of another version."""

        tree_count: int = Field(description="How many.")

    given: Analyzer[Any, Any] = ORCHARD
    other = replace(given, version="2", result=OtherResult)
    name_fields(OtherResult)
    new = await new_row(services.database)
    await run(services.database, quickly=False)
    graph, exported = await shown(services, new, orchard=other)
    assert graph["result"] == {"__typename": "UntypedResult", **COMMON, "data": RESULT}
    assert exported == {"inputData": DATA, "options": OPTIONS, "result": RESULT}

    graph, exported = await shown(services, COMPLETED, orchard=other)
    untyped = {**RESULT, "byName": {"oldOne": PICK}, "anyNotes": {"aB": {"cD": None}, "eF": []}}
    assert graph["result"] == {"__typename": "UntypedResult", **COMMON, "data": untyped}
    assert exported == {"inputData": DATA, "options": OPTIONS, "result": untyped}
