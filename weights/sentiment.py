"""Train the sentiment of English words, `analyzers/text/weights/sentiment.bin`.

    python -m weights.sentiment [--data FOLDER] [--output FILE]

Ridge regression by the method of conjugate gradients. Sums run in a fixed order without BLAS, so that the same data
gives the same bytes.
"""

from __future__ import annotations

import io
import math
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from analyzers.text import learnt_sentiment
from analyzers.text.learnt_sentiment import FREQUENCY_SCALE, WEIGHT_SCALE
from analyzers.text.tokens import Document
from analyzers.text.view import fold

from .corpora import Corpora, Unavailable, command_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

RATED = ("tweets", "amazonReviewSnippets", "nytEditorialSnippets", "movieReviewSnippets")
"""The four sets of VADER's publication, with ratings from -4 to 4."""

RATING_SCALE = 5 / 3
EMOTION = 2.5
"""The target of a line of XED whose emotions are all positive, or negative by its sign."""

_POSITIVE, _NEGATIVE = {2, 5, 8}, {1, 3, 4, 6}  # anticipation, joy, trust; anger, disgust, fear, sadness
COUNT = 12_000
"""The number of shipped weights."""

LEAST_TEXTS = 2
PENALTY = 1.0
ROUNDS = 60


class Rated(NamedTuple):
    """A text and its target."""

    text: str
    target: float


def rated(corpora: Corpora, name: str) -> list[Rated]:
    """Return the texts of one of VADER's sets, with their ratings."""
    archive = corpora.read("vader", "additional_resources/hutto_ICWSM_2014.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        member = files.extractfile(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
        assert member is not None
        lines = member.read().decode("utf-8", errors="replace").splitlines()
    rows = [line.split("\t") for line in lines if line]
    return [Rated(row[2], float(row[1])) for row in rows]


def subtitles(corpora: Corpora) -> Iterator[Rated]:
    """Yield the lines of XED with a direction, and the neutral ones."""
    for line in corpora.text("xed", "AnnotatedData/en-annotated.tsv").splitlines():
        text, _, codes = line.rpartition("\t")
        emotions = {int(code) for code in codes.split(",")}
        positive, negative = len(emotions & _POSITIVE), len(emotions & _NEGATIVE)
        if positive + negative:
            plain = text.replace("[PERSON]", "").replace("[LOCATION]", "")
            yield Rated(plain, EMOTION * (positive - negative) / (positive + negative))
    for line in corpora.text("xed", "AnnotatedData/neu_en.txt").splitlines():
        if "\t" in line:
            yield Rated(line.split("\t")[1], 0.0)


def examples(corpora: Corpora, without: str | None = None) -> list[Rated]:
    """Return the training texts, except those of the set `without`."""
    found = [
        Rated(text, RATING_SCALE * rating) for name in RATED if name != without for text, rating in rated(corpora, name)
    ]
    return [*found, *subtitles(corpora)]


def train(found: Sequence[Rated]) -> bytes:
    """Return the file of the `COUNT` weights with the largest share in the training texts' scores."""
    counted = [Counter(learnt_sentiment.features(Document(fold(one.text)).lowered)) for one in found]
    targets = np.array([one.target for one in found])
    spread = Counter(key for counts in counted for key in counts)
    keys = np.array(sorted(key for key, texts in spread.items() if texts >= LEAST_TEXTS))
    texts = np.array([spread[int(key)] for key in keys])
    frequencies = np.log((1 + len(found)) / (1 + texts)) + 1
    weights = _ridge(counted, targets, keys, frequencies)
    share = np.abs(weights) * frequencies * np.sqrt(texts)
    best = np.sort(np.argsort(-share, kind="stable")[:COUNT])
    packed_weights = np.clip(np.rint(weights[best] * WEIGHT_SCALE), -127, 127).astype(np.int8)
    packed_frequencies = np.clip(np.rint(frequencies[best] * FREQUENCY_SCALE), 0, 255).astype(np.uint8)
    return keys[best].astype("<u4").tobytes() + packed_weights.tobytes() + packed_frequencies.tobytes()


def _ridge(counted: list[Counter[int]], targets: Floats, keys: Integers, frequencies: Floats) -> Floats:
    """Return the weights that minimize the squared error plus `PENALTY` times the squared weights."""
    row, column, value = _matrix(counted, keys, frequencies)
    size = len(keys)
    weights = np.zeros(size)
    left = np.bincount(column, value * targets[row], size).astype(np.float64)
    direction = left.copy()
    squares = float((left * left).sum())
    for _ in range(ROUNDS):
        if squares < 1e-6:
            break
        sums = np.bincount(row, value * direction[column], len(counted))
        image = np.bincount(column, value * sums[row], size) + PENALTY * direction
        step = squares / float((direction * image).sum())
        weights += step * direction
        left -= step * image
        before, squares = squares, float((left * left).sum())
        direction = left + squares / before * direction
    return weights


def _matrix(counted: list[Counter[int]], keys: Integers, frequencies: Floats) -> tuple[Integers, Integers, Floats]:
    """Return rows, columns and values of the texts' TF-IDF vectors, scaled to a length below 1."""
    place = {int(key): at for at, key in enumerate(keys)}
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for row, counts in enumerate(counted):
        known = [(place[key], count) for key, count in counts.items() if key in place]
        vector = [float(frequencies[at]) * (1 + math.log(count)) for at, count in known]
        length = math.sqrt(sum(one * one for one in vector) + learnt_sentiment.SHORT)
        rows.extend([row] * len(known))
        columns.extend(at for at, _ in known)
        values.extend(one / length for one in vector)
    return np.array(rows), np.array(columns), np.array(values)


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--output", type=Path, default=learnt_sentiment.WEIGHTS)
    options = parser.parse_args()
    try:
        found = examples(Corpora(options.data))
    except Unavailable as error:
        sys.exit(str(error))
    options.output.write_bytes(train(found))
    print(f"{len(found):,} texts: {options.output}")


if __name__ == "__main__":
    main()
