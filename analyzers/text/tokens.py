"""Words, sentences and paragraphs of a text.

All positions are code points of the document's text, half open: `text[begin:end]` is the piece. Every pass takes
time linear in the text's length: patterns match whole runs, and the decision about a boundary reads a bounded stretch
around it. Scripts without spaces between words are recognized. Their words are neither separated nor counted.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_left
from functools import cached_property, lru_cache

from .wordsets import word_set

Span = tuple[int, int]

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""Letters of Thai, Lao, Tibetan, Burmese, Khmer, Japanese and Chinese."""

UNENDED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Letters of Thai, Lao, Burmese and Khmer, which also have no reliable mark for the end of a sentence."""

_JOINERS = "'\\-·׳״"
_URL = r"(?:https?://|www\.)\S*[\w/]"
_ACRONYM = r"(?:[^\W\d_]\.){2,}"

# A sentence can end at a run of these. Closing quotes and brackets after the run belong to the sentence.
_ENDS = re.compile("([.!?…‽؟۔।॥։።]+|[。！？｡]+)([\"')\\]}」』）】]*)|\n[ \t\r\f\v]*(?:\n\\s*)?")
_WIDE_ENDS = frozenset("。！？｡")
_SURE_ENDS = frozenset("!?…‽؟۔।॥։።")
_INITIALS = re.compile(r"(?:[^\W\d_]\.){1,5}[^\W\d_]")
_PARAGRAPH_GAP = re.compile(r"\n[^\S\n]*\n\s*")
_LETTERS = re.compile(r"[^\W\d_]+")
_LIST_MARK = re.compile(r"(?:[-*•–—]|\(?\d{1,3}[.)]|[a-zA-Z][.)])\s")

# Abbreviations before a name or a number: their period never ends a sentence.
_TITLES = word_set(
    "mr mrs ms dr prof st rev hon gen col sgt capt lt cmdr maj gov sen rep pres mt ft vs fig figs eq eqs sec ch vol "
    "pp ed eds cf ca approx dept univ bros messrs mme mlle mgr hr fr nr str bzw z.b d.h u.a sog evtl ggf inkl "
    "sr sra srta ud uds dña pág núm art sig dott ing dhr mevr bijv tel al e.g i.e viz resp ул г-н г-жа т.е им"
)
# Other abbreviations: their period ends a sentence if the next word starts with a capital.
_SHORTENED = word_set(
    "etc inc ltd co corp jr sr esq a.m p.m u.s u.k u.n u.s.a d.c ph.d b.c a.d usw ecc т.д т.п др гг jan feb mar apr "
    "jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun ave blvd rd"
)
_NUMBERED = word_set("no nos nr p pp art fig sec ch vol № с стр")
_MONTHS_AFTER_ORDINAL = word_set(
    "januar jänner februar märz april mai juni juli august september oktober november dezember desember december "
    "marts maj jahrhundert"
)
_TOKEN_MARKS = frozenset("@=/\\_<>#|~$")
_WEB_ENDS = word_set("com org net edu gov io co info biz html htm php js py ts md txt pdf exe asp aspx jsp uk us de fr")
_LOOKBACK = 24
_WRAP_WIDTH = 45


@lru_cache(maxsize=1)
def _marks() -> str:
    """Return the combining marks as the inside of a character class. `\\w` lacks them; Indic words contain them."""
    ranges: list[list[int]] = []
    for point in (*range(0x300, 0x20000), *range(0xE0100, min(0xE01F0, sys.maxunicode))):
        if unicodedata.category(chr(point))[0] == "M":
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in ranges)


@lru_cache(maxsize=2)
def _word_pattern(ascii_only: bool) -> re.Pattern[str]:
    letter = "[^\\W_]" if ascii_only else f"(?:[^\\W_]|[{_marks()}])"
    joiner = "['\\-]" if ascii_only else f"[{_JOINERS}]"
    return re.compile(rf"{_URL}|{_ACRONYM}|[^\W_]{letter}*(?:(?:{joiner}|(?<=\d)[.,](?=\d)){letter}+)*")


def warm() -> None:
    """Compile the patterns, which are otherwise compiled at first use."""
    _word_pattern(True)
    _word_pattern(False)


class Document:
    """A text and its pieces. Each kind of piece is computed once, at first use.

    The text is that of a `View`: without marks of a format and in plain characters.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def words(self) -> list[Span]:
        """Spans of the words: runs of letters, digits and marks, joined by hyphens and apostrophes.

        A web address is one word. In scripts without spaces, a "word" is a whole run of letters (see `spaced`).
        """
        return [match.span() for match in _word_pattern(self.text.isascii()).finditer(self.text)]

    @cached_property
    def word_texts(self) -> list[str]:
        text = self.text
        return [text[begin:end] for begin, end in self.words]

    @cached_property
    def lowered(self) -> list[str]:
        return [word.lower() for word in self.word_texts]

    @cached_property
    def small_words(self) -> frozenset[str]:
        """The words without capitals."""
        return frozenset(filter(str.islower, self.word_texts))

    @cached_property
    def shouting(self) -> bool:
        """Whether most letters are capitals, so that they mark no names."""
        return self.letters > 20 and sum(map(str.isupper, self.text)) > 0.6 * self.letters

    def lowered_within(self, begin: int, end: int) -> list[str]:
        """Return the words that start in a range of characters, in small letters."""
        return self.lowered[bisect_left(self.words, (begin, 0)) : bisect_left(self.words, (end, 0))]

    @cached_property
    def letters(self) -> int:
        """The number of letters (code points of the Unicode categories L*)."""
        return sum(map(str.isalpha, self.text))

    @cached_property
    def _unspaced_share(self) -> tuple[float, float]:
        text = self.text
        if text.isascii() or not self.letters:
            return 0.0, 0.0
        unspaced = len(UNSPACED.findall(text))
        return unspaced / self.letters, len(UNENDED.findall(text)) / self.letters if unspaced else 0.0

    @cached_property
    def sentence_starts(self) -> frozenset[int]:
        """Return the numbers of the words that begin a sentence."""
        begins = [begin for begin, _ in self.words]
        return frozenset(bisect_left(begins, begin) for begin, _ in self.sentences)

    @cached_property
    def wrapped(self) -> bool:
        """Whether the text has a line that is long enough to have been wrapped."""
        return any(len(line) >= _WRAP_WIDTH for line in self.text.splitlines())

    @property
    def spaced(self) -> bool:
        """Whether spaces separate the words: less than three letters in ten are of a script without spaces."""
        return self._unspaced_share[0] < 0.3

    @property
    def ended(self) -> bool:
        """Whether the text's script marks the ends of sentences."""
        return self._unspaced_share[1] < 0.3

    @cached_property
    def paragraphs(self) -> list[Span]:
        """Spans of the blocks between blank lines. Without blank lines, each line is a block, unless it is wrapped."""
        text = self.text
        spans: list[Span] = []
        begin = 0
        gaps = [match.span() for match in _PARAGRAPH_GAP.finditer(text)]
        if not gaps:
            gaps = [(at, at + 1) for at in _newlines(text) if not _is_wrap(text, at)]
        for gap_begin, gap_end in [*gaps, (len(text), len(text))]:
            _append_trimmed(spans, text, begin, gap_begin)
            begin = gap_end
        return spans

    @cached_property
    def sentences(self) -> list[Span]:
        """Spans of the sentences, with end marks and closing quotes, without surrounding white space.

        A line break ends a sentence at the end of a paragraph or list item, but not inside a wrapped paragraph.
        """
        text = self.text
        spans: list[Span] = []
        begin = 0
        cased = next((char.isupper() for char in text[: _LOOKBACK * 10] if char.isalpha()), False)
        for match in _ENDS.finditer(text):
            marks = match.group(1)
            if marks is None:
                if not (match.group().count("\n") > 1 or not _is_wrap(text, match.start())):
                    continue
                end = match.start()
            elif marks[0] in _WIDE_ENDS or self._ends_sentence(match.start(), match.end(), marks, cased):
                end = match.end()
            else:
                continue
            _append_trimmed(spans, text, begin, end)
            begin = end
        _append_trimmed(spans, text, begin, len(text))
        return spans

    def _ends_sentence(self, start: int, after: int, marks: str, cased: bool) -> bool:
        text = self.text
        if after >= len(text):
            return True
        if not text[after].isspace():
            return _is_unspaced_end(text, start, after)
        following = text[after : after + _LOOKBACK].lstrip()
        first = following[:1]
        if first.islower() and cased:
            return False
        if marks[0] in _SURE_ENDS or len(marks) > 1:
            return True
        before = text[max(0, start - _LOOKBACK) : start]
        piece = (before.split() or [""])[-1].lstrip("\"'“‘«([{").lower()
        if piece in _TITLES:
            return piece == "sr" and not first.isupper()
        if piece in _NUMBERED and first.isdigit():
            return False
        if piece in _SHORTENED:
            return first.isupper() and piece not in {"jan", "feb"} if first else True
        if len(piece) == 1 and piece.isalpha() and piece != "i":
            return not first.isupper() and not first.isdigit()
        if _INITIALS.fullmatch(piece):
            return not first.isupper()
        if piece.isdigit() and len(piece) <= 3:
            line_start = text.rfind("\n", max(0, start - _LOOKBACK), start) + 1
            alone = text[max(line_start, start - _LOOKBACK) : start].strip() == piece
            return not alone and (following.split() or [""])[0].strip(".,;:").lower() not in _MONTHS_AFTER_ORDINAL
        return True


def _is_unspaced_end(text: str, start: int, after: int) -> bool:
    """Return whether a mark without a space behind it ends a sentence: "The food was fine.Terrible waiter."

    A small letter is before the mark and a capitalized word behind it, and neither is part of an address or of code.
    """
    if not (text[start - 1 : start].islower() and text[after].isupper()):
        return False
    before = (text[max(0, start - _LOOKBACK) : start].split() or [""])[-1]
    following = (text[after : after + _LOOKBACK].split() or [""])[0]
    word = _LETTERS.match(following)
    if word is None or len(word.group()) == 1 or not word.group()[1:].islower() or len(before) < 2:
        return False
    behind = following[word.end() :].strip(".!?…,;:\"')")
    return (
        word.group().lower() not in _WEB_ENDS
        and before.lower() not in _TITLES
        and "." not in before
        and not any(mark in _TOKEN_MARKS for mark in before + following)
        and "." not in behind
    )


def _newlines(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


def _is_wrap(text: str, at: int) -> bool:
    """Return whether the line break at `at` wraps a long line inside a sentence."""
    before = text[max(0, at - 400) : at].rstrip()
    line = before[before.rfind("\n") + 1 :]
    following = text[at + 1 : at + 1 + _LOOKBACK].lstrip(" \t\r")
    if (
        not line
        or not following
        or following[0] == "\n"
        or line[-1] in ".!?…。！？:;।؟۔"
        or _LIST_MARK.match(following)
    ):
        return False
    return following[0].islower() or len(line) >= _WRAP_WIDTH


def _append_trimmed(spans: list[Span], text: str, begin: int, end: int) -> None:
    piece = text[begin:end]
    stripped = piece.strip()
    if stripped:
        begin += len(piece) - len(piece.lstrip())
        spans.append((begin, begin + len(stripped)))
