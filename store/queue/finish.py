"""Ends: what workers say of the rows that they claimed, how far they have come and how they ended.

It holds only while the row runs under the lease of the claim, and is written with its event.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_queued
from store.queue.fairness import catch_up, times
from store.queue.transitions import (
    END_EVENTS,
    STOP_FAULTS,
    Change,
    Fault,
    Step,
    record,
    record_alike,
    share_turns,
    take_turns_with,
)
from store.sql.columns import microseconds
from store.sql.database import announce
from store.sql.script import Row, Script, run
from store.sql.statements import Bulk, among
from store.tables import AnalysisStatus, EventType, Form

_analysis = tables.analysis
_column = _analysis.c


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
    """The end of an attempt, as its worker reports it. `result` is JSON in the clients' spelling.

    The time is kept to the microsecond.
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
        "result_form",
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
    if quick and rest:  # first of all: who has shared turns and then wants them alone waits for who does the same
        await take_turns_of(connection, {outcome.id for outcome in outcomes})
    held = await _complete(connection, quick, now) if quick else []
    if held is None:
        return await _finish_read(connection, outcomes, now)
    return held + await _finish_read(connection, rest, now) if rest else held


_COMPLETE = f"""
    UPDATE analysis SET
      status = 'COMPLETED', progress = 1.0, progress_step = NULL, stop_requested = NULL,
      lease = NULL, lease_expires_at = NULL, worker_id = NULL,
      updated_at = ?, finished_at = ?, result = ended.result, result_form = {Form.CLIENT.value},
      processing_time_ms = ended.microseconds / 1000.0
    FROM {{ended}}
    WHERE analysis.id = ended.id AND analysis.lease = ended.lease AND analysis.status = 'RUNNING'
    """  # noqa: S608 - of a constant
# On both one statement for all: the sqlite3 module holds up all other threads between two.
_COMPLETE_SQLITE = _COMPLETE.format(
    ended="""(
      SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS lease,
        json_extract(value, '$[2]') AS result, json_extract(value, '$[3]') AS microseconds
      FROM json_each(?)
    ) AS ended"""
)
_COMPLETE_POSTGRESQL = (
    _COMPLETE.format(
        ended="unnest(?::text[], ?::text[], ?::text[], ?::float8[]) AS ended(id, lease, result, microseconds)"
    )
    + " RETURNING analysis.id"
)


async def _complete(connection: AsyncConnection, outcomes: list[Outcome], now: datetime) -> list[Outcome] | None:
    """Record completed ones by what is known of their claims; returns those that held.

    None on SQLite where not all did: then nothing was written.
    """

    def script(script: Script) -> list[Outcome] | None:
        held = _completed(script, outcomes, microseconds(now))
        ids: dict[Origin | None, list[str]] = {}
        for outcome in held or ():
            ids.setdefault(outcome.origin, []).append(outcome.id)
        running, completed, event = AnalysisStatus.RUNNING, AnalysisStatus.COMPLETED, EventType.ANALYSIS_COMPLETED
        steps = {
            Step(origin.workspace, origin.batch_id, running, completed, event, origin.attempt, 1.0): alike
            for origin, alike in ids.items()
            if origin is not None
        }
        record_alike(script, steps, now)
        return held

    held = await run(connection, script)
    if held:
        announce(connection, "events")
    return held


def _completed(script: Script, outcomes: list[Outcome], instant: int) -> list[Outcome] | None:
    values = [
        (each.id, each.lease, each.result, each.processing_time_ms and round(each.processing_time_ms * 1000))
        for each in outcomes
    ]
    if script.sqlite:
        script.do("SAVEPOINT complete")
        if script.each(_COMPLETE_SQLITE, [(instant, instant, orjson.dumps(values).decode())]) == len(values):
            return outcomes
        script.do("ROLLBACK TO complete")
        return None
    share_turns(script, "end ", {each.origin.batch_id for each in outcomes if each.origin is not None})
    found = script.rows(_COMPLETE_POSTGRESQL, instant, instant, *map(list, zip(*values, strict=True)))
    ids = {id_ for (id_,) in found}
    return [each for each in outcomes if each.id in ids]


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
                Form.MODEL.value if outcome.result is None else Form.CLIENT.value,
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
        announce_queued(connection)
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
