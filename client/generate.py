"""Writes `src/assay_client/models.py`: the types that the client reads and sends, of the printed schema.

    python client/generate.py [SCHEMA.graphql] > client/src/assay_client/models.py

What is left out of a type: fields with arguments, which are queries of their own. A field whose type has an id of its
own becomes a reference: the id and, where it has them, the name and the key. Analyzers' results and requests are
whatever types the schema has for them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)

SCHEMA = Path(__file__).parent.parent / "schema" / "schema.graphql"
ROOTS = ("Analyzer", "Analysis", "Batch", "AnalysisEvent", "BatchEvent", "UserError", "Health", "Metrics", "Queue")
INTERFACES = ("AnalysisResult", "Event")
ALSO = ("UserErrorCode",)
SCALARS = {
    "ID": "str",
    "String": "str",
    "Int": "int",
    "BigInt": "int",
    "Float": "float",
    "Boolean": "bool",
    "DateTime": "datetime",
    "JSON": "Any",
}
REFERENCED = ("id", "name", "key")

Fielded = GraphQLObjectType | GraphQLInterfaceType
HEADER = '''"""The API's own types. Made by client/generate.py of schema/schema.graphql: not to be changed by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec

from assay_client._base import Name, Request, Shape, narrow_result
'''
ENDED = """\
    @property
    def ended(self) -> bool:
        \"\"\"Whether it has ended, whatever its end.\"\"\"
        return self.finished_at is not None"""


class Writer:
    """Writes each type once, after those that it needs."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.written: dict[str, list[str]] = {}
        self.names: set[str] = set()

    def module(self) -> str:
        """The whole of it."""
        request = self.schema.type_map["AnalysisRequest"]
        assert isinstance(request, GraphQLInputObjectType)
        for name in (*INTERFACES, *ROOTS, *ALSO):
            self.need(self.schema.type_map[name])
        result = self.schema.type_map["AnalysisResult"]
        assert isinstance(result, GraphQLInterfaceType)
        for made in sorted(self.schema.get_possible_types(result), key=lambda each: each.name):
            if made.name != "UntypedResult":  # it has nothing of its own
                self.need(made)
        requests = [(field, get_named_type(given.type)) for field, given in sorted(request.fields.items())]
        for field, type_ in requests:
            assert isinstance(type_, GraphQLInputObjectType)
            self.input(type_, analyzer=field)
        text = HEADER + "\n\n" + "\n\n\n".join("\n".join(lines) for lines in self.written.values())
        return text + "\n\n\n" + "\n".join(self.registers())

    def registers(self) -> Iterator[str]:
        """What of an interface there is, by its name."""
        for register, interface in (("RESULTS", "AnalysisResult"), ("EVENTS", "Event")):
            made = sorted(name for name, lines in self.written.items() if f"class {name}({interface}," in lines[0])
            yield f"{register}: dict[str, type[{interface}]] = {{"
            yield from (f'    "{name}": {name},' for name in made)
            yield "}"

    def need(self, type_: GraphQLNamedType) -> None:
        """Write a type that another one needs."""
        if type_.name in self.names or type_.name in SCALARS:
            return
        self.names.add(type_.name)
        if isinstance(type_, GraphQLEnumType):
            self.enum(type_)
        elif isinstance(type_, GraphQLInputObjectType):
            self.input(type_)
        else:
            assert isinstance(type_, Fielded)
            self.shape(type_)

    def enum(self, type_: GraphQLEnumType) -> None:
        """An enum, each value with its description."""
        lines = [f"class {type_.name}(Name):", *docstring(type_.description)]
        for name, value in type_.values.items():
            lines += ["", f'    {name} = "{name}"', *docstring(value.description)]
        self.written[type_.name] = lines

    def shape(self, type_: Fielded) -> None:
        """An output type."""
        base = next((each for each in type_.interfaces if each.name in INTERFACES), None)
        lines = [f"class {type_.name}({base.name if base else 'Shape'}, frozen=True):", *docstring(type_.description)]
        if type_.name in INTERFACES:
            lines += ["", '    typename: str = msgspec.field(name="__typename")', *docstring("The type's name.")]
        for name, field in type_.fields.items():
            inherited = base is not None and name in base.fields
            if not inherited and not field.args:
                lines += ["", f"    {snake(name)}: {self.annotation(field)}", *docstring(field.description)]
        if type_.name in ("Analysis", "Batch"):
            lines += ["", ENDED]
        if type_.name == "Analysis":
            lines += ["", "    def __post_init__(self) -> None:", "        narrow_result(self, RESULTS)"]
        self.written[type_.name] = lines

    def annotation(self, field: GraphQLField) -> str:
        """A field's type in Python; needed types are written before."""
        named = get_named_type(field.type)
        if isinstance(named, GraphQLObjectType) and any(each.name == "Node" for each in named.interfaces):
            return annotated(field.type, self.reference(named))
        self.need(named)
        return annotated(field.type, SCALARS.get(named.name, named.name))

    def reference(self, type_: GraphQLObjectType) -> str:
        """The type of what names a thing that has an id."""
        name = f"{type_.name}Reference"
        lines = [f"class {name}(Shape, frozen=True):", *docstring(f"Names a thing of the type {type_.name}.")]
        for field, found in type_.fields.items():
            if field in REFERENCED:
                python = annotated(found.type, SCALARS[get_named_type(found.type).name])
                lines += ["", f"    {field}: {python}", *docstring(found.description)]
        self.written.setdefault(name, lines)
        return name

    def input(self, type_: GraphQLInputObjectType, analyzer: str | None = None) -> None:
        """An analyzer's request, or a type in one."""
        lines = [f"class {type_.name}(Request, frozen=True):", *docstring(type_.description)]
        if analyzer is not None:
            lines += ["", f'    ANALYZER: ClassVar[str] = "{analyzer}"']
        for name, field in type_.fields.items():
            named = get_named_type(field.type)
            self.need(named)
            python = annotated(field.type, SCALARS.get(named.name, named.name))
            default = "" if is_required(field) else " = None"
            lines += ["", f"    {snake(name)}: {python}{default}", *docstring(field.description)]
        self.written[type_.name] = lines


def is_required(field: GraphQLInputField) -> bool:
    """Whether it must be given."""
    return isinstance(field.type, GraphQLNonNull) and field.ast_node is not None and not field.ast_node.default_value


def annotated(type_: object, name: str) -> str:
    """A GraphQL type in Python, with `name` for the type that it is of."""
    if isinstance(type_, GraphQLNonNull):
        return annotated(type_.of_type, name).removesuffix(" | None")
    if isinstance(type_, GraphQLList):
        return f"list[{annotated(type_.of_type, name)}] | None"
    return name if name == "Any" else f"{name} | None"


def docstring(text: str | None, width: int = 110) -> list[str]:
    """A description as a docstring."""
    lines: list[str] = []
    for word in (text or "").replace("\\", "\\\\").split():
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) <= 1:
        return [f'    """{"".join(lines)}"""'.replace('""""', '" """')]
    return ['    """', *(f"    {line}" for line in lines), '    """']


def snake(name: str) -> str:
    """A field's name as Python writes it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def generate(schema: Path) -> str:
    """The module."""
    module = Writer(build_schema(schema.read_text(encoding="utf-8"))).module()
    return module + "\n"


if __name__ == "__main__":
    sys.stdout.write(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMA))
