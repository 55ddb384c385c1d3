"""Key phrases of a text.

Candidates are those of RAKE (Rose et al. 2010, "Automatic keyword extraction from individual documents"): runs of words
without stop words and punctuation, within a sentence, a line and a cell. In English, verbs and adverbs end a run, a run
loses participles at its end ("storage based"), and names keep their stop words ("New York City"). A run of more than
`MOST_WORDS` words is cut into parts of two or three words, between the words that are rarely neighbors. A word's
weight is its TextRank (Mihalcea and Tarau 2004), PageRank over a graph of neighboring words. A phrase's weight is the
sum over its words, times factors for its count (logarithmic) and for an early first occurrence. The time is linear in
the text's length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .names import PLACES
from .tokens import Document, Span
from .verbs import VERBS
from .vocabulary import content_free, stem
from .wordsets import word_set

MOST_WORDS = 4
LONGEST_NAME = 6
CUT_WEIGHT = 0.6
"""Factor of a part of a longer run that occurs once."""
REACH = 1
DAMPING = 0.85
ROUNDS = 20
DENSE_UP_TO = 300
_ABBREVIATIONS = word_set(
    "e.g i.e a.m p.m approx vs cf etc viz resp ca al eq fig no nos vol pp ed eds z.b u.a d.h bzw usw"
)
_FUNCTION_WORDS = word_set(
    "a an the i i'm i've he she it we they you me him her us them my your his its our their this that these those who "
    "which what when where why how and or but nor so if then than as of in on at by for with from to into is are was "
    "were be been am do does did has have had not no yes can could will would shall should may might must there here"
)


@dataclass(slots=True)
class Phrase:
    """A candidate phrase: stems, first occurrence, whether each occurrence is a part of a longer run, count, weight."""

    stems: tuple[str, ...]
    span: Span
    first_word: int
    cut: bool
    count: int = 1
    weight: float = 0.0


def phrases(document: Document, language: str) -> list[Phrase]:
    """Return all candidates, heaviest first. Equal weights are in the order of the text."""
    words = document.words
    content = _content(document, language)
    rank = word_ranks(content)
    pairs = Counter(pair for pair in pairwise(content) if pair[0] and pair[1])
    found: dict[tuple[str, ...], Phrase] = {}
    for first, last in _runs(document, content, english=language == "en"):
        whole = last - first <= MOST_WORDS or _is_name(document, first, last)
        for begin, end in [(first, last)] if whole else _parts(content, first, last, pairs):
            stems = tuple(content[begin:end])
            if (phrase := found.get(stems)) is not None:
                phrase.count += 1
                phrase.cut &= not whole
            else:
                found[stems] = Phrase(stems, (words[begin][0], words[end - 1][1]), begin, cut=not whole)
    scale = max(200, len(words))
    for phrase in found.values():
        ranks = [rank[s] for s in phrase.stems]
        phrase.weight = sum(ranks) * (1 + math.log(phrase.count)) / (1 + phrase.first_word / scale)
        if phrase.cut and phrase.count == 1:
            phrase.weight *= CUT_WEIGHT
    return sorted(found.values(), key=lambda phrase: (-phrase.weight, phrase.span))


def _content(document: Document, language: str) -> list[str]:
    """Return the stem of each word, and an empty string for words that are in no phrase."""
    stops = content_free(language)
    english = language == "en"
    found = []
    for at, word in enumerate(document.lowered):
        if word.rstrip(".") in _ABBREVIATIONS or not _is_content(word):
            found.append("")
        elif word in stops or (english and word in VERBS):
            found.append(stem(language, word) if english and _is_in_name(document, at) else "")
        else:
            found.append(stem(language, word))
    return found


def _is_in_name(document: Document, at: int) -> bool:
    """Return whether a stop word is a capitalized part of a name, such as "New" in "New York City"."""
    words, spans, text = document.word_texts, document.words, document.text
    word = words[at]
    if not word[0].isupper() or word.lower() in _FUNCTION_WORDS or at + 1 >= len(words):
        return False
    neighbor = words[at + 1]
    if not neighbor[0].isupper() or text[spans[at][1] : spans[at + 1][0]] != " ":
        return False
    known = any(" ".join(words[at : at + size]) in PLACES for size in (2, 3))
    return known or (word.istitle() and neighbor.istitle() and at not in document.sentence_starts)


def _runs(document: Document, content: list[str], *, english: bool) -> Iterator[Span]:
    """Yield the runs of content words, as the numbers of the first word and of the word after the last one."""
    text, spans, words, lowered = document.text, document.words, document.word_texts, document.lowered
    starts, wrapped = document.sentence_starts, document.wrapped
    first = last = 0

    def trimmed() -> Iterator[Span]:
        end = last
        while english and end - first > 1 and lowered[end - 1].endswith("ed"):
            end -= 1
        if end > first:
            yield first, end

    for at, word_stem in enumerate(content):
        if last > first:
            gap = text[spans[at - 1][1] : spans[at][0]]
            behind_name = (
                english
                and words[at][0].islower()
                and lowered[at].endswith(("ed", "ing"))
                and words[at - 1][0].isupper()
                and (last - first > 1 or first not in starts)
            )
            if behind_name or not word_stem or at in starts or (gap != " " and _is_break(gap, wrapped)):
                yield from trimmed()
                first = last = at
                if behind_name:
                    continue
        if word_stem:
            first = at if last <= first else first
            last = at + 1
    if last > first:
        yield from trimmed()


def _is_break(gap: str, wrapped: bool) -> bool:
    """Return whether the characters between two words end a phrase: punctuation, a cell, an unwrapped line."""
    return (
        bool(gap.strip()) or gap.count("\n") > 1 or (not wrapped and "\n" in gap) or ("\t" in gap and "\n" not in gap)
    )


def _is_name(document: Document, first: int, last: int) -> bool:
    return last - first <= LONGEST_NAME and all(word.istitle() for word in document.word_texts[first:last])


def _parts(content: list[str], first: int, last: int, pairs: Counter[tuple[str, str]]) -> Iterator[Span]:
    """Yield the parts of a long run, by dynamic programming: most occurrences of neighbors, and no single words."""
    best: list[tuple[float, int]] = [(0.0, first)]
    for end in range(first + 1, last + 1):
        options = []
        for size in range(1, min(3, end - first) + 1):
            begin = end - size
            value = sum(pairs[content[i], content[i + 1]] for i in range(begin, end - 1)) - (1.0 if size == 1 else 0.0)
            options.append((best[begin - first][0] + value, begin))
        best.append(max(options))
    parts = []
    end = last
    while end > first:
        begin = best[end - first][1]
        parts.append((begin, end))
        end = begin
    yield from reversed(parts)


def _is_content(word: str) -> bool:
    return 1 < len(word) <= 60 and not word.isnumeric() and any(map(str.isalpha, word)) and "://" not in word


def word_ranks(content: list[str]) -> dict[str, float]:
    """Return each word's TextRank. Edges join content words at a distance of up to `REACH`, weighted by their count.

    `content` has the stems in the order of the text, and an empty string for each stop word. The ranks sum to 1.
    """
    import numpy as np

    order = [word for word in content if word]
    index = {word: i for i, word in enumerate(dict.fromkeys(order))}
    size = len(index)
    if size < 2:
        return dict.fromkeys(index, 1.0)
    edges: Counter[tuple[int, int]] = Counter()
    numbers = [index[word] for word in order]
    for gap in range(1, REACH + 1):
        edges.update(zip(numbers, numbers[gap:], strict=False))
    ranks = np.full(size, 1.0 / size)
    if size <= DENSE_UP_TO:
        links = np.zeros((size, size))
        for (a, b), weight in edges.items():
            if a != b:
                links[a, b] += weight
                links[b, a] += weight
        degree = links.sum(axis=0)
        links *= DAMPING / np.where(degree > 0, degree, 1.0)
        for _ in range(ROUNDS):
            ranks = links @ ranks
            ranks += (1.0 - ranks.sum()) / size
    else:
        pairs = np.array([(a, b, w) for (a, b), w in edges.items() if a != b], dtype=np.int64).reshape(-1, 3)
        source = np.concatenate([pairs[:, 0], pairs[:, 1]])
        target = np.concatenate([pairs[:, 1], pairs[:, 0]])
        weights = np.concatenate([pairs[:, 2], pairs[:, 2]]).astype(float)
        degree = np.bincount(source, weights, minlength=size)
        weights *= DAMPING / degree[source]
        for _ in range(ROUNDS):
            ranks = np.bincount(target, weights * ranks[source], minlength=size)
            ranks += (1.0 - ranks.sum()) / size
    return dict(zip(index, ranks.tolist(), strict=True))
