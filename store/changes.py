"""What follows when analyses change state: their events, and their batches' counters, status and events.

Every change of a row's status goes through `record`, in the transaction that made it, so that states, counters and the
log can't disagree: a batch's counters always add up to its total, and each end of an item has one event. Before it
writes anything, a transaction that moves rows which others may move takes turns with them: see `take_turns`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.columns import microseconds
from store.events import NewEvent, append, new_event
from store.progress import after_more_ends, progress_of_batch
from store.tables import AnalysisStatus, BatchRow, BatchStatus, EventType

# More often than this a batch's progress is no news.
_PROGRESS_INTERVAL = timedelta(seconds=0.25)

_COUNTER = {
    AnalysisStatus.QUEUED: "queued",
    AnalysisStatus.RUNNING: "running",
    AnalysisStatus.COMPLETED: "processed",
    AnalysisStatus.FAILED: "failed",
    AnalysisStatus.CANCELED: "canceled",
    AnalysisStatus.TIMED_OUT: "timed_out",
}
_COUNTERS = tuple(_COUNTER.values())
END_EVENTS = {
    AnalysisStatus.COMPLETED: EventType.ANALYSIS_COMPLETED,
    AnalysisStatus.FAILED: EventType.ANALYSIS_FAILED,
    AnalysisStatus.CANCELED: EventType.ANALYSIS_CANCELED,
    AnalysisStatus.TIMED_OUT: EventType.ANALYSIS_TIMED_OUT,
}
_BATCH_EVENTS = {
    BatchStatus.COMPLETED: EventType.BATCH_COMPLETED,
    BatchStatus.CANCELED: EventType.BATCH_CANCELED,
    BatchStatus.TIMED_OUT: EventType.BATCH_TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an analysis did not complete: an AnalysisErrorCode, a sentence, and whether another try could help."""

    code: str
    message: str
    retryable: bool = False


class Change(NamedTuple):
    """One row's step from a status (None: it is new) to another, already written to the row."""

    id: str
    workspace: str
    batch_id: str | None
    before: AnalysisStatus | None
    after: AnalysisStatus
    event: EventType
    attempt: int
    fraction: float = 0
    step: str | None = None
    fault: Fault | None = None


def _state(after: AnalysisStatus, attempt: int, fraction: float, step: str | None, fault: Fault | None) -> str:
    """What an event says of an analysis, as JSON."""
    data = {
        "status": after.value,
        "attempt": attempt,
        "fraction": fraction,
        "step": step,
        "error": None if fault is None else [fault.code, fault.message, fault.retryable],
    }
    return orjson.dumps(data).decode()


def _events(changes: Iterable[Change], now: datetime) -> list[NewEvent]:
    """The log's lines for changes. Of those made together many say the same, which is written out once."""
    occurred_at = microseconds(now)
    state = cache(_state)
    names = {type_: type_.value for type_ in EventType}
    return [
        NewEvent(
            change.workspace,
            names[change.event],
            change.id,
            change.batch_id,
            occurred_at,
            state(change.after, change.attempt, change.fraction, change.step, change.fault),
        )
        for change in changes
    ]


async def take_turns(connection: AsyncConnection, batch_ids: Iterable[str | None]) -> None:
    """Wait until no other transaction moves analyses of these batches (None: those of no batch), until this one ends.

    On PostgreSQL, before the transaction's first write: a transaction gets its place in the log when it first writes or
    locks a row, so one that did so and then waited for another's rows would tell of what follows before what went
    before. Waiting for an advisory lock gives no place. On SQLite there is one writer.
    """
    if connection.dialect.name == "sqlite":
        return
    # In one order, so that two transactions never wait for each other.
    keys = sorted({_lock_key(batch_id or "") for batch_id in batch_ids})
    key = func.unnest(bindparam("keys", keys, type_=ARRAY(BigInteger))).column_valued("key")
    await connection.execute(select(func.count(func.pg_advisory_xact_lock(key))))


async def take_turns_with(connection: AsyncConnection, *where: ColumnElement[bool]) -> None:
    """`take_turns` for the batches of the analyses that meet the conditions."""
    if connection.dialect.name != "sqlite":
        statement = select(tables.analysis.c.batch_id).where(*where).distinct()
        await take_turns(connection, (await connection.execute(statement)).scalars())


def _lock_key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"assay").digest(), signed=True)


async def record(connection: AsyncConnection, changes: Sequence[Change], now: datetime) -> None:
    """Write the events of these changes, then move their batches where a status has changed."""
    await append(connection, _events(changes, now))
    deltas: dict[str, Counter[str]] = {}
    steps = Counter((change.batch_id, change.before, change.after) for change in changes)
    for (batch_id, before, after), count in steps.items():
        if batch_id is None or before is after:
            continue
        delta = deltas.setdefault(batch_id, Counter())
        if before is not None:
            delta[_COUNTER[before]] -= count
        delta[_COUNTER[after]] += count
    # In one order, so that two transactions never wait for each other's batches.
    for batch_id in sorted(deltas):
        await _move_batch(connection, batch_id, deltas[batch_id], now)


async def end_if_done(connection: AsyncConnection, batch_id: str, now: datetime) -> None:
    """End this batch, whose turn it is and which has not ended, if it waits for nothing any more."""
    await _move_batch(connection, batch_id, Counter(), now)


async def _move_batch(connection: AsyncConnection, batch_id: str, delta: Counter[str], now: datetime) -> None:
    table = tables.batch
    found = await connection.execute(select(table).where(table.c.id == batch_id).with_for_update())
    row = BatchRow(**found.one()._mapping)
    ended = 0
    for name in _COUNTERS:
        setattr(row, name, getattr(row, name) + delta[name])
        if name not in ("queued", "running"):
            ended += delta[name]
    row.updated_at = now
    events: list[EventType] = []
    if row.status == BatchStatus.QUEUED and delta["running"] > 0:
        row.status = BatchStatus.RUNNING
        row.started_at = now
        events.append(EventType.BATCH_STARTED)
    if ended > 0:
        row.recent_ends = after_more_ends(row.recent_ends, ended, row.started_at, now)
    if row.queued == 0 and row.running == 0 and row.open_until is None:
        status = BatchStatus(row.stop_requested or BatchStatus.COMPLETED)
        row.status, row.finished_at = status, now
        row.started_at = row.started_at or now
        events.append(_BATCH_EVENTS[status])
    elif ended > 0 and (row.progress_event_at is None or abs(now - row.progress_event_at) >= _PROGRESS_INTERVAL):
        row.progress_event_at = now
        events.append(EventType.BATCH_PROGRESS)
    await connection.execute(
        update(table).where(table.c.id == batch_id).values(row.model_dump(exclude={"id", "workspace", "name"}))
    )
    await append(connection, [batch_event(row, type_, now) for type_ in events])


def batch_event(row: BatchRow, type_: EventType, now: datetime) -> NewEvent:
    """The log's line for a batch as it is."""
    progress = progress_of_batch(row, now)
    data = {
        "status": str(row.status),
        "total_items": row.total_items,
        "processed": row.processed,
        "failed": row.failed,
        "fraction": progress.fraction,
        "step": progress.step,
        "eta_seconds": progress.eta_seconds,
    }
    return new_event(row.workspace, type_, now, orjson.dumps(data).decode(), batch_id=row.id)


def changes_of(
    rows: Iterable[Any], before: AnalysisStatus, after: AnalysisStatus, event: EventType, fault: Fault | None = None
) -> list[Change]:
    """The same change of many rows (id, workspace, batch_id, attempt, progress)."""
    return [
        Change(
            id=row.id,
            workspace=row.workspace,
            batch_id=row.batch_id,
            before=before,
            after=after,
            event=event,
            attempt=row.attempt,
            fraction=row.progress,
            fault=fault,
        )
        for row in rows
    ]
