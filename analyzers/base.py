"""The parts of an analyzer: a request type, a result type and `run`.

A built-in analyzer is a package of this package with an `ANALYZER`; an installed package brings one by an entry point
of the group `assay.analyzers` that names an `Analyzer`. The request and result types are pydantic models, and every
field has a description: the GraphQL schema is made from them. Clients read the names of fields in camelCase
(`name_fields`). Nothing here knows the server, and `run` is called in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, Protocol, Self, TypeVar, get_args

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

# The longest message to clients, in characters: an analyzer may put its whole input into an exception.
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


class Choice(StrEnum):
    """An enum of a request or a result; each value has a description for clients.

    Written `KEYWORDS = "KEYWORDS", "The phrases that say most about the text."`.
    """

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member


class Request(BaseModel):
    """A client's request: one content field (`text` or `data`) and the options.

    Pydantic constraints are the bounds. A value outside them is refused before anything runs, as is a `text` with the
    character U+0000, which PostgreSQL can't store. A validator raises `PydanticCustomError("unsupported", …)` for a
    request that needs a package which is not installed. A validator with `mode="before"` reads the clients' names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Result(BaseModel):
    """The fields of every result. An analyzer adds its own fields in a subclass."""

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
    """The connection of `run` to its worker."""

    def progress(self, fraction: float, step: str | None = None) -> None:
        """Report progress: `fraction` from 0 to 1, a lower one than before being ignored, and `step` for people."""


class AnalysisFailure(Exception):
    """Raised by `run` to fail with a code of its choice instead of ANALYZER_FAILED.

    `code` is one of INPUT_UNREADABLE, INPUT_TOO_LARGE, UNSUPPORTED_FORMAT, ANALYZER_FAILED.
    `retryable` is true if another attempt could end differently.
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
    `memory_limit_mb` is the most address space of a process that runs the analyzer, in MiB; `prepare` is called once in
    each of these processes before the first `run`, to load models.
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
        """The name of the request's content field: `text` or `data`. All other fields are options."""
        fields = self.request.__pydantic_fields__  # ten times as fast as `model_fields`
        for name in ("text", "data"):
            if name in fields:
                return name
        raise TypeError(f"{self.request.__name__} has neither a field `text` nor a field `data`")

    def options_of(self, request: RequestT) -> str:
        """Return the request without its content as JSON, in the clients' spelling and with all defaults."""
        return request.model_dump_json(by_alias=True, exclude={self.content_field})


def clean(text: str, characters: int) -> str:
    """Return `text` cut to length, without lone surrogates and NUL, which UTF-8 or a database can't store."""
    short = text if len(text) <= characters else text[: characters - 1] + "…"
    return short.encode("utf-8", "replace").decode().replace("\0", "�")
