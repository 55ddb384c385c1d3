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
    """A page, and a function that counts the whole list."""

    edges: list[Edge[RowT]]
    page_info: PageInfo
    count: Callable[[], Awaitable[int]] | None = None
    status_counts: Callable[[], Awaitable[list[StatusCount]]] | None = None
    """Of a list of analyses."""

    @property
    def nodes(self) -> list[RowT]:
        """The rows without their cursors."""
        return [edge.node for edge in self.edges]


async def read_page(
    database: Database,
    read: Callable[[AsyncConnection], Awaitable[Page[RowT]]],
    count: Callable[[AsyncConnection], Awaitable[int]],
) -> Connection[RowT]:
    """Return the connection of a page from the store. Raise ClientError for an invalid cursor."""

    async def count_all() -> int:
        async with database.read() as connection:
            return await count(connection)

    with _page_errors():
        async with database.read() as connection:
            page = await read(connection)
    edges = [Edge(page.cursor(row), row) for row in page.rows]
    return Connection(edges, page_info(edges, has_next=page.has_next, has_previous=page.has_previous), count_all)


def page_info(edges: list[Edge[RowT]], *, has_next: bool, has_previous: bool) -> PageInfo:
    """Return the page info of these edges."""
    return PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


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
