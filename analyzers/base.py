"""The interface of analyzers: a request type, a result type and `run`.

A built-in analyzer is a package of this one with an `ANALYZER`. An installed package adds one with an entry point of
the group `assay.analyzers` that names an `Analyzer`. The request and result types are pydantic models, whose fields all
have descriptions: the GraphQL schema is made from them. Analyzers import nothing of the server, and `run` is called in
a separate process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

# Characters of a message to clients: an analyzer may put its whole input into an exception.
MESSAGE_CHARACTERS = 500


class AnalysisErrorCode(StrEnum):
    """Causes for which an analysis did not complete. An analyzer may fail with one of the first four."""

    INPUT_UNREADABLE = "INPUT_UNREADABLE"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    ANALYZER_FAILED = "ANALYZER_FAILED"
    WORKER_LOST = "WORKER_LOST"
    MEMORY_EXCEEDED = "MEMORY_EXCEEDED"
    TIMED_OUT = "TIMED_OUT"
    CANCELED = "CANCELED"


class Choice(StrEnum):
    """An enum of a request or result. Each value has a description for clients.

    Example: `KEYWORDS = "KEYWORDS", "The most important phrases of the text."`.
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Request(BaseModel):
    """The input of an analysis: one content field (`text` or `data`) and the options.

    Pydantic constraints set the bounds. The server refuses a value outside them before the analysis, and also a `text`
    with the character U+0000, which PostgreSQL can't store. A validator raises `PydanticCustomError("unsupported", …)`
    for a request that this install can't serve.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(BaseModel):
    """The fields of all results. An analyzer's subclass adds its own."""

    model_config = ConfigDict(extra="forbid")

    score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Main score of the analyzer, from 0 to 1. Analyzer.scoreMeaning defines the meaning.",
    )
    tags: list[str] = Field(default_factory=list, description="Short lower-case labels, most relevant first.")
    summary: str = Field(description="One-sentence summary of the result.")


class Job(Protocol):
    """The running analysis, as `run` sees it."""

    def progress(self, fraction: float, step: str | None = None) -> None:
        """Report progress: `fraction` from 0 to 1, where lower values than before are ignored, and `step` for users."""


class AnalysisFailure(Exception):
    """Raised by `run` to fail the analysis with a chosen code. Other exceptions fail it with ANALYZER_FAILED.

    `code`: INPUT_UNREADABLE, INPUT_TOO_LARGE, UNSUPPORTED_FORMAT or ANALYZER_FAILED. `retryable`: whether another
    attempt may succeed.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(code, message, retryable)
        self.code = code
        self.message = message
        self.retryable = retryable


RequestT = TypeVar("RequestT", bound=Request)
ResultT = TypeVar("ResultT", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer(Generic[RequestT, ResultT]):
    """An analyzer. `AnalysisRequest` has a field of its name; its result type implements `AnalysisResult`.

    `name` is a GraphQL name in camelCase. `version` must change when the same input gives another result.
    `memory_limit_mb` limits the address space of a process that runs the analyzer, in MiB. `prepare` loads models; it
    is called once in each of these processes, before the first `run`.
    """

    name: str
    version: str
    description: str
    request: type[RequestT]
    result: type[ResultT]
    run: Callable[[RequestT, Job], ResultT]
    score_meaning: str | None = None
    media_types: tuple[str, ...] = ()
    memory_limit_mb: int = 4096
    prepare: Callable[[], None] | None = None

    @property
    def content_field(self) -> str:
        """Return the request's content field, `text` or `data`. The other fields are options. Raises TypeError."""
        fields = self.request.__pydantic_fields__  # ten times as fast as `model_fields`
        for name in ("text", "data"):
            if name in fields:
                return name
        raise TypeError(f"{self.request.__name__} has neither a field `text` nor a field `data`")

    def options_of(self, request: RequestT) -> str:
        """Return the request without its content as JSON, with defaults."""
        return request.model_dump_json(exclude={self.content_field})


def clean(text: str, characters: int) -> str:
    """Return `text` cut to length, without lone surrogates and NUL, which not every database can store."""
    short = text if len(text) <= characters else text[: characters - 1] + "…"
    return short.encode("utf-8", "replace").decode().replace("\0", "�")
