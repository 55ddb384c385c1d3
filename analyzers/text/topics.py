"""Topics of a text.

Topics are found by non-negative matrix factorization (Lee and Seung 2001, multiplicative updates) of the TF-IDF vectors
of the text's passages. The factorization starts from their singular vectors (NNDSVD, Boutsidis and Gallopoulos 2008),
so that the same text always gives the same topics. A passage is a sentence, or several consecutive sentences in a text
with more than `MOST_PASSAGES`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from .results import TextTopic, TextTopicTerm
from .tokens import Document, Span
from .vectors import passage_terms, tf_idf
from .vocabulary import stem

if TYPE_CHECKING:
    from .vectors import Matrix

LEAST_PASSAGES = 5
MOST_PASSAGES = 400
MOST_TOPICS = 6
LEAST_SHARE = 0.08
ROUNDS = 60
TERMS = 8


def topics(document: Document, language: str) -> list[TextTopic] | None:
    """Return 1 to `MOST_TOPICS` topics, largest first. None if too few sentences have words in common."""
    passages = _passages(document)
    terms = passage_terms(document, language, passages)
    kept = [i for i, passage in enumerate(terms) if passage]
    passages, terms = [passages[i] for i in kept], [terms[i] for i in kept]
    if len(passages) < LEAST_PASSAGES:
        return None
    matrix, columns = tf_idf(terms, least=2)
    if len(columns) < LEAST_PASSAGES:
        return None
    weights, parts = factorize(matrix, topic_count(len(passages)))
    shares = weights.sum(axis=0) / max(weights.sum(), 1e-12)
    strong = [int(i) for i in (-shares).argsort() if shares[i] >= LEAST_SHARE] or [int(shares.argmax())]
    scale = sum(float(shares[i]) for i in strong)
    forms = _forms(document, language)
    found = []
    for i in strong:
        heaviest = [int(c) for c in (-parts[i]).argsort(kind="stable")[:TERMS] if parts[i, c] > 0.05 * parts[i].max()]
        top = float(parts[i].max()) or 1.0
        words = [TextTopicTerm(text=forms[columns[c]], weight=round(float(parts[i, c]) / top, 4)) for c in heaviest]
        begin, end = passages[int(weights[:, i].argmax())]
        label = ", ".join(word.text for word in words[:3])
        found.append(
            TextTopic(label=label, share=round(float(shares[i]) / scale, 4), terms=words, begin=begin, end=end)
        )
    return found


def topic_count(passages: int) -> int:
    """Return the number of topics to find. It is low, because a missing topic is better than a split one."""
    return 2 + sum(passages >= bound for bound in (12, 40, 90, 200))


def factorize(matrix: Matrix, count: int) -> tuple[Matrix, Matrix]:
    """Return non-negative W (passages, topics) and H (topics, terms), W @ H near `matrix`, rows of H of length 1."""
    import numpy as np

    values, vectors = np.linalg.eigh(matrix @ matrix.T)
    order = np.argsort(-values)[:count]
    left = vectors[:, order]
    singular = np.sqrt(np.maximum(values[order], 1e-12))
    right = (matrix.T @ left / singular).T
    w = np.zeros((len(matrix), len(order)))
    h = np.zeros((len(order), matrix.shape[1]))
    for k in range(len(order)):
        u, v = left[:, k], right[k]
        if k == 0:
            u, v = np.abs(u), np.abs(v)
        else:
            plus = np.linalg.norm(np.maximum(u, 0)) * np.linalg.norm(np.maximum(v, 0))
            minus = np.linalg.norm(np.minimum(u, 0)) * np.linalg.norm(np.minimum(v, 0))
            u, v = (np.maximum(u, 0), np.maximum(v, 0)) if plus >= minus else (-np.minimum(u, 0), -np.minimum(v, 0))
        w[:, k], h[k] = u * np.sqrt(singular[k]), v * np.sqrt(singular[k])
    mean = matrix.mean() / 100
    w, h = np.maximum(w, mean), np.maximum(h, mean)
    for _ in range(ROUNDS):
        h *= (w.T @ matrix) / (w.T @ w @ h + 1e-12)
        w *= (matrix @ h.T) / (w @ (h @ h.T) + 1e-12)
    lengths = np.linalg.norm(h, axis=1)
    return w * lengths, h / np.where(lengths > 0, lengths, 1.0)[:, None]


def _passages(document: Document) -> list[Span]:
    spans = document.sentences
    step = -(-len(spans) // MOST_PASSAGES)
    if step <= 1:
        return spans
    return [(group[0][0], group[-1][1]) for group in (spans[i : i + step] for i in range(0, len(spans), step))]


def _forms(document: Document, language: str) -> dict[str, str]:
    """Return the most frequent form of each stem in the text. Of equally frequent forms, the first."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for word, lower in zip(document.word_texts, document.lowered, strict=True):
        counted[stem(language, lower)][word.removesuffix("'s").removesuffix("’s")] += 1
    return {key: forms.most_common(1)[0][0] for key, forms in counted.items()}
