"""The outcomes and the progress of claimed rows, as workers report them.

Each write is fenced by the lease of the claim, and written with its event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue import attempts
from store.queue.announcements import announce_queued
from store.queue.fairness import catch_up, times
from store.queue.tags import Tagged, write_tags
from store.queue.transitions import (
    END_EVENTS,
    STOP_FAULTS,
    Change,
    Fault,
    Step,
    lock_batches_where,
    record,
    record_alike,
    share_batches,
)
from store.sql.columns import bytes_of, microseconds
from store.sql.database import announce, count_ends
from store.sql.script import KEYS, Row, Script, run
from store.sql.statements import Bulk, among
from store.tables import AnalysisEventType, AnalysisStatus, Form

_analysis = tables.analysis
_column = _analysis.c


class End(Enum):
    """The end of an attempt."""

    COMPLETED = auto()
    FAILED = auto()
    TIMED_OUT = auto()
    CANCELED = auto()
    AGAIN = auto()
    """Failed, with another attempt after `retry_at`."""
    GIVEN_BACK = auto()
    """Returned to the queue without fault: the attempt does not count."""

    __hash__ = object.__hash__  # Enum's own is a Python function, called for each outcome


class Origin(NamedTuple):
    """Columns of a claimed row that no other transaction changes during the claim."""

    workspace: str
    batch_id: str | None
    attempt: int
    analyzer: str


class Outcome(NamedTuple):
    """A worker's report on one claimed row. `result` is JSON with the clients' names, and `tags` are its tags.

    The time is stored to the microsecond. With an `origin`, a completed row is recorded without a read before.
    """

    id: str
    lease: str
    end: End
    result: str | None = None
    fault: Fault | None = None
    processing_time_ms: float | None = None
    retry_at: datetime | None = None
    origin: Origin | None = None
    tags: Sequence[str] = ()


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
        "result_bytes",
        "result_form",
        "error_code",
        "error_message",
        "error_retryable",
        "error_fingerprint",
        "progress",
        "progress_step",
        "attempt",
        "updated_at",
        "finished_at",
        "processing_time_ms",
        "lease",
        "lease_expires_at",
        "worker_id",
        "attempts",
        "not_before",
        "stop_requested",
    ),
)


async def finish(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record these outcomes with their events; returns the recorded ones, as recorded.

    An outcome without a valid lease is dropped. A row that would return to the queue despite a requested stop ends with
    that stop.
    """
    quick: list[Outcome] = []
    rest: list[Outcome] = []
    for outcome in outcomes:
        (quick if outcome.origin is not None and outcome.end is End.COMPLETED else rest).append(outcome)
    if quick and rest:  # before the shared locks: two transactions that upgrade shared locks would deadlock
        await lock_batches_of(connection, {outcome.id for outcome in outcomes})
    held = await _complete(connection, quick, now) if quick else []
    if held is None:
        return await _finish_read(connection, outcomes, now)
    return held + await _finish_read(connection, rest, now) if rest else held


_COMPLETE = f"""
    UPDATE analysis SET
      status = 'COMPLETED', progress = 1.0, progress_step = NULL, stop_requested = NULL,
      lease = NULL, lease_expires_at = NULL,
      updated_at = ?, finished_at = ?, result = ended.result, result_bytes = {{bytes}},
      result_form = {Form.CLIENT.value},
      processing_time_ms = ended.microseconds / 1000.0
    FROM {{ended}}
    WHERE analysis.id = ended.id AND analysis.lease = {{lease}} AND analysis.status = 'RUNNING'
    """  # noqa: S608 - of a constant
# One statement for the rows of a lease, and on PostgreSQL for all: the sqlite3 module takes the GIL between statements.
# Each `json_extract` reads the whole text of its row.
_COMPLETE_SQLITE = _COMPLETE.format(
    bytes="ended.bytes",
    lease="?",
    ended="""(
      SELECT key AS id, json_extract(value, '$[0]') AS result, json_extract(value, '$[1]') AS bytes,
        json_extract(value, '$[2]') AS microseconds
      FROM json_each(?)
    ) AS ended""",
)
_COMPLETE_POSTGRESQL = (
    _COMPLETE.format(
        bytes="octet_length(ended.result)",
        lease="ended.lease",
        ended=f"unnest({KEYS}, {KEYS}, ?::text[], ?::float8[]) AS ended(id, lease, result, microseconds)",
    )
    + " RETURNING analysis.id"
)


async def _complete(connection: AsyncConnection, outcomes: list[Outcome], now: datetime) -> list[Outcome] | None:
    """Record completed rows by the columns of their claims; returns those with a valid lease.

    None on SQLite if any lease was invalid: then nothing was written.
    """

    ids: dict[Origin | None, list[str]] = {}

    def script(script: Script) -> list[Outcome] | None:
        held = _completed(script, outcomes, microseconds(now))
        for outcome in held or ():
            ids.setdefault(outcome.origin, []).append(outcome.id)
        running, completed = AnalysisStatus.RUNNING, AnalysisStatus.COMPLETED
        event = AnalysisEventType.ANALYSIS_COMPLETED
        steps = {
            Step(
                origin.workspace, origin.batch_id, running, completed, event, origin.attempt, 1.0, origin.analyzer
            ): alike
            for origin, alike in ids.items()
            if origin is not None
        }
        write_tags(script, [Tagged(each.origin.workspace, each.id, each.tags) for each in held or () if each.origin])
        record_alike(script, steps, now)
        return held

    held = await run(connection, script)
    if held:
        ends: Counter[tuple[str, str]] = Counter()
        for origin, alike in ids.items():
            if origin is not None:
                ends[origin.analyzer, AnalysisStatus.COMPLETED.value] += len(alike)
        count_ends(connection, ends)
        announce(connection, "events")
    return held


def _completed(script: Script, outcomes: list[Outcome], instant: int) -> list[Outcome] | None:
    durations = [each.processing_time_ms and round(each.processing_time_ms * 1000) for each in outcomes]
    if script.sqlite:
        ended: dict[str, dict[str, Row]] = {}
        for each, duration in zip(outcomes, durations, strict=True):
            ended.setdefault(each.lease, {})[each.id] = (each.result, bytes_of(each.result), duration)
        rows = [(instant, instant, orjson.dumps(of_lease).decode(), lease) for lease, of_lease in ended.items()]
        script.do("SAVEPOINT complete")
        if script.each(_COMPLETE_SQLITE, rows) == len(outcomes):
            return outcomes
        script.do("ROLLBACK TO complete")
        return None
    share_batches(script, "end ", {each.origin.batch_id for each in outcomes if each.origin is not None})
    claims = script.keys([each.id for each in outcomes]), script.keys([each.lease for each in outcomes])
    results = [each.result for each in outcomes]
    found = script.rows(_COMPLETE_POSTGRESQL, instant, instant, *claims, results, durations)
    if len(found) == len(outcomes):
        return outcomes
    held = {id_ for (id_,) in found}
    return [each for each in outcomes if each.id in held]


async def _finish_read(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
    """Record these outcomes after a read of their rows."""
    by_claim = {(outcome.id, outcome.lease): outcome for outcome in outcomes}
    mine = among(connection, _column.id, {outcome.id for outcome in outcomes})
    await lock_batches_where(connection, mine)
    statement = (
        select(
            _column.id,
            _column.lease,
            _column.workspace,
            _column.batch_id,
            _column.analyzer,
            _column.priority,
            _column.turn,
            *attempts.COLUMNS,
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
    completed: list[Tagged] = []
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
        # A row with another attempt shows no error, since it has not failed yet. Its event has the error.
        shown = None if status is AnalysisStatus.QUEUED else fault
        values.append(
            (
                status.value,
                outcome.result,
                bytes_of(outcome.result),
                Form.MODEL.value if outcome.result is None else Form.CLIENT.value,
                shown and shown.code,
                shown and shown.message,
                shown and shown.retryable,
                shown and shown.fingerprint,
                fraction,
                row.progress_step if status.ended and end is not End.COMPLETED else None,
                attempt,
                instant,
                instant if status.ended else None,
                None if outcome.processing_time_ms is None else round(outcome.processing_time_ms, 3),
                *(None, None),  # the claim is over
                row.worker_id if status.ended else None,
                attempts.after_attempt(row, fault, now) if end is End.AGAIN else row.attempts,
                microseconds(outcome.retry_at) if end is End.AGAIN and outcome.retry_at is not None else None,
                None,  # the requested stop is done
                row.id,
            )
        )
        event = END_EVENTS.get(status) or (
            AnalysisEventType.ANALYSIS_RETRYING if end is End.AGAIN else AnalysisEventType.ANALYSIS_QUEUED
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
                analyzer=row.analyzer,
            )
        )
        if end is End.COMPLETED:
            completed.append(Tagged(row.workspace, row.id, outcome.tags))
        elif end is End.GIVEN_BACK:
            back.append(row)
        held.append(outcome if end is outcome.end else outcome._replace(end=end, fault=fault))
    if values:
        await _FINISH.execute(connection, values)
        if completed:
            await run(connection, lambda script: write_tags(script, completed))
        if present is not None:
            await catch_up(connection, present, back)
        await record(connection, changes, now)
    ends = {outcome.end for outcome in held}
    if End.GIVEN_BACK in ends:
        announce_queued(connection)
    if End.AGAIN in ends:
        announce(connection, "waiting")
    return held


async def lock_batches_of(connection: AsyncConnection, analysis_ids: Collection[str]) -> None:
    """`lock_batches` for a transaction that will write each of these analyses."""
    await lock_batches_where(connection, among(connection, _column.id, analysis_ids))


async def report_progress(
    connection: AsyncConnection, lease: str, analysis_id: str, fraction: float, step: str | None, now: datetime
) -> bool:
    """Record the progress of a claimed row with its event; False without a valid lease, or for a smaller fraction."""
    await lock_batches_where(connection, _column.id == analysis_id)
    statement = (
        update(_analysis)
        .where(_column.id == analysis_id, _column.lease == lease, _column.status == AnalysisStatus.RUNNING)
        .where(_column.progress <= fraction)
        .values(progress=fraction, progress_step=step, updated_at=now)
        .returning(_column.id, _column.workspace, _column.batch_id, _column.attempt, _column.analyzer)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return False
    running, event = AnalysisStatus.RUNNING, AnalysisEventType.ANALYSIS_PROGRESS
    change = Change(
        row.id, row.workspace, row.batch_id, running, running, event, row.attempt, fraction, step, analyzer=row.analyzer
    )
    await record(connection, [change], now)
    return True
