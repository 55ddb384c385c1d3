"""The operator's hold on the queue: paused or not, and how much of it runs at once. Administrators alone change it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context, Services
from resolvers.user_errors import UserError, UserErrorCode, check_number
from store.queue.controls import MAX_SLOTS, WHOLE_QUEUE, control_rows, pause, resume, set_slots
from store.sql.clock import utcnow
from store.tables import ControlRow

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AnalyzerQueue:
    """What is held of one analyzer, by its name."""

    analyzer: str
    paused_since: datetime | None
    limit: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What is held of the queue, and of each analyzer that this server has or that is held."""

    paused_since: datetime | None
    concurrency: int | None
    analyzers: Sequence[AnalyzerQueue]


@dataclass(frozen=True, slots=True)
class QueuePayload:
    """What a mutation of the queue answers."""

    queue: Queue | None = None
    user_errors: Sequence[UserError] = field(default_factory=list)


async def queue(services: Services) -> Queue:
    """What holds now."""
    async with services.database.read() as connection:
        return _queue_of(services, await control_rows(connection))


def _queue_of(services: Services, rows: Iterable[ControlRow]) -> Queue:
    held = {row.analyzer: row for row in rows}
    free = ControlRow(analyzer=WHOLE_QUEUE)
    whole = held.pop(WHOLE_QUEUE, free)
    found = {name: held.get(name, free) for name in sorted({*services.analyzers, *held})}
    analyzers = [
        AnalyzerQueue(name, row.paused_at, row.slots)
        for name, row in found.items()
        if name in services.analyzers or row.paused_at is not None or row.slots is not None
    ]
    return Queue(whole.paused_at, whole.slots, analyzers)


async def pause_queue(context: Context, analyzer: str | None) -> QueuePayload:
    """Have nothing more begin, of this analyzer or at all; paused twice is paused since the first time."""
    return await _change(context, "queue paused", analyzer, lambda connection: pause(connection, analyzer, utcnow()))


async def resume_queue(context: Context, analyzer: str | None) -> QueuePayload:
    """Take that pause back; a pause of the whole queue and those of analyzers are taken back one by one."""
    return await _change(context, "queue resumed", analyzer, lambda connection: resume(connection, analyzer))


async def set_concurrency(context: Context, analyzer: str | None, limit: int | None) -> QueuePayload:
    """Set how many slots of each worker there are, or how many of them may run this analyzer; None as at first."""
    faults = [] if limit is None else list(check_number("limit", limit, 1, MAX_SLOTS, ["limit"]))
    return await _change(
        context,
        "concurrency set",
        analyzer,
        lambda connection: set_slots(connection, analyzer, limit),
        faults=faults,
        limit=limit,
    )


async def _change(
    context: Context,
    event: str,
    analyzer: str | None,
    change: Callable[[AsyncConnection], Awaitable[bool]],
    *,
    faults: Sequence[UserError] = (),
    **said: object,
) -> QueuePayload:
    """Change one thing and tell the log of it, where it was not so already. Raises ClientError: FORBIDDEN."""
    require_administrator(context)
    services = context.services
    if analyzer is not None:
        known = [each.analyzer for each in (await queue(services)).analyzers]
        if analyzer not in known:
            message = f"There is no analyzer of this name: there are {', '.join(known)}."
            faults = [UserError(UserErrorCode.NOT_FOUND, message, ["analyzer"]), *faults]
    if faults:
        return QueuePayload(user_errors=faults)
    async with services.database.write() as connection:
        changed = await change(connection)
        rows = await control_rows(connection)
    if changed:
        log.warning(event, analyzer=analyzer, by=context.viewer.name, request_id=context.request_id, **said)
    return QueuePayload(_queue_of(services, rows))


def require_administrator(context: Context) -> None:
    """Raise ClientError for who may only work with analyses of their own."""
    if not context.viewer.is_administrator:
        raise ClientError(ErrorCode.FORBIDDEN, "Only an administrator may change what all share.")
