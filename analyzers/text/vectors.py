"""Vectors of a text's passages, for the summary and the topics.

The vectors are TF-IDF (Spärck Jones 1972) with sublinear term frequency over the passages of one text, with length 1.
Terms are stems without stop words. In scripts without spaces, terms are pairs of neighboring letters, as usual in
Chinese and Japanese retrieval.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from .tokens import UNSPACED, Document, Span
from .vocabulary import content_free, stem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

MOST_TERMS = 3_000


def passage_terms(document: Document, language: str, passages: list[Span]) -> list[list[str]]:
    """Return the terms of each passage, in order. `passages` must be in the order of the text, without overlap."""
    if not document.spaced:
        return [_letter_pairs(document.text[begin:end]) for begin, end in passages]
    stops = content_free(language)
    starts = [begin for begin, _ in document.words]
    lowered = document.lowered
    found = []
    for begin, end in passages:
        words = lowered[bisect_left(starts, begin) : bisect_left(starts, end)]
        found.append([stem(language, word) for word in words if _is_term(word) and word not in stops])
    return found


def _is_term(word: str) -> bool:
    return 2 < len(word) <= 60 and "://" not in word and any(map(str.isalpha, word))


def _letter_pairs(text: str) -> list[str]:
    return [a + b for a, b in pairwise(text) if UNSPACED.match(a) and UNSPACED.match(b)]


def tf_idf(terms: list[list[str]], *, least: int = 1) -> tuple[Matrix, list[str]]:
    """Return a matrix with a row for each passage and a column for each term, and the columns' terms.

    Terms in fewer than `least` passages are left out, and the rarest terms above `MOST_TERMS`.
    """
    import numpy as np

    spread: Counter[str] = Counter()
    for passage in terms:
        spread.update(set(passage))
    kept = [(term, n) for term, n in spread.most_common(MOST_TERMS) if n >= least]
    column = {term: i for i, (term, _) in enumerate(kept)}
    matrix = np.zeros((len(terms), len(kept)))
    for row, passage in enumerate(terms):
        for term, count in Counter(passage).items():
            if (at := column.get(term)) is not None:
                matrix[row, at] = 1.0 + math.log(count)
    if kept:
        matrix *= np.log((1.0 + len(terms)) / (1.0 + np.array([n for _, n in kept]))) + 1.0
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths > 0, lengths, 1.0), [term for term, _ in kept]
