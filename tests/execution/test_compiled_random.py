"""Random schemas, operations, variables and resolvers: compiled operations and graphql-core give the same answers.

Resolvers return null, values of wrong types, exceptions, awaitables and iterators, and raise exceptions, in every
position.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextlib import closing
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.both_ways import build, differ

DEPTH = 4


def _coerce_even(value: Any) -> Any:
    if not isinstance(value, int):
        raise ValueError("not a number")
    return None if value % 2 else value


COLOUR = GraphQLEnumType("Colour", {"RED": 1, "GREEN": "green", "BLUE": 3})
EVEN = GraphQLScalarType("Even", coerce_output_value=_coerce_even)
LEAVES = [GraphQLString, GraphQLInt, GraphQLFloat, GraphQLBoolean, GraphQLID, COLOUR, EVEN]


class Thing:
    """A source with attributes. Each has a type's name, for the type resolver."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


class World:
    """A random schema with resolvers, whose behavior depends on a seed and on the number of the call alone."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.calls = 0
        self.root_calls: list[str] = []
        self.trouble = self.random.choice([0.0, 0.03, 0.2])
        """The share of unusual values."""
        self.abstract: dict[str, list[str]] = {"Iface": [], "Union": []}
        self.objects: dict[str, GraphQLObjectType] = {}
        self.interface = GraphQLInterfaceType("Iface", lambda: self._common(), resolve_type=self._resolve_type)
        names = ["A", "B", "C"][: self.random.randint(1, 3)]
        for name in names:
            implements = self.random.random() < 0.7 or name == "A"
            self.objects[name] = self._object(name, implements)
            if implements:
                self.abstract["Iface"].append(name)
        self.abstract["Union"] = list(names)
        self.union = GraphQLUnionType("Union", list(self.objects.values()), resolve_type=self._resolve_type)
        self.types: dict[str, dict[str, Any]] = {name: self._fields(name) for name in [*names, "Query"]}
        self.query = GraphQLObjectType("Query", lambda: self._made("Query"))
        self.mutation = GraphQLObjectType("Mutation", lambda: self._made("Query"))
        self.schema = GraphQLSchema(self.query, self.mutation, types=[*self.objects.values(), self.union])

    def _object(self, name: str, implements: bool) -> GraphQLObjectType:
        test = self.random.choice([None, lambda value, _info: True, self._is_type_of(name)])
        interfaces = [self.interface] if implements else []
        return GraphQLObjectType(name, lambda: {**self._made(name), **self._common()}, interfaces, is_type_of=test)

    def _is_type_of(self, name: str) -> Any:
        return lambda value, _info: getattr(value, "kind", name) in (name, "any")

    def _common(self) -> dict[str, GraphQLField]:
        return {"id": GraphQLField(GraphQLNonNull(GraphQLID)), "next": GraphQLField(self.interface)}

    def _fields(self, owner: str) -> dict[str, Any]:
        """Return types and kinds of resolvers by name."""
        fields = {}
        for number in range(self.random.randint(1, 5)):
            kind = self.random.choice(["attribute", "sync", "sync", "async", "future"])
            fields[f"f{number}"] = (self._type(), kind, self.random.random() < 0.3)
        return fields

    def _type(self) -> Any:
        pick = self.random.random()
        if pick < 0.5:
            made: Any = self.random.choice(LEAVES)
        elif pick < 0.8:
            made = self.random.choice(list(self.objects.values()))
        else:
            made = self.random.choice([self.interface, "Union"])
        for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])):
            made = ("list", self._maybe_required(made))
        return self._maybe_required(made)

    def _maybe_required(self, type_: Any) -> Any:
        return ("required", type_) if self.random.random() < 0.4 else type_

    def _real(self, type_: Any) -> Any:
        if type_ == "Union":
            return self.union
        if isinstance(type_, tuple):
            return (GraphQLList if type_[0] == "list" else GraphQLNonNull)(self._real(type_[1]))
        return type_

    def _made(self, owner: str) -> dict[str, GraphQLField]:
        made = {}
        for name, (type_, kind, with_argument) in self.types[owner].items():
            real = self._real(type_)
            arguments = {"x": GraphQLArgument(GraphQLInt, default_value=7)} if with_argument else None
            resolve = None if kind == "attribute" else self._resolver(owner, name, real, kind)
            made[name] = GraphQLField(real, arguments, resolve)
        return made

    def _resolver(self, owner: str, name: str, type_: Any, kind: str) -> Any:
        def value(source: Any, info: Any, x: Any = None) -> Any:
            if owner == "Query":
                self.root_calls.append(info.path.key)
            path = info.path.as_list()
            choose = random.Random(repr((path, x, self.calls_seed, info.field_name, info.parent_type.name)))
            return self.value(type_, choose, len(path))

        async def later(source: Any, info: Any, x: Any = None) -> Any:
            for _ in range(random.Random(name).randint(0, 2)):
                await asyncio.sleep(0)
            return value(source, info, x)

        def future(source: Any, info: Any, x: Any = None) -> Any:
            made = asyncio.get_running_loop().create_future()
            try:
                made.set_result(value(source, info, x))
            except Exception as error:
                made.set_exception(error)
                made.exception()
            return made

        return {"sync": value, "async": later, "future": future}[kind]

    calls_seed = 0

    def value(self, type_: Any, choose: random.Random, depth: int) -> Any:
        """Return a random value, mostly of the type."""
        if choose.random() < self.trouble:
            return self._unusual(choose)
        if is_non_null_type(type_):
            return self.value(type_.of_type, choose, depth)
        if choose.random() < 0.1:
            return None
        if is_list_type(type_):
            made = [self.value(type_.of_type, choose, depth) for _ in range(choose.randint(0, 3))]
            return choose.choice([made, made, tuple(made)])
        if is_leaf_type(type_):
            leaves: dict[str, list[Any]] = {
                "String": ["a", "b", 1, True, 1.5],
                "Int": [1, 2**31 - 1, 2**31, True, "3", 4.0],
                "Float": [1.5, 2, float("inf"), "1.5", True],
                "Boolean": [True, False, 1, 0.0],
                "ID": ["x", 7, 3.0],
                "Colour": [1, "green", 3, True],
                "Even": [2, 4, 5],
            }
            return choose.choice(leaves[type_.name])
        names = self.abstract.get(type_.name, [type_.name])
        return self._source(choose.choice(names), choose, depth)

    def _source(self, name: str, choose: random.Random, depth: int) -> Any:
        values: dict[str, Any] = {"id": choose.choice(["id1", "id2", 5]), "kind": choose.choice([name, name, "any"])}
        values["name"] = name
        if depth < DEPTH:
            values["next"] = self._source(choose.choice(self.abstract["Iface"]), choose, depth + 2)
            for field, (type_, kind, _) in self.types[name].items():
                if kind == "attribute":
                    values[field] = self.value(self._real(type_), choose, depth + 2)
        return values if choose.random() < 0.3 else Thing(values)

    def _unusual(self, choose: random.Random) -> Any:
        pick = choose.randrange(9)
        if pick == 0:
            raise ValueError("raised")
        if pick == 1:
            return ValueError("returned")
        return [None, Undefined, object(), [], "text", -1, [None, 1]][pick - 2]

    def _resolve_type(self, value: Any, _info: Any, abstract: Any) -> Any:
        return value.get("name") if isinstance(value, dict) else getattr(value, "name", None)

    def operation(self, choose: random.Random, kind: str) -> str:
        """Return the text of a random operation."""
        fragments: list[str] = []
        body = self._selection("Query", choose, DEPTH, fragments)
        whole = f"{body} {' '.join(fragments)}"
        number = ", $n: Int" if "x: $n" in whole else ""
        return f"{kind} ($yes: Boolean!, $no: Boolean = false{number}) {whole}"

    def _selection(self, owner: str, choose: random.Random, depth: int, fragments: list[str]) -> str:
        if owner in self.abstract:
            parts = ["__typename", *(["id"] if owner == "Iface" else [])]
            for name in choose.sample(self.abstract[owner], choose.randint(0, len(self.abstract[owner]))):
                parts.append(f"... on {name} {self._selection(name, choose, depth - 1, fragments)}")
            return f"{{ {' '.join(parts)} }}"
        parts = [choose.choice(["__typename", "t: __typename"])]
        for name, (type_, _, with_argument) in self.types[owner].items():
            if choose.random() < 0.8:
                real = get_named_type(self._real(type_))
                below = ""
                if not is_leaf_type(real):
                    if depth <= 0:
                        continue
                    below = self._selection(real.name, choose, depth - 1, fragments)
                # Equal aliases with different arguments conflict.
                arguments = choose.choice(["", "(x: 1)", "(x: $n)", "(x: null)"]) if with_argument else ""
                alias = f"{choose.choice(['k', 'get', 'class_', 'self'])}{len(fragments)}{choose.randrange(10**9)}: "
                alias = choose.choice(["", alias]) if not arguments else alias
                directive = choose.choice(["", "", "", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: true)"])
                parts.append(f"{alias}{name}{arguments} {directive} {below}")
        if owner != "Query" and owner in self.abstract["Iface"] and depth > 0 and choose.random() < 0.5:
            parts.append(f"next {self._selection('Iface', choose, depth - 1, fragments)}")
        if choose.random() < 0.3:
            fragment = f"F{len(fragments)}"
            fragments.append("")
            fragments[int(fragment[1:])] = f"fragment {fragment} on {owner} {{ {' '.join(parts)} }}"
            return f"{{ ...{fragment} ...{fragment} {parts[0]} }}"
        return f"{{ {' '.join(parts)} }}"


def run(check: Coroutine[Any, Any, None]) -> None:
    """Run a check. `asyncio.run` would take pytest-asyncio's event loop from the next test."""
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(check)


@settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32), st.sampled_from(["query", "mutation"]), st.booleans(), st.booleans())
def test_both_ways_give_the_same_answer(seed: int, kind: str, yes: bool, no: bool) -> None:
    world = World(seed)
    world.calls_seed = seed
    text = world.operation(random.Random(seed), kind)
    root = {
        name: world.value(world._real(type_), random.Random(f"{seed}{name}"), 0)
        for name, (type_, resolver, _) in world.types["Query"].items()
        if resolver == "attribute" and world.trouble == 0
    }
    variables: dict[str, Any] = {"yes": yes, "no": no, **({"n": seed % 5} if seed % 2 else {})}

    async def check() -> None:
        await differ(lambda: build(world.schema, text, root=root, variables=variables))

    run(check())
    # No root resolver has run twice one way. After a null for the whole answer, the others need not run.
    counts = {key: world.root_calls.count(key) for key in world.root_calls}
    assert all(count <= 2 for count in counts.values()), counts


def test_some_give_up_and_some_do_not() -> None:
    outcomes = set()

    async def check(seed: int) -> None:
        world = World(seed)
        text = world.operation(random.Random(seed), "query")
        variables = {"yes": True}
        _, gave_up = await differ(lambda: build(world.schema, text, root={}, variables=variables))
        outcomes.add(gave_up)

    for seed in range(40):
        run(check(seed))
    assert outcomes == {False, True}
    assert not is_abstract_type(GraphQLString)
