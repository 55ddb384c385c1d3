"""Resolvers without Strawberry's wrapper: the same arguments in every form, and no form is left to the wrapper."""

import asyncio
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType
from strawberry.permission import BasePermission
from strawberry.types import Info

from analyzers.registry import load_registry
from execution.strawberry_parts import Attribute, Function, core_schema, read_of
from schema.build import fit
from tests.execution.both_ways import build, differ


@strawberry.enum
class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@strawberry.input
class Box:
    size: Size = Size.SMALL
    names: list[str] = strawberry.field(default_factory=list)
    inner: "Box | None" = None


def _shown(value: Any) -> str:
    return repr(value)


async def _free(root: Any, info: Info, value: int) -> str:
    await asyncio.sleep(0)
    return f"{type(root).__name__} {info.field_name} {info.path.as_list()} {value}"


@strawberry.type
class Query:
    plain: str = "plain"

    @strawberry.field
    def nothing() -> str:
        return "nothing"

    @strawberry.field
    def own(self, box: Box, sizes: list[Size] = [Size.LARGE]) -> str:  # noqa: B006
        return _shown([type(self).__name__, box, sizes])

    @strawberry.field
    def parent(parent: strawberry.Parent[Any], size: Size | None = None) -> str:  # noqa: N805
        return _shown([type(parent).__name__, size])

    @strawberry.field
    def unset(self, name: str | None = strawberry.UNSET) -> str:
        return _shown(name)

    @strawberry.field
    def informed(self, info: Info, x: int = 1) -> str:
        found = info.variable_values, info.field_name, info.python_name, str(info.return_type), info.path.as_list()
        names = [getattr(field, "name", None) for field in info.selected_fields]
        return _shown([found, names, info.context, info.root_value, info.operation.operation, info.schema is not None])

    @strawberry.field
    @staticmethod
    def static(x: int) -> str:
        return _shown(x)

    @strawberry.field
    @classmethod
    def of_class(cls, x: int) -> str:
        return _shown([cls.__name__, x])

    free: str = strawberry.field(resolver=_free)
    short: str = strawberry.field(resolver=lambda: "short")

    @strawberry.field
    def below(self) -> "Query":
        return Query()


SCHEMA = core_schema(strawberry.Schema(Query))

CALLS = [
    "plain",
    "nothing",
    'own(box: {size: LARGE, names: ["a", "b"], inner: {}})',
    "own(box: {inner: {inner: {size: SMALL}}}, sizes: [SMALL, LARGE])",
    "own(box: $box)",
    "parent",
    "parent(size: LARGE)",
    "parent(size: null)",
    "unset",
    'unset(name: "n")',
    "unset(name: null)",
    "informed",
    "informed(x: $x)",
    "static(x: 3)",
    "ofClass(x: $x)",
    "free(value: 2)",
    "short",
]


@pytest.mark.parametrize("call", CALLS)
async def test_a_resolver_gets_the_same_arguments(call: str) -> None:
    definitions = [f"${name}: {type_}" for name, type_ in (("x", "Int!"), ("box", "Box!")) if f"${name}" in call]
    start = f"query ({', '.join(definitions)}) " if definitions else ""
    variables = {"x": 5, "box": {"names": ["v"], "size": "LARGE"}}
    text = f"{start}{{ root: {call} below {{ under: {call} }} }}"
    result, gave_up = await differ(lambda: build(SCHEMA, text, root=Query(), context="context", variables=variables))
    assert (result.errors, gave_up) == (None, False)


async def test_a_refused_argument_is_the_same_error() -> None:
    text = "query ($x: Int) { static(x: $x) }"
    result, gave_up = await differ(lambda: build(SCHEMA, text, root=Query(), variables={}))
    assert gave_up
    assert result.errors


def test_every_field_of_the_schema_is_an_attribute_or_a_function() -> None:
    core = core_schema(fit(load_registry(built_in=True).analyzers)[0])
    fields = [
        (f"{type_.name}.{name}", read_of(core, field))
        for type_ in core.type_map.values()
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__")
        for name, field in type_.fields.items()
    ]
    assert [name for name, read in fields if read is None] == []
    assert {Attribute, Function} == {type(read) for _, read in fields}


def test_a_resolver_with_more_than_a_function_keeps_its_wrapper() -> None:
    class Allowed(BasePermission):
        def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            return True

    @strawberry.type
    class Guarded:
        @strawberry.field(permission_classes=[Allowed])  # type: ignore[untyped-decorator]
        def hello(self) -> str:
            return "hello"

        @strawberry.field
        def replaced(self) -> str:
            return "first"

    core = core_schema(strawberry.Schema(Guarded))
    assert core.query_type is not None
    fields = core.query_type.fields
    assert read_of(core, fields["hello"]) is None
    fields["replaced"].resolve = lambda _source, _info: "second"
    assert read_of(core, fields["replaced"]) is None
