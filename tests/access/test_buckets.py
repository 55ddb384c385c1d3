"""Leaky buckets in memory: their arithmetic, their bounds, and the number of buckets kept."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from access.buckets import Buckets, Charge, Rule, flow

RULE = Rule("VIEWER", 100, 10.0)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def buckets(clock: Clock) -> Buckets:
    return Buckets(clock)


def outcome(charge: Charge) -> tuple[bool, float]:
    return charge.admitted, charge.level


@pytest.mark.parametrize(
    ("level", "seconds", "added", "asked", "found"),
    [
        (0, 0, 0, 100, (100, True)),
        (0, 0, 0, 101, (0, False)),
        (1, 0, 0, 100, (1, False)),
        (1, 0, 0, 99, (100, True)),
        (100, 0, 0, 0, (100, True)),
        (100, 1, 0, 10, (100, True)),
        (100, 1, 0, 11, (90, False)),
        (100, 11, 0, 0, (0, True)),
        (100, -5, 0, 1, (100, False)),
        (90, 0, 20, 0, (110, False)),
        (110, 1, 0, 1, (100, False)),
        (110, 1, 0, 0, (100, True)),
        (5, 0, -9, 100, (100, True)),
        (20, 1, -5, 1, (6, True)),
    ],
)
def test_the_arithmetic_of_a_bucket(
    level: float, seconds: float, added: float, asked: float, found: tuple[float, bool]
) -> None:
    assert flow(level, seconds, RULE, added, asked) == found


def test_a_bucket_admits_its_capacity_and_then_its_drain(buckets: Buckets, clock: Clock) -> None:
    assert outcome(buckets.charge("ann", RULE, 100)) == (True, 100)
    assert outcome(buckets.charge("ann", RULE, 1)) == (False, 100)
    assert outcome(buckets.charge("bob", RULE, 1)) == (True, 1)
    assert outcome(buckets.charge("ann", RULE._replace(name="ADMIN"), 1)) == (True, 1)
    clock.now += 1
    assert outcome(buckets.charge("ann", RULE, 10)) == (True, 100)
    assert outcome(buckets.charge("ann", RULE, 1)) == (False, 100)


def test_a_charge_above_the_capacity_is_refused_by_an_empty_bucket(buckets: Buckets) -> None:
    assert outcome(buckets.charge("ann", RULE, 101)) == (False, 0)
    assert outcome(buckets.charge("ann", RULE, 100)) == (True, 100)


def test_a_lower_cost_is_refunded_and_a_higher_one_charged(buckets: Buckets, clock: Clock) -> None:
    charge = buckets.charge("ann", RULE, 100)
    settled = buckets.settle(charge, 30)
    assert (settled.cost, *outcome(settled)) == (30, True, 30)
    assert outcome(buckets.settle(settled, 130)) == (True, 130)
    assert outcome(buckets.charge("ann", RULE, 0)) == (False, 130)
    clock.now += 5
    assert outcome(buckets.charge("ann", RULE, 20)) == (True, 100)


def test_a_refund_after_the_drain_leaves_no_credit(buckets: Buckets, clock: Clock) -> None:
    charge = buckets.charge("ann", RULE, 100)
    clock.now += 8
    assert outcome(buckets.settle(charge, 1)) == (True, 0)
    assert outcome(buckets.charge("ann", RULE, 101)) == (False, 0)


def test_a_refused_charge_has_nothing_to_settle(buckets: Buckets) -> None:
    buckets.charge("ann", RULE, 60)
    refused = buckets.charge("ann", RULE, 60)
    assert buckets.settle(refused, 0) == refused
    assert outcome(buckets.charge("ann", RULE, 40)) == (True, 100)


def test_a_clock_that_goes_back_does_not_change_the_level(buckets: Buckets, clock: Clock) -> None:
    buckets.charge("ann", RULE, 60)
    clock.now -= 3_600
    assert outcome(buckets.charge("ann", RULE, 20)) == (True, 80)
    clock.now += 1
    assert outcome(buckets.charge("ann", RULE, 20)) == (True, 90)


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 20), st.integers(0, 130), st.floats(0, 1)),
        min_size=1,
        max_size=40,
    )
)
def test_no_span_of_time_admits_more_than_the_capacity_and_its_drain(steps: list[tuple[float, int, float]]) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    admitted: list[tuple[float, float]] = []
    for seconds, cost, share in steps:
        clock.now += seconds
        charge = buckets.charge("ann", RULE, cost)
        if charge.admitted:
            settled = buckets.settle(charge, round(cost * share))
            admitted.append((clock.now, settled.cost))
        assert 0 <= charge.level <= RULE.capacity
    for first, (began, _) in enumerate(admitted):
        spent = 0.0
        for ended, points in admitted[first:]:
            spent += points
            assert spent <= RULE.capacity + RULE.drain * (ended - began) + 1e-6


def test_empty_buckets_are_dropped(buckets: Buckets, clock: Clock) -> None:
    for number in range(1_000):
        buckets.charge(f"old {number}", RULE, 10)
    assert len(buckets) == 1_000
    clock.now += 1
    buckets.charge("long", RULE, 50)
    for number in range(400):
        buckets.charge(f"new {number}", RULE, 10)
    assert len(buckets) == 401
    assert outcome(buckets.charge("long", RULE, 1)) == (True, 51)


def test_at_the_bound_the_buckets_with_the_highest_levels_stay(clock: Clock) -> None:
    buckets = Buckets(clock, most=10)
    for number in range(5):
        buckets.charge(f"high {number}", RULE, 100)
    for number in range(1_000):
        buckets.charge(f"low {number}", RULE, 10)
        assert len(buckets) <= 10
    assert [outcome(buckets.charge(f"high {number}", RULE, 1)) for number in range(5)] == [(False, 100)] * 5
