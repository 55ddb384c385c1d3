"""Language and sentiment of short texts, and the forms that the models misread."""

from __future__ import annotations

import unicodedata

import pytest

from analyzers.text import language
from analyzers.text.analyzer import TextOperation
from analyzers.text.emoji import EMOJI
from analyzers.text.results import TextSentimentLabel
from analyzers.text.sentiment import polarity, score
from tests.analyzers.support import analyze

POSITIVE, NEGATIVE, NEUTRAL, MIXED = TextSentimentLabel


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love it", POSITIVE),
        ("I love it!", POSITIVE),
        ("Great!", POSITIVE),
        ("Works great", POSITIVE),
        ("fantastic bargain!", POSITIVE),
        ("Terrible.", NEGATIVE),
        ("terrible", NEGATIVE),
    ],
)
def test_short_english_texts_have_a_language_and_a_sentiment(text: str, label: TextSentimentLabel) -> None:
    result = analyze(text, TextOperation.LANGUAGE, TextOperation.SENTIMENT)
    assert result.language_used == "en"
    assert result.sentiment is not None
    assert result.sentiment.label is label


@pytest.mark.parametrize(
    "text", ["I love it", "what a lovely garden", "Das ist gut", "Merci beaucoup", "lol", "Привет мир", "qwxz"]
)
def test_a_final_stop_changes_no_language(text: str) -> None:
    assert language.detect(text) == language.detect(f"{text}.") == language.detect(f"{text}!")


def test_both_normal_forms_have_the_same_result() -> None:
    text = "El tren llegó tarde. Él está allá, según dijo la señora. También perdió el avión, más tarde comió aquí."
    operations = (TextOperation.STATISTICS, TextOperation.LANGUAGE, TextOperation.KEYWORDS)
    composed, apart = (analyze(unicodedata.normalize(form, text), *operations) for form in ("NFC", "NFD"))
    assert composed.statistics is not None
    assert apart.statistics is not None
    assert apart.statistics.syllables == composed.statistics.syllables
    assert apart.statistics.words == composed.statistics.words
    assert apart.language == composed.language
    assert [unicodedata.normalize("NFC", one.text) for one in apart.keywords or ()] == [
        one.text for one in composed.keywords or ()
    ]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("We are very pleased customers" + "💓" * 8, POSITIVE),
        ("That film was so funny 😂😂😂", POSITIVE),
        ("My parcel is lost again 😡😡", NEGATIVE),
        ("she left 💔", NEGATIVE),
        ("Nobody enjoys this game.", NEGATIVE),
        ("None of the rooms was nice.", NEGATIVE),
        ("Nothing in this box is any good.", NEGATIVE),
        ("This manual is hardly helpful.", NEGATIVE),
        ("The room was anything but nice.", NEGATIVE),
        ("zero complaints so far", POSITIVE),
        ("We could not be happier with it.", POSITIVE),
        ("They had nothing but praise for it.", POSITIVE),
        ("Not bad at all.", POSITIVE),
    ],
)
def test_forms_that_vader_misreads(text: str, label: TextSentimentLabel) -> None:
    found = analyze(text, TextOperation.SENTIMENT, language="en").sentiment
    assert found is not None
    assert found.label is label


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\ufeffTerrible product.", "Terrible product."),
        ("I found it\u200bawful\u200b.", "I found it awful ."),
        ("\u200eTerrible\u200e noise", "Terrible noise"),
        ("Awful!Never again.", "Awful! Never again."),
        ("The food was fine.Terrible waiter.", "The food was fine. Terrible waiter."),
        ("Excellent!!Recommended!!", "Excellent!! Recommended!!"),
        ("horrible;slow", "horrible; slow"),
        ("perfect(really)", "perfect (really)"),
        ("<p>I <b>love</b> it</p>", "I love it"),
    ],
)
def test_invisible_characters_and_missing_spaces_hide_no_feeling(text: str, plain: str) -> None:
    one, other = (analyze(piece, TextOperation.SENTIMENT, language="en").sentiment for piece in (text, plain))
    assert one is not None
    assert other is not None
    assert one.label is other.label
    assert one.score == pytest.approx(other.score, abs=0.1)


def test_an_emoji_alone_has_a_sentiment_without_a_language() -> None:
    result = analyze("😂", TextOperation.SENTIMENT)
    assert result.language_used is None
    assert result.sentiment is not None
    assert result.sentiment.label is POSITIVE


def test_each_emoji_has_the_direction_of_its_value() -> None:
    assert len(EMOJI) > 80
    assert all((score(char, []).compound > 0) is (value > 0) for char, value in EMOJI.items())


def test_a_clear_total_is_not_mixed() -> None:
    found = analyze("Horrible awful terrible nice", TextOperation.SENTIMENT, language="en").sentiment
    assert found is not None
    assert found.positive >= 0.15
    assert found.label is NEGATIVE


def test_windows_of_words_change_no_score_of_vader() -> None:
    """The replaced parts of vaderSentiment give its own scores, with fewer words."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    plain = SentimentIntensityAnalyzer()
    for text in (
        "",
        " ?! ",
        "Kind of good, kind words, a kind",
        "No fun, no, not the LEAST bit very GOOD!!! :) VERY incredibly sad",
        "It was never this good and I never so liked the bad bus, the yeah right, the kiss of death of it all",
        "not a very good or nice thing without doubt, at least the worst, least happy sort of great day ever made",
        "bad " * 10 + "not too good " * 10,
    ):
        assert polarity(text) == plain.polarity_scores(text)
