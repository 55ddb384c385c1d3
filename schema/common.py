"""Shapes that every subject shares: nodes, pages, faults, progress."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar

import strawberry

from resolvers import user_errors
from resolvers.context import Context
from resolvers.paging import Connection as ConnectionOf
from resolvers.subjects import is_row_of
from resolvers.user_errors import UserErrorCode
from schema.scalars import describe

Info = strawberry.Info[Context, Any]
NodeT = TypeVar("NodeT")

Id = Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
First = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "At most so many, from the start or behind `after`: 0 to 1,000. "
            "20 where neither `first` nor `last` is given."
        )
    ),
]
After = Annotated[str | None, strawberry.argument(description="Behind this cursor of the same list.")]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="At most so many, from the end or before `before`: 0 to 1,000. Not together with `first`."
    ),
]
Before = Annotated[str | None, strawberry.argument(description="Before this cursor of the same list.")]

FirstEvents = Annotated[int | None, strawberry.argument(description="At most so many: 0 to 1,000.")]
AfterEvent = Annotated[str | None, strawberry.argument(description="Behind the event of this cursor.")]

describe(
    UserErrorCode,
    "What kind of fault a request has.",
    {
        "INVALID": "A value is malformed, missing, or out of its bounds.",
        "NOT_FOUND": "What an id names does not exist, or is not the caller's to see.",
        "CONFLICT": "The thing is in a state in which this can't be done (canceling what has ended, say).",
        "TOO_LARGE": "More items, bytes or work than one request may bring.",
        "UNSUPPORTED": "The content is of a kind that no analyzer here can read.",
        "IDEMPOTENCY_MISMATCH": "The same idempotency key came before with another input.",
    },
)


@strawberry.interface(
    description=(
        "Anything that has an id of its own. Ids are opaque, typed by their prefix (analysis_…, batch_…) "
        "and unique across types."
    )
)
class Node:
    id: strawberry.ID = strawberry.field(description="The id, for `node` and for a client's cache.")

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return is_row_of(cls.__name__, value)


@strawberry.type(description="Relay's page info.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more behind this page.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last edge; null on an empty page.")


@strawberry.type(description="One thing of a list, and its place there.")
class Edge(Generic[NodeT]):
    cursor: str = strawberry.field(description="Its place, for `after` and `before`.")
    node: NodeT = strawberry.field(description="The thing itself.")


@strawberry.type(description="A page of a list. It stays where it is while the list grows.")
class Connection(Generic[NodeT]):
    edges: list[Edge[NodeT]] = strawberry.field(description="The page, each thing with its cursor.")
    nodes: list[NodeT] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and where to go on.")

    @strawberry.field(description="How many there are in the whole list; counted only where it is selected.")
    async def total_count(root: strawberry.Parent[ConnectionOf[Any]]) -> int:
        assert root.count is not None
        return await root.count()


@strawberry.type(
    description=(
        "Why a mutation did not do what was asked. Faults of the request stand here; faults of the server are "
        "top-level errors."
    )
)
class UserError:
    code: user_errors.UserErrorCode = strawberry.field(description="What kind of fault it is.")
    message: str = strawberry.field(description="Says what is wrong and what would be right, in one sentence.")
    path: list[str] | None = strawberry.field(
        description=(
            "The way to the input field at fault, from the input object down, list positions as numbers in text: "
            '["items", "3", "request", "text", "text"]. Null where no one field is at fault.'
        )
    )


@strawberry.type(description="How far a piece of work has come.")
class Progress:
    fraction: float = strawberry.field(description="From 0 to 1, never going back within one attempt.")
    step: str | None = strawberry.field(
        description='What is being done now, in words a person can read: "extracting page 12 of 40".'
    )
    eta_seconds: float | None = strawberry.field(
        description="Seconds until it is expected to end; null before there is something to reckon from."
    )


USER_ERRORS = "What is wrong with the request; empty where it was done as asked."
