"""Bulk actions in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import bulk_actions as resolve
from resolvers import events as resolve_events
from resolvers.bulk_actions import Order
from resolvers.events import Happening
from schema.access import ANALYST
from schema.common import USER_ERRORS, Info, Node, Progress, UserError
from schema.events import Event, describe_events
from schema.filters import AnalysisFilter
from schema.scalars import describe
from store.bulk_actions import progress_of_bulk_action
from store.sql.clock import utcnow
from store.subjects import EventType
from store.tables import BulkActionKind, BulkActionRow, BulkActionStatus

describe(
    BulkActionKind,
    "Kind of bulk action.",
    {
        "RETRY": "Runs failed, canceled and timed-out analyses again.",
        "CANCEL": "Cancels queued and running analyses.",
        "DELETE": "Deletes analyses that have ended.",
    },
)
describe(
    BulkActionStatus,
    "State of a bulk action.",
    {
        "RUNNING": "The action has not reached all eligible analyses.",
        "COMPLETED": "The action has reached all eligible analyses.",
        "STOPPED": "The action was stopped by stopBulkAction. Finished work is kept.",
    },
)
describe_events(
    {
        "BULK_ACTION_PROGRESS": "A bulk action made progress. At most one event per second and action.",
        "BULK_ACTION_ENDED": "A bulk action completed or was stopped.",
    }
)


@strawberry.type(
    description=(
        "An action on many analyses. The server carries it out in slices, independent of the client's connection."
    )
)
class BulkAction(Node):
    id: strawberry.ID = strawberry.field(description="Global id, `bulk_…`.")
    kind: BulkActionKind = strawberry.field(description="Kind of action.")
    status: BulkActionStatus = strawberry.field(description="Current state.")
    eligible: int = strawberry.field(description="Number of eligible analyses at the start.")
    done: int = strawberry.field(description="Number of analyses with a completed action.")
    refused: int = strawberry.field(description="Number of analyses that no longer permitted the action.")

    @strawberry.field(description="Progress by reached analyses, `done` and `refused`.")
    def progress(root: strawberry.Parent[BulkActionRow]) -> Progress:
        return progress_of_bulk_action(root, utcnow())

    created_at: datetime = strawberry.field(description="Start of the action.")
    finished_at: datetime | None = strawberry.field(description="End of the action. Null while the action is RUNNING.")


@strawberry.input(description="Input of runBulkAction. Exactly one of `ids` and `filter` must be set.")
class RunBulkActionInput:
    kind: BulkActionKind = strawberry.field(description="Kind of action.")
    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of 1 to 1,000 analyses, `analysis_…`. Null with `filter`."
    )
    filter: AnalysisFilter | None = strawberry.field(
        default=None, description="Conditions for the analyses. An empty filter is INVALID. Null with `ids`."
    )
    created_before: datetime | None = strawberry.field(
        default=None,
        description=(
            "Excludes analyses created after this time, usually the time of the displayed count. Null means the time "
            "of the request."
        ),
    )
    expected: int | None = strawberry.field(
        default=None,
        description=(
            "Displayed number of eligible analyses: a larger number now is a CONFLICT. Required for DELETE with "
            "`filter`. Null disables the check."
        ),
    )
    dry_run: bool | None = strawberry.field(
        default=False, description="Whether to count without acting. Null means false."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description=(
            "Idempotency key, 1 to 200 characters. Within one day, the same key with the same input returns the first "
            "call's action and starts no work."
        ),
    )


@strawberry.type(description="Result of runBulkAction.")
class RunBulkActionPayload:
    action: BulkAction | None = strawberry.field(
        description="Started action. Null for a dry run, or if the request was rejected."
    )
    matched: int = strawberry.field(
        description=(
            "Number of analyses selected by the ids or the filter. 0 if the request was rejected, except with a "
            "CONFLICT by `expected`."
        )
    )
    eligible: int = strawberry.field(
        description=(
            "Number of matched analyses in a state that permits the action. 0 if the request was rejected, except with "
            "a CONFLICT by `expected`."
        )
    )
    user_errors: list[UserError] = strawberry.field(description=USER_ERRORS)


@strawberry.input(description="Input of stopBulkAction.")
class StopBulkActionInput:
    id: strawberry.ID = strawberry.field(description="Id of the action to stop, `bulk_…`.")


@strawberry.type(description="Result of stopBulkAction.")
class StopBulkActionPayload:
    action: BulkAction | None = strawberry.field(description="Stopped action. Null if the request was rejected.")
    user_errors: list[UserError] = strawberry.field(
        description="Problems with the request. CONFLICT for an action that has ended. Empty on success."
    )


@strawberry.type(description="A bulk action made progress or ended.")
class BulkActionEvent(Event):
    type: EventType = strawberry.field(description="Type of the event: BULK_ACTION_PROGRESS or BULK_ACTION_ENDED.")
    subject_id: strawberry.ID = strawberry.field(description="Id of the action, `bulk_…`.")

    @strawberry.field(description="Current state of the action. Null if deleted.")
    async def action(root: strawberry.Parent[Happening], info: Info) -> BulkAction | None:
        return await resolve_events.subject(info.context, root)

    @strawberry.field(description="Number of analyses with a completed action at the time of the event.")
    def done(root: strawberry.Parent[Happening]) -> int:
        return root.data["done"]

    @strawberry.field(description="Number of eligible analyses at the start of the action.")
    def eligible(root: strawberry.Parent[Happening]) -> int:
        return root.data["eligible"]


@strawberry.type
class BulkActionMutation:
    @strawberry.mutation(
        directives=ANALYST,
        description="Retries, cancels or deletes many analyses, or counts them. The caller needs no open connection.",
    )
    async def run_bulk_action(
        self,
        info: Info,
        input: Annotated[RunBulkActionInput, strawberry.argument(description="Kind of action and analyses.")],
    ) -> RunBulkActionPayload:
        order = Order(
            kind=input.kind,
            ids=input.ids,
            where=None if input.filter is None else input.filter.value(),
            created_before=input.created_before,
            expected=input.expected,
            dry_run=bool(input.dry_run),
            idempotency_key=input.idempotency_key,
        )
        return await resolve.run_bulk_action(info.context, order)

    @strawberry.mutation(directives=ANALYST, description="Stops a bulk action after its current slice.")
    async def stop_bulk_action(
        self, info: Info, input: Annotated[StopBulkActionInput, strawberry.argument(description="Action to stop.")]
    ) -> StopBulkActionPayload:
        return await resolve.stop_action(info.context, input.id)
