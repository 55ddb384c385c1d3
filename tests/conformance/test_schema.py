"""Third-party linters, code generators and comparison tools, run on the printed schema."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import CLIENTS, ROOT, SCHEMA, run, run_node

pytestmark = pytest.mark.needs("node")


def test_graphql_schema_linter_finds_nothing() -> None:
    run("node_modules/.bin/graphql-schema-linter", "--config-directory", ".", SCHEMA, cwd=CLIENTS)


def test_graphql_eslint_finds_nothing() -> None:
    eslint = CLIENTS / "node_modules/.bin/eslint"
    run(eslint, "--config", CLIENTS / "eslint.config.mjs", "--max-warnings", "0", SCHEMA, cwd=ROOT)


def test_generated_typescript_of_operations_compiles() -> None:
    run("node_modules/.bin/graphql-codegen", "--config", "codegen.yml", cwd=CLIENTS)
    run("node_modules/.bin/tsc", "-p", ".", cwd=CLIENTS)


def test_breaking_changes_of_the_schema_are_in_the_changelog() -> None:
    run_node("breaking-changes.mjs")


BEFORE = """
type Query { analysis(id: ID): String report: Int! kind: Kind! }
enum Kind { A B }
type Gone { x: Int }
"""
AFTER = """
type Query { analysis(id: ID!): String report: Int kind: Kind! added: String }
enum Kind { A }
"""
CHANGELOG = """# Changelog

## [Unreleased]

### Added

- `Query.report`

### Breaking

- {named}

## [0.1.0]

### Breaking

- `Query.report`
"""


@pytest.mark.parametrize(
    ("named", "missing"),
    [
        ("`Query.analysis(id:)`, `Query.report`, `Kind.B` and `Gone` are gone or changed", set()),
        ("`Query.analysis(id:)`, `Kind.B` and `Gone`", {"Query.report"}),
        ("Kind.B without backquotes", {"Query.analysis(id:)", "Query.report", "Kind.B", "Gone"}),
    ],
)
def test_a_breaking_change_must_be_named(tmp_path: Path, named: str, missing: set[str]) -> None:
    before, after, changelog = (tmp_path / name for name in ("before.graphql", "after.graphql", "CHANGELOG.md"))
    before.write_text(BEFORE)
    after.write_text(AFTER)
    changelog.write_text(CHANGELOG.format(named=named))
    if not missing:
        assert "5 changes" in run_node("breaking-changes.mjs", before, after, changelog)
        return
    with pytest.raises(AssertionError) as refusal:
        run_node("breaking-changes.mjs", before, after, changelog)
    lines = str(refusal.value).splitlines()
    assert {line.removeprefix("NOT NAMED ").split(": ")[0] for line in lines if line.startswith("NOT NAMED")} == missing
