"""Fingerprints, and groups of errors compared with the rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from store import error_groups as module
from store import tables
from store.analyses import count_analyses, page_of_analyses
from store.batches import delete_batch, insert_batch, request_batch_stop
from store.error_groups import error_groups
from store.filters import AnalysisFilter
from store.queue import claims, finish
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.fingerprints import fingerprint_of, pattern_of
from store.queue.finish import End, Outcome
from store.queue.retries import may_retry, retry_batch
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.paging import PageArguments
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.sql.viewer import Role, Viewer
from store.tables import AnalysisRow, AnalysisStatus
from tests.store.test_results import plans_of

NOW = utcnow()
OTHER = Viewer("other", "other", Role.ADMIN)


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("It can't be read.", "It can't be read."),
        ("ValueError: invalid literal with base 10: 'abc'", "ValueError: invalid literal with base …: …"),
        ("`text`: The text has more than 1,000,000 characters.", "`text`: The text has more than … characters."),
        ("can't read /tmp/x/y.txt, can't open C:\\a\\b", "can't read …, can't open …"),
        ("No analysis_01jd0000000000000000000001 at 12:03:04.55Z.", "No … at …."),
        ("f81d4fae-7dec-11d0-a765-00a0c91e6bf6 is gone", "… is gone"),
        ('[1, 2, 3] and/or 5 % of "x y"', "[…] and/or … % of …"),
        ("https://a.b/c?d=1 is down for -1.5e-3 s", "… is down for … s"),
        ("at 0xdeadbeef in “this” and «that»", "at … in … and …"),
        ("", ""),
        ("9", "…"),
        ("多字 12 個", "多字 … 個"),
    ],
)
def test_the_pattern_of_a_message(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern
    assert pattern_of(pattern) == pattern
    assert fingerprint_of("ANALYZER_FAILED", message) == fingerprint_of("ANALYZER_FAILED", pattern)


def test_the_code_is_a_part_of_the_fingerprint() -> None:
    one, two = (fingerprint_of(code, "no 7") for code in ("ANALYZER_FAILED", "WORKER_LOST"))
    assert one != two
    # Stored fingerprints are compared with those of later releases.
    assert (one, fingerprint_of("CANCELED", "x")) == ("9f784acdab96818e", None)


async def failures(database: Database) -> list[str]:
    """Insert and run two batches and single analyses, and stop two others. Returns the ids of the first two."""
    ids = [new_id("batch") for _ in range(2)]
    item = NewAnalysis("text", "{}", 5, input_text="x")
    refused = NewAnalysis("text", "{}", 5, fault=Fault("INPUT_UNREADABLE", "`text` has 7 characters too many."))
    async with database.write() as connection:
        for batch_id in ids:
            items = [item] * 12 + [refused] * 2
            await insert_batch(connection, VIEWER, batch_id, None, items, NOW, timeout_seconds=60, max_attempts=1)
        await insert_analyses(connection, VIEWER, [item] * 4, NOW, timeout_seconds=60, max_attempts=1)
        await insert_analyses(connection, OTHER, [refused], NOW, timeout_seconds=60, max_attempts=1)
    for number in range(9):
        now = NOW + timedelta(seconds=number)
        async with database.write() as connection:
            rows = await claims.claim(connection, "w", lambda _: 4, now)
            messages = [f"No file /a/{number}.txt", f"Bad value {number} of '{number}x'", "Late"]
            faults = [Fault("ANALYZER_FAILED", each, retryable=True) for each in messages]
            outcomes = [Outcome(row.id, row.lease, End.FAILED, fault=fault) for row, fault in zip(rows, faults)]  # noqa: B905
            outcomes += [Outcome(row.id, row.lease, End.COMPLETED, "{}") for row in rows[3:]]
            await finish.finish(connection, outcomes, now)
    async with database.write() as connection:
        for end in (AnalysisStatus.TIMED_OUT, AnalysisStatus.CANCELED):
            batch_id = new_id("batch")
            await insert_batch(connection, VIEWER, batch_id, None, [item] * 5, NOW, timeout_seconds=60, max_attempts=1)
            await request_batch_stop(connection, VIEWER, batch_id, end, NOW)
    return ids


async def rows_of_all(database: Database) -> list[AnalysisRow]:
    async with database.read() as connection:
        return list((await connection.execute(select(tables.analysis))).all())  # type: ignore[arg-type]


async def check(database: Database, where: AnalysisFilter, rows: list[AnalysisRow]) -> int:
    """Compare the groups under a filter with these rows, which match it. Returns the number of groups."""
    expected: dict[tuple[str, str], list[AnalysisRow]] = defaultdict(list)
    for row in rows:
        if row.status in ("FAILED", "TIMED_OUT") and row.workspace == VIEWER.workspace:
            expected[str(row.error_code), pattern_of(str(row.error_message))].append(row)
    async with database.read() as connection:
        groups = await error_groups(connection, VIEWER, where, 100)
        assert await error_groups(connection, VIEWER, where, 2) == groups[:2]
        assert await error_groups(connection, VIEWER, where, 0) == []
        for group in groups:
            its = expected.pop((group.code, pattern_of(group.message)))
            messages = {str(row.error_message) for row in its}
            assert group.message == (messages.pop() if len(messages) == 1 else pattern_of(messages.pop()))
            assert {row.error_fingerprint for row in its} == {group.fingerprint}
            assert (group.count, group.retryable_items) == (len(its), sum(map(may_retry, its)))
            ends = [row.finished_at for row in its if row.finished_at is not None]
            assert (group.first_at, group.last_at) == (min(ends), max(ends))
            assert group.where == replace(where, error_fingerprint=group.fingerprint)
            assert await count_analyses(connection, VIEWER, group.where) == group.count
            page = await page_of_analyses(connection, VIEWER, group.where, PageArguments(3))
            assert [row.id for row in page.rows] == sorted((row.id for row in its), reverse=True)[:3]
    assert expected == {}
    counts = [group.count for group in groups]
    assert counts == sorted(counts, reverse=True)
    return len(groups)


async def test_groups_are_those_of_the_rows(database: Database) -> None:
    ids = await failures(database)
    rows = await rows_of_all(database)
    assert await check(database, AnalysisFilter(), rows) == 5
    for batch_id in ids:
        assert await check(database, AnalysisFilter(batch_id=batch_id), [r for r in rows if r.batch_id == batch_id]) > 2
    failed = [row for row in rows if row.status == "FAILED"]
    assert await check(database, AnalysisFilter(status=[AnalysisStatus.FAILED]), failed) == 4
    assert await check(database, AnalysisFilter(status=[AnalysisStatus.COMPLETED]), []) == 0
    unreadable = [row for row in rows if row.error_code == "INPUT_UNREADABLE"]
    assert await check(database, AnalysisFilter(error_code=["INPUT_UNREADABLE"]), unreadable) == 1
    excluded = AnalysisFilter(error_code=["INPUT_UNREADABLE"])
    others = [row for row in rows if row.error_code != "INPUT_UNREADABLE"]
    assert await check(database, AnalysisFilter(excluded=excluded), others) == 4


async def test_a_retry_empties_the_groups_and_a_deletion_makes_them_final(database: Database) -> None:
    ids = await failures(database)
    async with database.write() as connection:
        assert await delete_batch(connection, VIEWER, ids[0], NOW)
        assert await retry_batch(connection, VIEWER, ids[1], NOW + timedelta(seconds=60))
    async with database.read() as connection:
        (group,) = await error_groups(connection, VIEWER, AnalysisFilter(batch_id=ids[1]), 100)
    assert (group.code, group.count, group.retryable_items) == ("INPUT_UNREADABLE", 2, 0)
    rows = [row for row in await rows_of_all(database) if row.batch_id == ids[1]]
    assert {row.error_fingerprint for row in rows if row.status == "QUEUED"} == {None}


async def test_only_the_newest_errors_are_grouped(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await failures(database)
    monkeypatch.setattr(module, "MOST_ERRORS", 3)
    rows = [row for row in await rows_of_all(database) if row.workspace == VIEWER.workspace]
    newest = [
        row
        for status in ("FAILED", "TIMED_OUT")
        for row in sorted((row for row in rows if row.status == status), key=lambda row: row.id)[-3:]
    ]
    async with database.read() as connection:
        groups = await error_groups(connection, VIEWER, AnalysisFilter(), 100)
    assert sum(group.count for group in groups) == len(newest) > 3
    assert {group.fingerprint for group in groups} == {row.error_fingerprint for row in newest}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_groups_are_read_by_indexes(database: Database) -> None:
    [batch_id, _] = await failures(database)

    async def plans(where: AnalysisFilter, *, list_: bool = False) -> list[str]:
        async with plans_of(database) as found, database.read() as connection:
            if list_:
                await page_of_analyses(connection, VIEWER, where, PageArguments(3))
            else:
                await error_groups(connection, VIEWER, where, 10)
        return [plan for plan in found if "analysis USING" in plan and "id=?" not in plan.replace("batch_id=?", "")]

    status = ["SEARCH analysis USING INDEX analysis_status (workspace=? AND status=?)"]
    assert await plans(AnalysisFilter()) == status * 2
    batch = ["SEARCH analysis USING INDEX analysis_batch_error (batch_id=?)"]
    assert await plans(AnalysisFilter(batch_id=batch_id)) == batch * 2
    error = ["SEARCH analysis USING INDEX analysis_error (workspace=? AND error_fingerprint=?)"]
    for given in ({}, {"status": [AnalysisStatus.FAILED]}):
        assert await plans(AnalysisFilter(error_fingerprint="x", **given), list_=True) == error  # type: ignore[arg-type]
