"""Numbers of analyses by status: kept, of a batch, and counted under a filter; compared with the rows."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from store import status_counts as module
from store import tables
from store.batches import delete_batch, request_batch_stop
from store.deletions import delete_analysis
from store.filters import AnalysisFilter
from store.queue.retries import retry_batch
from store.queue.status_counts import correct
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.status_counts import StatusCount, status_counts
from store.tables import AnalysisRow, AnalysisStatus
from tests.store.test_results import mixed_batches, plans_of

S = AnalysisStatus
NOW = utcnow()
OTHER = Viewer("other", "other", Role.ADMIN)


async def rows_of_all(database: Database) -> list[AnalysisRow]:
    async with database.read() as connection:
        return list((await connection.execute(select(tables.analysis))).all())  # type: ignore[arg-type]


async def counts(database: Database, where: AnalysisFilter, viewer: Viewer = VIEWER) -> list[StatusCount]:
    async with database.read() as connection:
        return await status_counts(connection, viewer, where)


def expected(rows: list[AnalysisRow]) -> list[StatusCount]:
    by_status = Counter(row.status for row in rows)
    return [StatusCount(status, by_status[status], True) for status in S]


async def test_the_counts_are_those_of_the_rows(database: Database) -> None:
    assert await counts(database, AnalysisFilter()) == expected([])
    ids = await mixed_batches(database)
    rows = await rows_of_all(database)
    assert all(count.count for count in expected(rows))
    assert await counts(database, AnalysisFilter()) == expected(rows)
    assert await counts(database, AnalysisFilter(), OTHER) == expected([])
    for status in ([], [S.FAILED]):  # the counts are those without the list's own status
        assert await counts(database, AnalysisFilter(status=status)) == expected(rows)
    for batch_id in ids:
        its = [row for row in rows if row.batch_id == batch_id]
        assert await counts(database, AnalysisFilter(batch_id=batch_id)) == expected(its)
        assert await counts(database, AnalysisFilter(batch_id=batch_id), OTHER) == expected([])
        assert await counts(database, AnalysisFilter(batch_id=batch_id, analyzer=["text"])) == expected(its)
    for where, found in (
        (AnalysisFilter(analyzer=["none"]), []),
        (AnalysisFilter(search="x"), [row for row in rows if row.input_text]),
        (AnalysisFilter(excluded=AnalysisFilter(status=[S.FAILED])), [row for row in rows if row.status != "FAILED"]),
    ):
        assert await counts(database, where) == expected(found)


async def test_counting_under_a_filter_stops(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await mixed_batches(database)
    full = expected(await rows_of_all(database))
    most = sorted(each.count for each in full)[2]
    monkeypatch.setattr(module, "MOST_COUNTED", most)
    limited = [StatusCount(each.status, min(each.count, most), each.count <= most) for each in full]
    assert {each.exact for each in limited} == {True, False}
    assert await counts(database, AnalysisFilter(analyzer=["text"])) == limited
    assert await counts(database, AnalysisFilter()) == full


async def test_each_change_is_counted(database: Database) -> None:
    ids = await mixed_batches(database)
    later = NOW + timedelta(seconds=1)
    async with database.write() as connection:
        await retry_batch(connection, VIEWER, ids[0], later)
        await request_batch_stop(connection, VIEWER, ids[1], S.CANCELED, later)
    assert await counts(database, AnalysisFilter()) == expected(await rows_of_all(database))
    ended = [row for row in await rows_of_all(database) if row.finished_at is not None and row.batch_id is None]
    async with database.write() as connection:
        assert await delete_analysis(connection, VIEWER, ended[0].id, NOW)
    assert await counts(database, AnalysisFilter()) == expected(await rows_of_all(database))
    async with database.write() as connection:
        await connection.execute(update(tables.batch).where(tables.batch.c.id == ids[1]).values(finished_at=NOW))
        assert await delete_batch(connection, VIEWER, ids[1], NOW)
    left = await rows_of_all(database)
    assert {row.batch_id for row in left} == {ids[0], None}
    assert await counts(database, AnalysisFilter()) == expected(left)


async def test_a_deleted_item_is_not_counted_in_its_batch(database: Database) -> None:
    [batch_id, _] = await mixed_batches(database)
    async with database.write() as connection:
        await connection.execute(update(tables.batch).where(tables.batch.c.id == batch_id).values(finished_at=NOW))
    its = [row for row in await rows_of_all(database) if row.batch_id == batch_id]
    failed = next(row for row in its if row.status == "FAILED")
    async with database.write() as connection:
        assert await delete_analysis(connection, VIEWER, failed.id, NOW)
    left = [row for row in its if row.id != failed.id]
    assert await counts(database, AnalysisFilter(batch_id=batch_id)) == expected(left)


async def test_differences_are_corrected(database: Database) -> None:
    """A program of an earlier release changes statuses without the numbers."""
    await mixed_batches(database)
    assert await correct(database) == 0
    completed, queued = S.COMPLETED.value, S.QUEUED.value
    async with database.write() as connection:
        column = tables.analysis.c
        values = {"status": queued, "finished_at": None}
        await connection.execute(update(tables.analysis).where(column.status == completed).values(values))
    rows = await rows_of_all(database)
    assert await counts(database, AnalysisFilter()) != expected(rows)
    assert await correct(database) == 2
    assert await counts(database, AnalysisFilter()) == expected(rows)
    assert await correct(database) == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_rows_of_ended_writers_become_one(database: Database) -> None:
    await mixed_batches(database)
    rows = await rows_of_all(database)
    gone = 2**31 - 1  # above every process id
    async with database.write() as connection:
        await connection.execute(update(tables.status_count).values(writer=gone))
        extra = "INSERT INTO status_count VALUES ('default', 'FAILED', 2147483646, 3), ('default', 'FAILED', 0, -3)"
        await connection.execute(text(extra))
    assert await correct(database) == 0
    kept = tables.status_count.c
    async with database.read() as connection:
        writers = await connection.execute(select(kept.writer, func.count()).group_by(kept.writer))
        assert [tuple(row) for row in writers] == [(0, len({row.status for row in rows}))]
    assert await counts(database, AnalysisFilter()) == expected(rows)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_counts_are_read_by_indexes(database: Database) -> None:
    await mixed_batches(database)
    async with plans_of(database) as plans:
        await counts(database, AnalysisFilter())
    assert not any("analysis" in plan for plan in plans)
    async with plans_of(database) as plans:
        await counts(database, AnalysisFilter(analyzer=["text"]))
    found = sorted(plan for plan in plans if "analysis USING" in plan and "id=?" not in plan)
    assert found == [
        "SEARCH analysis USING INDEX analysis_open (workspace=?)",
        "SEARCH analysis USING INDEX analysis_running (id>?)",
        *["SEARCH analysis USING INDEX analysis_status (workspace=? AND status=?)"] * 4,
    ]
