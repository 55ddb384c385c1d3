"""Candidates for names in English text: the segments of runs of capitalized words, which the trained judge reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from . import names
from .learnt_names import TYPES, Segment, probabilities
from .results import TextEntityType
from .tokens import Document
from .vocabulary import stop_words
from .wordsets import word_set

LONGEST = 6
"""Words of a name."""

MOST_SEGMENTS = 70_000
"""Segments of a text that the judge reads. The news of CoNLL-2003 have 63,000 in 1,000,000 characters."""

THRESHOLD = 0.35
"""The least probability of a name, chosen on the development sets of CoNLL-2003 and WNUT17."""

_EMPTY = names.NO_NAMES | names.OFFICES
"""Words that are no name by themselves."""

Words = tuple[int, int]
"""A range of the document's words, half open."""

INNER = word_set("of de la del da di van von der den bin al el the and & for")
"""Small words inside names."""

LINKS = frozenset({"of", "and", "for", "the", "&"})
"""Small words that can also stand between two names."""

_MOST_INNER = 3


def judged(
    document: Document, free: list[bool], surnames: Iterable[str] = ()
) -> Iterator[tuple[Words, TextEntityType, float]]:
    """Yield the names that the judge finds in runs of free words, surest first within a run.

    A name has one type in a text: the type with the highest sum of probabilities over its occurrences. A word alone
    that ends a person's name anywhere in the text, or is one of `surnames`, is that person.
    """
    if document.shouting:
        return
    found: list[tuple[Words, tuple[str, ...], Sequence[float]]] = []
    alone: list[tuple[Words, str]] = []
    left = MOST_SEGMENTS
    for run in runs(document, free):
        rated = []
        for words, segment in islice(segments(document, run), left):
            left -= 1
            chances = probabilities(segment)
            if chances[0] <= 1 - THRESHOLD:
                rated.append((chances[0], words, segment.words, chances))
            elif len(segment.words) == 1 and run[1] - run[0] == 1:
                alone.append((words, segment.words[0]))
        covered: set[int] = set()
        for _, words, texts, chances in sorted(rated):
            if covered.isdisjoint(range(*words)):
                covered.update(range(*words))
                found.append((words, texts, chances))
    types = _types(found)
    persons = {texts[-1] for texts, kind in types.items() if kind is TextEntityType.PERSON and len(texts) > 1}
    persons.update(surnames)
    for words, texts, chances in found:
        surname = len(texts) == 1 and texts[0] in persons
        yield words, TextEntityType.PERSON if surname else types[texts], round(1 - chances[0], 2)
    for words, text in alone:
        if text in persons:
            yield words, TextEntityType.PERSON, 0.8


def _types(found: list[tuple[Words, tuple[str, ...], Sequence[float]]]) -> dict[tuple[str, ...], TextEntityType]:
    """Return the type of each name."""
    sums: defaultdict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0] * len(TYPES))
    for _, texts, chances in found:
        sums[texts] = [total + chance for total, chance in zip(sums[texts], chances[1:], strict=True)]
    return {texts: TYPES[total.index(max(total))] for texts, total in sums.items()}


def bare(word: str) -> str:
    """Return a word without a possessive 's."""
    return word.removesuffix("'s")


def runs(document: Document, free: list[bool]) -> Iterator[Words]:
    """Yield runs of capitalized free words. Words like "of" and "de" are allowed inside a run only."""
    text, words, spans = document.text, document.word_texts, document.words
    stops = stop_words("en")
    at, total = 0, len(words)
    while at < total:
        if not free[at] or not words[at][0].isupper():
            at += 1
            continue
        last = at + 1
        while last < total and free[last] and joined(text[spans[last - 1][1] : spans[last][0]], words[last - 1]):
            small = 0 if words[last][0].isupper() else inner(document, last)
            if not (small or words[last][0].isupper()) or not all(free[last : last + small + 1]):
                break
            last += small + 1
        if last - at > 1 or words[at].lower() not in stops or words[at] in names.PLACES:
            yield at, last
        at = last


def inner(document: Document, at: int) -> int:
    """Return the number of small words inside a name, such as "von der", from the word `at` on; 0 if it ends there."""
    text, words, spans = document.text, document.word_texts, document.words
    for size in range(1, _MOST_INNER + 1):
        behind = at + size
        if (
            behind >= len(words)
            or words[behind - 1] not in INNER
            or text[spans[behind - 1][1] : spans[behind][0]] != " "
            or (size > 1 and words[behind - 2] in LINKS)
        ):
            return 0
        if words[behind][0].isupper():
            return size
    return 0


def joined(gap: str, before: str) -> bool:
    """Return whether characters between two words can be inside a name."""
    return (
        gap == " " or (gap == ". " and (len(before) == 1 or before in names.TITLES or before == "St")) or gap == " & "
    )


def segments(document: Document, run: Words) -> Iterator[tuple[Words, Segment]]:
    """Yield the parts of a run that start and end with a capitalized word, at most `LONGEST` words long."""
    text, words, spans, total = document.text, document.word_texts, document.words, len(document.words)
    small = document.small_words
    for first in range(*run):
        if not words[first][0].isupper():
            continue
        marks = ["gap before " + _mark(text[spans[first - 1][1] : spans[first][0]] if first else "\n")]
        if words[first].lower() in small:
            marks.append("also small")
        if first == run[0]:
            marks.append("starts run")
        before = (words[first - 2] if first > 1 else "", words[first - 1] if first else "")
        for last in range(first + 1, min(first + LONGEST, run[1]) + 1):
            final = words[last - 1]
            if final[0].isupper() and not _EMPTY.issuperset(words[first:last]):
                ends = ["gap after " + _mark(text[spans[last - 1][1] : spans[last][0]] if last < total else "\n")]
                if last == run[1]:
                    ends.append("ends run")
                after = (words[last] if last < total else "", words[last + 1] if last + 1 < total else "")
                texts = (*words[first : last - 1], bare(final))
                yield (first, last), Segment(texts, before, after, (*marks, *ends))
            if final != bare(final):
                break  # a possessive ends a name


def _mark(gap: str) -> str:
    """Return the first mark between two words: a line break, punctuation, or "" for a space alone."""
    return "\n" if "\n" in gap else gap.strip()[:1]
