"""Changes of access: announced after the commit, and numbered in the order of commits."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from store.access.changes import NewChange, changes_after, last_change, note_changes
from store.access.lock import lock_access
from store.sql.database import Database
from tests.resolvers.rows import NOW
from tests.store.access.calls import changes, read, write
from tests.store.waiting import waits
from tests.support import until


class Stumble(Exception):
    """An error that rolls a transaction back."""


async def test_a_change_is_announced_after_the_commit(database: Database) -> None:
    heard: list[frozenset[str]] = []
    database.on_commit(heard.append)
    with suppress(Stumble):
        async with database.write() as connection:
            await note_changes(connection, [NewChange("user_1", "user_1")], NOW)
            raise Stumble
    assert (heard, await changes(database)) == ([], [])
    async with database.write() as connection:
        await note_changes(connection, [NewChange("user_1", "user_1"), NewChange("workspace_1", None)], NOW)
        assert heard == []
    assert heard == [frozenset({"access"})]
    assert await changes(database) == [("user_1", "user_1"), ("workspace_1", None)]
    async with database.write() as connection:
        await note_changes(connection, [], NOW)
    assert len(heard) == 1


async def test_a_reader_continues_after_a_number(database: Database) -> None:
    assert await read(database, last_change) == 0
    for number in range(5):
        await write(database, note_changes, [NewChange(f"user_{number}", None)], NOW)
    first = await read(database, changes_after, 0, 3)
    assert [row.subject_id for row in first] == ["user_0", "user_1", "user_2"]
    assert [row.occurred_at for row in first] == [NOW] * 3
    last = first[-1].number
    assert last is not None
    assert await changes(database, last) == [("user_3", None), ("user_4", None)]
    assert await changes(database, await read(database, last_change)) == []


async def test_the_second_of_two_transactions_has_the_higher_number(database: Database) -> None:
    """The first holds its number while it is open: no later number appears before it."""
    async with database.write() as connection:
        await note_changes(connection, [NewChange("first", None)], NOW)
        second = asyncio.create_task(write(database, note_changes, [NewChange("second", None)], NOW))

        async def waiting() -> bool:
            return await waits(database)

        await until(waiting, what="the second transaction to wait", seconds=60)
        assert await changes(database) == []
    await second
    assert await changes(database) == [("first", None), ("second", None)]


async def test_a_reader_of_concurrent_changes_misses_none(database: Database) -> None:
    writers, each = 8, 10

    async def change(writer: int) -> None:
        for number in range(each):
            async with database.write() as connection:
                if number % 2:
                    await lock_access(connection)
                await note_changes(connection, [NewChange(f"{writer}.{number}.{part}", None) for part in "ab"], NOW)
                if number % 3 == 0:
                    await asyncio.sleep(0)

    seen: list[str] = []

    async def follow() -> None:
        number = 0
        while len(seen) < writers * each * 2:
            for row in await read(database, changes_after, number):
                assert row.number is not None
                assert row.number > number
                number = row.number
                seen.append(row.subject_id)

    async with asyncio.timeout(120):
        await asyncio.gather(follow(), *(change(writer) for writer in range(writers)))
    expected = {f"{writer}.{number}.{part}" for writer in range(writers) for number in range(each) for part in "ab"}
    assert set(seen) == expected
    assert len(seen) == len(expected)
