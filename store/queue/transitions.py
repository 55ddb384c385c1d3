"""Transitions of analyses: their events, and the counters, status and events of their batches.

Every change of a row's status goes through `record`, in the same transaction. States, counters and the log therefore
agree: the counters of a batch add up to its total, and each ended item has one event of its end. A transaction that
changes rows of a batch first takes the batch's lock: see `lock_batches`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.events import NewEvent, new_event, note, note_alike
from store.queue.fingerprints import fingerprint_of
from store.queue.progress import after_more_ends, no_ends, progress_of_batch
from store.queue.status_counts import add_moves
from store.sql.columns import instant_of, microseconds
from store.sql.database import announce, count_ends
from store.sql.script import Script, run
from store.sql.statements import Bulk
from store.tables import AnalysisEventType, AnalysisStatus, BatchEventType, BatchRow, BatchStatus

_Move = tuple[str | None, AnalysisStatus | None, AnalysisStatus]  # batch, before, after
_Total = tuple[str, AnalysisStatus | None, AnalysisStatus]  # workspace, before, after
# Shortest interval between two progress events of a batch.
_PROGRESS_INTERVAL = timedelta(seconds=0.25)

COUNTER = {
    AnalysisStatus.QUEUED: "queued",
    AnalysisStatus.RUNNING: "running",
    AnalysisStatus.COMPLETED: "processed",
    AnalysisStatus.FAILED: "failed",
    AnalysisStatus.CANCELED: "canceled",
    AnalysisStatus.TIMED_OUT: "timed_out",
}
_COUNTERS = tuple(COUNTER.values())
END_EVENTS = {
    AnalysisStatus.COMPLETED: AnalysisEventType.ANALYSIS_COMPLETED,
    AnalysisStatus.FAILED: AnalysisEventType.ANALYSIS_FAILED,
    AnalysisStatus.CANCELED: AnalysisEventType.ANALYSIS_CANCELED,
    AnalysisStatus.TIMED_OUT: AnalysisEventType.ANALYSIS_TIMED_OUT,
}
_BATCH_EVENTS = {
    BatchStatus.COMPLETED: BatchEventType.BATCH_COMPLETED,
    BatchStatus.CANCELED: BatchEventType.BATCH_CANCELED,
    BatchStatus.TIMED_OUT: BatchEventType.BATCH_TIMED_OUT,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """The error of an analysis: an AnalysisErrorCode, a message, and whether another attempt may succeed."""

    code: str
    message: str
    retryable: bool = False

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the error; None for a cancel."""
        return fingerprint_of(self.code, self.message)


STOP_FAULTS = {
    AnalysisStatus.CANCELED: Fault("CANCELED", "The analysis was canceled."),
    AnalysisStatus.TIMED_OUT: Fault("TIMED_OUT", "The analysis reached its time limit.", retryable=True),
}


class Change(NamedTuple):
    """One row's transition from a status (None: a new row) to another, already written to the row."""

    id: str
    workspace: str
    batch_id: str | None
    before: AnalysisStatus | None
    after: AnalysisStatus
    event: AnalysisEventType
    attempt: int
    fraction: float = 0
    step: str | None = None
    fault: Fault | None = None
    analyzer: str | None = None


def _state(after: AnalysisStatus, attempt: int, fraction: float, step: str | None, fault: Fault | None) -> str:
    """Return the data of an analysis event as JSON."""
    data = {
        "status": after.value,
        "attempt": attempt,
        "fraction": fraction,
        "step": step,
        "error": None if fault is None else [fault.code, fault.message, fault.retryable],
    }
    return orjson.dumps(data).decode()


async def lock_batches(connection: AsyncConnection, batch_ids: Iterable[str | None]) -> None:
    """Lock these batches (None: the analyses without a batch) until the end of the transaction.

    On PostgreSQL, call this before the first write. A transaction gets its id, and with it its position in the log, at
    its first write or row lock. If it waited for another transaction's rows after that, its events would precede the
    earlier events of the other. Waiting for an advisory lock assigns no id. SQLite has one writer and needs no lock.
    """
    if connection.dialect.name == "sqlite":
        return
    # In one order, against deadlocks.
    keys = sorted({_lock_key(batch_id or "") for batch_id in batch_ids})
    key = func.unnest(bindparam("keys", keys, type_=ARRAY(BigInteger))).column_valued("key")
    await connection.execute(select(func.count(func.pg_advisory_xact_lock(key))))


_SHARE_BATCHES = """
    SELECT count(pg_advisory_xact_lock_shared(key)) FROM unnest(?::bigint[]) AS key
    UNION ALL SELECT count(pg_advisory_xact_lock(key)) FROM unnest(?::bigint[]) AS key
    """


def share_batches(script: Script, kind: str, batch_ids: Iterable[str | None]) -> None:
    """Like `lock_batches`, in a script, but shared with transactions of another kind.

    Claims and outcomes of one batch run at the same time: the only row that both write is the batch's own, which they
    write last, and of its events claims write only the first.
    """
    if not script.sqlite:
        names = {batch_id or "" for batch_id in batch_ids}
        script.rows(
            _SHARE_BATCHES, *(sorted(map(_lock_key, each)) for each in (names, {kind + name for name in names}))
        )


async def lock_batches_where(connection: AsyncConnection, *where: ColumnElement[bool]) -> None:
    """`lock_batches` for the batches of the analyses that match the conditions."""
    if connection.dialect.name != "sqlite":
        statement = select(tables.analysis.c.batch_id).where(*where).distinct()
        await lock_batches(connection, (await connection.execute(statement)).scalars())


def _lock_key(name: str) -> int:
    return int.from_bytes(blake2b(name.encode(), digest_size=8, person=b"assay").digest(), signed=True)


async def record(connection: AsyncConnection, changes: Sequence[Change], now: datetime) -> None:
    """Write the events of these changes, then update the batches of changed statuses."""
    if not changes:
        return

    def script(script: Script) -> None:
        note_changes(script, changes, now)
        move_batches(script, Counter(map(_move, changes)), now)

    await run(connection, script)
    ends: Counter[tuple[str, str]] = Counter()
    for (analyzer, before, after), count in Counter(map(_end, changes)).items():
        if after.ended and after is not before:
            ends[analyzer or "", after.value] += count
    count_ends(connection, ends)
    announce(connection, "events")


# In C, for each change.
_move, _total, _end = (attrgetter(name, "before", "after") for name in ("batch_id", "workspace", "analyzer"))
_said = attrgetter("after", "attempt", "fraction", "step", "fault")
_INSERT = Bulk.insert(tables.event, ("workspace", "type", "subject", "batch_id", "occurred_at", "data", "analyzer"))


def note_changes(script: Script, changes: Sequence[Change], now: datetime) -> None:
    """`record` in a script, without the batches, the metrics and the announcement, which the caller adds."""
    add_moves(script, Counter(map(_total, changes)))
    # Of changes made together many say the same, which is written out once.
    said = list(map(_said, changes))
    data = {each: _state(*each) for each in set(said)}
    ids, workspaces, batch_ids, _, _, events, *_, analyzers = zip(*changes, strict=True)
    types = [event.value for event in events]
    occurred_at = [microseconds(now)] * len(ids)
    columns = [workspaces, types, ids, batch_ids, occurred_at, [data[each] for each in said], analyzers]
    _INSERT.run_columns(script, columns)


class Step(NamedTuple):
    """One transition of many rows of one batch, or of none: a `Change` without the id."""

    workspace: str
    batch_id: str | None
    before: AnalysisStatus | None
    after: AnalysisStatus
    event: AnalysisEventType
    attempt: int = 0
    fraction: float = 0.0
    analyzer: str | None = None


def record_alike(script: Script, steps: Mapping[Step, Sequence[str]], now: datetime) -> None:
    """`record` for these rows by their ids, in a script. The caller announces "events"."""
    note_steps(script, steps, now)
    moves: Counter[_Move] = Counter()
    for step, ids in steps.items():
        moves[step.batch_id, step.before, step.after] += len(ids)
    move_batches(script, moves, now)


def note_steps(script: Script, steps: Mapping[Step, Sequence[str]], now: datetime) -> None:
    """`record_alike` without the batches, which the caller adds."""
    occurred_at = microseconds(now)
    totals: Counter[_Total] = Counter()
    for step, ids in steps.items():
        totals[step.workspace, step.before, step.after] += len(ids)
    add_moves(script, totals)
    for step, ids in steps.items():
        said = _state(step.after, step.attempt, step.fraction, None, None)
        event = NewEvent(step.workspace, step.event.value, "", step.batch_id, occurred_at, said, analyzer=step.analyzer)
        note_alike(script, ids, event)


def move_batches(script: Script, moves: Mapping[_Move, int], now: datetime) -> None:
    """Update the batches (None: no batch) of items that changed their statuses, and write the batches' events."""
    deltas: dict[str, Counter[str]] = {}
    for (batch_id, before, after), count in moves.items():
        if batch_id is None or before is after:
            continue
        delta = deltas.setdefault(batch_id, Counter())
        if before is not None:
            delta[COUNTER[before]] -= count
        delta[COUNTER[after]] += count
    # In one order, against deadlocks.
    for batch_id in sorted(deltas):
        _move_batch(script, batch_id, deltas[batch_id], now)


async def end_if_done(connection: AsyncConnection, batch_id: str, now: datetime) -> None:
    """End this locked, open batch if no item is left to queue or run."""
    await run(connection, lambda script: _move_batch(script, batch_id, Counter(), now))
    announce(connection, "events")


_INSTANTS = ("started_at", "last_end_at", "finished_at", "progress_event_at")
_MOVED = ("status", *_COUNTERS, "recent_ends", "updated_at", "idle_time", *_INSTANTS)
_KNOWN = ("workspace", "total_items", "stop_requested", "open_until", "retry_before")
_READ_BATCH = f"SELECT {', '.join(_MOVED + _KNOWN)} FROM batch WHERE id = ?"  # noqa: S608 - of constants
_SET_BATCH = f"UPDATE batch SET {', '.join(f'{name} = ?' for name in _MOVED)} WHERE id = ?"  # noqa: S608


def _move_batch(script: Script, batch_id: str, delta: Counter[str], now: datetime) -> None:
    locking = "" if script.sqlite else " FOR UPDATE"
    [found] = script.rows(_READ_BATCH + locking, batch_id)
    row: Any = SimpleNamespace(id=batch_id, **dict(zip(_MOVED + _KNOWN, found, strict=True)))
    for name in _INSTANTS:
        value = getattr(row, name)
        setattr(row, name, None if value is None else instant_of(value))
    events = move(row, delta, now)
    values = [getattr(row, name) for name in _MOVED]
    script.do(_SET_BATCH, *(microseconds(each) if isinstance(each, datetime) else each for each in values), batch_id)
    note(script, events)


def move(row: Any, delta: Counter[str], now: datetime) -> list[NewEvent]:
    """Add these changes of its counters to a batch, and return its events."""
    ended = 0
    for name in _COUNTERS:
        setattr(row, name, getattr(row, name) + delta[name])
        if name not in ("queued", "running"):
            ended += delta[name]
    row.updated_at = now
    events: list[BatchEventType] = []
    if row.status == BatchStatus.QUEUED and delta["running"] > 0:
        row.status = BatchStatus.RUNNING.value
        _begin_run(row, now)
        row.recent_ends = no_ends(now)
        events.append(BatchEventType.BATCH_STARTED)
    if ended > 0:
        begun_at = row.started_at if row.last_end_at is None else None
        row.recent_ends = after_more_ends(row.recent_ends, ended, begun_at, now)
    if row.queued == row.running == 0 and row.open_until is None and row.retry_before is None:
        status = BatchStatus(row.stop_requested or BatchStatus.COMPLETED)
        row.status, row.finished_at = status.value, now
        _begin_run(row, now)  # none of its items may have started
        events.append(_BATCH_EVENTS[status])
    elif ended > 0 and (row.progress_event_at is None or abs(now - row.progress_event_at) >= _PROGRESS_INTERVAL):
        row.progress_event_at = now
        events.append(BatchEventType.BATCH_PROGRESS)
    return [batch_event(row, type_, now) for type_ in events]


def _begin_run(row: Any, now: datetime) -> None:
    """Set the start of this batch, or count its idle time since its last run; nothing if the run has begun."""
    if row.started_at is None:
        row.started_at = now
    if row.last_end_at is not None:
        row.idle_time += max(microseconds(now) - microseconds(row.last_end_at), 0)
        row.last_end_at = None


def batch_event(row: BatchRow, type_: BatchEventType, now: datetime) -> NewEvent:
    """Return the event of a batch as it is."""
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
    return new_event(row.workspace, type_, row.id, now, orjson.dumps(data).decode(), batch_id=row.id)


def changes_of(
    rows: Iterable[Any],
    before: AnalysisStatus,
    after: AnalysisStatus,
    event: AnalysisEventType,
    fault: Fault | None = None,
) -> list[Change]:
    """Return the same change for each of these rows (id, workspace, batch_id, analyzer, attempt, progress)."""
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
            analyzer=row.analyzer,
        )
        for row in rows
    ]
