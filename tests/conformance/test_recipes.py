"""The operations, files and commands of docs/recipes.md and docs/plug-ins.md run as written."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

from tests.support import CLIENTS, ROOT, Server, post, run, until

Start = Callable[..., Awaitable[Server]]

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
PLUG_INS = (ROOT / "docs" / "plug-ins.md").read_text(encoding="utf-8")
HERE = "127.0.0.1:8000"
FIRST = """
mutation {
  submitAnalysis(input: { request: { text: { text: "All is well." } }, waitSeconds: 60 }) { analysis { id status } }
}
"""


def blocks(text: str, language: str) -> dict[str, str]:
    """Return the code blocks by their name: the operation's name, or the file in the first comment."""
    found = re.findall(rf"^```{language}\n((?:# |\w+ )(\S+?)[\s({{].*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert found
    return {name: code for code, name in found}


def commands(text: str) -> list[str]:
    return re.findall(r"^    ((?:npx|PYTHONPATH|\$ASSAY).*)$", text, flags=re.MULTILINE)


async def ask(server: Server, query: str, **variables: Any) -> Any:
    answer = await asyncio.to_thread(post, server.url, query, variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def test_every_operation_of_the_recipes_runs(server: Start) -> None:
    one = await server(workers=1)
    operations = blocks(RECIPES, "graphql")
    assert [*operations] == [
        "FirstPage",
        "NextPage",
        "Tagged",
        "SubmitOnce",
        "Snapshot",
        "Follow",
        "Failed",
        "Retry",
        "CountAlike",
        "RetryAlike",
        "ProgressOfBulkAction",
        "WhyDoesNothingRun",
    ]
    await ask(one, FIRST)  # starts the sandbox: the waits of the page are for a server that has one

    before = await ask(one, operations["Snapshot"])
    first, again = [(await ask(one, operations["SubmitOnce"]))["submitAnalysis"] for _ in range(2)]
    assert first["userErrors"] == again["userErrors"] == []
    assert first["analysis"] == again["analysis"]
    assert first["analysis"]["status"] == "COMPLETED"

    request = gql(operations["Follow"])
    request.variable_values = {"after": before["eventsEnd"]}
    async with Client(transport=WebsocketsTransport(one.ws_url)) as session:
        events = session.subscribe(request)
        event = (await anext(events))["events"]
        await events.aclose()
    assert (event["type"], event["subjectId"]) == ("ANALYSIS_COMPLETED", first["analysis"]["id"])

    page = (await ask(one, operations["FirstPage"].replace("first: 50", "first: 1")))["analyses"]
    assert page["pageInfo"]["hasNextPage"] is True
    rest = (await ask(one, operations["NextPage"], after=page["pageInfo"]["endCursor"]))["analyses"]
    assert len({node["id"] for node in page["nodes"] + rest["nodes"]}) == 2
    assert rest["pageInfo"]["hasNextPage"] is False

    (tagged,) = (await ask(one, operations["Tagged"]))["analyses"]["nodes"]
    assert tagged["id"] == first["analysis"]["id"]
    assert (await ask(one, operations["Tagged"].replace("battery", "trains")))["analyses"]["nodes"] == []

    assert (await ask(one, operations["Failed"]))["analyses"]["nodes"] == []
    retried = await ask(one, operations["Retry"].replace("analysis_01jd…", first["analysis"]["id"]))
    assert [error["code"] for error in retried["retryAnalysis"]["userErrors"]] == ["CONFLICT"]
    await many_are_retried(one, operations)
    reasons = await ask(one, operations["WhyDoesNothingRun"])
    assert reasons["queue"]["paused"] is False


async def many_are_retried(server: Server, operations: dict[str, str]) -> None:
    """Retry all analyses of an error group, which are none."""
    alike = {"filter": {"errorFingerprint": "0"}}
    counts = (await ask(server, operations["CountAlike"], **alike))["runBulkAction"]
    assert counts == {"matched": 0, "eligible": 0, "userErrors": []}
    payload = (await ask(server, operations["RetryAlike"], **alike, expected=0, key="all alike"))["runBulkAction"]
    assert payload["userErrors"] == []

    async def ended() -> Any:
        found = (await ask(server, operations["ProgressOfBulkAction"], id=payload["action"]["id"]))["node"]
        return found["finishedAt"] and found

    found = await until(ended, what="the action to end")
    assert (found["status"], found["done"], found["refused"]) == ("COMPLETED", 0, 0)


async def test_prometheus_has_every_metric_of_the_rules(server: Start) -> None:
    one = await server()
    files = blocks(RECIPES, "yaml")
    (target,) = re.findall(r'targets: \["(.+)"\]', files["prometheus.yml"])
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://{target.replace(HERE, f'127.0.0.1:{one.port}')}/metrics")
    lines = answer.text.splitlines()
    names = {
        name for rule in re.findall("expr: (.+)", files["assay.rules.yml"]) for name in re.findall(r"assay_\w+", rule)
    }
    assert len(names) == 4
    for name in names:
        assert any(re.match(rf"{name}[ {{]", line) for line in lines), name


@pytest.mark.needs("node")
async def test_types_are_generated_from_the_url(server: Start) -> None:
    one = await server()
    (command,) = (each for each in commands(RECIPES) if each.startswith("npx"))
    config = blocks(RECIPES, "yaml")["codegen.yml"].replace(HERE, f"127.0.0.1:{one.port}")
    with tempfile.TemporaryDirectory(prefix="recipe-", dir=CLIENTS) as made:
        folder = Path(made)
        (folder / "src").mkdir()
        (folder / "codegen.yml").write_text(config)
        operations = blocks(RECIPES, "graphql")
        (folder / "src" / "page.graphql").write_text(operations["FirstPage"])
        program = CLIENTS / "node_modules" / ".bin" / shlex.split(command)[1]
        await asyncio.to_thread(run, program, cwd=folder)
        written = (folder / "src" / "gql" / "graphql.ts").read_text()
    assert "export type FirstPageQuery = " in written


@pytest.mark.long
async def test_the_plug_in_is_tested_installed_and_used(
    server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "assay-vowels"
    for name, code in (blocks(PLUG_INS, "toml") | blocks(PLUG_INS, "python")).items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    test, install = commands(PLUG_INS)

    words = shlex.split(test.replace("$ASSAY", str(ROOT)))
    paths = words[0].removeprefix("PYTHONPATH=")
    output = await asyncio.to_thread(
        run, sys.executable, *words[2:], "-p", "no:cacheprovider", cwd=project, env={"PYTHONPATH": paths}
    )
    assert "2 passed" in output

    # Into a folder of this test, not into the environment of all tests, and without a network.
    _, *options = shlex.split(install.replace("$ASSAY", str(ROOT)))
    assert options == ["pip", "install", "--python", f"{ROOT}/.venv/bin/python", "."]
    packages = tmp_path / "packages"
    await asyncio.to_thread(
        run,
        Path(sys.executable).with_name("uv"),
        *("pip", "install", "--python", sys.executable, "--offline", "--no-config", "--no-deps"),
        *("--target", packages, "."),
        cwd=project,
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))
    one = await server(workers=1)
    (operation,) = blocks(PLUG_INS, "graphql").values()
    payload = (await ask(one, operation))["submitAnalysis"]
    assert payload["userErrors"] == []
    assert payload["analysis"] == {"status": "COMPLETED", "result": {"summary": "3 vowels.", "vowels": 3}}
