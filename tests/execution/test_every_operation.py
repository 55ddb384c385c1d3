"""Every operation of the project, by graphql-core and compiled, on a filled database."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLNonNull,
    OperationDefinitionNode,
    OperationType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    parse,
    type_from_ast,
)
from graphql.type import is_required_input_field
from sqlalchemy import insert

from analyzers.registry import load_registry
from events.bus import Bus
from events.feed import Feed
from execution.answers import Answer
from execution.compile.cache import Programs, compile_operation
from execution.compile.run import Program
from execution.executor import Executor, OperationRequest, SharedStream
from execution.strawberry_parts import core_schema
from resolvers.context import Context, Services
from schema.build import fit
from settings import Settings
from store.events import START
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.submissions import Submissions
from store.tables import Form
from telemetry import Telemetry
from tests.execution.operations import operations
from tests.resolvers import rows

SCHEMA, ANALYZERS, _ = fit(load_registry(built_in=True).analyzers)
CORE = core_schema(SCHEMA)

RESULT = json.dumps({"score": 0.5, "tags": ["positive"], "summary": "Good.", "language": {"code": "en"}})
ENDED: dict[str, Any] = {
    "finished_at": rows.NOW,
    "started_at": rows.NOW,
    "attempt": 1,
    "input_text": "All is well.",
    "input_bytes": 12,
}
FAULT: dict[str, Any] = {"error_code": "ANALYZER_FAILED", "error_message": "It failed.", "error_retryable": False}


async def fill(database: Database) -> dict[str, list[str]]:
    """Insert rows of each kind and state; return the ids by kind."""
    batch = rows.batch("RUNNING", name="first", total_items=4, processed=2, queued=2)
    ended = rows.batch("COMPLETED", processed=10, finished_at=rows.NOW)
    complete: dict[str, Any] = {**ENDED, "result": RESULT, "result_bytes": len(RESULT), "result_form": Form.CLIENT}
    of_batch: dict[str, Any] = {"batch_id": batch.values["id"]}
    made = [
        batch,
        ended,
        rows.bulk_action(),
        rows.worker(),
        rows.analysis("COMPLETED", position=1, **complete),
        rows.analysis("COMPLETED", position=2, **{**complete, "result": "[]"}),
        rows.analysis("COMPLETED", position=3, analyzer="gone", **complete),
        rows.analysis("FAILED", position=4, **ENDED, **FAULT),
        rows.analysis("CANCELED", position=5, **ENDED),
        rows.analysis("QUEUED", position=6, input_text="Waiting.", input_bytes=8),
        *(rows.analysis("COMPLETED", position=10 + each, key=f"k{each}", **of_batch, **complete) for each in range(2)),
        *(rows.analysis("QUEUED", position=20 + each, key=f"q{each}", **of_batch) for each in range(2)),
    ]
    state = {"status": "QUEUED", "fraction": 0.0, "step": None, "error": None}
    made += [
        rows.event(subject=each.values["id"], data=json.dumps(state))
        for each in made
        if each.values["id"].startswith("analysis")
    ]
    async with database.write() as connection:
        for row in made:
            await connection.execute(insert(row.table), row.values)
    ids: dict[str, list[str]] = {}
    for row in made:
        if "id" in row.values:
            ids.setdefault(row.values["id"].partition("_")[0], []).append(row.values["id"])
    return ids


class Values:
    """Random values for the variables of an operation."""

    def __init__(self, seed: str, ids: dict[str, list[str]]) -> None:
        self._choose = random.Random(seed)
        self._ids = [each for kind in ids.values() for each in kind]

    def of(self, document: DocumentNode, name: str | None) -> dict[str, Any]:
        """Return the variables of an operation: the required ones and some of the others."""
        given = {}
        for operation in document.definitions:
            if isinstance(operation, OperationDefinitionNode) and _name(operation) == name:
                for each in operation.variable_definitions or ():
                    type_ = type_from_ast(CORE, each.type)
                    if (is_non_null_type(type_) and each.default_value is None) or self._choose.random() < 0.3:
                        given[each.variable.name.value] = self._value(type_, each.variable.name.value, 3)
        return given

    def _value(self, type_: Any, name: str, depth: int) -> Any:
        if not is_non_null_type(type_) and self._choose.random() < 0.2:
            return None
        type_ = get_nullable_type(type_)
        if is_list_type(type_):
            return [self._value(type_.of_type, name, depth - 1) for _ in range(self._choose.randint(0, 2))]
        if isinstance(type_, GraphQLEnumType):
            return self._choose.choice(list(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            if type_.is_one_of:
                field = self._choose.choice(list(type_.fields))
                return {field: self._value(GraphQLNonNull(get_nullable_type(type_.fields[field].type)), field, depth)}
            return {
                field: self._value(each.type, field, depth - 1)
                for field, each in type_.fields.items()
                if is_required_input_field(each) or (depth > 0 and self._choose.random() < 0.2)
            }
        return {
            "ID": self._choose.choice([*self._ids, "nonsense"]),
            "Int": self._choose.randint(0, 5),
            "Float": 1.5,
            "BigInt": 3,
            "Boolean": self._choose.random() < 0.5,
            "DateTime": "2026-11-21T10:00:00.000Z",
            "JSON": {"a": [1, None]},
            "String": self._choose.choice(["text", "k1", "All is well.", ""]),
        }[type_.name]


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


class Server:
    """An executor over one database. All that waits for a client ends at once."""

    def __init__(self, path: Path, compiled_bytes: int) -> None:
        self.settings = Settings(database_url=f"sqlite:///{path}", data_dir=path.parent)
        self.database = Database(self.settings.database)
        self.telemetry = Telemetry("server:1")
        self.executor = Executor(
            SCHEMA, settings=self.settings, telemetry=self.telemetry, compiled_bytes=compiled_bytes
        )
        self.services = Services(
            settings=self.settings,
            database=self.database,
            submissions=Submissions(self.database),
            feed=Feed(self.database),
            bus=Bus(),
            telemetry=Telemetry("server:1"),
            analyzers=ANALYZERS,
            plugin_failures={},
            instance="server:1",
        )
        self.services.stopping.set()

    async def close(self) -> None:
        """Close the database after the last submission."""
        await self.services.submissions.close()
        await self.database.close()

    async def answer(self, request: OperationRequest) -> dict[str, Any]:
        """Return the body of the answer to a query or a mutation."""
        answer = await self.executor.execute(request, self._context())
        return dict(json.loads(answer.json))

    async def answers(self, request: OperationRequest) -> list[Any]:
        """Return the answers of a subscription to all past events, or its first answer if it has no past."""
        stream = await self.executor.open(request, self._context())
        if isinstance(stream, Answer):
            return [json.loads(stream.json)]
        if isinstance(stream, SharedStream):
            end, _ = await stream.end()
            pages = stream.replay(START, end)
        else:
            pages = stream.follow(None)
        bodies = []
        async with aclosing(pages):
            async for page in pages:
                bodies += [json.loads(answer.json) for _, answer in page]
                if not isinstance(stream, SharedStream):
                    break
        stream.record(False)
        return bodies

    def _context(self) -> Context:
        return Context(self.services, LOCAL_ADMINISTRATOR, "request")


@pytest.fixture(scope="module")
def documents() -> dict[OperationType, list[tuple[str, str | None]]]:
    """Return each operation as the text of its document and its name, by kind."""
    found: dict[OperationType, list[tuple[str, str | None]]] = {kind: [] for kind in OperationType}
    for text in operations(CORE):
        for each in parse(text).definitions:
            if isinstance(each, OperationDefinitionNode):
                found[each.operation].append((text, _name(each)))
    return found


@pytest.fixture
async def filled(migrated_file: Path, tmp_path: Path) -> tuple[Path, dict[str, list[str]]]:
    """Return a SQLite file with rows of each kind, and their ids."""
    path = Path(shutil.copy(migrated_file, tmp_path / "filled.db"))
    database = Database(Settings(database_url=f"sqlite:///{path}").database)
    ids = await fill(database)
    await database.close()
    return path, ids


@pytest.fixture(autouse=True)
def compile_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile an operation at its first use, since a mutation runs once in a test."""

    def get(self: Programs, _text: str, _name: Any, _conditions: Any, operation: Any) -> Program | str:
        return compile_operation(operation) if self.max_bytes else "first_use"

    monkeypatch.setattr(Programs, "get", get)
    monkeypatch.setattr("resolvers.analyses._CANCEL_WAIT_SECONDS", 0.0)


def shape(value: Any) -> Any:
    """Return keys, lengths, classes, names of types and codes in place of values."""
    if isinstance(value, dict):
        return {
            key: each if key in ("__typename", "code", "path", "locations") else shape(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


async def test_queries(
    documents: dict[OperationType, list[tuple[str, str | None]]], filled: tuple[Path, dict[str, list[str]]]
) -> None:
    path, ids = filled
    interpreting, compiling = Server(path, 0), Server(path, 1 << 20)
    outcomes: Counter[str] = Counter()
    for text, name in documents[OperationType.QUERY]:
        for attempt in range(3):
            variables = Values(f"{text} {attempt}", ids).of(parse(text), name)
            if attempt and not variables:
                break
            request = OperationRequest(text, name, variables)
            expected, found = await interpreting.answer(request), await compiling.answer(request)
            if json.dumps(expected) == json.dumps(found):
                outcomes["equal"] += 1
            else:
                # Figures of time change between two answers: so does graphql-core's second one.
                assert json.dumps(shape(expected)) == json.dumps(shape(found)), (text, variables)
                outcomes["changing"] += 1
    await interpreting.close()
    await compiling.close()
    assert outcomes["equal"] > 150
    assert outcomes["changing"] < outcomes["equal"] / 4
    assert compiling.telemetry.compiled > 150
    assert set(compiling.telemetry.interpreted) <= {"gave_up", "introspection"}


async def test_mutations(
    documents: dict[OperationType, list[tuple[str, str | None]]], filled: tuple[Path, dict[str, list[str]]]
) -> None:
    path, ids = filled
    compiled = 0
    for number, (text, name) in enumerate(documents[OperationType.MUTATION]):
        variables = Values(f"{text} {number}", ids).of(parse(text), name)
        bodies = []
        for compiled_bytes in (0, 1 << 20):
            server = Server(Path(shutil.copy(path, path.with_name("copy.db"))), compiled_bytes)
            body = await server.answer(OperationRequest(text, name, variables))
            compiled += server.telemetry.compiled
            await server.close()
            for left in path.parent.glob("copy.db*"):
                left.unlink()
            bodies.append(json.dumps(shape(body)))
        assert bodies[0] == bodies[1], (text, variables)
    assert compiled > 50


async def test_subscriptions(
    documents: dict[OperationType, list[tuple[str, str | None]]], filled: tuple[Path, dict[str, list[str]]]
) -> None:
    path, ids = filled
    interpreting, compiling = Server(path, 0), Server(path, 1 << 20)
    for text, name in documents[OperationType.SUBSCRIPTION]:
        variables = Values(text, ids).of(parse(text), name)
        request = OperationRequest(text, name, variables)
        expected, found = await interpreting.answers(request), await compiling.answers(request)
        assert json.dumps(shape(expected)) == json.dumps(shape(found)), (text, variables)
    await interpreting.close()
    await compiling.close()
    assert compiling.telemetry.compiled > 100
