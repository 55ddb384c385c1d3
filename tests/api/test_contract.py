"""The printed schema keeps the contract, describes everything, and bounds every list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)
from graphql.utilities import ast_from_value

from tests.support import SCHEMA

CONTRACT = build_schema(Path(__file__).with_name("contract.graphql").read_text())
SERVED = build_schema(SCHEMA.read_text())

Fielded = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType


def default_of(value: object, type_: object) -> str:
    """Return the default as in a printed schema; empty if there is none or it is null."""
    if value is Undefined or value is None:
        return ""
    literal = ast_from_value(value, type_)  # type: ignore[arg-type]
    return "" if literal is None else f" = {print_ast(literal)}"


def coordinates(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield the coordinate of each element of the schema, with the properties that clients rely on."""
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield name, type(type_).__name__
        if isinstance(type_, GraphQLScalarType):
            yield f"{name} @specifiedBy", type_.specified_by_url or ""
        elif isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{value}", "value") for value in type_.values)
        elif isinstance(type_, GraphQLInputObjectType):
            yield f"{name} @oneOf", str(type_.is_one_of)
            for field, given in type_.fields.items():
                yield f"{name}.{field}", f"{given.type}{default_of(given.default_value, given.type)}"
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{name} implements {each.name}", "") for each in type_.interfaces)
            for field, found in type_.fields.items():
                yield f"{name}.{field}", str(found.type)
                for argument, taken in found.args.items():
                    yield (
                        f"{name}.{field}({argument}:)",
                        f"{taken.type}{default_of(taken.default_value, taken.type)}",
                    )


KEPT = dict(coordinates(CONTRACT))
FOUND = dict(coordinates(SERVED))


@pytest.mark.parametrize("name", sorted(KEPT.keys() & CONTRACT.type_map.keys()))
def test_the_contract_is_kept(name: str) -> None:
    mine = {each: what for each, what in KEPT.items() if each == name or each.startswith((f"{name}.", f"{name} "))}
    if "BigInt @specifiedBy" in mine:  # not part of the contract
        mine["BigInt @specifiedBy"] = FOUND["BigInt @specifiedBy"]
    assert {each: FOUND.get(each) for each in mine} == mine


def test_additions_to_the_contract_are_optional() -> None:
    required = [
        each
        for each, what in FOUND.items()
        if each not in KEPT and what.endswith("!") and ("(" in each or is_input(each)) and parent_of(each) in KEPT
    ]
    assert required == []


def parent_of(coordinate: str) -> str:
    return coordinate.partition("(")[0] if "(" in coordinate else coordinate.partition(".")[0]


def is_input(coordinate: str) -> bool:
    return isinstance(SERVED.type_map.get(coordinate.partition(".")[0]), GraphQLInputObjectType)


def test_the_roots_are_those_of_the_contract() -> None:
    for schema in (CONTRACT, SERVED):
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        assert [root and root.name for root in roots] == ["Query", "Mutation", "Subscription"]


def test_every_mutation_has_one_input_and_a_payload_with_user_errors() -> None:
    assert SERVED.mutation_type is not None
    for name, field in SERVED.mutation_type.fields.items():
        capital = name[0].upper() + name[1:]
        assert {argument: str(taken.type) for argument, taken in field.args.items()} == {"input": f"{capital}Input!"}
        assert str(field.type) == f"{capital}Payload!"
        payload = SERVED.type_map[f"{capital}Payload"]
        assert isinstance(payload, GraphQLObjectType)
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"


def test_everything_has_a_description() -> None:
    bare = []
    for name, type_ in SERVED.type_map.items():
        if is_introspection_type(type_):
            continue
        if not type_.description:
            bare.append(name)
        if isinstance(type_, GraphQLEnumType):
            bare += [f"{name}.{value}" for value, each in type_.values.items() if not each.description]
        if isinstance(type_, Fielded):
            for field, found in type_.fields.items():
                if not found.description:
                    bare.append(f"{name}.{field}")
                for argument, taken in getattr(found, "args", {}).items():
                    if not taken.description:
                        bare.append(f"{name}.{field}({argument}:)")
    assert bare == []


def test_every_custom_scalar_names_its_specification() -> None:
    own = [type_ for type_ in SERVED.type_map.values() if isinstance(type_, GraphQLScalarType)]
    own = [type_ for type_ in own if not is_specified_scalar_type(type_)]
    assert {type_.name: type_.specified_by_url for type_ in own} == {
        "BigInt": "https://tc39.es/ecma262/#sec-number.max_safe_integer",
        "DateTime": "https://scalars.graphql.org/andimarek/date-time",
        "JSON": "https://ecma-international.org/publications-and-standards/standards/ecma-404/",
    }


# The bounds of the lists without pages.
BOUNDED = {
    "Analysis.attempts": "100, the newest ones",
    "Analyzer.mediaTypes": "those of one analyzer",
    "AnalysisConnection.statusCounts": "6 statuses",
    "Batch.errorGroups": "100, by the argument `first`",
    "ErrorGroup.examples": "three",
    "Health.components": "one for each part of the server",
    "Health.recommendations": "a few for each component",
    "History.points": "360 for a range",
    "HttpMetrics.operations": "201 names",
    "Metrics.workers": "the workers that have not signed off",
    "Query.analyzers": "the installed analyzers",
    "Query.errorGroups": "100, by the argument `first`",
    "Query.nodes": "100, one for each id",
    "Queue.analyzers": "the installed analyzers, and those with a control",
    "QueueMetrics.byAnalyzer": "the analyzers with queued analyses",
    "QueueMetrics.byPriority": "10 priorities",
    "Server.capabilities": "one for each function",
    "Server.unavailable": "the analyzers that lack a package",
    "User.memberships": "100, the oldest ones",
    "UserError.path": "the depth of an input",
    "Viewer.apiKeys": "100, the newest ones",
    "Viewer.memberships": "100, the oldest ones",
    "Viewer.sessions": "100, the last used ones",
    "Worker.current": "its slots",
}


def test_every_list_is_bounded() -> None:
    unbounded = []
    for name, type_ in SERVED.type_map.items():
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) or is_introspection_type(type_):
            continue
        for field, found in type_.fields.items():
            inner = found.type.of_type if isinstance(found.type, GraphQLNonNull) else found.type
            coordinate = f"{name}.{field}"
            if str(inner).endswith("Connection"):
                assert {"first", "after"} <= found.args.keys(), coordinate
            elif isinstance(inner, GraphQLList) and not (
                coordinate in BOUNDED
                or name.endswith("Connection")
                # Results are bounded by their size, and user errors by their number.
                or name.startswith("Text")
                or name in ("AnalysisResult", "UntypedResult")
                or field == "userErrors"
            ):
                unbounded.append(coordinate)
    assert unbounded == []
