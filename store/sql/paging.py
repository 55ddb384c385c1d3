"""Keyset pages: a page begins after a row's own values, and does not shift while rows arrive.

A list has a name, an order of columns that ends in a unique one, all ascending or all descending, and an index over
them. A list may consist of parts, each with an index of its own; a page merges the first rows of all parts. A cursor is
the list's name and a row's values in its order. A cursor of another list is refused.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Float,
    Result,
    Select,
    Text,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_PAGE = 1000
RowT = TypeVar("RowT")


class PageError(ValueError):
    """A wrong page argument. The message states the fault and the correct form."""

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(message)
        self.argument = argument


def rows_of(result: Result[Any], row_type: type[RowT]) -> list[RowT]:
    """Returns the driver's rows, read-only, with the attributes of the table's class."""
    return cast(list[RowT], result.all())


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of a list that match a condition; no row is in two parts."""

    where: ColumnElement[bool]
    values: Sequence[ColumnElement[Any]] | None = None
    """The values of the list's order in this part, if not its columns: a literal for a constant."""
    by: Sequence[ColumnElement[Any]] | None = None
    """An indexed order that equals the list's own in this part."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged list: its name, and its order, from the most significant column to the unique one."""

    name: str
    order: Sequence[ColumnElement[Any]]
    descending: bool = False
    parts: Sequence[Part] = (Part(true()),)

    def cursor(self, row: Any) -> str:
        """Returns the cursor of a row of `fetch_page`."""
        values = [getattr(row, label) for label in _labels(self)]
        return urlsafe_b64encode(orjson.dumps([self.name, *values])).decode().rstrip("=")

    def values(self, argument: str, cursor: str) -> list[Any]:
        """Returns the values of a cursor of this list. Raises PageError for any other text."""
        try:
            name, *values = cast(list[Any], orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))))
        except (ValueError, TypeError):
            raise PageError(argument, f"`{argument}` is no cursor: give one that this list gave") from None
        if name != self.name or len(values) != len(self.order) or not all(map(_fits, self.order, values)):
            raise PageError(argument, f"`{argument}` is a cursor of another list: give one that this list gave")
        return values


def _fits(column: ColumnElement[Any], value: object) -> bool:
    """Whether the column can be compared with this value: PostgreSQL refuses wrong types and too large numbers."""
    if isinstance(column.type, Text):
        return isinstance(value, str) and "\0" not in value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(column.type, Float):
        return abs(value) < 2**63
    bits = 63 if isinstance(column.type, BigInteger) else 31
    return isinstance(value, int) and abs(value) < 2**bits


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Relay's four page arguments, checked."""

    size: int
    backward: bool
    after: str | None = None
    before: str | None = None

    @classmethod
    def of(
        cls,
        first: int | None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        *,
        default: int = 20,
    ) -> PageRequest:
        """Raises PageError for both of `first` and `last`, or for one below 0 or above 1,000."""
        if first is not None and last is not None:
            raise PageError("last", "`first` and `last` can't be given together: take one")
        for argument, size in (("first", first), ("last", last)):
            if size is not None and not 0 <= size <= MAX_PAGE:
                raise PageError(argument, f"`{argument}` is {size}: it goes from 0 to {MAX_PAGE:,}")
        backward = last is not None
        size = last if last is not None else first if first is not None else default
        return cls(size=size, backward=backward, after=after, before=before)


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """A page of a list, in the list's order."""

    rows: list[RowT]
    has_next: bool
    has_previous: bool
    listing: Listing

    def cursor(self, row: RowT) -> str:
        """Returns the cursor of one of the rows."""
        return self.listing.cursor(row)


async def fetch_page(
    connection: AsyncConnection, statement: Select[Any], listing: Listing, request: PageRequest, row_type: type[RowT]
) -> Page[RowT]:
    """Read one page of `statement`, which has conditions but no order. Raises PageError for a wrong cursor."""
    descending = listing.descending != request.backward
    ends = [
        ((argument == "after") != listing.descending, listing.values(argument, cursor))
        for argument, cursor in (("after", request.after), ("before", request.before))
        if cursor is not None
    ]
    parts = [_part(statement, listing, part, ends, descending).limit(request.size + 1) for part in listing.parts]
    page: Select[Any] | CompoundSelect[Any]
    if len(parts) == 1:
        (page,) = parts
    else:
        page = union_all(*(select(part.subquery()) for part in parts)).limit(request.size + 1)
        page = page.order_by(*_directed(map(literal_column, _labels(listing)), descending))
    rows = rows_of(await connection.execute(page), row_type)
    more = len(rows) > request.size
    del rows[request.size :]
    if request.backward:
        rows.reverse()
    return Page(
        rows=rows,
        has_next=request.before is not None if request.backward else more,
        has_previous=more if request.backward else request.after is not None,
        listing=listing,
    )


def _part(
    statement: Select[Any], listing: Listing, part: Part, ends: Sequence[tuple[bool, list[Any]]], descending: bool
) -> Select[Any]:
    columns = part.values or listing.order
    key = tuple_(*columns)
    for forward, values in ends:
        statement = statement.where(key > tuple_(*values) if forward else key < tuple_(*values))
    return (
        statement.where(part.where)
        .add_columns(*(column.label(label) for column, label in zip(columns, _labels(listing), strict=True)))
        .order_by(*_directed(part.by or columns, descending))
    )


def _labels(listing: Listing) -> list[str]:
    return [f"order_{index}" for index in range(len(listing.order))]


def _directed(columns: Iterable[ColumnElement[Any]], descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in columns]
