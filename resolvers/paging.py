"""Lists as connections: a page of rows, counted only when somebody asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from execution.errors import ClientError, ErrorCode
from store.sql.paging import Page, PageError, PageRequest

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Edge(Generic[RowT]):
    """A row and its place in the list."""

    cursor: str
    node: RowT


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Whether there is more, and the places of the first and the last row."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Connection(Generic[RowT]):
    """A page, and how to count the whole list."""

    edges: list[Edge[RowT]]
    page_info: PageInfo
    count: Callable[[], Awaitable[int]] | None = None

    @classmethod
    def of(cls, page: Page[RowT], count: Callable[[], Awaitable[int]]) -> Connection[RowT]:
        """The connection of a page from the store."""
        edges = [Edge(page.cursor(row), row) for row in page.rows]
        return cls(edges, page_info(edges, has_next=page.has_next, has_previous=page.has_previous), count)

    @property
    def nodes(self) -> list[RowT]:
        """The rows alone."""
        return [edge.node for edge in self.edges]


def page_info(edges: list[Edge[RowT]], *, has_next: bool, has_previous: bool) -> PageInfo:
    """The page info of these edges."""
    return PageInfo(
        has_next_page=has_next,
        has_previous_page=has_previous,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )


def page_request(
    first: int | None, after: str | None = None, last: int | None = None, before: str | None = None
) -> PageRequest:
    """The page that these arguments ask for. Raises ClientError where they are out of bounds or exclude each other."""
    try:
        return PageRequest.of(first, after, last, before)
    except PageError as error:
        raise page_fault(error) from None


def each_once(values: Sequence[RowT] | None) -> list[RowT] | None:
    """A filter's values without repeats: a database takes only so many in one statement."""
    return None if values is None else list(dict.fromkeys(values))


def page_fault(error: PageError) -> ClientError:
    """A wrong page argument, as the client sees it."""
    return ClientError(ErrorCode.BAD_USER_INPUT, str(error), argument=error.argument)
