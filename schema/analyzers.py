"""Analyzers in the schema, and the fields of every result. Each analyzer's own types: `schema.analyzer_types`."""

from __future__ import annotations

from typing import Any

import orjson
import strawberry

from analyzers.base import Analyzer as AnalyzerValue
from analyzers.base import Result
from resolvers.analyses import StoredResult
from resolvers.names import options_schema, untyped, write_model
from schema.common import Node
from schema.scalars import JSON


@strawberry.type(description="An analyzer that this server has.")
class Analyzer(Node):
    @strawberry.field(description="`analyzer_` and its name.")
    def id(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> strawberry.ID:
        return strawberry.ID(f"analyzer_{root.name}")

    name: str = strawberry.field(description='Its field in AnalysisRequest: "text", "image".')
    description: str = strawberry.field(description="What it computes.")
    version: str = strawberry.field(description="Changes whenever the same input would give another result.")
    score_meaning: str | None = strawberry.field(description="What its score stands for; null where it gives none.")
    media_types: list[str] = strawberry.field(
        description="The media types that it reads; empty where it takes no file."
    )

    @strawberry.field(description="JSON Schema of its options.")
    def options_schema(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> JSON:
        return JSON(options_schema(root.request, root.content_field))

    @strawberry.field(description="The type of its results, an implementation of AnalysisResult.")
    def result_type_name(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> str:
        return root.result.__name__

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, AnalyzerValue)


@strawberry.interface(
    description=("What every result has; each analyzer adds a type of its own that implements it (TextResult, …).")
)
class AnalysisResult:
    score: float | None = strawberry.field(
        description=(
            "The analyzer's headline figure, from 0 to 1. Its analyzer's scoreMeaning says what it stands for."
        )
    )
    tags: list[str] = strawberry.field(description="Short labels, lower case, most telling first.")
    summary: str = strawberry.field(description="One sentence that sums the result up.")

    @strawberry.field(description="The whole result as JSON, for clients that don't know its type.")
    def data(root: strawberry.Parent[Result]) -> JSON:
        return JSON(write_model(root))


@strawberry.type(
    description=(
        "A result of an analyzer that this server does not have any more, or not in the version that made it: "
        "what every result has, and the rest as JSON."
    )
)
class UntypedResult(AnalysisResult):
    @strawberry.field(description="As the analyzer gave it, if it did.")
    def score(root: strawberry.Parent[StoredResult]) -> float | None:
        return orjson.loads(root.json).get("score")

    @strawberry.field(description="As the analyzer gave them.")
    def tags(root: strawberry.Parent[StoredResult]) -> list[str]:
        return orjson.loads(root.json).get("tags", [])

    @strawberry.field(description="As the analyzer gave it.")
    def summary(root: strawberry.Parent[StoredResult]) -> str:
        return orjson.loads(root.json).get("summary", "")

    @strawberry.field(description="The whole result as JSON.")
    def data(root: strawberry.Parent[StoredResult]) -> JSON:
        return JSON(untyped(orjson.loads(root.json)))

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, StoredResult)
