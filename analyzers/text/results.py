"""The parts of a text result, as clients see them. Positions count Unicode code points and are half open."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from analyzers.base import Choice

BEGIN = "Where it begins in the text, in Unicode code points from 0."
END = "Where it ends, in Unicode code points: the position after its last one."


class TextOperation(Choice):
    """What can be asked of a text."""

    STATISTICS = "STATISTICS", "Counts, averages, reading time and readability."
    LANGUAGE = "LANGUAGE", "The language it is written in, of 176, with the candidates and their scores."
    SENTIMENT = "SENTIMENT", "How positive or negative it is, as a whole and by sentence. English only."
    KEYWORDS = "KEYWORDS", "The phrases that say most about the text."
    TOPICS = "TOPICS", "What it is about, part by part: groups of words that stand in the same sentences."
    ENTITIES = (
        "ENTITIES",
        ("Dates, amounts, addresses, phone numbers and the like; in English also persons, organizations and places."),
    )
    SUMMARY = "SUMMARY", "Its most telling sentences, as they stand, in their order."


class TextUnavailableReason(Choice):
    """Why a part of a result is missing."""

    UNSUPPORTED_LANGUAGE = "UNSUPPORTED_LANGUAGE", "The operation can't read the text's language."
    UNKNOWN_LANGUAGE = (
        "UNKNOWN_LANGUAGE",
        ("The text's language can't be told with confidence; giving `language` in the request helps."),
    )
    TEXT_TOO_SHORT = "TEXT_TOO_SHORT", "There is too little text for an answer that means something."
    NO_WORDS = "NO_WORDS", "The text has no letters."


class TextSentimentLabel(Choice):
    """The direction of a sentiment."""

    POSITIVE = "POSITIVE", "The score is at least 0.05."
    NEGATIVE = "NEGATIVE", "The score is at most -0.05."
    NEUTRAL = "NEUTRAL", "The score is between -0.05 and 0.05, and nothing strong stands against each other."
    MIXED = "MIXED", "Much that is positive and much that is negative."


class TextEntityType(Choice):
    """What an entity names."""

    PERSON = "PERSON", "A person."
    ORGANIZATION = "ORGANIZATION", "A company, authority, institution, party or club."
    LOCATION = "LOCATION", "A country, region, city, street, river or the like."
    DATE = "DATE", "A day, month or year."
    TIME = "TIME", "A time of day."
    MONEY = "MONEY", "An amount of money with its currency."
    PERCENT = "PERCENT", "A percentage."
    QUANTITY = "QUANTITY", "A number with a unit of measure."
    EMAIL = "EMAIL", "An e-mail address."
    URL = "URL", "A web address."
    PHONE = "PHONE", "A telephone number."
    HANDLE = "HANDLE", "A user's name written with @."
    HASHTAG = "HASHTAG", "A tag written with #."
    IP_ADDRESS = "IP_ADDRESS", "An Internet address, of version 4 or 6."


class TextReadingLevel(Choice):
    """How hard a text is to read, by Flesch's bands of the reading ease."""

    VERY_EASY = "VERY_EASY", "Ease of 90 or more."
    EASY = "EASY", "Ease of 80 to 90."
    FAIRLY_EASY = "FAIRLY_EASY", "Ease of 70 to 80."
    STANDARD = "STANDARD", "Ease of 60 to 70."
    FAIRLY_DIFFICULT = "FAIRLY_DIFFICULT", "Ease of 50 to 60."
    DIFFICULT = "DIFFICULT", "Ease of 30 to 50."
    VERY_DIFFICULT = "VERY_DIFFICULT", "Ease below 30."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextUnavailable(_Part):
    """Something that was asked for and is not there, with the reason."""

    operation: TextOperation = Field(description="The operation that gives nothing, or less than it could.")
    reason: TextUnavailableReason = Field(description="Why, for programs.")
    message: str = Field(description="Why, for people, and what would help.")


class TextReadability(_Part):
    """How hard the text is to read. Grades are years of school in the United States."""

    reading_ease: float | None = Field(
        description="Flesch's reading ease with the constants of the text's language; about 0 (hard) to 100 (easy), "
        "though without bounds. Null in languages for which there are none."
    )
    formula: str | None = Field(description="Whose constants the reading ease uses, with the year of publication.")
    level: TextReadingLevel | None = Field(description="The reading ease in a word; null where that is null.")
    flesch_kincaid_grade: float | None = Field(description="Grade by Flesch and Kincaid (1975). English only.")
    gunning_fog: float | None = Field(description="Grade by Gunning's Fog index (1952). English only.")
    smog_index: float | None = Field(
        description="Grade by SMOG (McLaughlin 1969). English only, and only from 30 sentences on, as it is defined."
    )
    automated_readability_index: float | None = Field(description="Grade by ARI (Smith and Senter 1967). English only.")
    coleman_liau_index: float | None = Field(description="Grade by Coleman and Liau (1975). English only.")
    lix: float = Field(
        description="Björnsson's LIX (1968): words a sentence plus the percentage of words over six letters; "
        "below 25 very easy, above 55 very hard. Any language that parts words by spaces."
    )


class TextStatistics(_Part):
    """What there is to count in the text."""

    characters: int = Field(description="Unicode code points.")
    characters_without_spaces: int = Field(description="Code points that are not white space.")
    letters: int = Field(description="Code points that are letters.")
    words: int | None = Field(
        description="Words. Null in scripts that write no spaces between them: Chinese, Japanese, Thai, Lao, Khmer, "
        "Burmese, Tibetan."
    )
    unique_words: int | None = Field(description="Different words, upper and lower case alike. Null as `words` is.")
    sentences: int | None = Field(
        description="Sentences. Null in scripts that don't mark their ends: Thai, Lao, Khmer, Burmese."
    )
    paragraphs: int = Field(
        description="Blocks between blank lines; in a text without blank lines, lines that are not wrapped."
    )
    syllables: int | None = Field(description="Syllables. Null where the language is unknown or can't be counted.")
    average_word_length: float | None = Field(description="Letters and digits a word, on average.")
    average_sentence_length: float | None = Field(description="Words a sentence, on average.")
    average_syllables_per_word: float | None = Field(description="Syllables a word, on average.")
    lexical_diversity: float | None = Field(
        description="Different words divided by words, above 0 to 1. It falls as a text grows longer."
    )
    reading_time_seconds: float | None = Field(
        description="Seconds that an adult takes to read it silently or aloud, at the average speed for its language. "
        "Null where neither words nor characters have a known speed."
    )
    readability: TextReadability | None = Field(description="Readability; null for fewer than 20 words or no words.")


class TextLanguageCandidate(_Part):
    """A language that the text could be written in."""

    code: str = Field(description="ISO 639-1, or ISO 639-3 where there is no code of two letters.")
    name: str = Field(description="The language's English name.")
    score: float = Field(ge=0, le=1, description="How likely, from 0 to 1; the scores of all 176 sum to 1.")


class TextLanguage(_Part):
    """The language that the text is written in, as detected."""

    code: str = Field(description="ISO 639-1, or ISO 639-3 where there is no code of two letters.")
    name: str = Field(description="The language's English name.")
    score: float = Field(ge=0, le=1, description="How likely, from 0 to 1.")
    reliable: bool = Field(
        description="Whether it is likely enough for the other operations to go by it: a score of at least 0.4, "
        "or 0.7 in a text of fewer than 12 letters."
    )
    candidates: list[TextLanguageCandidate] = Field(description="The most likely languages, at most five, best first.")


class TextSentenceSentiment(_Part):
    """The sentiment of one sentence."""

    begin: int = Field(description=BEGIN)
    end: int = Field(description=END)
    label: TextSentimentLabel = Field(description="Its direction.")
    score: float = Field(ge=-1, le=1, description="From -1 (most negative) to 1 (most positive).")


class TextSentiment(_Part):
    """How positive or negative the text is."""

    label: TextSentimentLabel = Field(description="Its direction.")
    score: float = Field(ge=-1, le=1, description="From -1 (most negative) to 1 (most positive).")
    magnitude: float = Field(ge=0, description="How much feeling there is in all: the sum of all sentences' |score|.")
    positive: float = Field(ge=0, le=1, description="The share of the words that is positive. The three sum to 1.")
    negative: float = Field(ge=0, le=1, description="The share of the words that is negative.")
    neutral: float = Field(ge=0, le=1, description="The share of the words that is neither.")
    sentence_count: int = Field(ge=0, description="How many sentences were scored.")
    sentences: list[TextSentenceSentiment] = Field(description="The first 1,000 sentences, in the order of the text.")


class TextKeyword(_Part):
    """A phrase that says much about the text."""

    text: str = Field(description="The phrase as it first stands in the text.")
    score: float = Field(ge=0, le=1, description="Its weight beside the best phrase's, which is 1.")
    begin: int = Field(description="Where it first stands in the text, in Unicode code points from 0.")
    end: int = Field(description=END)
    count: int = Field(ge=1, description="How often it stands in the text, inflected forms included.")


class TextTopicTerm(_Part):
    """A word of a topic."""

    text: str = Field(description="The word, in the form in which it is most frequent.")
    weight: float = Field(ge=0, le=1, description="Its weight beside the topic's heaviest word, which is 1.")


class TextTopic(_Part):
    """A group of words that stand in the same parts of the text."""

    label: str = Field(description="Its heaviest words, as a name.")
    share: float = Field(ge=0, le=1, description="Its share of the text; the topics' shares sum to 1.")
    terms: list[TextTopicTerm] = Field(description="Its words, at most eight, heaviest first.")
    begin: int = Field(description="Where the passage that is most about it begins, in Unicode code points from 0.")
    end: int = Field(description="Where that passage ends, in Unicode code points: the position after its last one.")


class TextEntity(_Part):
    """Something that the text names."""

    text: str = Field(description="As it first stands in the text.")
    type: TextEntityType = Field(description="What it names.")
    score: float = Field(
        ge=0, le=1, description="How often what the rule finds is right, roughly, as measured; names score low."
    )
    begin: int = Field(description="Where it first stands in the text, in Unicode code points from 0.")
    end: int = Field(description=END)
    count: int = Field(ge=1, description="How often it stands in the text.")


class TextSummarySentence(_Part):
    """A sentence of the summary."""

    text: str = Field(description="The sentence as it stands in the text.")
    begin: int = Field(description=BEGIN)
    end: int = Field(description=END)
    score: float = Field(ge=0, le=1, description="How telling it is beside the most telling sentence, which is 1.")


class TextSummary(_Part):
    """The text's most telling sentences."""

    text: str = Field(description="The sentences, in the order of the text, with a space between them.")
    share: float = Field(ge=0, le=1, description="The summary's length as a share of the text's.")
    sentences: list[TextSummarySentence] = Field(description="The sentences, in the order of the text.")
