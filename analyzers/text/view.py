"""One reading of a text for all operations: without marks of a format, and in plain characters.

`View.source` is the text of the request, `View.plain` the same without marks, `View.text` the plain text folded. All
operations read `View.text`, and `View.span` and `View.written` lead back: results have positions in the source and the
characters of the plain text.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache

from .results import TextFormat

Span = tuple[int, int]
Change = tuple[int, int, str]
"""A range of a text, and the characters that replace it."""

MOST_MARKS = 30
"""Combining marks of one character that are composed, as in the stream-safe format of UAX 15. Python needs quadratic
time for a longer run."""


class Rewriting:
    """A text made from another one by changes, which are in order and do not overlap."""

    def __init__(self, before: str, changes: Iterable[Change]) -> None:
        pieces: list[str] = []
        size = done = 0
        # For the first character of each piece: its position here and there, and its length there. The other characters
        # of a piece follow one by one.
        self._here, self._there, self._length = array("l", [0]), array("l", [0]), array("l", [1])
        for begin, end, by in changes:
            pieces += (before[done:begin], by)
            size += begin - done
            done = end
            for at in range(size, size + len(by)):
                self._anchor(at, begin, end - begin)
            size += len(by)
            self._anchor(size, end, 1)
        self.text = "".join((*pieces, before[done:])) if pieces else before

    def _anchor(self, here: int, there: int, length: int) -> None:
        if self._here[-1] == here:
            self._there[-1], self._length[-1] = there, length
        else:
            self._here.append(here)
            self._there.append(there)
            self._length.append(length)

    def span(self, begin: int, end: int) -> Span:
        """Return the range of the earlier text that became this range of at least one character."""
        if len(self._here) == 1 and not self._there[0]:
            return begin, end
        first, last = bisect_right(self._here, begin) - 1, bisect_right(self._here, end - 1) - 1
        beyond = end - 1 - self._here[last]
        return (
            self._there[first] + begin - self._here[first],
            self._there[last] + (beyond + 1 if beyond else self._length[last]),
        )


class View:
    """A text as the operations read it. Its `format` is the requested one, or the recognized one instead of AUTO."""

    def __init__(self, source: str, requested: TextFormat = TextFormat.AUTO) -> None:
        from . import markup

        self.source = source
        self.format = markup.recognize(source) if requested is TextFormat.AUTO else requested
        self._marks = Rewriting(source, markup.changes(source, self.format))
        self.plain = self._marks.text
        self._folding = Rewriting(self.plain, _changes(self.plain))
        self.text = self._folding.text

    def written(self, begin: int, end: int) -> str:
        """Return a range of `text` in the characters of the source, without marks."""
        return self.plain[slice(*self._folding.span(begin, end))]

    def span(self, begin: int, end: int) -> Span:
        """Return the range of the source for a range of `text` of at least one character."""
        return self._marks.span(*self._folding.span(begin, end))


def fold(text: str) -> str:
    """Return a text in plain characters, as `View.text` has it."""
    return Rewriting(text, _changes(text)).text


_PLAIN = {
    **dict.fromkeys("’‘ʼ‛‹›", "'"),
    **dict.fromkeys("“”„‟«»", '"'),
    **dict.fromkeys("\u2010\u2011", "-"),
    **dict.fromkeys(map(chr, (0xA0, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000)), " "),
    **dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n"),
}
_INVISIBLE = (
    "\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
    "\U000e0100-\U000e01ef"
)
"""Soft hyphen, joiners, direction marks, variation selectors, skin tones and tags."""


@lru_cache(maxsize=1)
def _composable() -> tuple[str, str]:
    """Return the marks that take part in compositions, and the characters that become another one alone, as the insides
    of character classes."""
    marks, single = set(), set()
    for point in (*range(0xA0, 0x3400), *range(0xF900, 0xFB50), *range(0x10000, 0x12000), *range(0x1D100, 0x1D300)):
        char = chr(point)
        if unicodedata.combining(char):
            marks.add(char)
        parts = unicodedata.decomposition(char)
        if parts and parts[0] != "<":
            if len(both := parts.split()) == 2:
                marks.add(chr(int(both[1], 16)))
            if unicodedata.normalize("NFC", char) != char:
                single.add(char)
    return _ranges(marks), _ranges(single)


def _ranges(characters: set[str]) -> str:
    found: list[list[int]] = []
    for point in sorted(map(ord, characters)):
        if found and found[-1][1] == point - 1:
            found[-1][1] = point
        else:
            found.append([point, point])
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in found)


@lru_cache(maxsize=1)
def _folded() -> tuple[re.Pattern[str], frozenset[str]]:
    """Return the pattern of characters to fold, and the invisible characters."""
    marks, single = _composable()
    pattern = re.compile(
        rf"\r\n?|[{re.escape(''.join(_PLAIN))}]|[{_INVISIBLE}]+|.[{marks}]+|[{single}]"
        "|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"
    )
    invisible = re.compile(f"[{_INVISIBLE}]")
    return pattern, frozenset(
        filter(invisible.match, map(chr, (*range(0x10000), *range(0x1F3FB, 0x1F400), *range(0xE0000, 0xE0200))))
    )


def warm() -> None:
    """Compile the pattern of folded characters, which is otherwise compiled at first use."""
    _folded()


@lru_cache(maxsize=10_000)
def _composed(cluster: str) -> str:
    return unicodedata.normalize("NFC", cluster)


def _changes(text: str) -> Iterator[Change]:
    if text.isascii() and "\r" not in text and "\x0b" not in text and "\x0c" not in text:
        return
    pattern, invisible = _folded()
    for match in pattern.finditer(text):
        piece = match.group()
        if (plain := _PLAIN.get(piece)) is None:
            if piece[0] == "\r":
                plain = "\n"
            elif piece[0] in invisible:
                # A mark beside an invisible character: the pattern took the invisible one for its base.
                plain = "" if len(piece) == 1 or piece[-1] in invisible else piece[1:]
            else:
                plain = _composed(piece) if len(piece) <= MOST_MARKS + 1 else piece
        if plain != piece:
            yield (*match.span(), plain)
