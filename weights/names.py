"""Train the judge of names, `analyzers/text/weights/names.bin`.

    python -m weights.names [--data FOLDER] [--output FILE]

Multinomial logistic regression with a squared penalty, fitted by Adam (Kingma and Ba 2015) over all examples at once.
Sums run in a fixed order without BLAS, so that the same data gives the same bytes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analyzers.text import learnt_names, name_candidates, names, patterns
from analyzers.text.learnt_names import CLASSES, SCALE
from analyzers.text.results import TextFormat
from analyzers.text.tokens import Document
from analyzers.text.view import View

from .corpora import Corpora, Named, Unavailable, command_line, named_mentions, tagged, treebank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

COUNT = 15_000
"""The number of shipped features."""

LEAST_SEGMENTS = 3
ROUNDS = 120
STEP = 0.15
PENALTY = 1e-4


def texts(corpora: Corpora) -> Iterator[tuple[str, Named]]:
    """Yield the training texts with their names."""
    for content in corpora.texts("gum"):
        for text, sentences in treebank(content):
            yield text, named_mentions(text, sentences, names.TITLES)
    for content in corpora.texts("broad-twitter"):
        yield from tagged(content)
    yield from tagged(corpora.text("wnut17", "wnut17train.conll"))


def examples(labelled: Iterable[tuple[str, Named]]) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the keys of each segment's features, and its class."""
    classes = [None if kind is None else kind.value for kind in CLASSES]
    for text, named in labelled:
        view = View(text, TextFormat.PLAIN)
        document = Document(view.text)
        for run in name_candidates.runs(document, free_words(document)):
            for (first, last), segment in name_candidates.segments(document, run):
                begin, end = document.words[first][0], document.words[last - 1][1]
                if segment.words[-1] != document.word_texts[last - 1]:
                    end -= 2  # the possessive 's
                found = named.get(view.span(begin, end))
                yield tuple(learnt_names.keys(segment)), classes.index(found) if found in classes else 0


def free_words(document: Document) -> list[bool]:
    """Return for each word whether no pattern covers part of it."""
    covered = bytearray(len(document.text))
    for (begin, end), _, _ in patterns.find(document.text):
        covered[begin:end] = b"\1" * (end - begin)
    return [not any(covered[begin:end]) for begin, end in document.words]


def train(found: Sequence[tuple[tuple[int, ...], int]]) -> bytes:
    """Return the file of the `COUNT` features with the largest weights, counted by their frequency."""
    spread = Counter(key for keys, _ in found for key in keys)
    keys = np.array(sorted(key for key, segments in spread.items() if segments >= LEAST_SEGMENTS))
    place = {int(key): at for at, key in enumerate(keys)}
    rows, columns = [], []
    for row, (known, _) in enumerate(found):
        for key in known:
            if key in place:
                rows.append(row)
                columns.append(place[key])
    target = np.zeros((len(found), len(CLASSES)))
    target[np.arange(len(found)), [label for _, label in found]] = 1.0
    weights = _fit(np.array(rows), np.array(columns), target, len(keys))
    share = np.abs(weights).max(axis=1) * np.sqrt([spread[int(key)] for key in keys])
    best = np.sort(np.argsort(-share, kind="stable")[:COUNT])
    packed = np.clip(np.rint(weights[best] * SCALE), -127, 127).astype(np.int8)
    return keys[best].astype("<u4").tobytes() + packed.tobytes()


def _fit(row: Integers, column: Integers, target: Floats, size: int) -> Floats:
    """Return a row of weights for each feature."""
    total, count = target.shape
    weights = np.zeros((size, count))
    mean, spread = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, ROUNDS + 1):
        sums = np.stack([np.bincount(row, weights[column, at], total) for at in range(count)], axis=1)
        raised = np.exp(sums - sums.max(axis=1, keepdims=True))
        wrong = (raised / raised.sum(axis=1, keepdims=True) - target) / total
        sums = np.stack([np.bincount(column, wrong[row, at], size) for at in range(count)], axis=1)
        slope = sums + PENALTY * weights
        mean = 0.9 * mean + 0.1 * slope
        spread = 0.999 * spread + 0.001 * slope * slope
        rate = STEP * (1 - step / ROUNDS) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights -= rate * mean / (np.sqrt(spread) + 1e-8)
    return weights


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--output", type=Path, default=learnt_names.WEIGHTS)
    options = parser.parse_args()
    try:
        found = list(examples(texts(Corpora(options.data))))
    except Unavailable as error:
        sys.exit(str(error))
    options.output.write_bytes(train(found))
    print(f"{len(found):,} segments: {options.output}")


if __name__ == "__main__":
    main()
