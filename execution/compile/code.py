"""The Python code of a plan: one function for each selected object type, and two for each root field.

The source is written from fixed templates, and its names come from the schema and a counter. Texts of the client (the
keys of the answer) and all other values are bound to names: the source has none of them, so a client can't write code.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphql import (
    GraphQLEnumType,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from execution.compile.plan import FieldPlan, Named, ObjectPlan, Plan, Resolver, Typename
from execution.compile.run import Pending, Program, Root, step
from execution.compile.values import (
    UNUSUAL,
    Arguments,
    Classes,
    Site,
    as_list,
    ignores,
    names_of_enum,
    object_of,
    refuse_type,
)
from execution.strawberry_parts import Attribute, Function, LightInfo

if TYPE_CHECKING:
    from graphql.execution import Executor as Operation

LONG = 50
"""Items of a list from which the run checks its time slice."""

BYTES_PER_CHARACTER = 12
"""Memory of a program for each character of its source, as measured with tracemalloc."""

Lines = list[str]


def compile_plan(plan: Plan, operation: Operation[Any]) -> Program:
    """Return the program of a plan."""
    writer = _Writer(operation)
    names = [writer.root(field) for field in plan.root.fields]
    source = "\n".join(writer.functions)
    namespace = writer.bound
    exec(compile(source, "<operation>", "exec"), namespace)  # noqa: S102 - see the module's docstring
    writer.finish()
    roots = [
        Root(
            field.key,
            namespace[call],
            namespace[complete],
            (None, field.key, field.parent.name),
            isinstance(field.read, Function) and field.read.at_once,
        )
        for field, (call, complete) in zip(plan.root.fields, names, strict=True)
    ]
    return Program(roots, plan.serial, operation.is_awaitable, source, writer.texts, len(source) * BYTES_PER_CHARACTER)


class _Writer:
    """Writes functions with the arguments `v` (value), `p` (its position, or None) and `r` (the run)."""

    def __init__(self, operation: Operation[Any]) -> None:
        classes = Classes(operation.is_awaitable)
        self.functions: Lines = []
        self.texts: dict[str, str] = {}
        self.bound: dict[str, Any] = {
            "plain": classes.plain,
            "require": classes.require,
            "awaits": classes.awaits,
            "leaf": classes.leaf,
            "as_list": as_list,
            "named": _named,
            "object_of": object_of,
            "refuse_type": refuse_type,
            "LightInfo": LightInfo,
            "Pending": Pending,
            "step": step,
        }
        self._type_resolver = operation.type_resolver
        self._choices: list[tuple[dict[str, Any], dict[str, str]]] = []
        self._made: dict[Any, tuple[str, bool]] = {}
        self._keys: dict[str, str] = {}

    def finish(self) -> None:
        """Fill in the functions between which abstract types choose."""
        for choice, names in self._choices:
            choice.update({name: self.bound[function] for name, function in names.items()})

    def root(self, field: FieldPlan) -> tuple[str, str]:
        """Write the functions of a root field; return their names."""
        lines: Lines = []
        self._read(field, "v", "v", lines, root=True)
        call = self._function(f"call_{field.parent.name}", "v, r", [*lines, "return v"])
        complete, _ = self._completion(field.definition.type, field)
        return call, complete

    def _object(self, plan: ObjectPlan, field: FieldPlan) -> tuple[str, bool]:
        """Write the function of an object; return its name, and whether it needs the position."""
        key = id(plan)
        if key in self._made:
            return self._made[key]
        lines: Lines = ["if v.__class__ not in plain: require(v)"]
        needs = self._check_type(plan, field, lines)
        waits = any(
            not isinstance(each.read, Attribute) and each.nodes[0].name.value != "__typename" for each in plan.fields
        )
        lines += ["d = {}"] if waits else []
        pairs = []
        for number, each in enumerate(plan.fields):
            value, name = f"a{number}", self._text(each.key)
            needs |= self._field(each, value, name, waits, lines)
            pairs.append(f"{name}: {value}")
        lines.append("return d" if waits else f"return {{{', '.join(pairs)}}}")
        self._made[key] = self._function(plan.type.name, "v, p, r", lines), needs
        return self._made[key]

    def _check_type(self, plan: ObjectPlan, field: FieldPlan, lines: Lines) -> bool:
        is_type_of = plan.type.is_type_of
        if is_type_of is None:
            return False
        info, needs = self._info_of_value(is_type_of, field)
        lines.append(f"t = {self._bind(f'is_{plan.type.name}', is_type_of)}(v, {info})")
        lines.append("if t is not True: refuse_type(t, r)")
        return needs

    def _info_of_value(self, function: Any, field: FieldPlan) -> tuple[str, bool]:
        """Return the info for a function that checks the type of a value, and whether it needs the position."""
        if ignores(function, 1):
            return "None", False
        type_: Any = field.definition.type
        position = "p"
        while (type_ := get_nullable_type(type_)) and is_list_type(type_):
            type_, position = type_.of_type, f"{position}[0]"
        return f"r.site_info({self._site(field)}, {position})", True

    def _field(self, field: FieldPlan, value: str, name: str, waits: bool, lines: Lines) -> bool:
        """Write the lines of one field; return whether they need the position."""
        if isinstance(field.read, Typename):
            lines.append(f"{value} = {self._text(field.parent.name)}")
            lines += [f"d[{name}] = {value}"] if waits else []
            return False
        needs = self._read(field, value, "v", lines)
        here = f"(p, {name}, {self._text(field.parent.name)})"
        done: Lines = []
        below = self._complete(field.definition.type, value, here, field, done)
        if isinstance(field.read, Attribute):
            lines += done + ([f"d[{name}] = {value}"] if waits else [])
            return needs or below
        complete, at = self._completion(field.definition.type, field)
        pending = f"r.waiting.append(Pending({value}, {complete}, {here if at else None}, d, {name}))"
        if isinstance(field.read, Function) and field.read.is_async and not field.read.at_once:
            lines += [f"d[{name}] = None", pending]
        else:
            if isinstance(field.read, Function) and field.read.is_async:
                lines.append(f"if r.steps: {value} = step({value})")
            test = "w" if isinstance(field.read, Named) else f"{value}.__class__ not in plain and awaits({value})"
            lines += [f"if {test}:", f"    d[{name}] = None", f"    {pending}", "else:"]
            lines += [f"    {line}" for line in [*done, f"d[{name}] = {value}"]]
        return needs or below or at

    def _read(self, field: FieldPlan, value: str, source: str, lines: Lines, *, root: bool = False) -> bool:
        """Write the lines that read a field into a variable; return whether they need the position."""
        read, above = field.read, "None" if root else "p"
        here = f"({above}, {self._text(field.key)}, {self._text(field.parent.name)})"
        if isinstance(field.read, Typename):
            lines.append(f"{value} = {self._text(field.parent.name)}")
            return False
        if isinstance(read, Function) and not all(map(_is_name, [*read.source, read.info or "info"])):
            assert field.definition.resolve is not None
            read = Resolver(field.definition.resolve)
        if isinstance(read, Attribute):
            own = f".{read.name}" if _is_name(read.name) else None
            lines.append(f"{value} = {source}{own}" if own else f"{value} = getattr({source}, {self._text(read.name)})")
            return False
        if isinstance(read, Function):
            return self._call(field, read, value, source, here, lines) and not root
        info, arguments = f"r.site_info({self._site(field)}, {here})", self._arguments(field, None, False)
        given = f", **{arguments.format('None')}" if arguments else ""
        if isinstance(read, Named):
            text = self._text(read.name)
            lines.append(f"{value} = {source}.get({text}) if type({source}) is dict else named({source}, {text})")
            lines += ["w = False", f"if callable({value}):", f"    {value} = {value}({info}{given})"]
            lines.append(f"    w = {value}.__class__ not in plain and awaits({value})")
            return not root
        assert isinstance(read, Resolver)
        ignored = ignores(read.call, 1)
        call = self._bind(f"resolve_{field.parent.name}_{field.nodes[0].name.value}", read.call)
        lines.append(f"{value} = {call}({source}, {'None' if ignored else info}{given})")
        return not ignored and not root

    def _call(self, field: FieldPlan, read: Function, value: str, source: str, here: str, lines: Lines) -> bool:
        """Write the call of a function; return whether it needs the position."""
        given = [source] if read.takes_self else []
        given += [f"{name}={source}" for name in read.source]
        arguments = self._arguments(field, read.convert, read.converts_with_info) if read.convert else ""
        needs = read.info is not None or (bool(arguments) and read.converts_with_info)
        if needs:
            lines.append(f"i = LightInfo({self._bind('field', read.field)}, r, {self._site(field)}, {here})")
        given += [f"{read.info}=i"] if read.info else []
        given += [f"**{arguments.format('i' if needs else 'None')}"] if arguments else []
        call = self._bind(f"resolve_{field.parent.name}_{field.nodes[0].name.value}", read.call)
        lines.append(f"{value} = {call}({', '.join(given)})")
        return needs

    def _arguments(self, field: FieldPlan, convert: Any, with_info: bool) -> str:
        """Return the expression of a field's arguments, with a place for the info; empty if there are none."""
        if not field.definition.args:
            return ""
        arguments = Arguments(field.definition, field.nodes[0], convert, with_info)
        if arguments.fixed is None:
            return self._bind("arguments", arguments) + ".of(r, {0})"
        return self._bind("arguments", arguments.fixed) if arguments.fixed else ""

    def _completion(self, type_: Any, field: FieldPlan) -> tuple[str, bool]:
        """Return the function that completes values of a type, and whether it needs the position."""
        inner = get_nullable_type(type_)
        if is_non_null_type(type_) and not is_leaf_type(inner) and not is_list_type(inner):
            return self._composite(inner, field)
        key = str(type_), id(field)
        if key not in self._made:
            lines: Lines = []
            needs = self._complete(type_, "v", "p", field, lines)
            self._made[key] = self._function("value", "v, p, r", [*lines, "return v"]), needs
        return self._made[key]

    def _composite(self, type_: Any, field: FieldPlan) -> tuple[str, bool]:
        return (
            self._abstract(type_, field) if is_abstract_type(type_) else self._object(field.objects[type_.name], field)
        )

    def _abstract(self, type_: Any, field: FieldPlan) -> tuple[str, bool]:
        """Write the function of an interface or a union; return its name, and whether it needs the position."""
        key = type_.name, id(field)
        if key in self._made:
            return self._made[key]
        made = {name: self._object(plan, field) for name, plan in field.objects.items()}
        resolve = type_.resolve_type or self._type_resolver
        info, needs = self._info_of_value(resolve, field)
        choice: dict[str, Any] = {}
        self._choices.append((choice, {name: function for name, (function, _) in made.items()}))
        lines = ["if v.__class__ not in plain: require(v)"]
        name = f"{self._bind('type_of', resolve)}(v, {info}, {self._bind('type', type_)})"
        lines.append(f"return object_of({self._bind('choice', choice)}, {name}, r)(v, p, r)")
        needs |= any(each for _, each in made.values())
        self._made[key] = self._function(type_.name, "v, p, r", lines), needs
        return self._made[key]

    def _complete(self, type_: Any, value: str, position: str, field: FieldPlan, lines: Lines) -> bool:
        """Write the lines that complete a variable; return whether they need the position."""
        inner = get_nullable_type(type_)
        done: Lines = []
        needs = False
        if is_leaf_type(inner):
            done.append(self._leaf(inner, value))
        elif is_list_type(inner):
            needs = self._list(inner.of_type, value, position, field, done)
        else:
            name, needs = self._composite(inner, field)
            done.append(f"{value} = {name}({value}, {position if needs else None}, r)")
        if is_non_null_type(type_):
            lines += done
        else:
            lines += [f"if {value} is not None:", *(f"    {line}" for line in done)]
        return needs

    def _list(self, item: Any, value: str, position: str, field: FieldPlan, lines: Lines) -> bool:
        lines.append(f"if type({value}) is not list: {value} = as_list({value})")
        inner = get_nullable_type(item)
        if is_leaf_type(inner):
            nullable = "" if is_non_null_type(item) else "None if x is None else "
            lines.append(f"{value} = [{nullable}{self._leaf_of(inner, 'x')} for x in {value}]")
            return False
        name, needs = self._completion(item, field)
        if needs:
            lines.append(f"q = {position}")
            items = f"[{name}(x, (q, i, None), r) for i, x in enumerate({value})]"
        else:
            items = f"[{name}(x, None, r) for x in {value}]"
        lines.append(
            f"{value} = {items} if len({value}) < {LONG} else r.long({value}, {name}, {'q' if needs else None})"
        )
        return needs

    def _leaf(self, type_: Any, value: str) -> str:
        """Return the line that completes a leaf other than null."""
        unusual = UNUSUAL.get(type_.coerce_output_value)
        if unusual is None:
            return f"{value} = {self._leaf_of(type_, value)}"
        return f"if {unusual.format(value)}: {value} = leaf({self._coerce(type_)}, {value})"

    def _leaf_of(self, type_: Any, value: str) -> str:
        """Return the expression of a leaf other than null."""
        coerced = f"leaf({self._coerce(type_)}, {value})"
        unusual = UNUSUAL.get(type_.coerce_output_value)
        if unusual is not None:
            return f"{coerced} if {unusual.format(value)} else {value}"
        names = names_of_enum(type_) if isinstance(type_, GraphQLEnumType) else {}
        return f"{self._bind(f'names_{type_.name}', names)}.get({value}) or {coerced}" if names else coerced

    def _coerce(self, type_: Any) -> str:
        return self._bind(f"coerce_{type_.name}", type_.coerce_output_value)

    def _site(self, field: FieldPlan) -> str:
        return self._bind("site", Site(field.definition, field.nodes, field.parent, field))

    def _bind(self, name: str, value: Any) -> str:
        """Return a new name for a value."""
        bound = f"{re.sub('[^A-Za-z0-9_]', '_', name)}_{len(self.bound)}"
        self.bound[bound] = value
        return bound

    def _text(self, text: str) -> str:
        """Return the name of a text, which becomes a constant."""
        if text not in self._keys:
            self._keys[text] = self._bind("text", text)
            self.texts[self._keys[text]] = text
        return self._keys[text]

    def _function(self, name: str, given: str, lines: Lines) -> str:
        bound = self._bind(name, None)
        self.functions += [f"def {bound}({given}):", *(f"    {line}" for line in lines)]
        return bound


def _named(source: Any, name: str) -> Any:
    """Return the value of a field without a resolver, before a call."""
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
