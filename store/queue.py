"""The queue: what workers claim, renew, report on, finish and give back.

A claim is one conditional UPDATE that gives the row a fresh lease. Whatever a worker says about a row later holds only
while the row runs under that lease: a worker that was away too long writes over nothing. Which row comes first says
`store.order`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple, cast

from sqlalchemy import func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.analyses import STOP_FAULTS
from store.bulk import Bulk, Row, among
from store.changes import END_EVENTS, Change, Fault, changes_of, record, take_turns, take_turns_with
from store.columns import microseconds
from store.database import announce
from store.ids import new_id
from store.order import Lane, catch_up, first_of, heads, times
from store.paging import rows_of
from store.tables import AnalysisStatus, EventType

LEASE = timedelta(seconds=30)
# The longest that a row waits for its next try.
LONGEST_PAUSE = timedelta(seconds=60)

_analysis = tables.analysis
_column = _analysis.c


class Claimed(NamedTuple):
    """What a worker needs of a row that it has claimed."""

    id: str
    workspace: str
    batch_id: str | None
    analyzer: str
    priority: int
    turn: int
    attempt: int
    max_attempts: int
    timeout_seconds: int
    progress: float
    lease: str
    stop_requested: str | None
    input_text: str | None
    input_data: str | None
    options: str
    queued_at: datetime


# A claim looks for more of its batch among so many times the rows that it may take.
_WINDOW = 8
_CLAIMED = [_column[name] for name in Claimed._fields]


async def claim(
    connection: AsyncConnection,
    worker_id: str,
    most: Callable[[str], int],
    now: datetime,
    lease: timedelta = LEASE,
    *,
    analyzers: Collection[str] | None = None,
    lane: Lane | None = None,
) -> list[Claimed]:
    """Claim the head of the queue and what follows of the same batch, analyzer and priority.

    Of these analyzers alone, or of this lane, where one is given. `most` says how many at once, by the analyzer. What
    comes back is in the queue's order, all under one lease that runs for `lease` from now; empty when nothing waits.
    """
    if lane is None and analyzers is not None:
        head = await first_of(connection, analyzers)
    else:
        found = [head for head in await heads(connection) if lane in (None, head.lane)]
        head = min(found, key=lambda head: (-head.priority, head.turn, head.id), default=None)
    if head is None:
        return []
    await take_turns(connection, [head.batch_id])
    order = (_column.turn, _column.id)
    alike = (_column.analyzer == head.analyzer, _column.priority == head.priority)
    limit = most(head.analyzer)
    # An expression runs once: PostgreSQL may run a subquery once for each row, and then finds more than the limit.
    if head.batch_id is None:
        chunk = select(_column.id).where(tables.alone, *alike).order_by(*order).limit(limit).cte("chunk")
    else:
        window = select(_column.id, _column.batch_id, _column.turn).where(tables.queued, *alike)
        near = window.order_by(*order).limit(_WINDOW * limit).subquery("near")
        same = select(near.c.id).where(near.c.batch_id == head.batch_id).order_by(near.c.turn, near.c.id).limit(limit)
        chunk = same.cte("chunk")
    statement = (
        update(_analysis)
        .where(_column.id.in_(select(chunk.c.id)), tables.queued)
        .values(
            status=AnalysisStatus.RUNNING.value,
            lease=new_id("lease"),
            lease_expires_at=now + lease,
            worker_id=worker_id,
            attempt=_column.attempt + 1,
            progress=0.0,
            progress_step=None,
            started_at=now,
            queued_at=func.coalesce(_column.queued_at, _column.updated_at),
            updated_at=now,
        )
        .returning(*_CLAIMED)
    )
    rows = rows_of(await connection.execute(statement), Claimed)
    if not rows:
        announce(connection, "queue")  # others were faster with this batch: there may be another
        return []
    rows.sort(key=lambda row: (row.turn, row.id))
    changes = changes_of(rows, AnalysisStatus.QUEUED, AnalysisStatus.RUNNING, EventType.ANALYSIS_STARTED)
    await record(connection, changes, now)
    announce(connection, "claimed")
    return rows


class End(Enum):
    """How an attempt ended."""

    COMPLETED = auto()
    FAILED = auto()
    TIMED_OUT = auto()
    CANCELED = auto()
    AGAIN = auto()
    """It failed, and is tried again after `retry_at`."""
    GIVEN_BACK = auto()
    """It was not at fault: it waits again, and the attempt does not count."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker says of one claimed row. `result` is JSON; the time is kept to the microsecond."""

    id: str
    lease: str
    end: End
    result: str | None = None
    fault: Fault | None = None
    processing_time_ms: float | None = None
    retry_at: datetime | None = None


_STATUS = {
    End.COMPLETED: AnalysisStatus.COMPLETED,
    End.FAILED: AnalysisStatus.FAILED,
    End.TIMED_OUT: AnalysisStatus.TIMED_OUT,
    End.CANCELED: AnalysisStatus.CANCELED,
    End.AGAIN: AnalysisStatus.QUEUED,
    End.GIVEN_BACK: AnalysisStatus.QUEUED,
}
_STOP_ENDS = {AnalysisStatus.CANCELED: End.CANCELED, AnalysisStatus.TIMED_OUT: End.TIMED_OUT}
_FINISH = Bulk.update(
    _analysis,
    (
        "status",
        "result",
        "error_code",
        "error_message",
        "error_retryable",
        "progress",
        "progress_step",
        "attempt",
        "updated_at",
        "finished_at",
        "processing_time_ms",
        "lease",
        "lease_expires_at",
        "worker_id",
        "not_before",
        "stop_requested",
    ),
)


async def finish(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record these ends, with their events; returns those that held, as they were recorded.

    One whose lease is no longer the row's is dropped. One that would wait again though a stop was asked for ends so.
    """
    by_claim = {(outcome.id, outcome.lease): outcome for outcome in outcomes}
    mine = among(connection, _column.id, {outcome.id for outcome in outcomes})
    await take_turns_with(connection, mine)
    statement = (
        select(
            _column.id,
            _column.lease,
            _column.workspace,
            _column.batch_id,
            _column.analyzer,
            _column.priority,
            _column.turn,
            _column.attempt,
            _column.progress,
            _column.progress_step,
            _column.stop_requested,
        )
        .where(mine, _column.status == AnalysisStatus.RUNNING)
        .order_by(_column.id)
        .with_for_update()
    )
    instant = microseconds(now)
    values: list[Row] = []
    changes: list[Change] = []
    held: list[Outcome] = []
    back: list[Any] = []
    present = await times(connection) if any(outcome.end is End.GIVEN_BACK for outcome in outcomes) else None
    for row in (await connection.execute(statement)).all():
        outcome = by_claim.get((row.id, row.lease))
        if outcome is None:
            continue
        end, fault = outcome.end, outcome.fault
        if row.stop_requested is not None and end in (End.AGAIN, End.GIVEN_BACK):
            stopped = AnalysisStatus(row.stop_requested)
            end, fault = _STOP_ENDS[stopped], STOP_FAULTS[stopped]
        status = _STATUS[end]
        attempt = row.attempt - 1 if end is End.GIVEN_BACK else row.attempt
        fraction = 1.0 if end is End.COMPLETED else 0.0 if status is AnalysisStatus.QUEUED else row.progress
        # What waits for its next try shows no error: it has not failed yet. The event tells of it.
        shown = None if status is AnalysisStatus.QUEUED else fault
        values.append(
            (
                status.value,
                outcome.result,
                shown and shown.code,
                shown and shown.message,
                shown and shown.retryable,
                fraction,
                row.progress_step if status.ended and end is not End.COMPLETED else None,
                attempt,
                instant,
                instant if status.ended else None,
                None if outcome.processing_time_ms is None else round(outcome.processing_time_ms, 3),
                *(None, None, None),  # the claim is over
                microseconds(outcome.retry_at) if end is End.AGAIN and outcome.retry_at is not None else None,
                None,  # what was asked for has been done
                row.id,
            )
        )
        event = END_EVENTS.get(status) or (
            EventType.ANALYSIS_RETRYING if end is End.AGAIN else EventType.ANALYSIS_QUEUED
        )
        changes.append(
            Change(
                id=row.id,
                workspace=row.workspace,
                batch_id=row.batch_id,
                before=AnalysisStatus.RUNNING,
                after=status,
                event=event,
                attempt=row.attempt,
                fraction=fraction,
                fault=fault,
            )
        )
        if end is End.GIVEN_BACK:
            back.append(row)
        held.append(outcome if end is outcome.end else replace(outcome, end=end, fault=fault))
    if values:
        await _FINISH.execute(connection, values)
        if present is not None:
            await catch_up(connection, present, back)
        await record(connection, changes, now)
    ends = {outcome.end for outcome in held}
    if End.GIVEN_BACK in ends:
        announce(connection, "queue")
    if End.AGAIN in ends:
        announce(connection, "waiting")
    return held


async def take_turns_of(connection: AsyncConnection, analysis_ids: Collection[str]) -> None:
    """`take_turns` for a transaction that goes on to say something of each of these analyses."""
    await take_turns_with(connection, among(connection, _column.id, analysis_ids))


async def report_progress(
    connection: AsyncConnection, lease: str, analysis_id: str, fraction: float, step: str | None, now: datetime
) -> bool:
    """Note how far a claimed row has come, with its event; False where the claim is gone or it would go back."""
    await take_turns_with(connection, _column.id == analysis_id)
    statement = (
        update(_analysis)
        .where(_column.id == analysis_id, _column.lease == lease, _column.status == AnalysisStatus.RUNNING)
        .where(_column.progress <= fraction)
        .values(progress=fraction, progress_step=step, updated_at=now)
        .returning(_column.id, _column.workspace, _column.batch_id, _column.attempt)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return False
    running, event = AnalysisStatus.RUNNING, EventType.ANALYSIS_PROGRESS
    change = Change(row.id, row.workspace, row.batch_id, running, running, event, row.attempt, fraction, step)
    await record(connection, [change], now)
    return True


async def renew(
    connection: AsyncConnection, worker_id: str, leases: Collection[str], now: datetime, lease: timedelta = LEASE
) -> None:
    """Push the end of these leases of this worker's out to `lease` from now.

    A claim that the worker does not know of (its answer was lost on the way) is not renewed, and so runs out.
    """
    mine = (tables.running, _column.worker_id == worker_id, _column.lease.in_(leases))
    await take_turns_with(connection, *mine)
    await connection.execute(update(_analysis).where(*mine).values(lease_expires_at=now + lease))


async def stops(connection: AsyncConnection, worker_id: str) -> dict[str, tuple[str, AnalysisStatus]]:
    """What this worker runs and is asked to stop: by id, the lease and the end that was asked for."""
    statement = select(_column.id, _column.lease, _column.stop_requested).where(
        tables.running, _column.worker_id == worker_id, _column.stop_requested.is_not(None)
    )
    return {
        row.id: (row.lease, AnalysisStatus(row.stop_requested)) for row in (await connection.execute(statement)).all()
    }


async def leases(connection: AsyncConnection) -> dict[str, datetime]:
    """The leases under which something runs, and when each ends if it is not renewed."""
    statement = select(_column.lease, func.max(_column.lease_expires_at)).where(tables.running).group_by(_column.lease)
    return {row[0]: row[1] for row in (await connection.execute(statement)).all()}


async def lost(
    connection: AsyncConnection, gone_workers: Collection[str], silent: Mapping[str, datetime]
) -> list[Claimed]:
    """What runs under these leases, still unrenewed, or of a worker that is known to be gone; without the inputs.

    `silent` says of each lease what `leases` said of it.
    """
    empty = {"input_text", "input_data", "options"}
    columns = [literal_column("''").label(column.name) if column.name in empty else column for column in _CLAIMED]
    unrenewed = tuple_(_column.lease, _column.lease_expires_at).in_(silent.items())
    statement = select(*columns).where(tables.running, unrenewed | _column.worker_id.in_(gone_workers))
    return rows_of(await connection.execute(statement), Claimed)


async def wake_waiting(connection: AsyncConnection, now: datetime) -> int:
    """Let what has waited long enough for its next try be claimed; returns how many.

    What would wait for much longer than anything may was told so by a clock that has been set back since.
    """
    # Takes no turns, and so waits for nobody: what another transaction moves just now is found at the next look.
    over = (_column.not_before <= now) | (_column.not_before > now + 2 * LONGEST_PAUSE)
    due = select(_column.id).where(tables.waiting, over).with_for_update(skip_locked=True).cte("due")
    statement = (
        update(_analysis)
        .where(_column.id.in_(select(due.c.id)))
        .values(not_before=None)
        .returning(_column.id, _column.analyzer, _column.priority, _column.turn)
    )
    present = await times(connection)
    woken = (await connection.execute(statement)).all()
    if woken:
        await catch_up(connection, present, woken)
        announce(connection, "queue")
    return len(woken)


async def next_wake(connection: AsyncConnection, now: datetime) -> datetime | None:
    """When `wake_waiting` next finds something, by what waits now."""
    ends = [select(end(_column.not_before)).where(tables.waiting).scalar_subquery() for end in (func.min, func.max)]
    earliest, latest = (await connection.execute(select(*ends))).one()
    return now if latest is not None and latest > now + 2 * LONGEST_PAUSE else cast(datetime | None, earliest)
