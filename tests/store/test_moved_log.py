"""A log that a dump moved to another PostgreSQL cluster: its order is kept, and its cursors end."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from sqlalchemy import text

from server import create_app
from settings import Settings
from store.cursors import OtherHistory, cursor_of, end_of_log, find_place, identify
from store.events import START, append, events_after, log_start, place_of
from store.sql.database import Database
from store.sql.history import renumber_moved
from tests.store.test_event_log import line, write
from tests.store.truth import whole_log
from tests.support import run, until

pytestmark = pytest.mark.needs("postgresql")
FAR = 10**12
"""A distance of transaction ids that no cluster has reached."""


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """Return the URL of the PostgreSQL database: these tests do not run on SQLite."""
    return postgresql_url


async def execute(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


async def move(database: Database) -> None:
    """Give the log the transaction ids of a cluster that has counted further than this one."""
    await execute(database, f"UPDATE event SET xid = xid + {FAR} WHERE xid > 0")
    await execute(database, f"UPDATE cleanup SET log_xid = log_xid + {FAR} WHERE log_xid > 0")


async def contents(database: Database) -> list[tuple[Any, ...]]:
    """Return the events in the order of the log, without their places."""
    return [(each.workspace, each.type, each.subject, each.batch_id, each.data) for each in await whole_log(database)]


async def state(database: Database) -> list[Any]:
    """Return everything that a move changes."""
    async with database.read() as connection:
        tables = ("event ORDER BY position", "identity", "cleanup", "event_position_seq")
        return [(await connection.execute(text(f"SELECT * FROM {table}"))).all() for table in tables]


async def shown(database: Database) -> list[str]:
    async with database.read() as connection:
        return [event.subject for event in (await events_after(connection, START, 1_000))[0]]


async def write_out_of_order(database: Database) -> None:
    """Write a, b and c, with positions in another order than their transactions."""
    async with database.write() as first, database.write() as second:
        for connection in (first, second):
            await connection.execute(text("SELECT pg_current_xact_id()"))
        await append(second, [line("b")])
        await append(first, [line("a")])
    await write(database, "c")
    positions = [event.position for event in await whole_log(database)]
    assert positions != sorted(positions, key=lambda position: position or 0)


async def test_a_moved_log_keeps_its_order(database: Database) -> None:
    await write_out_of_order(database)
    await move(database)
    await identify(database)
    log = await whole_log(database)
    before, cursors = await contents(database), [cursor_of(database, event) for event in log]
    assert await shown(database) == []

    assert await renumber_moved(database) == 3
    assert await contents(database) == before
    assert await shown(database) == ["a", "b", "c"]
    places = [place_of(event) for event in await whole_log(database)]
    assert [place.xid for place in places] == [0, 0, 0]
    assert places[0].position > max(event.position or 0 for event in log)
    await identify(database)
    async with database.read() as connection:
        for cursor in cursors:
            with pytest.raises(OtherHistory):
                await find_place(connection, database, cursor)
        place, cursor = await end_of_log(connection, database)
        assert place == places[-1]
        assert await find_place(connection, database, cursor) == place

    await write(database, "d", "e")
    await until(lambda: agrees(database, ["a", "b", "c", "d", "e"]), what="the new events")
    # Moved once more: what came with the first move stays before the rest.
    await move(database)
    before = await contents(database)
    assert await renumber_moved(database) == 2
    assert await contents(database) == before
    assert await shown(database) == ["a", "b", "c", "d", "e"]
    places = [place_of(event) for event in await whole_log(database)]
    assert places == sorted(set(places))
    await write(database, "f")
    assert (await whole_log(database))[-1].position or places[-1].position < 0


async def agrees(database: Database, names: list[str]) -> bool:
    return await shown(database) == names


async def test_a_log_of_this_cluster_is_untouched(database: Database) -> None:
    assert await renumber_moved(database) == 0  # an empty log
    await write_out_of_order(database)
    async with database.write() as connection:
        await append(connection, [line("open")])
        await write(database, "later")
        before = await state(database)
        assert await renumber_moved(database) == 0
        assert await state(database) == before
    assert await renumber_moved(database) == 0
    assert len(await whole_log(database)) == 5


@pytest.mark.parametrize("left", [0, 1])
async def test_the_start_of_a_moved_log_moves_too(database: Database, left: int) -> None:
    """The start is that of a log with deleted events, also if none is left."""
    await write(database, *"abc")
    log = await whole_log(database)
    start = log[2 - left]
    await execute(database, f"DELETE FROM event WHERE position <= {start.position}")
    columns = "id, batches, analyses, events, log_xid, log_position"
    values = f"1, 0, 0, 0, {start.xid}, {start.position}"
    await execute(database, f"INSERT INTO cleanup ({columns}) VALUES ({values})")
    await move(database)
    assert await renumber_moved(database) == left
    async with database.read() as connection:
        begins = await log_start(connection)
    assert begins.xid == 0
    await write(database, "d")
    places = [place_of(event) for event in await whole_log(database)]
    assert [begins, *places] == sorted([begins, *places])
    assert [event.subject for event in await whole_log(database)] == ["c", "d"][1 - left :]
    assert await renumber_moved(database) == 0


@pytest.mark.long
@pytest.mark.parametrize("command", ["migrate", "status"])
async def test_a_command_renumbers_and_says_so(database: Database, database_url: str, command: str) -> None:
    await write(database, *"abc")
    await move(database)
    said = "its cursors are no longer valid, and 3 events were renumbered."
    environment = {"ASSAY_DATABASE_URL": database_url}
    for expected in (1, 0):
        output = await asyncio.to_thread(run, sys.executable, "server.py", command, env=environment)
        assert output.count(said) == expected
        assert await shown(database) == ["a", "b", "c"]


async def test_a_server_without_the_command_line_renumbers(database: Database, database_url: str) -> None:
    await write(database, *"abc")
    await move(database)
    app = create_app(Settings(database_url=database_url, workers=0))
    async with app.router.lifespan_context(app):
        assert await shown(database) == ["a", "b", "c"]


async def test_one_of_several_processes_renumbers(database: Database, database_url: str) -> None:
    """A writer that is not yet done is waited for, and its events are renumbered too."""
    await write(database, *"abc")
    await move(database)
    others = [Database(database.url.render_as_string(hide_password=False)) for _ in range(4)]
    try:
        async with database.write() as connection:
            await append(connection, [line("d")])
            await connection.execute(text(f"UPDATE event SET xid = xid + {2 * FAR} WHERE subject = 'd'"))
            waiting = [asyncio.create_task(renumber_moved(other)) for other in others]
            await until(lambda: waiters(database), what="all to wait")
        counts = await asyncio.gather(*waiting)
    finally:
        for other in others:
            await other.close()
    assert sorted(counts) == [0, 0, 0, 4]
    assert await shown(database) == ["a", "b", "c", "d"]


async def waiters(database: Database) -> bool:
    """Return whether four sessions wait for the lock of the log's table."""
    async with database.read() as connection:
        statement = text(
            "SELECT count(*) = 4 FROM pg_locks WHERE NOT granted AND relation = 'event'::regclass"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool((await connection.execute(statement)).scalar_one())
