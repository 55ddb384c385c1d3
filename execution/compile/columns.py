"""The columns that the selected fields of an object read, so that a statement reads no others.

A field without a resolver reads the column of its name. A field with a resolver declares its columns with `reads`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from execution.compile.plan import FieldPlan, ObjectPlan, Typename
from execution.strawberry_parts import Attribute, Function

if TYPE_CHECKING:
    from collections.abc import Mapping

Columns = frozenset[str] | None
"""Names of columns. None: all columns."""

_KEY = "columns"


def reads(*columns: str) -> Mapping[str, Any]:
    """Return the metadata of a field whose resolver reads these columns of its source, and none besides the id."""
    return {_KEY: columns}


def columns_of(info: Any, type_name: str) -> Columns:
    """Return the columns that the fields selected below a field read from objects of one type.

    None if any field may read any column, or if graphql-core runs the operation.
    """
    plan: FieldPlan | None = getattr(info, "plan", None)
    if plan is None:
        return None
    if type_name not in plan.columns:
        plan.columns[type_name] = _union(
            _columns(field) for object_ in _objects(plan, type_name) for field in object_.fields
        )
    return plan.columns[type_name]


def _objects(plan: FieldPlan, type_name: str) -> Iterator[ObjectPlan]:
    """Yield the plans of the objects of the type, without those inside such an object."""
    waiting, seen = [plan], set()
    while waiting:
        for object_ in waiting.pop().objects.values():
            if id(object_) not in seen:
                seen.add(id(object_))
                if object_.type.name == type_name:
                    yield object_
                else:
                    waiting.extend(object_.fields)


def _columns(field: FieldPlan) -> Columns:
    if isinstance(field.read, Typename):
        return frozenset()
    if isinstance(field.read, Attribute):
        return frozenset([field.read.name])
    declared = field.read.field.metadata.get(_KEY) if isinstance(field.read, Function) and field.read.field else None
    return None if declared is None else frozenset(declared)


def _union(all_: Iterable[Columns]) -> Columns:
    found: set[str] = set()
    for columns in all_:
        if columns is None:
            return None
        found |= columns
    return frozenset(found)
