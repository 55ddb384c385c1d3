"""The worker's small parts: the retry policy, the pace, the request, gone workers, side tasks."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from analyzers.registry import load_registry
from jobs import keeper, retry, supervision
from jobs.keeper import Stillness, is_gone, process_start
from jobs.pace import FIRST, MOST, Pace
from jobs.sandbox.slot import request_json
from jobs.supervision import keep_running, side_tasks, wait_for
from store.queue.claims import Claimed
from store.queue.finish import End
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.tables import WorkerRow
from tests.jobs.analyzers_for_tests import load

NOW = utcnow()


def claimed(**values: Any) -> Claimed:
    known: dict[str, Any] = dict.fromkeys(Claimed._fields)
    known |= {"id": "a", "lease": "l", "attempt": 1, "max_attempts": 3, "options": "{}", "input_text": "x"}
    return Claimed(**(known | values))


@pytest.mark.parametrize("attempt", [1, 2, 3, 7, 8, 9, 10_000])
def test_the_pause_doubles_up_to_a_minute_with_full_jitter(attempt: int) -> None:
    longest = min(60.0, 0.5 * 2 ** min(attempt - 1, 50))
    pauses = [retry.pause_seconds(attempt) for _ in range(1000)]
    assert 0 <= min(pauses) < 0.1 * longest
    assert 0.9 * longest < max(pauses) <= longest


def test_a_retryable_failure_is_tried_again_while_attempts_are_left() -> None:
    fault = Fault("ANALYZER_FAILED", "no", retryable=True)
    again = retry.failed(claimed(attempt=2), fault, NOW, 5.0)
    assert (again.end, again.fault, again.processing_time_ms) == (End.AGAIN, fault, 5.0)
    assert again.retry_at is not None
    assert NOW <= again.retry_at <= NOW + timedelta(seconds=1)
    last = retry.failed(claimed(attempt=3), fault, NOW)
    assert (last.end, last.retry_at) == (End.FAILED, None)
    lasting = retry.failed(claimed(), Fault("INPUT_UNREADABLE", "no"), NOW)
    assert (lasting.end, lasting.retry_at) == (End.FAILED, None)


def test_a_lost_row_ends_as_was_asked() -> None:
    assert retry.lost(claimed(stop_requested="CANCELED"), NOW).end is End.CANCELED
    assert retry.lost(claimed(stop_requested="TIMED_OUT"), NOW).end is End.TIMED_OUT
    assert retry.lost(claimed(), NOW).end is End.AGAIN
    failed = retry.lost(claimed(attempt=3), NOW)
    assert (failed.end, failed.fault and failed.fault.code) == (End.FAILED, "WORKER_LOST")


def test_a_chunk_is_about_a_twentieth_of_a_second_of_work() -> None:
    pace = Pace()
    assert pace.chunk("new") == FIRST
    for milliseconds, size in ((0.001, MOST), (1.0, 50), (10.0, 5), (99.0, 1), (5000.0, 1)):
        name = str(milliseconds)
        pace.measured(name, milliseconds)
        assert pace.chunk(name) == size
    for _ in range(100):
        pace.measured("10.0", 1.0)
    assert 45 <= pace.chunk("10.0") <= 50


@pytest.mark.parametrize(
    ("values", "request_"),
    [
        ({"input_text": 'a"\n\u2028'}, {"text": 'a"\n\u2028'}),
        ({"options": '{"seconds":1}'}, {"text": "x", "seconds": 1}),
        ({"options": ' { "seconds" : 1 } '}, {"text": "x", "seconds": 1}),
        ({"options": "{ }"}, {"text": "x"}),
        ({"input_text": None, "input_data": '{"b":[1]}'}, {"text": {"b": [1]}}),
        ({"input_text": None}, {"text": None}),
    ],
)
def test_the_request_is_the_content_beside_the_options(values: dict[str, Any], request_: dict[str, Any]) -> None:
    assert json.loads(request_json(load()["echo"], claimed(**values))) == request_


def test_a_worker_is_gone_with_its_process() -> None:
    def row(pid: int, host: str | None = None, began: str | None = None) -> WorkerRow:
        at = utcnow()
        return WorkerRow(
            id="w",
            instance="i",
            host=host or socket.gethostname(),
            pid=pid,
            process_start=began,
            started_at=at,
            last_seen_at=at,
        )

    assert not is_gone(row(os.getpid()))
    assert not is_gone(row(os.getpid(), began=process_start(os.getpid())))
    assert is_gone(row(os.getpid(), began="an earlier boot 1"))  # an earlier process had this one's id
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(row(ended.pid))  # a zombie
    ended.wait()
    assert is_gone(row(ended.pid))
    assert not is_gone(row(ended.pid, host="elsewhere"))


def test_stillness_is_told_by_ones_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(keeper, "time", SimpleNamespace(monotonic=lambda: clock.now))
    still, hour = Stillness(), timedelta(hours=1)
    assert still.look({"a": NOW, "b": NOW}) == {"a": 0, "b": 0}
    clock.now += 5
    assert still.look({"a": NOW - hour, "b": NOW}) == {"a": 0, "b": 5}
    clock.now += 5
    assert still.look({"a": NOW - hour}) == {"a": 5}
    assert still.look({"a": NOW - hour, "b": NOW}) == {"a": 5, "b": 0}


async def test_a_side_task_that_fails_is_loud_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(supervision, "LONGEST_PAUSE_SECONDS", 0.004)
    times = 0

    async def task() -> None:
        nonlocal times
        times += 1
        if times < 5:
            raise ZeroDivisionError

    with capture_logs() as logs:
        await keep_running("name", task)
    assert times == 5
    assert [(line["event"], line["task"], line["again_in_seconds"]) for line in logs] == [
        ("task failed", "name", pause) for pause in (0.001, 0.002, 0.004, 0.004)
    ]


async def test_a_database_out_of_reach_is_one_line_without_what_was_to_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervision, "FIRST_PAUSE_SECONDS", 0.001)
    lost = OSError("connection was closed in the middle of operation\nand more")
    failures = [
        ConnectionRefusedError(111, "Connection refused"),
        OperationalError("UPDATE analysis", {"text": "a secret"}, lost, connection_invalidated=True),
    ]

    async def task() -> None:
        if failures:
            raise failures.pop(0)

    with capture_logs() as logs:
        await keep_running("name", task)
    assert [(line["log_level"], line["event"], line["reason"]) for line in logs] == [
        ("warning", "the database is out of reach", "[Errno 111] Connection refused"),
        ("warning", "the database is out of reach", "connection was closed in the middle of operation"),
    ]
    assert not any("exc_info" in line for line in logs)


async def test_side_tasks_end_with_their_block() -> None:
    before = asyncio.all_tasks()
    running = asyncio.Event()

    async def task() -> None:
        running.set()
        await asyncio.Event().wait()

    async with side_tasks(name=task) as (one,):
        await running.wait()
        assert one.get_name() == "name"
    assert one.cancelled()
    assert asyncio.all_tasks() == before


async def test_waiting_for_an_event_has_an_end() -> None:
    event = asyncio.Event()
    assert not await wait_for(event, 0.001)
    event.set()
    assert await wait_for(event, 60)


def test_the_registry_has_what_can_be_loaded_and_says_what_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    good = load()["echo"]

    class Entry:
        def __init__(self, name: str, loaded: object) -> None:
            self.name, self.value, self.loaded = name, f"package:{name}", loaded

        def load(self) -> object:
            if isinstance(self.loaded, Exception):
                raise self.loaded
            return self.loaded

    entries = [
        Entry("broken", ImportError("no such library")),
        Entry("echo", good),
        Entry("twice", good),
        Entry("x", 1),
    ]
    monkeypatch.setattr("analyzers.registry.entry_points", lambda group: entries if group == "assay.analyzers" else [])
    registry = load_registry()
    assert registry.analyzers["echo"] is good
    assert "text" in registry.analyzers
    assert registry.failures == {
        "broken = package:broken": "ImportError: no such library",
        "twice = package:twice": "ValueError: the name 'echo' is already used by another analyzer",
        "x = package:x": "TypeError: int is not an Analyzer",
    }


def test_an_ending_has_one_time_for_all_that_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(supervision, "time", SimpleNamespace(monotonic=lambda: clock.now))
    ending = supervision.Ending(8)
    ending.begin()
    clock.now += 3
    ending.begin()
    assert ending.seconds_left == 5
    clock.now += 6
    assert ending.seconds_left == 0
