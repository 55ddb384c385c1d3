"""The keepers' task for bulk actions: one keeper at a time, take-overs, and actions that can't be carried out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import bulk_actions, stillness
from jobs.bulk_actions import BulkActions
from jobs.cleanup import Ages, clean_up
from settings import Settings
from store import tables
from store.bulk_slices import SLICE, next_ids
from store.filters import AnalysisFilter
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import AnalysisStatus, BulkActionKind, BulkActionRow
from tests.store.test_bulk_slices import action, queue, start, statuses
from tests.store.truth import assert_consistent, whole_log
from tests.support import until

CANCEL = BulkActionKind.CANCEL
QUEUED = AnalysisFilter(status=[AnalysisStatus.QUEUED])


@asynccontextmanager
async def carrying_out(*databases: Database) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run the task of a keeper on each of these connections to one database."""
    tasks = [asyncio.create_task(BulkActions(database).run()) for database in databases]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def ended(database: Database, id_: str) -> BulkActionRow:
    """Return the action once it has ended."""

    async def has_ended() -> bool:
        return (await action(database, id_)).finished_at is not None

    await until(has_ended, what="the action to end")
    return await action(database, id_)


async def hold(database: Database, id_: str) -> None:
    """Give the lease of the action to a keeper that shows no sign of life."""
    async with database.write() as connection:
        await connection.execute(
            update(tables.bulk_action).where(tables.bulk_action.c.id == id_).values(lease="lost", renewed_at=utcnow())
        )


async def test_keepers_carry_out_each_analysis_once(database: Database) -> None:
    async with AsyncExitStack() as stack:
        others = [Database(Settings(database_url=database.url.render_as_string(False)).database) for _ in range(2)]
        for other in others:
            stack.push_async_callback(other.close)
        await stack.enter_async_context(carrying_out(*others))
        ids = await queue(database, 3 * SLICE + 1)
        first, _ = await start(database, CANCEL, QUEUED)
        second, _ = await start(database, CANCEL, ids=ids[: 2 * SLICE])
        rows = [await ended(database, each) for each in (first, second)]
    assert [row.status for row in rows] == ["COMPLETED", "COMPLETED"]
    assert [row.done + row.refused for row in rows] == [3 * SLICE + 1, 2 * SLICE]
    assert sum(row.done for row in rows) == len(ids)
    assert await statuses(database) == {"CANCELED": len(ids)}
    log = Counter((event.subject, event.type) for event in await whole_log(database))
    assert [log[each, "ANALYSIS_CANCELED"] for each in ids] == [1] * len(ids)
    assert [log[each, "BULK_ACTION_ENDED"] for each in (first, second)] == [1, 1]
    await assert_consistent(database)


async def test_a_keeper_takes_over_after_a_silence(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_actions, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(bulk_actions, "SILENCE_SECONDS", 3600.0)
    await queue(database, 1)
    held, _ = await start(database, CANCEL, QUEUED)
    await hold(database, held)
    async with carrying_out(database):
        free, _ = await start(database, BulkActionKind.RETRY, QUEUED)
        await ended(database, free)
        row = await action(database, held)
        assert (row.status, row.done, row.lease) == ("RUNNING", 0, "lost")
        monkeypatch.setattr(bulk_actions, "SILENCE_SECONDS", 1.0)
        assert (await ended(database, held)).done == 1


async def test_a_stopped_keeper_frees_its_actions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_actions, "SILENCE_SECONDS", 3600.0)
    await queue(database, 4 * SLICE)
    id_, _ = await start(database, CANCEL, QUEUED)
    async with carrying_out(database):

        async def has_begun() -> bool:
            return (await action(database, id_)).done > 0

        await until(has_begun, what="the first slice")
    row = await action(database, id_)
    assert (row.lease, row.renewed_at) == ("", None)
    async with carrying_out(database):
        assert (await ended(database, id_)).done == 4 * SLICE
    assert await statuses(database) == {"CANCELED": 4 * SLICE}
    await assert_consistent(database)


async def test_an_action_of_a_newer_program_waits(database: Database) -> None:
    await queue(database, 1)
    newer, _ = await start(database, CANCEL, QUEUED)
    this = tables.bulk_action.c.id == newer
    async with database.write() as connection:
        await connection.execute(update(tables.bulk_action).where(this).values(kind="PAINT"))
    id_, _ = await start(database, CANCEL, QUEUED)
    async with carrying_out(database):
        assert (await ended(database, id_)).done == 1
    assert (await action(database, newer)).status == "RUNNING"


async def test_a_broken_action_does_not_keep_others(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await queue(database, 1)
    broken, _ = await start(database, CANCEL, QUEUED)
    id_, _ = await start(database, CANCEL, QUEUED)

    async def read(connection: AsyncConnection, row: BulkActionRow) -> list[str]:
        if row.id == broken:
            raise KeyError(broken)
        return await next_ids(connection, row)

    monkeypatch.setattr(bulk_actions, "next_ids", read)
    async with carrying_out(database) as tasks:
        assert (await ended(database, id_)).done == 1
        await asyncio.wait(tasks)
        assert isinstance(tasks[0].exception(), KeyError)
    assert (await action(database, broken)).status == "RUNNING"


async def test_the_clean_up_deletes_ended_actions(database: Database) -> None:
    await queue(database, 1)
    old, _ = await start(database, BulkActionKind.RETRY, QUEUED)
    async with carrying_out(database):
        await ended(database, old)
    running, _ = await start(database, CANCEL, QUEUED)
    deleted = await clean_up(database, Ages(analyses=timedelta(microseconds=1)))
    assert deleted == {"bulk_actions": 1}
    async with database.read() as connection:
        assert (await connection.execute(select(tables.bulk_action.c.id))).scalars().all() == [running]


async def test_the_silence_of_another_keeper(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A renewal ends it, whatever the time in it, and a pause of this process is no silence of the other."""
    await queue(database, 1)
    id_, _ = await start(database, CANCEL, QUEUED)
    await hold(database, id_)
    row = await action(database, id_)
    await hold(database, id_)
    renewed = await action(database, id_)
    keeper, clock = BulkActions(database), 0.0
    for module in (bulk_actions, stillness):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock))
    keeper._looked_at = clock
    found = []
    for step, seen in (
        *((1.0, renewed), (4.0, renewed), (4.0, renewed), (4.0, row), (4.0, row), (4.0, row), (4.0, row)),
        *((100.0, row), (4.0, row), (4.0, row), (4.0, row)),
    ):
        clock += step
        found.append(keeper._free([seen]) == [seen])
    assert found == [*[False] * 6, True, *[False] * 3, True]
