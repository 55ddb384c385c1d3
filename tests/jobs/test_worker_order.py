"""The order of a worker's claims under load, and the effect of operators' pauses and limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import admission, pace
from jobs import worker as worker_module
from jobs.admission import BETWEEN, Admission
from store.queue import controls
from store.queue.controls import Controls
from store.queue.fairness import Head, Lane
from store.sql.clock import utcnow
from store.sql.ids import new_id
from store.tables import AnalysisEventType
from tests.jobs.working import Work, sandboxes, working
from tests.store.truth import whole_log
from tests.support import until


@pytest.fixture
async def work(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(database_url, tmp_path) as work:
        yield work


def numbered(count: int, name: str = "item") -> list[str]:
    return [f"{name}{index:03}" for index in range(count)]


async def started(work: Work) -> list[str]:
    """Return the ids of the analyses that have begun, in order."""
    log = await whole_log(work.database)
    return [event.subject for event in log if event.type == AnalysisEventType.ANALYSIS_STARTED]


async def held(work: Work, change: Callable[..., Awaitable[bool]], *arguments: Any) -> None:
    """Apply a control to the queue as an operator does."""
    async with work.database.write() as connection:
        assert await change(connection, *arguments, utcnow())


async def test_nothing_is_claimed_ahead_behind_a_slow_item_of_a_quick_analyzer(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=1)
    for _ in range(1_000):
        worker._pace.measured("echo", 0.01)
    gate = tmp_path / "gate"
    (blocker,) = await work.submit("echo", "blocker", until=str(gate))
    await until(lambda: any(slot.busy_seconds > 0.1 for slot in worker._busy), what="the slot to be held up")
    (low,) = await work.submit("echo", "low", priority=1)
    (high,) = await work.submit("echo", "high", priority=9)
    gate.touch()
    await work.ended([blocker, low, high])
    assert await started(work) == [blocker, high, low]


async def behind_a_slow_item(work: Work, gate: Path) -> list[str]:
    """Submit eight items that a worker with one slot claims together as quick ones. The first waits for `gate`."""
    ids = await work.submit("echo", *numbered(8), batch_id=new_id("batch"), until=str(gate))
    worker = work.start(slots=1)
    for _ in range(1_000):
        worker._pace.measured("echo", 0.01)
    await work.has_started("item000")
    return ids


async def test_a_slow_item_delays_neither_other_workers_nor_higher_priorities(work: Work, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    ids = await behind_a_slow_item(work, gate)

    async def are_back() -> bool:
        rows = await work.rows(ids)
        return [(row.status, row.attempt) for row in rows] == [("RUNNING", 1)] + [("QUEUED", 0)] * 7

    await until(are_back, what="the rest of the chunk to be requeued")
    (high,) = await work.submit("echo", "high", priority=9)
    work.start(slots=1)
    await work.ended([high])
    await work.has_started("item001")  # in the other worker, while the first item still runs
    assert (await work.rows(ids[:1]))[0].status == "RUNNING"
    gate.touch()
    assert {(row.status, row.attempt) for row in await work.ended(ids)} == {("COMPLETED", 1)}
    assert [work.starts(text) for text in numbered(8)] == [1] * 8
    log = await started(work)
    assert log.index(high) < len(log) - 1 - log[::-1].index(ids[1])


async def test_a_pause_requeues_claimed_items_that_have_not_begun(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "STUCK_SECONDS", 3600)  # only the pause requeues items
    gate = tmp_path / "gate"
    ids = await behind_a_slow_item(work, gate)
    await held(work, controls.pause, "echo")

    async def are_back() -> bool:
        return [row.status for row in await work.rows(ids)] == ["RUNNING"] + ["QUEUED"] * 7

    await until(are_back, what="the rest of the chunk to be requeued")
    gate.touch()
    assert [row.status for row in await work.ended(ids[:1])] == ["COMPLETED"]
    assert [row.status for row in await work.rows(ids[1:])] == ["QUEUED"] * 7
    await held(work, controls.resume, "echo")
    assert {(row.status, row.attempt) for row in await work.ended(ids)} == {("COMPLETED", 1)}
    assert [work.starts(text) for text in numbered(8)] == [1] * 8


async def test_a_single_analysis_starts_before_the_rest_of_a_batch(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "MOST", 10)  # a chunk of quick items would be larger than these batches
    gate, batch_id = tmp_path / "gate", new_id("batch")
    await work.submit("echo", *numbered(160), batch_id=batch_id, until=str(gate))
    work.start(slots=2)
    await until(lambda: len(list(work.folder.iterdir())) == 2, what="two items to begin")
    claimed = len(await started(work))
    (alone,) = await work.submit("echo", "alone")
    other = await work.submit("echo", *numbered(160, "other"), batch_id=new_id("batch"))
    gate.touch()
    await work.ended([alone])
    assert (await work.batch_ended(batch_id)).processed == 160
    await work.ended(other)
    order = await started(work)
    assert order.index(alone) == claimed
    # The two batches share the worker: neither had ended when the other was half done.
    first = [each for each in order if each in {row.id for row in await work.items(batch_id)}]
    assert order.index(first[-1]) > order.index(other[80])
    assert order.index(other[-1]) > order.index(first[80])


async def test_priorities_hold_under_load(work: Work, tmp_path: Path) -> None:
    work.start(slots=1)
    gate = tmp_path / "gate"
    await work.submit("echo", "blocking", until=str(gate))
    await work.has_started("blocking")
    low = await work.submit("echo", *numbered(20, "low"), batch_id=new_id("batch"), priority=2)
    high = await work.submit("echo", *numbered(60, "high"), batch_id=new_id("batch"), priority=9)
    gate.touch()
    await work.ended(low + high)
    order = (await started(work))[1:]
    assert set(order[:60]) == set(high)


async def test_low_priorities_are_not_starved(work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "AGING_SECONDS", 0.0)
    worker = work.start(slots=1)
    gate = tmp_path / "gate"
    await work.submit("echo", "blocking", until=str(gate))
    await work.has_started("blocking")
    low = await work.submit("echo", *numbered(5, "low"), batch_id=new_id("batch"), priority=1)
    high = await work.submit("echo", *numbered(60, "high"), batch_id=new_id("batch"), priority=9, seconds=0.02)
    await until(lambda: Lane("echo", 1) in worker._admission._served, what="the worker to notice the queued analyses")
    gate.touch()
    await work.ended(low + high)
    order = await started(work)
    assert order.index(low[0]) < order.index(high[30])


async def test_a_limit_keeps_slots_for_others(work: Work, tmp_path: Path) -> None:
    await held(work, controls.set_slots, "echo", 1)
    work.start(slots=3)
    gate = tmp_path / "gate"
    ids = await work.submit("echo", *numbered(30), until=str(gate))
    await work.ended(await work.submit("flaky", *numbered(10, "flaky")))
    assert sum(work.starts(text) for text in numbered(30)) == 1
    await held(work, controls.set_slots, "echo", 2)
    await until(lambda: sum(work.starts(text) for text in numbered(30)) == 2, what="a second slot")
    await held(work, controls.set_slots, "echo", None)
    await until(lambda: sum(work.starts(text) for text in numbered(30)) == 3, what="a third slot")
    gate.touch()
    assert {row.status for row in await work.ended(ids)} == {"COMPLETED"}


async def test_limited_work_continues_when_its_slot_is_free(work: Work) -> None:
    await held(work, controls.set_slots, "echo", 1)
    work.start(slots=3)
    ids = await work.submit("echo", *numbered(60), batch_id=new_id("batch"))
    assert {(row.status, row.attempt) for row in await work.ended(ids)} == {("COMPLETED", 1)}


async def test_a_pause_holds_queued_analyses_and_not_running_ones(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=3)
    gate = tmp_path / "gate"
    running = await work.submit("echo", "running", until=str(gate))
    await work.has_started("running")
    await held(work, controls.pause, "echo")
    await until(lambda: worker._admission.room("echo", ()) == 0, what="the worker to know of the pause")
    waiting = await work.submit("echo", "waiting")
    await work.ended(await work.submit("flaky", "other"))
    gate.touch()
    assert (await work.ended(running))[0].status == "COMPLETED"
    assert (await work.rows(waiting))[0].status == "QUEUED"
    await held(work, controls.pause, None)
    await held(work, controls.resume, "echo")
    await until(lambda: worker._admission.room("flaky", ()) == 0, what="the worker to know of the pause")
    other = await work.submit("flaky", "later")
    await held(work, controls.resume, None)
    assert [row.status for row in await work.ended(waiting + other)] == ["COMPLETED"] * 2


async def test_a_worker_that_starts_during_a_pause_claims_nothing(work: Work) -> None:
    await held(work, controls.pause, None)
    ids = await work.submit("echo", "one")
    worker = work.start()
    await until(lambda: len(worker._free) == 3, what="its slots")
    assert (await work.rows(ids))[0].attempt == 0
    await held(work, controls.resume, None)
    await work.ended(ids)


async def test_slots_change_while_the_worker_runs(work: Work, tmp_path: Path) -> None:
    worker = work.start(slots=1)
    gate, batch_id = tmp_path / "gate", new_id("batch")
    ids = await work.submit("echo", *numbered(12), batch_id=batch_id, until=str(gate))
    await until(lambda: len(list(work.folder.iterdir())) == 1, what="one item to begin")
    await held(work, controls.set_slots, None, 3)
    await until(lambda: len(list(work.folder.iterdir())) == 3, what="three items to begin")
    await held(work, controls.set_slots, None, 2)

    await until(lambda: sum(slot.retired for slot in worker._slots) == 1, what="a slot to be taken away")
    assert len(list(work.folder.iterdir())) == 3
    gate.touch()
    assert {(row.status, row.attempt) for row in await work.ended(ids)} == {("COMPLETED", 1)}
    await until(lambda: len(worker._slots) == 2 == len(sandboxes(worker)), what="two slots")
    await held(work, controls.set_slots, None, None)
    await until(lambda: len(worker._slots) == 1 == len(sandboxes(worker)), what="one slot")
    await work.ended(await work.submit("echo", "last"))


def head(analyzer: str, priority: int) -> Head:
    return Head("id", analyzer, priority, 0, None)


def test_age_comes_before_priority_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 100.0
    monkeypatch.setattr(admission, "time", SimpleNamespace(monotonic=lambda: clock))
    none = Controls(paused=False, paused_analyzers=frozenset(), limits={}, slots=None)
    high, low, other = Lane("a", 9), Lane("a", 1), Lane("b", 2)
    one = Admission(["a", "b"], 2)
    one.look(none, [head(*high), head(*low)])
    clock += admission.AGING_SECONDS + 1
    one.look(none, [head(*high), head(*low), head(*other)])
    one.served(high, by_age=False)
    assert one.starved([]) == low
    assert one.starved(["a", "a"]) is None
    one.served(low, by_age=True)
    clock += admission.AGING_SECONDS + 1
    for _ in range(BETWEEN):
        assert one.starved([]) is None
        one.served(high, by_age=False)
    assert one.starved([]) == low  # both have waited as long: the first by name
    one.look(none, [head(*high), head(*other)])
    assert one.starved([]) == other
    one.look(none, [head(*high)])
    assert one.starved([]) is None


def test_the_heads_that_may_be_claimed() -> None:
    one = Admission(["a", "b"], 3)
    assert sorted(one.admitted([])) == ["a", "b"]
    assert one.room("a", ["a", "b"]) == 2
    one.look(Controls(False, frozenset({"b"}), {"a": 1}, 5), [head("gone", 5), head("a", 5)])
    assert one.slots == 5
    assert sorted(one.admitted([])) == ["a", "gone"]
    assert sorted(one.admitted(["a"])) == ["gone"]
    one.look(Controls(False, frozenset(), {}, None), [head("gone", 5), head("elsewhere", 5)], ["b", "elsewhere"])
    assert sorted(one.admitted([])) == ["a", "b", "gone"]
    one.look(Controls(True, frozenset(), {}, None), [])
    assert (one.slots, one.admitted([])) == (3, [])
