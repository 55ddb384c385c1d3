"""The bounds of the error of a batch's rate and ETA, on simulated completions, without a clock."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.pace import TARGET_MS
from store.queue.progress import after_more_ends, items_per_second, progress_of_batch
from store.tables import BatchRow, BatchStatus

START = datetime(2026, 11, 21, 10, 0, 0, 123457, tzinfo=UTC)


def batch(**values: Any) -> BatchRow:
    known = {"status": BatchStatus.RUNNING, "started_at": START, "updated_at": START, "recent_ends": "[]"}
    counts = dict.fromkeys(("queued", "running", "processed", "failed", "canceled", "timed_out", "total_items"), 0)
    return BatchRow(**{**known, **counts, **values})


def run(seconds: Sequence[float], *, slots: int, chunk: int) -> Iterator[tuple[BatchRow, float]]:
    """Simulate slots that complete chunks of items. Yields the batch after each chunk, with the seconds left."""
    waiting = [list(seconds[first : first + chunk]) for first in range(0, len(seconds), chunk)]
    waiting.reverse()
    in_hand: list[tuple[float, int, int]] = []
    for slot in range(min(slots, len(waiting))):
        items = waiting.pop()
        heapq.heappush(in_hand, (sum(items), slot, len(items)))
    ends: list[tuple[float, int, int]] = []
    while in_hand:
        at, slot, count = heapq.heappop(in_hand)
        ends.append((at, count, sum(each[2] for each in in_hand)))
        if waiting:
            items = waiting.pop()
            heapq.heappush(in_hand, (at + sum(items), slot, len(items)))
    row = batch(total_items=len(seconds), queued=len(seconds))
    for at, count, running in ends:
        now = START + timedelta(seconds=at)
        row.recent_ends = after_more_ends(row.recent_ends, count, row.started_at, now)
        row.updated_at, row.processed, row.running = now, row.processed + count, running
        row.queued = len(seconds) - row.processed - running
        yield row, ends[-1][0] - at


def eta_at(share: float, seconds: Sequence[float], *, slots: int, chunk: int) -> tuple[float, float]:
    """Return the ETA and the seconds actually left once this share of the items has ended."""
    for row, left in run(seconds, slots=slots, chunk=chunk):
        if row.processed >= share * len(seconds):
            eta = progress_of_batch(row, row.updated_at).eta_seconds
            assert eta is not None
            return eta, left
    raise AssertionError("The share was never reached.")


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@settings(deadline=None, max_examples=40)
@given(item_seconds=st.floats(0.002, 30), rounds=st.integers(20, 60), slots=st.integers(1, 8))
def test_on_steady_work_the_eta_is_within_a_fifth(share: float, item_seconds: float, rounds: int, slots: int) -> None:
    chunk = max(1, int(TARGET_MS / 1000 / item_seconds))
    items = [item_seconds] * (rounds * slots * chunk)
    eta, left = eta_at(share, items, slots=slots, chunk=chunk)
    # Equal items end in rounds, slot by slot. Between a round's first end and its last, the ETA is off by up to one
    # round. The ETA is rounded to 0.1 s.
    assert abs(eta - left) <= 0.2 * left + item_seconds * chunk + 0.05


@pytest.mark.parametrize("seed", range(5))
def test_on_noisy_work_the_eta_is_within_a_quarter(seed: int) -> None:
    source = random.Random(seed)
    items = [source.lognormvariate(0, 0.5) / 10 for _ in range(1000)]
    for share in (0.25, 0.5, 0.75):
        eta, left = eta_at(share, items, slots=3, chunk=2)
        assert eta == pytest.approx(left, rel=0.25)


def test_few_slow_items_end_more_than_a_second_apart() -> None:
    # In most seconds no item ends.
    eta, left = eta_at(0.25, [3.0] * 40, slots=1, chunk=1)
    assert (eta, left) == (90.0, 90.0)
    row, _ = next(each for each in run([3.0] * 40, slots=1, chunk=1) if each[0].processed == 20)
    assert items_per_second(row, row.updated_at) == pytest.approx(1 / 3)


def test_the_rate_follows_a_change() -> None:
    # The rate rises to ten times its value, as with more servers.
    items = [0.1] * 1000 + [0.01] * 8000
    before, after = (
        next(items_per_second(row, row.updated_at) for row, _ in run(items, slots=1, chunk=1) if row.processed == ended)
        for ended in (1000, 9000)
    )
    assert before == pytest.approx(10)
    assert after == pytest.approx(100, rel=0.01)


def test_a_burst_is_not_the_rate() -> None:
    # A hundred items end at once in every second, as chunks do: the rate is their mean.
    ends = "[]"
    for second in range(1, 61):
        ends = after_more_ends(ends, 100, START, START + timedelta(seconds=second))
    assert items_per_second(batch(recent_ends=ends), START) == pytest.approx(100)


def test_the_rate_falls_while_nothing_ends() -> None:
    ends = after_more_ends("[]", 100, START, START + timedelta(seconds=10))

    def rate(seconds: float, **values: Any) -> float | None:
        return items_per_second(batch(recent_ends=ends, **values), START + timedelta(seconds=10 + seconds))

    assert [rate(0), rate(2), rate(12), rate(92)] == [10, 10, 5, 1]  # a pause of 2 s does not lower the rate
    assert [rate(6, running=40), rate(16, running=40)] == [10, 5]  # nor does the time that 40 running items take
    assert rate(92, status=BatchStatus.COMPLETED) == 10
    row = batch(recent_ends=ends, total_items=200, queued=100, processed=100, updated_at=START + timedelta(seconds=10))
    held = progress_of_batch(row, START + timedelta(seconds=102)).eta_seconds
    assert held == 100.0  # all of the remaining items at the current rate


def test_a_clock_that_goes_back_adds_no_time() -> None:
    ends = after_more_ends("[]", 10, START, START + timedelta(seconds=10))
    ends = after_more_ends(ends, 10, START, START - timedelta(hours=1))
    assert items_per_second(batch(recent_ends=ends), START - timedelta(hours=1)) == pytest.approx(2, rel=0.05)


def test_no_eta_before_enough_items_have_ended() -> None:
    def eta(ended: int, total: int) -> float | None:
        ends = after_more_ends("[]", ended, START, START + timedelta(seconds=1)) if ended else "[]"
        row = batch(total_items=total, queued=total - ended, processed=ended, recent_ends=ends)
        return progress_of_batch(row, START).eta_seconds

    assert [eta(0, 10), eta(1, 34), eta(19, 1000)] == [None, None, None]
    assert eta(1, 33) == 32.0
    assert eta(20, 10_000) == 499.0


def test_the_eta_counts_down_between_ends_but_not_below_the_queued_items() -> None:
    ends = after_more_ends("[]", 20, START, START + timedelta(seconds=20))
    updated = START + timedelta(seconds=20)
    row = batch(total_items=100, queued=60, running=20, processed=20, recent_ends=ends, updated_at=updated)
    rate = 1.1  # 20 items in 20 s, and a tenth more for the running ones
    etas = [progress_of_batch(row, updated + timedelta(seconds=since)).eta_seconds for since in (-5, 0, 10, 22)]
    assert etas == [round(80 / rate, 1), round(80 / rate, 1), round(80 / rate - 10, 1), round(60 / rate, 1)]
    assert progress_of_batch(row, updated).fraction == 0.2
    assert progress_of_batch(row, updated).step == "20 of 100 items"


def test_an_ended_batch_has_no_eta() -> None:
    over = batch(status=BatchStatus.CANCELED, total_items=90, canceled=90)
    assert (progress_of_batch(over, START).fraction, progress_of_batch(over, START).eta_seconds) == (1.0, None)
