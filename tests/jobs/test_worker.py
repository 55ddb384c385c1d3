"""The worker with real sandboxes: what it runs, in which order, and what it makes of how that ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from sqlalchemy import update

from jobs import pace
from jobs import worker as worker_module
from jobs.recorder import PROGRESS_PAUSE_SECONDS
from store import tables
from store.queue.workers import all_workers, analyzers_of_others
from store.sql.clock import utcnow
from store.sql.ids import new_id
from store.tables import AnalysisEventType, AnalysisStatus, BatchEventType, BatchStatus
from tests.jobs.processes import alive
from tests.jobs.working import Work, sandboxes, working
from tests.store.truth import history, whole_log
from tests.support import until

T = AnalysisEventType
QUEUED, STARTED, RETRYING = T.ANALYSIS_QUEUED, T.ANALYSIS_STARTED, T.ANALYSIS_RETRYING
COMPLETED, FAILED = T.ANALYSIS_COMPLETED, T.ANALYSIS_FAILED


@pytest.fixture
async def work(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(database_url, tmp_path) as work:
        yield work


def numbered(count: int, name: str = "item") -> list[str]:
    return [f"{name}{index:03}" for index in range(count)]


async def test_a_result_is_recorded_with_all_that_belongs_to_it(work: Work) -> None:
    worker = work.start()
    (row,) = await work.ended(await work.submit("echo", "ünï\u2028\U0001f40d"))
    assert row.status == AnalysisStatus.COMPLETED
    assert json.loads(row.result or "") == {"score": None, "tags": [], "summary": "ünï\u2028\U0001f40d"}
    assert (row.attempt, row.progress, row.progress_step, row.error_code, row.error_retryable) == (
        1,
        1.0,
        None,
        None,
        None,
    )
    assert row.processing_time_ms is not None
    assert row.processing_time_ms > 0
    assert row.started_at is not None
    assert row.finished_at is not None
    assert row.created_at <= row.started_at <= row.finished_at == row.updated_at
    assert await history(work.database, row.id) == [QUEUED, STARTED, COMPLETED]
    await until(lambda: worker.completed == 1)
    assert worker.failed == 0


async def test_a_batch_runs_each_item_once(work: Work) -> None:
    work.start()
    batch_id, texts = new_id("batch"), numbered(300)
    await work.submit("echo", *texts, batch_id=batch_id)
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.processed, batch.total_items) == (BatchStatus.COMPLETED, 300, 300)
    assert [json.loads(row.result or "")["summary"] for row in await work.items(batch_id)] == texts
    assert {work.starts(text) for text in texts} == {1}
    log = await whole_log(work.database)
    assert sum(event.type == COMPLETED for event in log) == 300
    assert [
        event.type for event in log if event.type.startswith("BATCH") and event.type != BatchEventType.BATCH_PROGRESS
    ] == [
        BatchEventType.BATCH_STARTED,
        BatchEventType.BATCH_COMPLETED,
    ]


async def test_as_many_run_at_once_as_there_are_slots(work: Work, tmp_path: Path) -> None:
    work.start(slots=3)
    gate = tmp_path / "gate"
    first = await work.submit("echo", *numbered(3), until=str(gate))
    await work.has_started(*numbered(3))
    more = await work.submit("echo", "more")
    assert [row.status for row in await work.rows(more)] == [AnalysisStatus.QUEUED]
    gate.touch()
    assert {row.status for row in await work.ended(first + more)} == {AnalysisStatus.COMPLETED}


async def test_the_highest_priority_runs_first_and_the_oldest_within_one(work: Work, tmp_path: Path) -> None:
    work.start(slots=1)
    gate = tmp_path / "gate"
    await work.submit("echo", "blocking", until=str(gate))
    await work.has_started("blocking")
    ids: dict[str, str] = {}
    for text, priority in [("e", 1), ("c", 5), ("a", 10), ("d", 5), ("b", 10)]:
        (ids[text],) = await work.submit("echo", text, priority=priority)
    gate.touch()
    await work.ended(list(ids.values()))
    log = await whole_log(work.database)
    started = [event.subject for event in log if event.type == STARTED]
    assert started[1:] == [ids[text] for text in "abcde"]


async def test_what_another_try_can_mend_is_tried_again(work: Work) -> None:
    work.start()
    ids = await work.submit("flaky", "patient", failures=2) + await work.submit(
        "flaky", "tired", failures=9, max_attempts=2
    )
    patient, tired = await work.ended(ids)
    assert (patient.status, patient.attempt, patient.error_code) == (AnalysisStatus.COMPLETED, 3, None)
    assert (tired.status, tired.attempt) == (AnalysisStatus.FAILED, 2)
    assert (tired.error_code, tired.error_message, tired.error_retryable) == ("ANALYZER_FAILED", "not yet", True)
    again = [QUEUED, STARTED, RETRYING, STARTED, RETRYING, STARTED, COMPLETED]
    assert await history(work.database, patient.id) == again
    assert await history(work.database, tired.id) == [QUEUED, STARTED, RETRYING, STARTED, FAILED]
    log = [event for event in await whole_log(work.database) if event.subject == patient.id]
    assert [json.loads(event.data)["attempt"] for event in log] == [0, 1, 1, 2, 2, 3, 3]


async def test_what_no_try_can_mend_fails_at_once(work: Work) -> None:
    work.start()
    ids = (
        await work.submit("refuse", "refused")
        + await work.submit("echo", "wrong", seconds="long")
        + await work.submit("gone", "alone")
    )
    refused, wrong, alone = await work.ended(ids)
    assert [(row.status, row.attempt, row.error_retryable) for row in (refused, wrong, alone)] == [
        ("FAILED", 1, False)
    ] * 3
    assert (refused.error_code, refused.error_message) == ("INPUT_UNREADABLE", "never")
    assert wrong.error_code == "INPUT_UNREADABLE"
    assert alone.error_code == "UNSUPPORTED_FORMAT"
    assert alone.error_message == "This server has no analyzer named 'gone' any more: install its package again."


async def test_what_one_worker_lacks_is_left_for_another_while_that_lives(work: Work) -> None:
    having = work.start(slots=1)

    async def has_signed_on() -> bool:
        async with work.database.read() as connection:
            return "echo" in await analyzers_of_others(connection, "", utcnow())

    await until(has_signed_on, what="the worker that has it to sign on")
    without = work.start(lacks="echo")
    rows = await work.ended(await work.submit("echo", *(f"{number}" for number in range(40))))
    assert {row.status for row in rows} == {"COMPLETED"}
    assert (without.completed, having.completed) == (0, 40)
    await having.stop(0)
    [left] = await work.ended(await work.submit("echo", "nobody's"))
    assert (left.status, left.error_code) == ("FAILED", "UNSUPPORTED_FORMAT")


async def test_a_timeout_ends_its_item_once_its_process_is_gone(work: Work) -> None:
    worker = work.start(slots=1)
    (pid,) = await until(lambda: sandboxes(worker), what="its process")
    ids = await work.submit("spin", "first", seconds=3600, timeout_seconds=1)
    (row,) = await work.ended(ids)
    assert not alive(pid)
    assert (row.status, row.attempt, row.error_code) == (AnalysisStatus.TIMED_OUT, 1, "TIMED_OUT")
    assert (row.processing_time_ms or 0) >= 1000
    assert await history(work.database, row.id) == [QUEUED, STARTED, T.ANALYSIS_TIMED_OUT]
    await until(lambda: (worker.completed, worker.failed) == (0, 1))


async def test_an_item_that_runs_too_long_costs_its_chunk_nothing(work: Work) -> None:
    """The items share a process; those behind the slow one run in the next one, on their first attempt."""
    work.start(slots=1)
    ids = await work.submit("echo", *numbered(2))
    slow = await work.submit("echo", "slow", seconds=3600, timeout_seconds=1)
    ids += await work.submit("echo", *numbered(2, "later"))
    (row,) = await work.ended(slow)
    assert row.status == AnalysisStatus.TIMED_OUT
    assert [(each.status, each.attempt) for each in await work.ended(ids)] == [("COMPLETED", 1)] * 4
    assert {work.starts(text) for text in numbered(2) + numbered(2, "later")} == {1}


async def test_what_others_were_given_is_let_go_begun_or_not(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STUCK_SECONDS", 3600)  # nothing of the chunk goes back
    batch_id, gate = new_id("batch"), tmp_path / "gate"
    texts = ["begun", *numbered(3)]
    ids = await work.submit("echo", *texts, batch_id=batch_id, until=str(gate))
    work.start(slots=1, lease=timedelta(seconds=3))
    await work.has_started("begun")
    async with work.database.write() as connection:
        theirs = update(tables.analysis).where(tables.analysis.c.status == AnalysisStatus.RUNNING)
        given = (
            (await connection.execute(theirs.values(lease="theirs").returning(tables.analysis.c.id))).scalars().all()
        )
    assert set(given) == set(ids)  # one chunk
    (more,) = await work.submit("echo", "more")
    assert [row.status for row in await work.ended([more])] == ["COMPLETED"]  # in the only slot
    assert [work.starts(text) for text in texts] == [1, 0, 0, 0]
    assert {(row.status, row.lease, row.attempt) for row in await work.items(batch_id)} == {("RUNNING", "theirs", 1)}


async def test_what_others_were_given_is_let_go_though_it_waits_for_a_slot(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (pace, worker_module):
        monkeypatch.setattr(module, "MOST", 4)
    monkeypatch.setattr(worker_module, "TARGET_MS", 60_000)  # it claims ahead, however slow the machine
    monkeypatch.setattr(worker_module, "STUCK_SECONDS", 3600)  # and gives nothing back
    batch_id, gate, texts = new_id("batch"), tmp_path / "gate", numbered(8)
    await work.submit("echo", *texts, batch_id=batch_id, until=str(gate))
    worker = work.start(slots=1, lease=timedelta(seconds=3))
    for _ in range(1_000):
        worker._pace.measured("echo", 0.01)
    await work.has_started("item000")
    await until(lambda: len(worker._spare) == 4, what="a chunk to be claimed ahead")
    async with work.database.write() as connection:
        await connection.execute(update(tables.analysis).values(lease="theirs"))
    await until(lambda: not worker._spare, what="it to be let go")
    (more,) = await work.submit("echo", "more")
    assert [row.status for row in await work.ended([more])] == ["COMPLETED"]
    assert [work.starts(text) for text in texts] == [1] + [0] * 7
    assert {(row.status, row.lease, row.attempt) for row in await work.items(batch_id)} == {("RUNNING", "theirs", 1)}


async def test_running_work_is_canceled_though_it_never_lets_go(work: Work) -> None:
    worker = work.start()
    ids = await work.submit("spin", "endless", seconds=3600)
    await work.has_started("endless")
    running = [slot.sandbox for slot in worker._slots if slot.sandbox.current is not None]
    pid = running[0].pid
    answers = await asyncio.gather(work.cancel(ids[0]), work.cancel(ids[0]))
    assert [answer is None for answer in answers].count(False) == 1
    (row,) = await work.ended(ids)
    assert (row.status, row.error_code, row.attempt) == (AnalysisStatus.CANCELED, "CANCELED", 1)
    assert not alive(pid or 0)
    assert await work.cancel(ids[0]) is None
    assert await history(work.database, ids[0]) == [QUEUED, STARTED, T.ANALYSIS_CANCELED]


async def test_what_waits_behind_running_work_is_canceled_without_running(work: Work, tmp_path: Path) -> None:
    work.start(slots=1)
    gate = tmp_path / "gate"
    # The three are one chunk: of these, the second and third are claimed and wait in it.
    first, second, third = ids = await work.submit("echo", *numbered(3), until=str(gate))
    (queued,) = await work.submit("echo", "queued", priority=1)  # of another priority: of another chunk
    await work.has_started("item000")
    await work.cancel(second)
    await work.cancel(queued)
    assert [row.status for row in await work.ended([second, queued])] == ["CANCELED", "CANCELED"]
    assert (await work.rows([first]))[0].status == AnalysisStatus.RUNNING
    gate.touch()
    assert [row.status for row in await work.ended(ids)] == ["COMPLETED", "CANCELED", "COMPLETED"]
    assert (await work.rows([third]))[0].attempt == 1
    assert work.starts("queued") == 0


async def test_a_batch_is_canceled_whole(work: Work, tmp_path: Path) -> None:
    work.start()
    batch_id = new_id("batch")
    await work.submit("echo", *numbered(50), batch_id=batch_id, until=str(tmp_path / "never"))
    await until(lambda: any(work.folder.iterdir()), what="a first item to begin")
    answers = await asyncio.gather(work.cancel_batch(batch_id), work.cancel_batch(batch_id))
    assert sorted(answers) == [False, True]
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.canceled, batch.processed) == (BatchStatus.CANCELED, 50, 0)


async def test_a_batch_ends_at_its_deadline(work: Work, tmp_path: Path) -> None:
    work.start()
    batch_id = new_id("batch")
    await work.submit("echo", *numbered(50), batch_id=batch_id, until=str(tmp_path / "never"), timeout_seconds=1)
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.timed_out) == (BatchStatus.TIMED_OUT, 50)
    assert batch.finished_at is not None
    assert batch.finished_at >= batch.deadline_at


async def test_a_crash_is_charged_to_the_item_that_crashed(work: Work) -> None:
    work.start(slots=1)
    batch_id = new_id("batch")
    texts = ["before", "crash", "after", "behind"]
    await work.submit("crash", *texts, batch_id=batch_id, max_attempts=2)
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.processed, batch.failed) == (BatchStatus.COMPLETED, 3, 1)
    rows = await work.items(batch_id)
    assert [(row.status, row.attempt) for row in rows] == [
        ("COMPLETED", 1),
        ("FAILED", 2),
        ("COMPLETED", 1),
        ("COMPLETED", 1),
    ]
    assert (rows[1].error_code, rows[1].error_retryable) == ("WORKER_LOST", True)
    assert [work.starts(text) for text in texts] == [1, 2, 1, 1]


async def test_what_crashes_once_completes_on_its_second_attempt(work: Work) -> None:
    work.start()
    ids = await work.submit("crash", "crash", failures=1)
    (row,) = await work.ended(ids)
    assert (row.status, row.attempt, row.error_code) == (AnalysisStatus.COMPLETED, 2, None)
    assert await history(work.database, ids[0]) == [QUEUED, STARTED, RETRYING, STARTED, COMPLETED]


async def test_what_eats_memory_fails_alone(work: Work) -> None:
    work.start(slots=1)
    ids = await work.submit("devour", "hungry") + await work.submit("echo", "modest")
    hungry, modest = await work.ended(ids)
    assert (hungry.status, hungry.error_code, hungry.error_retryable) == (
        AnalysisStatus.FAILED,
        "MEMORY_EXCEEDED",
        False,
    )
    assert modest.status == AnalysisStatus.COMPLETED


async def test_killed_processes_are_replaced(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=2)
    await work.ended(await work.submit("echo", *numbered(2)))
    await until(lambda: len(sandboxes(worker)) == 2)
    for pid in sandboxes(worker):
        os.kill(pid, signal.SIGKILL)
    await work.ended(await work.submit("echo", *numbered(2, "idle")))
    gate = tmp_path / "gate"
    ids = await work.submit("echo", *numbered(2, "running"), until=str(gate))
    await work.has_started(*numbered(2, "running"))
    os.kill(worker._template.pid or 0, signal.SIGKILL)
    gate.touch()
    assert [row.status for row in await work.ended(ids)] == ["COMPLETED"] * 2


async def test_progress_reaches_the_log_and_never_goes_back(work: Work) -> None:
    work.start()
    (row,) = await work.ended(await work.submit("echo", "slow", seconds=1.5, steps=30))
    notes = [event for event in await whole_log(work.database) if event.type == T.ANALYSIS_PROGRESS]
    fractions = [json.loads(event.data)["fraction"] for event in notes]
    assert fractions
    assert fractions == sorted(fractions)
    assert len(fractions) <= 2 + (row.processing_time_ms or 0) / 1000 / PROGRESS_PAUSE_SECONDS
    assert json.loads(notes[0].data)["step"].startswith("step ")


async def test_stopping_gives_back_what_runs_and_what_waits(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=1)
    gate = tmp_path / "gate"
    batch_id = new_id("batch")
    await work.submit("echo", *numbered(20), batch_id=batch_id, until=str(gate))
    await work.has_started("item000")
    pids = sandboxes(worker)
    await work.close()
    assert not any(map(psutil.pid_exists, pids))
    assert [(row.status, row.attempt) for row in await work.items(batch_id)] == [("QUEUED", 0)] * 20
    async with work.database.read() as connection:
        assert await all_workers(connection) == []
    gate.touch()
    work.start()
    batch = await work.batch_ended(batch_id)
    assert batch.processed == 20
    assert {row.attempt for row in await work.items(batch_id)} == {1}


async def test_what_ends_within_the_grace_is_recorded(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=1)
    gate = tmp_path / "gate"
    batch_id = new_id("batch")
    await work.submit("echo", *numbered(4), batch_id=batch_id, until=str(gate))
    await work.has_started("item000")
    stopping = asyncio.create_task(worker.stop(30))

    async def given_back() -> bool:
        return (await work.batch(batch_id)).queued == 3

    await until(given_back, what="what had not begun to be given back")
    gate.touch()
    await stopping
    assert [row.status for row in await work.items(batch_id)] == ["COMPLETED", "QUEUED", "QUEUED", "QUEUED"]


@pytest.mark.parametrize("early", [True, False])
async def test_hurrying_ends_the_grace(work: Work, tmp_path: Path, early: bool) -> None:
    worker = work.start(slots=1)
    batch_id = new_id("batch")
    await work.submit("echo", *numbered(2), batch_id=batch_id, until=str(tmp_path / "never"))
    await work.has_started("item000")
    if early:
        worker.hurry()
    stopping = asyncio.create_task(worker.stop(1_000_000))
    if not early:
        await until(lambda: worker._grace, what="the grace to begin")
        worker.hurry()
    await stopping
    assert [(row.status, row.attempt) for row in await work.items(batch_id)] == [("QUEUED", 0)] * 2


async def test_a_worker_shows_signs_of_life(work: Work) -> None:
    worker = work.start()

    async def beats() -> bool:
        async with work.database.read() as connection:
            rows = await all_workers(connection)
        return len(rows) == 1 and rows[0].memory_mb > 0 and rows[0].completed == 1

    await work.ended(await work.submit("echo", "one"))
    await until(beats, what="a heartbeat")
    async with work.database.read() as connection:
        (row,) = await all_workers(connection)
    assert (row.id, row.pid, row.instance) == (worker.id, os.getpid(), "test")
    assert row.started_at <= row.last_seen_at <= utcnow()
