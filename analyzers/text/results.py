"""The parts of a text result, as clients see them. Positions count Unicode code points; ranges are half open."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from analyzers.base import Choice

BEGIN = "Start of the sentence, in Unicode code points from 0."
END = "End of the sentence, in Unicode code points: the position after its last one."


class TextOperation(Choice):
    """Operation of the text analyzer."""

    STATISTICS = "STATISTICS", "Counts, averages, reading time and readability."
    LANGUAGE = "LANGUAGE", "Language detection among 176 languages, with candidates and scores."
    SENTIMENT = "SENTIMENT", "Positive or negative sentiment, for the whole text and by sentence. English only."
    KEYWORDS = "KEYWORDS", "Key phrases of the text."
    TOPICS = "TOPICS", "Topics: groups of words that occur in the same sentences."
    ENTITIES = (
        "ENTITIES",
        (
            "Named entities, such as dates, amounts, addresses and phone numbers; in English also persons, "
            "organizations and places."
        ),
    )
    SUMMARY = "SUMMARY", "Extractive summary: the most informative sentences, in text order."


class TextFormat(Choice):
    """Format of a text."""

    AUTO = "AUTO", "Detected from the text."
    PLAIN = "PLAIN", "Plain text."
    MARKDOWN = "MARKDOWN", "Markdown."
    HTML = "HTML", "HTML."


class TextUnavailableReason(Choice):
    """Reason for a missing or incomplete part of a text result."""

    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE", "The operation does not support the language of the text."
    UNKNOWN_LANGUAGE = (
        "UNKNOWN_LANGUAGE",
        ("The language of the text can't be detected reliably. Set `language` in the request."),
    )
    TEXT_TOO_SHORT = "TEXT_TOO_SHORT", "The text is too short for a meaningful result."
    NO_WORDS = "NO_WORDS", "The text contains no letters."


class TextSentimentLabel(Choice):
    """Direction of a sentiment."""

    POSITIVE = "POSITIVE", "Score of at least 0.05."
    NEGATIVE = "NEGATIVE", "Score of at most -0.05."
    NEUTRAL = "NEUTRAL", "Score between -0.05 and 0.05, without strong sentiment in both directions."
    MIXED = (
        "MIXED",
        (
            "Score between -0.5 and 0.5, with strong positive and strong negative sentiment: each in at least "
            "20 % of the words, or in at least 30 % of the sentences."
        ),
    )


class TextEntityType(Choice):
    """Kind of a named entity."""

    PERSON = "PERSON", "A person."
    ORGANIZATION = "ORGANIZATION", "A company, authority, institution, party or club."
    LOCATION = "LOCATION", "A country, region, city, street, river or similar place."
    DATE = "DATE", "A day, month or year."
    TIME = "TIME", "A time of day."
    MONEY = "MONEY", "An amount of money with its currency."
    PERCENT = "PERCENT", "A percentage."
    QUANTITY = "QUANTITY", "A number with a unit of measure."
    EMAIL = "EMAIL", "An e-mail address."
    URL = "URL", "A web address."
    PHONE = "PHONE", "A telephone number."
    HANDLE = "HANDLE", "A user name written with @."
    HASHTAG = "HASHTAG", "A tag written with #."
    IP_ADDRESS = "IP_ADDRESS", "An IP address, version 4 or 6."


class TextReadingLevel(Choice):
    """Reading level of a text, by Flesch's bands of the reading ease."""

    VERY_EASY = "VERY_EASY", "Reading ease of 90 or more."
    EASY = "EASY", "Reading ease from 80 to below 90."
    FAIRLY_EASY = "FAIRLY_EASY", "Reading ease from 70 to below 80."
    STANDARD = "STANDARD", "Reading ease from 60 to below 70."
    FAIRLY_DIFFICULT = "FAIRLY_DIFFICULT", "Reading ease from 50 to below 60."
    DIFFICULT = "DIFFICULT", "Reading ease from 30 to below 50."
    VERY_DIFFICULT = "VERY_DIFFICULT", "Reading ease below 30."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextUnavailable(_Part):
    """A requested part of a text result that is missing or incomplete, with the reason."""

    operation: TextOperation = Field(description="Operation with a missing or incomplete result.")
    reason: TextUnavailableReason = Field(description="Machine-readable reason.")
    message: str = Field(description="Human-readable reason, with a remedy.")


class TextReadability(_Part):
    """Reading difficulty of the text. Grades are years of school in the United States."""

    reading_ease: float | None = Field(
        description=(
            "Flesch's reading ease with the constants for the text's language: about 0 (hard) to 100 (easy), "
            "without fixed bounds. Null if there are no constants for the language."
        )
    )
    formula: str | None = Field(
        description=(
            "Source of the reading ease's constants, with the year of publication. Null if `readingEase` is null."
        )
    )
    level: TextReadingLevel | None = Field(description="Reading ease as a level. Null if `readingEase` is null.")
    flesch_kincaid_grade: float | None = Field(description="Flesch-Kincaid grade (1975). English only.")
    gunning_fog: float | None = Field(description="Grade by Gunning's fog index (1952). English only.")
    smog_index: float | None = Field(
        description=(
            "SMOG grade (McLaughlin 1969). English only, and only from 30 sentences on, as defined by its author."
        )
    )
    automated_readability_index: float | None = Field(
        description="Grade by the Automated Readability Index (Smith and Senter 1967). English only."
    )
    coleman_liau_index: float | None = Field(description="Grade by the Coleman-Liau index (1975). English only.")
    lix: float = Field(
        description=(
            "Björnsson's LIX (1968): words per sentence plus the percentage of words with more than six "
            "letters. Below 25 is very easy, above 55 very hard. For all languages that separate words by "
            "spaces."
        )
    )


class TextStatistics(_Part):
    """Counts and averages of the text."""

    characters: int = Field(description="Number of Unicode code points.")
    characters_without_spaces: int = Field(description="Number of code points other than white space.")
    letters: int = Field(description="Number of code points that are letters.")
    words: int | None = Field(
        description=(
            "Number of words. Null in scripts without spaces between words: Chinese, Japanese, Thai, Lao, "
            "Khmer, Burmese, Tibetan."
        )
    )
    unique_words: int | None = Field(
        description="Number of different words, case-insensitive. Null whenever `words` is null."
    )
    sentences: int | None = Field(
        description=(
            "Number of sentences. Null in scripts without marks at the end of sentences: Thai, Lao, Khmer, Burmese."
        )
    )
    paragraphs: int = Field(
        description=(
            "Number of blocks between blank lines; in a text without blank lines, the number of lines that "
            "are not wrapped."
        )
    )
    syllables: int | None = Field(
        description="Number of syllables. Null if the language is unknown or has no syllable rules."
    )
    average_word_length: float | None = Field(description="Average number of letters and digits per word.")
    average_sentence_length: float | None = Field(description="Average number of words per sentence.")
    average_syllables_per_word: float | None = Field(description="Average number of syllables per word.")
    lexical_diversity: float | None = Field(
        description=(
            "Number of different words divided by the number of words, above 0 and at most 1. Falls as a text "
            "grows longer."
        )
    )
    reading_time_seconds: float | None = Field(
        description=(
            "Reading time of an adult in seconds, silently or aloud, at the average speed for the language. "
            "Null if no speed is known for the words or characters of the language."
        )
    )
    readability: TextReadability | None = Field(
        description="Reading difficulty. Null for a text with fewer than 20 words, or if `words` is null."
    )


class TextLanguageCandidate(_Part):
    """A possible language of the text."""

    code: str = Field(description="ISO 639-1 code, or ISO 639-3 code if there is no two-letter code.")
    name: str = Field(description="English name of the language.")
    score: float = Field(ge=0, le=1, description="Probability, from 0 to 1. The scores of all 176 languages sum to 1.")


class TextLanguage(_Part):
    """Detected language of the text."""

    code: str = Field(description="ISO 639-1 code, or ISO 639-3 code if there is no two-letter code.")
    name: str = Field(description="English name of the language.")
    score: float = Field(ge=0, le=1, description="Probability, from 0 to 1.")
    reliable: bool = Field(
        description=(
            "Whether the other operations use the detected language. In a text of more than four words: if the "
            "score is at least 0.4, or 0.7 with fewer than 12 letters. In a shorter text: if its forms with and "
            "without a final stop agree, or the score is clearly above that of the next language."
        )
    )
    candidates: list[TextLanguageCandidate] = Field(description="Most likely languages, best first, at most five.")


class TextSentenceSentiment(_Part):
    """Sentiment of one sentence."""

    begin: int = Field(description=BEGIN)
    end: int = Field(description=END)
    label: TextSentimentLabel = Field(description="Direction of the sentiment.")
    score: float = Field(ge=-1, le=1, description="Score, from -1 (most negative) to 1 (most positive).")


class TextSentiment(_Part):
    """Sentiment of the text."""

    label: TextSentimentLabel = Field(description="Direction of the sentiment.")
    score: float = Field(ge=-1, le=1, description="Score, from -1 (most negative) to 1 (most positive).")
    magnitude: float = Field(
        ge=0, description="Total strength of the sentiment: the sum of the absolute scores of all sentences."
    )
    positive: float = Field(ge=0, le=1, description="Share of positive words, from 0 to 1. The three shares sum to 1.")
    negative: float = Field(ge=0, le=1, description="Share of negative words, from 0 to 1.")
    neutral: float = Field(ge=0, le=1, description="Share of all other words, from 0 to 1.")
    sentence_count: int = Field(ge=0, description="Number of scored sentences.")
    sentences: list[TextSentenceSentiment] = Field(description="Sentiment of the first 1,000 sentences, in text order.")


class TextKeyword(_Part):
    """A key phrase of the text."""

    text: str = Field(description="Phrase as written at its first occurrence.")
    score: float = Field(ge=0, le=1, description="Weight of the phrase relative to the best phrase, which has 1.")
    begin: int = Field(description="Start of the first occurrence, in Unicode code points from 0.")
    end: int = Field(
        description="End of the first occurrence, in Unicode code points: the position after its last one."
    )
    count: int = Field(ge=1, description="Number of occurrences, including inflected forms.")


class TextTopicTerm(_Part):
    """A word of a topic."""

    text: str = Field(description="Word in its most frequent form.")
    weight: float = Field(
        ge=0, le=1, description="Weight of the word relative to the topic's heaviest word, which has 1."
    )


class TextTopic(_Part):
    """A topic: a group of words that occur in the same parts of the text."""

    label: str = Field(description="Up to three of the topic's heaviest words, as a name.")
    share: float = Field(ge=0, le=1, description="Share of the text, from 0 to 1. The shares of all topics sum to 1.")
    terms: list[TextTopicTerm] = Field(description="Words of the topic, heaviest first, at most eight.")
    begin: int = Field(description="Start of the topic's strongest passage, in Unicode code points from 0.")
    end: int = Field(
        description="End of the topic's strongest passage, in Unicode code points: the position after its last one."
    )


class TextEntity(_Part):
    """A named entity of the text."""

    text: str = Field(description="Entity as written at its first occurrence.")
    type: TextEntityType = Field(description="Kind of the entity.")
    score: float = Field(
        ge=0,
        le=1,
        description=(
            "Approximate precision of the rule that found the entity, as measured, from 0 to 1. Names score low."
        ),
    )
    begin: int = Field(description="Start of the first occurrence, in Unicode code points from 0.")
    end: int = Field(
        description="End of the first occurrence, in Unicode code points: the position after its last one."
    )
    count: int = Field(ge=1, description="Number of occurrences.")


class TextSummarySentence(_Part):
    """A sentence of the summary."""

    text: str = Field(description="Sentence as written in the text.")
    begin: int = Field(description=BEGIN)
    end: int = Field(description=END)
    score: float = Field(
        ge=0, le=1, description="Weight of the sentence relative to the most informative sentence, which has 1."
    )


class TextSummary(_Part):
    """Extractive summary: the most informative sentences of the text."""

    text: str = Field(description="Sentences of the summary in text order, separated by spaces.")
    share: float = Field(
        ge=0, le=1, description="Length of the summary divided by the length of the text, from 0 to 1."
    )
    sentences: list[TextSummarySentence] = Field(description="Sentences of the summary, in text order.")
