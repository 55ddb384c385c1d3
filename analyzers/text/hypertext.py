"""Tags, comments and character references of HTML, with their positions.

The parsers of Python's library, lxml and selectolax give no positions of characters, and Python's takes quadratic time
for unfinished tags. This scanner reads each character a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

from .wordsets import word_set

Change = tuple[int, int, str]

BLOCKS = word_set(
    "address article aside blockquote body canvas caption center dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu nav ol optgroup option p "
    "pre section select summary table tbody tfoot thead tr ul"
)
"""Elements whose tags separate blocks of text."""

INLINE = word_set(
    "a abbr acronym area audio b base bdi bdo big br button cite code col colgroup data datalist del dfn em embed font "
    "frame i iframe img input ins kbd label link map mark meta meter nobr object output param picture progress q rp rt "
    "ruby s samp search slot small source span strike strong sub sup td textarea th time track tt u var video wbr"
)
HIDDEN = word_set("head math noscript script style svg template title")
"""Elements whose content is not text."""

_SEPARATORS = {"br": "\n", "td": "\t", "th": "\t", **dict.fromkeys(BLOCKS, "\n\n")}
_KNOWN = BLOCKS | INLINE | HIDDEN
_TOKEN = re.compile(
    r"<!--|<[!?]|<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,60})(?=[\s/>])|&#?[a-zA-Z0-9]{2,31};|[\r\n][\r\n \t]*", re.ASCII
)
_REST = re.compile(r"""(?:[^<>"']++|"[^"]*+"|'[^']*+')*+""")
_SIMPLE = re.compile(r"[^<>]*+")
_BLOCK = re.compile(rf"<(?:!doctype html|/?(?:br|{'|'.join(sorted(BLOCKS))}))(?=[\s/>])[^<>]{{0,1000}}>", re.IGNORECASE)
_BEGUN = re.compile(r"<([a-zA-Z][a-zA-Z0-9]{0,9})(?:\s[^<>]{0,1000})?>", re.ASCII)


@lru_cache(maxsize=len(HIDDEN))
def _closing(name: str) -> re.Pattern[str]:
    return re.compile(rf"</{name}\s*>", re.IGNORECASE)


def is_evident(text: str) -> bool:
    """Return whether a text has a tag of a block, or a known tag with its end."""
    if "<" not in text or ">" not in text:
        return False
    if _BLOCK.search(text):
        return True
    begun = {match.group(1).lower() for match in _BEGUN.finditer(text)} & _KNOWN
    return any(_closing(name).search(text) for name in begun)


def changes(text: str, begin: int = 0, end: int | None = None) -> Iterator[Change]:
    """Yield the removals of tags and of hidden content, and the replacements of references and line breaks.

    Tags of blocks become blank lines, tags of cells tabs. Tags of unknown elements stay: "a <b and c> d" is text.
    """
    end = len(text) if end is None else end
    absent: set[str] = set()
    # A tag without an end is text. The time for such tags is bounded: once they have cost the length of the text,
    # quotes are no longer respected.
    allowance = end - begin
    at, verbatim = begin, 0
    while (match := _TOKEN.search(text, at, end)) is not None:
        start, at = match.span()
        piece, name = match.group(), (match.group(2) or "").lower()
        if piece[0] == "&":
            if (char := unescape(piece)) != piece:
                yield start, at, " " if char == "\xa0" else char
        elif piece[0] in "\r\n":
            if not verbatim:
                yield start, at, " "
        elif piece == "<!--":
            if (close := _find(text, "-->", at, end, absent)) >= 0:
                yield start, (at := close + 3), ""
        elif piece in {"<!", "<?"} or name in _KNOWN or "-" in name or ":" in name:
            close = (_REST if allowance > 0 else _SIMPLE).match(text, at, end).end()  # type: ignore[union-attr]
            if close >= end or text[close] != ">":
                allowance -= close - at
                continue
            at = close + 1
            if name in HIDDEN and not match.group(1) and text[close - 1] != "/" and name not in absent:
                if (hidden := _closing(name).search(text, at, end)) is not None:
                    at = hidden.end()
                else:
                    absent.add(name)
            if name == "pre":
                verbatim = max(0, verbatim + (-1 if match.group(1) else 1))
            yield start, at, _SEPARATORS.get(name, "")


def _find(text: str, mark: str, begin: int, end: int, absent: set[str]) -> int:
    """Return the position of a mark, or -1. A mark that was not found is not searched again."""
    found = -1 if mark in absent else text.find(mark, begin, end)
    if found < 0:
        absent.add(mark)
    return found
