"""The run of all operations on one text, and the result's tags and summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzers.base import Job

from . import (
    entities,
    keywords,
    language,
    learnt_names,
    patterns,
    readability,
    sentiment,
    statistics,
    summary,
    tokens,
    topics,
    view,
)
from .codes import NAMES
from .results import (
    TextEntity,
    TextFormat,
    TextKeyword,
    TextLanguage,
    TextLanguageCandidate,
    TextOperation,
    TextSentiment,
    TextStatistics,
    TextSummary,
    TextTopic,
    TextUnavailable,
    TextUnavailableReason,
)
from .tokens import Document
from .view import View
from .vocabulary import stem, stop_words

KEYWORDS = 10
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "km", "my", "bo", "yue", "wuu"})
"""Languages whose texts are counted in characters, also with many words of another script."""
LONG = 20_000
"""Characters of a text from which progress is reported between the operations."""


@dataclass
class Found:
    """The parts of the result found so far."""

    view: View
    document: Document
    language_used: str | None = None
    reason: TextUnavailableReason = TextUnavailableReason.UNKNOWN_LANGUAGE
    statistics: TextStatistics | None = None
    language: TextLanguage | None = None
    sentiment: TextSentiment | None = None
    keywords: list[TextKeyword] | None = None
    topics: list[TextTopic] | None = None
    entities: list[TextEntity] | None = None
    summary: TextSummary | None = None
    unavailable: list[TextUnavailable] = field(default_factory=list)

    def lacks(self, operation: TextOperation, reason: TextUnavailableReason, message: str) -> None:
        self.unavailable.append(TextUnavailable(operation=operation, reason=reason, message=message))


def warm() -> None:
    """Load all models, word lists and patterns, which are otherwise loaded at first use."""
    import numpy as np

    np.linalg.eigh(np.eye(2))
    view.warm()
    tokens.warm()
    patterns.warm()
    language.warm()
    sentiment.warm()
    learnt_names.warm()
    stop_words("en")
    stem("en", "warming")


def analyze(read: View, wanted: Sequence[TextOperation], given: str | None, job: Job) -> Found:
    """Run the operations in the requested order. `given` is the request's language, or None to detect it."""
    document = Document(read.text)
    found = Found(read, document, language_used=given)
    candidates, reliable = language.detect(document.text)
    if candidates:
        if given is None and reliable:
            found.language_used = candidates[0][0]
        if TextOperation.LANGUAGE in wanted:
            found.language = _language(candidates, reliable)
    else:
        found.reason = TextUnavailableReason.NO_WORDS
    for done, operation in enumerate(wanted):
        if len(document.text) >= LONG:
            job.progress(done / len(wanted), operation.value.lower())
        _do(operation, found)
    _place(found)
    return found


def _place(found: Found) -> None:
    """Give the parts of the result their positions in the source, and their texts as written there."""
    read = found.view
    written = (*(found.keywords or ()), *(found.entities or ()), *(found.summary.sentences if found.summary else ()))
    for part in written:
        part.text = read.written(part.begin, part.end)
    for part in (*written, *(found.topics or ()), *(found.sentiment.sentences if found.sentiment else ())):
        part.begin, part.end = read.span(part.begin, part.end)
    if found.summary is not None:
        found.summary.text = " ".join(sentence.text for sentence in found.summary.sentences)
    if found.entities is not None and read.format is not TextFormat.PLAIN:
        entities.add_addresses(found.entities, read.source)


def _language(candidates: language.Candidates, reliable: bool) -> TextLanguage:
    shown = [
        TextLanguageCandidate(code=code, name=NAMES[code], score=round(score, 4))
        for code, score in candidates[: language.SHOWN]
    ]
    best = shown[0]
    return TextLanguage(code=best.code, name=best.name, score=best.score, reliable=reliable, candidates=shown)


def _do(operation: TextOperation, found: Found) -> None:
    document = found.document
    match operation:
        case TextOperation.LANGUAGE:
            if found.language is None:
                found.lacks(operation, TextUnavailableReason.NO_WORDS, "The text has no letters.")
        case TextOperation.STATISTICS:
            found.statistics = statistics.statistics(document, found.language_used, found.view.source)
            _say_what_statistics_lack(found)
        case TextOperation.ENTITIES:
            found.entities = entities.entities(document, found.language_used)
            if found.language_used is None and document.letters:
                message = "The language is unknown: only dates, amounts and addresses were searched, not names."
                found.lacks(operation, found.reason, message)
            elif found.language_used not in {None, "en"}:
                message = (
                    f"Names are found in English only, not in {_name(found)}. Dates, amounts and addresses are listed."
                )
                found.lacks(operation, TextUnavailableReason.UNSUPPORTED_LANGUAGE, message)
        case _:
            if (code := _readable_language(operation, found)) is not None:
                _do_by_language(operation, found, code)


def _readable_language(operation: TextOperation, found: Found) -> str | None:
    """Return the language for an operation that needs one. None, with the reason recorded, if it can't use it."""
    code, document = found.language_used, found.document
    unsupported = TextUnavailableReason.UNSUPPORTED_LANGUAGE
    if operation is TextOperation.SENTIMENT and not document.letters and sentiment.has_emoji(document.text):
        return code or ""
    if code is None:
        message = (
            "The text has no letters."
            if found.reason is TextUnavailableReason.NO_WORDS
            else "The text's language can't be detected reliably: set `language` if you know it."
        )
        found.lacks(operation, found.reason, message)
    elif operation is TextOperation.SENTIMENT and code != "en":
        found.lacks(operation, unsupported, f"Sentiment is found in English only, not in {_name(found)}.")
    elif operation is TextOperation.SENTIMENT:
        return code
    elif not document.spaced and (operation is not TextOperation.SUMMARY or not document.ended):
        message = f"The text's script has no spaces between words: {_subject(operation)} can't be found."
        found.lacks(operation, unsupported, message)
    elif document.spaced and not stop_words(code):
        message = f"There is no list of stop words for {_name(found)}: {_subject(operation)} need one."
        found.lacks(operation, unsupported, message)
    else:
        return code
    return None


def _do_by_language(operation: TextOperation, found: Found, code: str) -> None:
    document = found.document
    too_short = TextUnavailableReason.TEXT_TOO_SHORT
    if operation is TextOperation.SENTIMENT:
        if document.words or not document.text.isascii():
            found.sentiment = sentiment.sentiment(document)
        else:
            found.lacks(operation, TextUnavailableReason.NO_WORDS, "The text has no words.")
    elif operation is TextOperation.KEYWORDS:
        found.keywords = _keywords(document, code) or None
        if found.keywords is None:
            found.lacks(operation, too_short, "The text has only stop words and numbers.")
    elif operation is TextOperation.TOPICS:
        found.topics = topics.topics(document, code)
        if found.topics is None:
            message = f"Topics need at least {topics.LEAST_PASSAGES} sentences with words in common."
            found.lacks(operation, too_short, message)
    else:
        found.summary = summary.summary(document, code)
        if found.summary is None:
            message = f"A summary needs at least {summary.LEAST_SENTENCES} suitable sentences."
            found.lacks(operation, too_short, message)


def _keywords(document: Document, code: str) -> list[TextKeyword]:
    best = keywords.phrases(document, code)[:KEYWORDS]
    top = best[0].weight if best else 1.0
    return [
        TextKeyword(
            text=document.text[phrase.span[0] : phrase.span[1]],
            score=round(phrase.weight / top, 4),
            begin=phrase.span[0],
            end=phrase.span[1],
            count=phrase.count,
        )
        for phrase in best
    ]


def _say_what_statistics_lack(found: Found) -> None:
    counted = found.statistics
    if counted is None or counted.words == 0:
        return
    operation = TextOperation.STATISTICS
    if counted.words is None:
        message = "The text's script has no spaces between words: word counts, averages and readability are null."
        found.lacks(operation, TextUnavailableReason.UNSUPPORTED_LANGUAGE, message)
    elif found.language_used is None:
        message = "The language is unknown: syllables and the formulas that need them are null."
        found.lacks(operation, found.reason, message)
    elif counted.readability is None:
        message = f"Readability needs at least {readability.LEAST_WORDS} words."
        found.lacks(operation, TextUnavailableReason.TEXT_TOO_SHORT, message)
    elif counted.readability.reading_ease is None:
        message = f"There is no reading ease formula for {_name(found)}: readability has LIX only."
        found.lacks(operation, TextUnavailableReason.UNSUPPORTED_LANGUAGE, message)


def _name(found: Found) -> str:
    code = found.language_used or ""
    return NAMES.get(code, code)


def _subject(operation: TextOperation) -> str:
    return "summaries" if operation is TextOperation.SUMMARY else operation.value.lower()


def tags(found: Found) -> list[str]:
    """Return the sentiment, the language and the three best key phrases, in lower case."""
    labels: list[str] = []
    if found.sentiment is not None:
        labels.append(found.sentiment.label.value.lower())
    if found.language is not None and found.language.reliable:
        labels.append(found.language.name.lower())
    phrases = [keyword.text for keyword in found.keywords or ()] or [
        topic.terms[0].text for topic in found.topics or ()
    ]
    labels.extend(" ".join(phrase.lower().split())[:60] for phrase in phrases[:3])
    return list(dict.fromkeys(labels))


def sentence(found: Found) -> str:
    """Return one sentence that sums up the result's parts."""
    document = found.document
    if document.spaced and found.language_used not in UNSPACED_LANGUAGES:
        count = len(document.words)
        said = f"{count:,} {'word' if count == 1 else 'words'}"
    else:
        said = f"{len(found.view.plain):,} characters"
    if found.language_used is not None:
        said += f" in {_name(found)}"
    if found.sentiment is not None:
        said += f", {found.sentiment.label.value.lower()} ({found.sentiment.score:+.2f})"
    phrases = [" ".join(keyword.text.split())[:60] for keyword in (found.keywords or [])[:3]]
    if phrases:
        said += ", mostly about " + (", ".join(phrases[:-1]) + " and " if len(phrases) > 1 else "") + phrases[-1]
    if found.entities:
        said += f", {len(found.entities):,} {'entity' if len(found.entities) == 1 else 'entities'}"
    if found.topics:
        said += f", {len(found.topics)} {'topic' if len(found.topics) == 1 else 'topics'}"
    return said + "."
