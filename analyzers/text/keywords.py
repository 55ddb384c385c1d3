"""Key phrases of a text.

Candidates are those of RAKE (Rose et al. 2010, "Automatic keyword extraction from individual documents"): runs of words
without stop words and punctuation. English candidates also lose participles at their end ("storage based"). A word's
weight is its TextRank (Mihalcea and Tarau 2004), PageRank over a graph of neighboring words. A phrase's weight is the
sum over its words, times factors for its count (logarithmic) and for an early first occurrence. The time is linear in
the text's length.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from .tokens import Document, Span
from .vocabulary import content_free, stem

MOST_WORDS = 4
REACH = 1
DAMPING = 0.85
ROUNDS = 20
DENSE_UP_TO = 300


@dataclass(slots=True)
class Phrase:
    """A candidate phrase: stems, first occurrence, count and weight."""

    stems: tuple[str, ...]
    span: Span
    first_word: int
    count: int = 1
    weight: float = 0.0


def phrases(document: Document, language: str) -> list[Phrase]:
    """Return all candidates, heaviest first. Equal weights are in the order of the text."""
    stops = content_free(language)
    english = language == "en"
    text, words, lowered = document.text, document.words, document.lowered
    content = ["" if word in stops or not _is_content(word) else stem(language, word) for word in lowered]
    rank = word_ranks(content)
    found: dict[tuple[str, ...], Phrase] = {}
    run: list[int] = []

    def close() -> None:
        while english and len(run) > 1 and lowered[run[-1]].endswith("ed"):
            run.pop()
        if 0 < len(run) <= MOST_WORDS:
            stems = tuple(content[i] for i in run)
            if (phrase := found.get(stems)) is not None:
                phrase.count += 1
            else:
                found[stems] = Phrase(stems, (words[run[0]][0], words[run[-1]][1]), run[0])
        run.clear()

    for at, word_stem in enumerate(content):
        if run:
            gap = text[words[at - 1][1] : words[at][0]]
            if not word_stem or (gap != " " and (gap.strip() or gap.count("\n") > 1)):
                close()
        if word_stem:
            run.append(at)
    close()
    scale = max(200, len(words))
    for phrase in found.values():
        ranks = [rank[s] for s in phrase.stems]
        phrase.weight = sum(ranks) * (1 + math.log(phrase.count)) / (1 + phrase.first_word / scale)
    return sorted(found.values(), key=lambda phrase: (-phrase.weight, phrase.span))


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
