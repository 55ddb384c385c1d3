"""Keyset pages: a page begins after the values of a row, so that it does not shift while rows arrive.

The order of a list is a sequence of columns that ends in a unique one, all ascending or all descending, with an index.
A list may instead consist of parts, each with its own index: a page then merges the first rows of all parts. A cursor
holds the list's name and a row's values in that order. A cursor of another list is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Float,
    Integer,
    Result,
    Select,
    Text,
    bindparam,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

DEFAULT_PAGE, MAX_PAGE = 20, 1_000
"""Rows of a page: without `first` and `last`, and at most."""

RowT = TypeVar("RowT")


class PageError(ValueError):
    """A page argument is invalid. `argument` is its name; the message states the rule."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


def rows_of(result: Result[Any], row_type: type[RowT]) -> list[RowT]:
    """Return the rows as the driver gives them: with the attributes of their table's class, and read-only."""
    return cast(list[RowT], result.all())


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a list that meet a condition. Parts do not overlap."""

    where: ColumnElement[bool]
    values: Sequence[ColumnElement[Any]] | None = None
    """Values of the list's order in this part, if not its columns: a literal if all rows have the same value."""
    by: Sequence[ColumnElement[Any]] | None = None
    """An order with an index that is equivalent to the list's order in this part."""


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A list with pages: its name, and the columns of its order, the unique one last."""

    name: str
    order: Sequence[ColumnElement[Any]]
    descending: bool = False
    parts: Sequence[Part] = (Part(true()),)

    def cursor(self, row: Any) -> str:
        """Return the cursor of a row from `fetch_page`."""
        values = [getattr(row, label) for label in _labels(self)]
        return urlsafe_b64encode(orjson.dumps([self.name, *values])).decode().rstrip("=")

    def values(self, argument: str, cursor: str) -> list[Any]:
        """Return the values in a cursor of this list. Raise PageError for any other text."""
        try:
            name, *values = cast(list[Any], orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        except (ValueError, TypeError):
            raise PageError(argument, f"`{argument}` is not a cursor: use a cursor from this list") from None
        if name != self.name or len(values) != len(self.order) or not all(map(_fits, self.order, values)):
            raise PageError(argument, f"`{argument}` is a cursor of another list: use a cursor from this list")
        return values


def _fits(column: ColumnElement[Any], value: object) -> bool:
    """Whether a database can compare the column with this value.

    PostgreSQL refuses a text in place of a number, and a number that the column's type can't hold.
    """
    if isinstance(column.type, Text):
        return isinstance(value, str) and "\0" not in value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(column.type, Float):
        return abs(value) < 2**63
    bits = 63 if isinstance(column.type, BigInteger) else 31
    return isinstance(value, int) and abs(value) < 2**bits


class PageShape(NamedTuple):
    """The arguments of a page on which the text of its statement depends: the direction, and the given cursors."""

    backward: bool
    after: bool
    before: bool


@dataclass(frozen=True, slots=True)
class PageArguments:
    """Relay's four arguments of a list, within their bounds.

    Raises PageError if `first` and `last` are both given, or if one is below 0 or above `MAX_PAGE`.
    """

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None:
            raise PageError("last", "`first` and `last` can't be combined: give one of them")
        for argument, size in (("first", self.first), ("last", self.last)):
            if size is not None and not 0 <= size <= MAX_PAGE:
                raise PageError(argument, f"`{argument}` is {size}: it must be from 0 to {MAX_PAGE:,}")

    @property
    def backward(self) -> bool:
        """Whether the page is taken from the end of the list."""
        return self.last is not None

    @property
    def shape(self) -> PageShape:
        """The shape of the page's statement."""
        return PageShape(self.last is not None, self.after is not None, self.before is not None)

    @property
    def size(self) -> int:
        """Maximum number of rows."""
        size = self.first if self.last is None else self.last
        return DEFAULT_PAGE if size is None else size


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Consecutive rows of a list, in the list's order."""

    rows: list[RowT]
    has_next: bool
    has_previous: bool
    listing: Listing

    def cursor(self, row: RowT) -> str:
        """Return the cursor of a row of this page."""
        return self.listing.cursor(row)


async def fetch_page(
    connection: AsyncConnection, statement: Select[Any], listing: Listing, page: PageArguments, row_type: type[RowT]
) -> Page[RowT]:
    """Return a page of `statement`, which has conditions but no order. Raise PageError for an invalid cursor."""
    result = await connection.execute(page_statement(statement, listing, page.shape), page_values(listing, page))
    return page_of(rows_of(result, row_type), listing, page)


def page_statement(statement: Select[Any], listing: Listing, shape: PageShape) -> Select[Any] | CompoundSelect[Any]:
    """Return the statement of all pages of a shape. Its parameters have the names of `page_values`."""
    descending = listing.descending != shape.backward
    limit = bindparam("limit", type_=Integer)
    parts = [_part(statement, listing, part, shape, descending).limit(limit) for part in listing.parts]
    if len(parts) == 1:
        return parts[0]
    query = union_all(*(select(part.subquery()) for part in parts)).limit(limit)
    return query.order_by(*_directed(map(literal_column, _labels(listing)), descending))


def page_values(listing: Listing, page: PageArguments) -> dict[str, Any]:
    """Return the parameters of a page. Raise PageError for an invalid cursor."""
    values: dict[str, Any] = {"limit": page.size + 1}
    for argument, cursor in (("after", page.after), ("before", page.before)):
        if cursor is not None:
            values |= zip(_ends(listing, argument), listing.values(argument, cursor), strict=True)
    return values


def page_of(rows: list[RowT], listing: Listing, page: PageArguments) -> Page[RowT]:
    """Return the page of the rows that its statement has found."""
    size = page.size
    more = len(rows) > size
    del rows[size:]
    if page.backward:
        rows.reverse()
    return Page(
        rows=rows,
        has_next=page.before is not None if page.backward else more,
        has_previous=more if page.backward else page.after is not None,
        listing=listing,
    )


def _part(statement: Select[Any], listing: Listing, part: Part, shape: PageShape, descending: bool) -> Select[Any]:
    columns = part.values or listing.order
    key = tuple_(*columns)
    for argument, given in (("after", shape.after), ("before", shape.before)):
        if given:
            names = zip(_ends(listing, argument), listing.order, strict=True)
            end = tuple_(*(bindparam(name, type_=column.type) for name, column in names))
            forward = (argument == "after") != listing.descending
            statement = statement.where(key > end if forward else key < end)
    return (
        statement.where(part.where)
        .add_columns(*(column.label(label) for column, label in zip(columns, _labels(listing), strict=True)))
        .order_by(*_directed(part.by or columns, descending))
    )


def _ends(listing: Listing, argument: str) -> list[str]:
    """Return the names of the parameters of a cursor's values."""
    return [f"{argument}_{index}" for index in range(len(listing.order))]


def _labels(listing: Listing) -> list[str]:
    return [f"order_{index}" for index in range(len(listing.order))]


def _directed(columns: Iterable[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in columns]
