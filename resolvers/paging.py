"""Lists as connections: a page of rows, and the size of the whole list if a client selects it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from execution.errors import ClientError, ErrorCode
from store.sql.database import Database
from store.sql.paging import Page, PageArguments, PageError
from store.sql.short import Reader
from store.status_counts import StatusCount

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Edge(Generic[RowT]):
    """A row and its cursor."""

    cursor: str
    node: RowT


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Whether more rows follow or precede the page, and the cursors of its first and last row."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Connection(Generic[RowT]):
    """A page, and a function that counts the whole list. Cursors are written only if a client selects them."""

    nodes: list[RowT]
    """The rows without their cursors."""
    cursor: Callable[[RowT], str]
    has_next: bool
    has_previous: bool
    count: Callable[[], Awaitable[int]] | None = None
    status_counts: Callable[[], Awaitable[list[StatusCount]]] | None = None
    """Of a list of analyses."""

    @property
    def edges(self) -> list[Edge[RowT]]:
        """The rows with their cursors."""
        return [Edge(self.cursor(node), node) for node in self.nodes]

    @property
    def page_info(self) -> PageInfo:
        """The page info of these rows."""
        return PageInfo(
            has_next_page=self.has_next,
            has_previous_page=self.has_previous,
            start_cursor=self.cursor(self.nodes[0]) if self.nodes else None,
            end_cursor=self.cursor(self.nodes[-1]) if self.nodes else None,
        )


async def read_page(
    database: Database,
    read: Callable[[Reader], Awaitable[Page[RowT]]],
    count: Callable[[AsyncConnection], Awaitable[int]],
    status_counts: Callable[[], Awaitable[list[StatusCount]]] | None = None,
) -> Connection[RowT]:
    """Return the connection of a page from the store. Raise ClientError for an invalid cursor."""

    async def count_all() -> int:
        async with database.read() as connection:
            return await count(connection)

    with _page_errors():
        page = await read(database)
    return Connection(page.rows, page.cursor, page.has_next, page.has_previous, count_all, status_counts)


async def read_page_of(
    database: Database,
    read: Callable[[AsyncConnection], Awaitable[Page[RowT]]],
    count: Callable[[AsyncConnection], Awaitable[int]] | None = None,
) -> Connection[RowT]:
    """`read_page` for a list whose statement is not short. Without `count`, the list has no total."""

    async def count_all() -> int:
        assert count is not None
        async with database.read() as connection:
            return await count(connection)

    with _page_errors():
        async with database.read() as connection:
            page = await read(connection)
    return Connection(page.rows, page.cursor, page.has_next, page.has_previous, count and count_all)


def page_request(
    first: int | None, after: str | None = None, last: int | None = None, before: str | None = None
) -> PageArguments:
    """Return a client's page arguments. Raise ClientError if they are out of bounds or exclude each other."""
    with _page_errors():
        return PageArguments(first, after, last, before)


def each_once(values: Sequence[RowT] | None) -> list[RowT] | None:
    """Return the values of a filter without duplicates: databases limit the parameters of a statement."""
    return None if values is None else list(dict.fromkeys(values))


@contextmanager
def _page_errors() -> Iterator[None]:
    try:
        yield
    except PageError as error:
        raise ClientError(ErrorCode.BAD_USER_INPUT, str(error), argument=error.argument) from None
