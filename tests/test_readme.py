"""The settings and examples of README are correct."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from gql import gql
from gql.client import AsyncClientSession

from analyzers.base import Analyzer
from schema.build import build_schema
from settings import Settings, WorkerCommandSettings, variable
from tests.support import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (\S+) \|", README, flags=re.MULTILINE))
    defaults = {}
    fields = [(of, name) for of in (Settings, WorkerCommandSettings) for name in of.model_fields]
    for of, name in fields:
        value = of.model_fields[name].default
        text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
        text = text.lower() if isinstance(value, bool) else text
        text = f"./{text}" if name == "data_dir" else text
        defaults[variable(of, name)] = f"`{text}`" if text else "empty"
    assert rows == defaults


def test_every_setting_is_an_option_of_the_command_line() -> None:
    command = [sys.executable, "server.py", "serve", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in Settings.model_fields:
        assert f"\n  --{name.replace('_', '-')} " in text


@pytest.mark.parametrize("arguments", [["--port", "many"], ["--port", "70000"], ["--environment", "holiday"]])
def test_an_invalid_setting_is_named_and_the_server_does_not_start(arguments: list[str]) -> None:
    command = [sys.executable, "server.py", "serve", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    option, value = arguments
    assert done.stderr.startswith(f"ASSAY_{option[2:].upper()} ({option}) is {value!r}: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


async def test_the_operations_of_the_readme_run_unchanged(
    server: Callable[..., Awaitable[Server]], client: Callable[..., Awaitable[AsyncClientSession]]
) -> None:
    session = await client(await server())
    queries = [block for block in blocks("graphql") if not block.startswith("subscription")]
    assert len(queries) == 3
    # The first analysis starts the sandbox processes: the README's waits are for a server that has them.
    warm_up = 'submitAnalysis(input: {request: {text: {text: "Warm."}}, waitSeconds: 60}) { analysis { id } }'
    await session.execute(gql(f"mutation {{ {warm_up} }}"))
    first, lone, batch = [await session.execute(gql(query)) for query in queries]
    assert "text" in [each["name"] for each in first["analyzers"]]
    analysis = lone["submitAnalysis"]["analysis"]
    assert analysis["status"] == "COMPLETED"
    assert analysis["result"]["language"] == {"name": "English"}
    assert [(node["key"], node["status"]) for node in batch["batchProcess"]["batch"]["results"]["nodes"]] == [
        ("good", "COMPLETED"),
        ("bad", "COMPLETED"),
        ("empty", "FAILED"),
    ]
    assert [fault["path"] for fault in batch["batchProcess"]["userErrors"]] == [
        ["items", "2", "request", "text", "text"]
    ]


def test_the_analyzer_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("python")
    (tmp_path / "echo_of_the_readme.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    analyzer: Analyzer[Any, Any] = importlib.import_module("echo_of_the_readme").ANALYZER
    sdl = build_schema({"echo": analyzer}).as_str()
    assert "type EchoResult implements AnalysisResult" in sdl
    assert "echo: EchoRequest" in sdl

    class Job:
        def progress(self, fraction: float, step: str | None = None) -> None:
            assert (fraction, step) == (0.5, "counted")

    result = analyzer.run(analyzer.request(text="one two two"), Job())
    assert [(each.word, each.count) for each in result.words] == [("two", 2), ("one", 1)]
