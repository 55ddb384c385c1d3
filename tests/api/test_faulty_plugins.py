"""Analyzers that can't be loaded or can't be in the schema: the server runs without them and reports them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.calls import ApiServer, connected
from tests.api.conftest import running
from tests.api.plugins import install

FAULTY = '''
from pydantic import BaseModel, Field, create_model

from analyzers.base import Analyzer, Choice, Request, Result


class FaultyRequest(Request):
    """A text."""

    text: str = Field(description="Any text.")


def result(name, **fields):
    namespace = {"__doc__": "A result.", "__module__": __name__, "__annotations__": fields}
    return type(Result)(name, (Result,), namespace)


def run(request, job):
    return Result(summary=request.text)


def analyzer(name, result, request=FaultyRequest):
    return Analyzer(
        name=name, version="1", description="Faulty.", request=request, result=result, run=run, memory_limit_mb=512
    )


class Colour(Choice):
    """A colour."""

    RED = "RED", "Red."


AnalysisStatus = Choice("AnalysisStatus", {"GONE": ("GONE", "Gone.")})


class Shared(BaseModel):
    """In a request and in a result."""

    number: int = Field(description="A number.")


class SharedRequest(FaultyRequest):
    """A text and more."""

    shared: Shared = Field(description="More.")


HONEST = analyzer("honest", Result)
LIAR = analyzer("liar", result("LiarResult", colour=Colour))
CORE = analyzer("core", result("Analysis", number=int))
SHADOW = analyzer("shadow", result("TextResult", number=int))
STATUS = analyzer("status", result("StatusResult", status=AnalysisStatus))
HIDING = analyzer("hiding", result("HidingResult", data=int))
TWINS = analyzer("twins", result("TwinsResult", inner=create_model("Twins", a_b=(int, ...), aB=(int, ...))))
BOTH = analyzer("both", result("BothResult", shared=Shared), SharedRequest)
NAMELESS = analyzer("not-a-name", result("NamelessResult", number=int))
NUMBER = analyzer("number", int)
TEXT = analyzer("text", result("AnotherTextResult", number=int))
NOTHING = "no analyzer"
'''
FAULTS: dict[str, str] = {
    "both": "TypeError: Shared is in a request and in a result: GraphQL wants two types",
    "core": "other types are named Analysis already",
    "shadow": "other types are named TextResult already",
    "status": "other types are named AnalysisStatus already",
    "hiding": "TypeError: HidingResult may not have fields of its own named data",
    "nameless = assay_faulty:NAMELESS": "'not-a-name' is not a name in camelCase",
    "number = assay_faulty:NUMBER": "<class 'int'> is not a subclass of analyzers.base.Result",
    "text = assay_faulty:TEXT": "the name 'text' is already used by another analyzer",
    "twins = assay_faulty:TWINS": "TypeError: two fields of Twins have the same name in camelCase",
    "nothing = assay_faulty:NOTHING": "str is not an Analyzer",
    "adrift = assay_adrift:ADRIFT": "ModuleNotFoundError: No module named 'assay_tides'",
    "wrecked = assay_wrecked:WRECKED": "ImportError: it needs a library that is not here",
}


@pytest.fixture(scope="module")
def faulty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("faulty")
    names = (
        "honest",
        "liar",
        "core",
        "shadow",
        "status",
        "hiding",
        "both",
        "nameless",
        "number",
        "text",
        "nothing",
        "twins",
    )
    install(folder, "assay-faulty", FAULTY, *names)
    install(folder, "assay-adrift", "import assay_tides.tables", "adrift")
    path = install(folder, "assay-wrecked", "raise ImportError('it needs a library that is not here')", "wrecked")
    yield from running(ApiServer(folder, {"workers": 1}, path=path))


async def test_a_faulty_analyzer_is_left_out_and_health_reports_it(faulty_server: ApiServer) -> None:
    async with connected(faulty_server) as api:
        assert [each["name"] for each in (await api("{ analyzers { name } }"))["analyzers"]] == [
            "honest",
            "liar",
            "text",
        ]
        health = (await api("{ health { status components { name status message } recommendations } }"))["health"]
        (component,) = [each for each in health["components"] if each["name"] == "analyzers"]
        assert component["status"] == "DEGRADED"
        assert component["message"].startswith("3 loaded; not loaded: ")
        for name, reason in FAULTS.items():
            assert name.partition(" = ")[0] in component["message"]
            assert reason in component["message"]
        assert sum(text.startswith("The plug-in ") for text in health["recommendations"]) == len(FAULTS)


async def test_an_analyzer_without_its_package_is_listed_with_the_command(faulty_server: ApiServer) -> None:
    async with connected(faulty_server) as api:
        found = (await api("{ server { unavailable { name install } } }"))["server"]["unavailable"]
    assert found == [{"name": "adrift", "install": "python -m pip install assay-adrift"}]


async def test_other_analyzers_work_beside_faulty_ones(faulty_server: ApiServer) -> None:
    async with connected(faulty_server) as api:
        text = await api.submit(request={"text": "All is well."}, waitSeconds=30)
        assert (text["status"], text["result"]["__typename"]) == ("COMPLETED", "TextResult")
        honest = await api.submit("honest", request={"text": "Plain."}, waitSeconds=30)
        assert (honest["status"], honest["result"]["summary"]) == ("COMPLETED", "Plain.")


async def test_an_analyzer_that_returns_another_type_fails(faulty_server: ApiServer) -> None:
    async with connected(faulty_server) as api:
        liar = await api.submit("liar", request={"text": "Plain."}, waitSeconds=30)
    assert liar["result"] is None
    assert liar["status"] == "FAILED"
    assert liar["error"]["code"] == "ANALYZER_FAILED"
    assert "run returned Result instead of LiarResult" in liar["error"]["message"]
    assert liar["error"]["retryable"] is False
