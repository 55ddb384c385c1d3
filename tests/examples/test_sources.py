"""The examples' own files: types that are fresh and hold, and parts that are the same wherever they are copied to."""

from __future__ import annotations

import json

import pytest

from tests import support
from tests.examples.example import EXAMPLES

NAMES: list[str] = json.loads((EXAMPLES / "package.json").read_text())["workspaces"]


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", NAMES)
def test_the_generated_types_are_those_of_the_schema_and_hold(name: str) -> None:
    """Where they are stale, `npm run codegen` in frontend-examples makes them anew, to be committed."""
    modules = EXAMPLES / "node_modules" / ".bin"
    support.run(modules / "graphql-codegen", "--check", cwd=EXAMPLES / name)
    support.run(modules / "tsc", "--noEmit", cwd=EXAMPLES / name)


@pytest.mark.parametrize("file", ["live.ts", "style.css"])
def test_each_example_stands_alone_with_the_same_parts(file: str) -> None:
    copies = {path.read_text() for name in NAMES if (path := EXAMPLES / name / "src" / file).exists()}
    assert copies
    assert len(copies) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_example_installs_alone_in_the_versions_of_the_others(name: str) -> None:
    package = json.loads((EXAMPLES / name / "package.json").read_text())
    root = json.loads((EXAMPLES / "package.json").read_text())
    locked = json.loads((EXAMPLES / "package-lock.json").read_text())["packages"]
    assert package["overrides"] == root["overrides"]
    wanted = package["dependencies"] | package["devDependencies"]
    # Its own folder comes before the common one, as Node looks for them.
    found = {each: locked.get(f"{name}/node_modules/{each}") or locked[f"node_modules/{each}"] for each in wanted}
    assert wanted == {each: package["version"] for each, package in found.items()}


def test_each_example_is_in_the_table_with_its_picture() -> None:
    table = (EXAMPLES / "README.md").read_text()
    assert NAMES
    for name in [*NAMES, "python"]:
        assert f"[`{name}/`]({name}/README.md)" in table
        assert (EXAMPLES / name / "README.md").exists()
    pictures = sorted((support.ROOT / "docs" / "screenshots").glob("examples-*"))
    assert pictures
    for path in pictures:
        readmes = [*EXAMPLES.glob("*/README.md"), EXAMPLES / "README.md"]
        assert any(path.name in readme.read_text() for readme in readmes), path.name
