"""Every value of an analysis is read as written, and the figures of batches and progress follow from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store.analyses import analysis_by_id, count_analyses
from store.batches import batch_by_id, insert_batch
from store.filters import AnalysisFilter
from store.queue import claims, finish
from store.queue.claims import LEASE
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.finish import End, Outcome
from store.queue.transitions import Fault
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.stops import request_stop
from store.tables import AnalysisRow, AnalysisStatus, Form
from tests.store.truth import whole_log

NOW = datetime(2026, 11, 21, 10, 0, 0, 123457, tzinfo=UTC)
TEXT = "\u202eright to left\u202c, \U0001f40d, a\tb\r\nc, \u00a8, 'quoted', %s :name ?"
UNSET = {
    "batch_id": None,
    "key": None,
    "input_text": None,
    "input_data": None,
    "input_form": Form.CLIENT,
    "result": None,
    "result_form": Form.MODEL,
    "error_code": None,
    "error_message": None,
    "error_retryable": None,
    "progress": 0.0,
    "progress_step": None,
    "started_at": None,
    "finished_at": None,
    "processing_time_ms": None,
    "lease": None,
    "lease_expires_at": None,
    "worker_id": None,
    "not_before": None,
    "stop_requested": None,
    "queued_at": None,
    "result_bytes": 0,
    "error_fingerprint": None,
}


async def insert(database: Database, item: NewAnalysis) -> str:
    typed_id = new_id("analysis")
    async with database.write() as connection:
        await insert_analyses(connection, VIEWER, [item], NOW, timeout_seconds=9, max_attempts=3, ids=[typed_id])
    return typed_id


async def read(database: Database, typed_id: str) -> dict[str, Any]:
    async with database.read() as connection:
        row = await analysis_by_id(connection, VIEWER, typed_id)
    assert row is not None
    return {name: getattr(row, name) for name in AnalysisRow.model_fields if name != "attempts"}


async def test_an_analysis_through_its_life(database: Database) -> None:
    typed_id = await insert(database, NewAnalysis("text", '{"n":1}', 7, "käy", TEXT))
    queued = {
        **UNSET,
        "id": typed_id,
        "workspace": "default",
        "position": 0,
        "key": "käy",
        "analyzer": "text",
        "status": "QUEUED",
        "priority": 7,
        "turn": 0,
        "input_text": TEXT,
        "input_bytes": len(TEXT.encode()),
        "options": '{"n":1}',
        "options_bytes": 7,
        "attempt": 0,
        "max_attempts": 3,
        "timeout_seconds": 9,
        "created_at": NOW,
        "updated_at": NOW,
    }
    assert await read(database, typed_id) == queued

    later = NOW + timedelta(microseconds=1)
    async with database.write() as connection:
        (claimed,) = await claims.claim(connection, "worker", lambda analyzer: 5, later)
    assert (claimed.input_text, claimed.options, claimed.attempt) == (TEXT, '{"n":1}', 1)
    running = {
        **queued,
        "status": "RUNNING",
        "attempt": 1,
        "started_at": later,
        "queued_at": NOW,
        "updated_at": later,
        "lease": claimed.lease,
        "lease_expires_at": later + LEASE,
        "worker_id": "worker",
    }
    assert await read(database, typed_id) == running

    async with database.write() as connection:
        assert await finish.report_progress(connection, claimed.lease, typed_id, 0.375, "step", later)
    running |= {"progress": 0.375, "progress_step": "step"}
    assert await read(database, typed_id) == running

    end = NOW + timedelta(seconds=1)
    result = json.dumps({"summary": TEXT}, ensure_ascii=False)
    async with database.write() as connection:
        outcome = Outcome(typed_id, claimed.lease, End.COMPLETED, result, processing_time_ms=12.3456789)
        assert await finish.finish(connection, [outcome], end) == [outcome]
    completed = {
        **queued,
        "status": "COMPLETED",
        "attempt": 1,
        "result": result,
        "result_bytes": len(result.encode()),
        "result_form": Form.CLIENT,
        "progress": 1.0,
        "started_at": later,
        "queued_at": NOW,
        "updated_at": end,
        "finished_at": end,
        "processing_time_ms": 12.346,
        "worker_id": "worker",
    }
    assert await read(database, typed_id) == completed
    states = [json.loads(event.data) for event in await whole_log(database)]
    assert [(each["status"], each["attempt"], each["fraction"], each["step"]) for each in states] == [
        ("QUEUED", 0, 0, None),
        ("RUNNING", 1, 0.0, None),
        ("RUNNING", 1, 0.375, "step"),
        ("COMPLETED", 1, 1.0, None),
    ]


async def test_two_outcomes_of_one_row_are_told_apart_by_their_leases(database: Database) -> None:
    """Finish a lost attempt and the current one of the same row in one group, in either order."""
    for order in (1, -1):
        typed_id = await insert(database, NewAnalysis("text", "{}", 5, input_text="x"))
        async with database.write() as connection:
            (old,) = await claims.claim(connection, "worker", lambda analyzer: 1, NOW)
            given_back = Outcome(typed_id, old.lease, End.GIVEN_BACK)
            await finish.finish(connection, [given_back], NOW)
            (new,) = await claims.claim(connection, "worker", lambda analyzer: 1, NOW)
            assert new.lease != old.lease
            late = Outcome(typed_id, old.lease, End.COMPLETED, '"late"')
            right = Outcome(typed_id, new.lease, End.COMPLETED, '"right"')
            assert await finish.finish(connection, [late, right][::order], NOW) == [right]
        assert (await read(database, typed_id))["result"] == '"right"'


async def test_a_refused_item_is_kept_without_its_content(database: Database) -> None:
    fault = Fault("INPUT_UNREADABLE", "empty", retryable=False)
    typed_id = await insert(database, NewAnalysis("text", "{}", 5, "key", fault=fault))
    row = await read(database, typed_id)
    assert (row["status"], row["attempt"], row["input_text"], row["finished_at"]) == ("FAILED", 0, None, NOW)
    assert (row["error_code"], row["error_message"], row["error_retryable"]) == ("INPUT_UNREADABLE", "empty", False)


async def test_a_queued_analysis_is_canceled_at_once(database: Database) -> None:
    typed_id = await insert(database, NewAnalysis("text", "{}", 5, input_text="x"))
    later = NOW + timedelta(seconds=1)
    async with database.write() as connection:
        row = await request_stop(connection, VIEWER, typed_id, AnalysisStatus.CANCELED, later)
        assert row is not None
        assert (row.status, row.finished_at, row.error_code) == ("CANCELED", later, "CANCELED")
        assert await request_stop(connection, VIEWER, typed_id, AnalysisStatus.CANCELED, later) is None


@pytest.mark.parametrize(
    ("search", "found"),
    [("alpha", 2), ("ALPHA", 2), ("alpha beta", 1), ("beta alpha", 1), ("100%", 1), ("_", 0), ("", 3), ("gamma", 0)],
)
async def test_a_search_finds_texts_with_all_of_its_words(database: Database, search: str, found: int) -> None:
    for text in ("Alpha beta", "alphabet", "100% sure"):
        await insert(database, NewAnalysis("text", "{}", 5, input_text=text))
    async with database.read() as connection:
        assert await count_analyses(connection, VIEWER, AnalysisFilter(search=search)) == found


async def test_a_batch_counts_its_items(database: Database) -> None:
    batch_id = new_id("batch")
    fault = Fault("INPUT_UNREADABLE", "empty")
    given = [
        NewAnalysis("text", "{}", 5, str(number), "x", fault=fault if number == 2 else None) for number in range(4)
    ]
    async with database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, "näme", given, NOW, timeout_seconds=60, max_attempts=3)
        rows = await claims.claim(connection, "worker", lambda analyzer: 2, NOW)
        outcomes = [Outcome(rows[0].id, rows[0].lease, End.COMPLETED, "{}")]
        await finish.finish(connection, outcomes, NOW + timedelta(seconds=1))
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    assert (row.name, row.status, row.total_items) == ("näme", "RUNNING", 4)
    assert (row.queued, row.running, row.processed, row.failed, row.canceled, row.timed_out) == (1, 1, 1, 1, 0, 0)
    assert (row.created_at, row.deadline_at) == (NOW, NOW + timedelta(seconds=60))
    assert (row.started_at, row.updated_at, row.finished_at) == (NOW, NOW + timedelta(seconds=1), None)


async def test_outcomes_of_several_claims_are_recorded_by_their_leases(database: Database) -> None:
    for _ in range(6):
        await insert(database, NewAnalysis("text", "{}", 5, input_text=TEXT))
    rows = []
    for _ in range(3):
        async with database.write() as connection:
            rows += await claims.claim(connection, "worker", lambda _: 2, NOW, analyzers=["text"])
    assert [len({row.lease for row in rows}), len(rows)] == [3, 6]
    results = [f'{{"number":{number},"text":"\U0001f40d"}}' for number in range(6)]
    outcomes = [
        finish.Outcome(
            row.id,
            row.lease,
            End.COMPLETED,
            result,
            processing_time_ms=number + 0.25 if number else None,
            origin=finish.Origin(row.workspace, row.batch_id, row.attempt, row.analyzer),
        )
        for number, (row, result) in enumerate(zip(rows, results, strict=True))
    ]
    late = outcomes[1]._replace(lease=outcomes[2].lease)  # of another claim
    async with database.write() as connection:
        held = await finish.finish(connection, [outcomes[0], late, *outcomes[2:5]], NOW)
    assert {each.id for each in held} == {row.id for row in (rows[0], *rows[2:5])}
    async with database.write() as connection:
        assert await finish.finish(connection, outcomes, NOW) == [outcomes[1], outcomes[5]]
    async with database.read() as connection:
        for number, (row, result) in enumerate(zip(rows, results, strict=True)):
            found = await analysis_by_id(connection, VIEWER, row.id)
            assert found is not None
            assert (found.status, found.result, found.result_bytes, found.lease, found.processing_time_ms) == (
                AnalysisStatus.COMPLETED,
                result,
                len(result.encode()),
                None,
                number + 0.25 if number else None,
            )
        assert await count_analyses(connection, VIEWER, AnalysisFilter()) == 6
