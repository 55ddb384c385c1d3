"""The interface of analyzers: a request type, a result type and `run`.

A built-in analyzer is a package of this one with an `ANALYZER`. An installed package adds one with an entry point of
the group `assay.analyzers` that names an `Analyzer`. The request and result types are pydantic models, whose fields all
have descriptions: the GraphQL schema is made from them, with their names in camelCase (`name_fields`). Analyzers import
nothing of the server, and `run` is called in a separate process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, Protocol, Self, TypeVar, get_args

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

# Controls of C0 and C1, line separators, lone surrogates, and the embeddings, overrides and isolates of bidirectional
# text: these change how a terminal or a page shows the text around them.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LINE_ENDS = re.compile("[\t ]*[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]\\s*|\t")
# Characters of a message to clients: an analyzer may put its whole input into an exception.
MESSAGE_CHARACTERS = 500


@lru_cache(maxsize=4096)
def camel(name: str) -> str:
    """Return `topWords` for `top_words`; digits stay as they are."""
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def names_of(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the names of a model's fields by their names in camelCase. Raises TypeError if two fields share one."""
    names = {camel(name): name for name in model.model_fields}
    if len(names) < len(model.model_fields):
        raise TypeError(f"two fields of {model.__name__} have the same name in camelCase")
    return names


def name_fields(*roots: type[BaseModel]) -> None:
    """Give all fields of these models, and of the models within them, their names in camelCase as aliases.

    Values are read by either name and dumped by alias; an alias that a field has already is still read.
    Pydantic's `alias_generator` would not do: it is applied while a class is created, and so leaves out the models of
    plug-ins, and it renames the fields of dataclasses and typed dicts too, which keep their names.
    Raises TypeError if two fields of a model get the same alias.
    """
    models: list[type[BaseModel]] = []
    for root in roots:
        _collect(root, models)
    differ = [_set_aliases(model) for model in models]
    if not any(differ):
        return
    for model in models:  # all before the first is rebuilt: a model is built from the schemas of its parts
        for built in ("__pydantic_core_schema__", "__pydantic_validator__", "__pydantic_serializer__"):
            if built in vars(model):
                delattr(model, built)
    for model in models:
        model.model_rebuild(force=True)


def _collect(annotation: Any, models: list[type[BaseModel]]) -> None:
    """Append the models in an annotation, and those in their fields."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        for each in get_args(annotation):
            _collect(each, models)
    elif annotation not in models:
        models.append(annotation)
        annotation.model_rebuild()  # if its annotations name classes that were defined after it
        for field in annotation.model_fields.values():
            _collect(field.annotation, models)


def _set_aliases(model: type[BaseModel]) -> bool:
    """Return whether an alias of the model differs from its field's name, or did."""
    differ = False
    for alias, name in names_of(model).items():
        field = model.model_fields[name]
        if alias != name or field.alias or field.validation_alias or field.serialization_alias:
            field.validation_alias = _choices(alias, field.validation_alias)
            field.alias = field.serialization_alias = alias
            differ = True
    for name, computed in model.model_computed_fields.items():
        computed.alias = camel(name)
        differ = True
    if differ:
        by_name = ConfigDict(validate_by_name=True, validate_by_alias=True, loc_by_alias=True)
        model.model_config = ConfigDict(**{**model.model_config, **by_name})
    return differ


def _choices(alias: str, given: str | AliasPath | AliasChoices | None) -> str | AliasChoices:
    """The clients' name comes first: an error of a missing field is located by the first choice."""
    others = given.choices if isinstance(given, AliasChoices) else [given]
    others = [each for each in others if each is not None and each != alias]
    return AliasChoices(alias, *others) if others else alias


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
    for a request that this install can't serve. A validator with `mode="before"` reads the clients' names.
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
        """Return the request without its content as JSON, with the clients' names and with defaults."""
        return request.model_dump_json(by_alias=True, exclude={self.content_field})


def clean(text: str, characters: int) -> str:
    """Return a message as one line of this length at most: blanks for line ends, U+FFFD for other controls.

    A terminal or page that shows the line obeys none of its characters, and every database can store it.
    """
    short = text if len(text) <= characters else text[: characters - 1] + "…"
    line = LINE_ENDS.sub(" ", short).strip()
    return CONTROLS.sub("�", line.encode("utf-8", "replace").decode())
