"""Types that all subjects share: nodes, pages, user errors, progress; and the descriptions of their arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from strawberry.types.arguments import StrawberryArgumentAnnotation

from analyzers.base import AnalysisErrorCode
from execution.prices import priced
from resolvers import user_errors
from resolvers.context import Context
from resolvers.paging import Connection as ConnectionOf
from resolvers.subjects import ACCOUNTS, SUBJECTS, is_row_of
from resolvers.user_errors import UserErrorCode
from schema.scalars import describe
from store import subjects
from store.tables import AnalysisStatus, BatchStatus, HealthStatus

Info = strawberry.Info[Context, Any]
NodeT = TypeVar("NodeT")

FirstEvents = Annotated[int | None, strawberry.argument(description="Maximum number of events: 0 to 1,000.")]
AfterEvent = Annotated[
    str | None,
    strawberry.argument(
        description=(
            "Returns events after this cursor. Null starts at the oldest event. If events after the cursor were "
            "deleted for their age, or the database was replaced or restored from a backup without the event of the "
            "cursor, the request fails with the code HISTORY_GONE; its extension `historyBegins` holds the first "
            "usable cursor."
        )
    ),
]


def id_of(noun: str) -> StrawberryArgumentAnnotation:
    """Describe the argument `id` of a field that reads one object."""
    return strawberry.argument(description=f"Id of the {noun}.")


def first_of(nodes: str) -> StrawberryArgumentAnnotation:
    """Describe the argument `first` of a list, whose entries have this noun in the plural."""
    return strawberry.argument(
        description=(
            f"Maximum number of {nodes} from the start, or after the cursor `after`: 0 to 1,000. "
            "20 if both `first` and `last` are omitted."
        )
    )


def after_of(nodes: str) -> StrawberryArgumentAnnotation:
    """Describe the argument `after` of a list."""
    return strawberry.argument(description=f"Returns {nodes} after this cursor of the same list.")


def last_of(nodes: str) -> StrawberryArgumentAnnotation:
    """Describe the argument `last` of a list."""
    return strawberry.argument(
        description=(
            f"Maximum number of {nodes} from the end, or before the cursor `before`: 0 to 1,000. "
            "Must not be combined with `first`."
        )
    )


def before_of(nodes: str) -> StrawberryArgumentAnnotation:
    """Describe the argument `before` of a list."""
    return strawberry.argument(description=f"Returns {nodes} before this cursor of the same list.")


describe(
    UserErrorCode,
    "Kind of problem with a mutation's input.",
    {
        "INVALID": "A value is malformed, missing or out of bounds.",
        "NOT_FOUND": "The id refers to an object that does not exist or is not visible to the caller.",
        "CONFLICT": (
            "The object's current state does not allow the operation, for example canceling a finished analysis."
        ),
        "TOO_LARGE": "The request exceeds the limit on items, bytes or work for one request.",
        "UNSUPPORTED": (
            "No analyzer on this server can read content of this type, or the installation lacks a required package."
        ),
        "IDEMPOTENCY_MISMATCH": "The idempotency key was used before with different input.",
        "INPUT_UNREADABLE": "Content of a batch item: empty, malformed or unreadable. Used only for items.",
        "INPUT_TOO_LARGE": "Content of a batch item: beyond the limits of its analyzer. Used only for items.",
        "UNSUPPORTED_FORMAT": (
            "Content of a batch item: a format without an analyzer on this server. Used only for items."
        ),
    },
)

describe(
    HealthStatus,
    "Health of a component or of the whole server.",
    {
        "HEALTHY": "Works as intended.",
        "DEGRADED": "Works with limitations and needs attention.",
        "UNHEALTHY": "Does not work and needs immediate attention.",
    },
)


describe(
    AnalysisStatus,
    "State of an analysis.",
    {
        "QUEUED": "Waiting for a worker, for the first attempt or for a retry.",
        "RUNNING": "Claimed by a worker.",
        "COMPLETED": "Ended with a result.",
        "FAILED": "Ended with an error after the last permitted attempt.",
        "CANCELED": "Ended by a cancel request.",
        "TIMED_OUT": "Ended by the timeout of the analysis or of its batch.",
    },
)

describe(
    AnalysisErrorCode,
    "Kind of analysis error.",
    {
        "INPUT_UNREADABLE": "The input is empty, malformed or unreadable.",
        "INPUT_TOO_LARGE": "The input, or its result, exceeds the analyzer's limits.",
        "UNSUPPORTED_FORMAT": (
            "No analyzer on this server reads the format, or the installation lacks a required package."
        ),
        "ANALYZER_FAILED": "The analyzer raised an error. The message names the error.",
        "WORKER_LOST": "The process running the analysis was lost in every attempt.",
        "MEMORY_EXCEEDED": "The analysis exceeded its analyzer's memory limit.",
        "TIMED_OUT": "The timeout of the analysis or of its batch expired.",
        "CANCELED": "The analysis was canceled.",
    },
)

describe(
    BatchStatus,
    "State of a batch.",
    {
        "QUEUED": "No item has started.",
        "RUNNING": "At least one item has started, and not all have ended.",
        "COMPLETED": "Every item has ended, in any final state.",
        "CANCELED": "The batch was canceled, and every item has ended.",
        "TIMED_OUT": "The batch timeout expired, and every item has ended.",
    },
)


@strawberry.interface(
    description=(
        "An object with a global id. Ids are opaque, carry a type prefix (analysis_…, batch_…) and are unique across "
        "types."
    )
)
class Node:
    id: strawberry.ID = strawberry.field(description="Global id, for `node` and for client caches.")

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return is_row_of(cls.__name__, value)


@strawberry.type(description="Relay page information.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more edges follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether more edges precede this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge. Null for an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge. Null for an empty page.")


# Strawberry gives `Edge[Analysis]` and `Edge[Batch]` one description: `schema.build` puts in the nouns.
NOUNS: Mapping[str, tuple[str, str, str]] = {
    **{
        subject.type_name: ("An" if kind[0] in "aeiou" else "A", kind, subjects.SUBJECTS[kind].name)
        for kind, subject in SUBJECTS.items()
    },
    **{account.type_name: account.nouns for account in ACCOUNTS.values()},
}


@strawberry.type(description="{A} {node} in a page.")
class Edge(Generic[NodeT]):
    cursor: str = strawberry.field(description="Position in the list, for `after` and `before`.")
    node: NodeT = strawberry.field(description="The {node}.")


@strawberry.type(description="A page of {nodes}. The page does not shift while the list grows.")
class Connection(Generic[NodeT]):
    edges: list[Edge[NodeT]] = strawberry.field(description="{Nodes} of the page, with cursors.")
    nodes: list[NodeT] = strawberry.field(description="{Nodes} of the page.")
    page_info: PageInfo = strawberry.field(description="Page information.")

    @strawberry.field(description="Number of {nodes} in the whole list. Counted only if selected.", metadata=priced(10))
    async def total_count(root: strawberry.Parent[ConnectionOf[Any]]) -> int:
        assert root.count is not None
        return await root.count()


@strawberry.type(
    description="A problem with a mutation's input. Server failures are reported as top-level errors instead."
)
class UserError:
    code: user_errors.UserErrorCode = strawberry.field(description="Kind of problem.")
    message: str = strawberry.field(description="One sentence: the problem and the correct form.")
    path: list[str] | None = strawberry.field(
        description=(
            "Path to the invalid input field, from the input object down, with list positions as numbers in text: "
            '["items", "3", "request", "text", "text"]. Null if the problem does not belong to a single field.'
        )
    )


@strawberry.type(description="Progress of an analysis or a batch.")
class Progress:
    fraction: float = strawberry.field(description="Completed share, from 0 to 1. Never decreases within one attempt.")
    step: str | None = strawberry.field(
        description='Human-readable description of the current step: "extracting page 12 of 40".'
    )
    eta_seconds: float | None = strawberry.field(
        description="Estimated seconds until the end. Null until there is enough data for an estimate."
    )


USER_ERRORS = "Problems with the request. Empty on success."
