"""Third-party linters, code generators and comparison tools, run on the printed schema."""

from __future__ import annotations

from collections.abc import Callable
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
    """A clone of one commit has no base: the tests below compare histories of their own."""
    output = run_node("breaking-changes.mjs")
    commits = run("git", "rev-list", "--count", "HEAD").strip() if (ROOT / ".git").exists() else "0"
    assert "changes since" in output or commits in ("0", "1")


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
    assert not_named(refusal.value) == missing


def not_named(refusal: AssertionError) -> set[str]:
    """The coordinates that the script found changed and not named."""
    lines = str(refusal).splitlines()
    return {line.removeprefix("NOT NAMED ").split(": ")[0] for line in lines if line.startswith("NOT NAMED")}


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., str]:
    """Runs git in a repository of its own that has a changelog: `repository("tag", "v1")`."""
    author = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        author |= {f"GIT_{role}_NAME": "Test", f"GIT_{role}_EMAIL": "test@example.org"}

    def git(*arguments: str) -> str:
        return run("git", *arguments, cwd=tmp_path, env=author)

    git("init", "--quiet", "--initial-branch", "main")
    (tmp_path / "schema").mkdir()
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.format(named="nothing"))
    return git


def commit(repository: Callable[..., str], folder: Path, schema: str) -> None:
    (folder / "schema" / "schema.graphql").write_text(schema)
    repository("add", "--all")
    repository("commit", "--quiet", "--allow-empty", "--message", "Change the schema")


@pytest.mark.parametrize("base", ["the newest commit that differs", "a tag", "origin/main"])
def test_the_base_is_found_in_the_history(repository: Callable[..., str], tmp_path: Path, base: str) -> None:
    commit(repository, tmp_path, BEFORE)
    if base == "a tag":
        repository("tag", "v1")
        commit(repository, tmp_path, AFTER)
    elif base == "origin/main":
        repository("update-ref", "refs/remotes/origin/main", "HEAD")
        commit(repository, tmp_path, AFTER)
    commit(repository, tmp_path, AFTER)
    with pytest.raises(AssertionError) as refusal:
        run_node(CLIENTS / "breaking-changes.mjs", cwd=tmp_path)
    assert not_named(refusal.value) == {"Query.analysis(id:)", "Query.report", "Kind.B", "Gone"}


def test_one_commit_has_nothing_to_compare_with(repository: Callable[..., str], tmp_path: Path) -> None:
    commit(repository, tmp_path, BEFORE)
    assert run_node(CLIENTS / "breaking-changes.mjs", cwd=tmp_path) == (
        "no earlier schema/schema.graphql to compare with\n"
    )
