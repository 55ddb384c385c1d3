"""The sizes of contents: stored by every write, read before the contents, and complete for rows of earlier releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text, update

from store import tables
from store.analyses import analyses_by_id, page_of_analyses
from store.contents import contents_by_id, piece_of_content
from store.filters import AnalysisFilter
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Origin, Outcome
from store.sql.columns import bytes_of
from store.sql.database import Database
from store.sql.ids import new_ids
from store.sql.migrate import migrate
from store.sql.paging import PageArguments
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import INLINE_BYTES

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SIZES = (tables.analysis.c.input_bytes, tables.analysis.c.options_bytes, tables.analysis.c.result_bytes)
# Texts of 1 to 4 bytes a character, at each side of the largest content that is read with its row.
TEXTS = ["", "a", "é" * 7, "\U0001f40d" * (INLINE_BYTES // 4), "\U0001f40d" * (INLINE_BYTES // 4) + "a", "€" * 30_000]


async def insert(database: Database, items: Sequence[NewAnalysis]) -> list[str]:
    ids = new_ids("analysis", len(items))
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, items, NOW, timeout_seconds=9, max_attempts=3, ids=ids)
    return ids


async def stored(database: Database) -> list[tuple[Any, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(select(*SIZES).order_by(tables.analysis.c.id))]


async def shown(database: Database, ids: Sequence[str]) -> list[Any]:
    async with database.read() as connection:
        rows = await analyses_by_id(connection, VIEWER, ids)
        page = await page_of_analyses(connection, VIEWER, AnalysisFilter(), PageArguments(100), descending=False)
    assert [(row.id, row.input_text, row.result) for row in page.rows] == [
        (id_, rows[id_].input_text, rows[id_].result) for id_ in ids
    ]
    return [rows[id_] for id_ in ids]


def test_a_size_counts_bytes() -> None:
    assert [bytes_of(each) for each in (None, *TEXTS)] == [None, 0, 1, 14, INLINE_BYTES, INLINE_BYTES + 1, 90_000]


async def test_every_write_stores_the_size(database: Database) -> None:
    ids = await insert(database, [NewAnalysis("text", "{}", 5, input_text=each) for each in TEXTS])
    (typed,) = await insert(database, [NewAnalysis("text", '{"é":1}', 5, input_data='["\U0001f40d"]')])
    sizes = [len(each.encode()) for each in TEXTS]
    assert await stored(database) == [*((size, 2, None) for size in sizes), (8, 8, None)]
    async with database.write() as connection:
        claimed = await claims.claim(connection, "worker", lambda analyzer: 20, NOW)
        leases = {row.id: row.lease for row in claimed}
        # With an origin a result is written by one statement for all rows, otherwise after a read.
        origin = Origin(VIEWER.workspace, None, 1, "text")
        outcomes = [
            Outcome(id_, leases[id_], End.COMPLETED, result, origin=origin if number % 2 else None)
            for number, (id_, result) in enumerate(zip(ids, TEXTS, strict=True))
        ]
        failed = Outcome(typed, leases[typed], End.FAILED)
        assert len(await finish.finish(connection, [*outcomes, failed], NOW)) == len(ids) + 1
    assert await stored(database) == [*((size, 2, size) for size in sizes), (8, 8, None)]


async def test_a_small_content_comes_with_its_row_and_a_large_one_alone(database: Database) -> None:
    ids = await insert(database, [NewAnalysis("text", "{}", 5, input_text=each) for each in TEXTS])
    rows = await shown(database, ids)
    assert [row.input_text for row in rows] == [each if len(each.encode()) <= INLINE_BYTES else "" for each in TEXTS]
    assert [row.input_bytes for row in rows] == [len(each.encode()) for each in TEXTS]
    assert {(row.input_data, row.result, row.result_bytes) for row in rows} == {(None, None, 0)}
    async with database.read() as connection:
        found = await contents_by_id(connection, VIEWER, "input_text", ids)
        assert [found[id_].input_text for id_ in ids] == TEXTS


async def test_the_pieces_of_a_content_join_to_the_whole(database: Database) -> None:
    """Pieces of any size: their bounds are inside of characters."""
    whole = "a€\U0001f40d" * 40
    (id_,) = await insert(database, [NewAnalysis("text", "{}", 5, input_text=whole)])
    async with database.read() as connection:
        for count in (1, 7, 320, 321):
            starts = range(0, len(whole.encode()), count)
            pieces = [await piece_of_content(connection, VIEWER, "input_text", id_, first, count) for first in starts]
            assert b"".join(piece or b"" for piece in pieces).decode() == whole
        assert await piece_of_content(connection, VIEWER, "result", id_, 0, 10) is None
        assert await piece_of_content(connection, VIEWER, "input_text", "analysis_none", 0, 10) is None


async def test_rows_of_an_earlier_release_have_sizes(empty_database: Database) -> None:
    """Rows from before the migration, and rows that a program of that release writes after it."""
    database = empty_database
    await migrate(database, "0008")
    ids = new_ids("analysis", 4)
    columns = "workspace, position, analyzer, status, priority, turn, progress, attempt, max_attempts, timeout_seconds"
    insert_old = text(
        f"""INSERT INTO analysis (id, {columns}, created_at, updated_at, input_text, input_data, options, result)
        VALUES (:id, 'default', 0, 'text', 'COMPLETED', 5, 0, 1, 1, 1, 9, 1, 1, :text, :data, :options, :result)"""
    )
    contents = [("é" * 5_000, None, "{}", None), (None, "[1]", '{"a":"é"}', "€"), (None, None, "{}", "x" * 5_000)]
    async with database.write() as connection:
        for id_, (text_, data, options, result) in zip(ids[:3], contents, strict=True):
            values = {"id": id_, "text": text_, "data": data, "options": options, "result": result}
            await connection.execute(insert_old, values)
    await migrate(database)
    assert await stored(database) == [(10_000, 2, None), (3, 10, 3), (None, 2, 5_000)]
    async with database.write() as connection:
        values = {"id": ids[3], "text": "é" * 3_000, "data": None, "options": "{}", "result": "y" * 7_000}
        await connection.execute(insert_old, values)
    assert (await stored(database))[3] == (None, None, None)
    rows = await shown(database, ids)
    assert [(row.input_bytes, row.options_bytes, row.result_bytes) for row in rows] == [
        (10_000, 2, 0),
        (3, 10, 3),
        (0, 2, 5_000),
        (6_000, 2, 7_000),
    ]
    assert [(row.input_text, row.input_data, row.result) for row in rows] == [
        ("", None, None),
        (None, "[1]", "€"),
        (None, None, ""),
        ("", None, ""),
    ]
    async with database.write() as connection:
        await connection.execute(update(tables.analysis).values(result=None, result_bytes=None))
    assert [row.result_bytes for row in await shown(database, ids)] == [0] * 4
