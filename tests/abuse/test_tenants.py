"""Two workspaces on one server: nothing of the one is in an answer to the other, through the whole schema."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    get_named_type,
    is_input_object_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from sqlalchemy import text

from analyzers.registry import load_registry
from events.bus import Bus
from events.feed import Feed
from execution.executor import Executor, OperationRequest
from execution.subscriptions import SharedStream
from resolvers.context import Context, Services
from resolvers.monitor import Monitor
from schema.build import fit
from settings import Settings
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR, Role, Viewer
from store.submissions import Submissions
from telemetry import Telemetry

ANN = Viewer("ann", "workspace_alfa", Role.ADMIN, user_id="user_ann", credential_id="signin_ann")
AMY = Viewer("amy", "workspace_alfa", Role.ADMIN, user_id="user_amy", credential_id="signin_amy")
BEN = Viewer("ben", "workspace_beta", Role.ADMIN, user_id="user_ben", credential_id="signin_ben")
ADMINISTRATOR = replace(BEN, is_administrator=True)

CANARY = "canary"
SCHEMA, ANALYZERS, _ = fit(load_registry().analyzers)
_CORE: Any = SCHEMA._schema

SUBMIT = """mutation ($text: String!, $key: String) { submitAnalysis(input: {
  request: { text: { text: $text } }, idempotencyKey: $key }) { analysis { id } userErrors { code message } } }"""
BATCH = """mutation ($text: String!, $key: String) { batchProcess(input: { name: $text, idempotencyKey: $key,
  items: [{ key: "canary-key", request: { text: { text: $text } } }] }) {
  batch { id results { nodes { id } } } userErrors { code } } }"""
BULK = """mutation ($ids: [ID!]) { runBulkAction(input: { kind: CANCEL, ids: $ids, expected: 1 }) {
  action { id } userErrors { code message } } }"""


class Tenants:
    """One server, and answers to its viewers."""

    def __init__(self, database: Database, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.telemetry = Telemetry("server:1")
        self.executor = Executor(SCHEMA, settings=settings, telemetry=self.telemetry)
        self.database = database
        self.services = Services(
            settings=settings,
            database=database,
            submissions=Submissions(database),
            feed=Feed(database),
            bus=Bus(),
            telemetry=self.telemetry,
            analyzers=ANALYZERS,
            plugin_failures={},
            instance="server:1",
        )

    async def answer(self, viewer: Viewer, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        request = OperationRequest(query, variables=dict(variables))
        services = replace(self.services, monitor=Monitor())  # without cached figures
        answer = await self.executor.execute(request, Context(services, viewer, "test"))
        body: dict[str, Any] = orjson.loads(answer.json)
        return body

    async def ask(self, viewer: Viewer, query: str, **variables: Any) -> dict[str, Any]:
        """Return the data of an answer without errors."""
        body = await self.answer(viewer, query, variables)
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def stream(self, viewer: Viewer, query: str, **variables: Any) -> Any:
        """Begin a subscription and return its stream."""
        request = OperationRequest(query, variables=variables)
        return await self.executor.open(request, Context(self.services, viewer, "test"))

    async def create(self, viewer: Viewer, text: str) -> dict[str, str]:
        """Create one object of each kind, and return their ids by kind."""
        analysis = (await self.ask(viewer, SUBMIT, text=text))["submitAnalysis"]["analysis"]["id"]
        batch = (await self.ask(viewer, BATCH, text=text))["batchProcess"]["batch"]
        action = (await self.ask(viewer, BULK, ids=[analysis]))["runBulkAction"]["action"]["id"]
        return {"analysis": analysis, "item": batch["results"]["nodes"][0]["id"], "batch": batch["id"], "bulk": action}


@pytest.fixture
async def tenants(database: Database, tmp_path: Path) -> AsyncIterator[Tenants]:
    """A server without workers."""
    tenants = Tenants(database, tmp_path)
    yield tenants
    await tenants.services.submissions.close()


class IdInput(NamedTuple):
    """An input for ids: an operation, its root field, and the path from an argument to the input."""

    operation: str
    field: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operation}.{self.field}.{'.'.join(self.path)}"


def _ids_in(name: str, given: GraphQLArgument | GraphQLInputField, above: tuple[Any, ...]) -> Iterator[tuple[str, ...]]:
    type_: Any = get_named_type(given.type)
    if type_.name == "ID":
        yield (name,)
    elif is_input_object_type(type_) and type_ not in above:
        for each, below in type_.fields.items():
            yield from ((name, *path) for path in _ids_in(each, below, (*above, type_)))


ID_INPUTS = [
    IdInput(root.name.lower(), name, path)
    for root in (_CORE.query_type, _CORE.mutation_type, _CORE.subscription_type)
    for name, field in root.fields.items()
    for argument, given in field.args.items()
    for path in _ids_in(argument, given, ())
]

_EXAMPLES = {
    "String": CANARY,
    "Int": 1,
    "Boolean": True,
    "Float": 1.0,
    "ID": "analysis_0",
    "DateTime": "2026-01-01T00:00:00Z",
}


def _value(type_: Any, path: tuple[str, ...], id_: str) -> Any:
    """Return a value of an input type: the id at the end of the path, and examples where the type requires a value."""
    if "[" in str(type_):
        return [_value(get_named_type(type_), path, id_)]
    type_ = get_named_type(type_)
    if not path and type_.name == "ID":
        return id_
    if is_input_object_type(type_):
        fields = type_.fields.items()
        return {
            name: _value(
                each.type, path[1:] if path[:1] == (name,) else (), "analysis_0" if path[:1] != (name,) else id_
            )
            for name, each in fields
            if path[:1] == (name,) or is_required_input_field(each)
        }
    return next(iter(type_.values)) if hasattr(type_, "values") else _EXAMPLES[type_.name]


# Figures that depend on the time.
_CHANGING = ("estimatedWaitSeconds", "latency", "metrics", "queue")


def _selection(type_: Any, depth: int = 3) -> str:
    """Return a selection of all fields down to a depth, of all possible objects."""
    type_ = get_named_type(type_)
    if is_leaf_type(type_):
        return ""
    fields = getattr(type_, "fields", {})
    parts = ["__typename"]
    for name, each in fields.items():
        is_shown = not any(map(is_required_argument, each.args.values())) and name not in _CHANGING
        if is_shown and (depth or is_leaf_type(get_named_type(each.type))):
            parts.append(name + _selection(each.type, depth - 1))
    return " { " + " ".join(parts) + " }"


def operation_of(where: IdInput, id_: str) -> tuple[str, dict[str, Any]]:
    """Return the operation that gives this id to the input, and its variables."""
    root = {"query": _CORE.query_type, "mutation": _CORE.mutation_type, "subscription": _CORE.subscription_type}
    field: GraphQLField = root[where.operation].fields[where.field]
    used = {name: each for name, each in field.args.items() if name == where.path[0] or is_required_argument(each)}
    variables = {
        name: _value(each.type, where.path[1:] if name == where.path[0] else (), id_) for name, each in used.items()
    }
    definitions = ", ".join(f"${name}: {each.type}" for name, each in used.items())
    given = ", ".join(f"{name}: ${name}" for name in used)
    return f"{where.operation} ({definitions}) {{ {where.field}({given}){_selection(field.type)} }}", variables


def _comparable(body: Any) -> str:
    """Return an answer without its ids and times."""
    return re.sub(r"\b[a-z]+_[0-9a-z]{26}\b|\d{4}-\d\d-\d\dT[\d:.]+Z", "…", orjson.dumps(body).decode())


def test_the_inputs_for_ids_are_found() -> None:
    fields = {each.field for each in ID_INPUTS}
    assert fields >= {"node", "nodes", "analysis", "analyses", "batch", "errorGroups", "events"}
    assert fields >= {"cancelAnalysis", "retryAnalysis", "deleteAnalysis", "cancelBatch", "retryBatch", "deleteBatch"}
    assert fields >= {"runBulkAction", "stopBulkAction"}
    assert len(ID_INPUTS) >= 20


@pytest.mark.parametrize("where", [each for each in ID_INPUTS if each.operation != "subscription"], ids=str)
async def test_an_id_of_another_workspace_is_like_an_id_that_never_existed(tenants: Tenants, where: IdInput) -> None:
    foreign = await tenants.create(ANN, CANARY)
    before = await _everything_of(tenants, ANN)
    for kind, id_ in foreign.items():
        never = new_id(id_.partition("_")[0])
        answers = []
        for given in (id_, never):
            query, variables = operation_of(where, given)
            body = await tenants.answer(BEN, query, variables)
            answers.append(_comparable(body))
        assert answers[0] == answers[1], kind
        assert CANARY not in answers[0].replace('"canary"', "")
    assert await _everything_of(tenants, ANN) == before


@pytest.mark.parametrize("name", ["analysis", "batch"])
async def test_a_subscription_to_an_id_of_another_workspace(tenants: Tenants, name: str) -> None:
    foreign = await tenants.create(ANN, CANARY)
    found = []
    for given in (foreign[name], new_id(name)):
        query, variables = operation_of(IdInput("subscription", name, ("id",)), given)
        stream = await tenants.stream(BEN, query, **variables)
        pages = stream.follow(None)
        (_, answer), *_ = await anext(pages)
        await pages.aclose()
        found.append(_comparable(orjson.loads(answer.json)))
    assert found[0] == found[1]
    assert "NOT_FOUND" in found[0]


async def _everything_of(tenants: Tenants, viewer: Viewer) -> dict[str, Any]:
    """Return all lists, counts and figures of a viewer that do not depend on the time."""
    return await tenants.ask(
        viewer,
        """{
          analyses { totalCount nodes { id key status title inputText } pageInfo { hasNextPage endCursor } }
          search: analyses(filter: { search: "canary" }) { totalCount nodes { id } }
          keyed: analyses(filter: { key: ["canary-key"] }) { totalCount nodes { id } }
          batches { totalCount nodes { id name status } }
          errorGroups { code count }
          events(first: 100) { nodes { type subjectId } }
          queue { metrics { depth running byPriority { priority depth } byAnalyzer { analyzer depth } } }
          metrics {
            batches { total running itemsProcessed itemsFailed itemsPerSecond latency { p50Ms } }
            queue { depth running byAnalyzer { depth } throughput { lastFiveMinutes } latency { total { p50Ms } } }
            storage { analyses events }
            workers { current { id } }
            http { operations { name } }
          }
        }""",
    )


async def test_lists_counts_and_figures(tenants: Tenants) -> None:
    nothing = await _everything_of(tenants, BEN)
    assert nothing["metrics"]["storage"] == {"analyses": 0, "events": 0}
    await tenants.create(ANN, CANARY)
    assert await _everything_of(tenants, BEN) == nothing
    await tenants.create(BEN, "Ours.")
    own = await _everything_of(tenants, ANN)
    assert (own["analyses"]["totalCount"], own["batches"]["totalCount"], own["search"]["totalCount"]) == (2, 1, 2)
    assert own["queue"]["metrics"] == {
        "depth": 2,
        "running": 0,
        "byPriority": [{"priority": 5, "depth": 2}],
        "byAnalyzer": [{"analyzer": "text", "depth": 2}],
    }
    assert own["metrics"]["batches"]["total"] == 1
    assert own["metrics"]["storage"] == {"analyses": 2, "events": len(own["events"]["nodes"])}
    assert own["metrics"]["http"]["operations"] == []
    everything = await _everything_of(tenants, LOCAL_ADMINISTRATOR)
    assert everything["metrics"]["queue"]["depth"] == 4
    assert everything["metrics"]["storage"]["analyses"] == 4
    assert (await _everything_of(tenants, ADMINISTRATOR))["metrics"]["queue"]["depth"] == 2


async def test_figures_of_all_workspaces_are_for_administrators(tenants: Tenants) -> None:
    query = """query Canary { health { components { name message } recommendations }
      history(range: LAST_15_MINUTES) { points { queued requestP95Ms } } metrics { http { operations { name } } } }"""
    await tenants.ask(ADMINISTRATOR, query)
    for viewer, is_shown in ((ADMINISTRATOR, True), (LOCAL_ADMINISTRATOR, True), (BEN, False)):
        found = await tenants.ask(viewer, query)
        messages = {each["name"]: each["message"] for each in found["health"]["components"]}
        assert messages["workers"] is not None
        assert (messages["queue"] is not None) == is_shown
        assert ([each["name"] for each in found["metrics"]["http"]["operations"]] == ["Canary"]) == is_shown
        assert {each["queued"] for each in found["history"]["points"]} == {None}


async def test_a_cursor_of_another_workspace_finds_only_own_rows(tenants: Tenants) -> None:
    await tenants.create(ANN, CANARY)
    own = await tenants.create(BEN, "Ours.")
    page = "query ($after: String) { analyses(after: $after, first: 1) { nodes { id } pageInfo { endCursor } } }"
    events = (
        "query ($after: String) { events(after: $after, first: 100) { nodes { subjectId } pageInfo { endCursor } } }"
    )
    cursor = (await tenants.ask(ANN, page))["analyses"]["pageInfo"]["endCursor"]
    found = (await tenants.ask(BEN, page, after=cursor))["analyses"]["nodes"]
    assert {each["id"] for each in found} <= {own["analysis"], own["item"]}
    place = (await tenants.ask(ANN, events))["events"]["pageInfo"]["endCursor"]
    found = (await tenants.ask(BEN, events, after=place))["events"]["nodes"]
    assert {each["subjectId"] for each in found} <= set(own.values())


async def test_an_idempotency_key_belongs_to_a_workspace(tenants: Tenants) -> None:
    for key, query in (("one", SUBMIT), ("two", BATCH)):
        ids = set()
        for viewer in (ANN, AMY, BEN):
            (payload,) = (await tenants.ask(viewer, query, text=CANARY, key=key)).values()
            assert payload["userErrors"] == []
            ids.add((payload.get("analysis") or payload.get("batch"))["id"])
        assert len(ids) == 2


async def test_members_share_a_subscription_and_workspaces_do_not(tenants: Tenants) -> None:
    query = "subscription { events { type subjectId } }"
    keys = []
    for viewer in (ANN, AMY, BEN, replace(ANN, role=Role.VIEWER), replace(ANN, is_administrator=True)):
        stream = await tenants.stream(viewer, query)
        assert isinstance(stream, SharedStream)
        keys.append(stream.key)
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4


async def test_a_shared_subscription_has_no_event_of_another_workspace(tenants: Tenants) -> None:
    query = "subscription { events { type subjectId } }"
    stream = await tenants.stream(BEN, query)
    start, _ = await stream.end()
    await tenants.create(ANN, CANARY)
    own = await tenants.create(BEN, "Ours.")
    end, _ = await stream.end()
    subjects = [
        orjson.loads(answer.json)["data"]["events"]["subjectId"]
        async for page in stream.replay(start, end)
        for _, answer in page
    ]
    assert set(subjects) == set(own.values()) or set(subjects) < set(own.values())
    assert own["analysis"] in subjects


def test_a_context_for_several_callers_knows_no_person() -> None:
    shared = ANN.without_person()
    assert shared == AMY.without_person()
    assert shared.rights == ANN.rights
    assert (shared.name, shared.user_id, shared.credential_id) == ("", "", "")
    assert not shared.is_local
    assert LOCAL_ADMINISTRATOR.without_person().is_local


@pytest.mark.needs("postgresql")
async def test_the_sample_of_a_long_log_on_postgresql(
    tables: None, postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(Settings(database_url=postgresql_url).database)
    tenants = Tenants(database, tmp_path)
    await tenants.create(ANN, CANARY)
    await tenants.create(BEN, "Ours.")
    async with database.write() as connection:
        await connection.execute(text("ANALYZE event"))
    exact = (await _everything_of(tenants, BEN))["metrics"]["storage"]["events"]
    assert exact > 0
    # A share above 100 % is refused, and one of 50 % of one page reads the page or nothing.
    monkeypatch.setattr("store.workspace_figures.MOST_COUNTED", exact)
    assert (await _everything_of(tenants, BEN))["metrics"]["storage"]["events"] in (0, exact)
    await tenants.services.submissions.close()
    await database.close()
