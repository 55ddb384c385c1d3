"""Controls of the queue: pauses and limits of concurrency. Only administrators change them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.context import Context, Services
from resolvers.user_errors import UserError, UserErrorCode, answers, check_name, check_number, require_none
from store.bounds import MAX_REASON, MAX_SLOTS
from store.queue.controls import WHOLE_QUEUE, control_rows, pause, resume, set_slots
from store.sql.clock import utcnow
from store.tables import ControlRow

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AnalyzerQueue:
    """Controls of one analyzer."""

    analyzer: str
    paused_since: datetime | None
    pause_reason: str | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """Controls of the whole queue, and of each analyzer that this server has or that has controls."""

    paused_since: datetime | None
    pause_reason: str | None
    concurrency: int | None
    analyzers: Sequence[AnalyzerQueue]


@dataclass(frozen=True, slots=True)
class QueuePayload:
    """Answer of a mutation of the queue."""

    queue: Queue | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def queue(services: Services) -> Queue:
    """Return the controls in force."""
    async with services.database.read() as connection:
        return _queue_of(services, await control_rows(connection))


def _queue_of(services: Services, rows: Iterable[ControlRow]) -> Queue:
    held = {row.analyzer: row for row in rows}
    free = ControlRow(analyzer=WHOLE_QUEUE)
    whole = held.pop(WHOLE_QUEUE, free)
    found = {name: held.get(name, free) for name in sorted({*services.analyzers, *held})}
    analyzers = [
        AnalyzerQueue(name, row.paused_at, row.pause_reason, row.slots)
        for name, row in found.items()
        if name in services.analyzers or row.paused_at is not None or row.slots is not None
    ]
    return Queue(whole.paused_at, whole.pause_reason, whole.slots, analyzers)


@answers(QueuePayload)
async def pause_queue(context: Context, analyzer: str | None, reason: str | None = None) -> QueuePayload:
    """Start no more analyses, of this analyzer or at all. A second pause keeps the time and reason of the first."""
    await _require_analyzer(context, analyzer, check_name("reason", reason, ["reason"], MAX_REASON))

    async def change(connection: AsyncConnection) -> bool:
        return await pause(connection, analyzer, utcnow(), reason=reason)

    return await _change(context, "queue paused", analyzer, change, reason=reason)


@answers(QueuePayload)
async def resume_queue(context: Context, analyzer: str | None) -> QueuePayload:
    """End this pause. The pause of the whole queue and those of analyzers end separately."""
    await _require_analyzer(context, analyzer)
    return await _change(context, "queue resumed", analyzer, lambda connection: resume(connection, analyzer, utcnow()))


@answers(QueuePayload)
async def set_concurrency(context: Context, analyzer: str | None, limit: int | None) -> QueuePayload:
    """Set the slots of each worker, or how many of them may run this analyzer; None restores the initial state."""
    await _require_analyzer(
        context, analyzer, [] if limit is None else check_number("limit", limit, 1, MAX_SLOTS, ["limit"])
    )

    async def change(connection: AsyncConnection) -> bool:
        return await set_slots(connection, analyzer, limit, utcnow())

    return await _change(context, "concurrency set", analyzer, change, limit=limit)


async def _require_analyzer(context: Context, analyzer: str | None, errors: Iterable[UserError] = ()) -> None:
    """Raise Refused for an unknown analyzer and for these other errors."""
    unknown: list[UserError] = []
    if analyzer is not None:
        known = [each.analyzer for each in (await queue(context.services)).analyzers]
        if analyzer not in known:
            message = f"There is no analyzer with this name: the analyzers are {', '.join(known)}."
            unknown = [UserError(UserErrorCode.NOT_FOUND, message, ["analyzer"])]
    require_none([*unknown, *errors])


async def _change(
    context: Context,
    event: str,
    analyzer: str | None,
    change: Callable[[AsyncConnection], Awaitable[bool]],
    **details: object,
) -> QueuePayload:
    """Apply a change; log it unless the queue was in that state before."""
    services = context.services
    async with services.database.write() as connection:
        changed = await change(connection)
        rows = await control_rows(connection)
    if changed:
        log.warning(event, analyzer=analyzer, by=context.viewer.name, request_id=context.request_id, **details)
    return QueuePayload(_queue_of(services, rows))
