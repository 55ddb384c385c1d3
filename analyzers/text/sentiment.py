"""Sentiment of English text by VADER (Hutto and Gilbert 2014).

Word list and rules are from vaderSentiment (MIT). The text is normalized first, because VADER misreads typographic
apostrophes ("don’t like" would count as liking) and quotes, words joined by dashes, dots or a slash, emoji beside a
word, variation selectors and skin tones after an emoji, and thumbs. VADER is meant for a sentence or a tweet, and its
sum approaches ±1 in longer texts. Up to `AS_ONE` sentences are scored as one, as published. In longer texts the
sentences' sums are averaged, on the scale of `AS_ONE` sentences.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from .results import TextSentenceSentiment, TextSentiment, TextSentimentLabel
from .tokens import Document, Span

AS_ONE = 3
THRESHOLD = 0.05
MIXED_SHARE = 0.2
MIXED_SENTENCES = 0.3
LISTED = 1_000
LONGEST = 2_000
_ALPHA = 15.0

_LETTERS = str.maketrans({
    "’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "…": "...", "¡": " ", "¿": " ",
    "\ufe0f": None, "\ufe0e": None, **{chr(tone): None for tone in range(0x1F3FB, 0x1F400)},
})  # fmt: skip
_JOINED = re.compile(r"(?<=\w)(?:[—–/]|--|\.\.+|,(?=[^\W\d]))(?=\w)")
_EMOJI = re.compile("[\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]")
_THUMBS = {"👍": "good", "👎": "bad"}


class Scores(NamedTuple):
    """VADER's scores: `compound` from -1 to 1, and three shares of the words, which sum to 1."""

    compound: float
    positive: float
    negative: float
    neutral: float


def _but_check(words: list[str], sentiments: list[float]) -> list[float]:
    """Multiply the weights of words before "but" by 0.5, and after it by 1.5.

    This replaces vaderSentiment's function, which takes quadratic time and confuses words of equal weight.
    """
    lowered = [word.lower() for word in words]
    if "but" not in lowered:
        return sentiments
    at = lowered.index("but")
    return [value * (0.5 if i < at else 1.5 if i > at else 1.0) for i, value in enumerate(sentiments)]


@lru_cache(maxsize=1)
def _vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    analyzer._but_check = _but_check
    return analyzer


def warm() -> None:
    """Load the word list (20 ms)."""
    _vader()


def score(text: str) -> Scores:
    """Score one or a few sentences. Only the first `LONGEST` characters count."""
    vader = _vader()
    plain = text[:LONGEST].translate(_LETTERS)
    if not plain.isascii():
        emojis = vader.emojis
        plain = _EMOJI.sub(lambda m: f" {_THUMBS.get(m.group()) or emojis.get(m.group(), '')} ", plain)
    found = vader.polarity_scores(_JOINED.sub(lambda m: f" {m.group()} ", plain))
    positive, negative = found["pos"], found["neg"]
    return Scores(found["compound"], positive, negative, max(0.0, round(1.0 - positive - negative, 3)))


def label(scores: Scores) -> TextSentimentLabel:
    """Return the direction of scores. It is mixed if positive and negative words each have at least a fifth."""
    if scores.positive >= MIXED_SHARE and scores.negative >= MIXED_SHARE:
        return TextSentimentLabel.MIXED
    if scores.compound >= THRESHOLD:
        return TextSentimentLabel.POSITIVE
    if scores.compound <= -THRESHOLD:
        return TextSentimentLabel.NEGATIVE
    return TextSentimentLabel.NEUTRAL


def sentiment(document: Document) -> TextSentiment:
    """Return the sentiment of an English text with at least one word, as a whole and by sentence."""
    text, spans = document.text, document.sentences
    each = [score(text[begin:end]) for begin, end in spans]
    whole = each[0] if len(each) == 1 else score(text) if len(each) <= AS_ONE else _together(each, spans)
    direction = label(whole)
    if len(each) > 1 and abs(whole.compound) < 0.5:
        total = len(each)
        for sign in (1, -1):
            if sum(sign * one.compound >= THRESHOLD for one in each) < MIXED_SENTENCES * total:
                break
        else:
            direction = TextSentimentLabel.MIXED
    return TextSentiment(
        label=direction,
        score=whole.compound,
        magnitude=round(sum(abs(one.compound) for one in each), 4),
        positive=whole.positive,
        negative=whole.negative,
        neutral=whole.neutral,
        sentence_count=len(each),
        sentences=[
            TextSentenceSentiment(begin=begin, end=end, label=label(one), score=one.compound)
            for one, (begin, end) in zip(each[:LISTED], spans, strict=False)
        ],
    )


def _together(each: list[Scores], spans: list[Span]) -> Scores:
    """Average the sentences' sums (VADER's compound before normalization), and normalize the mean as for `AS_ONE`."""
    sums = [c * math.sqrt(_ALPHA / (1 - c * c)) for c in (max(-0.9999, min(0.9999, one.compound)) for one in each)]
    level = AS_ONE * sum(sums) / len(sums)
    weights = [end - begin for begin, end in spans]
    total = sum(weights)
    positive = round(sum(w * one.positive for w, one in zip(weights, each, strict=True)) / total, 3)
    negative = round(sum(w * one.negative for w, one in zip(weights, each, strict=True)) / total, 3)
    compound = round(level / math.sqrt(level * level + _ALPHA), 4)
    return Scores(compound, positive, negative, max(0.0, round(1.0 - positive - negative, 3)))
