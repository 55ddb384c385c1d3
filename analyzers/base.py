"""What an analyzer is: a request type, a result type and `run`, in one file.

A built-in analyzer is a package of this package that holds `ANALYZER`; an installed package brings one
by an entry point of the group `assay.analyzers` that names an `Analyzer`. The request and result types
are pydantic models, and every field of them has a description: the GraphQL schema is made from them,
so they are what clients see. Nothing here knows the server, and `run` is called in a process of its own.
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
    """An enum of a request or a result, each value with the description that clients see.

    Written `KEYWORDS = "KEYWORDS", "The phrases that say most about the text."`.
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Request(BaseModel):
    """What a client hands in: one content field (`text` or `data`) and the options.

    Pydantic constraints are the bounds; a value outside them is refused before anything runs, and so is a `text` with
    the character U+0000 in it, which PostgreSQL can't keep.
    A validator that raises `PydanticCustomError("unsupported", …)` says that this install can't do it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(BaseModel):
    """What every result has. An analyzer's own fields come on top, in a subclass."""

    model_config = ConfigDict(extra="forbid")

    score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The analyzer's headline figure, from 0 to 1. Its analyzer's scoreMeaning says what it stands for.",
    )
    tags: list[str] = Field(default_factory=list, description="Short labels, lower case, most telling first.")
    summary: str = Field(description="One sentence that sums the result up.")


class Job(Protocol):
    """What `run` may tell the outside while it works."""

    def progress(self, fraction: float, step: str | None = None) -> None:
        """Say how far the work has come: `fraction` from 0 to 1 (it never goes back), `step` in a person's words."""


class AnalysisFailure(Exception):
    """Raised by `run` to fail with a code of its choice instead of ANALYZER_FAILED.

    `code` is one of INPUT_UNREADABLE, INPUT_TOO_LARGE, UNSUPPORTED_FORMAT, ANALYZER_FAILED.
    `retryable` says whether another try could end differently.
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
    """One analyzer: its name becomes a field of `AnalysisRequest`, its result an implementation of `AnalysisResult`.

    `name` is a GraphQL name in camelCase; `version` changes whenever the same input would give another result.
    `memory_limit_mb` is the address space that one process running it may take, in MiB; `prepare` is called
    once in each such process before the first `run`, to load models.
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
        """The request's field that holds what is analyzed: `text` or `data`; the other fields are its options."""
        fields = self.request.__pydantic_fields__  # `model_fields` takes ten times as long to get at
        for name in ("text", "data"):
            if name in fields:
                return name
        raise TypeError(f"{self.request.__name__} has neither a field `text` nor a field `data`")

    def options_of(self, request: RequestT) -> str:
        """The request without its content, as JSON, defaults filled in."""
        return request.model_dump_json(exclude={self.content_field})


def clean(text: str, characters: int) -> str:
    """`text` cut to length, without what neither UTF-8 nor every database can hold."""
    short = text if len(text) <= characters else text[: characters - 1] + "…"
    return short.encode("utf-8", "replace").decode().replace("\0", "�")
