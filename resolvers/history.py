"""The history of throughput, queue and latency, for a range and one analyzer or all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from resolvers.context import Context
from resolvers.user_errors import Refused, UserError, UserErrorCode
from store.history import LONG, MIDDLE, SHORT, Step, read_history, step_of
from store.sql.clock import utcnow

# A step of 5 seconds is shown this time after its end, with the rows of all processes.
_SETTLED = timedelta(seconds=2)


class HistoryRange(StrEnum):
    """Time ranges."""

    LAST_15_MINUTES = "LAST_15_MINUTES"
    LAST_24_HOURS = "LAST_24_HOURS"
    LAST_30_DAYS = "LAST_30_DAYS"


# The number of points and the length of a step in seconds.
_SHAPES: Mapping[HistoryRange, tuple[int, int]] = {
    HistoryRange.LAST_15_MINUTES: (180, SHORT),
    HistoryRange.LAST_24_HOURS: (288, MIDDLE),
    HistoryRange.LAST_30_DAYS: (360, LONG),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """The figures of one step; None without a running server."""

    at: datetime
    completed: int | None = None
    failed: int | None = None
    canceled: int | None = None
    timed_out: int | None = None
    queued: int | None = None
    running: int | None = None
    oldest_seconds: float | None = None
    waiting_p95_ms: float | None = None
    processing_p95_ms: float | None = None
    request_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The points of a range, oldest first."""

    begin: datetime
    end: datetime
    step_seconds: int
    points: Sequence[HistoryPoint]


async def history(context: Context, range_: HistoryRange, analyzer: str | None) -> History:
    """Return the history of one analyzer, or of all. Raise Refused for an analyzer without a history.

    The figures are those of all workspaces together: all points of a viewer without administration are empty.
    """
    services = context.services
    now = utcnow()
    count, seconds = _SHAPES[range_]
    last = step_of(now - _SETTLED, SHORT) - 1 if seconds == SHORT else step_of(now, seconds)
    numbers = range(last - count + 1, last + 1)
    async with services.database.read() as connection:
        steps = await read_history(connection, seconds, numbers[0], last)
    known = {*services.analyzers, *(name for step in steps.values() for name in (*step.work, *(step.levels or ())))}
    if analyzer is not None and analyzer not in known:
        message = f"There is no analyzer with this name: the analyzers are {', '.join(sorted(known))}."
        raise Refused(UserError(UserErrorCode.INVALID, message, ["analyzer"]))
    if not context.viewer.is_administrator:
        steps = {}
    points = [
        _point(datetime.fromtimestamp(number * seconds, UTC), steps.get(number, Step()), analyzer) for number in numbers
    ]
    return History(points[0].at, now, seconds, points)


def _point(at: datetime, step: Step, analyzer: str | None) -> HistoryPoint:
    level = step.level_of(analyzer)
    if level is None:
        return HistoryPoint(at=at)
    work = step.work_of(analyzer)
    return HistoryPoint(
        at=at,
        completed=work.ends["COMPLETED"],
        failed=work.ends["FAILED"],
        canceled=work.ends["CANCELED"],
        timed_out=work.ends["TIMED_OUT"],
        queued=level.queued,
        running=level.running,
        oldest_seconds=level.oldest_seconds,
        waiting_p95_ms=work.waiting.percentiles().p95_ms,
        processing_p95_ms=work.processing.percentiles().p95_ms,
        request_p95_ms=step.requests.percentiles().p95_ms if analyzer is None else None,
    )
