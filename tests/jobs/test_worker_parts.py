"""The worker's small parts: the retry policy, the pace, the request, the detection of gone workers, side tasks."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from analyzers.registry import load_registry
from jobs import retry, stillness, supervision
from jobs.keeper import is_gone, machine, process_start
from jobs.pace import FIRST, MOST, Pace
from jobs.sandbox.slot import request_json
from jobs.stillness import Stillness
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


def test_a_row_of_a_lost_worker_ends_by_its_stop_request() -> None:
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


def test_a_worker_is_gone_once_its_process_has_ended() -> None:
    def row(pid: int, began: str | None, host: str | None = None) -> WorkerRow:
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

    boot, namespace = machine().split()
    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert os.readlink("/proc/self/ns/pid") == f"pid:[{namespace}]"
    own = process_start(os.getpid())
    assert own is not None
    tick = own.split()[2]
    assert not is_gone(row(os.getpid(), own))
    assert is_gone(row(os.getpid(), f"{machine()} 1"))  # an earlier process had this one's id
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(row(ended.pid, f"{machine()} 1"))  # a zombie
    ended.wait()
    assert is_gone(row(ended.pid, f"{machine()} 1"))
    # Of another machine or container with the same host name, or of an earlier version.
    for began in (f"{uuid4()} {namespace} {tick}", f"{boot} 1 {tick}", f"{boot} {tick}", None):
        assert not is_gone(row(os.getpid(), began))
        assert not is_gone(row(ended.pid, began))
    assert not is_gone(row(ended.pid, f"{machine()} 1", host="elsewhere"))


def test_silence_is_measured_by_the_observers_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(stillness, "time", SimpleNamespace(monotonic=lambda: clock.now))
    still, hour = Stillness(), timedelta(hours=1)
    assert still.look({"a": NOW, "b": NOW}) == {"a": 0, "b": 0}
    clock.now += 5
    assert still.look({"a": NOW - hour, "b": NOW}) == {"a": 0, "b": 5}
    clock.now += 5
    assert still.look({"a": NOW - hour}) == {"a": 5}
    assert still.look({"a": NOW - hour, "b": NOW}) == {"a": 5, "b": 0}


async def test_a_failed_side_task_is_logged_and_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_an_unreachable_database_is_one_log_line_without_the_values_to_write(
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


async def test_a_side_task_that_fails_at_its_cancellation_ends() -> None:
    running = asyncio.Event()

    async def task() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    with capture_logs() as logs:
        async with side_tasks(name=task) as (one,):
            await running.wait()
    assert one.cancelled()
    assert [line["event"] for line in logs] == ["task failed"]


async def test_waiting_for_an_event_ends_at_its_timeout() -> None:
    event = asyncio.Event()
    assert not await wait_for(event, 0.001)
    event.set()
    assert await wait_for(event, 60)


def test_the_registry_loads_analyzers_and_names_those_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    good = load()["echo"]

    class Entry:
        def __init__(self, name: str, loaded: object, *extras: str) -> None:
            self.name, self.value, self.loaded = name, f"package:{name}", loaded
            self.dist, self.extras = SimpleNamespace(name="assay-sea"), extras

        def load(self) -> object:
            if isinstance(self.loaded, Exception):
                raise self.loaded
            return self.loaded

    entries = [
        Entry("broken", ImportError("no such library")),
        Entry("echo", good),
        Entry("depths", ModuleNotFoundError("No module named 'sonar'", name="sonar"), "deep", "wide"),
        Entry("twice", good),
        Entry("x", 1),
    ]
    monkeypatch.setattr("analyzers.registry.entry_points", lambda group: entries if group == "assay.analyzers" else [])
    registry = load_registry()
    assert registry.analyzers["echo"] is good
    assert "text" in registry.analyzers
    assert registry.failures == {
        "broken = package:broken": "ImportError: no such library",
        "depths = package:depths": "ModuleNotFoundError: No module named 'sonar'",
        "twice = package:twice": "ValueError: the name 'echo' is already used by another analyzer",
        "x = package:x": "TypeError: int is not an Analyzer",
    }
    assert registry.missing == {"depths": "python -m pip install 'assay-sea[deep,wide]'"}


def test_all_steps_of_an_ending_share_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(supervision, "time", SimpleNamespace(monotonic=lambda: clock.now))
    ending = supervision.Ending(8)
    ending.begin()
    clock.now += 3
    ending.begin()
    assert ending.seconds_left == 5
    clock.now += 6
    assert ending.seconds_left == 0
