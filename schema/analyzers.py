"""Analyzers in the schema, and the fields common to all results. The other types: `schema.analyzer_types`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson
import strawberry
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from analyzers.base import Analyzer as AnalyzerValue
from analyzers.base import Result
from execution.lasting import lasting
from resolvers.analyses import StoredResult, result_data
from schema.common import Node
from schema.scalars import JSON


@strawberry.type(description="An analyzer installed on this server.")
class Analyzer(Node):
    @strawberry.field(description="Global id, `analyzer_` followed by the name.")
    def id(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> strawberry.ID:
        return strawberry.ID(f"analyzer_{root.name}")

    name: str = strawberry.field(description='Name of the analyzer\'s field in AnalysisRequest: "text", "image".')
    description: str = strawberry.field(description="Description of the computation.")
    version: str = strawberry.field(
        description="Version. Changes whenever the same input would give a different result."
    )
    score_meaning: str | None = strawberry.field(
        description="Meaning of AnalysisResult.score. Null if the analyzer gives no score."
    )
    media_types: list[str] = strawberry.field(description="Accepted media types. Empty if the analyzer takes no file.")

    @strawberry.field(description="JSON Schema of the options.")
    def options_schema(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> JSON:
        return JSON(options_schema(root.request, root.content_field))

    @strawberry.field(
        description=(
            "JSON Schema of the analyzer's request, with titles, defaults and bounds: the source of input forms."
        )
    )
    def request_schema(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> JSON:
        return JSON(root.request.model_json_schema(schema_generator=_GenerateSchema))

    @strawberry.field(
        description=(
            "JSON Schema of the analyzer's result, with `x-assay` hints: the source of the display of unknown result "
            "types."
        )
    )
    def result_schema(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> JSON:
        return JSON(root.result.model_json_schema(schema_generator=_GenerateSchema, mode="serialization"))

    @strawberry.field(description="Name of the result type, an implementation of AnalysisResult.")
    def result_type_name(root: strawberry.Parent[AnalyzerValue[Any, Any]]) -> str:
        return root.result.__name__

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, AnalyzerValue)


@strawberry.interface(
    description=(
        "Fields common to all results. Each analyzer adds its own type that implements this interface (TextResult, …)."
    )
)
class AnalysisResult:
    score: float | None = strawberry.field(
        description=("Main score of the analyzer, from 0 to 1. Analyzer.scoreMeaning defines the meaning.")
    )
    tags: list[str] = strawberry.field(description="Short lower-case labels, most relevant first.")
    summary: str = strawberry.field(description="One-sentence summary of the result.")

    @classmethod
    def resolve_type(cls, value: object, _info: object, _type: object) -> str:
        return UntypedResult.__name__ if isinstance(value, StoredResult) else type(value).__name__

    @strawberry.field(
        description="Complete result as JSON, for clients without support for the concrete type.", metadata=lasting()
    )
    def data(root: strawberry.Parent[Result]) -> JSON:
        return JSON(result_data(root))


@strawberry.type(
    description=(
        "Result without a type of its own: its analyzer, or the analyzer version that produced the "
        "result, is no longer installed on this server."
    )
)
class UntypedResult(AnalysisResult):
    @strawberry.field(
        description="Main score of the analyzer, from 0 to 1. Null if the analyzer gave no score.", metadata=lasting()
    )
    def score(root: strawberry.Parent[StoredResult]) -> float | None:
        return orjson.loads(root.json).get("score")

    @strawberry.field(description="Short labels given by the analyzer.", metadata=lasting())
    def tags(root: strawberry.Parent[StoredResult]) -> list[str]:
        return orjson.loads(root.json).get("tags", [])

    @strawberry.field(description="Summary given by the analyzer.", metadata=lasting())
    def summary(root: strawberry.Parent[StoredResult]) -> str:
        return orjson.loads(root.json).get("summary", "")

    @strawberry.field(description="Complete result as JSON.", metadata=lasting())
    def data(root: strawberry.Parent[StoredResult]) -> JSON:
        return JSON(root.data)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, StoredResult)


class _GenerateSchema(GenerateJsonSchema):
    def get_title_from_name(self, name: str) -> str:
        """Return "Top Words" for `topWords`."""
        return super().get_title_from_name(re.sub("(?=[A-Z])", " ", name))


def options_schema(request: type[BaseModel], content_field: str) -> dict[str, Any]:
    """Return the JSON Schema of a request without its content, in the clients' spelling."""
    schema = request.model_json_schema(schema_generator=_GenerateSchema)
    definitions = schema.pop("$defs", {})
    for each in (schema, *definitions.values()):
        if "properties" in each:
            each.setdefault("required", [])
    del schema["properties"][content_field]
    schema["title"] = f"{request.__name__} options"
    schema["required"] = [name for name in schema["required"] if name != content_field]
    if used := _definitions_of(schema, definitions):
        schema["$defs"] = used
    return schema


def _definitions_of(schema: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that a schema refers to, directly or through one another."""
    used: dict[str, Any] = {}
    waiting = [schema]
    while waiting:
        for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(waiting.pop())):
            if name not in used:
                used[name] = definitions[name]
                waiting.append(used[name])
    return used
