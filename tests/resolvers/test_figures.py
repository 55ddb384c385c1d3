"""The store's figures, exact on both databases, and by which index SQLite finds them."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import text

from store.sql.database import Database
from store.statistics import (
    BatchFigures,
    FileFigures,
    PriorityFigures,
    QueueFigures,
    analyzer_figures,
    batch_figures,
    file_figures,
    log_figures,
    queue_figures,
    storage_figures,
)
from telemetry import Percentiles
from tests.resolvers.rows import NOW, Row, ago, analysis, batch, event
from tests.support import until

Add = Callable[..., Awaitable[None]]


async def test_an_empty_database_has_no_figures(database: Database) -> None:
    async with database.read() as connection:
        assert await queue_figures(connection, NOW) == QueueFigures(0, 0, None, [])
        assert await batch_figures(connection, NOW) == BatchFigures(0, 0, 0, 0, Percentiles(None, None, None))
        assert await analyzer_figures(connection) == []
        assert (await log_figures(connection, NOW)).held_back_seconds == 0
        storage = await storage_figures(connection)
    assert (storage.analyses, storage.events) == (0, 0)
    assert storage.database_bytes > 0


async def test_the_queue_by_priority(database: Database, add: Add) -> None:
    later = NOW + timedelta(seconds=5)
    await add(
        *(analysis(priority=3, updated_at=ago(9)) for _ in range(4)),
        *(analysis(priority=10, updated_at=ago(2), created_at=ago(500)) for _ in range(2)),
        analysis(priority=3, updated_at=ago(70), not_before=later),
        analysis(priority=1, updated_at=ago(80), not_before=later),
        *(analysis("RUNNING") for _ in range(3)),
        *(analysis(status) for status in ("COMPLETED", "FAILED", "CANCELED", "TIMED_OUT")),
    )
    async with database.read() as connection:
        figures = await queue_figures(connection, NOW)
    # What waits for its next try counts, but waits of its own accord: the oldest is of what could be taken.
    by_priority = [PriorityFigures(10, 2, 2), PriorityFigures(3, 5, 9), PriorityFigures(1, 1, None)]
    assert figures == QueueFigures(depth=8, running=3, oldest_seconds=9, by_priority=by_priority)


async def test_the_queue_by_analyzer(database: Database, add: Add) -> None:
    await add(
        *(analysis(analyzer="text") for _ in range(2)),
        *(analysis(analyzer="image") for _ in range(3)),
        *(analysis(analyzer="audio", not_before=NOW) for _ in range(2)),
        *(analysis(status, analyzer="video") for status in ("RUNNING", "COMPLETED", "FAILED")),
    )
    async with database.read() as connection:
        found = await analyzer_figures(connection)
    assert [(each.analyzer, each.depth) for each in found] == [("image", 3), ("audio", 2), ("text", 2)]


async def test_what_only_waits_for_its_next_try_has_no_oldest(database: Database, add: Add) -> None:
    await add(analysis(updated_at=ago(80), not_before=NOW + timedelta(seconds=5)))
    async with database.read() as connection:
        assert await queue_figures(connection, NOW) == QueueFigures(1, 0, None, [PriorityFigures(5, 1, None)])


async def test_a_clock_that_went_back_gives_no_negative_wait(database: Database, add: Add) -> None:
    await add(analysis(updated_at=NOW + timedelta(seconds=3)))
    async with database.read() as connection:
        assert (await queue_figures(connection, NOW)).oldest_seconds == 0


@pytest.mark.parametrize("count", [1, 2, 20, 101])
async def test_percentiles_of_batches_by_nearest_rank(database: Database, add: Add, count: int) -> None:
    durations = [(number * 37 % count + 1) * 10 for number in range(count)]
    ends = [ago(number % 300) for number in range(count)]
    await add(
        *(
            batch(finished_at=end, started_at=end - timedelta(milliseconds=duration))
            for end, duration in zip(ends, durations, strict=True)
        ),
        batch(finished_at=ago(301), started_at=ago(10_000)),
        batch("CANCELED", finished_at=NOW),
    )
    async with database.read() as connection:
        found = (await batch_figures(connection, NOW)).durations
    ordered = sorted(durations)
    expected = [ordered[math.ceil(count * percent / 100) - 1] for percent in (50, 95, 99)]
    assert [found.p50_ms, found.p95_ms, found.p99_ms] == expected


async def test_sums_over_batches(database: Database, add: Add) -> None:
    await add(
        batch(processed=7, failed=3),
        batch("RUNNING", processed=2, failed=1, running=7),
        batch("RUNNING", running=10, workspace="another"),
        batch("QUEUED", queued=10),
        batch("TIMED_OUT", timed_out=10),
    )
    async with database.read() as connection:
        figures = await batch_figures(connection, NOW)
    assert (figures.total, figures.running, figures.items_processed, figures.items_failed) == (5, 2, 9, 4)


async def test_rows_are_counted(database: Database, add: Add) -> None:
    await add(*(analysis() for _ in range(3)), *(event() for _ in range(5)))
    async with database.read() as connection:
        storage = await storage_figures(connection)
    assert (storage.analyses, storage.events) == (3, 5)


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_open_transaction_holds_back_the_log(database: Database, add: Add) -> None:
    async with database.write() as stalled:
        await stalled.execute(text("SELECT pg_current_xact_id()"))
        await add(event(occurred_at=ago(90)), event(occurred_at=ago(30)))
        async with database.read() as connection:
            figures = await log_figures(connection, NOW)
        assert figures.held_back_seconds == 90
        assert figures.open_seconds > 0

    async def nothing_held() -> bool:
        # PostgreSQL's own transactions in this database, such as an ANALYZE, count too.
        async with database.read() as connection:
            return (await log_figures(connection, NOW)).held_back_seconds == 0

    await until(nothing_held)


def test_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(b"1" * 10)
    (tmp_path / "a" / "b" / "two").write_bytes(b"2" * 32)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert file_figures(tmp_path) == FileFigures(42, 2)
    assert file_figures(tmp_path / "missing") == FileFigures(0, 0)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_asked_often_reads_no_table_through(database: Database, add: Add) -> None:
    rows: list[Row] = [analysis(), analysis("RUNNING"), analysis("COMPLETED", finished_at=NOW)]
    await add(*rows)
    statements: list[tuple[str, object]] = []
    async with database.read() as connection:
        engine = connection.engine.sync_engine

        def note(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
            statements.append((statement, values))

        sql_event.listen(engine, "before_cursor_execute", note)
        await queue_figures(connection, NOW)
        sql_event.remove(engine, "before_cursor_execute", note)
        plans = []
        for statement, values in statements:
            found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)  # type: ignore[arg-type]
            plans.append([row.detail for row in found.all() if " analysis " in row.detail])
    queue, waiting, *heads, running = plans
    assert len(heads) == 1
    assert queue == ["SCAN analysis USING INDEX analysis_queue"]
    assert waiting == ["SEARCH analysis USING INDEX analysis_waiting (not_before>?)"]
    assert heads == [["SEARCH analysis USING INDEX analysis_queue (analyzer=? AND priority=?)"]]
    assert running == ["SEARCH analysis USING INDEX analysis_running (id>?)"]
