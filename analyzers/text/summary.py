"""Extractive summary of a text.

Sentences are ranked by LexRank (Erkan and Radev 2004), PageRank over a graph of sentences with the cosine of their
TF-IDF vectors as edge weights. The rank is weighted by a sentence's position and length, because LexRank alone prefers
reference lists and headings. Sentences are chosen one by one by maximal marginal relevance (Carbonell and Goldstein
1998), which avoids repetition. LexRank takes quadratic time, so in a text with more than `MOST_SENTENCES` only the
sentences with the most frequent words are ranked.
"""

from __future__ import annotations

import math
import re
from collections import Counter

from .results import TextSummary, TextSummarySentence
from .tokens import Document, Span
from .vectors import passage_terms, tf_idf

LEAST_SENTENCES = 3
MOST_SENTENCES = 500
LONGEST = 1_000
DAMPING = 0.85
ROUNDS = 30
REPEAT = 0.5
SAME = 0.85
"""Likeness of sentences that say the same: a summary has only one of them."""
EARLY = 0.25
_CLUTTER = re.compile(r"https?://|www\.|\bdoi\b|@|\bet al\b|^\s*(?:\[\d+\]|[-*•|#>])|\.{4}|[|=_]{3}", re.IGNORECASE)


def summary(document: Document, language: str) -> TextSummary | None:
    """Return a fifth of the sentences, at least 1 and at most 5. None if fewer than three are suitable."""
    import numpy as np

    candidates = [span for span in document.sentences if _is_fit(document, span)]
    terms = passage_terms(document, language, candidates)
    numbered = [i for i, passage in enumerate(terms) if len(passage) >= 3]
    if len(numbered) < LEAST_SENTENCES:
        return None
    total = len(numbered)
    positions = {i: at for at, i in enumerate(numbered)}
    if total > MOST_SENTENCES:
        frequency = Counter(term for passage in terms for term in passage)
        telling = {i: sum(frequency[term] for term in terms[i]) / len(terms[i]) for i in numbered}
        numbered = sorted(sorted(numbered, key=lambda i: (-telling[i], i))[:MOST_SENTENCES])
    matrix, _ = tf_idf([terms[i] for i in numbered])
    likeness = matrix @ matrix.T
    np.fill_diagonal(likeness, 0.0)
    degree = likeness.sum(axis=0)
    links = DAMPING * likeness / np.where(degree > 0, degree, 1.0)
    size = len(numbered)
    rank = np.full(size, 1.0 / size)
    for _ in range(ROUNDS):
        rank = links @ rank
        rank += (1.0 - rank.sum()) / size
    length = np.array([min(1.0, len(terms[i]) / 12) for i in numbered])
    early = np.array([1.0 + EARLY * math.exp(-8 * positions[i] / total) for i in numbered])
    weight = rank * early * np.sqrt(length)
    weight /= weight.max()
    wanted = max(1, min(5, round(len(document.sentences) / 5)))
    chosen: list[int] = []
    penalty = np.zeros(size)
    while len(chosen) < wanted:
        left = np.where(penalty > SAME, -1.0, weight * (1 - REPEAT * penalty))
        left[chosen] = -1.0
        best = int(np.argmax(left))
        if left[best] < 0:
            break
        chosen.append(best)
        penalty = np.maximum(penalty, likeness[best])
    text = document.text
    picked = []
    for at in sorted(chosen):
        begin, end = candidates[numbered[at]]
        picked.append(
            TextSummarySentence(text=text[begin:end], begin=begin, end=end, score=round(float(weight[at]), 4))
        )
    joined = " ".join(sentence.text for sentence in picked)
    return TextSummary(text=joined, share=min(1.0, round(len(joined) / len(text), 4)), sentences=picked)


def _is_fit(document: Document, span: Span) -> bool:
    """Return whether a sentence is suitable: no heading, reference or line of addresses, and at most `LONGEST` long."""
    begin, end = span
    if end - begin > LONGEST:
        return False
    sentence = document.text[begin:end]
    if _CLUTTER.search(sentence):
        return False
    if not document.spaced:
        return end - begin >= 8
    letters = sum(map(str.isalpha, sentence))
    return 2 * letters > end - begin and sentence[-1] not in ":;,"
