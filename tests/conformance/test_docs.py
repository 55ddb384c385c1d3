"""The examples of docs/subscriptions.md, unchanged, over a crash and a restart of the server."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import pytest

from tests.support import CLIENTS, ROOT, Server, post, until

Start = Callable[..., Awaitable[Server]]

TEXT = (ROOT / "docs" / "subscriptions.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
HERE = "127.0.0.1:8000"

SUBMIT = """mutation { submitAnalysis(input: { request: { text: { text: "All is well." } }, waitSeconds: 30 }) {
  analysis { id status } } }"""
LOG = "{ events(first: 1000) { nodes { cursor type subjectId } } }"
ACTIVE = "{ metrics { subscriptions { active } } }"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """Return the indented `curl` commands, each joined to one line."""
    return [command.replace("\\\n", " ") for command in re.findall(r"^    (curl (?:.*\\\n)*.*)$", text, re.MULTILINE)]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of this test alone in which Node finds the packages of the clients."""
    with tempfile.TemporaryDirectory(prefix=".subscriptions-", dir=CLIENTS / "node_modules") as made:
        yield Path(made)


async def submitted(server: Server) -> str:
    """Run an analysis to its end; return its id."""
    answer = await asyncio.to_thread(post, server.url, SUBMIT)
    analysis = answer["data"]["submitAnalysis"]["analysis"]
    assert analysis["status"] == "COMPLETED"
    return cast(str, analysis["id"])


def start(command: list[str | Path], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)


async def asked(server: Server, query: str) -> Any:
    return (await asyncio.to_thread(post, server.url, query))["data"]


@pytest.mark.needs("node")
async def test_every_client_of_the_page_resumes(server: Start, folder: Path, tmp_path: Path) -> None:
    one = await server(workers=1)
    programs: dict[str, list[str | Path]] = {}
    for block in blocks("js"):
        name, _, code = block.removeprefix("// ").partition("\n")
        path = folder / name.replace(".js", ".mjs")
        path.write_text(code.replace(HERE, f"127.0.0.1:{one.port}").replace("./resuming.js", "./resuming.mjs"))
        if name != "resuming.js":
            programs[name] = ["node", path]
    (code,) = blocks("python")
    (tmp_path / "follow.py").write_text(code.replace(HERE, f"127.0.0.1:{one.port}"))
    programs["gql"] = [sys.executable, tmp_path / "follow.py"]
    assert len(programs) == 8

    outputs = {name: tmp_path / f"{name}.out" for name in programs}

    def seen(name: str) -> list[str]:
        return re.findall(r"cursor'?: '([^']+)'", outputs[name].read_text())

    async def told_of(id_: str) -> None:
        """Wait until every client has seen this analysis end."""
        ended = (
            f"type: 'ANALYSIS_COMPLETED', subjectId: '{id_}'",
            f"'type': 'ANALYSIS_COMPLETED', 'subjectId': '{id_}'",
        )

        def is_told(name: str) -> bool:
            text = re.sub(r"\s+", " ", outputs[name].read_text())
            return any(each in text for each in ended)

        for name in programs:
            await until(partial(is_told, name), what=f"{name} to see {id_}; output:\n{outputs[name].read_text()}")

    with ExitStack() as stack:
        for name, command in programs.items():
            file = stack.enter_context(outputs[name].open("wb"))
            process = start(command, file)
            stack.callback(process.wait)
            stack.callback(process.kill)

        async def all_listen() -> bool:
            active: int = (await asked(one, ACTIVE))["metrics"]["subscriptions"]["active"]
            return active == len(programs)

        await until(all_listen, what="all clients to subscribe")
        first = await submitted(one)
        await told_of(first)
        await one.kill()
        await one.start()
        await told_of(await submitted(one))
        await one.restart()
        await told_of(await submitted(one))
        log = (await asked(one, LOG))["events"]["nodes"]

    ended = next(
        number
        for number, event in enumerate(log)
        if event["subjectId"] == first and event["type"] == "ANALYSIS_COMPLETED"
    )
    expected = [event["cursor"] for event in log[ended:]]
    for name in programs:
        cursors = seen(name)
        assert cursors[cursors.index(expected[0]) :] == expected, name


@pytest.mark.parametrize("command", [*commands(TEXT), *(each for each in commands(README) if "subscription" in each)])
async def test_every_command_for_curl_gets_events(server: Start, command: str) -> None:
    """Send the request of the command without curl, which may be missing."""
    one = await server(workers=1)
    _, option, url, *rest = shlex.split(command)
    assert option == "-N"
    options = list(zip(rest[::2], rest[1::2], strict=True))
    headers = dict(value.split(": ", 1) for name, value in options if name == "-H")
    (body,) = (value for name, value in options if name == "-d")
    request = urllib.request.Request(url.replace(HERE, f"127.0.0.1:{one.port}"), body.encode(), headers)

    def first_event() -> str:
        with urllib.request.urlopen(request, timeout=300) as answer:
            assert answer.status == 200
            return next(cast(bytes, line).decode() for line in answer if b"ANALYSIS_COMPLETED" in line)

    async def listens() -> bool:
        return bool((await asked(one, ACTIVE))["metrics"]["subscriptions"]["active"])

    listening = asyncio.create_task(asyncio.to_thread(first_event))
    await until(listens, what="the subscription to start")
    id_ = await submitted(one)
    assert f'"subjectId":"{id_}"' in await listening
