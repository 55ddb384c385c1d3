"""The text analyzer against published results."""

from __future__ import annotations

from pydoc_data.topics import topics as python_help

import pytest

from analyzers.text import learnt_sentiment, name_candidates
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
def test_vader_examples(text: str, score: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt_sentiment, "_weights", dict)  # VADER alone
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
        ("The company reported quarterly results.", TextSentimentLabel.NEUTRAL),
        ("Barack Obama was born in Hawaii.", TextSentimentLabel.NEUTRAL),
        ("Not bad at all.", TextSentimentLabel.POSITIVE),
        ("The plot drags and the acting is wooden.", TextSentimentLabel.NEGATIVE),
        ("I love the screen. I hate the battery. Great camera! Awful speaker.", TextSentimentLabel.MIXED),
    ],
)
def test_sentiment_of_texts_that_vader_misreads(text: str, label: TextSentimentLabel) -> None:
    sentiment = analyze(text, TextOperation.SENTIMENT, language="en").sentiment
    assert sentiment is not None
    assert sentiment.label is label


def test_sentiment_does_not_saturate_in_long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """VADER's own sum is 1.0 for this text."""
    monkeypatch.setattr(learnt_sentiment, "_weights", dict)
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


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Angela Merkel visited Paris and ordered dinner.", {"Angela Merkel", "Paris", "dinner"}),
        ("New York City is near Los Angeles, they said.", {"New York City", "Los Angeles"}),
        (
            "We saw My Big Fat Greek Wedding near the Metropolitan Museum.",
            {"Big Fat Greek Wedding", "Metropolitan Museum"},
        ),
        ("We sell stone fruit, e.g. ripe apricots, at 9 a.m. vs. noon.", {"stone fruit", "ripe apricots", "noon"}),
        ("Quarterly report\nSales improved in spring.", {"Quarterly report", "Sales", "spring"}),
        ("Pros:\n- fast\n- reliable\nCons:\n- noisy", {"fast", "Cons", "reliable", "Pros", "noisy"}),
        ("Item\tPrice\tStock\nLamp\t20\tLow", {"Price", "Lamp", "Stock", "Item", "Low"}),
        ("folding camping lantern\nrechargeable torch", {"folding camping lantern", "rechargeable torch"}),
        (
            "Ceramic garden planter terracotta glaze rustic finish",
            {"Ceramic garden planter", "terracotta glaze", "rustic finish"},
        ),
        ("- **Fast** [boat trips](https://a.example/b)\n- <b>Cold</b> drinks", {"Fast boat trips", "Cold drinks"}),
    ],
)  # fmt: skip
def test_key_phrases_end_at_verbs_lines_and_cells_and_keep_names(text: str, phrases: set[str]) -> None:
    found = analyze(text, TextOperation.KEYWORDS, language="en").keywords
    assert found is not None
    assert {one.text for one in found} == phrases


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


@pytest.mark.parametrize(
    ("text", "persons", "places", "organizations"),
    [
        (
            "We saw Hong Kong's John Woo and the director Dario Argento.",
            ["John Woo", "Dario Argento"],
            ["Hong Kong"],
            [],
        ),
        ("New York City is bigger than Los Angeles.", [], ["New York City", "Los Angeles"], []),
        ("The Vice President met Roman Catholics of the Department at Work.", [], [], []),
        ("She thanked Ursula von der Leyen.", ["Ursula von der Leyen"], [], []),
        ("The United Nations met Secretary General Kofi Annan.", ["Kofi Annan"], [], ["United Nations"]),
        ("Then President Obama came. Obama’s speech ended.", ["Obama"], [], []),
    ],
)
def test_names(text: str, persons: list[str], places: list[str], organizations: list[str]) -> None:
    found = analyze(text, TextOperation.ENTITIES, language="en").entities
    assert found is not None
    kinds = (TextEntityType.PERSON, TextEntityType.LOCATION, TextEntityType.ORGANIZATION)
    assert [[one.text for one in found if one.type is kind] for kind in kinds] == [persons, places, organizations]


def test_a_summary_has_no_sentence_twice() -> None:
    again = "The company will open two new shops in the harbour. "
    text = again * 5 + (
        "Neighbours fear more traffic. The city asks for a study. A vote follows in March. The owner promised trees. "
        "Rents may rise."
    )
    found = analyze(text, TextOperation.SUMMARY, language="en").text_summary
    assert found is not None
    sentences = [sentence.text for sentence in found.sentences]
    assert len(sentences) == len(set(sentences)) == 2


@pytest.mark.parametrize("vader", [-1.0, -0.5, -0.3, -0.2, 0.0, 0.2, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("learnt", [-5.0, -0.7, 0.0, 0.7, 5.0])
def test_a_clear_score_of_vader_keeps_its_sign(vader: float, learnt: float) -> None:
    score = learnt_sentiment.blend(vader, learnt)
    assert -1 <= score <= 1
    if abs(learnt) <= 0.7:
        assert score == vader
    else:
        assert (score > vader) == (learnt > 0) or abs(vader) == 1
    if abs(vader) >= 0.3:
        assert score * vader > 0
        assert abs(score) >= abs(vader) / 2


def test_names_have_no_possessive_one_type_and_no_role_alone() -> None:
    text = (
        "Gareth Whitcombe joined the bank in Norwich. Whitcombe's colleagues at the Whitcombe Foundation agreed. "
        "The President spoke to Whitcombe later."
    )
    found = analyze(text, TextOperation.ENTITIES, language="en").entities
    assert found is not None
    persons = {one.text: one.count for one in found if one.type is TextEntityType.PERSON}
    assert persons == {"Gareth Whitcombe": 1, "Whitcombe": 2}
    assert "Norwich" in {one.text for one in found if one.type is TextEntityType.LOCATION}
    assert "Whitcombe Foundation" in {one.text for one in found if one.type is TextEntityType.ORGANIZATION}


def test_the_judge_of_names_reads_a_limited_number_of_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "We live in Orvington. They live in Tolworth and Brannigham."
    counts = []
    for most in (0, 1, 2, name_candidates.MOST_SEGMENTS):
        monkeypatch.setattr(name_candidates, "MOST_SEGMENTS", most)
        counts.append(len(analyze(text, TextOperation.ENTITIES, language="en").entities or ()))
    assert counts == [0, 1, 2, 3]


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
    result = analyze("good", TextOperation.LANGUAGE, TextOperation.SENTIMENT, language="de")
    assert result.language is not None
    assert (result.language.code, result.language.reliable) == ("en", True)
    assert result.language_used == "de"
    assert result.sentiment is None


def test_summary_line_and_tags() -> None:
    result = analyze(GETTYSBURG)
    assert result.summary == "271 words in English, positive (+0.86), mostly about dedicated, nation and lives."
    assert result.tags == ["positive", "english", "dedicated", "nation", "lives"]


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (
            "Read https://en.wikipedia.org/wiki/Bank_(geography) first.",
            ["https://en.wikipedia.org/wiki/Bank_(geography)"],
        ),
        ("(see https://example.org/a_(b))", ["https://example.org/a_(b)"]),
        ("(https://example.org/x), [https://example.org/y]", ["https://example.org/x", "https://example.org/y"]),
        ("**https://example.org/x** `https://example.org/y`", ["https://example.org/x", "https://example.org/y"]),
        ("[https://example.org/x](https://example.org/y)", ["https://example.org/x", "https://example.org/y"]),
        ("host 2001:db8::17 is down", ["2001:db8::17"]),
        ("ping ::1, then ::ffff:192.0.2.1", ["::1", "::ffff:192.0.2.1"]),
        ("fe80::2%eth0 answered at 2001:db8:0:0:0:0:0:1.", ["fe80::2%eth0", "2001:db8:0:0:0:0:0:1"]),
        ("std::vector, a::b, :: and 12:30:45", []),
        ("192.168.0.1 but not 999.1.1.1", ["192.168.0.1"]),
    ],
)
def test_addresses(text: str, addresses: list[str]) -> None:
    found = analyze(text, TextOperation.ENTITIES, language="en").entities
    assert found is not None
    kinds = {TextEntityType.URL, TextEntityType.IP_ADDRESS, TextEntityType.DATE, TextEntityType.PERCENT}
    assert [one.text for one in found if one.type in kinds] == addresses
