"""The queue's state machine compared with a model, for every statement that moves an analysis.

Hypothesis chooses the order of the statements. After each one, the rows equal the model's, and rows, counters and log
agree (`assert_consistent`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import delete, select

from jobs import retry
from settings import Settings
from store import tables
from store.batches import delete_batch, insert_batch, next_deadline, request_batch_stop, time_out_batches
from store.deletions import delete_analysis
from store.queue import claims, finish
from store.queue.claims import LEASE, Claimed
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.fairness import Lane
from store.queue.finish import End, Outcome
from store.queue.leases import lost, next_wake, renew, running_leases, stops, wake_waiting
from store.queue.retries import retry_analyses, retry_batch
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.stops import request_stop
from store.tables import AnalysisStatus
from tests.store.truth import ENDS, assert_consistent, whole_log

T = TypeVar("T")
S = AnalysisStatus
ENDED = {S.COMPLETED, S.FAILED, S.CANCELED, S.TIMED_OUT}
BY_END = {
    End.COMPLETED: S.COMPLETED,
    End.FAILED: S.FAILED,
    End.TIMED_OUT: S.TIMED_OUT,
    End.CANCELED: S.CANCELED,
    End.AGAIN: S.QUEUED,
    End.GIVEN_BACK: S.QUEUED,
}
FAULT = Fault("ANALYZER_FAILED", "no", retryable=True)


@dataclass
class Item:
    """The model of an analysis."""

    batch: str | None
    analyzer: str
    priority: int
    status: S
    attempt: int = 0
    lease: str | None = None
    worker: str | None = None
    lease_ends: datetime | None = None
    not_before: datetime | None = None
    stop: S | None = None
    progress: float = 0.0
    ends: int = 0

    def move(self, status: S) -> None:
        self.status = status
        self.ends += status in ENDED
        if status is not S.RUNNING:
            self.lease = self.lease_ends = self.stop = None
        if status is S.QUEUED:
            self.worker = None
        self.not_before = None


@dataclass
class Lot:
    """The model of a batch."""

    deadline: datetime
    timeout: timedelta
    stop: S | None = None
    items: list[str] = field(default_factory=list)
    deleted: Counter[str] = field(default_factory=Counter)


MAX_ATTEMPTS = 3


class QueueMachine(RuleBasedStateMachine):
    """All operations on the queue. Expired claims are kept and used again: the store must refuse them."""

    runner: asyncio.Runner
    database: Database
    analyses = Bundle("analyses")
    batches = Bundle("batches")
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, Item] = {}
        self.lots: dict[str, Lot] = {}
        self.members: dict[str, list[str]] = {}  # also of deleted batches
        self.now = utcnow()
        self.run(self._empty())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def _empty(self) -> None:
        async with self.database.write() as connection:
            for table in (tables.event, tables.analysis, tables.batch, tables.status_count):
                await connection.execute(delete(table))

    async def _do(self, function: Any, *arguments: Any, **named: Any) -> Any:
        async with self.database.write() as connection:
            return await function(connection, *arguments, **named)

    def do(self, function: Any, *arguments: Any, **named: Any) -> Any:
        """Call a function of the store in a transaction of its own."""
        return self.run(self._do(function, *arguments, **named))

    def lot_is_open(self, lot: Lot) -> bool:
        return any(self.items[each].status not in ENDED for each in lot.items if each in self.items)

    # Submissions

    @rule(target=analyses, priority=st.integers(4, 6), analyzer=st.sampled_from("ab"))
    def submit(self, priority: int, analyzer: str) -> str:
        typed_id = new_id("analysis")
        item = NewAnalysis(analyzer, "{}", priority, input_text="x")
        self.do(insert_analyses, VIEWER, [item], self.now, timeout_seconds=9, max_attempts=MAX_ATTEMPTS, ids=[typed_id])
        self.items[typed_id] = Item(None, analyzer, priority, S.QUEUED)
        return typed_id

    @rule(
        target=batches,
        members=st.lists(st.tuples(st.integers(5, 6), st.booleans()), min_size=1, max_size=5),
        seconds=st.integers(1, 40),
    )
    def submit_batch(self, members: list[tuple[int, bool]], seconds: int) -> str:
        batch_id = new_id("batch")
        items = [
            NewAnalysis("a", "{}", priority, key=str(index), input_text="x", fault=None if good else FAULT)
            for index, (priority, good) in enumerate(members)
        ]
        limits = {"timeout_seconds": seconds, "max_attempts": MAX_ATTEMPTS}
        self.do(insert_batch, VIEWER, batch_id, None, items, self.now, **limits)
        lot = self.lots[batch_id] = Lot(self.now + timedelta(seconds=seconds), timedelta(seconds=seconds))
        statement = select(tables.analysis.c.id).where(tables.analysis.c.batch_id == batch_id)
        rows = self.do(lambda connection: connection.execute(statement.order_by(tables.analysis.c.position)))
        for row, (priority, good) in zip(rows, members, strict=True):
            status = S.QUEUED if good else S.FAILED
            self.items[row.id] = Item(batch_id, "a", priority, status, ends=int(not good))
            lot.items.append(row.id)
        self.members[batch_id] = lot.items
        return batch_id

    @rule(target=analyses, batch_id=batches, which=st.integers(0, 4))
    def name_item(self, batch_id: str, which: int) -> str:
        """Add an item of a batch to the analyses that other rules draw from."""
        items = self.members[batch_id]
        return items[which % len(items)]

    # Workers

    def turns(self) -> dict[str, int]:
        rows = self.do(lambda connection: connection.execute(select(tables.analysis.c.id, tables.analysis.c.turn)))
        return {row.id: row.turn for row in rows}

    @rule(
        target=claims,
        worker=st.sampled_from(["w1", "w2"]),
        most=st.integers(1, 4),
        analyzers=st.sampled_from([None, (), ("a",), ("b",), ("a", "b", "c")]),
        lane=st.sampled_from([None, None, Lane("a", 5), Lane("b", 4)]),
    )
    def claim(self, worker: str, most: int, analyzers: tuple[str, ...] | None, lane: Lane | None) -> Any:
        waiting = [each for each in self.items.items() if each[1].status is S.QUEUED and each[1].not_before is None]
        if lane is not None:
            waiting = [each for each in waiting if (each[1].analyzer, each[1].priority) == lane]
        elif analyzers is not None:
            waiting = [each for each in waiting if each[1].analyzer in analyzers]
        turns = self.turns()
        waiting.sort(key=lambda each: (-each[1].priority, turns[each[0]], each[0]))
        expected = [
            typed_id
            for typed_id, item in waiting
            if (item.batch, item.analyzer, item.priority)
            == (waiting[0][1].batch, waiting[0][1].analyzer, waiting[0][1].priority)
        ][:most]
        rows: list[Claimed] = self.do(
            claims.claim, worker, lambda analyzer: most, self.now, analyzers=analyzers, lane=lane
        )
        # A claim from one of many batches may return fewer rows.
        assert [row.id for row in rows] == expected[: len(rows)]
        assert bool(rows) == bool(expected)
        assert len(rows) == len(expected) or len(waiting) > 8 * most
        assert len({row.lease for row in rows}) <= 1
        for row in rows:
            item = self.items[row.id]
            item.move(S.RUNNING)
            item.attempt += 1
            item.lease, item.worker, item.lease_ends, item.progress = row.lease, worker, self.now + LEASE, 0.0
            assert (row.attempt, row.max_attempts, row.input_text) == (item.attempt, MAX_ATTEMPTS, "x")
        return multiple(*rows)

    @rule(
        said=st.lists(
            st.tuples(claims, st.sampled_from(list(End))), min_size=1, max_size=5, unique_by=lambda each: each[0]
        )
    )
    def finish(self, said: list[tuple[Claimed, End]]) -> None:
        outcomes, expected = [], []
        for row, end in said:
            retry_at = self.now + timedelta(seconds=5) if end is End.AGAIN else None
            fault = None if end in (End.COMPLETED, End.GIVEN_BACK) else FAULT
            result = "{}" if end is End.COMPLETED else None
            outcomes.append(Outcome(row.id, row.lease, end, result, fault, retry_at=retry_at))
            item = self.items.get(row.id)
            if item is None or item.lease != row.lease:
                continue
            if item.stop is not None and end in (End.AGAIN, End.GIVEN_BACK):
                end = End.CANCELED if item.stop is S.CANCELED else End.TIMED_OUT
            expected.append((row.id, end))
            item.move(BY_END[end])
            item.attempt -= end is End.GIVEN_BACK
            item.not_before = retry_at if end is End.AGAIN else None
            item.progress = 1.0 if end is End.COMPLETED else 0.0 if item.status is S.QUEUED else item.progress
        held = self.do(finish.finish, outcomes, self.now)
        assert sorted((outcome.id, outcome.end.name) for outcome in held) == sorted(
            (typed_id, end.name) for typed_id, end in expected
        )

    @rule(row=claims, fraction=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    def report(self, row: Claimed, fraction: float) -> None:
        item = self.items.get(row.id)
        holds = item is not None and item.lease == row.lease and item.progress <= fraction
        assert self.do(finish.report_progress, row.lease, row.id, fraction, "step", self.now) == holds
        if holds and item is not None:
            item.progress = fraction

    @rule(row=claims, worker=st.sampled_from(["w1", "w2"]))
    def renew(self, row: Claimed, worker: str) -> None:
        held = [each for each in self.items.values() if each.lease == row.lease and each.worker == worker]
        assert self.do(renew, worker, {row.lease}, self.now) == {item.lease for item in held}
        for item in held:
            item.lease_ends = self.now + LEASE

    @rule(gone=st.sampled_from([(), ("w1",), ("w1", "w2")]))
    def find_lost(self, gone: tuple[str, ...]) -> None:
        expected = {
            typed_id
            for typed_id, item in self.items.items()
            if item.lease_ends is not None and (item.lease_ends < self.now or item.worker in gone)
        }
        leases = {item.lease: item.lease_ends for item in self.items.values() if item.lease is not None}
        assert self.do(running_leases) == leases
        # A lease renewed after it was seen silent is not lost.
        second = timedelta(seconds=1)
        silent = {lease: ends if ends and ends < self.now else self.now - second for lease, ends in leases.items()}
        rows = self.do(lost, gone, silent)
        assert {row.id for row in rows} == expected
        outcomes = {row.id: retry.lost(row, self.now) for row in rows}
        held = self.do(finish.finish, list(outcomes.values()), self.now)
        assert {outcome.id for outcome in held} == expected
        for typed_id, outcome in outcomes.items():
            item = self.items[typed_id]
            allowed = (
                {End.CANCELED if item.stop is S.CANCELED else End.TIMED_OUT}
                if item.stop
                else {End.AGAIN if item.attempt < MAX_ATTEMPTS else End.FAILED}
            )
            assert {outcome.end} == allowed
            item.move(BY_END[outcome.end])
            item.not_before = outcome.retry_at
            item.progress = 0.0 if item.status is S.QUEUED else item.progress

    @rule(worker=st.sampled_from(["w1", "w2"]))
    def look_for_stops(self, worker: str) -> None:
        expected = {
            typed_id: (item.lease, item.stop)
            for typed_id, item in self.items.items()
            if item.worker == worker and item.stop is not None
        }
        assert self.do(stops, worker) == expected

    # Clients

    @rule(typed_id=analyses, end=st.sampled_from([S.CANCELED, S.TIMED_OUT]))
    def stop(self, typed_id: str, end: S) -> None:
        item = self.items.get(typed_id)
        row = self.do(request_stop, VIEWER, typed_id, end, self.now)
        if item is None or item.status in ENDED or item.stop is not None:
            assert row is None
            return
        if item.status is S.QUEUED:
            item.move(end)
        else:
            item.stop = end
        assert (row.id, row.status, row.stop_requested) == (typed_id, item.status, item.stop)

    def _stop_lot(self, lot: Lot, end: S) -> None:
        lot.stop = end
        for item in (self.items[each] for each in lot.items if each in self.items):
            if item.status is S.QUEUED:
                item.move(end)
            elif item.status is S.RUNNING:
                item.stop = item.stop or end

    @rule(batch_id=batches)
    def stop_batch(self, batch_id: str) -> None:
        lot = self.lots.get(batch_id)
        can = lot is not None and lot.stop is None and self.lot_is_open(lot)
        assert self.do(request_batch_stop, VIEWER, batch_id, S.CANCELED, self.now) == can
        if can and lot is not None:
            self._stop_lot(lot, S.CANCELED)

    def _again(self, typed_ids: list[str]) -> list[str]:
        """Apply a client's retry to the model. Returns the ids of the retried analyses."""
        taken = []
        open_before = {batch_id for batch_id, lot in self.lots.items() if self.lot_is_open(lot)}
        for typed_id in typed_ids:
            item = self.items.get(typed_id)
            if (
                item is None
                or item.status not in ENDED - {S.COMPLETED}
                or (item.status is S.FAILED and not item.attempt)
            ):
                continue
            item.move(S.QUEUED)
            item.attempt, item.progress = 0, 0.0
            taken.append(typed_id)
            lot = None if item.batch is None else self.lots[item.batch]
            if lot is not None and (item.batch not in open_before or lot.stop is not None):
                lot.stop, lot.deadline = None, self.now + lot.timeout
        return taken

    @rule(typed_id=analyses)
    def retry(self, typed_id: str) -> None:
        expected = self._again([typed_id])
        assert self.do(retry_analyses, VIEWER, tables.analysis.c.id == typed_id, now=self.now) == expected

    @rule(batch_id=batches)
    def retry_batch(self, batch_id: str) -> None:
        expected = self._again(self.lots[batch_id].items if batch_id in self.lots else [])
        assert self.do(retry_batch, VIEWER, batch_id, self.now) == len(expected)

    @rule(typed_id=analyses)
    def delete(self, typed_id: str) -> None:
        item = self.items.get(typed_id)
        lot = None if item is None or item.batch is None else self.lots[item.batch]
        can = item is not None and item.status in ENDED and (lot is None or not self.lot_is_open(lot))
        assert self.do(delete_analysis, VIEWER, typed_id, self.now) == can
        if can and item is not None:
            if lot is not None:
                lot.deleted[item.status] += 1
            del self.items[typed_id]

    @rule(batch_id=batches)
    def delete_batch(self, batch_id: str) -> None:
        lot = self.lots.get(batch_id)
        can = lot is not None and not self.lot_is_open(lot)
        assert self.do(delete_batch, VIEWER, batch_id, self.now) == can
        if can and lot is not None:
            for typed_id in lot.items:
                self.items.pop(typed_id, None)
            del self.lots[batch_id]

    # Time

    @rule(seconds=st.sampled_from([1, 5, 20, 31]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def wake(self) -> None:
        due = [item for item in self.items.values() if item.not_before is not None and item.not_before <= self.now]
        waiting = [item.not_before for item in self.items.values() if item.not_before is not None]
        assert self.do(next_wake, self.now) == min(waiting, default=None)
        assert self.do(wake_waiting, self.now) == len(due)
        for item in due:
            item.not_before = None

    @rule()
    def keep_deadlines(self) -> None:
        unstopped = {key: lot for key, lot in self.lots.items() if lot.stop is None and self.lot_is_open(lot)}
        assert self.do(next_deadline) == min((lot.deadline for lot in unstopped.values()), default=None)
        late = {batch_id for batch_id, lot in unstopped.items() if lot.deadline <= self.now}
        assert set(self.do(time_out_batches, self.now)) == late
        for batch_id in late:
            self._stop_lot(self.lots[batch_id], S.TIMED_OUT)

    # Invariants

    @invariant()
    def rows_are_what_the_model_says(self) -> None:
        rows = self.do(lambda connection: connection.execute(select(tables.analysis))).all()
        assert {row.id: Item(**_seen(row), ends=self.items[row.id].ends) for row in rows} == self.items

    @invariant()
    def batches_are_what_the_model_says(self) -> None:
        rows = self.do(lambda connection: connection.execute(select(tables.batch))).all()
        assert {row.id: (row.stop_requested, row.deadline_at) for row in rows} == {
            batch_id: (lot.stop, lot.deadline) for batch_id, lot in self.lots.items()
        }
        ended = {row.id: row.status for row in rows if row.finished_at is not None}
        assert ended == {
            batch_id: lot.stop or S.COMPLETED for batch_id, lot in self.lots.items() if not self.lot_is_open(lot)
        }

    @invariant()
    def rows_counters_and_log_agree(self) -> None:
        deleted = {batch_id: lot.deleted for batch_id, lot in self.lots.items()}
        self.run(assert_consistent(self.database, deleted))

    @invariant()
    def each_end_has_one_event(self) -> None:
        log = self.run(whole_log(self.database))
        ends = Counter(event.subject for event in log if event.type in ENDS)
        assert {typed_id: ends[typed_id] for typed_id in self.items} == {
            typed_id: item.ends for typed_id, item in self.items.items()
        }


def _seen(row: Any) -> dict[str, Any]:
    return {
        "batch": row.batch_id,
        "analyzer": row.analyzer,
        "priority": row.priority,
        "status": S(row.status),
        "attempt": row.attempt,
        "lease": row.lease,
        "worker": row.worker_id,
        "lease_ends": row.lease_expires_at,
        "not_before": row.not_before,
        "stop": row.stop_requested and S(row.stop_requested),
        "progress": row.progress,
    }


@pytest.mark.long
def test_the_queue_equals_its_model(database_url: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(Settings(database_url=database_url).database)
        runner.run(migrate(database))
        machine = type("Machine", (QueueMachine,), {"runner": runner, "database": database})
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=40 if database.is_sqlite else 15,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    phases=set(Phase) - {Phase.explain},
                ),
            )
        finally:
            runner.run(database.close())
