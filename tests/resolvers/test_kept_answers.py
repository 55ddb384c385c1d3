"""Kept answers equal those of an executor without a cache, after each kind of write and at random."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from analyzers.registry import load_registry
from events.bus import Bus
from events.changes import changes_in
from events.feed import Feed
from execution.answer_cache import AnswerCache
from execution.answers import Answer
from execution.executor import Executor, OperationRequest
from jobs.cleanup import Ages, clean_up
from jobs.supervision import side_tasks
from resolvers.context import Context, Services
from schema.build import fit
from settings import Settings
from store import retention, tables
from store.batches import delete_batch, delete_batches, go_on_deleting, insert_batch
from store.changes import Changed, changes_after
from store.deletions import delete_analyses
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.retries import retry_analyses, retry_batch
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id, new_ids
from store.sql.viewer import LOCAL_ADMINISTRATOR, Role, Viewer
from store.stops import request_stops
from store.submissions import Submissions
from store.tables import AnalysisStatus
from telemetry import Telemetry
from tests.support import until

VIEWERS = [LOCAL_ADMINISTRATOR, Viewer("ann", "other", Role.ANALYST), Viewer("ben", "other", Role.ANALYST)]
SCHEMA, ANALYZERS, _ = fit(load_registry().analyzers)
_column = tables.analysis.c

FIELDS = "id key status attempt finishedAt inputText title cancelable error { code message } attempts { number }"
ONE = f"query One($id: ID!) {{ analysis(id: $id) {{ {FIELDS} }} }}"
PAGE = f"""query Page($first: Int!, $where: AnalysisFilter, $by: AnalysisOrder) {{
  analyses(first: $first, filter: $where, orderBy: $by) {{ nodes {{ {FIELDS} }} pageInfo {{ hasNextPage endCursor }} }}
}}"""


class Instance:
    """One server's executors on a database: with a cache, and without one."""

    def __init__(self, database: Database, bus: Bus, settings: Settings) -> None:
        self.database, self.bus = database, bus
        self.telemetry = Telemetry("server:1")
        self.changes = changes_in(database, bus)
        self.plain = Executor(SCHEMA, settings=settings, telemetry=Telemetry())
        self.caching = Executor(
            SCHEMA,
            settings=settings,
            telemetry=self.telemetry,
            answers=AnswerCache(self.changes, self.telemetry.answers, settings.answer_cache_bytes),
        )
        self.services = Services(
            settings=settings,
            database=database,
            submissions=Submissions(database),
            feed=Feed(database),
            bus=bus,
            telemetry=self.telemetry,
            analyzers=ANALYZERS,
            plugin_failures={},
            instance="server:1",
        )
        bus.listen(self.changes.hear)
        database.on_commit(self.changes.hear)
        database.on_commit(bus.publish)

    async def ask(self, executor: Executor, viewer: Viewer, query: str, **variables: Any) -> Answer:
        request = OperationRequest(query, variables=variables)
        return await executor.execute(request, Context(self.services, viewer, "test"))

    async def both(self, viewer: Viewer, query: str, **variables: Any) -> tuple[bytes, bytes]:
        """Return the answer of the caching executor, and then that of the other one."""
        answers = [await self.ask(each, viewer, query, **variables) for each in (self.caching, self.plain)]
        return answers[0].json, answers[1].json

    async def hit(self, viewer: Viewer, query: str, **variables: Any) -> None:
        """Ask until an answer comes from the cache."""
        before = self.telemetry.answers.hits

        async def found() -> bool:
            await self.ask(self.caching, viewer, query, **variables)
            return self.telemetry.answers.hits > before

        await until(found, what="a hit")


Start = Callable[[], Awaitable[Instance]]


@pytest.fixture
async def start(tables: None, database_url: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Return a function that starts an instance on the database of the test."""
    async with AsyncExitStack() as stack:

        async def begin(**more: Any) -> Instance:
            settings = Settings(database_url=database_url, data_dir=tmp_path / "data", **more)
            database = Database(settings.database)
            stack.push_async_callback(database.close)
            instance = Instance(database, Bus(settings.bus), settings)
            stack.callback(instance.changes.close)
            stack.push_async_callback(instance.services.submissions.close)
            await stack.enter_async_context(side_tasks(bus=instance.bus.run, changes=instance.changes.run))
            await until(lambda: instance.bus.live, what="the bus")
            return instance

        yield begin


async def insert(database: Database, viewer: Viewer, count: int) -> list[str]:
    """Queue analyses."""
    ids = new_ids("analysis", count)
    items = [NewAnalysis("text", "{}", 5, input_text=f"Text {each}.") for each in ids]
    async with database.write() as connection:
        await insert_analyses(connection, viewer, items, utcnow(), ids=ids, timeout_seconds=300, max_attempts=3)
    return ids


async def insert_items(database: Database, viewer: Viewer, count: int) -> str:
    """Queue a batch."""
    batch_id, items = new_id("batch"), [NewAnalysis("text", "{}", 5, str(number), "Text.") for number in range(count)]
    async with database.write() as connection:
        await insert_batch(connection, viewer, batch_id, None, items, utcnow(), timeout_seconds=300, max_attempts=3)
    return batch_id


async def end(database: Database, viewer: Viewer) -> None:
    """Cancel all queued analyses."""
    async with database.write() as connection:
        await request_stops(connection, viewer, tables.queued, end=AnalysisStatus.CANCELED, now=utcnow())


class Writes:
    """Random writes to one database, and the ids of its rows so far."""

    def __init__(self, database: Database, choose: random.Random) -> None:
        self._database, self._choose = database, choose
        self.ids: list[str] = []
        self.batches: list[str] = []

    async def one(self) -> None:
        """Write once."""
        viewer = self._choose.choice(VIEWERS)
        some = _column.id.in_(self._choose.sample(self.ids, min(2, len(self.ids))))
        batch = self._choose.choice(self.batches) if self.batches else ""
        match self._choose.randrange(9):
            case 0:
                self.ids += await insert(self._database, viewer, self._choose.randint(1, 3))
            case 1:
                self.batches.append(await insert_items(self._database, viewer, self._choose.randint(1, 5)))
                async with self._database.read() as connection:
                    items = select(_column.id).where(_column.batch_id == self.batches[-1])
                    self.ids += (await connection.execute(items)).scalars()
            case 2 | 3:
                await end(self._database, viewer)
            case 4:
                async with self._database.write() as connection:
                    await retry_analyses(connection, viewer, some, now=utcnow())
            case 5:
                async with self._database.write() as connection:
                    await delete_analyses(connection, viewer, some, now=utcnow())
            case 6:
                async with self._database.write() as connection:
                    await delete_batch(connection, viewer, batch, utcnow())
            case 7:
                async with self._database.write() as connection:
                    await go_on_deleting(connection)
            case 8:
                async with self._database.write() as connection:
                    await retry_batch(connection, viewer, batch, utcnow())


@pytest.mark.parametrize("seed", range(2))
async def test_random_reads_and_writes(start: Start, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("store.batches.DELETE_SLICE", 2)  # most deletions of batches take several transactions
    choose = random.Random(seed)
    near, far = await start(), await start()
    writes = Writes(near.database, choose), Writes(far.database, choose)
    for writer in writes:
        writer.ids, writer.batches = writes[0].ids, writes[0].batches
    exact = near.database.is_sqlite
    for _ in range(40):
        by = choose.randrange(2)
        await writes[by].one()
        # On PostgreSQL the other instance hears of a commit a little later.
        readers = [near, far] if exact else [(near, far)[by]]
        for _ in range(3):
            reader, viewer = choose.choice(readers), choose.choice(VIEWERS)
            if choose.random() < 0.5:
                variables: dict[str, Any] = {"id": choose.choice([*writes[0].ids[-6:], new_id("analysis")])}
                query = ONE
            else:
                status = choose.choice([None, ["CANCELED"], ["QUEUED"]])
                by_field = choose.choice([None, {"field": "FINISHED_AT"}])
                variables = {"first": choose.choice([1, 50]), "where": {"status": status}, "by": by_field}
                query = PAGE
            for _ in range(2):
                kept, expected = await reader.both(viewer, query, **variables)
                assert kept == expected, (viewer, query, variables)
    await end(near.database, LOCAL_ADMINISTRATOR)
    async with near.database.write() as connection:
        while await go_on_deleting(connection):
            pass
    await near.hit(LOCAL_ADMINISTRATOR, PAGE, first=50)
    await far.hit(LOCAL_ADMINISTRATOR, PAGE, first=50)
    kept, expected = await far.both(LOCAL_ADMINISTRATOR, PAGE, first=50)
    assert kept == expected
    assert near.telemetry.answers.dropped > 0
    assert not exact or near.telemetry.answers.hits > 10


async def test_an_instance_sees_the_changes_of_another(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.batches.DELETE_SLICE", 2)
    near, far = await start(), await start()
    viewer = VIEWERS[0]

    async def changed(id_: str, write: Callable[[], Awaitable[Any]]) -> None:
        """Check that the kept answers of both instances change with a write by the first."""
        questions: list[dict[str, Any]] = [{"query": ONE, "id": id_}, {"query": PAGE, "first": 50}]
        before = []
        for instance in (near, far):
            for question in questions:
                await instance.hit(viewer, **question)
                before.append((await instance.ask(instance.caching, viewer, **question)).json)
        await write()
        after = [(await near.ask(near.caching, viewer, **question)).json for question in questions]
        for question, old, new in zip(questions, before[2:], after, strict=True):
            assert old != new

            async def same(question: dict[str, Any] = question, new: bytes = new) -> bool:
                return (await far.ask(far.caching, viewer, **question)).json == new

            assert await same() if near.database.is_sqlite else await until(same)

    async def retry(id_: str) -> None:
        async with near.database.write() as connection:
            assert await retry_analyses(connection, viewer, _column.id == id_, now=utcnow()) == [id_]

    async def remove(id_: str) -> None:
        async with near.database.write() as connection:
            assert await delete_analyses(connection, viewer, _column.id == id_, now=utcnow()) == 1

    async def remove_batch() -> None:
        async with near.database.write() as connection:
            assert await delete_batch(connection, viewer, batch, utcnow())
        while await _go_on(near.database):
            pass

    async def keep_one_day() -> None:
        deleted = await clean_up(near.database, Ages(analyses=timedelta(days=1)))
        assert deleted is not None
        assert deleted["analyses"] == 2

    ids = await insert(near.database, viewer, 3)
    batch = await insert_items(near.database, viewer, 5)
    await end(near.database, viewer)
    async with near.database.read() as connection:
        item = (await connection.execute(select(_column.id).where(_column.batch_id == batch))).scalars().first()
    assert item is not None
    await changed(ids[0], lambda: retry(ids[0]))
    await end(near.database, viewer)
    await changed(ids[0], lambda: remove(ids[0]))
    await changed(item, remove_batch)
    async with near.database.write() as connection:
        await connection.execute(update(tables.analysis).values(finished_at=utcnow() - timedelta(days=2)))
    await changed(ids[1], keep_one_day)


async def test_each_slice_of_a_deletion_without_events(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.batches.DELETE_SLICE", 2)
    instance, viewer, now = await start(), VIEWERS[0], utcnow()
    database, batches = instance.database, [await insert_items(instance.database, VIEWERS[0], 5) for _ in range(2)]
    await end(database, viewer)

    async def equal() -> None:
        for _ in range(2):
            assert await _equal(instance, viewer)

    async with database.write() as connection:
        lease = await retention.begin(connection, now, ended_before=now)
    assert lease is not None
    for _ in range(3):  # the clean-up of the first batch
        await instance.hit(viewer, PAGE, first=50)
        async with database.write() as connection:
            later = now + timedelta(days=1)
            await delete_batches(connection, batches[:1], later, 2)
            await retention.hold(connection, lease, utcnow())
        await equal()
    async with database.write() as connection:
        assert await delete_batch(connection, viewer, batches[1], now)
    await equal()
    while await _go_on(database):
        await equal()
    await instance.hit(viewer, PAGE, first=50)
    await equal()


async def _equal(instance: Instance, viewer: Viewer) -> bool:
    kept, expected = await instance.both(viewer, PAGE, first=50)
    return kept == expected


async def _go_on(database: Database) -> bool:
    async with database.write() as connection:
        return await go_on_deleting(connection)


async def test_no_viewer_gets_the_answer_of_another(start: Start) -> None:
    instance = await start()
    for viewer in VIEWERS[:2]:
        (id_,) = await insert(instance.database, viewer, 1)
        await end(instance.database, viewer)
        await instance.hit(viewer, ONE, id=id_)
        await instance.hit(viewer, PAGE, first=5)
        for other in VIEWERS[:2]:
            found = await instance.ask(instance.caching, other, ONE, id=id_)
            assert (found.body["data"]["analysis"] is not None) == (other is viewer)
    pages = [(await instance.ask(instance.caching, viewer, PAGE, first=5)).json for viewer in VIEWERS]
    assert pages[0] != pages[1] == pages[2]


async def test_an_unfinished_analysis_or_an_absent_one_is_not_kept(start: Start) -> None:
    instance = await start()
    (id_,) = await insert(instance.database, VIEWERS[0], 1)
    await end(instance.database, VIEWERS[0])
    await instance.hit(VIEWERS[0], ONE, id=id_)  # the cache works
    (unfinished,) = await insert(instance.database, VIEWERS[0], 1)
    for _ in range(3):
        await instance.both(VIEWERS[0], ONE, id=unfinished)
        await instance.both(VIEWERS[0], ONE, id=new_id("analysis"))
        await instance.both(VIEWERS[0], PAGE, first=5)
        await instance.both(VIEWERS[0], "query Two($id: ID!) { analysis(id: $id) { id batch { id } } }", id=id_)
    assert instance.telemetry.answers.entries == 1


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_announcement_counts_until_the_end_of_its_read(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    instance, viewer = await start(), VIEWERS[0]
    (id_,) = await insert(instance.database, viewer, 1)
    await end(instance.database, viewer)
    await instance.hit(viewer, ONE, id=id_)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def late(connection: AsyncConnection, before: Changed | None) -> Changed:
        begun.set()
        await go_on.wait()
        return await changes_after(connection, before)

    monkeypatch.setattr("events.changes.changes_after", late)
    async with instance.database.write() as connection:
        await delete_analyses(connection, viewer, _column.id == id_, now=utcnow())
    await instance.ask(instance.caching, viewer, ONE, id=id_)  # asks for a read
    await begun.wait()
    kept, expected = await instance.both(viewer, ONE, id=id_)
    go_on.set()
    assert kept == expected


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_without_a_bus_nothing_is_kept(start: Start, database_url: str) -> None:
    instance = await start()
    (id_,) = await insert(instance.database, VIEWERS[0], 1)
    await end(instance.database, VIEWERS[0])
    await instance.hit(VIEWERS[0], ONE, id=id_)
    instance.bus.live = False
    hits = instance.telemetry.answers.hits
    for _ in range(3):
        kept, expected = await instance.both(VIEWERS[0], ONE, id=id_)
        assert kept == expected
    assert instance.telemetry.answers.hits == hits


async def test_a_lost_announcement_delays_a_change_by_the_interval_of_polls(start: Start) -> None:
    near, far = await start(), await start()
    (id_,) = await insert(near.database, VIEWERS[0], 1)
    await end(near.database, VIEWERS[0])
    await far.hit(VIEWERS[0], ONE, id=id_)
    near.database._listeners.clear()  # the instance ends between its commit and the announcement
    async with near.database.write() as connection:
        await delete_analyses(connection, VIEWERS[0], _column.id == id_, now=utcnow())

    async def gone() -> bool:
        return (await far.ask(far.caching, VIEWERS[0], ONE, id=id_)).body == {"data": {"analysis": None}}

    await until(gone)


async def test_more_changes_than_one_read_has(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.changes.MOST_EVENTS", 3)
    near, far = await start(), await start()
    (id_,) = await insert(near.database, VIEWERS[0], 1)
    await end(near.database, VIEWERS[0])
    for _ in range(3):
        await far.hit(VIEWERS[0], ONE, id=id_)
        await insert(near.database, VIEWERS[1], 10)
        await far.hit(VIEWERS[0], ONE, id=id_)
        async with near.database.write() as connection:
            await retry_analyses(connection, VIEWERS[0], _column.id == id_, now=utcnow())
        await end(near.database, VIEWERS[0])

        async def same() -> bool:
            kept, expected = await far.both(VIEWERS[0], ONE, id=id_)
            return kept == expected

        assert await same() if far.database.is_sqlite else await until(same)


async def test_an_answer_that_changes_while_it_is_made_is_not_kept(start: Start) -> None:
    instance = await start()
    await insert(instance.database, VIEWERS[0], 1)
    await end(instance.database, VIEWERS[0])
    await instance.hit(VIEWERS[0], PAGE, first=5)
    text = PAGE.replace("title", "t: title")  # not kept yet
    asked = asyncio.ensure_future(instance.ask(instance.caching, VIEWERS[0], text, first=5))
    await asyncio.sleep(0)  # looked up
    await insert(instance.database, VIEWERS[0], 1)
    await end(instance.database, VIEWERS[0])
    await asked
    kept, expected = await instance.both(VIEWERS[0], text, first=5)
    assert kept == expected
