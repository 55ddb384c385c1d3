"""Public data sets for training and benchmarks, each file checked by its SHA-256 in `corpora.json`.

A file comes from a folder (FOLDER/OWNER+NAME/PATH, copies of the repositories' files) or from GitHub. The data sets are
never part of this repository.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SETS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("corpora.json").read_text(encoding="utf-8"))
SOURCE = "https://raw.githubusercontent.com"

Span = tuple[int, int]
Named = dict[Span, str]
"""The types of a text's names by span: PERSON, ORGANIZATION, LOCATION, or OTHER."""

_TYPES = {
    "PER": "PERSON", "ORG": "ORGANIZATION", "LOC": "LOCATION", "person": "PERSON", "location": "LOCATION",
    "corporation": "ORGANIZATION", "group": "ORGANIZATION", "organization": "ORGANIZATION", "place": "LOCATION",
}  # fmt: skip
_UNSPACED = frozenset({".", ",", "!", "?", ":", ";", "'s", ")", "n't", "'"})


class Unavailable(Exception):
    """A file of a data set is absent, or differs from its SHA-256."""


class Corpora:
    """The files of the data sets, from a folder or, without one, from the network."""

    def __init__(self, folder: Path | None = None, source: str = SOURCE) -> None:
        self.folder = folder
        self.source = source

    def read(self, name: str, path: str) -> bytes:
        """Return a file's content. Raises `Unavailable`."""
        wanted = SETS[name]
        repository, revision = wanted["repository"], wanted["revision"]
        if self.folder is not None:
            place = str(self.folder / repository.replace("/", "+") / path)
        else:
            place = f"{self.source}/{repository}/{revision}/{path}"
        try:
            if self.folder is not None:
                content = Path(place).read_bytes()
            else:
                with urllib.request.urlopen(place, timeout=60) as answer:  # noqa: S310
                    content = answer.read()
        except OSError as error:
            raise Unavailable(f"{place} can't be read: {error}") from None
        if hashlib.sha256(content).hexdigest() != wanted["files"][path]:
            raise Unavailable(f"{place} has another SHA-256 than {repository} at {revision[:7]}")
        return content

    def text(self, name: str, path: str) -> str:
        """Return a file as text; bytes that are not UTF-8 become U+FFFD. Raises `Unavailable`."""
        return self.read(name, path).decode("utf-8", errors="replace")

    def texts(self, name: str) -> Iterator[str]:
        """Yield all files of a data set as text, in the order of `corpora.json`. Raises `Unavailable`."""
        for path in SETS[name]["files"]:
            yield self.text(name, path)


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option `--data`."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="copies of the data sets, instead of downloads")
    return parser


def tagged(content: str) -> Iterator[tuple[str, Named]]:
    """Yield the texts of a CoNLL file: a text for each document or, in a file without document marks, each sentence."""
    lines = content.splitlines()
    marked = any(line.startswith("-DOCSTART") for line in lines)
    names: list[tuple[int, int, str]] = []
    text, before = "", "O"
    for line in [*lines, "-DOCSTART"]:
        if line.startswith("-DOCSTART") or (not marked and not line.strip()):
            if text.strip():
                yield text, {(begin, end): _TYPES.get(kind, "OTHER") for begin, end, kind in names}
            text, names, before = "", [], "O"
        elif not line.strip():
            text, before = text.rstrip("\n") + "\n" if text else "", "O"
        elif len(parts := line.split()) > 1:
            word, tag = parts[0], parts[-1]
            if text and text[-1] not in "\n(" and word not in _UNSPACED:
                text += " "
            if tag != "O" and tag[0] == "I" and before[2:] == tag[2:]:
                names[-1] = (names[-1][0], len(text) + len(word), tag[2:])
            elif tag != "O":
                names.append((len(text), len(text) + len(word), tag[2:]))
            text, before = text + word, tag


class Token(NamedTuple):
    """A token of a CoNLL-U file: its span in the text, part of speech and notes (column MISC)."""

    span: Span
    tag: str
    notes: dict[str, str]


def treebank(content: str) -> Iterator[tuple[str, list[list[Token]]]]:
    """Yield the documents of a CoNLL-U file: the text, and the tokens of each sentence.

    A paragraph ends with a blank line. A file without marks of documents is one document.
    """
    text, sentences = "", []  # type: tuple[str, list[list[Token]]]
    covered = 0
    for line in [*content.splitlines(), "# newdoc"]:
        if line.startswith("# newdoc"):
            if sentences:
                yield text.rstrip(), sentences
            text, sentences = "", []
        elif line.startswith("# newpar"):
            text = text.rstrip() + "\n\n" if text else ""
        elif line.startswith("# sent_id"):
            sentences.append([])
            covered = 0
        elif line[:1].isdigit():
            number, word, _, tag, *_, misc = line.split("\t")
            if "." in number or (number.isdigit() and int(number) <= covered):
                continue  # an empty node, or a part of a contraction
            if "-" in number:
                covered = int(number.split("-")[1])
            notes = dict(note.split("=", 1) for note in misc.split("|") if "=" in note)
            sentences[-1].append(Token((len(text), len(text) + len(word)), tag, notes))
            text += word + ("" if notes.get("SpaceAfter") == "No" else " ")


_MARKS = re.compile(r"\((\d+)-([^()]*)(\)?)|(\d+)\)")


def named_mentions(text: str, sentences: list[list[Token]], roles: frozenset[str]) -> Named:
    """Return the names of a GUM document: capitalized words around a proper noun that is the head of a mention.

    `roles` are titles, which are no part of a person's name.
    """
    found: Named = {}
    open_: dict[str, tuple[int, str, int]] = {}
    tokens = [token for sentence in sentences for token in sentence]
    for at, token in enumerate(tokens):
        for number, fields, closed, ended in _MARKS.findall(token.notes.get("Entity", "")):
            if number:
                kind, *_, head = fields.split("-")[:5]
                open_[number] = (at, kind, at + int(head.split(",")[0]) - 1 if head[:1].isdigit() else at)
            group = number if closed else ended
            if group in open_:
                first, kind, head = open_.pop(group)
                if kind in _TYPES and first <= head <= at and tokens[head].tag == "PROPN":
                    begin, end = _name_around(text, tokens[first : at + 1], head - first, roles)
                    found[begin, end] = _TYPES[kind]
    return found


def _name_around(text: str, tokens: list[Token], head: int, roles: frozenset[str]) -> Span:
    words = [text[slice(*token.span)] for token in tokens]

    def reaches(at: int, step: int) -> bool:
        """Return whether the name has the word at `at`, or a linking word before another capitalized one."""
        if not 0 <= at < len(words):
            return False
        linked = words[at] in {"of", "de", "the", "and", "&", "for", "van", "von"}
        return words[at][0].isupper() or (linked and reaches(at + step, step))

    first = last = head
    while reaches(first - 1, -1):
        first -= 1
    while reaches(last + 1, 1):
        last += 1
    for at in range(first, last):
        if words[at].rstrip(".") in roles:
            first = at + 1
    if words[first] == "The" and first < last:
        first += 1
    return tokens[first].span[0], tokens[last].span[1]
