"""The numbers of retryable items and the rule for a single analysis, compared with the retries themselves."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from store import tables
from store.batches import delete_batch, request_batch_stop
from store.deletions import delete_analysis
from store.queue import finish
from store.queue.finish import End, Outcome
from store.queue.retries import RetryFigures, may_retry, retry_analyses, retry_batch, retry_figures
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.tables import AnalysisRow, AnalysisStatus
from tests.store.test_results import mixed_batches

NOW = utcnow()


async def rows_of_all(database: Database) -> list[AnalysisRow]:
    async with database.read() as connection:
        return list((await connection.execute(select(tables.analysis))).all())  # type: ignore[arg-type]


async def end_all(database: Database, batch_id: str) -> None:
    """Cancel the rest of a batch, and end its running items."""
    async with database.write() as connection:
        await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, NOW)
    left = [row for row in await rows_of_all(database) if row.status == "RUNNING"]
    async with database.write() as connection:
        await finish.finish(connection, [Outcome(row.id, row.lease or "", End.FAILED) for row in left], NOW)


async def figures(database: Database, ids: list[str], viewer: Viewer = VIEWER) -> dict[str, RetryFigures]:
    async with database.read() as connection:
        return await retry_figures(connection, viewer, ids)


@pytest.mark.parametrize("thinned", [False, True])
async def test_the_figures_are_the_numbers_of_a_retry(database: Database, thinned: bool) -> None:
    ids = await mixed_batches(database)
    if thinned:
        await end_all(database, ids[0])
        items = [row for row in await rows_of_all(database) if row.batch_id == ids[0] and may_retry(row)]
        async with database.write() as connection:
            assert await delete_analysis(connection, VIEWER, items[0].id, NOW)
    found = await figures(database, ids)
    assert await figures(database, ids, Viewer("other", "other", Role.ADMIN)) == {}
    items = await rows_of_all(database)
    for batch_id in ids:
        its = [row for row in items if row.batch_id == batch_id]
        refused = [row for row in its if (row.status, row.attempt) == ("FAILED", 0)]
        assert found[batch_id] == RetryFigures(len(refused), sum(map(may_retry, its)))
        assert found[batch_id].refused > 0
        async with database.write() as connection:
            assert await retry_batch(connection, VIEWER, batch_id, NOW) == found[batch_id].retryable > 0
    assert [each.retryable for each in (await figures(database, ids)).values()] == [0, 0]


async def test_a_deleted_batch_has_no_figures(database: Database) -> None:
    ids = await mixed_batches(database)
    await end_all(database, ids[0])
    async with database.write() as connection:
        assert await delete_batch(connection, VIEWER, ids[0], NOW)
    assert list(await figures(database, ids)) == ids[1:]


async def test_the_rule_for_one_analysis_is_that_of_its_retry(database: Database) -> None:
    await mixed_batches(database)
    rows = await rows_of_all(database)
    assert {row.status for row in rows} == set(AnalysisStatus)
    for row in rows:
        async with database.write() as connection:
            retried = await retry_analyses(connection, VIEWER, tables.analysis.c.id == row.id, now=NOW)
        assert bool(retried) is may_retry(row), (row.status, row.attempt)
