"""Check the links between Markdown files: each names a file, and each fragment a heading of that file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("frontend-examples/*/README.md")])
PAGES += sorted(path for path in ROOT.glob("docs/**/*.md") if path not in PAGES)


def anchors(page: Path) -> set[str]:
    """Return the fragments that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_has_a_target(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, fragment = target.partition("#")
        if path.startswith(("http:", "https:")):
            continue
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (fragment and fragment not in anchors(found)):
            broken.append(target)
    assert broken == []


def test_every_page_of_the_documentation_is_in_an_index() -> None:
    for folder in ("docs", "docs/decisions"):
        index = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        pages = [path.name for path in (ROOT / folder).glob("*.md") if path.name != "README.md"]
        assert pages
        assert [name for name in pages if f"]({name})" not in index] == []
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [path.name for path in (ROOT / "docs" / "analyzers").glob("*.md")]
    assert pages
    assert [name for name in pages if f"](analyzers/{name})" not in index] == []
