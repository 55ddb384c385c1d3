"""Readability: the classic formulas, which use counts only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .results import TextReadability, TextReadingLevel
from .syllables import syllables

LEAST_WORDS = 20
SMOG_SENTENCES = 30


class Ease(NamedTuple):
    """Reading ease = constant - per_sentence * (words a sentence) - per_word * (syllables a word)."""

    constant: float
    per_sentence: float
    per_word: float
    source: str


EASE = {
    "en": Ease(206.835, 1.015, 84.6, "Flesch 1948"),
    "de": Ease(180.0, 1.0, 58.5, "Amstad 1978"),
    "fr": Ease(207.0, 1.015, 73.6, "Kandel and Moles 1958"),
    "es": Ease(206.84, 1.02, 60.0, "Fernández Huerta 1959"),
    "it": Ease(217.0, 1.3, 60.0, "Franchina and Vacca 1986"),
    "nl": Ease(206.835, 0.93, 77.0, "Douma 1960"),
    "pt": Ease(248.835, 1.015, 84.6, "Martins et al. 1996"),
    "ru": Ease(206.835, 1.3, 60.1, "Oborneva 2006"),
    "tr": Ease(198.825, 2.61, 40.175, "Ateşman 1997"),
}
_LEVELS = (
    (90, TextReadingLevel.VERY_EASY),
    (80, TextReadingLevel.EASY),
    (70, TextReadingLevel.FAIRLY_EASY),
    (60, TextReadingLevel.STANDARD),
    (50, TextReadingLevel.FAIRLY_DIFFICULT),
    (30, TextReadingLevel.DIFFICULT),
)


def readability(
    words: Sequence[str], sentences: int, characters: int, counts: Sequence[int] | None, language: str | None
) -> TextReadability:
    """Compute all formulas that apply to the language, from at least one word and one sentence.

    `words`: in their original case. `characters`: the letters and digits of all words. `counts`: the syllables of each
    word, None if they can't be counted.
    """
    total = len(words)
    per_sentence = total / sentences
    ease = level = source = None
    if counts is not None and language is not None and (constants := EASE.get(language)) is not None:
        per_word = sum(counts) / total
        ease = constants.constant - constants.per_sentence * per_sentence - constants.per_word * per_word
        source = constants.source
        level = next((word for bound, word in _LEVELS if ease >= bound), TextReadingLevel.VERY_DIFFICULT)
    kincaid = fog = smog = ari = coleman = None
    if language == "en" and counts is not None:
        kincaid = 0.39 * per_sentence + 11.8 * sum(counts) / total - 15.59
        hard = sum(_is_hard(word) for word, count in zip(words, counts, strict=True) if count >= 3)
        fog = 0.4 * (per_sentence + 100 * hard / total)
        if sentences >= SMOG_SENTENCES:
            smog = 1.043 * math.sqrt(sum(count >= 3 for count in counts) * 30 / sentences) + 3.1291
        ari = 4.71 * characters / total + 0.5 * per_sentence - 21.43
        coleman = 0.0588 * 100 * characters / total - 0.296 * 100 * sentences / total - 15.8
    return TextReadability(
        reading_ease=_rounded(ease),
        formula=source,
        level=level,
        flesch_kincaid_grade=_rounded(kincaid),
        gunning_fog=_rounded(fog),
        smog_index=_rounded(smog),
        automated_readability_index=_rounded(ari),
        coleman_liau_index=_rounded(coleman),
        lix=round(per_sentence + 100 * sum(len(word) > 6 for word in words) / total, 2),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _is_hard(word: str) -> bool:
    """Return whether a word of three or more syllables is hard by Gunning's rule.

    Names and compounds are not hard, nor are words with three syllables only because of -es, -ed or -ing.
    """
    if word[0].isupper() or "-" in word:
        return False
    for ending in ("es", "ed", "ing"):
        if word.endswith(ending):
            return syllables("en", word.removesuffix(ending)) >= 3
    return True
