"""Formats of a text: their recognition, and the changes that remove their marks.

Markdown is read by pyromark (MIT), which gives the position of each piece of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from . import hypertext
from .results import TextFormat

Change = tuple[int, int, str]

_PAGE = re.compile(r"\s{0,1000}<(?:!doctype html|html)[\s>]", re.IGNORECASE)
_LINK = re.compile(r"(?<![\w)\]])!?\[[^\[\]\n]{0,300}\]\([^()\s]{0,500}[./#:][^()\s]{0,500}(?: \"[^\"\n]{0,300}\")?\)")
_FENCE = re.compile(r"^ {0,3}```[^`\n]{0,100}$", re.MULTILINE)
_KINDS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^#{1,6} [^\s#]",
        r"(?<![\w*])\*\*[^\s*][^*\n]{0,300}\*\*(?![\w*])|(?<![\w_])__[^\s_][^_\n]{0,300}__(?![\w_])",
        r"(?<![\w*])\*[^\s*](?:[^*\n]{0,300}[^\s*])?\*(?![\w*])",
        r"(?<![\w`])`[^`\n]{1,300}`(?![\w`])",
        r"^ {0,3}[-*+] [^\n]{1,1000}\n(?:[^\n]{1,1000}\n){0,3}\n? {0,3}[-*+] \S",
        r"^> \S",
        r"^ {0,3}\|?(?: {0,9}:?-{3,40}:? {0,9}\|){1,40}",
        r"^[^\n]{1,200}\n(?:={3,200}|-{3,200})$",
        r"^ {0,3}\[[^\[\]\n]{1,100}\]: \S",
    )
)


def recognize(text: str) -> TextFormat:
    """Return the format of a text. MARKDOWN needs a link, a fence, or two kinds of marks; HTML needs a tag of a block,
    or a known tag with its end."""
    tagged = "<" in text and ">" in text
    if tagged and _PAGE.match(text):
        return TextFormat.HTML
    if _has_markdown(text):
        return TextFormat.MARKDOWN
    return TextFormat.HTML if tagged and hypertext.is_evident(text) else TextFormat.PLAIN


def _has_markdown(text: str) -> bool:
    if "](" in text and _LINK.search(text):
        return True
    if "```" in text and _FENCE.search(text):
        return True
    lines = "\n" in text
    if not lines and "*" not in text and "`" not in text and "__" not in text:
        return False
    return sum(pattern.search(text) is not None for pattern in _KINDS) > 1


def changes(text: str, form: TextFormat) -> Iterable[Change]:
    """Return the changes that remove the marks of a format."""
    if form is TextFormat.MARKDOWN:
        return _markdown(text)
    return hypertext.changes(text) if form is TextFormat.HTML else ()


_DROPPED = frozenset({"Image", "MetadataBlock"})
_INNER = frozenset({"Emphasis", "Strong", "Strikethrough", "Link", "Image"})


def _name(tag: Any) -> str:
    return tag if isinstance(tag, str) else next(iter(tag))


class _Kept(NamedTuple):
    """A piece of a Markdown text that is kept, and its characters if they differ from the source's."""

    begin: int
    end: int
    by: str | None
    before: str
    """Separator from the piece before."""


def _markdown(text: str) -> Iterator[Change]:
    """Yield the changes: the ranges between the kept pieces, and the pieces with other characters."""
    done = 0
    for piece in _pieces(text):
        # The separator is in the place of the marks between two pieces.
        if piece.begin > done or piece.before:
            yield done, piece.begin, piece.before if done else ""
        if piece.by is not None and piece.by != text[piece.begin : piece.end]:
            yield piece.begin, piece.end, piece.by
        done = piece.end
    if done < len(text):
        yield done, len(text), ""


def _pieces(text: str) -> Iterator[_Kept]:
    from pyromark import Options, events_with_range

    options = (
        Options.ENABLE_TABLES
        | Options.ENABLE_STRIKETHROUGH
        | Options.ENABLE_TASKLISTS
        | Options.ENABLE_FOOTNOTES
        | Options.ENABLE_YAML_STYLE_METADATA_BLOCKS
    )
    position = _Positions(text)
    dropped, before, fenced = 0, "", False
    for event, where in events_with_range(text, options=options):
        value: Any
        kind, value = (event, None) if isinstance(event, str) else next(iter(event.items()))
        if kind in {"Start", "End"}:
            name = _name(value)
            if name == "CodeBlock" and kind == "Start":
                fenced = value != {"CodeBlock": "Indented"}
            if name in _DROPPED or (name == "CodeBlock" and fenced):
                dropped += 1 if kind == "Start" else -1
            if name == "HtmlBlock" and kind == "Start":
                begin = position(where["start"])
                yield from _from_html(text, begin, position(where["end"]))
            if name == "TableCell":
                before = before or "\t"
            elif name not in _INNER:
                before = "\n\n"
            continue
        if dropped or kind in {"Html", "FootnoteReference", "TaskListMarker"}:
            continue
        if kind == "Rule":
            before = "\n\n"
            continue
        if kind == "InlineHtml":
            if value[:3].lower() == "<br":
                before = before or "\n"
            continue
        begin, end = position(where["start"]), position(where["end"])
        by = value
        if kind == "Code":
            piece = text[begin:end]
            ticks = len(piece) - len(piece.lstrip("`"))
            begin, end, by = begin + ticks, end - ticks, None
        elif kind == "SoftBreak":
            by = " "
        elif kind == "HardBreak":
            by = "\n"
        if end > begin:
            yield _Kept(begin, end, by, before)
            before = ""
    return


def _from_html(text: str, begin: int, end: int) -> Iterator[_Kept]:
    """Yield the text of a block of HTML."""
    before = "\n\n"
    for start, stop, by in chain(hypertext.changes(text, begin, end), [(end, end, "")]):
        if start > begin:
            yield _Kept(begin, start, None, before)
            before = ""
        if by.strip():
            yield _Kept(start, stop, by, before)
            before = ""
        else:
            before = max(before, by, key=len)
        begin = stop


class _Positions:
    """Positions of characters for positions of bytes, which must not decrease by more than one call's range."""

    def __init__(self, text: str) -> None:
        self._data = None if text.isascii() else text.encode()
        self._byte = self._character = 0

    def __call__(self, byte: int) -> int:
        if self._data is None:
            return byte
        if byte >= self._byte:
            self._character += len(self._data[self._byte : byte].decode())
        else:
            self._character -= len(self._data[byte : self._byte].decode())
        self._byte = byte
        return self._character
