"""A trained sentiment of English words, and its blend with VADER's.

The model is ridge regression on the TF-IDF weights of one and two neighboring words, without word order beyond that.
`weights/sentiment.py` trains it; docs/analyzers/text.md names the data. A feature is the CRC-32 of its words. A file of
weights has keys in ascending order (unsigned, 4 bytes), then as many 8-bit weights, then as many 8-bit inverse document
frequencies.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from zlib import crc32

WEIGHTS = Path(__file__).parent / "weights" / "sentiment.bin"
WEIGHT_SCALE = 12.0
"""A weight is an integer from -127 to 127, divided by this."""

FREQUENCY_SCALE = 20.0
"""An inverse document frequency is an integer from 0 to 255, divided by this."""

Weights = dict[int, tuple[float, float]]
"""Inverse document frequency and weight by a feature's key."""

SHORT = 60.0
"""Added to the squared length of a text's vector: a text of one or two known words has a weak score."""

BLEND = 0.3
BLEND_ALONE = 0.15
"""The learnt score's factor beside VADER's score, and without one."""

LEAST = 0.7
"""A weaker learnt score does not count: plain facts have one, too."""

SURE = 0.3
"""VADER's score from which on its sign is kept."""

UNSURE_NEUTRAL = 0.15
"""Up to this score a text without a word of VADER's list is neutral."""


def features(words: Sequence[str]) -> Iterator[int]:
    """Yield the keys of the words, in small letters, and of the pairs of neighbors."""
    for one in chain(words, (f"{first} {second}" for first, second in pairwise(words))):
        yield crc32(one.encode("utf-8", "replace"))


@lru_cache(maxsize=1)
def _weights() -> Weights:
    return unpacked(WEIGHTS.read_bytes())


def unpacked(content: bytes) -> Weights:
    """Return the features of a file of weights."""
    count = len(content) // 6
    keys = struct.unpack_from(f"<{count}I", content)
    weights = struct.unpack_from(f"<{count}b", content, 4 * count)
    frequencies = struct.unpack_from(f"<{count}B", content, 5 * count)
    return {
        key: (frequency / FREQUENCY_SCALE, weight / WEIGHT_SCALE)
        for key, weight, frequency in zip(keys, weights, frequencies, strict=True)
    }


def warm() -> None:
    """Read the weights."""
    _weights()


def learnt_score(words: Sequence[str]) -> float:
    """Return the score of words in small letters, in the order of the text: about -4 to 4, and 0 for unknown words."""
    known = _weights()
    total = squares = 0.0
    for key, count in Counter(filter(known.__contains__, features(words))).items():
        frequency, weight = known[key]
        value = frequency if count == 1 else frequency * (1 + math.log(count))
        squares += value * value
        total += value * weight
    return total / math.sqrt(squares + SHORT)


def blend(vader: float, learnt: float) -> float:
    """Return VADER's score (-1 to 1) moved by the learnt one. A score of `SURE` or more keeps half of its strength."""
    excess = abs(learnt) - LEAST
    if excess <= 0:
        return vader
    factor = BLEND if vader else BLEND_ALONE
    moved = math.tanh(math.atanh(max(-0.9999, min(0.9999, vader))) + math.copysign(factor * excess, learnt))
    if vader >= SURE:
        moved = max(moved, vader / 2)
    elif vader <= -SURE:
        moved = min(moved, vader / 2)
    return round(moved, 4)
