"""The cost of each field, derived from the schema, in points: about one for each object that the server reads.

- A field with an object or a list costs 1 if it reads: a root field, or a field with an asynchronous resolver. All
  other fields return a part of their parent's row, and cost 0. Scalars cost 0.
- A connection (a type named `…Connection`) costs 1 + n x (1 + node), where n is `last`, `first` or the page's default.
- A list with `first` costs 1 + n x (1 + element), a list with `ids` n x (1 + element). All other lists count their
  selection once.
- A mutation costs 10 more. A subscription costs at least 1.
- `priced` at the definition of a field adds points, fixed ones or by the length of a list in the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import get_named_type, get_nullable_type, is_introspection_type, is_leaf_type, is_list_type

from execution.limits import SATURATED
from execution.strawberry_parts import definition_of

if TYPE_CHECKING:
    from graphql import GraphQLField, GraphQLSchema

DEFAULT_PAGE, MAX_PAGE = 20, 1_000
"""Rows of a page without a size, and at most: fields refuse larger sizes. A test compares both with the store's."""

MUTATION_POINTS = 10


@dataclass(frozen=True, slots=True)
class Price:
    """The additional points of a field."""

    points: int = 0
    counted: str | None = None
    """Name of a list in the argument `input`."""
    per_point: int = 1
    """Entries of this list for one point."""


def priced(points: int = 0, *, counted: str | None = None, per_point: int = 1) -> dict[str, Price]:
    """Return the `metadata` of a Strawberry field that costs more.

    `points` are added to the cost. `counted` names a list in the argument `input`, with one point for each `per_point`
    entries, rounded up.
    """
    return {"price": Price(points, counted, per_point)}


class FieldPrice(NamedTuple):
    """The cost of a field: `points`, and for each of its n rows 1 and the cost of the row's selection."""

    type: Any
    """The named type of the field."""
    points: int
    sizes: tuple[tuple[str, ...], ...] = ()
    """Paths of the arguments with n: the first given one counts. Without paths, the field has no rows."""
    default: int = 0
    """n if no argument is given."""
    most: int = SATURATED
    """The largest n that counts."""
    per_point: int = 1
    """Rows of one point."""
    multiplies: bool = False
    """Whether the whole selection counts for each row. In a connection, only the selections of its rows do."""
    is_row: bool = False
    """Whether the field holds the rows of its connection."""


class Prices:
    """The prices of one schema's fields."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        self._known: dict[tuple[str, str], FieldPrice] = {}

    def of(self, parent: Any, name: str) -> FieldPrice:
        """Return the price of a field of this type."""
        key = parent.name, name
        if key not in self._known:
            self._known[key] = self._price(parent, name, parent.fields[name])
        return self._known[key]

    def _price(self, parent: Any, name: str, field: GraphQLField) -> FieldPrice:
        if is_introspection_type(parent):
            return FieldPrice(get_named_type(field.type), 0)
        _, mutation, subscription = self._roots
        definition = definition_of(field)
        more: Price = definition.metadata.get("price", Price())
        points = more.points + (MUTATION_POINTS if parent is mutation else 0)
        type_ = get_named_type(field.type)
        is_list = is_list_type(get_nullable_type(field.type))
        if is_leaf_type(type_):
            return FieldPrice(type_, max(points, 1) if parent is subscription else points)
        if _is_connection(parent) and name in ("nodes", "edges"):
            return FieldPrice(type_, points, is_row=True)
        if is_list and "ids" in field.args:
            return FieldPrice(type_, points, (("ids",),), most=MAX_PAGE, multiplies=True)
        if _is_connection(type_) or (is_list and "first" in field.args):
            default = field.args["first"].default_value if "first" in field.args else None
            return FieldPrice(
                type_,
                points + 1,
                (("last",), ("first",)),
                default if isinstance(default, int) else DEFAULT_PAGE,
                MAX_PAGE,
                multiplies=is_list,
            )
        reads = parent in self._roots or definition.is_async
        sizes = (("input", more.counted),) if more.counted else ()
        return FieldPrice(type_, points + reads, sizes, per_point=more.per_point)


def _is_connection(type_: Any) -> bool:
    return str(type_.name).endswith("Connection")
