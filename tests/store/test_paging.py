"""Pages compared with the sorted rows, in both directions, while rows arrive at any position."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from store import tables
from store.analyses import AnalysisOrderField, page_of_analyses
from store.filters import AnalysisFilter
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.paging import Page, PageArguments, PageError
from store.sql.viewer import LOCAL_ADMINISTRATOR, Role, Viewer
from store.tables import AnalysisRow

together = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOW = utcnow()
Key = tuple[int, str]

# In each step rows arrive, and a page is read: its size, forward or backward, from an earlier page's cursor or none.
arrivals = st.lists(st.tuples(st.integers(1, 10), st.integers(0, 999)), max_size=5)
steps = st.lists(
    st.tuples(arrivals, st.integers(0, 4), st.booleans(), st.none() | st.integers(0, 100)), min_size=1, max_size=8
)


class Shelf:
    """A new workspace, with the keys of its rows."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.viewer = Viewer("test", new_id("lease"), Role.ADMIN)
        self.keys: set[Key] = set()

    async def put(self, rows: list[tuple[int, int]]) -> None:
        """Insert rows with these priorities. A row's number determines the order of its id."""
        for priority, number in rows:
            typed_id = f"analysis_{number:03}{self.viewer.workspace[-23:]}{len(self.keys)}"
            item = NewAnalysis("text", "{}", priority, fault=Fault("INPUT_UNREADABLE", "no"))
            async with self.database.write() as connection:
                await insert_analyses(
                    connection, self.viewer, [item], NOW, timeout_seconds=1, max_attempts=1, ids=[typed_id]
                )
            self.keys.add((priority, typed_id))

    async def page(
        self,
        request: PageArguments,
        *,
        order: AnalysisOrderField = AnalysisOrderField.PRIORITY,
        descending: bool = False,
    ) -> Page[AnalysisRow]:
        async with self.database.read() as connection:
            return await page_of_analyses(
                connection, self.viewer, AnalysisFilter(), request, order=order, descending=descending
            )


def key_of(row: AnalysisRow) -> Key:
    return row.priority, row.id


@together
@given(steps=steps, descending=st.booleans())
async def test_a_page_is_a_slice_of_the_sorted_rows(database: Database, steps: list[Any], descending: bool) -> None:
    shelf = Shelf(database)
    cursors: list[tuple[str, Key]] = []
    for rows, size, backward, choice in steps:
        await shelf.put(rows)
        cursor, place = (None, None) if choice is None or not cursors else cursors[choice % len(cursors)]
        request = PageArguments(None, last=size, before=cursor) if backward else PageArguments(size, after=cursor)
        page = await shelf.page(request, descending=descending)

        truth = sorted(shelf.keys, reverse=descending)
        if place is not None:
            truth = [key for key in truth if (key < place) == (backward != descending) and key != place]
        expected = (truth[-size:] if size else []) if backward else truth[:size]
        assert [key_of(row) for row in page.rows] == expected
        more = len(truth) > size
        assert (page.has_previous if backward else page.has_next) == more
        assert (page.has_next if backward else page.has_previous) == (cursor is not None)
        cursors += [(page.cursor(row), key_of(row)) for row in page.rows]


@together
@given(before=arrivals, between=st.lists(arrivals, max_size=6), size=st.integers(1, 3), backward=st.booleans())
async def test_paging_returns_each_row_once_and_rows_that_arrive_ahead(
    database: Database, before: list[Any], between: list[list[Any]], size: int, backward: bool
) -> None:
    shelf = Shelf(database)
    await shelf.put(before)
    met: list[Key] = []
    due = set(shelf.keys)
    cursor: str | None = None
    waiting = list(between)
    while True:
        request = PageArguments(None, last=size, before=cursor) if backward else PageArguments(size, after=cursor)
        page = await shelf.page(request)
        stretch = [key_of(row) for row in page.rows]
        met += reversed(stretch) if backward else stretch
        if not (page.has_previous if backward else page.has_next) and not waiting:
            break
        if page.rows:
            cursor = page.cursor(page.rows[0 if backward else -1])
        known = set(shelf.keys)
        if waiting:
            await shelf.put(waiting.pop())
        due |= {key for key in shelf.keys - known if not met or (key < met[-1] if backward else key > met[-1])}
    assert met == sorted(due, reverse=backward)


@pytest.mark.parametrize("order", AnalysisOrderField)
@pytest.mark.parametrize("descending", [False, True])
async def test_every_order_can_be_paged_completely(
    database: Database, order: AnalysisOrderField, descending: bool
) -> None:
    shelf = Shelf(database)
    await shelf.put([(number % 3 + 1, number) for number in range(10)])
    met: list[str] = []
    cursor = None
    while True:
        page = await shelf.page(PageArguments(3, cursor), order=order, descending=descending)
        met += [row.id for row in page.rows]
        if not page.has_next:
            break
        cursor = page.cursor(page.rows[-1])
    by_priority = order is AnalysisOrderField.PRIORITY
    keys = sorted(shelf.keys, key=lambda key: key if by_priority else key[1], reverse=descending)
    assert met == [key[1] for key in keys]


def _cursor(value: object) -> str:
    return urlsafe_b64encode(orjson.dumps(value)).decode().rstrip("=")


LISTING = "analyses PRIORITY ASC"


@together
@given(cursor=st.text() | st.binary().map(lambda data: urlsafe_b64encode(data).decode()))
@example(_cursor([]))
@example(_cursor({}))
@example(_cursor(1))
@example(_cursor(None))
@example(_cursor([LISTING]))
@example(_cursor([LISTING, 1]))
@example(_cursor([LISTING, 1, "a", "b"]))
@example(_cursor([LISTING, None, "a"]))
@example(_cursor([LISTING, True, "a"]))
@example(_cursor([LISTING, [1], "a"]))
@example(_cursor([LISTING, 1, "a\0"]))
@example(_cursor([LISTING, 2**63, "a"]))
@example(_cursor(["analyses PRIORITY DESC", 1, "a"]))
@example("A")
@example("\ud800")
async def test_an_invalid_cursor_is_refused(database: Database, cursor: str) -> None:
    shelf = Shelf(database)
    for request in (PageArguments(1, cursor), PageArguments(None, None, 1, cursor)):
        with pytest.raises(PageError) as refused:
            await shelf.page(request)
        argument = "after" if request.after is not None else "before"
        assert refused.value.argument == argument
        assert str(refused.value).startswith(f"`{argument}` is ")


@pytest.mark.parametrize(
    "values", [[1, 1], ["a", "a"], ["1", 2], [1.5, "a"], [1e300, "a"], [2**31, "a"], [-(2**40), "a"]]
)
async def test_a_cursor_with_values_of_other_types_is_refused(database: Database, values: list[Any]) -> None:
    shelf = Shelf(database)
    with pytest.raises(PageError, match="a cursor of another list"):
        await shelf.page(PageArguments(1, _cursor([LISTING, *values])))


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    shelf = Shelf(database)
    await shelf.put([(1, 1), (2, 2)])
    page = await shelf.page(PageArguments(1))
    cursor = page.cursor(page.rows[0])
    orders = AnalysisOrderField
    for order, descending in ((orders.PRIORITY, True), (orders.CREATED_AT, False), (orders.FINISHED_AT, False)):
        with pytest.raises(PageError, match="a cursor of another list"):
            await shelf.page(PageArguments(1, cursor), order=order, descending=descending)


@pytest.mark.parametrize(
    ("arguments", "argument", "message"),
    [
        ((1, None, 1, None), "last", "`first` and `last` can't be combined: give one of them"),
        ((-1, None, None, None), "first", "`first` is -1: it must be from 0 to 1,000"),
        ((1001, None, None, None), "first", "`first` is 1001: it must be from 0 to 1,000"),
        ((None, None, -1, None), "last", "`last` is -1: it must be from 0 to 1,000"),
        ((None, None, 1001, None), "last", "`last` is 1001: it must be from 0 to 1,000"),
    ],
)
def test_sizes_have_bounds(arguments: Any, argument: str, message: str) -> None:
    with pytest.raises(PageError) as refused:
        PageArguments(*arguments)
    assert (refused.value.argument, str(refused.value)) == (argument, message)


def test_a_page_has_20_rows_by_default() -> None:
    pages = [PageArguments(None), PageArguments(0), PageArguments(None, None, 1000, "c")]
    assert [(page.size, page.backward) for page in pages] == [(20, False), (0, False), (1000, True)]


async def test_a_workspace_sees_only_its_own_rows(database: Database) -> None:
    mine, other = Shelf(database), Shelf(database)
    await mine.put([(1, 1)])
    await other.put([(1, 2)])
    page = await mine.page(PageArguments(10))
    assert [key_of(row) for row in page.rows] == sorted(mine.keys)
    nobody = Shelf(database)
    nobody.viewer = replace(LOCAL_ADMINISTRATOR, workspace="nobody")
    assert (await nobody.page(PageArguments(10))).rows == []
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(tables.analysis))).scalar_one() == 2
