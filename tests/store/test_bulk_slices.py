"""The work of bulk actions, slice by slice: each analysis once, its events and counters, leases, stops, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, func, select, update

from store import tables
from store.batches import batch_by_id, insert_batch
from store.bulk_actions import (
    Counts,
    Selection,
    bulk_actions_by_id,
    count_selection,
    insert_bulk_action,
    progress_of_bulk_action,
    stop_bulk_action,
)
from store.bulk_slices import SLICE, carry_out, next_ids, release, running_actions
from store.filters import AnalysisFilter, write_filter
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.progress import ProgressValue
from store.queue.retries import retry_analyses
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id, new_ids
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.stops import request_stops
from store.subjects import SUBJECTS
from store.tables import AnalysisStatus, BulkActionKind, BulkActionRow
from tests.store.truth import assert_consistent, whole_log

RETRY, CANCEL, DELETE = BulkActionKind
QUEUED, RUNNING, COMPLETED, FAILED, CANCELED, TIMED_OUT = AnalysisStatus
LEASE, OTHER_LEASE = "lease_one", "lease_two"
OTHERS = Viewer("other", "other", Role.ANALYST)
_column = tables.analysis.c


async def queue(database: Database, count: int, viewer: Viewer = VIEWER, analyzer: str = "text") -> list[str]:
    """Queue analyses without a batch."""
    ids = new_ids("analysis", count)
    items = [NewAnalysis(analyzer, "{}", 5, input_text=f"Text {number}.") for number in range(count)]
    async with database.write() as connection:
        await insert_analyses(connection, viewer, items, utcnow(), ids=ids, timeout_seconds=300, max_attempts=3)
    return ids


async def queue_batch(database: Database, count: int) -> tuple[str, list[str]]:
    """Queue a batch; returns its id and those of its items."""
    batch_id = new_id("batch")
    items = [NewAnalysis("text", "{}", 5, str(number), f"Text {number}.") for number in range(count)]
    async with database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, None, items, utcnow(), timeout_seconds=300, max_attempts=3)
        ids = select(_column.id).where(_column.batch_id == batch_id).order_by(_column.position)
        return batch_id, list((await connection.execute(ids)).scalars())


async def stop(database: Database, *where: ColumnElement[bool], viewer: Viewer = VIEWER) -> None:
    """Cancel the analyses that match."""
    async with database.write() as connection:
        assert await request_stops(connection, viewer, *where, end=CANCELED, now=utcnow())


async def start(
    database: Database,
    kind: BulkActionKind,
    where: AnalysisFilter | None = None,
    ids: Sequence[str] = (),
    *,
    created_before: datetime | None = None,
) -> tuple[str, Counts]:
    """Start an action; returns its id and the numbers of analyses."""
    id_, now = new_id("bulk"), utcnow()
    selection = Selection(kind, where, ids, now if created_before is None else created_before)
    async with database.write() as connection:
        found = await count_selection(connection, VIEWER, selection)
        eligible = await insert_bulk_action(connection, VIEWER, id_, selection, found.matched, now)
    assert eligible == found.eligible
    return id_, found


async def action(database: Database, id_: str) -> BulkActionRow:
    async with database.read() as connection:
        return (await bulk_actions_by_id(connection, VIEWER, [id_]))[id_]


async def slice_of(database: Database, row: BulkActionRow, lease: str = LEASE, now: datetime | None = None) -> Any:
    """Carry out the next slice of the action as it was read; returns its new row, or None."""
    async with database.read() as connection:
        ids = await next_ids(connection, row)
    async with database.write() as connection:
        return await carry_out(connection, row, ids, lease, now or utcnow())


async def items_of(database: Database, id_: str) -> int:
    async with database.read() as connection:
        item = tables.bulk_action_item.c
        return (await connection.execute(select(func.count()).where(item.action_id == id_))).scalar_one()


async def figures(database: Database, id_: str) -> list[tuple[str, int, int]]:
    """Carry out the whole action; returns its status, `done` and `refused` after each slice."""
    found = []
    row = await action(database, id_)
    while row.finished_at is None:
        row = await slice_of(database, row)
        found.append((row.status, row.done, row.refused))
    assert (row.lease, row.renewed_at) == ("", None)
    assert row.done + row.refused == row.eligible
    assert await items_of(database, id_) == 0
    return found


async def statuses(database: Database, *where: ColumnElement[bool]) -> dict[str, int]:
    """Return the number of matching analyses of each status."""
    async with database.read() as connection:
        counts = select(_column.status, func.count().label("total")).where(*where).group_by(_column.status)
        return {row.status: row.total for row in (await connection.execute(counts)).all()}


async def types(database: Database, *kinds: str) -> dict[str, int]:
    """Return the number of events of each type, of types that begin with one of `kinds`."""
    return dict(Counter(row.type for row in await whole_log(database) if row.type.startswith(kinds)))


async def test_a_retry_in_slices(database: Database) -> None:
    batch_id, items = await queue_batch(database, 700)
    alone = await queue(database, 500)
    await stop(database, _column.id.in_([*items[1:], *alone]))
    others = await queue(database, 2)
    id_, found = await start(database, RETRY, AnalysisFilter(analyzer=["text"]))
    assert (found.matched, found.eligible) == (1_202, 1_199)
    before = await types(database, "ANALYSIS_QUEUED")
    assert await figures(database, id_) == [("RUNNING", 500, 0), ("RUNNING", 1_000, 0), ("COMPLETED", 1_199, 0)]
    assert await statuses(database) == {"QUEUED": 1_202}
    assert (await types(database, "ANALYSIS_QUEUED"))["ANALYSIS_QUEUED"] == before["ANALYSIS_QUEUED"] + 1_199
    async with database.read() as connection:
        attempts = select(_column.id).where(_column.attempts.is_not(None))
        assert set((await connection.execute(attempts)).scalars()) == {*items[1:], *alone}
        row = await batch_by_id(connection, VIEWER, batch_id)
        assert await running_actions(connection) == []
    assert row is not None
    assert (row.status, row.queued, row.canceled, row.last_retried_at is not None) == ("QUEUED", 700, 0, True)
    assert await types(database, "BULK") == {"BULK_ACTION_PROGRESS": 1, "BULK_ACTION_ENDED": 1}
    assert others
    await assert_consistent(database)


async def test_an_ended_batch_reopens(database: Database) -> None:
    batch_id, _ = await queue_batch(database, 3)
    await stop(database, _column.batch_id == batch_id)
    id_, found = await start(database, RETRY, AnalysisFilter(batch_id=batch_id))
    assert (found.matched, found.eligible) == (3, 3)
    assert await figures(database, id_) == [("COMPLETED", 3, 0)]
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    assert (row.status, row.finished_at, row.queued) == ("QUEUED", None, 3)
    await assert_consistent(database)


async def test_a_retry_reaches_each_analysis_once(database: Database) -> None:
    """An analysis that ends again behind the action stays as it is, and so does one that was not eligible."""
    ids = await queue(database, SLICE + 3)
    await stop(database, _column.id.in_(ids[:-1]))
    id_, found = await start(database, RETRY, AnalysisFilter(status=[CANCELED]))
    assert found.eligible == SLICE + 2
    row = await slice_of(database, await action(database, id_))
    assert row.reached == ids[SLICE - 1]
    await stop(database, _column.id.in_([ids[0], ids[-1]]))
    # Of the two ahead, one was retried by its client, and the other one also canceled again.
    async with database.write() as connection:
        assert len(await retry_analyses(connection, VIEWER, _column.id.in_(ids[SLICE:-1]), now=utcnow())) == 2
    await stop(database, _column.id == ids[SLICE])
    assert await figures(database, id_) == [("COMPLETED", SLICE + 1, 1)]
    assert await statuses(database, _column.id.in_([ids[0], ids[-1]])) == {"CANCELED": 2}
    assert await statuses(database) == {"CANCELED": 2, "QUEUED": SLICE + 1}
    await assert_consistent(database)


async def test_an_action_changes_only_what_was_eligible(database: Database) -> None:
    """Analyses that another transaction ends at the same time were not counted, whatever the time of their end."""
    ids = await queue(database, 4)
    await stop(database, _column.id == ids[2])
    id_, found = await start(database, DELETE, AnalysisFilter(analyzer=["text"]))
    async with database.write() as connection:
        earlier = utcnow() - timedelta(hours=1)
        assert await request_stops(connection, VIEWER, _column.id == ids[0], end=CANCELED, now=earlier)
    assert found.eligible == 1
    assert await figures(database, id_) == [("COMPLETED", 1, 0)]
    assert await statuses(database, _column.id.in_(ids[:2])) == {"CANCELED": 1, "QUEUED": 1}


async def test_rejected_inputs_are_not_eligible(database: Database) -> None:
    ids = await queue(database, 3)
    async with database.write() as connection:
        failed = {"status": "FAILED", "finished_at": utcnow(), "error_code": "INPUT_UNREADABLE"}
        await connection.execute(update(tables.analysis).where(_column.id.in_(ids[:2])).values(failed))
        await connection.execute(update(tables.analysis).where(_column.id == ids[1]).values(attempt=1))
    id_, found = await start(database, RETRY, AnalysisFilter(status=[FAILED]))
    assert (found.matched, found.eligible) == (2, 1)
    assert await figures(database, id_) == [("COMPLETED", 1, 0)]
    assert await statuses(database) == {"FAILED": 1, "QUEUED": 2}


async def test_the_analyses_of_ids(database: Database) -> None:
    """Unknown and foreign ids match nothing, and an analysis that has changed meanwhile is refused."""
    ids = await queue(database, 1_002)
    (foreign,) = await queue(database, 1, OTHERS)
    await stop(database, _column.id.in_(ids[:1_000]))
    given = [*ids[:998], ids[1_001], foreign, new_id("analysis")]
    id_, found = await start(database, RETRY, ids=given[::-1])
    assert (found.matched, found.eligible) == (999, 998)
    async with database.write() as connection:
        await retry_analyses(connection, VIEWER, _column.id.in_(ids[:1]), now=utcnow())
    assert await figures(database, id_) == [("RUNNING", 499, 1), ("COMPLETED", 997, 1)]
    assert await statuses(database, _column.workspace == "default") == {"CANCELED": 2, "QUEUED": 1_000}
    await assert_consistent(database)


async def test_the_last_slice_of_ids_may_be_full(database: Database) -> None:
    ids = await queue(database, SLICE)
    id_, found = await start(database, CANCEL, ids=ids)
    assert (found.matched, found.eligible) == (SLICE, SLICE)
    assert await figures(database, id_) == [("COMPLETED", SLICE, 0)]
    empty, found = await start(database, CANCEL, ids=ids)
    assert (found.matched, found.eligible) == (SLICE, 0)
    assert await figures(database, empty) == [("COMPLETED", 0, 0)]
    assert progress_of_bulk_action(await action(database, empty), utcnow()) == ProgressValue(1.0, None, None)


async def test_a_cancel_of_queued_and_running_analyses(database: Database) -> None:
    ids = await queue(database, 4)
    async with database.write() as connection:
        runs = {"status": "RUNNING", "attempt": 1}
        await connection.execute(update(tables.analysis).where(_column.id.in_(ids[2:])).values(runs))
        await connection.execute(update(tables.analysis).where(_column.id == ids[3]).values(stop_requested="TIMED_OUT"))
    id_, found = await start(database, CANCEL, AnalysisFilter(status=[QUEUED, RUNNING]))
    assert (found.matched, found.eligible) == (4, 3)
    assert await figures(database, id_) == [("COMPLETED", 3, 0)]
    async with database.read() as connection:
        rows = await connection.execute(select(_column.status, _column.stop_requested).order_by(_column.id))
        assert rows.all() == [("CANCELED", None)] * 2 + [("RUNNING", "CANCELED"), ("RUNNING", "TIMED_OUT")]


async def test_a_deletion_leaves_open_batches(database: Database) -> None:
    closed, gone = await queue_batch(database, 3)
    open_, kept = await queue_batch(database, 3)
    alone = await queue(database, 2)
    await stop(database, _column.id.in_([*gone, *kept[1:], alone[0]]))
    for where in (AnalysisFilter(status=[CANCELED]), AnalysisFilter(analyzer=["text"])):
        _, found = await start(database, DELETE, where)
        assert found.eligible == 4
    id_, found = await start(database, DELETE, AnalysisFilter(analyzer=["text"]))
    assert (found.matched, found.eligible) == (8, 4)
    assert await figures(database, id_) == [("COMPLETED", 4, 0)]
    assert await statuses(database) == {"CANCELED": 2, "QUEUED": 2}
    deleted = [row for row in await whole_log(database) if row.type == "ANALYSIS_DELETED"]
    assert {row.subject for row in deleted} == {*gone, alone[0]}
    assert len(deleted) == 4
    async with database.read() as connection:
        rows = [await batch_by_id(connection, VIEWER, each) for each in (closed, open_)]
    assert [row and row.thinned for row in rows] == [True, False]
    await assert_consistent(database, {closed: Counter({"CANCELED": 3})})


async def test_analyses_beyond_the_bound_stay(database: Database) -> None:
    ids = await queue(database, 2)
    bound = utcnow()
    await queue(database, 2)
    id_, found = await start(database, CANCEL, AnalysisFilter(analyzer=["text"]), created_before=bound)
    assert (found.matched, found.eligible) == (2, 2)
    assert await figures(database, id_) == [("COMPLETED", 2, 0)]
    assert await statuses(database, _column.id.in_(ids)) == {"CANCELED": 2}
    new, found = await start(database, CANCEL, ids=ids, created_before=bound - timedelta(days=1))
    assert (found.matched, found.eligible) == (0, 0)
    later, _ = await start(database, CANCEL, AnalysisFilter(analyzer=["text"]))
    await queue(database, 1)
    assert await figures(database, later) == [("COMPLETED", 2, 0)]
    assert await figures(database, new) == [("COMPLETED", 0, 0)]
    assert await statuses(database) == {"CANCELED": 4, "QUEUED": 1}


@pytest.mark.parametrize(
    "where",
    [
        AnalysisFilter(status=[QUEUED, FAILED], analyzer=["text"]),
        AnalysisFilter(search="text 1"),
        AnalysisFilter(analyzer=["text"], excluded=AnalysisFilter(search="2")),
    ],
)
async def test_only_matching_analyses_of_the_workspace_change(database: Database, where: AnalysisFilter) -> None:
    await queue(database, 3)
    await queue(database, 3, OTHERS)
    await queue(database, 3, analyzer="other")
    id_, found = await start(database, CANCEL, where)
    async with database.read() as connection:
        row = await action(database, id_)
        reached = await next_ids(connection, row)
    assert len(reached) == found.eligible > 0
    assert await figures(database, id_) == [("COMPLETED", found.eligible, 0)]
    assert await statuses(database, _column.id.in_(reached)) == {"CANCELED": found.eligible}
    assert await statuses(database, _column.id.not_in(reached)) == {"QUEUED": 9 - found.eligible}


async def test_a_stop_keeps_finished_work(database: Database) -> None:
    ids = await queue(database, SLICE + 200)
    id_, _ = await start(database, CANCEL, AnalysisFilter(status=[QUEUED]))
    row = await slice_of(database, await action(database, id_))
    assert await items_of(database, id_) == 200
    async with database.write() as connection:
        assert not await stop_bulk_action(connection, OTHERS, id_, utcnow())
    async with database.write() as connection:
        assert await stop_bulk_action(connection, VIEWER, id_, utcnow())
    async with database.write() as connection:
        assert not await stop_bulk_action(connection, VIEWER, id_, utcnow())
    assert await items_of(database, id_) == 0
    assert await slice_of(database, row) is None
    stopped = await action(database, id_)
    assert (stopped.status, stopped.done, stopped.refused, stopped.lease) == ("STOPPED", SLICE, 0, "")
    assert progress_of_bulk_action(stopped, utcnow()) == ProgressValue(SLICE / len(ids), None, None)
    assert await statuses(database) == {"CANCELED": SLICE, "QUEUED": 200}
    assert await types(database, "BULK") == {"BULK_ACTION_PROGRESS": 1, "BULK_ACTION_ENDED": 1}
    await assert_consistent(database)


async def test_a_slice_is_carried_out_once_by_the_holder_of_the_lease(database: Database) -> None:
    await queue(database, 3 * SLICE + 1)
    id_, _ = await start(database, CANCEL, AnalysisFilter(status=[QUEUED]))
    first = await action(database, id_)
    assert (await slice_of(database, first)).done == SLICE
    assert await slice_of(database, first) is None  # the same keeper, after the place that it has read
    second = await action(database, id_)
    assert second.lease == LEASE
    # A keeper takes the lease over if it has not been renewed since.
    renewed = await slice_of(database, second)
    assert renewed.done == 2 * SLICE
    assert await slice_of(database, second, OTHER_LEASE) is None
    unrenewed = await action(database, id_)
    async with database.read() as connection:
        ids = await next_ids(connection, unrenewed)
    async with database.write() as connection:
        stale = update(tables.bulk_action).values(renewed_at=unrenewed.renewed_at + timedelta(seconds=1))  # type: ignore[operator]
        await connection.execute(stale)
    async with database.write() as connection:
        assert await carry_out(connection, unrenewed, ids, OTHER_LEASE, utcnow()) is None
    assert await statuses(database) == {"CANCELED": 2 * SLICE, "QUEUED": SLICE + 1}
    silent = await action(database, id_)
    taken = await slice_of(database, silent, OTHER_LEASE)
    assert (taken.done, taken.lease) == (3 * SLICE, OTHER_LEASE)
    assert await slice_of(database, silent) is None
    async with database.write() as connection:
        await release(connection, OTHER_LEASE)
    assert ((await action(database, id_)).lease, (await action(database, id_)).renewed_at) == ("", None)
    assert await figures(database, id_) == [("COMPLETED", 3 * SLICE + 1, 0)]
    await assert_consistent(database)


async def test_a_progress_event_at_most_each_second(database: Database) -> None:
    await queue(database, 5 * SLICE + 1)
    id_, found = await start(database, CANCEL, AnalysisFilter(status=[QUEUED]))
    now = utcnow()
    row = await action(database, id_)
    for milliseconds in (0, 400, 999, 1_001, 1_900, 1_950):
        row = await slice_of(database, row, now=now + timedelta(milliseconds=milliseconds))
    assert (row.status, row.done) == ("COMPLETED", 5 * SLICE + 1)
    events = [event for event in await whole_log(database) if event.subject == id_]
    said = [(event.type, (event.occurred_at - now) / timedelta(milliseconds=1), event.data) for event in events]
    assert said == [
        ("BULK_ACTION_PROGRESS", 0, f'{{"done":{SLICE},"eligible":{found.eligible}}}'),
        ("BULK_ACTION_PROGRESS", 1_001, f'{{"done":{4 * SLICE},"eligible":{found.eligible}}}'),
        ("BULK_ACTION_ENDED", 1_950, f'{{"done":{found.eligible},"eligible":{found.eligible}}}'),
    ]


async def test_the_progress(database: Database) -> None:
    await queue(database, SLICE + 1)
    id_, _ = await start(database, CANCEL, AnalysisFilter(status=[QUEUED]))
    row = await action(database, id_)
    assert progress_of_bulk_action(row, row.created_at) == ProgressValue(0.0, "0 of 501 analyses", None)
    row = await slice_of(database, row)
    soon = row.created_at + timedelta(seconds=100)
    assert progress_of_bulk_action(row, soon) == ProgressValue(500 / 501, "500 of 501 analyses", 0.2)


async def test_ended_actions_are_cleaned_up(database: Database) -> None:
    await queue(database, 1)
    old, _ = await start(database, RETRY, AnalysisFilter(status=[QUEUED]))
    assert await figures(database, old) == [("COMPLETED", 0, 0)]
    running, _ = await start(database, CANCEL, AnalysisFilter(status=[QUEUED]))
    subject = SUBJECTS["bulk"]
    async with database.read() as connection:
        assert await subject.count_old(connection, utcnow() + timedelta(seconds=1)) == {"bulk_actions": 1}
        assert await subject.count_old(connection, utcnow() - timedelta(days=1)) == {"bulk_actions": 0}
    assert (await action(database, running)).status == "RUNNING"


def test_filters_in_one_form() -> None:
    assert write_filter(AnalysisFilter(search="x", excluded=AnalysisFilter(status=[FAILED]))) == (
        '{"search":"x","excluded":{"status":["FAILED"]}}'
    )


def test_filters_without_a_condition() -> None:
    for where in (
        AnalysisFilter(),
        AnalysisFilter(search=" \t"),
        AnalysisFilter(excluded=AnalysisFilter(status=[])),
        AnalysisFilter(search="", excluded=AnalysisFilter(key=[], search="x")),
    ):
        assert where.matches_all, where
    for where in (
        AnalysisFilter(status=[]),
        AnalysisFilter(search="x"),
        AnalysisFilter(excluded=AnalysisFilter()),
        AnalysisFilter(excluded=AnalysisFilter(status=[FAILED])),
        AnalysisFilter(error_fingerprint=""),
    ):
        assert not where.matches_all, where
