"""Sentiment of English text by VADER (Hutto and Gilbert 2014), moved by trained weights (`learnt_sentiment`).

Word list and rules are from vaderSentiment (MIT). Before VADER reads the text, rules of this module change forms that
VADER misreads: words joined by dashes, dots, slashes or marks ("Awful!Never again."), deniers of a whole clause ("None
of the rooms was nice"), comparisons that praise ("could not be happier") and emoji (`emoji.py`). VADER is meant for a
sentence or a tweet, and its sum approaches ±1 in longer texts. Up to `AS_ONE` sentences are scored as one, as
published. In longer texts the sentences' sums are averaged, on the scale of `AS_ONE` sentences.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from . import learnt_sentiment
from .emoji import EMOJI
from .results import TextSentenceSentiment, TextSentiment, TextSentimentLabel
from .tokens import Document, Span

AS_ONE = 3
THRESHOLD = 0.05
MIXED_SHARE = 0.2
MIXED_SENTENCES = 0.3
CLEAR = 0.5
LISTED = 1_000
LONGEST = 2_000
MOST_WORDS = 400
_ALPHA = 15.0

_LETTERS = str.maketrans({"…": "...", "¡": " ", "¿": " "})
_JOINED = re.compile(r"(?<=\w)(?:[—–/;(){}\[\]!?]+|--|\.\.+|,(?=[^\W\d])|(?<=[a-z])\.(?=[A-Z][a-z]))(?=\w)")
_SYMBOLS = re.compile("[©®‼⁉™ℹ\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]")

_DENIERS = re.compile(
    r"\b(?:nobody|none|nothing|neither|hardly|scarcely|far from|anything but|zero|could|can|couldn't|can't|cannot)\b",
    re.IGNORECASE,
)
# Direct replacements: each denier as a form that VADER knows.
_REPLACED = tuple(
    (re.compile(pattern, re.IGNORECASE), by)
    for pattern, by in (
        (r"\bnothing (?:but|short of)\b", "only"),
        (
            (
                r"\b(?:could|can)(?:n't| ?not) (?:be|have been|feel) (?:any )?"
                r"(?=(?:more|better|worse|nicer|prouder|greater|simpler|smoother|safer|sadder|\w{2,20}ier)\b)"
            ),
            "is ",
        ),
        (r"\b(?:hardly|scarcely|far from|anything but)\b", "not"),
        (r"\bzero(?= [a-z])", "without"),
    )
)
_CLAUSE = re.compile(
    r"\b(nobody|none|nothing|neither)\b((?:(?!\b(?:but|except|because|who|which)\b)[^.,;:!?\n]){1,200})", re.IGNORECASE
)
_PRAISE = frozenset({"better", "beats", "beat", "compares"})


class Scores(NamedTuple):
    """The total from -1 to 1, VADER's three shares of the words, which sum to 1, and the two parts of the total."""

    compound: float
    positive: float
    negative: float
    neutral: float
    vader: float
    learnt: float


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
    negation, idioms = analyzer._negation_check, analyzer._special_idioms_check

    # Both functions write all words in small letters, but read three words before a word and two behind it.
    def negation_check(valence: float, words: list[str], distance: int, at: int) -> float:
        first = max(0, at - 3)
        return float(negation(valence, words[first : at + 1], distance, at - first))

    def idioms_check(valence: float, words: list[str], at: int) -> float:
        first = max(0, at - 3)
        return float(idioms(valence, words[first : at + 3], at - first))

    analyzer._but_check = _but_check
    analyzer._negation_check = negation_check
    analyzer._special_idioms_check = idioms_check
    analyzer.lexicon.update(EMOJI)
    for char in EMOJI:
        analyzer.emojis.pop(char, None)
    return analyzer


def warm() -> None:
    """Load the word list (20 ms) and the trained weights."""
    _vader()
    learnt_sentiment.warm()


def lexicon() -> Container[str]:
    """Return the words and emoji with a feeling, in lower case."""
    words: dict[str, float] = _vader().lexicon
    return words


def has_emoji(text: str) -> bool:
    """Return whether a text has an emoji with a feeling."""
    return not text.isascii() and any(char in EMOJI for char in text)


def score(text: str, words: Sequence[str]) -> Scores:
    """Score one or a few sentences of a view, given with their words in small letters.

    Only the first `LONGEST` characters and `MOST_WORDS` words count.
    """
    vader = _vader()
    plain = text[:LONGEST]
    if not plain.isascii():
        emojis = vader.emojis
        plain = plain.translate(_LETTERS)
        plain = _SYMBOLS.sub(lambda m: f" {m.group() if m.group() in EMOJI else emojis.get(m.group(), '')} ", plain)
    plain = _JOINED.sub(lambda m: f" {m.group()} ", plain)
    if _DENIERS.search(plain):
        for pattern, by in _REPLACED:
            plain = pattern.sub(by, plain)
        plain = _CLAUSE.sub(_deny, plain)
    found = polarity(plain)
    positive, negative = found["pos"], found["neg"]
    return _scores(positive, negative, found["compound"], learnt_sentiment.learnt_score(words[:MOST_WORDS]))


def _scores(positive: float, negative: float, vader: float, learnt: float) -> Scores:
    neutral = max(0.0, round(1.0 - positive - negative, 3))
    return Scores(learnt_sentiment.blend(vader, learnt), positive, negative, neutral, vader, learnt)


def polarity(text: str) -> dict[str, float]:
    """Return the values of VADER's `polarity_scores` for a text without symbols of its list of emoji.

    Only words of the word list go through its rules; the others have the value 0 there, too.
    """
    from vaderSentiment.vaderSentiment import BOOSTER_DICT, SentiText

    vader = _vader()
    known = vader.lexicon
    read = SentiText(text.strip())
    words: list[str] = read.words_and_emoticons
    values: list[float] = []
    for at, word in enumerate(words):
        lower = word.lower()
        kind_of = lower == "kind" and [one.lower() for one in words[at + 1 : at + 2]] == ["of"]
        if lower in known and lower not in BOOSTER_DICT and not kind_of:
            vader.sentiment_valence(0, read, word, at, values)
        else:
            values.append(0.0)
    found: dict[str, float] = vader.score_valence(_but_check(words, values), read.text)
    return found


def _deny(clause: re.Match[str]) -> str:
    """Deny the feeling words of a clause that VADER leaves: it looks three words back, and does not know "nobody"."""
    from vaderSentiment.vaderSentiment import NEGATE

    denier, words = clause.group(1), clause.group(2).split()
    lowered = [word.lower() for word in words]
    if not _PRAISE.isdisjoint(lowered):
        return f"it {clause.group(2)}"
    if any(word in NEGATE for word in lowered):
        return clause.group()
    feelings, reach = lexicon(), 0 if denier.lower() == "nobody" else 3
    denied = [f"not {word}" if at >= reach and lowered[at] in feelings else word for at, word in enumerate(words)]
    return f"{denier} {' '.join(denied)}"


def label(scores: Scores) -> TextSentimentLabel:
    """Return the direction of scores.

    It is mixed if positive and negative words each have at least a fifth and the total is weaker than `CLEAR`.
    """
    if abs(scores.compound) < CLEAR and scores.positive >= MIXED_SHARE and scores.negative >= MIXED_SHARE:
        return TextSentimentLabel.MIXED
    known = scores.positive > 0 or scores.negative > 0
    threshold = THRESHOLD if known else learnt_sentiment.UNSURE_NEUTRAL
    if scores.compound >= threshold:
        return TextSentimentLabel.POSITIVE
    if scores.compound <= -threshold:
        return TextSentimentLabel.NEGATIVE
    return TextSentimentLabel.NEUTRAL


def sentiment(document: Document) -> TextSentiment:
    """Return the sentiment of an English text with at least one word, as a whole and by sentence."""
    text, spans = document.text, document.sentences
    each = [score(text[begin:end], document.lowered_within(begin, end)) for begin, end in spans]
    whole = (
        each[0] if len(each) == 1 else score(text, document.lowered) if len(each) <= AS_ONE else _together(each, spans)
    )
    direction = label(whole)
    if len(each) > 1 and abs(whole.compound) < CLEAR:
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
    """Average the sentences' sums (VADER's compound before normalization), and normalize the mean as for `AS_ONE`.

    The learnt score is the mean of the sentences'. Blended scores near ±1 would outweigh all others.
    """
    sums = [c * math.sqrt(_ALPHA / (1 - c * c)) for c in (max(-0.9999, min(0.9999, one.vader)) for one in each)]
    level = AS_ONE * sum(sums) / len(sums)
    weights = [end - begin for begin, end in spans]
    total = sum(weights)
    positive = round(sum(w * one.positive for w, one in zip(weights, each, strict=True)) / total, 3)
    negative = round(sum(w * one.negative for w, one in zip(weights, each, strict=True)) / total, 3)
    learnt = sum(one.learnt for one in each) / len(each)
    return _scores(positive, negative, round(level / math.sqrt(level * level + _ALPHA), 4), learnt)
