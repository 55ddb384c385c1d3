"""A new subject: its own files, and the registrations that docs/adding-a-subject.md shows, in a copy of the program."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, run

pytestmark = pytest.mark.long

TOY = Path(__file__).parent / "notes"
PAGE = ROOT / "docs" / "adding-a-subject.md"
PROGRAM = ("access", "analyzers", "commands", "events", "execution", "jobs", "resolvers", "schema", "store", "web")
MODULES = ("logs.py", "pyproject.toml", "server.py", "settings.py", "telemetry.py")
SHARED = ("__init__.py", "conftest.py", "guard.py", "hold.py", "pgbouncer.py", "support.py", "api", "resolvers")
TESTS = tuple(f"tests/{name}" for name in SHARED)


def copy_program(to: Path) -> None:
    """Copy the program and the shared parts of its tests."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in (*PROGRAM, *MODULES, *TESTS):
        source, target = ROOT / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)


def registrations() -> dict[str, list[str]]:
    """The diffs of the page: for each file, its hunks."""
    blocks = re.findall(r"^```diff\n--- (\S+)\n(.*?)^```$", PAGE.read_text(), re.S | re.M)
    return {name: text.split("...\n") for name, text in blocks}


def apply(path: Path, hunk: str) -> int:
    """Insert the lines of the hunk after its first line, which occurs once in the file. Returns their number."""
    context, *added = hunk.splitlines()
    assert context.startswith(" ")
    assert all(line.startswith("+") for line in added)
    text = path.read_text()
    assert text.count(f"{context[1:]}\n") == 1, f"{path} has this line once: {context[1:]}"
    lines = "".join(f"{line[1:]}\n" for line in (context, *added))
    path.write_text(text.replace(f"{context[1:]}\n", lines))
    return len(added)


def add_files(to: Path) -> None:
    """Add the toy's files, with its migration after the newest one."""
    newest = max(path.name for path in (to / "store/migrations/versions").glob("[0-9]*.py"))
    shutil.copytree(TOY, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    migration = to / "store/migrations/versions/9999_notes.py"
    migration.write_text(migration.read_text().replace('"NEWEST"', f'"{newest[:4]}"'))


def run_tests(program: Path, *arguments: str) -> str:
    """Run tests of the copy in the copy, and return the output. Raises AssertionError with the output of a failure."""
    return run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, cwd=program, timeout=500)


def test_a_new_subject_is_its_files_and_small_registrations(tmp_path: Path) -> None:
    copy_program(tmp_path)
    add_files(tmp_path)
    added = {name: sum(apply(tmp_path / name, hunk) for hunk in hunks) for name, hunks in registrations().items()}
    assert added == {"store/subjects.py": 10, "resolvers/subjects.py": 2, "schema/build.py": 5}
    tests = ("tests/api/test_notes.py", "tests/resolvers/test_subjects.py")
    passed = run_tests(tmp_path, *tests)
    assert re.search(r"^[0-9]+ passed", passed, re.M), passed


def test_a_subject_without_its_files_and_resolvers_is_noticed(tmp_path: Path) -> None:
    copy_program(tmp_path)
    add_files(tmp_path)
    for hunk in registrations()["store/subjects.py"]:
        apply(tmp_path / "store/subjects.py", hunk)
    missing = ("schema/notes.py", "resolvers/notes.py", "tests/api/test_notes.py")
    for name in missing:
        (tmp_path / name).unlink()
    with pytest.raises(AssertionError) as failure:
        run_tests(tmp_path, "tests/resolvers/test_subjects.py", "-k", "same")
    failed = str(failure.value)
    assert f"note lacks {', '.join(missing)}" in failed
    assert "test_both_registries_have_the_same_subjects" in failed
    assert "2 failed" in failed
