"""The queue: what workers claim, renew, report on, finish and give back.

A claim is one conditional UPDATE that gives the row a fresh lease. Whatever a worker says about a row later holds only
while the row runs under that lease: a worker that was away too long writes over nothing. Which row comes first says
`store.order`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple, cast

from sqlalchemy import func, literal_column, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.analyses import STOP_FAULTS
from store.bulk import Bulk, among
from store.changes import END_EVENTS, Change, Fault, record, record_alike, take_turns_in, take_turns_with
from store.columns import instant_of, microseconds
from store.database import announce
from store.ids import new_id
from store.order import Head, Lane, catch_up, first_of, heads, times
from store.paging import rows_of
from store.script import AMONG, Row, Script, run
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
_ALIKE = "analyzer = ? AND priority = ?"
_ALONE = f"SELECT id FROM analysis WHERE {tables.alone} AND {_ALIKE} ORDER BY turn, id LIMIT ?"  # noqa: S608
# The outer query has no order of its own, which both databases keep: so it ends with the last row that is taken.
_OF_BATCH = f"""
    SELECT id FROM (
      SELECT id, batch_id FROM analysis WHERE {tables.queued} AND {_ALIKE} ORDER BY turn, id LIMIT ?
    ) AS near WHERE batch_id = ? LIMIT ?
    """  # noqa: S608 - of constants
# Not as a partial index has it: rows are named by their ids here, and PostgreSQL would read the whole index instead.
_CLAIM = f"""
    UPDATE analysis SET
      status = 'RUNNING', lease = ?, lease_expires_at = ?, worker_id = ?, attempt = attempt + 1,
      progress = 0.0, progress_step = NULL, started_at = ?, queued_at = coalesce(queued_at, updated_at), updated_at = ?
    WHERE id {AMONG} AND status || '' = 'QUEUED'
    RETURNING {", ".join(Claimed._fields)}
    """  # noqa: S608 - of constants


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
    first: Head | None = None
    if lane is not None or analyzers is None:
        found = [head for head in await heads(connection) if lane in (None, head.lane)]
        first = min(found, key=lambda head: (-head.priority, head.turn, head.id), default=None)
        if first is None:
            return []

    def script(script: Script) -> list[Claimed] | None:
        head = first or first_of(script, analyzers or ())
        return None if head is None else _claim(script, head, worker_id, most(head.analyzer), now, lease)

    rows = await run(connection, script)
    if rows is None:
        return []
    if not rows:
        announce(connection, "queue")  # others were faster with this batch: there may be another
        return []
    announce(connection, "claimed")
    announce(connection, "events")
    return rows


def _claim(script: Script, head: Head, worker_id: str, most: int, now: datetime, lease: timedelta) -> list[Claimed]:
    take_turns_in(script, [head.batch_id])
    if head.batch_id is None:
        ids = script.rows(_ALONE, *head.lane, most)
    else:
        ids = script.rows(_OF_BATCH, *head.lane, _WINDOW * most, head.batch_id, most)
    instant = microseconds(now)
    claimed = (new_id("lease"), microseconds(now + lease), worker_id, instant, instant)
    # By itself: PostgreSQL, which thinks that next to nothing waits while it has no statistics, joined it the long way.
    found = script.rows(_CLAIM, *claimed, script.keys([id_ for (id_,) in ids]))
    since = {value: instant_of(value) for value in {row[-1] for row in found}}
    rows = [Claimed._make((*row[:-1], since[row[-1]])) for row in found]
    if rows:
        rows.sort(key=lambda row: (row.turn, row.id))
        queued, running = AnalysisStatus.QUEUED, AnalysisStatus.RUNNING
        record_alike(script, rows, queued, running, EventType.ANALYSIS_STARTED, now, fraction=0.0)
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

    __hash__ = object.__hash__  # an Enum's own is a function of Python's, and called for each outcome


class Origin(NamedTuple):
    """What the claim said of a row and no other transaction changes while it lasts."""

    workspace: str
    batch_id: str | None
    attempt: int


class Outcome(NamedTuple):
    """What a worker says of one claimed row. `result` is JSON; the time is kept to the microsecond.

    With its `origin` a completed one is recorded without being read before.
    """

    id: str
    lease: str
    end: End
    result: str | None = None
    fault: Fault | None = None
    processing_time_ms: float | None = None
    retry_at: datetime | None = None
    origin: Origin | None = None


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
    quick: list[Outcome] = []
    rest: list[Outcome] = []
    for outcome in outcomes:
        (quick if outcome.origin is not None and outcome.end is End.COMPLETED else rest).append(outcome)
    held = await _complete(connection, quick, now) if quick else []
    if held is None:
        return await _finish_read(connection, outcomes, now)
    return held + await _finish_read(connection, rest, now) if rest else held


_COMPLETE = """
    UPDATE analysis SET
      status = 'COMPLETED', progress = 1.0, progress_step = NULL, stop_requested = NULL,
      lease = NULL, lease_expires_at = NULL, worker_id = NULL,
      updated_at = ?, finished_at = ?, result = {result}, processing_time_ms = {milliseconds}
    {where} analysis.id = {id} AND analysis.lease = {lease} AND analysis.status = 'RUNNING'
    """
_COMPLETE_EACH = _COMPLETE.format(result="?", milliseconds="?", where="WHERE", id="?", lease="?")
_COMPLETE_ALL = (
    _COMPLETE.format(
        result="ended.result",
        milliseconds="ended.milliseconds",
        where="FROM unnest(?::text[], ?::float8[], ?::text[], ?::text[])"
        " AS ended(result, milliseconds, id, lease) WHERE",
        id="ended.id",
        lease="ended.lease",
    )
    + " RETURNING analysis.id"
)


async def _complete(connection: AsyncConnection, outcomes: list[Outcome], now: datetime) -> list[Outcome] | None:
    """Record completed ones by what is known of their claims; returns those that held.

    None on SQLite where not all did: then nothing was written.
    """

    def script(script: Script) -> list[Outcome] | None:
        held = _completed(script, outcomes, microseconds(now))
        if held:
            rows = [_Recorded(each.id, *each.origin) for each in held if each.origin is not None]
            running, completed = AnalysisStatus.RUNNING, AnalysisStatus.COMPLETED
            record_alike(script, rows, running, completed, EventType.ANALYSIS_COMPLETED, now, fraction=1.0)
        return held

    held = await run(connection, script)
    if held:
        announce(connection, "events")
    return held


def _completed(script: Script, outcomes: list[Outcome], instant: int) -> list[Outcome] | None:
    values = [
        (each.result, each.processing_time_ms and round(each.processing_time_ms, 3), each.id, each.lease)
        for each in outcomes
    ]
    if script.sqlite:
        script.do("SAVEPOINT complete")
        # The count of an executemany is exact.
        if script.each(_COMPLETE_EACH, [(instant, instant, *value) for value in values]) == len(values):
            return outcomes
        script.do("ROLLBACK TO complete")
        return None
    take_turns_in(script, {each.origin.batch_id for each in outcomes if each.origin is not None})
    found = script.rows(_COMPLETE_ALL, instant, instant, *map(list, zip(*values, strict=True)))
    ids = {id_ for (id_,) in found}
    return [each for each in outcomes if each.id in ids]


class _Recorded(NamedTuple):
    id: str
    workspace: str
    batch_id: str | None
    attempt: int


async def _finish_read(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record these by what their rows say."""
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
        held.append(outcome if end is outcome.end else outcome._replace(end=end, fault=fault))
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
    columns = [literal_column("''").label(name) if name in empty else _column[name] for name in Claimed._fields]
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
        announce(connection, "queue", len(woken))
    return len(woken)


async def next_wake(connection: AsyncConnection, now: datetime) -> datetime | None:
    """When `wake_waiting` next finds something, by what waits now."""
    ends = [select(end(_column.not_before)).where(tables.waiting).scalar_subquery() for end in (func.min, func.max)]
    earliest, latest = (await connection.execute(select(*ends))).one()
    return now if latest is not None and latest > now + 2 * LONGEST_PAUSE else cast(datetime | None, earliest)
