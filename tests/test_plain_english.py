"""Check the prose of the repository: few question words in place of nouns.

A clause that begins with one of `CLAUSE_WORDS` often replaces a noun ("queued analyses"), and makes its sentence hard
to read. Each file may use these words `PER_THOUSAND` times in 1,000 words of prose, and once if it is short. Prose is:

- Python: docstrings, also those of attributes, and comments.
- `schema/schema.graphql`: descriptions.
- Markdown: text outside code blocks.
- TypeScript, JavaScript, CSS: comments. Makefile and shell scripts: comments and help texts.

Code between backticks is not prose. Generated files and migrations are left out.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from graphql import Node, Visitor, parse, visit

from tests.support import ROOT, SCHEMA

CLAUSE_WORDS = frozenset({"what", "where", "who"})

PER_THOUSAND = 5
"""Technical prose of other projects (Starlette, httpx, procrastinate) stays under 2."""

UNTRACKED = frozenset({"node_modules", "__pycache__", "dist", "generated"})
"""Folders of build results and of installed packages, by name. Folders that begin with a dot, and the root's `data`
with the database, are skipped too."""

LEFT_OUT = (
    "client/src/assay_client/models.py",
    "frontend-examples/*/src/gql/*",
    "frontend-examples/python/typed/assay_typed/*",
    "web/static/*/*",
    "web/static/*/assets/*",
    "store/migrations/versions/*",
)
"""Generated files, and migrations: a landed one is not changed any more."""

_WORD = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?")
_CODE = re.compile(r"(`+)(?!`).{1,400}?(?<!`)\1(?!`)", re.DOTALL)
_SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`\\/])//[^\n]*", re.DOTALL)
_STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SHELL_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*", re.MULTILINE)
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|<?https?://[^\s>)]+>?")
_FENCE = re.compile(r"^\s*(```+|~~~+)")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s")


class Piece(NamedTuple):
    """Consecutive prose, with the line of the file on which it begins, from 1."""

    line: int
    text: str


class Count(NamedTuple):
    """The prose of one file: its number of words, and the line of each clause word."""

    words: int
    lines: list[int]

    @property
    def allowed(self) -> int:
        """The allowed number of clause words in a file of this length: one up to 399 words."""
        return max(1, self.words * PER_THOUSAND // 1000)

    @property
    def is_plain(self) -> bool:
        """Whether the file has at most the allowed number of clause words."""
        return len(self.lines) <= self.allowed


def count(pieces: list[Piece]) -> Count:
    """Count the words of the pieces, without code between backticks."""
    words = 0
    lines = []
    for piece in pieces:
        text = _CODE.sub(lambda code: "\n" * code[0].count("\n"), piece.text)
        for match in _WORD.finditer(text):
            words += 1
            if match[0].lower().partition("'")[0] in CLAUSE_WORDS:
                lines.append(piece.line + text.count("\n", 0, match.start()))
    return Count(words, lines)


def python(source: str) -> list[Piece]:
    """Return the docstrings of modules, classes, functions and attributes, and the comments."""
    pieces = [
        Piece(node.lineno, node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            pieces.append(Piece(token.start[0], token.string))
    return sorted(pieces)


def graphql(source: str) -> list[Piece]:
    """Return the descriptions of a schema."""
    pieces = []

    class Descriptions(Visitor):
        def enter(self, node: Node, *_: object) -> None:
            description = getattr(node, "description", None)
            if description is not None:
                first = description.loc.start_token.line
                # The value of a block string begins on the line after its quotes.
                in_block = "\n" in source[description.loc.start : description.loc.end]
                pieces.append(Piece(first + in_block, description.value))

    visit(parse(source), Descriptions())
    return pieces


def markdown(source: str) -> list[Piece]:
    """Return the text outside code blocks, without the targets of links. Consecutive lines are one piece."""
    kept: list[str] = []
    fence = ""
    in_code = in_list = False
    before = ""
    for line in source.split("\n"):
        opening = _FENCE.match(line)
        is_prose = not fence and not opening
        if opening and not fence:
            fence = opening[1]
        elif opening and opening[1].startswith(fence):
            fence = ""
        elif is_prose and line.strip():
            indent = len(line) - len(line.lstrip(" "))
            in_code = indent >= (6 if in_list else 4) and (in_code or not before.strip())
            if not in_code:
                in_list = bool(_LIST_ITEM.match(line)) or (in_list and indent > 0)
        kept.append(line if is_prose and not in_code else "")
        before = line
    return [Piece(1, _LINK_TARGET.sub("]", "\n".join(kept)))]


def _comments(pattern: re.Pattern[str]) -> Callable[[str], list[Piece]]:
    def found(source: str) -> list[Piece]:
        return [Piece(source.count("\n", 0, match.start()) + 1, match[0]) for match in pattern.finditer(source)]

    return found


READERS: dict[str, Callable[[str], list[Piece]]] = {
    ".py": python,
    ".md": markdown,
    ".ts": _comments(_SCRIPT_COMMENT),
    ".tsx": _comments(_SCRIPT_COMMENT),
    ".mjs": _comments(_SCRIPT_COMMENT),
    ".css": _comments(_STYLE_COMMENT),
}


def reader(path: Path) -> Callable[[str], list[Piece]] | None:
    """Return the function that reads the prose of this file. None if the file is not checked."""
    if any(path.relative_to(ROOT).match(pattern) for pattern in LEFT_OUT):
        return None
    if path == SCHEMA:
        return graphql
    if path.name == "Makefile" or path == ROOT / ".ci" / "run":
        return _comments(_SHELL_COMMENT)
    return READERS.get(path.suffix)


def files() -> Iterator[Path]:
    """Yield the repository's files, without those of dependencies and builds."""
    yield ROOT / ".ci" / "run"
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if name not in UNTRACKED and not name.startswith("."))
        if Path(folder) == ROOT and "data" in folders:
            folders.remove("data")
        yield from (Path(folder, name) for name in sorted(names))


def counts() -> dict[str, Count]:
    """Return the count of every file with prose, by the file's path below the root."""
    found = {}
    for path in files():
        read = reader(path)
        if read is not None:
            found[path.relative_to(ROOT).as_posix()] = count(read(path.read_text(encoding="utf-8")))
    return found


def report(found: dict[str, Count]) -> list[str]:
    """Return a line for each file beyond its bound."""
    return [
        f"{name}: {len(each.lines)} in {each.words:,} words, at most {each.allowed}; "
        f"lines {', '.join(map(str, each.lines))}"
        for name, each in found.items()
        if not each.is_plain
    ]


def test_every_file_is_plain() -> None:
    found = counts()
    assert {"README.md", "server.py", "schema/schema.graphql", "Makefile", ".ci/run"} <= found.keys()
    assert {Path(name).suffix for name in found} >= READERS.keys()
    failing = report(found)
    if failing:
        heading = f'{len(failing)} files use "what", "where" or "who" too often, in place of nouns:'
        pytest.fail("\n".join([heading, *failing]), pytrace=False)


BOUNDS = [(0, 0, True), (10, 1, True), (10, 2, False), (399, 1, True), (399, 2, False), (400, 2, True)]
BOUNDS += [(1000, 5, True), (1000, 6, False), (1199, 5, True), (1199, 6, False), (1200, 6, True)]


@pytest.mark.parametrize(("words", "used", "is_plain"), BOUNDS)
def test_the_bound_grows_with_the_length(words: int, used: int, is_plain: bool) -> None:
    text = "what " * used + "noun " * (words - used)
    found = count([Piece(1, text)])
    assert (found.words, len(found.lines), found.is_plain) == (words, used, is_plain)


def test_every_form_of_a_clause_word_counts_and_code_does_not() -> None:
    text = "What's here,\nWHO is it?\n`SELECT 1 WHERE\nwho` whatever, somewhere; ``what`` where"
    assert count([Piece(10, text)]) == Count(8, [10, 11, 13])


def test_docstrings_and_comments_are_the_prose_of_python() -> None:
    source = '''"""Module: what."""
NAME = "what"  # what of it
"""Attribute,
who."""
def f():
    """Function: where."""
    return """what"""
'''
    assert count(python(source)) == Count(9, [1, 2, 4, 6])


def test_descriptions_are_the_prose_of_a_schema() -> None:
    source = '''"What a type is."
type Query {
  """
  Two lines,
  where one counts.
  """
  what(
    "Who asks."
    who: String = "what"
  ): String @deprecated(reason: "what")
}
'''
    assert count(graphql(source)) == Count(11, [1, 5, 8])


def test_code_and_link_targets_are_not_the_prose_of_markdown() -> None:
    source = """# What it is

Text with [a link](https://what.example/where) and `what`.

    what where

- An item:
  where it goes on.

      who

```sh
what
```
The end: who.
"""
    assert count(markdown(source)) == Count(17, [1, 8, 15])


def test_comments_are_the_prose_of_scripts() -> None:
    script = "const where = 'https://what.example'; // who\n/* what\n   where */\n"
    assert count(READERS[".ts"](script)) == Count(3, [1, 2, 3])
    assert count(READERS[".css"]("a { /* who */ color: what }")) == Count(1, [1])
    makefile = "run: ## Start what\n\t@echo what#where\n# who\n"
    assert count(_comments(_SHELL_COMMENT)(makefile)) == Count(3, [1, 3])


def test_generated_files_and_migrations_are_left_out() -> None:
    assert reader(ROOT / "client" / "src" / "assay_client" / "models.py") is None
    assert reader(ROOT / "frontend-examples" / "urql-react" / "src" / "gql" / "gql.ts") is None
    assert reader(ROOT / "web" / "static" / "graphiql" / "assets" / "index.css") is None
    assert reader(ROOT / "store" / "migrations" / "versions" / "0001_first_tables.py") is None
    assert reader(ROOT / "store" / "migrations" / "env.py") is python
    assert reader(ROOT / "web" / "pages.py") is python
