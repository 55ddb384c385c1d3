"""The cost of an operation in points, computed before it runs from its document and its variables.

`execution.prices` has the costs of fields. Directives and types are ignored: a field counts under `@skip`, under a
false `@include`, and under each type of an object. Pages count with their full sizes, other lists once. Introspection
costs 0: `execution.limits` bounds its depth.

A document is compiled once, in one pass that visits each of its nodes once, to a list of terms. A fragment is one term,
to which its spreads refer: fragments that double again and again cost no more. Sums saturate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ObjectValueNode,
    OperationDefinitionNode,
    VariableNode,
    value_from_ast_untyped,
)

from execution.errors import ClientError, ErrorCode
from execution.limits import SATURATED, spread_first
from execution.prices import FieldPrice, Prices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphql import DocumentNode, GraphQLSchema, SelectionSetNode

MAX_SHOWN_PATH = 300
"""Most characters of a path in a message: one alias may have 200."""


class OperationTooExpensive(ClientError):
    """An operation costs more than the limit. `path` leads to its most expensive field, by response names."""

    def __init__(self, cost: int, limit: int, path: Sequence[str], shown: str) -> None:
        if len(shown) > MAX_SHOWN_PATH:
            shown = f"{shown[:MAX_SHOWN_PATH]}…"
        message = (
            f"The operation costs {cost:,} points, above the limit of {limit:,}. The most expensive part is `{shown}`: "
            "request smaller pages or fewer nested objects, or split the operation."
        )
        super().__init__(ErrorCode.QUERY_TOO_COMPLEX, message, cost=cost, limit=limit, path=list(path))


class Argument(NamedTuple):
    """An argument with a number of rows: a known number, or a variable or a member inside it."""

    name: str
    known: int | None
    variable: str | None = None
    members: Sequence[str] = ()

    def size(self, variables: Mapping[str, Any]) -> int | None:
        """Return the number, or the length of a list; None if the argument is absent or null."""
        if self.variable is None:
            return self.known
        value = variables.get(self.variable)
        for member in self.members:
            value = value.get(member) if isinstance(value, dict) else None
        return _size(value)


class Size(NamedTuple):
    """The number of rows of a field: that of its first argument that is given."""

    arguments: Sequence[Argument]
    price: FieldPrice

    def given(self, variables: Mapping[str, Any]) -> tuple[str, int]:
        """Return the name of the argument, and the number of rows."""
        for argument in self.arguments:
            size = argument.size(variables)
            if size is not None:
                return argument.name, size
        return self.price.sizes[-1][-1], self.price.default

    def points(self, variables: Mapping[str, Any]) -> int:
        """Return the number by which the cost of a row is multiplied."""
        size, price = self.given(variables)[1], self.price
        return -(-min(size, price.most) // price.per_point)


class Term(NamedTuple):
    """The cost of a field or a fragment: `points` and the terms `once`; for each row 1 and the terms `rows`.

    Other terms are given by their positions in the document, all lower than that of this term.
    """

    name: str | None
    """The response name; None for a fragment or an operation."""
    once: Sequence[int]
    rows: Sequence[int] = ()
    points: int = 0
    size: Size | None = None
    """The number of rows; None for a field without rows."""
    has_pages: bool = False
    """Whether the term or one of its parts has rows."""


@dataclass(frozen=True, slots=True)
class OperationCost:
    """The cost of one operation, as a function of its variables."""

    terms: Sequence[Term]
    """The terms of the document; those up to `root` count."""
    root: int
    """The position of the operation's term."""
    defaults: Mapping[str, Any]
    """Default values of the operation's variables."""
    constant: int | None
    """The cost if it does not depend on variables."""

    def __call__(self, variables: Mapping[str, Any] | None) -> int:
        """Return the cost, at most `SATURATED`. Invalid values count as 1: execution refuses them."""
        return self.values(self.given(variables))[self.root] if self.constant is None else self.constant

    def check(self, variables: Mapping[str, Any] | None, limit: int) -> None:
        """Raise OperationTooExpensive if the cost is above the limit; 0 means no limit."""
        if limit and (cost := self(variables)) > limit:
            raise OperationTooExpensive(cost, limit, *self._most_expensive(self.given(variables)))

    def given(self, variables: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """Return the variables with their default values."""
        return {**self.defaults, **(variables or {})}

    def values(self, variables: Mapping[str, Any]) -> list[int]:
        """Return the value of each term, up to the operation's."""
        values: list[int] = []
        for term in self.terms[: self.root + 1]:
            value = term.points + sum([values[each] for each in term.once])
            if term.size is not None:
                value += term.size.points(variables) * (1 + sum([values[each] for each in term.rows]))
            values.append(min(value, SATURATED))
        return values

    def _most_expensive(self, variables: Mapping[str, Any]) -> tuple[list[str], str]:
        """Return the path of the most expensive field, and its text with the sizes of lists.

        The path follows the most expensive part of each selection, down to a field that costs more by itself.
        """
        values = self.values(variables)
        path: list[str] = []
        shown: list[str] = []
        at = self.root
        while True:
            term = self.terms[at]
            rows = term.size.points(variables) if term.size else 0
            if term.name is not None:
                path.append(term.name)
                size = "({}: {:,})".format(*term.size.given(variables)) if term.size else ""
                shown.append(term.name + size)
            parts = [(values[each], each) for each in term.once]
            parts += [(values[each] * rows, each) for each in term.rows]
            most, at = max(parts, default=(0, 0))
            if most <= term.points + rows:
                return path, ".".join(shown)


class Costs:
    """Compiles the documents of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._prices = Prices(schema)

    def of(self, document: DocumentNode) -> dict[str | None, OperationCost]:
        """Return the costs of a valid document's operations by their names."""
        terms = Terms(self._schema, self._prices, document)
        return {
            each.name.value if each.name else None: terms.operation(each)
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
        }


class Parts(NamedTuple):
    """The terms of a selection set: those that count once, and those that count for each row of its connection."""

    once: list[int]
    rows: list[int]


class Terms:
    """The terms of one document, each after those that it refers to."""

    def __init__(self, schema: GraphQLSchema, prices: Prices, document: DocumentNode) -> None:
        self._schema = schema
        self._prices = prices
        self._terms: list[Term] = []
        self._varies = False
        """Whether a size depends on variables."""
        self._fragments: dict[str, Parts] = {}
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        for name in spread_first(fragments):
            node = fragments[name]
            once, rows = self._selections(node.selection_set, self._schema.type_map[node.type_condition.name.value])
            self._fragments[name] = Parts(self._fragment(once), self._fragment(rows))

    def operation(self, node: OperationDefinitionNode) -> OperationCost:
        """Return the cost of an operation of the document."""
        parts = self._selections(node.selection_set, self._schema.get_root_type(node.operation))
        defaults = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in node.variable_definitions or ()
            if each.default_value is not None
        }
        root = self._add(Term(None, parts.once))
        cost = OperationCost(self._terms, root, defaults, None)
        return cost if self._varies else replace(cost, constant=cost(None))

    def _add(self, term: Term) -> int:
        parts = any(self._terms[each].has_pages for each in (*term.once, *term.rows))
        self._terms.append(term._replace(has_pages=parts or term.size is not None))
        return len(self._terms) - 1

    def _fragment(self, parts: list[int]) -> list[int]:
        return [self._add(Term(None, parts))] if parts else []

    def _selections(self, node: SelectionSetNode | None, type_: Any) -> Parts:
        parts = Parts([], [])
        if node is not None:
            self._collect(node, type_, parts)
        return parts

    def _collect(self, node: SelectionSetNode, type_: Any, parts: Parts) -> None:
        """Add the terms of a selection set to `parts`, with those of its inline fragments."""
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                if not selection.name.value.startswith("__"):
                    self._field(selection, type_, parts)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                narrowed = type_ if condition is None else self._schema.type_map[condition.name.value]
                self._collect(selection.selection_set, narrowed, parts)
            elif isinstance(selection, FragmentSpreadNode):
                for into, terms in zip(parts, self._fragments[selection.name.value], strict=True):
                    into.extend(terms)

    def _field(self, node: FieldNode, parent: Any, parts: Parts) -> None:
        price = self._prices.of(parent, node.name.value)
        once, rows = self._selections(node.selection_set, price.type)
        if price.multiplies:
            once, rows = [], once
        if price.points or price.sizes or once:
            arguments = [each for path in price.sizes if (each := _argument(node, path)) is not None]
            self._varies |= any(each.variable is not None for each in arguments)
            size = Size(arguments, price) if price.sizes else None
            term = self._add(Term((node.alias or node.name).value, once, rows, price.points, size))
            (parts.rows if price.is_row else parts.once).append(term)


def _argument(node: FieldNode, path: Sequence[str]) -> Argument | None:
    """Return the argument of a field at this path of names, or None if it is absent."""
    value: Any = node
    members = list(path)
    while members and isinstance(value, FieldNode | ObjectValueNode):
        children = value.arguments if isinstance(value, FieldNode) else value.fields
        member = members.pop(0)
        value = next((each.value for each in children or () if each.name.value == member), None)
    if isinstance(value, VariableNode):
        return Argument(path[-1], None, value.name.value, members)
    return None if value is None or members else Argument(path[-1], _size(value_from_ast_untyped(value)))


def _size(value: object) -> int | None:
    """Return a number, the length of a list, or 1 for any other value; None for null.

    GraphQL takes a whole number of JSON such as 5.0 as an integer, and a single value as a list of one.
    """
    if value is None:
        return None
    if isinstance(value, list):
        return len(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return max(0, value) if isinstance(value, int) else 1
