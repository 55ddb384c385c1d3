"""Results and stored JSON in answers, compiled and interpreted: equal bytes, whatever reads the result."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
import strawberry
from pydantic import Field

from analyzers.base import Analyzer, Choice, Job, Request, Result, name_fields
from analyzers.registry import load_registry
from execution.answers import Answer
from execution.executor import Executor, OperationRequest
from resolvers.analyses import result
from resolvers.context import Context, Services
from resolvers.decoders import Decoded
from schema.build import build_schema
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisRow, Form
from tests.resolvers import rows

QUERY = """query ($id: ID!) { analysis(id: $id) { inputData options result {
  __typename score summary data ... on PondResult { fishCount waterKind tags deepest { depthMeters } notes } } } }"""
INPUT = '{"b":[1.50,2E+1,"\\u00e9"],"a":{}}'


class PondWater(Choice):
    """Water of a pond."""

    FRESH = "FRESH", "Without salt."
    SALT = "SALT", "With salt."


class PondPlace(Result):
    """A place in a pond."""

    depth_meters: float = Field(ge=0, description="Meters.")


class PondRequest(Request):
    """A pond."""

    data: dict[str, Any] = Field(description="The pond.")


class PondResult(Result):
    """The test analyzer's result."""

    fish_count: int = Field(description="How many.")
    water_kind: PondWater = Field(default=PondWater.FRESH, description="Its water.")
    deepest: PondPlace | None = Field(default=None, description="The deepest place.")
    notes: dict[str, Any] = Field(default_factory=dict, description="Notes.")


def count(request: PondRequest, job: Job) -> PondResult:
    return PondResult(summary="", fish_count=len(request.data))


POND = Analyzer(name="pond", version="1", description="Counts.", request=PondRequest, result=PondResult, run=count)
PLACE: dict[str, Any] = {"score": None, "tags": [], "summary": "", "depthMeters": 2}
WHOLE: dict[str, Any] = {
    "score": 1,
    "tags": ["a"],
    "summary": "A pond.",
    "fishCount": 3,
    "waterKind": "SALT",
    "deepest": PLACE,
    "notes": {"a_b": [None, 2**53]},
}


@pytest.fixture(scope="module")
def schema() -> strawberry.Schema:
    name_fields(POND.request, POND.result)  # as the registry does it
    return build_schema({**load_registry().analyzers, "pond": POND})


@pytest.fixture
def answers(
    services: Services, schema: strawberry.Schema, add: Callable[..., Awaitable[None]]
) -> Callable[[str, str], Awaitable[Answer]]:
    """Return a function that stores a result and options, and returns the answer, after a comparison of all ways."""
    given = replace(services, analyzers={"pond": POND})
    ways = [
        Executor(schema, settings=given.settings, telemetry=given.telemetry, compiled_bytes=size) for size in (0, 2**20)
    ]

    async def read(stored: str, options: str = "{}") -> Answer:
        forms = {"input_form": Form.CLIENT, "result_form": Form.CLIENT}
        row = rows.analysis("COMPLETED", analyzer="pond", input_data=INPUT, options=options, result=stored, **forms)
        await add(row)
        request = OperationRequest(query=QUERY, variables={"id": row.values["id"]})
        found = []
        compiled = given.telemetry.compiled
        for executor in ways:
            for _ in range(3):
                found.append(await executor.execute(request, Context(given, VIEWER, "test")))
        assert given.telemetry.compiled - compiled >= ("errors" not in found[0].body)
        assert {each.json for each in found} == {found[0].json}
        return found[0]

    return read


def typed(services: Services, stored: str) -> Any:
    """Return the result of a row."""
    row = AnalysisRow(**rows.analysis("COMPLETED", analyzer="pond", result=stored, result_form=Form.CLIENT).values)
    context = Context(replace(services, analyzers={"pond": POND}), VIEWER, "test")
    return result(context, row, None)  # type: ignore[arg-type]


async def test_a_result_is_decoded(services: Services, answers: Any) -> None:
    stored = json.dumps(WHOLE)
    assert isinstance(typed(services, stored), Decoded)
    whole = {**WHOLE, "score": 1.0, "deepest": {**PLACE, "depthMeters": 2.0}}
    analysis = json.loads((await answers(stored)).json)["data"]["analysis"]
    assert analysis["result"] == {
        "__typename": "PondResult",
        "score": 1.0,
        "summary": "A pond.",
        "data": whole,
        "fishCount": 3,
        "waterKind": "SALT",
        "tags": ["a"],
        "deepest": {"depthMeters": 2.0},
        "notes": WHOLE["notes"],
    }


async def test_a_result_that_pydantic_alone_accepts_is_typed(services: Services, answers: Any) -> None:
    stored = json.dumps({**WHOLE, "fishCount": "3"})
    assert type(typed(services, stored)) is PondResult
    found = json.loads((await answers(stored)).json)["data"]["analysis"]["result"]
    assert (found["__typename"], found["fishCount"], found["data"]["fishCount"]) == ("PondResult", 3, 3)


@pytest.mark.parametrize(
    "changed", [{"fishCount": None}, {"score": 2}, {"fish": 1}, {"deepest": {**PLACE, "depthMeters": -1}}]
)
async def test_a_result_that_pydantic_refuses_is_untyped(answers: Any, changed: dict[str, Any]) -> None:
    """Also if no selected field is at fault."""
    found = json.loads((await answers(json.dumps(WHOLE | changed))).json)["data"]["analysis"]["result"]
    assert (found["__typename"], found["data"]) == ("UntypedResult", WHOLE | changed)


async def test_stored_json_is_in_the_answer_as_it_was_written(answers: Any) -> None:
    options = '{"z":1.0E2,"a":[18446744073709551615]}'
    answer = await answers(json.dumps(WHOLE), options)
    assert f'"inputData":{INPUT},"options":{options},"result"'.encode() in answer.json
    untyped = '{"score": null, "tags":[], "summary":"Old.", "other":[1.50]}'
    assert f'"data":{untyped}'.encode() in (await answers(untyped)).json


async def test_damaged_options_are_an_error_of_their_field(answers: Any) -> None:
    answer = json.loads((await answers(json.dumps(WHOLE), '{"a":')).json)
    assert answer["data"] == {"analysis": None}
    assert [each["path"] for each in answer["errors"]] == [["analysis", "options"]]


async def test_a_large_integer_is_written_beside_stored_json(answers: Any) -> None:
    answer = await answers(json.dumps({**WHOLE, "notes": {"large": 2**70}}))
    analysis = json.loads(answer.json)["data"]["analysis"]
    assert analysis["inputData"] == json.loads(INPUT)
    assert analysis["result"]["notes"] == analysis["result"]["data"]["notes"] == {"large": 2**70}
