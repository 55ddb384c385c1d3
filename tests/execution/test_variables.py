"""Variables are coerced as by graphql-core: equal values of the same classes, or equal errors."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    build_schema,
    execute_sync,
    get_variable_values,
    parse,
    print_ast,
)
from graphql.execution.values import VariableValues
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analyzers.registry import load_registry
from execution.strawberry_parts import core_schema
from execution.variables import Coercion, FastVariables, Unusual
from schema.build import fit

SDL = """
  enum Colour { RED GREEN }
  scalar Even
  scalar Anything
  input Point { x: Int!, y: Int = 7, label: String }
  input Choice @oneOf { point: Point, word: String, even: Even }
  input Everything {
    int: Int, float: Float! = 2, string: String = "s", id: ID, boolean: Boolean, colour: Colour = GREEN, even: Even
    anything: Anything, points: [Point!]! = [{ x: 1 }, { x: 2, y: null }], lists: [[Int]], choice: Choice
    out: Int = 5, plain: [Int] = [1]
  }
  input Tree { value: Int, left: Tree, branches: [Tree!] }
  input Forest { trees: [Tree] }
  type Query { echo(everything: Everything, point: Point, ints: [Int], anything: Anything): String }
"""


def even(value: Any) -> Any:
    """Halve an even number, as a visible coercion. Refuse other values in each possible way."""
    if value == "undefined":
        return Undefined
    if value % 2:
        raise GraphQLError(f"{value} is odd.")
    return value // 2


def toy() -> GraphQLSchema:
    schema = build_schema(SDL)
    types: dict[str, Any] = dict(schema.type_map)
    types["Even"].coerce_input_value = even
    types["Colour"].values["RED"].value = 0xFF0000
    fields = types["Everything"].fields
    fields["out"].out_name = "out_name"
    fields["plain"].default, fields["plain"].default_value = None, (1, 2)  # a default that is used without coercion
    types["Point"].out_type = lambda value: (value["x"], value.get("y"), value.get("label"))
    schema.query_type.fields["echo"].resolve = lambda _root, _info, **given: repr(given)  # type: ignore[union-attr]
    return schema


TOY = toy()
REAL = core_schema(fit(load_registry().analyzers)[0])
INPUTS = sorted(name for name, each in REAL.type_map.items() if isinstance(each, GraphQLInputObjectType))

ODD = st.sampled_from(
    [None, Undefined, True, 0, -3, 2**31, 2.0, 2.5, 1e999, "", "RED", "undefined", "4", [], [None], (1,), {}, {"x": 1}]
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.integers(-(2**31), 2**31 - 1),
    "Float": st.floats(allow_nan=False) | st.integers(-100, 100),
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3) | st.integers(0, 9),
    "Boolean": st.booleans(),
    "Even": st.integers(-4, 4).map(lambda number: number * 2),
    "DateTime": st.sampled_from(["2026-11-21T10:00:00Z", "2026-11-21"]),
    "BigInt": st.integers(-(2**53), 2**53),
}
ANYTHING = st.recursive(st.none() | st.integers() | st.text(max_size=2), lambda each: st.lists(each, max_size=2))

busy = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def values(draw: st.DrawFn, type_: Any, odd: int, depth: int = 0) -> Any:
    """Generate a value of this type. About one part in `odd` is invalid; 0 for none."""
    if odd and draw(st.integers(1, odd)) == odd:
        return draw(ODD)
    if isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    elif draw(st.integers(0, 9)) == 0:
        return None
    if isinstance(type_, GraphQLList):
        item = values(type_.of_type, odd, depth + 1)
        return draw(st.lists(item, max_size=0 if depth > 4 else 3) if draw(st.integers(0, 5)) else item)
    if isinstance(type_, GraphQLEnumType):
        return draw(st.sampled_from(sorted(type_.values)))
    if isinstance(type_, GraphQLScalarType):
        return draw(SCALARS.get(type_.name, ANYTHING))
    return draw(_objects(type_, odd, depth))


@st.composite
def _objects(draw: st.DrawFn, type_: GraphQLInputObjectType, odd: int, depth: int) -> dict[str, Any]:
    if type_.is_one_of and not (odd and draw(st.integers(1, odd)) == odd):
        name = draw(st.sampled_from(sorted(type_.fields)))
        return {name: draw(values(GraphQLNonNull(type_.fields[name].type), odd, depth + 1))}
    given = {
        name: draw(values(field.type, odd, depth + 1))
        for name, field in type_.fields.items()
        if (_is_required(field) and not odd) or (draw(st.booleans()) and depth < 5)
    }
    if odd and draw(st.integers(1, odd)) == odd:
        given[draw(st.sampled_from(["unknown", "X"]))] = draw(ODD)
    return dict(draw(st.permutations(list(given.items()))))


def _is_required(field: GraphQLInputField) -> bool:
    return isinstance(field.type, GraphQLNonNull) and field.default is None and field.default_value is Undefined


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def seen(found: Any) -> Any:
    """Return a comparable form of coerced variables or errors. `repr` distinguishes 1, 1.0 and True."""
    if isinstance(found, list):
        return [(str(each), each.nodes, type(each.original_error), each.extensions) for each in found]
    assert isinstance(found, VariableValues)
    sources = [
        (name, each.signature.name, str(each.signature.type), repr(each.value)) for name, each in found.sources.items()
    ]
    return repr(found.coerced), sources


def both(schema: GraphQLSchema, text: str, inputs: dict[str, Any]) -> tuple[Any, Any]:
    """Coerce the variables of an operation here and in graphql-core; return both outcomes."""
    document = parse(text)
    definitions = operation_of(document).variable_definitions or ()
    built = FastVariables.of(schema).build(schema, document, raw_variable_values=inputs)
    ours = built if isinstance(built, list) else built.variable_values
    return seen(ours), seen(get_variable_values(schema, definitions, inputs, max_errors=50))


TYPES = [
    "Int", "Float!", "String", "ID!", "Boolean", "Colour", "Even", "Even!", "Anything", "Anything!", "[Int]",
    "[[Int!]]!", "[Point!]!", "Point", "Choice!", "[Choice]", "Everything", "Everything!", "Tree", "Forest!",
]  # fmt: skip


def named(schema: GraphQLSchema, text: str) -> Any:
    """Return the type of this text, for example `[Int!]`."""
    if text.endswith("!"):
        return GraphQLNonNull(named(schema, text[:-1]))
    if text.startswith("["):
        return GraphQLList(named(schema, text[1:-1]))
    return schema.type_map[text]


@busy
@given(st.data(), st.sampled_from(TYPES), st.sampled_from([0, 4, 30]))
def test_values_and_errors_equal_those_of_graphql_core(data: st.DataObject, text: str, odd: int) -> None:
    inputs = data.draw(st.fixed_dictionaries({}, optional={"v": values(named(TOY, text), odd)}))
    ours, core = both(TOY, f"query ($v: {text}) {{ echo }}", inputs)
    assert ours == core


@busy
@given(st.data(), st.sampled_from(INPUTS), st.sampled_from([0, 30]))
def test_inputs_of_the_schema_are_coerced_as_by_graphql_core(data: st.DataObject, name: str, odd: int) -> None:
    inputs = {"v": data.draw(values(named(REAL, f"{name}!"), odd))}
    ours, core = both(REAL, f"query ($v: {name}!) {{ __typename }}", inputs)
    assert ours == core


@busy
@given(st.data(), st.sampled_from([each for each in TYPES if "Tree" not in each and each != "Forest!"]))
def test_valid_values_are_coerced_without_graphql_core(data: st.DataObject, text: str) -> None:
    operation = operation_of(parse(f"query ($v: {text}) {{ echo }}"))
    inputs = {"v": data.draw(values(named(TOY, text), 0))}
    found = get_variable_values(TOY, operation.variable_definitions or (), inputs)
    assume(isinstance(found, VariableValues))
    assert seen(Coercion(TOY).values(operation, inputs)) == seen(found)


@busy
@given(st.data())
def test_several_variables_with_defaults(data: st.DataObject) -> None:
    defaults = ["", " = null", " = 3", ' = "w"', " = { x: 3 }", " = [1, null]", " = [{ x: 1, y: RED }]"]
    written = data.draw(
        st.lists(st.tuples(st.sampled_from(TYPES), st.sampled_from(defaults)), min_size=1, max_size=4), label="types"
    )
    inputs = {
        f"v{number}": data.draw(values(named(TOY, text), 10))
        for number, (text, _) in enumerate(written)
        if data.draw(st.booleans())
    }
    variables = " ".join(f"$v{number}: {text}{default}" for number, (text, default) in enumerate(written))
    ours, core = both(TOY, f"query ({variables}) {{ echo }}", inputs)
    assert ours == core


WRONG: dict[str, tuple[str, Any]] = {
    "missing": ("Int!", Undefined),
    "null": ("Int!", None),
    "not a number": ("Int", "1"),
    "beyond 32 bits": ("Int", 2**31),
    "beyond 32 bits, in a field": ("Point", {"x": 2**31}),
    "a number as text": ("String", 1),
    "a number as text, in a field": ("Point", {"x": 1, "label": 1}),
    "a boolean as an id, in a field": ("Everything", {"id": True}),
    "a number as a boolean, in a field": ("Everything", {"boolean": 1}),
    "no name of the enum": ("Colour", "BLUE"),
    "an unknown field": ("Point", {"x": 1, "z": 1}),
    "a missing field": ("Point", {}),
    "none of one": ("Choice", {}),
    "two of one": ("Choice", {"word": "a", "even": 2}),
    "null of one": ("Choice", {"word": None}),
    "a list for an object": ("Point", [{"x": 1}]),
    "null in a list": ("[Point!]!", [None]),
    "refused by the scalar": ("Even", 3),
    "left undefined by the scalar": ("Even", "undefined"),
    "no such type": ("Query", 1),
}


@pytest.mark.parametrize("name", WRONG)
def test_invalid_values_are_left_to_graphql_core(name: str) -> None:
    text, value = WRONG[name]
    inputs = {} if value is Undefined else {"v": value}
    document = f"query ($v: {text}) {{ echo }}"
    with pytest.raises(Unusual):
        Coercion(TOY).values(operation_of(parse(document)), inputs)
    ours, core = both(TOY, document, inputs)
    assert ours == core
    assert isinstance(core, list)


def test_recursive_types_have_the_depth_limit_of_graphql_core() -> None:
    def tree(depth: int) -> Any:
        return {"value": 1, "left": tree(depth - 1)} if depth else None

    for depth in (1, 150, 201, 250):
        ours, core = both(TOY, "query ($v: Tree) { echo }", {"v": tree(depth)})
        assert ours == core
        assert isinstance(core, list) == (depth > 200)


USES = [
    "query ($a: Everything) { echo(everything: $a) }",
    "query ($a: Int = 4, $b: Point!) { echo(everything: { int: $a, points: [$b, { x: 9 }] }, ints: [1, $a]) }",
    "query ($a: Anything, $b: Point!) { echo(anything: { a: [$a, 1] }, point: $b) }",
    "query ($a: [Int], $b: Boolean!) { ...F @include(if: $b) } fragment F on Query { echo(ints: $a) }",
    "query ($a: [Int!]!) { echo(ints: $a) }",
]


@busy
@given(st.data(), st.sampled_from(USES))
def test_operations_see_the_same_variables(data: st.DataObject, text: str) -> None:
    document = parse(text)
    inputs = {}
    for each in operation_of(document).variable_definitions or ():
        if data.draw(st.integers(0, 4)):
            inputs[each.variable.name.value] = data.draw(values(named(TOY, print_ast(each.type)), 40))
    ours = execute_sync(TOY, document, variable_values=inputs, executor_class=FastVariables.of(TOY))
    core = execute_sync(TOY, document, variable_values=inputs)
    assert ours == core


@pytest.mark.parametrize("name", ["A", "B"])
def test_the_named_operation_is_selected(name: str) -> None:
    document = parse("query A($v: Int) { a: echo(ints: [$v]) } query B($v: Int!) { b: echo(ints: [$v]) }")
    built = FastVariables.of(TOY).build(TOY, document, raw_variable_values={"v": 1}, operation_name=name)
    assert built.operation in document.definitions
    assert built.operation.name.value == name
    assert built.variable_values.coerced == {"v": 1}


@pytest.mark.parametrize("name", [None, "C"])
def test_an_unknown_operation_is_an_error(name: str | None) -> None:
    document = parse("query A($v: Int) { echo(ints: [$v]) } query B($v: Int) { echo(ints: [$v]) }")
    ours = execute_sync(
        TOY, document, variable_values={"v": 1}, operation_name=name, executor_class=FastVariables.of(TOY)
    )
    assert ours == execute_sync(TOY, document, variable_values={"v": 1}, operation_name=name)
    assert ours.errors
