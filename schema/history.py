"""The history of throughput, queue and latency in the schema."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers import history as resolve
from resolvers.history import HistoryRange
from schema.access import VIEWER
from schema.common import Info
from schema.scalars import describe

describe(
    HistoryRange,
    "Time range of a history.",
    {
        "LAST_15_MINUTES": "Last 15 minutes: 180 points, one for every 5 seconds.",
        "LAST_24_HOURS": "Last 24 hours: 288 points, one for every 5 minutes.",
        "LAST_30_DAYS": "Last 30 days: 360 points, one for every 2 hours.",
    },
)


@strawberry.type(
    description="Figures of one step of a history. All figures are null for a step without a running server."
)
class HistoryPoint:
    at: datetime = strawberry.field(description="Start of the step.")
    completed: int | None = strawberry.field(description="Number of analyses that completed in the step.")
    failed: int | None = strawberry.field(description="Number of analyses that failed in the step.")
    canceled: int | None = strawberry.field(description="Number of analyses canceled in the step.")
    timed_out: int | None = strawberry.field(description="Number of analyses that timed out in the step.")
    queued: int | None = strawberry.field(description="Number of queued analyses at the end of the step.")
    running: int | None = strawberry.field(description="Number of running analyses at the end of the step.")
    oldest_seconds: float | None = strawberry.field(
        description=(
            "Waiting time in seconds of the oldest ready analysis at the end of the step. Also null if no analysis was "
            "ready."
        )
    )
    waiting_p95_ms: float | None = strawberry.field(
        description=(
            "95th percentile of the time from queue to worker, in milliseconds. Also null without a start in the step."
        )
    )
    processing_p95_ms: float | None = strawberry.field(
        description=(
            "95th percentile of the duration of attempts, in milliseconds. Also null without an end in the step."
        )
    )
    request_p95_ms: float | None = strawberry.field(
        description=(
            "95th percentile of the latency of HTTP requests, in milliseconds. Null with an analyzer, and without a "
            "request in the step."
        )
    )


@strawberry.type(
    description=(
        "Throughput, queue and latency over time, across all servers that share the database. Kept across restarts. "
        "Analyses that commands of `server.py` end are not counted. The figures cover all workspaces: the points have "
        "none for callers without administration of the installation."
    )
)
class History:
    begin: datetime = strawberry.field(name="from", description="Start of the range.")
    end: datetime = strawberry.field(name="to", description="End of the range: the time of the request.")
    step_seconds: int = strawberry.field(description="Length of a step in seconds: 5, 300 or 7,200.")
    points: list[HistoryPoint] = strawberry.field(description="One point for each step, oldest first.")


@strawberry.type
class HistoryQuery:
    @strawberry.field(directives=VIEWER, description="Returns throughput, queue and latency over time.")
    async def history(
        self,
        info: Info,
        range: Annotated[
            HistoryRange, strawberry.argument(description="Time range, which also sets the number of points.")
        ],
        analyzer: Annotated[
            str | None, strawberry.argument(description="Name of an analyzer. Null covers all analyzers.")
        ] = None,
    ) -> History:
        return await resolve.history(info.context, range, analyzer)
