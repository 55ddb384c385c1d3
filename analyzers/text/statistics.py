"""Counts, averages and reading time of a text."""

from __future__ import annotations

from .readability import LEAST_WORDS, readability
from .results import TextStatistics
from .syllables import countable, syllables
from .tokens import Document

# Words per minute. English: Brysbaert 2019, silent reading of non-fiction. The others: Trauzettel-Klosinski and Dietz
# 2012 (IReST), reading of standardized paragraphs.
WORDS_A_MINUTE = {
    "en": 238, "ar": 138, "nl": 202, "fi": 161, "fr": 195, "de": 179, "he": 187, "it": 188, "pl": 166, "pt": 181,
    "ru": 184, "sl": 180, "es": 218, "sv": 199, "tr": 166,
}  # fmt: skip
OTHER_WORDS_A_MINUTE = 184
CHARACTERS_A_MINUTE = {"zh": 255, "ja": 357}
"""The same study's figures for the two languages without spaces between words."""


def statistics(document: Document, language: str | None, source: str) -> TextStatistics:
    """Compute all counts. Figures that need words, sentences or the language are None if these are unknown.

    `source`: the text of the request. Its characters are counted with all marks, so that positions fit.
    """
    spaced, ended = document.spaced, document.ended
    words = document.word_texts if spaced else None
    sentences = len(document.sentences) if ended else None
    characters = sum(map(str.isalnum, "".join(words))) if words else 0
    counts: list[int] | None = None
    if words and language is not None and countable(language):
        counts = [syllables(language, word) for word in document.lowered]
    total = len(words) if words is not None else None
    unique = len(set(document.lowered)) if words is not None else None
    return TextStatistics(
        characters=len(source),
        characters_without_spaces=sum(map(len, source.split())),
        letters=document.letters,
        words=total,
        unique_words=unique,
        sentences=sentences,
        paragraphs=len(document.paragraphs),
        syllables=sum(counts) if counts is not None else None,
        average_word_length=round(characters / total, 3) if total else None,
        average_sentence_length=round(total / sentences, 3) if total and sentences else None,
        average_syllables_per_word=round(sum(counts) / total, 3) if counts is not None and total else None,
        lexical_diversity=round(unique / total, 4) if unique and total else None,
        reading_time_seconds=_reading_time(document, language, total),
        readability=(
            readability(words, sentences, characters, counts, language)
            if words and sentences and len(words) >= LEAST_WORDS
            else None
        ),
    )


def _reading_time(document: Document, language: str | None, words: int | None) -> float | None:
    if words is not None:
        return round(60 * words / WORDS_A_MINUTE.get(language or "en", OTHER_WORDS_A_MINUTE), 1)
    speed = CHARACTERS_A_MINUTE.get(language or "")
    return None if speed is None else round(60 * document.letters / speed, 1)
