"""Groups of similar errors in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from analyzers.base import AnalysisErrorCode
from resolvers import error_groups as resolve
from schema.access import VIEWER
from schema.common import Info
from schema.filters import AnalysisFilter
from store.error_groups import ErrorGroup as ErrorGroupValue
from store.filters import AnalysisFilter as FilterValue

if TYPE_CHECKING:
    from schema.analyses import Analysis

DEFAULT_GROUPS = 10

FirstGroups = Annotated[int | None, strawberry.argument(description="Maximum number of groups: 0 to 100.")]


@strawberry.type(description="A group of errors that differ only in numbers, ids, paths and quoted texts.")
class ErrorGroup:
    fingerprint: str = strawberry.field(
        description="Identifier of the group, for AnalysisFilter.errorFingerprint. Equal in all batches."
    )
    code: AnalysisErrorCode = strawberry.field(description="Kind of error.")
    message: str = strawberry.field(description="Error message, with … in place of the differing parts.")
    count: int = strawberry.field(description="Number of analyses in the group, at most 10,000.")
    retryable_items: int = strawberry.field(
        description="Number of analyses in the group that a retry queues again if called now, at most 10,000."
    )
    first_at: datetime = strawberry.field(description="Time of the first error in the group.")
    last_at: datetime = strawberry.field(description="Time of the last error in the group.")

    @strawberry.field(description="Newest three analyses of the group, newest first.")
    async def examples(
        root: strawberry.Parent[ErrorGroupValue], info: Info
    ) -> list[Annotated[Analysis, strawberry.lazy("schema.analyses")]]:
        return await resolve.examples(info.context, root)


@strawberry.type
class ErrorGroupQuery:
    @strawberry.field(
        directives=VIEWER,
        description=(
            "Groups failed and timed-out analyses by similar errors. Largest group first. Considers the newest 100,000 "
            "FAILED and the newest 100,000 TIMED_OUT analyses."
        ),
    )
    async def error_groups(
        self,
        info: Info,
        filter: Annotated[
            AnalysisFilter | None,
            strawberry.argument(description="Conditions for analyses. All failed and timed-out analyses if omitted."),
        ] = None,
        first: FirstGroups = DEFAULT_GROUPS,
    ) -> list[ErrorGroup]:
        where = FilterValue() if filter is None else filter.value()
        return await resolve.error_groups(info.context, where, DEFAULT_GROUPS if first is None else first)
