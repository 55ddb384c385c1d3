"""The complete schema for a set of analyzers."""

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

from analyzers.base import MESSAGE_CHARACTERS, clean
from analyzers.base import Analyzer as AnalyzerValue
from execution.strawberry_parts import AT_ONCE, core_schema
from resolvers import subjects as resolve
from schema.access import VIEWER
from schema.accounts import AccountQuery
from schema.administration import AdministrationMutation
from schema.alerts import AlertEvent
from schema.analyses import AnalysisEvent, AnalysisMutation, AnalysisQuery, AnalysisSubscription
from schema.analyzer_types import AnalyzerTypes
from schema.analyzers import UntypedResult
from schema.api_keys import ApiKeyMutation
from schema.audit import AuditQuery
from schema.batches import BatchEvent, BatchMutation, BatchQuery, BatchSubscription
from schema.bulk_actions import BulkActionEvent, BulkActionMutation
from schema.common import NOUNS, Info, Node
from schema.controls import QueueEvent, QueueMutation, QueueQuery
from schema.error_groups import ErrorGroupQuery
from schema.events import EventQuery, EventSubscription
from schema.history import HistoryQuery
from schema.metrics import MetricsQuery, MetricsSubscription
from schema.rate_limit import RateLimitQuery
from schema.retention import RetentionQuery
from schema.scalars import SCALARS
from schema.server import ServerQuery
from schema.sign_ins import SignInMutation
from schema.submissions import submission_mutation


@strawberry.type
class NodeQuery:
    @strawberry.field(
        directives=VIEWER,
        description="Returns an object by id. Null if the object does not exist or is not visible to the caller.",
        metadata=AT_ONCE,
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Global id.")]
    ) -> Node | None:
        return await resolve.node(info.context, id)

    @strawberry.field(
        directives=VIEWER,
        description=(
            "Returns one entry per id, in the same order. An entry is null if its object does not exist or is "
            "not visible to the caller."
        ),
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 ids.")]
    ) -> list[Node | None]:
        return await resolve.nodes(info.context, ids)


_QUERIES = (
    NodeQuery,
    AnalysisQuery,
    BatchQuery,
    ErrorGroupQuery,
    EventQuery,
    QueueQuery,
    RetentionQuery,
    MetricsQuery,
    ServerQuery,
    RateLimitQuery,
    HistoryQuery,
    AccountQuery,
    AuditQuery,
)
_MUTATIONS = (
    AnalysisMutation,
    BatchMutation,
    BulkActionMutation,
    QueueMutation,
    SignInMutation,
    AdministrationMutation,
    ApiKeyMutation,
)
_SUBSCRIPTIONS = (
    EventSubscription,
    AnalysisSubscription,
    BatchSubscription,
    MetricsSubscription,
)
_EVENTS = (
    AlertEvent,
    AnalysisEvent,
    BatchEvent,
    BulkActionEvent,
    QueueEvent,
)


def fit(
    analyzers: Mapping[str, AnalyzerValue[Any, Any]],
) -> tuple[strawberry.Schema, dict[str, AnalyzerValue[Any, Any]], dict[str, str]]:
    """Build the schema of all analyzers that fit into it together.

    Returns the schema, its analyzers, and the reasons for the absence of the others, both by the analyzer's name. Of
    two analyzers with types of the same name, the earlier one is in the schema. Raises TypeError, or Strawberry's
    error, if no analyzer fits.
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
    """Return why an analyzer does not fit beside `fitting`, whose schema has types with the names `there`."""
    said = clean(f"{type(error).__name__}: {error}", MESSAGE_CHARACTERS)
    try:
        own = AnalyzerTypes({analyzer.name: analyzer}).made.keys() - AnalyzerTypes(fitting).made.keys()
    except Exception:
        return said
    taken = sorted({model.__name__ for model in own} & there)
    return f"other types are named {', '.join(taken)} already" if taken else said


def build_schema(analyzers: Mapping[str, AnalyzerValue[Any, Any]]) -> strawberry.Schema:
    """Build the schema in which each of these analyzers has a field of `AnalysisRequest` and a result type.

    Raises TypeError, or Strawberry's error, for an analyzer with types that GraphQL can't express or with a type name
    that is already taken.
    """
    made = AnalyzerTypes(analyzers)
    query = merge_types("Query", _QUERIES)
    mutation = merge_types("Mutation", (submission_mutation(made.request), *_MUTATIONS))
    subscription = merge_types("Subscription", _SUBSCRIPTIONS)
    for root, about in (
        (query, "Root query type."),
        (mutation, "Root mutation type."),
        (
            subscription,
            "Root subscription type. Served over WebSocket (graphql-transport-ws) and as server-sent events.",
        ),
    ):
        root.__strawberry_definition__.description = about  # type: ignore[attr-defined]
    schema = strawberry.Schema(
        query=query,
        mutation=mutation,
        subscription=subscription,
        types=[*_EVENTS, UntypedResult, *made.results],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _check_names(core_schema(schema), [*made.made.values(), made.request, UntypedResult])
    _finish(core_schema(schema))
    return schema


def _check_names(schema: GraphQLSchema, expected: Iterable[Any]) -> None:
    """Raise TypeError if the schema has another type under an expected name: Strawberry does not always notice."""
    for each in expected:
        definition = each.__strawberry_definition__
        found = schema.type_map.get(definition.name)
        if found is None or found.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) is not definition:
            raise TypeError(f"another type is named {definition.name}")


def _finish(schema: GraphQLSchema) -> None:
    """Complete Strawberry's types: mark @oneOf inputs, drop defaults of null, name the nodes of pages.

    Also describe the arguments of directives.
    """
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType):
            definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            type_.is_one_of = getattr(definition, "is_one_of", False)
            _drop_null_defaults(type_.fields.values())
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field in type_.fields.values():
                _drop_null_defaults(field.args.values())
            _name_nodes(type_)
    for directive in schema.directives:
        definition = directive.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        for field in getattr(definition, "fields", ()):
            directive.args[field.name].description = field.description


def _drop_null_defaults(values: Iterable[GraphQLArgument | GraphQLInputField]) -> None:
    for value in values:
        if value.default_value is None:
            value.default_value = Undefined


def _name_nodes(type_: GraphQLObjectType | GraphQLInterfaceType) -> None:
    """Fill the nouns of the node type into the descriptions of an edge or a connection."""
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    # The second map is that of a subclass of `Connection[Analysis]`.
    maps = (getattr(definition, name, None) or {} for name in ("type_var_map", "specialized_type_var_map"))
    node: Any = next((each["NodeT"] for each in maps if "NodeT" in each), None)
    if node is None:
        return
    article, noun, plural = NOUNS[node.__strawberry_definition__.name]
    for described in (type_, *type_.fields.values()):
        described.description = (described.description or "").format(
            A=article, node=noun, nodes=plural, Nodes=plural[0].upper() + plural[1:]
        )


def print_sdl(schema: strawberry.Schema) -> str:
    """Return the schema as SDL."""
    return schema.as_str() + "\n"
