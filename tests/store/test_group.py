"""Group commit: bounds of a transaction, cancellation, and turns of other writers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import chain

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.database import Database
from store.sql.failures import may_pass
from store.sql.group import MOST, MOST_BYTES, Group
from store.sql.script import Script
from tests.support import until


class Numbers:
    """A table of numbers, and the groups in which they were written."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.groups: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.size: Callable[[int], int] = lambda number: 1
        self.group = Group[int, int](database, self._write, lambda connection, answers: None, lambda n: self.size(n))

    def _write(self, script: Script, numbers: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(numbers))
        if script.sqlite:  # in the connection's thread
            assert self.gate.wait(60)
        for number in numbers:
            script.do("INSERT INTO number (number) VALUES (?)", number)
        return [ValueError(number) if number < 0 else number for number in numbers]

    async def stored(self) -> list[int]:
        async with self.database.read() as connection:
            return list((await connection.execute(text("SELECT number FROM number ORDER BY number"))).scalars())


@pytest.fixture
async def numbers(empty_database: Database) -> AsyncIterator[Numbers]:
    async with empty_database.write() as connection:
        await connection.execute(text("CREATE TABLE number (number integer PRIMARY KEY)"))
    found = Numbers(empty_database)
    yield found
    found.gate.set()
    await found.group.close()


async def test_members_in_the_order_of_arrival_at_most_a_number_at_once(numbers: Numbers) -> None:
    count = MOST * 2 + 5
    assert await asyncio.gather(*(numbers.group.add(number) for number in range(count))) == list(range(count))
    assert [len(group) for group in numbers.groups] == [MOST, MOST, 5]
    assert list(chain(*numbers.groups)) == list(range(count)) == await numbers.stored()


async def test_the_bytes_of_a_transaction_are_bounded(numbers: Numbers) -> None:
    """A member above the bound has its own transaction; members at the bound share one."""
    sizes = [MOST_BYTES * 2, MOST_BYTES // 2, MOST_BYTES // 2, 1, MOST_BYTES, MOST_BYTES + 1, 0]
    numbers.size = sizes.__getitem__
    await asyncio.gather(*(numbers.group.add(number) for number in range(len(sizes))))
    assert numbers.groups == [[0], [1, 2], [3], [4], [5], [6]]


async def test_an_answer_that_is_an_error_refuses_its_member_alone(numbers: Numbers) -> None:
    answers = await asyncio.gather(*(numbers.group.add(each) for each in (1, -2, 3)), return_exceptions=True)
    assert [answers[0], answers[2]] == [1, 3]
    assert isinstance(answers[1], ValueError)
    assert len(numbers.groups) == 1


async def test_after_a_failure_each_member_runs_alone(numbers: Numbers) -> None:
    await numbers.group.add(2)
    answers = await asyncio.gather(*(numbers.group.add(each) for each in (1, 2, 3)), return_exceptions=True)
    assert [answers[0], answers[2]] == [1, 3]
    assert isinstance(answers[1], DBAPIError)
    assert not may_pass(answers[1])
    assert numbers.groups == [[2], [1, 2, 3], [1], [2], [3]]
    assert await numbers.stored() == [1, 2, 3]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cancellation(numbers: Numbers) -> None:
    """Canceled members of the running transaction are stored; those that wait are dropped; the others don't notice."""
    numbers.gate.clear()
    calls = [asyncio.create_task(numbers.group.add(number)) for number in range(3)]
    await until(lambda: numbers.groups)
    calls += [asyncio.create_task(numbers.group.add(number)) for number in range(3, 6)]
    await asyncio.sleep(0)
    calls[1].cancel()
    calls[4].cancel()
    await asyncio.sleep(0)
    assert [member for member, _ in numbers.group._waiting] == [3, 5]
    numbers.gate.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [answers[number] for number in (0, 2, 3, 5)] == [0, 2, 3, 5]
    assert [type(answers[number]) for number in (1, 4)] == [asyncio.CancelledError] * 2
    assert numbers.groups == [[0, 1, 2], [3, 5]]
    assert await numbers.stored() == [0, 1, 2, 3, 5]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_members_that_arrive_during_a_transaction_share_the_next(numbers: Numbers) -> None:
    numbers.gate.clear()
    first = asyncio.create_task(numbers.group.add(0))
    await until(lambda: numbers.groups)
    rest = [asyncio.create_task(numbers.group.add(number)) for number in range(1, 10)]
    await asyncio.sleep(0)
    assert not any(call.done() for call in (first, *rest))
    numbers.gate.set()
    assert await asyncio.gather(first, *rest) == list(range(10))
    assert numbers.groups == [[0], list(range(1, 10))]


async def test_another_writer_has_its_turn_beside_endless_members(numbers: Numbers) -> None:
    written: list[int] = []
    done = False

    async def client(first: int) -> None:
        number = first
        while not done:
            await numbers.group.add(number)
            number += 10

    async def write(connection: AsyncConnection, number: int) -> None:
        await connection.execute(text("INSERT INTO number (number) VALUES (:number)"), {"number": number})

    async with asyncio.TaskGroup() as tasks:
        for first in range(1, 9):
            tasks.create_task(client(first))
        for turn in range(5):
            before = len(numbers.groups)
            async with numbers.database.write() as connection:
                written.append(len(numbers.groups) - before)
                await write(connection, turn * 10)
        done = True
    # On SQLite, the running transaction and at most the next one. On PostgreSQL other writers do not wait at all.
    assert not numbers.database.is_sqlite or max(written) <= 2


async def test_nothing_is_left_after_a_close(numbers: Numbers) -> None:
    call = asyncio.create_task(numbers.group.add(1))
    await asyncio.sleep(0)
    await numbers.group.close()
    assert await numbers.stored() == [1]
    assert await call == 1
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
