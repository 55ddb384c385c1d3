"""Loads of one operation: each row once, many in one statement, and on SQLite without a wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import text

from execution.eager import Eager
from resolvers.context import Context, Services
from store.batches import batches_by_id
from store.sql import direct
from store.sql.short import Reader
from store.sql.viewer import LOCAL_ADMINISTRATOR, Viewer
from store.tables import BatchRow
from tests.resolvers.rows import batch

Add = Callable[..., Awaitable[None]]


class Asked:
    """Loads batches, and notes the ids of each statement."""

    def __init__(self) -> None:
        self.ids: list[list[str]] = []

    async def __call__(self, reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, BatchRow]:
        self.ids.append(list(ids))
        return await batches_by_id(reader, viewer, ids)


@pytest.fixture
async def ids(add: Add) -> list[str]:
    rows = [batch(name=name) for name in "abc"]
    await add(*rows)
    return [str(row.values["id"]) for row in rows]


@pytest.fixture
def context(services: Services, monkeypatch: pytest.MonkeyPatch) -> Context:
    """Return a context, whose reads of a file are never too slow on a busy machine."""
    monkeypatch.setattr(direct, "MOST_SECONDS", 300.0)
    return Context(services, LOCAL_ADMINISTRATOR, "test")


async def test_an_operation_reads_each_row_once_until_it_forgets(
    context: Context, ids: list[str], services: Services
) -> None:
    load = Asked()
    for _ in range(2):
        found = await context.load(load, ids[0])
        assert found is not None
        assert found.name == "a"
        assert await context.load(load, "batch_none") is None
    assert load.ids == [[ids[0]], ["batch_none"]]
    async with services.database.write() as connection:
        await connection.execute(text("UPDATE batch SET name = 'z'"))
    context.forget()
    changed = await context.load(load, ids[0])
    assert changed is not None
    assert changed.name == "z"


async def test_many_rows_take_one_statement(context: Context, ids: list[str]) -> None:
    load = Asked()
    rows = await context.load_many(load, [*ids, "batch_none"])
    assert [row and row.name for row in rows] == ["a", "b", "c", None]
    assert await context.load_many(load, ids[:2]) == rows[:2]
    assert load.ids == [[*ids, "batch_none"]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_load_from_a_file_ends_without_a_wait(context: Context, ids: list[str]) -> None:
    assert Eager(context.load(batches_by_id, ids[0])).done
    assert Eager(context.load_many(batches_by_id, ids)).done


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_expected_rows_are_read_with_the_first_of_them(context: Context, ids: list[str]) -> None:
    load = Asked()
    context.expect(load, lambda: ids)
    context.expect(load, lambda: [ids[1], "batch_none"])
    assert await context.load(load, ids[2]) is not None
    assert [row and row.name for row in [await context.load(load, id_) for id_ in (*ids, "batch_none")]] == [
        *"abc",
        None,
    ]
    assert load.ids == [[ids[2], ids[0], ids[1], "batch_none"]]
    context.expect(load, lambda: ids)
    context.forget()
    assert await context.load(load, ids[0]) is not None
    assert load.ids[1:] == [[ids[0]]]
