"""The examples in Python, as they are written, against a real server."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.api.calls import ApiServer
from tests.support import ROOT, SCHEMA, run

EXAMPLES = ROOT / "frontend-examples" / "python"
TYPED = EXAMPLES / "typed"
# Locked by `uv.lock` there; ariadne-codegen and Strawberry want different versions of graphql-core.
ENVIRONMENT = ROOT / ".venv" / ".typed-example"


def uv_run(*command: str | Path, cwd: Path = TYPED) -> str:
    """Runs a command in the environment of the typed example."""
    environment = {
        "UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON": sys.executable,
        "VIRTUAL_ENV": "",
    }
    uv = Path(sys.executable).with_name("uv")
    return run(uv, "run", "--quiet", "--frozen", "--project", TYPED, *command, cwd=cwd, env=environment)


async def test_the_demo_shows_what_came_out(assay: ApiServer) -> None:
    output = await asyncio.to_thread(run, sys.executable, EXAMPLES / "demo.py", "--url", assay.url)
    assert "1,000 completed, 0 failed" in output
    assert "correlation with what people said" in output


async def test_a_demo_without_a_server_says_what_to_do() -> None:
    with pytest.raises(AssertionError, match="Start the server first") as failed:
        await asyncio.to_thread(run, sys.executable, EXAMPLES / "demo.py", "--url", "http://127.0.0.1:9")
    assert "Traceback" not in str(failed.value)


async def test_gql_alone_submits_and_follows(assay: ApiServer) -> None:
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


def test_the_typed_client_is_what_the_schema_gives(tmp_path: Path) -> None:
    for path in (TYPED / "operations.graphql", SCHEMA):
        shutil.copy(path, tmp_path)
    configuration = (TYPED / "pyproject.toml").read_text().replace("../../../schema/schema.graphql", "schema.graphql")
    (tmp_path / "pyproject.toml").write_text(configuration)
    uv_run("ariadne-codegen", cwd=tmp_path)
    made, kept = tmp_path / "assay_typed", TYPED / "assay_typed"
    names = sorted(path.name for path in kept.glob("*.py"))
    assert sorted(path.name for path in made.glob("*.py")) == names
    for name in names:
        assert (made / name).read_text() == (kept / name).read_text(), f"`uv run ariadne-codegen` in {TYPED}"


def test_the_typed_example_holds() -> None:
    uv_run("true")  # the environment is there
    python = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent")
    run(*mypy, "--python-executable", python, "--cache-dir", ROOT / ".mypy_cache" / "typed", "main.py", cwd=TYPED)
