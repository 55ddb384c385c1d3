"""The server's version, functions and clock, and the schemas of requests and results."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest

from tests.api.calls import Api, ApiServer, connected
from tests.api.conftest import running
from tests.support import ROOT

SERVER = "{ server { version capabilities unavailable { name install } time publicUrl } }"
SCHEMAS = "{ analyzers { name requestSchema resultSchema } }"


@pytest.fixture(scope="module")
def public_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    settings: dict[str, object] = {"workers": 0, "public_url": "https://assay.example/tools/"}
    yield from running(ApiServer(tmp_path_factory.mktemp("public"), settings))


async def test_version_functions_and_clock(api: Api) -> None:
    before = (await api("{ metrics { timestamp } }"))["metrics"]["timestamp"]
    found = (await api(SERVER))["server"]
    after = (await api("{ metrics { timestamp } }"))["metrics"]["timestamp"]
    assert before <= found.pop("time") <= after
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert found == {"version": version, "capabilities": [], "unavailable": [], "publicUrl": None}


async def test_the_base_of_links(public_server: ApiServer) -> None:
    async with connected(public_server) as api:
        assert (await api("{ server { publicUrl } }"))["server"] == {"publicUrl": "https://assay.example/tools"}


async def test_schemas_of_requests_and_results(api: Api) -> None:
    found = {each["name"]: each for each in (await api(SCHEMAS))["analyzers"]}
    request = found["survey"]["requestSchema"]
    assert request["required"] == ["data"]
    assert list(request["properties"]) == ["data", "mode", "scale", "sha256sum", "since"]
    reading = request["$defs"]["SurveyReading"]["properties"]
    assert reading["atStation"]["title"] == "At Station"
    assert (reading["value"]["minimum"], reading["value"]["maximum"]) == (-1000, 1000)
    result = found["survey"]["resultSchema"]
    assert list(result["properties"]) == ["score", "tags", "summary", "mode", "figure", "bestPlace", "places", "since"]
    assert result["$defs"]["SurveyPlace"]["properties"]["atStation"]["description"] == "The station."
    assert result["properties"]["figure"]["x-assay"] == {"kind": "share", "unit": "%"}
    text = found["text"]["requestSchema"]["properties"]["text"]
    assert (text["minLength"], text["maxLength"]) == (1, 1_000_000)
