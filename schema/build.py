"""The whole schema, for a set of analyzers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.tools import merge_types

from analyzers.base import Analyzer as AnalyzerValue
from execution.strawberry_parts import core_schema
from resolvers import nodes as resolve
from schema.analyses import AnalysisMutation, AnalysisQuery, AnalysisSubscription
from schema.analyzer_types import AnalyzerTypes
from schema.analyzers import UntypedResult
from schema.batches import BatchMutation, BatchQuery, BatchSubscription
from schema.common import Id, Info, Node
from schema.controls import QueueMutation, QueueQuery
from schema.events import AnalysisEvent, BatchEvent, EventQuery, EventsEndFirst, EventSubscription
from schema.metrics import MetricsQuery, MetricsSubscription
from schema.retention import RetentionQuery
from schema.scalars import SCALARS
from schema.submissions import submission_mutation


@strawberry.type
class NodeQuery:
    @strawberry.field(description="Anything by its id; null where there is none, or it is not the caller's to see.")
    async def node(self, info: Info, id: Id) -> Node | None:
        return await resolve.node(info.context, id)

    @strawberry.field(
        description="One place in the answer for each id, in order; null where there is nothing to see. At most 100."
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Up to 100 ids.")]
    ) -> list[Node | None]:
        return await resolve.nodes(info.context, ids)


_QUERIES = (NodeQuery, AnalysisQuery, BatchQuery, EventQuery, QueueQuery, RetentionQuery, MetricsQuery)
_SUBSCRIPTIONS = (EventSubscription, AnalysisSubscription, BatchSubscription, MetricsSubscription)


def fit(
    analyzers: Mapping[str, AnalyzerValue[Any, Any]],
) -> tuple[strawberry.Schema, dict[str, AnalyzerValue[Any, Any]], dict[str, str]]:
    """The schema of those analyzers that fit into it together, these analyzers, and why the others don't, by name.

    Where names collide, the earlier analyzer has them. Raises what is wrong where none fits.
    """
    try:
        return build_schema(analyzers), dict(analyzers), {}
    except Exception:
        if len(analyzers) < 2:
            raise
    schema: strawberry.Schema | None = None
    fitting: dict[str, AnalyzerValue[Any, Any]] = {}
    failures: dict[str, str] = {}
    for name, analyzer in analyzers.items():
        try:
            schema = build_schema({**fitting, name: analyzer})
        except Exception as error:
            there = set() if schema is None else set(core_schema(schema).type_map)
            failures[name] = _reason(error, analyzer, fitting, there)
        else:
            fitting[name] = analyzer
    if schema is None:
        raise TypeError(f"no analyzer fits into the schema: {failures}")
    return schema, fitting, failures


def _reason(error: Exception, analyzer: AnalyzerValue[Any, Any], fitting: Mapping[str, Any], there: set[str]) -> str:
    """Why an analyzer does not fit in beside those that do, whose schema has types of the names `there`."""
    said = f"{type(error).__name__}: {error}"
    try:
        own = AnalyzerTypes({analyzer.name: analyzer}).made.keys() - AnalyzerTypes(fitting).made.keys()
    except Exception:
        return said
    taken = sorted({model.__name__ for model in own} & there)
    return f"other types are named {', '.join(taken)} already" if taken else said


def build_schema(analyzers: Mapping[str, AnalyzerValue[Any, Any]]) -> strawberry.Schema:
    """The schema in which each of these analyzers has its field of `AnalysisRequest` and its result type.

    Raises TypeError, or what Strawberry does, for one whose types can't be in it, by their form or by their names.
    """
    made = AnalyzerTypes(analyzers)
    query = merge_types("Query", _QUERIES)
    mutations = (submission_mutation(made.request), AnalysisMutation, BatchMutation, QueueMutation)
    mutation = merge_types("Mutation", mutations)
    subscription = merge_types("Subscription", _SUBSCRIPTIONS)
    for root, about in (
        (query, "What can be read."),
        (mutation, "What can be done."),
        (subscription, "What can be watched, over WebSocket with the subprotocol graphql-transport-ws."),
    ):
        root.__strawberry_definition__.description = about  # type: ignore[attr-defined]
    schema = strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[AnalysisEvent, BatchEvent, UntypedResult, *made.results],
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[EventsEndFirst],
    )
    _check_names(core_schema(schema), [*made.made.values(), made.request, UntypedResult])
    _finish(core_schema(schema))
    return schema


def _check_names(schema: GraphQLSchema, expected: Iterable[Any]) -> None:
    """Raise TypeError where a type was taken for another one of its name, which Strawberry does not always see."""
    for each in expected:
        definition = each.__strawberry_definition__
        found = schema.type_map.get(definition.name)
        if found is None or found.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) is not definition:
            raise TypeError(f"another type is named {definition.name}")


def _finish(schema: GraphQLSchema) -> None:
    """Say what Strawberry leaves unsaid: that a @oneOf input is one, and that what defaults to null has no default."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            type_.is_one_of = getattr(definition, "is_one_of", False)
            _drop_null_defaults(type_.fields.values())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                _drop_null_defaults(field.args.values())


def _drop_null_defaults(values: Iterable[GraphQLArgument | GraphQLInputField]) -> None:
    for value in values:
        if value.default_value is None:
            value.default_value = Undefined


def print_sdl(schema: strawberry.Schema) -> str:
    """The schema in print."""
    return schema.as_str() + "\n"
