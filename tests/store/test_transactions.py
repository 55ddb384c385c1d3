"""Scripts and SQLAlchemy's statements in one transaction, errors of the driver, and connections that leave the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, func, make_url, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from settings import Settings
from store.sql.database import Database
from store.sql.failures import is_out_of_reach, may_pass
from store.sql.script import AMONG, EACH, Script, run
from store.sql.statements import Bulk
from tests.events.brokers import road_to
from tests.support import until

PID = select(func.pg_backend_pid())
ADD = "INSERT INTO number (number) VALUES (?)"
TABLE = "CREATE TABLE number (number text PRIMARY KEY)"


@pytest.fixture
async def numbers(empty_database: Database) -> Database:
    async with empty_database.write() as connection:
        await connection.execute(text(TABLE))
    return empty_database


async def stored(database: Database) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(text("SELECT number FROM number ORDER BY number"))).scalars())


async def raising(
    database: Database, error: type[BaseException], before: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    """Raise this error in a transaction, after some work."""
    async with database.write() as connection:
        await before(connection)
        raise error


def add(*numbers: str) -> Callable[[Script], None]:
    def script(script: Script) -> None:
        for number in numbers:
            script.do(ADD, number)

    return script


async def test_scripts_and_other_statements_share_a_transaction(numbers: Database) -> None:
    count = text("SELECT count(*) FROM number")
    async with numbers.write() as connection:
        await run(connection, add("1"))
        await connection.execute(text("INSERT INTO number VALUES ('2')"))
        assert await run(connection, lambda script: script.rows("SELECT count(*) FROM number")[0][0]) == 2
        assert (await connection.execute(count)).scalar_one() == 2
        assert await stored(numbers) == []
    assert await stored(numbers) == ["1", "2"]

    async def both(connection: AsyncConnection) -> None:
        await connection.execute(text("INSERT INTO number VALUES ('3')"))
        await run(connection, add("4"))

    with pytest.raises(LookupError):
        await raising(numbers, LookupError, both)
    assert await stored(numbers) == ["1", "2"]


async def test_an_error_of_a_script_is_an_error_of_sqlalchemy(numbers: Database) -> None:
    for wrong, passes in ((add("1", "1"), False), (add("1", "2\ud800"), False)):
        with pytest.raises((DBAPIError, ValueError)) as raised:
            async with numbers.write() as connection:
                await run(connection, wrong)
        assert may_pass(raised.value) is passes
        with pytest.raises((DBAPIError, ValueError)) as raised:
            await numbers.transact(wrong, lambda connection, answer: None)
        assert may_pass(raised.value) is passes
        assert await stored(numbers) == []
    async with numbers.write() as connection:
        await run(connection, add("1"))
    assert await stored(numbers) == ["1"]


async def test_an_error_that_the_commit_finds_is_an_error_of_sqlalchemy(numbers: Database) -> None:
    deferred = "REFERENCES number DEFERRABLE INITIALLY DEFERRED"
    async with numbers.write() as connection:
        await connection.execute(text(f"CREATE TABLE part (number text {deferred})"))
    with pytest.raises(DBAPIError) as raised:
        async with numbers.write() as connection:
            await run(connection, lambda script: script.do("INSERT INTO part VALUES ('5')"))
    assert not may_pass(raised.value)
    async with numbers.write() as connection:
        await run(connection, lambda script: script.do("INSERT INTO part VALUES (?)", "6"))
        await run(connection, add("6"))
    assert await stored(numbers) == ["6"]


@pytest.mark.parametrize("keys", [[], ["1"], ["3", "1", "4"], [f"{number}" for number in range(2_000)]])
async def test_any_number_of_keys_is_one_parameter(numbers: Database, keys: list[str]) -> None:
    def script(script: Script) -> tuple[Sequence[str], Sequence[str]]:
        script.do(f"INSERT INTO number SELECT value FROM {EACH}", script.keys(keys))
        script.do(ADD, "another")
        found = script.rows(f"SELECT number FROM number WHERE number {AMONG}", script.keys(keys))
        return [row[0] for row in found], [row[0] for row in script.rows("SELECT number FROM number")]

    async with numbers.write() as connection:
        among, every = await run(connection, script)
    assert sorted(among) == sorted(keys)
    assert sorted(every) == sorted([*keys, "another"])


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        ["", ""],
        ["one"],
        ["1", "", "2"],
        ["a\x1fb", "\x1f"],
        ["a\x1f", "b"],
        ["\n", ",", "{}", "NULL", '"', "\\x1f", "\U0001f40d"],
        [None, "1"],
        ["1", None],
        [None, None],
        ["x" * 100_000, "y"],
    ],
)
async def test_a_bulk_statement_keeps_every_text(numbers: Database, texts: list[str | None]) -> None:
    columns = (Column("id", Text, primary_key=True), Column("text", Text), Column("number", Integer))
    piece = Table("piece", MetaData(), *columns)
    rows = [(f"{number}", each, number) for number, each in enumerate(texts)]
    changed = [(each, number + 1, id_) for (id_, each, number) in rows]
    async with numbers.write() as connection:
        await connection.run_sync(piece.create)
        await Bulk.insert(piece, ("id", "text", "number")).execute(connection, rows)
        assert (await connection.execute(select(piece).order_by(piece.c.number))).all() == rows
        await connection.execute(update(piece).values(text="before"))
        await Bulk.update(piece, ("text", "number")).execute(connection, changed)
        found = (await connection.execute(select(piece).order_by(piece.c.number))).all()
    assert found == [(id_, each, number + 1) for id_, each, number in rows]


async def test_a_statement_before_the_next_one_is_executed_once(numbers: Database) -> None:
    async with numbers.write() as connection:
        await connection.execute(text("CREATE TABLE other (number text)"))

    def script(script: Script) -> int:
        script.before_next(ADD, "1")
        script.do("INSERT INTO other VALUES (?)", "a")
        script.before_next(ADD, "2")
        script.before_next(ADD, "3")
        count: int = script.rows("SELECT count(*) FROM other WHERE number = ?", "a")[0][0]
        script.before_next(ADD, "4")  # no other comes after it
        return count

    async with numbers.write() as connection:
        assert await run(connection, script) == 1
        await run(connection, add("5"))
    assert await stored(numbers) == ["1", "2", "3", "4", "5"]
    await numbers.transact(lambda script: script.before_next(ADD, "6"), lambda connection, answer: None)
    assert await stored(numbers) == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.needs("postgresql")
async def test_a_lost_connection_is_out_of_reach_and_hides_no_other_error(postgresql_url: str) -> None:
    database = Database(Settings(database_url=postgresql_url).database)

    async def lose(connection: AsyncConnection) -> None:
        driver = (await connection.get_raw_connection()).driver_connection
        pid = (await connection.execute(PID)).scalar_one()
        async with database.read() as other:
            await other.execute(select(func.pg_terminate_backend(pid)))
        assert driver is not None
        await until(driver.is_closed, what="the driver to notice")

    async def lose_and_run(connection: AsyncConnection) -> None:
        await lose(connection)
        await run(connection, lambda script: script.rows("SELECT 1"))

    try:
        for work in (lose, lose_and_run):  # the commit finds out, or the script
            with pytest.raises(DBAPIError) as raised:
                async with database.write() as connection:
                    await work(connection)
            assert is_out_of_reach(raised.value)
        for error in (LookupError, asyncio.CancelledError):
            with pytest.raises(error):
                await raising(database, error, lose)
        async with database.write() as connection:
            assert (await connection.execute(PID)).scalar_one() > 0
    finally:
        await database.close()


@pytest.mark.needs("postgresql")
async def test_a_connection_leaves_the_pool_if_its_rollback_is_interrupted(postgresql_url: str) -> None:
    url = make_url(postgresql_url)
    async with road_to(url.port or 5432) as road:
        far = url.set(port=road.port).render_as_string(hide_password=False)
        database = Database(Settings(database_url=far).database)
        inside = asyncio.Event()

        async def write() -> None:
            async with database.write() as connection:
                await connection.execute(PID)
                inside.set()
                await asyncio.Event().wait()

        try:
            task = asyncio.create_task(write())
            await inside.wait()
            road.cut()
            while not task.done():  # the rollback waits for an answer until it is canceled too
                task.cancel()
                await asyncio.sleep(0)
            with pytest.raises(asyncio.CancelledError):
                await task
            road.mend()
            async with database.write() as connection:
                assert (await connection.execute(PID)).scalar_one() > 0
        finally:
            await database.close()


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("cancellations", [1, 2])
async def test_a_cancellation_ends_a_statement_of_a_silent_database(postgresql_url: str, cancellations: int) -> None:
    url = make_url(postgresql_url)
    async with road_to(url.port or 5432) as road:
        far = url.set(port=road.port).render_as_string(hide_password=False)
        database = Database(Settings(database_url=far).database)
        silent = asyncio.Event()

        async def write() -> None:
            async with database.write() as connection:
                await connection.execute(PID)
                road.cut()
                silent.set()
                await connection.execute(select(func.now()))

        try:
            task = asyncio.create_task(write())
            await silent.wait()
            for _ in range(cancellations):
                await asyncio.sleep(0.1)  # time for the statement, or for the rollback, to wait
                task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            road.mend()
            async with database.write() as connection:
                assert (await connection.execute(PID)).scalar_one() > 0
        finally:
            await database.close()


@pytest.mark.needs("postgresql")
async def test_the_whole_of_write_is_a_transaction_of_the_driver(postgresql_url: str) -> None:
    """SQLAlchemy's connection begins none: a statement of a script would otherwise be outside of it."""
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        for door, expected in ((database.read, False), (database.write, True), (database.snapshot, True)):
            async with door() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                assert driver.is_in_transaction() is expected
                await connection.execute(PID)
                assert driver.is_in_transaction() is expected
            assert not driver.is_in_transaction()
    finally:
        await database.close()
