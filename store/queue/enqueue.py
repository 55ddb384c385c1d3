"""New analyses: rows with their turns in the queue, events and counts, written by one script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.queue.announcements import announce_queued
from store.queue.fairness import Lane, turns_for
from store.queue.transitions import Change, Fault, Step, move_batches, note_changes, note_steps
from store.sql.columns import bytes_of, microseconds
from store.sql.database import announce, count_ends
from store.sql.ids import new_ids
from store.sql.script import Script, run
from store.sql.statements import Bulk
from store.sql.viewer import Viewer
from store.tables import AnalysisEventType, AnalysisStatus, Form


class NewAnalysis(NamedTuple):
    """A new analysis; options and input data have the clients' names.

    With a `fault` of the input it is stored as FAILED: the content is for its author, and never runs.
    """

    analyzer: str
    options: str
    priority: int
    key: str | None = None
    input_text: str | None = None
    input_data: str | None = None
    fault: Fault | None = None


class Limits(NamedTuple):
    """The workspace and the limits of a new analysis."""

    workspace: str
    timeout_seconds: int
    max_attempts: int


Columns = Mapping[str, Sequence[Any]]
"""The values of inserted rows by column, in the order of the rows."""

_COLUMNS = (
    "id",
    "workspace",
    "batch_id",
    "position",
    "key",
    "analyzer",
    "status",
    "priority",
    "turn",
    "input_text",
    "input_data",
    "options",
    "input_form",
    "input_bytes",
    "options_bytes",
    "error_code",
    "error_message",
    "error_retryable",
    "error_fingerprint",
    "progress",
    "attempt",
    "max_attempts",
    "timeout_seconds",
    "created_at",
    "updated_at",
    "finished_at",
)
_INSERT = Bulk.insert(tables.analysis, _COLUMNS)
_TURN = "SELECT turn FROM analysis WHERE batch_id = ? AND position = ?"


async def insert_analyses(
    connection: AsyncConnection,
    viewer: Viewer,
    items: Sequence[NewAnalysis],
    now: datetime,
    *,
    timeout_seconds: int,
    max_attempts: int,
    batch_id: str | None = None,
    ids: Sequence[str] | None = None,
    first_position: int = 0,
) -> None:
    """Insert and queue these items, with their events. The row of their batch must exist.

    Their positions in the batch begin at `first_position`.
    """
    ids = new_ids("analysis", len(items)) if ids is None else ids
    limits = [Limits(viewer.workspace, timeout_seconds, max_attempts)] * len(items)

    def script(script: Script) -> None:
        columns = write_analyses(script, items, ids, limits, now, batch_id=batch_id, first_position=first_position)
        move_batches(script, Counter((batch_id, None, AnalysisStatus(each)) for each in columns["status"]), now)

    await run(connection, script)
    count_refused(connection, items)
    announce_new(connection, len(items), alone=batch_id is None)


def announce_new(connection: AsyncConnection, count: int, *, alone: bool) -> None:
    """Announce this number of written analyses, of a batch or `alone`."""
    announce(connection, "events")
    announce_queued(connection, count)
    if alone:
        announce(connection, "alone")


def count_refused(connection: AsyncConnection, items: Sequence[NewAnalysis]) -> None:
    """Count the refused ones of written analyses for the metrics."""
    failed = AnalysisStatus.FAILED.value
    count_ends(connection, Counter((item.analyzer, failed) for item in items if item.fault))


def write_analyses(
    script: Script,
    items: Sequence[NewAnalysis],
    ids: Sequence[str],
    limits: Sequence[Limits],
    now: datetime,
    *,
    batch_id: str | None = None,
    first_position: int = 0,
) -> Columns:
    """Insert these analyses with their events, in this order, and return their columns.

    The caller moves their batch, and calls `count_refused` and `announce_new`.
    """
    before = script.rows(_TURN, batch_id, first_position - 1) if first_position else ()
    lanes = [Lane(item.analyzer, item.priority) for item in items]
    turns = turns_for(script, lanes, alone=batch_id is None, after=before[0][0] if before else -1)
    count, instant = len(items), microseconds(now)
    queued, failed = AnalysisStatus.QUEUED, AnalysisStatus.FAILED
    faults = [item.fault for item in items]
    values: list[Sequence[Any]] = [
        ids,
        [each.workspace for each in limits],
        [batch_id] * count,
        range(first_position, first_position + count) if batch_id else [0] * count,
        [item.key for item in items],
        [item.analyzer for item in items],
        [queued.value if fault is None else failed.value for fault in faults],
        [item.priority for item in items],
        turns,
        [item.input_text for item in items],
        [item.input_data for item in items],
        [item.options for item in items],
        [Form.CLIENT.value] * count,
        [bytes_of(item.input_data if item.input_text is None else item.input_text) for item in items],
        [bytes_of(item.options) for item in items],
        [fault and fault.code for fault in faults],
        [fault and fault.message for fault in faults],
        [fault and fault.retryable for fault in faults],
        [fault and fault.fingerprint for fault in faults],
        [0.0] * count,
        [0] * count,
        [each.max_attempts for each in limits],
        [each.timeout_seconds for each in limits],
        [instant] * count,
        [instant] * count,
        [fault and instant for fault in faults],
    ]
    _INSERT.run_columns(script, values)
    event = AnalysisEventType.ANALYSIS_QUEUED
    alike: dict[Step, list[str]] = {}
    for id_, item, each in zip(ids, items, limits, strict=True):
        alike.setdefault(Step(each.workspace, batch_id, None, queued, event, analyzer=item.analyzer), []).append(id_)
    # Only items of one batch may have their events in an order by analyzer.
    if not any(faults) and (batch_id or len(alike) == 1):
        note_steps(script, alike, now)
    else:
        events = (event, AnalysisEventType.ANALYSIS_FAILED)
        changes = [
            Change(
                id_,
                each.workspace,
                batch_id,
                None,
                failed if item.fault else queued,
                events[bool(item.fault)],
                0,
                fault=item.fault,
                analyzer=item.analyzer,
            )
            for id_, item, each in zip(ids, items, limits, strict=True)
        ]
        note_changes(script, changes, now)
    return dict(zip(_COLUMNS, values, strict=True))
