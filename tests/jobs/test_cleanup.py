"""The clean-up: one server at a time deletes rows past their age, and no others, also during other writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from jobs import cleanup
from jobs.cleanup import Ages, clean_up
from jobs.keeper import Keeper
from store import analyses, batches, retention, tables
from store.batches import delete_batch
from store.events import START, HistoryGone, Place, events_after, last_place, log_start, place_of, require_history
from store.queue.retries import retry_analyses, retry_batch
from store.retention import Deleted, TakenOver, last_cleanup
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.subjects import count_old
from store.tables import CleanupRow
from tests.resolvers.rows import Row, analysis, event
from tests.store.aged import NOW, add, days_ago, ended, ended_batch
from tests.store.truth import whole_log
from tests.support import until

MONTH = timedelta(days=30)
AGES = Ages(MONTH, MONTH)


async def log_of(database: Database, length: int) -> list[Place]:
    """Return the positions of all events once readers may see them: on PostgreSQL, an open transaction delays them."""

    async def read() -> list[Place]:
        async with database.read() as connection:
            return [place_of(row) for row in (await events_after(connection, START, 1_000))[0]]

    await until(lambda: _has(read, length), what="the events to become visible", seconds=300)
    return await read()


async def _has(read: Callable[[], Awaitable[list[Place]]], length: int) -> bool:
    return len(await read()) == length


async def count(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        return {
            table.name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (tables.batch, tables.analysis, tables.event, tables.idempotency)
        }


async def begun(database: Database) -> str:
    """Begin a clean-up as another server would. Returns its lease."""
    async with database.write() as connection:
        lease = await retention.begin(connection, utcnow(), ended_before=utcnow())
    assert lease is not None
    return lease


async def kept(database: Database) -> CleanupRow:
    async with database.read() as connection:
        row = await last_cleanup(connection)
    assert row is not None
    return row


async def test_only_rows_past_their_age_are_deleted(database: Database) -> None:
    old, young, open_ = ended_batch(31, 3), ended_batch(29, 2), ended_batch(None, 2)
    ids = [row.values["id"] for row in (old, young, open_)]
    keep = [
        ended(29),
        ended(29.9, workspace="other"),
        analysis("QUEUED", created_at=days_ago(99)),
        analysis("RUNNING", created_at=days_ago(99)),
        *(ended(40, ids[1]) for _ in range(2)),  # their batch ended recently
        ended(40, ids[2]),
        analysis("QUEUED", batch_id=ids[2], created_at=days_ago(99)),
    ]
    go = [*(ended(40, ids[0]) for _ in range(3)), ended(31), ended(31, workspace="other"), ended(31, workspace="third")]
    logged = [event(occurred_at=days_ago(days)) for days in (50, 31, 30.1, 29, 35, 1)]
    key = {"workspace": "default", "input_hash": "", "subject_id": ""}
    keys = [Row(tables.idempotency, key | {"key": f"{n}", "created_at": days_ago(n)}) for n in (0, 1, 2)]
    await add(database, old, young, open_, *keep, *go, *logged, *keys)
    await log_of(database, 6)
    async with database.read() as connection:
        assert await count_old(connection, AGES.before(NOW)) == Deleted(batches=1, analyses=6, events=3)
    assert await clean_up(database, AGES) == Deleted(batches=1, analyses=6, events=3, keys=2)
    # Each deletion of a batch, and of a slice of analyses of one workspace, is an event.
    assert await count(database) == {"batch": 2, "analysis": 8, "event": 3 + 4, "idempotency": 1}
    await log_of(database, 7)
    async with database.read() as connection:
        left = set((await connection.execute(select(tables.analysis.c.id))).scalars())
        events, _ = await events_after(connection, START, 10)
        assert await log_start(connection) < place_of(events[0])
    assert left == {row.values["id"] for row in keep}
    # Only a prefix of the log is deleted.
    assert [event.occurred_at for event in events[:3]] == [days_ago(29), days_ago(35), days_ago(1)]
    assert [(event.type, event.workspace, event.subject, event.batch_id) for event in events[3:]] == [
        ("BATCH_DELETED", "default", ids[0], ids[0]),
        *(("ANALYSIS_DELETED", each.values["workspace"], each.values["id"], None) for each in go[3:]),
    ]
    row = await kept(database)
    assert (row.batches, row.analyses, row.events, row.lease) == (1, 6, 3, None)
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.finished_at >= row.started_at >= NOW


async def test_without_an_age_nothing_is_deleted(database: Database) -> None:
    await add(database, ended_batch(9_999, 0), ended(9_999), event(occurred_at=days_ago(9_999)))
    assert await clean_up(database, Ages()) == Deleted()
    assert await count(database) == {"batch": 1, "analysis": 1, "event": 1, "idempotency": 0}
    async with database.read() as connection:
        assert await log_start(connection) == START


async def test_many_rows_are_deleted_in_slices(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleanup, "MOST_ROWS", 7)
    monkeypatch.setattr(cleanup, "FIRST_ROWS", 7)
    monkeypatch.setattr(batches, "MOST_BATCHES", 4)
    old = [ended_batch(40, items) for items in (0, 1, 2, 14, 30, 3, 3, 1, 7)]
    items = [ended(40, each.values["id"]) for each in old for _ in range(each.values["total_items"])]
    lone = [ended(40, workspace=f"workspace {number % 3}") for number in range(50)]
    young = [ended(1), ended_batch(1, 0)]
    await add(database, *old, *items, *lone, *young, *(event(occurred_at=days_ago(40)) for _ in range(23)))
    await log_of(database, 23)
    assert await clean_up(database, AGES) == Deleted(batches=9, analyses=61 + 50, events=23)
    assert await count(database) == {"batch": 1, "analysis": 1, "event": 9 + 9, "idempotency": 0}
    deleted = await whole_log(database)
    assert sorted(event.subject for event in deleted[:9]) == sorted(each.values["id"] for each in old)
    # Of each workspace's 16 or 17 analyses, a slice has seven at most: its event is about the one that ended last.
    own = [[each for each in lone if each.values["workspace"] == f"workspace {number}"] for number in range(3)]
    ended_at = [sorted(each, key=lambda row: (row.values["finished_at"], row.values["id"])) for each in own]
    assert [event.subject for event in deleted[9:]] == [
        rows[place].values["id"] for rows in ended_at for place in (6, 13, len(rows) - 1)
    ]


async def test_one_clean_up_runs_at_a_time_and_once_an_hour(database: Database) -> None:
    await add(database, *(ended(40) for _ in range(5)))
    answers = await asyncio.gather(*(clean_up(database, AGES) for _ in range(5)))
    assert [answer for answer in answers if answer is not None] == [Deleted(analyses=5)]
    assert await clean_up(database, AGES) is None
    assert await clean_up(database, AGES, every=timedelta(0)) == Deleted()
    await begun(database)
    assert await clean_up(database, AGES, every=timedelta(0)) is None


async def test_a_clean_up_that_lost_its_lease_deletes_nothing_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, *(ended(40) for _ in range(3)), *(event(occurred_at=days_ago(40)) for _ in range(3)))
    await log_of(database, 3)
    before = await count(database)
    first = await begun(database)
    monkeypatch.setattr(retention, "LEASE", timedelta(0))
    async with database.write() as connection:
        await retention.hold(connection, first, utcnow() - timedelta(seconds=1))  # expired
        assert await retention.begin(connection, utcnow(), ended_before=utcnow()) is not None

    async def late(what: str) -> None:
        async with database.write() as connection:
            if what == "events":
                await retention.delete_events(connection, first, NOW, 10)
            else:
                async with database.read() as reading:
                    found = await analyses.ended_analyses(reading, NOW, analyses.FIRST, 10)
                assert await analyses.delete_lone_analyses(connection, [each.id for each in found], NOW) == 3
                await retention.hold(connection, first, utcnow())

    for what in ("events", "analyses"):
        with pytest.raises(TakenOver):
            await late(what)
    assert await count(database) == before


async def test_a_batch_retried_during_its_deletion_is_kept(database: Database) -> None:
    old = ended_batch(40, 4)
    id_ = old.values["id"]
    await add(database, old, *(ended(40, id_) for _ in range(4)))
    async with database.write() as connection:
        assert await batches.delete_batches(connection, [id_], days_ago(30), 1) == (1, 0)
    async with database.write() as connection:
        assert await retry_batch(connection, VIEWER, id_, utcnow()) == 3
    assert await clean_up(database, AGES) == Deleted()
    assert (await count(database))["analysis"] == 3
    async with database.read() as connection:
        row = (await connection.execute(select(tables.batch))).one()
    assert (row.queued, row.failed, row.total_items, row.finished_at) == (3, 1, 4, None)


async def test_deletions_and_retries_during_a_clean_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of clean-up, deletion and retry wins: no row is counted twice, and a retried batch keeps its items."""
    monkeypatch.setattr(cleanup, "MOST_ROWS", 5)
    monkeypatch.setattr(cleanup, "FIRST_ROWS", 5)
    old = [ended_batch(40, 10) for _ in range(12)]
    ids = [each.values["id"] for each in old]
    await add(database, *old, *(ended(40, id_) for id_ in ids for _ in range(10)), *(ended(40) for _ in range(30)))

    async def delete() -> int:
        deleted = 0
        for id_ in ids[::-1]:
            async with database.write() as connection:
                deleted += await delete_batch(connection, VIEWER, id_, utcnow())
        return deleted

    async def run_again() -> None:
        async with database.write() as connection:
            await retry_analyses(connection, VIEWER, tables.analysis.c.batch_id.is_(None), now=utcnow())
        for id_ in ids[::3]:
            async with database.write() as connection:
                await retry_batch(connection, VIEWER, id_, utcnow())

    found, deleted, _ = await asyncio.gather(clean_up(database, AGES), delete(), run_again())
    assert found is not None
    async with database.read() as connection:
        rows = (await connection.execute(select(tables.batch))).all()
        left = (await connection.execute(select(tables.analysis.c.batch_id, tables.analysis.c.status))).all()
    assert len(rows) == 12 - found["batches"] - deleted
    for row in rows:
        items = [each.status for each in left if each.batch_id == row.id]
        assert set(items) == {"QUEUED"}
        assert (row.finished_at, row.queued) == (None, len(items))
    assert {each.batch_id for each in left} - {None} == {row.id for row in rows}
    assert {each.status for each in left} <= {"QUEUED"}


async def test_the_start_of_the_log_is_known_after_a_clean_up(database: Database) -> None:
    await add(database, *(event(occurred_at=days_ago(days)) for days in (50, 40, 31)))
    places = await log_of(database, 3)
    async with database.read() as connection:
        await require_history(connection, START)
    await clean_up(database, AGES)
    async with database.read() as connection:
        assert await log_start(connection) == places[-1]
        assert await last_place(connection) == places[-1]  # although no event is left
        await require_history(connection, places[-1])
        for gone in (START, *places[:-1]):
            with pytest.raises(HistoryGone) as refusal:
                await require_history(connection, gone)
            assert refusal.value.start == places[-1]
    await add(database, event(occurred_at=days_ago(1)))
    (place,) = await log_of(database, 1)
    async with database.read() as connection:
        assert await last_place(connection) == place


async def test_a_keeper_cleans_up(database: Database) -> None:
    await add(database, ended(40), ended(1))

    def said() -> list[MutableMapping[str, Any]]:
        """Return the log lines of finished clean-ups."""
        return [line for line in logs if line["event"] == "cleaned up"]

    with capture_logs() as logs:
        keeper = asyncio.create_task(Keeper(database, ages=AGES).run())
        try:
            await until(said, what="the clean-up")
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
    [line] = said()
    names = ("batches", "analyses", "events", "keys")
    assert [line[name] for name in names] == [0, 1, 0, 0]
    row = await kept(database)
    assert (row.finished_at is not None, row.analyses) == (True, 1)
    assert (await count(database))["analysis"] == 1
