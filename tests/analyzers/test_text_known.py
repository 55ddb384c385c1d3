"""The text analyzer against published results."""

from __future__ import annotations

from pydoc_data.topics import topics as python_help

import pytest

from analyzers.text.analyzer import TextOperation
from analyzers.text.results import (
    TextEntityType,
    TextReadingLevel,
    TextSentimentLabel,
    TextUnavailableReason,
)
from analyzers.text.syllables import syllables
from analyzers.text.wordsets import word_set
from tests.analyzers.support import DATA, GETTYSBURG, analyze, languages

MAJOR = word_set("en de fr es it pt nl ru uk pl cs sv da nb fi el tr ar he fa hi ja ko zh id vi ro hu")


def test_gettysburg_address() -> None:
    """Compare with Microsoft Word: 271 words, 1,196 characters, 3 paragraphs, 10 sentences, an ease of 65 (published by
    E. Barr in 2009); with GNU style: 1,149 letters, an ARI of 12.1; with the CMU dictionary: 367 syllables."""
    found = analyze(GETTYSBURG, TextOperation.STATISTICS).statistics
    assert found is not None
    assert (found.words, found.characters_without_spaces, found.paragraphs, found.sentences) == (271, 1196, 3, 10)
    assert (found.letters, found.syllables) == (1149, 367)
    readability = found.readability
    assert readability is not None
    assert readability.reading_ease == pytest.approx(65, abs=0.5)
    assert readability.formula == "Flesch 1948"
    assert readability.level is TextReadingLevel.STANDARD
    assert readability.automated_readability_index == pytest.approx(12.1, abs=0.05)
    assert readability.smog_index is None


def test_syllables_of_the_cmu_dictionary() -> None:
    right = total = 0
    for line in (DATA / "syllables.txt").read_text(encoding="utf-8").splitlines():
        word, *counts = line.split()
        total += 1
        right += str(syllables("en", word)) in counts
    assert total == 1926
    assert right / total >= 0.91


@pytest.mark.parametrize(
    ("language", "word", "count"),
    [
        ("ru", "достопримечательность", 7),
        ("tr", "muvaffakiyet", 5),
        ("es", "murciélago", 4),
        ("es", "poesía", 4),
        ("es", "queso", 2),
        ("it", "bellissimo", 4),
        ("de", "freundschaft", 2),
        ("de", "donaudampfschiff", 4),
        ("fr", "table", 1),
        ("nl", "koeien", 2),
        ("en", "well-known", 2),
        ("en", "don't", 1),
    ],
)
def test_syllables_of_other_languages(language: str, word: str, count: int) -> None:
    assert syllables(language, word) == count


# The examples of VADER's README with their compound scores.
VADER = [
    ("VADER is smart, handsome, and funny.", 0.8316),
    ("VADER is smart, handsome, and funny!", 0.8439),
    ("VADER is very smart, handsome, and funny.", 0.8545),
    ("VADER is VERY SMART, handsome, and FUNNY.", 0.9227),
    ("VADER is VERY SMART, handsome, and FUNNY!!!", 0.9342),
    ("VADER is VERY SMART, uber handsome, and FRIGGIN FUNNY!!!", 0.9469),
    ("VADER is not smart, handsome, nor funny.", -0.7424),
    ("The book was good.", 0.4404),
    ("At least it isn't a horrible book.", 0.431),
    ("The book was only kind of good.", 0.3832),
    ("The plot was good, but the characters are uncompelling and the dialog is not great.", -0.7042),
    ("Today SUX!", -0.5461),
    ("Today only kinda sux! But I'll get by, lol", 0.5249),
    ("Make sure you :) or :D today!", 0.8633),
    ("Not bad at all", 0.431),
]


@pytest.mark.parametrize(("text", "score"), VADER)
def test_vader_examples(text: str, score: float) -> None:
    result = analyze(text, TextOperation.SENTIMENT, language="en")
    assert result.sentiment is not None
    assert result.sentiment.score == pytest.approx(score, abs=1e-9)
    assert result.score == pytest.approx((score + 1) / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I don’t like it at all.", TextSentimentLabel.NEGATIVE),
        ("“Great”", TextSentimentLabel.POSITIVE),
        ("I ❤️ it", TextSentimentLabel.POSITIVE),
        ("👍🏽", TextSentimentLabel.POSITIVE),
        ("👎", TextSentimentLabel.NEGATIVE),
        ("terrible—awful", TextSentimentLabel.NEGATIVE),
        ("The box is on the table.", TextSentimentLabel.NEUTRAL),
        ("I love the screen. I hate the battery. Great camera! Awful speaker.", TextSentimentLabel.MIXED),
    ],
)
def test_sentiment_of_texts_that_vader_misreads(text: str, label: TextSentimentLabel) -> None:
    sentiment = analyze(text, TextOperation.SENTIMENT, language="en").sentiment
    assert sentiment is not None
    assert sentiment.label is label


def test_sentiment_does_not_saturate_in_long_texts() -> None:
    """VADER's own sum is 1.0 for this text."""
    sentiment = analyze("It works fine. The box is on the table. " * 40, TextOperation.SENTIMENT).sentiment
    assert sentiment is not None
    assert 0.05 < sentiment.score < 0.5
    assert sentiment.sentence_count == 80


def test_language_of_example_sentences() -> None:
    right = total = 0
    same = {"nb": {"nb", "no"}, "zh": {"zh", "wuu", "yue"}}
    for code, sentences in languages().items():
        if code not in MAJOR:
            continue
        for sentence in sentences:
            found = analyze(sentence, TextOperation.LANGUAGE).language
            assert found is not None
            total += 1
            right += found.code in same.get(code, {code})
    assert total == 230
    assert right / total >= 0.97


def test_language_of_capitals_and_addresses() -> None:
    for text in ("DIE KATZE SCHLÄFT AUF DEM SOFA", "Die Katze schläft. https://www.example.com/the/thing/of/it"):
        found = analyze(text, TextOperation.LANGUAGE).language
        assert found is not None
        assert (found.code, found.name, found.reliable) == ("de", "German", True)
        assert [one.score for one in found.candidates] == sorted((one.score for one in found.candidates), reverse=True)


def test_keywords_of_the_rake_paper() -> None:
    """The abstract in Mihalcea and Tarau (2004) and in Rose et al. (2010), with the keywords of its indexer."""
    abstract = (
        "Compatibility of systems of linear constraints over the set of natural numbers. Criteria of compatibility of "
        "a system of linear Diophantine equations, strict inequations, and nonstrict inequations are considered. Upper "
        "bounds for components of a minimal set of solutions and algorithms of construction of minimal generating sets "
        "of solutions for all types of systems are given. These criteria and the corresponding algorithms for "
        "constructing a minimal supporting set of solutions can be used in solving all the considered types of systems "
        "and systems of mixed types."
    )
    indexed = {
        "linear constraints", "linear diophantine equations", "minimal generating sets", "nonstrict inequations",
        "set of natural numbers", "strict inequations", "upper bounds",
    }  # fmt: skip
    found = analyze(abstract, TextOperation.KEYWORDS).keywords
    assert found is not None
    assert len(found) == 10
    assert len({keyword.text.lower() for keyword in found} & indexed) >= 4
    assert found[0].score == 1.0


def test_topics_separate_texts() -> None:
    """A text of three chapters of Python's reference has a topic in each chapter."""
    chapters = [python_help[name] for name in ("integers", "import", "exceptions")]
    text = "\n\n".join(chapters)
    found = analyze(text, TextOperation.TOPICS, language="en").topics
    assert found is not None
    starts = [text.index(chapter) for chapter in chapters]
    homes = {sum(topic.begin >= start for start in starts) for topic in found}
    assert homes == {1, 2, 3}
    assert sum(topic.share for topic in found) == pytest.approx(1, abs=1e-3)
    words = {term.text.lower() for topic in found for term in topic.terms}
    assert {"module", "exception", "integer"} <= words | {word.removesuffix("s") for word in words}


def test_entities_of_a_sentence() -> None:
    text = (
        "Dr. Angela Merkel met Tim Cook of Apple in Berlin on 3 March 2015 at 10:30 am. Cook paid $1.5 million, 20% of "
        "it for 5 km of cable; write to tim@apple.example.com, +49 30 1234567 or https://example.org/a. #europe @tim"
    )
    found = analyze(text, TextOperation.ENTITIES, language="en").entities
    assert found is not None
    kinds = TextEntityType
    assert [(one.text, one.type, one.count) for one in found] == [
        ("Angela Merkel", kinds.PERSON, 1),
        ("Tim Cook", kinds.PERSON, 1),
        ("Apple", kinds.ORGANIZATION, 1),
        ("Berlin", kinds.LOCATION, 1),
        ("3 March 2015", kinds.DATE, 1),
        ("10:30 am", kinds.TIME, 1),
        ("Cook", kinds.PERSON, 1),
        ("$1.5 million", kinds.MONEY, 1),
        ("20%", kinds.PERCENT, 1),
        ("5 km", kinds.QUANTITY, 1),
        ("tim@apple.example.com", kinds.EMAIL, 1),
        ("+49 30 1234567", kinds.PHONE, 1),
        ("https://example.org/a", kinds.URL, 1),
        ("#europe", kinds.HASHTAG, 1),
        ("@tim", kinds.HANDLE, 1),
    ]


def test_summary_of_the_gettysburg_address() -> None:
    found = analyze(GETTYSBURG, TextOperation.SUMMARY).text_summary
    assert found is not None
    assert len(found.sentences) == 2
    assert found.text == " ".join(sentence.text for sentence in found.sentences)
    assert "great civil war" in found.text


@pytest.mark.parametrize(
    ("text", "operation", "reason"),
    [
        ("Das Essen war wirklich hervorragend.", TextOperation.SENTIMENT, "UNSUPPORTED_LANGUAGE"),
        ("今天天气很好，我们去公园吧。", TextOperation.KEYWORDS, "UNSUPPORTED_LANGUAGE"),
        ("วันนี้อากาศดีมาก เราไปสวนกันเถอะ", TextOperation.SUMMARY, "UNSUPPORTED_LANGUAGE"),
        ("12:30 + 5", TextOperation.LANGUAGE, "NO_WORDS"),
        ("12:30 + 5", TextOperation.SENTIMENT, "NO_WORDS"),
        ("qwxz", TextOperation.SENTIMENT, "UNKNOWN_LANGUAGE"),
        ("This is only one sentence.", TextOperation.SUMMARY, "TEXT_TOO_SHORT"),
        ("This is only one sentence.", TextOperation.TOPICS, "TEXT_TOO_SHORT"),
        ("It is what it is, and that is that.", TextOperation.KEYWORDS, "TEXT_TOO_SHORT"),
    ],
)
def test_a_null_has_a_reason(text: str, operation: TextOperation, reason: str) -> None:
    result = analyze(text, operation)
    part = {"SUMMARY": "text_summary"}.get(operation.value, operation.value.lower())
    assert getattr(result, part) is None
    assert [(one.operation, one.reason) for one in result.unavailable] == [(operation, TextUnavailableReason(reason))]
    assert result.unavailable[0].message.endswith((".", "it."))


def test_scripts_without_spaces_are_not_counted_as_words() -> None:
    chinese = analyze("今天天气很好。我们去公园吧！你喜欢吗？", TextOperation.STATISTICS).statistics
    thai = analyze("วันนี้อากาศดีมาก เราไปสวนกันเถอะ", TextOperation.STATISTICS).statistics
    assert chinese is not None
    assert thai is not None
    assert (chinese.words, chinese.sentences, chinese.characters) == (None, 3, 19)
    assert (thai.words, thai.sentences) == (None, None)


def test_the_given_language_overrides_the_detected_one() -> None:
    result = analyze("good", TextOperation.LANGUAGE, TextOperation.SENTIMENT, language="en")
    assert result.language is not None
    assert not result.language.reliable
    assert result.language_used == "en"
    assert result.sentiment is not None
    assert result.sentiment.label is TextSentimentLabel.POSITIVE


def test_summary_line_and_tags() -> None:
    result = analyze(GETTYSBURG)
    assert result.summary == "271 words in English, positive (+0.86), mostly about dedicated, nation and lives."
    assert result.tags == ["positive", "english", "dedicated", "nation", "lives"]
