"""The Python examples, unchanged, against a real server."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from tests.api.calls import ApiServer
from tests.client.conftest import Connect
from tests.support import ROOT, SCHEMA, Server, run, until

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]

EXAMPLES = ROOT / "frontend-examples" / "python"
TYPED = EXAMPLES / "typed"
# A separate environment, locked by `uv.lock`: ariadne-codegen and Strawberry need different versions of graphql-core.
ENVIRONMENT = ROOT / ".venv" / ".typed-example"
TYPED_PYTHON = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin") / "python"
# The command of each script, up to the address of the server.
SCRIPTS: dict[str, Sequence[str | Path]] = {
    "demo": (sys.executable, EXAMPLES / "demo.py", "--url"),
    "with_gql": (sys.executable, EXAMPLES / "with_gql.py"),
    "typed": (TYPED_PYTHON, TYPED / "main.py"),
}
# Restores the handler of SIGINT, which shells disable for background processes.
INTERRUPTIBLE = """
import runpy
import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def uv_run(*command: str | Path, cwd: Path = TYPED) -> str:
    """Run a command in the environment of the typed example; return its output."""
    environment = {
        "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": sys.executable,
        "VIRTUAL_ENV": "",
    }
    uv = Path(sys.executable).with_name("uv")
    return run(uv, "run", "--quiet", "--frozen", "--project", TYPED, *command, cwd=cwd, env=environment)


async def ended(script: str, url: str) -> tuple[int, list[str]]:
    """Run a script; return its exit code and its lines of output."""
    return await _end(await _started(script, url))


async def _started(script: str, url: str) -> asyncio.subprocess.Process:
    if script == "typed":
        await asyncio.to_thread(uv_run, "true")  # creates the environment
    python, *arguments = SCRIPTS[script]
    command = (python, "-c", INTERRUPTIBLE, *arguments, url)
    return await asyncio.create_subprocess_exec(
        *command, cwd=TYPED, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )


async def _end(process: asyncio.subprocess.Process) -> tuple[int, list[str]]:
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode().splitlines()


async def test_the_demo_shows_the_results(assay: ApiServer) -> None:
    output = await asyncio.to_thread(run, sys.executable, EXAMPLES / "demo.py", "--url", assay.url)
    assert "1,000 completed, 0 failed" in output
    assert "correlation with people's ratings" in output


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_without_a_server_ends_with_one_line(script: str) -> None:
    code, (line,) = await ended(script, "http://127.0.0.1:9/graphql")
    assert code == 1
    if script == "demo":
        assert re.fullmatch(
            r"No response from http://127\.0\.0\.1:9/graphql: .+ Start the server first: make run", line
        )
    else:
        assert re.fullmatch(r"No GraphQL at http://127\.0\.0\.1:9/graphql \(.+\): is the server running, .+", line)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_with_a_wrong_url_ends_with_one_line(assay: ApiServer, script: str) -> None:
    url = f"{assay.address}/dashboard"
    code, (line,) = await ended(script, url)
    assert code == 1
    assert re.fullmatch(rf"No GraphQL at {url} \(.+ (403|405)\): .*is the URL right\?.*", line)


@pytest.mark.parametrize(("script", "count"), [("demo", 1_000), ("with_gql", 2), ("typed", 1)])
async def test_ctrl_c_does_not_cancel_the_submission(server: Start, connect: Connect, script: str, count: int) -> None:
    one = await server(workers=0)
    client = connect(one.address)

    async def submitted() -> bool:
        return (await client.metrics()).subscriptions.active == 1

    process = await _started(script, one.url)
    try:
        await until(submitted, what="the script to watch its submission")
    finally:
        process.send_signal(signal.SIGINT)
    code, lines = await _end(process)
    shown = f": {one.address}/dashboard shows it." if script == "demo" else "."
    assert code == 130
    kept = "analysis" if script == "typed" else "batch"
    assert f"Interrupted. The {kept} keeps running{shown}" in lines
    assert not any("Traceback" in line for line in lines)
    assert len([each async for each in client.analyses(status=["QUEUED"], page_size=1_000)]) == count


async def test_gql_submits_and_follows_a_batch(assay: ApiServer) -> None:
    output = await asyncio.to_thread(run, sys.executable, "-W", "error", EXAMPLES / "with_gql.py", assay.url)
    *items, last = output.splitlines()
    assert sorted(item.partition(":")[0] for item in items) == ["text 0", "text 1", "text 2"]
    assert last == "2 completed, 1 failed, of 3"


async def test_the_typed_client_runs(assay: ApiServer) -> None:
    output = await asyncio.to_thread(uv_run, "main.py", assay.url)
    lines = output.splitlines()
    assert [line.partition(":")[0] for line in lines[:4]] == ["record", "survey", "text", "trial"]
    assert lines[-4] == "COMPLETED 100%"
    assert lines[-2].startswith("NEGATIVE -0.")


def test_the_typed_client_is_up_to_date(tmp_path: Path) -> None:
    for path in (TYPED / "operations.graphql", SCHEMA):
        shutil.copy(path, tmp_path)
    configuration = (TYPED / "pyproject.toml").read_text().replace("../../../schema/schema.graphql", "schema.graphql")
    (tmp_path / "pyproject.toml").write_text(configuration)
    uv_run("ariadne-codegen", cwd=tmp_path)
    made, kept = tmp_path / "assay_typed", TYPED / "assay_typed"
    names = sorted(path.name for path in kept.glob("*.py"))
    assert names
    assert sorted(path.name for path in made.glob("*.py")) == names
    for name in names:
        assert (made / name).read_text() == (kept / name).read_text(), f"`uv run ariadne-codegen` in {TYPED}"


def test_the_typed_example_passes_mypy() -> None:
    uv_run("true")  # creates the environment
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent")
    run(*mypy, "--python-executable", TYPED_PYTHON, "--cache-dir", ROOT / ".mypy_cache" / "typed", "main.py", cwd=TYPED)
