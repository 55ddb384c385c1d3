"""The plan of an operation and its code, for readers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from graphql import get_named_type, is_abstract_type

from execution.compile.code import compile_plan
from execution.compile.plan import Named, ObjectPlan, Resolver, Typename, make_plan
from execution.strawberry_parts import Attribute, Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphql.execution import Executor as Operation

    from execution.compile.plan import FieldPlan


def explain(operation: Operation[Any]) -> str:
    """Return the plan and the code of an operation. Raises Unsupported."""
    plan = make_plan(operation)
    program = compile_plan(plan, operation)
    kind = operation.operation.operation.value
    order = "one after another" if plan.serial else "together"
    lines = [f"plan of the {kind}, root fields {order}:", *_object(plan.root, 1)]
    return "\n".join([*lines, "", "code:", "", *_functions(program.source, program.texts), ""])


def _object(plan: ObjectPlan, level: int) -> Iterator[str]:
    for field in plan.fields:
        yield f"{'  ' * level}{field.key}: {field.definition.type}  {_read(field)}"
        abstract = is_abstract_type(get_named_type(field.definition.type))
        for name, below in field.objects.items():
            if abstract:
                yield f"{'  ' * (level + 1)}on {name}"
            yield from _object(below, level + 1 + abstract)


def _read(field: FieldPlan) -> str:
    match field.read:
        case Typename():
            return f'= "{field.parent.name}"'
        case Attribute(name) | Named(name):
            return f"= .{name}"
        case Function(call=call, is_async=is_async):
            return f"= {'await ' if is_async else ''}{call.__qualname__}()"
        case Resolver(call):
            return f"= {getattr(call, '__qualname__', call)}()"


def _functions(source: str, texts: Mapping[str, str]) -> Sequence[str]:
    """Return the lines of the source, with the texts in the place of their names."""
    shown = re.sub(r"\btext_\d+\b", lambda found: repr(texts[found[0]]), source)
    return re.sub(r"\n(?=def )", "\n\n", shown).splitlines()
