"""A trained judge of names: whether words of a capitalized run are a person, an organization, a place, or no name.

The model is multinomial logistic regression on features of the words, their neighbors and word lists. It is linear, so
that a segment's sums are sums of cached sums of its parts. `weights/names.py` trains it; docs/analyzers/text.md names
the data. The key of a feature is its CRC-32. The file of weights has keys in ascending order (unsigned, 4 bytes), then
four 8-bit weights for each key, one for each class.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from . import names
from .results import TextEntityType

WEIGHTS = Path(__file__).parent / "weights" / "names.bin"
SCALE = 16.0
"""A weight is an integer from -127 to 127, divided by this."""

LONGEST_WORD = 40
"""Characters of a word that count."""

TYPES = (TextEntityType.PERSON, TextEntityType.ORGANIZATION, TextEntityType.LOCATION)
CLASSES = (None, *TYPES)
"""The columns of the weights; None is no name."""

_INSIDE = frozenset({"only", "first", "last", "inner"})
"""The roles of words inside a segment."""

Sums = tuple[float, float, float, float]

_LISTS = {
    "given": names.GIVEN_NAMES,
    "title": names.TITLES,
    "organization-end": names.ORGANIZATION_ENDS,
    "organization-start": names.ORGANIZATION_STARTS,
    "organization": names.ORGANIZATIONS,
    "place": names.PLACES,
    "place-end": names.PLACE_ENDS,
    "place-start": names.PLACE_STARTS,
    "speech": names.SPEECH,
    "no-name": names.NO_NAMES,
}


class Segment(NamedTuple):
    """Words of a run that may be a name, without possessive 's, and the words beside them ("" if absent)."""

    words: tuple[str, ...]
    before: tuple[str, str]
    after: tuple[str, str]
    marks: tuple[str, ...]
    """Facts about the place, such as the start of a sentence."""


def keys(segment: Segment) -> Iterator[int]:
    """Yield the keys of a segment's features, for training."""
    yield from phrase_keys(segment.words)
    yield from mark_keys(segment.marks, len(segment.words))
    for role, word in roles(segment):
        yield from word_keys(role, word)


def roles(segment: Segment) -> Iterator[tuple[str, str]]:
    """Yield each word of the segment and beside it, with its role."""
    words = segment.words
    if len(words) == 1:
        yield "only", words[0]
    else:
        yield "first", words[0]
        yield "last", words[-1]
        for word in words[1:-1]:
            yield "inner", word
    yield "before", segment.before[1]
    yield "after", segment.after[0]
    size = "1" if len(words) == 1 else "2"
    yield "before" + size, segment.before[1]
    yield "after" + size, segment.after[0]
    yield "second before", segment.before[0]
    yield "second after", segment.after[1]


@lru_cache(maxsize=10_000)
def word_features(word: str) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the features of a word in any role, and those of its affixes."""
    lower = word.lower()
    listed = _listed_form(word)
    always = [f"={lower}", f":{shape_of(word)}", *(f" in {name}" for name, group in _LISTS.items() if listed in group)]
    affixes = [f"-{lower[-2:]}", f"-{lower[-3:]}", f"-{lower[-4:]}", f"+{lower[:3]}"]
    return tuple(map(_encoded, always)), tuple(map(_encoded, affixes))


def _encoded(feature: str) -> bytes:
    return feature.encode("utf-8", "replace")


def _listed_form(word: str) -> str:
    """Return a word as the word lists spell it: without a final dot, and longer words in capitals as titles."""
    word = word.rstrip(".")
    return word.title() if len(word) > 3 and word.isupper() else word


def shape_of(word: str) -> str:
    """Return a word's pattern of capitals, small letters, digits and marks, repeats left out: "McCoy" is "XxXx"."""
    shape = ""
    for char in word[:12]:
        kind = "X" if char.isupper() else "x" if char.isalpha() else "0" if char.isdigit() else char
        if kind != shape[-1:]:
            shape += kind
    return shape


def phrase_features(words: tuple[str, ...]) -> Iterator[str]:
    """Yield the features of the words together."""
    whole = " ".join(words)
    listed = tuple(map(_listed_form, words))
    yield f"all={whole.lower()}"
    yield f"size {len(words)}"
    yield "shape " + " ".join(map(shape_of, words[:4]))
    for name, group in _LISTS.items():
        if len(words) > 1 and " ".join(listed) in group:
            yield f"all in {name}"
        if not group.isdisjoint(listed):
            yield f"any in {name}"
    if len(words) > 1 and listed[0] in names.GIVEN_NAMES:
        yield f"given and {len(words)}"


def mark_features(marks: tuple[str, ...], size: int) -> Iterator[str]:
    """Yield the features of the place of `size` words."""
    yield "always"
    for mark in marks:
        yield mark
        yield f"{mark} {min(size, 3)}"


def _keys(features: Iterator[str]) -> tuple[int, ...]:
    return tuple(crc32(_encoded(feature)) for feature in features)


@lru_cache(maxsize=10_000)
def word_keys(role: str, word: str) -> tuple[int, ...]:
    """Return the keys of a word's features in a role: CRC-32 of the role and the feature."""
    always, affixes = word_features(word[:LONGEST_WORD])
    begin = crc32(role.encode())
    return tuple(crc32(feature, begin) for feature in (always + affixes if role in _INSIDE else always))


def phrase_keys(words: tuple[str, ...]) -> tuple[int, ...]:
    return _keys(phrase_features(tuple(word[:LONGEST_WORD] for word in words)))


@lru_cache(maxsize=1_000)
def mark_keys(marks: tuple[str, ...], size: int) -> tuple[int, ...]:
    return _keys(mark_features(marks, size))


@lru_cache(maxsize=1)
def _weights() -> dict[int, Sums]:
    return unpacked(WEIGHTS.read_bytes())


def unpacked(content: bytes) -> dict[int, Sums]:
    """Return the weights of each class by feature."""
    count = len(content) // 8
    rows = struct.iter_unpack("<4b", content[4 * count :])
    known = zip(struct.unpack_from(f"<{count}I", content), rows, strict=True)
    return {key: (a / SCALE, b / SCALE, c / SCALE, d / SCALE) for key, (a, b, c, d) in known}


def _sum(found: Iterable[int]) -> Sums:
    return sums(found, _weights())


def sums(found: Iterable[int], weights: dict[int, Sums]) -> Sums:
    """Return the sums of the features' weights; unknown features have none."""
    a = b = c = d = 0.0
    for key in found:
        if (row := weights.get(key)) is not None:
            a += row[0]
            b += row[1]
            c += row[2]
            d += row[3]
    return a, b, c, d


@lru_cache(maxsize=20_000)
def _word_sums(role: str, word: str) -> Sums:
    return _sum(word_keys(role, word))


@lru_cache(maxsize=5_000)
def _phrase_sums(words: tuple[str, ...]) -> Sums:
    return _sum(phrase_keys(words))


@lru_cache(maxsize=1_000)
def _mark_sums(marks: tuple[str, ...], size: int) -> Sums:
    return _sum(mark_keys(marks, size))


def warm() -> None:
    """Read the weights."""
    _weights()


def probabilities(segment: Segment) -> Sequence[float]:
    """Judge a segment: return the probability of each of `CLASSES`. They sum to 1."""
    a, b, c, d = _phrase_sums(segment.words)
    parts = [_word_sums(role, word) for role, word in roles(segment)]
    parts.append(_mark_sums(segment.marks, len(segment.words)))
    for e, f, g, h in parts:
        a += e
        b += f
        c += g
        d += h
    top = max(a, b, c, d)
    raised = [math.exp(a - top), math.exp(b - top), math.exp(c - top), math.exp(d - top)]
    total = sum(raised)
    return [value / total for value in raised]
