"""The typed script, run in Node as in its README."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.examples.conftest import Build
from tests.examples.example import EXAMPLES, LONG, ask
from tests.support import Server

pytestmark = pytest.mark.needs("node")

Start = Callable[..., Awaitable[Server]]
Script = Callable[[Server, list[str]], Awaitable[Process]]

OUTCOMES = """
{
  analyses(first: 1000) {
    nodes {
      key
      result { summary ... on TextResult { language { code } sentiment { label score } } }
      error { code message }
    }
  }
}
"""


@pytest.fixture
async def script(tmp_path: Path, build: Build) -> AsyncIterator[Script]:
    """Start the script on a file of these lines: `await script(server, lines)`."""
    processes: list[Process] = []

    async def start(server: Server, lines: list[str]) -> Process:
        await asyncio.to_thread(build, "codegen-typescript")
        texts = tmp_path / "texts.txt"
        texts.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *("node", "dist/main.js", texts),
            cwd=EXAMPLES / "codegen-typescript",
            env=os.environ | {"ASSAY_URL": server.address},
            stdout=PIPE,
            stderr=PIPE,
            limit=64_000_000,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def expected(server: Server) -> list[str]:
    """Return the expected output of the script for all analyses of the database, sorted."""
    lines = []
    for node in (await ask(server, OUTCOMES))["analyses"]["nodes"]:
        result, error = node["result"], node["error"]
        if error:
            lines.append(f"{node['key']}\t{error['code']}: {error['message']}")
            continue
        sentiment = result["sentiment"]
        feeling = f"{sentiment['label'].lower()} {sentiment['score']:.2f}" if sentiment else "–"
        lines.append(f"{node['key']}\t{result['language']['code']}\t{feeling}\t{result['summary']}")
    return sorted(lines)


async def test_each_line_is_printed_with_its_result(server: Start, script: Script) -> None:
    one = await server()
    lines = [
        "I love it. It works like a charm.",
        "吾輩は猫である。",
        "يولد جميع الناس أحرارًا.",
        "👩‍👩‍👧‍👦 hello",
        LONG * 50,
    ]
    process = await script(one, lines)
    output, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert sorted(output.decode().splitlines()) == await expected(one)
    assert len(output.decode().splitlines()) == 5
    assert "line 1\ten\tpositive" in output.decode()
    assert said.decode().splitlines()[-1] == "5 of 5 analyzed, 0 failed"


async def test_failed_lines_and_an_empty_file_are_reported(server: Start, script: Script) -> None:
    one = await server()
    process = await script(one, ["", " ", ""])
    output, said = await process.communicate()
    assert process.returncode == 1
    assert sorted(output.decode().splitlines()) == await expected(one)
    assert said.decode().splitlines()[-1] == "0 of 3 analyzed, 3 failed"

    process = await script(one, [])
    output, said = await process.communicate()
    assert (process.returncode, output) == (1, b"")
    assert "items" in said.decode()
    assert "    at " not in said.decode()


async def test_each_line_is_printed_once_over_a_kill_of_the_server(server: Start, script: Script) -> None:
    one = await server(workers=1)
    await one.terminate()
    process = await script(one, [f"{n} {LONG}" for n in range(400)])
    assert process.stdout is not None
    assert process.stderr is not None
    assert (await process.stderr.readline()).decode().startswith("No response from http://127.0.0.1")
    await one.start()
    printed = [await process.stdout.readline() for _ in range(50)]
    await one.kill()
    await one.start()
    output, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    printed += output.splitlines(keepends=True)
    assert sorted(line.decode().rstrip("\n") for line in printed) == await expected(one)
    assert len(printed) == 400
    assert said.decode().splitlines()[-1] == "400 of 400 analyzed, 0 failed"
