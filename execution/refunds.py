"""The actual cost of a query: without the rows that its pages lack.

The refund of a page is the cost of each missing row, at any depth. A page is refunded if the answer shows its length:
if `nodes`, `edges` or the list itself was selected. Null, fields left out by directives and lists that count once are
not refunded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from execution.cost import OperationCost
from execution.limits import SATURATED


def actual_cost(cost: OperationCost, variables: Mapping[str, Any] | None, data: Mapping[str, Any]) -> int:
    """Return the cost of a query with the data of its answer: from 0 to its cost before the run."""
    if not cost.terms[cost.root].has_pages:
        return cost(variables)
    given = cost.given(variables)
    values = cost.values(given)
    if values[cost.root] >= SATURATED:
        return values[cost.root]
    return values[cost.root] - _Answer(cost, given, values).missing(cost.root, data)


class _Answer:
    """Compares the pages of an operation with the lists in its answer."""

    def __init__(self, cost: OperationCost, variables: Mapping[str, Any], values: Sequence[int]) -> None:
        self._terms = cost.terms
        self._variables = variables
        self._values = values
        self._known: dict[tuple[int, int], int] = {}
        """By fragment and object: fragments that double again and again are read once for each object."""

    def missing(self, at: int, value: Any) -> int:
        """Return the points of the missing rows of a term in this object, at most the points of the term."""
        term = self._terms[at]
        if not term.has_pages or not isinstance(value, dict):
            return 0
        if term.name is None:
            return self._shared(at, value, lambda: sum([self.missing(each, value) for each in term.once]))
        found = value.get(term.name)
        if term.size is None:
            return sum([self.missing(each, found) for each in term.once])
        points = sum([self.missing(each, found) for each in term.once])
        rows = _rows(found)
        if rows is not None:
            row = 1 + sum([self._values[each] for each in term.rows])
            points += max(0, term.size.points(self._variables) - rows) * row
            points += sum([self._in_rows(each, found) for each in term.rows])
        return min(points, self._values[at])

    def _in_rows(self, at: int, page: Any) -> int:
        """Return the points of the missing rows inside the rows of a page."""
        term = self._terms[at]
        if not term.has_pages:
            return 0
        if isinstance(page, list):  # its rows are its elements
            return sum([self.missing(at, row) for row in page])
        if term.name is None:
            return self._shared(at, page, lambda: sum([self._in_rows(each, page) for each in term.once]))
        rows = page.get(term.name)
        return sum([self.missing(each, row) for row in rows for each in term.once]) if isinstance(rows, list) else 0

    def _shared(self, at: int, value: Any, find: Any) -> int:
        key = at, id(value)
        if key not in self._known:
            self._known[key] = find()
        return self._known[key]


def _rows(page: Any) -> int | None:
    """Return the number of rows of a list, or of the longest list of a connection; None without a list."""
    if isinstance(page, list):
        return len(page)
    if not isinstance(page, dict):
        return None
    return max((len(each) for each in page.values() if isinstance(each, list)), default=None)
