"""Analyzers of installed packages, used through the schema."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.calls import SUBMIT, Api, ApiServer, connected

SURVEY = """
mutation Survey($request: SurveyRequest!) {
  submitAnalysis(input: { request: { survey: $request }, waitSeconds: 30 }) {
    userErrors { code message path }
    analysis { id status inputData options analyzer { id name version resultTypeName }
      result { data ... on SurveyResult {
        score tags summary mode figure since bestPlace { atStation weighed } places { atStation weighed } } } }
  }
}
"""
READINGS = [{"atStation": "north", "value": 3}, {"atStation": "south", "value": -1.5}]
TYPES = """
query Types($name: String!) {
  __type(name: $name) {
    kind description
    inputFields { name description defaultValue type { kind } }
    enumValues { name description }
    interfaces { name }
  }
}
"""


async def survey(api: Api, **request: object) -> dict[str, Any]:
    payload = (await api(SURVEY, request={"data": READINGS, **request}))["submitAnalysis"]
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["analysis"]
    return found


async def test_request_and_result_have_their_own_types(api: Api) -> None:
    found = await survey(
        api, mode="TOTAL", scale={"factor": 2, "offsetBy": 1}, sha256sum=True, since="2026-11-21T11:00:00+01:00"
    )
    places = [{"atStation": "north", "weighed": 7.0}, {"atStation": "south", "weighed": -2.0}]
    common = {"score": 0.5, "tags": ["survey"], "summary": "2 readings.", "mode": "TOTAL", "figure": 5.0}
    typed = {**common, "bestPlace": places[0], "places": places}
    assert found == {
        "id": found["id"],
        "status": "COMPLETED",
        "inputData": [{"atStation": "north", "value": 3.0}, {"atStation": "south", "value": -1.5}],
        "options": {
            "mode": "TOTAL",
            "scale": {"factor": 2.0, "offsetBy": 1},
            "sha256sum": True,
            "since": "2026-11-21T10:00:00Z",
        },
        "analyzer": {"id": "analyzer_survey", "name": "survey", "version": "7", "resultTypeName": "SurveyResult"},
        "result": {
            **typed,
            "since": "2026-11-21T10:00:00.000Z",
            "data": {**typed, "since": "2026-11-21T10:00:00Z"},
        },
    }


async def test_defaults_are_filled_in_also_in_nested_models(api: Api) -> None:
    found = await survey(api, scale=None, since=None)
    assert found["options"] == {
        "mode": "MEAN",
        "scale": {"factor": 1.0, "offsetBy": 0},
        "sha256sum": False,
        "since": None,
    }
    part = await survey(api, scale={"offsetBy": 2})
    assert part["options"]["scale"] == {"factor": 1.0, "offsetBy": 2}


async def test_errors_use_the_names_of_the_schema(api: Api) -> None:
    request = {"data": [READINGS[0], {"atStation": "", "value": 3e9}], "scale": {"factor": 0}}
    payload = (await api(SURVEY, request=request))["submitAnalysis"]
    assert payload["analysis"] is None
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
        ("INVALID", ["request", "survey", "data", "1", "atStation"]),
        ("INVALID", ["request", "survey", "data", "1", "value"]),
        ("INVALID", ["request", "survey", "scale", "factor"]),
    ]
    too_many = (await api(SURVEY, request={"data": READINGS * 51}))["submitAnalysis"]
    assert [(error["code"], error["path"]) for error in too_many["userErrors"]] == [
        ("TOO_LARGE", ["request", "survey", "data"])
    ]


async def test_an_idempotency_key_works_with_default_options(api: Api) -> None:
    given = {"request": {"data": READINGS}, "idempotencyKey": "a survey"}
    assert (await api.submit("survey", **given))["id"] == (await api.submit("survey", **given))["id"]


@pytest.mark.parametrize(
    "value",
    [
        {"snake_case": 1, "camelCase": None, "Ünïcode_key": [None, {"a_b": None, "aB": []}], "": {"": ""}},
        [1, 2.5, -(2**63), 2**64 - 1, True, None, "\u202eright-to-left 🤷🏽", 1e-300],
        "text",
        0,
        False,
        [[[[]]]],
    ],
    ids=repr,
)
async def test_json_comes_back_as_it_was_given(api: Api, value: object) -> None:
    found = await api.submit("record", request={"data": value, "extra": {"a_b": value}}, waitSeconds=30)
    assert found["inputData"] == value
    assert found["options"] == {"extra": {"a_b": value}}
    assert found["result"]["data"]["document"] == value
    assert found["result"]["data"]["extra"] == {"a_b": value}


async def test_json_that_can_not_be_stored_is_refused(api: Api) -> None:
    for literal, message in {
        "{ x: 1e999 }": "A number in JSON must be finite.",
        "[18446744073709551616]": "An integer in JSON is from -(2^63) to 2^64 - 1.",
        "[-9223372036854775809]": "An integer in JSON is from -(2^63) to 2^64 - 1.",
    }.items():
        document = (
            f"mutation {{ submitAnalysis(input: {{ request: {{ record: {{ data: {literal} }} }} }}) {{ __typename }} }}"
        )
        errors = await api.errors(document)
        assert [(error["message"], error["extensions"]["code"]) for error in errors] == [
            (message, "GRAPHQL_VALIDATION_FAILED")
        ]
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    (error,) = await api.errors(SUBMIT, input={"request": {"record": {"data": deep}}})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].endswith("JSON has at most 100 nested levels.")


async def test_the_schema_has_the_types_of_an_analyzer(api: Api) -> None:
    request = (await api(TYPES, name="SurveyRequest"))["__type"]
    assert (request["kind"], request["description"]) == ("INPUT_OBJECT", "Readings to compute with.")
    fields = {field["name"]: field for field in request["inputFields"]}
    assert {name: field["defaultValue"] for name, field in fields.items()} == {
        "data": None,
        "mode": "MEAN",
        "scale": "{ factor: 1, offsetBy: 0 }",
        "sha256sum": "false",
        "since": None,
    }
    assert fields["data"]["description"] == "1 to 100 readings."
    assert fields["data"]["type"]["kind"] == "NON_NULL"
    mode = (await api(TYPES, name="SurveyMode"))["__type"]
    assert mode["enumValues"] == [
        {"name": "MEAN", "description": "The mean of the readings."},
        {"name": "TOTAL", "description": "Their sum."},
    ]
    assert (await api(TYPES, name="SurveyResult"))["__type"]["interfaces"] == [{"name": "AnalysisResult"}]
    one_of = '{ __type(name: "AnalysisRequest") { isOneOf inputFields { name } } }'
    members = (await api(one_of))["__type"]
    assert members == {
        "isOneOf": True,
        "inputFields": [{"name": name} for name in ("text", "record", "survey", "trial")],
    }


async def test_the_list_of_analyzers_has_the_installed_ones(api: Api) -> None:
    query = "{ analyzers { id name version description scoreMeaning mediaTypes optionsSchema resultTypeName } }"
    found = {analyzer["name"]: analyzer for analyzer in (await api(query))["analyzers"]}
    assert list(found) == ["record", "survey", "text", "trial"]
    survey = found["survey"]
    schema = survey.pop("optionsSchema")
    assert survey == {
        "id": "analyzer_survey",
        "name": "survey",
        "version": "7",
        "description": "Computes with readings.",
        "scoreMeaning": "Always a half.",
        "mediaTypes": [],
        "resultTypeName": "SurveyResult",
    }
    assert list(schema["properties"]) == ["mode", "scale", "sha256sum", "since"]
    assert schema["properties"]["scale"]["default"] == {"factor": 1, "offsetBy": 0}
    assert list(schema["$defs"]) == ["SurveyMode", "SurveyScale"]
    assert list(schema["$defs"]["SurveyScale"]["properties"]) == ["factor", "offsetBy"]
    assert schema["required"] == []


async def test_results_of_a_missing_analyzer_stay_readable(api: Api, bare_server: ApiServer) -> None:
    done = await survey(api)
    query = """query ($id: ID!) { analysis(id: $id) {
      status inputData options analyzer { name version description }
      result { __typename score tags summary data } } }"""
    async with connected(bare_server) as bare:
        found = (await bare(query, id=done["id"]))["analysis"]
    result = {"__typename": "UntypedResult", "score": 0.5, "tags": ["survey"], "summary": "2 readings."}
    gone = "This server does not have this analyzer any more."
    assert found == {
        "status": "COMPLETED",
        # Without the models, field names can't be told from the caller's own keys: the stored names are returned.
        "inputData": [{"at_station": "north", "value": 3.0}, {"at_station": "south", "value": -1.5}],
        "options": done["options"],
        "analyzer": {"name": "survey", "version": "", "description": gone},
        "result": {**result, "data": done["result"]["data"]},
    }
