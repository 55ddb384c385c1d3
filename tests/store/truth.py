"""The invariants of every database, checked row by row against the event log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import get_args

import orjson
from sqlalchemy import select

from store import tables
from store.events import Reference
from store.queue.tags import tags_of
from store.sql.database import Database
from store.sql.ids import prefix_of
from store.sql.scope import EVERYWHERE
from store.subjects import SUBJECTS
from store.tables import (
    AlertEventType,
    AnalysisEventType,
    AnalysisRow,
    AnalysisStatus,
    BatchEventType,
    EventRow,
    QueueEventType,
)

T = AnalysisEventType
BATCH_ENDS = {BatchEventType.BATCH_COMPLETED, BatchEventType.BATCH_CANCELED, BatchEventType.BATCH_TIMED_OUT}
ENDS = {T.ANALYSIS_COMPLETED, T.ANALYSIS_FAILED, T.ANALYSIS_CANCELED, T.ANALYSIS_TIMED_OUT}
# The event types that may follow each type in an analysis's history; None precedes the first event.
FOLLOWS: dict[AnalysisEventType | None, set[AnalysisEventType]] = {
    None: {T.ANALYSIS_QUEUED, T.ANALYSIS_FAILED},  # FAILED first: the input was refused
    T.ANALYSIS_QUEUED: {T.ANALYSIS_STARTED, T.ANALYSIS_CANCELED, T.ANALYSIS_TIMED_OUT},
    T.ANALYSIS_RETRYING: {T.ANALYSIS_STARTED, T.ANALYSIS_CANCELED, T.ANALYSIS_TIMED_OUT},
    T.ANALYSIS_STARTED: {T.ANALYSIS_PROGRESS, T.ANALYSIS_RETRYING, T.ANALYSIS_QUEUED, *ENDS},
    T.ANALYSIS_PROGRESS: {T.ANALYSIS_PROGRESS, T.ANALYSIS_RETRYING, T.ANALYSIS_QUEUED, *ENDS},
    T.ANALYSIS_COMPLETED: {T.ANALYSIS_DELETED},
    T.ANALYSIS_FAILED: {T.ANALYSIS_QUEUED, T.ANALYSIS_DELETED},
    T.ANALYSIS_CANCELED: {T.ANALYSIS_QUEUED, T.ANALYSIS_DELETED},
    T.ANALYSIS_TIMED_OUT: {T.ANALYSIS_QUEUED, T.ANALYSIS_DELETED},
    T.ANALYSIS_DELETED: set(),
}
# The status after each event.
LEAVES = {
    T.ANALYSIS_QUEUED: AnalysisStatus.QUEUED,
    T.ANALYSIS_RETRYING: AnalysisStatus.QUEUED,
    T.ANALYSIS_STARTED: AnalysisStatus.RUNNING,
    T.ANALYSIS_PROGRESS: AnalysisStatus.RUNNING,
    T.ANALYSIS_COMPLETED: AnalysisStatus.COMPLETED,
    T.ANALYSIS_FAILED: AnalysisStatus.FAILED,
    T.ANALYSIS_CANCELED: AnalysisStatus.CANCELED,
    T.ANALYSIS_TIMED_OUT: AnalysisStatus.TIMED_OUT,
}
COUNTERS = {
    "queued": AnalysisStatus.QUEUED,
    "running": AnalysisStatus.RUNNING,
    "processed": AnalysisStatus.COMPLETED,
    "failed": AnalysisStatus.FAILED,
    "canceled": AnalysisStatus.CANCELED,
    "timed_out": AnalysisStatus.TIMED_OUT,
}


async def whole_log(database: Database) -> list[EventRow]:
    """Return all committed events in the order of the log, also those that readers may not see yet."""
    columns = tables.event.c
    async with database.read() as connection:
        events = (await connection.execute(select(tables.event).order_by(columns.xid, columns.position))).all()
    return list(events)  # type: ignore[arg-type]


async def history(database: Database, analysis_id: str) -> list[AnalysisEventType]:
    """Return the types of an analysis's events, oldest first."""
    return [T(event.type) for event in await whole_log(database) if event.subject == analysis_id]


async def assert_consistent(database: Database, deleted: Mapping[str, Counter[str]] | None = None) -> None:
    """Assert that statuses, counters, tags and log agree, and that every history is possible.

    `deleted` counts the statuses of deleted items by batch: the batch's counters still include them.
    """
    async with database.read() as connection:
        analyses: list[AnalysisRow] = (await connection.execute(select(tables.analysis))).all()  # type: ignore[assignment]
        batches = (await connection.execute(select(tables.batch))).all()
        counts = (await connection.execute(select(tables.status_count))).all()
        tags = (await connection.execute(select(tables.analysis_tag))).all()
    kept: Counter[tuple[str, str]] = Counter()
    for count in counts:
        kept[count.workspace, count.status] += count.total
    assert +kept == Counter((row.workspace, row.status) for row in analyses)
    assert min(kept.values(), default=0) >= 0
    of_results = [(row, tags_of(orjson.loads(row.result))) for row in analyses if row.result is not None]
    expected = [(row.workspace, tag, row.id) for row, its in of_results for tag in its]
    assert sorted(map(tuple, tags)) == sorted(expected)
    histories: defaultdict[str, list[AnalysisEventType]] = defaultdict(list)
    named: defaultdict[str, set[str | None]] = defaultdict(set)
    ended_batches: Counter[str] = Counter()
    for event in await whole_log(database):
        if event.type in (AlertEventType.ALERT, QueueEventType.QUEUE_CHANGED):
            assert event.workspace == EVERYWHERE
            continue
        kind = prefix_of(event.subject)
        assert event.type in set(SUBJECTS[kind].event_types), event
        filled = {name for name in get_args(Reference) if getattr(event, name) is not None}
        assert filled <= SUBJECTS[kind].references, event
        if kind == "analysis":
            histories[event.subject].append(T(event.type))
            named[event.subject].add(event.analyzer)
        elif event.type in BATCH_ENDS:
            assert event.batch_id == event.subject
            ended_batches[event.subject] += 1
    for each in histories.values():
        for before, after in zip([None, *each], each, strict=False):
            assert after in FOLLOWS[before], each
    assert [id_ for id_, names in named.items() if len(names) > 1 or None in names] == []
    by_batch: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for row in analyses:
        by_batch[row.batch_id][row.status] += 1
        assert named[row.id] == {row.analyzer}, row
        assert LEAVES[histories[row.id][-1]] == row.status, (row, histories[row.id])
        runs = row.status == AnalysisStatus.RUNNING
        assert (row.lease is not None, row.lease_expires_at is not None) == (runs, runs)
        assert row.worker_id is None if row.status == AnalysisStatus.QUEUED else runs <= (row.worker_id is not None)
        assert (row.finished_at is not None) == AnalysisStatus(row.status).ended
        assert runs or row.stop_requested is None
        assert row.not_before is None or row.status == AnalysisStatus.QUEUED
        assert (row.result is not None) == (row.status == AnalysisStatus.COMPLETED)
        assert 0 <= row.attempt <= row.max_attempts
    for batch in batches:
        by_status = by_batch[batch.id] + (deleted or {}).get(batch.id, Counter())
        counted = {name: by_status[status] for name, status in COUNTERS.items()}
        assert {name: getattr(batch, name) for name in COUNTERS} == counted, batch
        assert sum(counted.values()) == batch.total_items
        open_items = counted["queued"] + counted["running"]
        is_open = open_items > 0 or batch.open_until is not None or batch.retry_before is not None
        assert (batch.finished_at is None) == is_open, batch
        assert ended_batches[batch.id] >= (not is_open)
