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
    """A default as it is written; `null` is none."""
    if value is Undefined or value is None:
        return ""
    literal = ast_from_value(value, type_)  # type: ignore[arg-type]
    return "" if literal is None else f" = {print_ast(literal)}"


def coordinates(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Everything that clients can name, by its schema coordinate, each with all that they rely on."""
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
    if "BigInt @specifiedBy" in mine:  # the contract leaves it open
        mine["BigInt @specifiedBy"] = FOUND["BigInt @specifiedBy"]
    assert {each: FOUND.get(each) for each in mine} == mine


def test_what_is_added_does_not_make_a_request_fail() -> None:
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


def test_every_scalar_of_its_own_says_what_it_is() -> None:
    own = [type_ for type_ in SERVED.type_map.values() if isinstance(type_, GraphQLScalarType)]
    own = [type_ for type_ in own if not is_specified_scalar_type(type_)]
    assert {type_.name: type_.specified_by_url for type_ in own} == {
        "BigInt": "https://tc39.es/ecma262/#sec-number.max_safe_integer",
        "DateTime": "https://scalars.graphql.org/andimarek/date-time",
        "JSON": "https://ecma-international.org/publications-and-standards/standards/ecma-404/",
    }


# Lists that are no pages, and what bounds them.
BOUNDED = {
    "Analyzer.mediaTypes": "an analyzer's own",
    "Health.components": "one for each part of the server",
    "Health.recommendations": "a few for each component",
    "HttpMetrics.operations": "201 names",
    "Metrics.workers": "the workers that have not said goodbye",
    "Query.analyzers": "the analyzers that are installed",
    "Query.nodes": "100, as many as ids",
    "Queue.analyzers": "the analyzers that are installed, and those that are held",
    "QueueMetrics.byAnalyzer": "the analyzers for which something waits",
    "QueueMetrics.byPriority": "10 priorities",
    "UserError.path": "an input's depth",
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
                # A result's size is bounded as a whole, and so are the faults of a request.
                or name.startswith("Text")
                or name in ("AnalysisResult", "UntypedResult")
                or field == "userErrors"
            ):
                unbounded.append(coordinate)
    assert unbounded == []
