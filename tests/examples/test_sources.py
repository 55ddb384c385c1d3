"""The source files of the examples: generated types are up to date, and copied files are equal."""

from __future__ import annotations

import json

import pytest

from tests import support
from tests.examples.example import EXAMPLES

NAMES: list[str] = json.loads((EXAMPLES / "package.json").read_text())["workspaces"]


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", NAMES)
def test_the_generated_types_are_up_to_date_and_compile(name: str) -> None:
    """If this fails, run `npm run codegen` in frontend-examples and commit the result."""
    modules = EXAMPLES / "node_modules" / ".bin"
    support.run(modules / "graphql-codegen", "--check", cwd=EXAMPLES / name)
    support.run(modules / "tsc", "--noEmit", cwd=EXAMPLES / name)


@pytest.mark.parametrize("file", ["live.ts", "style.css"])
def test_copied_files_are_equal_in_all_examples(file: str) -> None:
    copies = {path.read_text() for name in NAMES if (path := EXAMPLES / name / "src" / file).exists()}
    assert copies
    assert len(copies) == 1


@pytest.mark.parametrize("name", NAMES)
def test_each_example_requires_the_common_versions(name: str) -> None:
    package = json.loads((EXAMPLES / name / "package.json").read_text())
    root = json.loads((EXAMPLES / "package.json").read_text())
    locked = json.loads((EXAMPLES / "package-lock.json").read_text())["packages"]
    assert package["overrides"] == root["overrides"]
    wanted = package["dependencies"] | package["devDependencies"]
    # Like Node, look in the folder of the example first, then in the common one.
    found = {each: locked.get(f"{name}/node_modules/{each}") or locked[f"node_modules/{each}"] for each in wanted}
    assert wanted == {each: package["version"] for each, package in found.items()}


def test_each_example_is_in_the_readme_with_its_picture() -> None:
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
