"""The state of buckets as header fields and in `extensions.cost`: points are rounded down, seconds up."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from access.buckets import Buckets, Charge, Rule
from access.limit_headers import cost_extension, limit_header, policy_header, remaining, retry_after, seconds_to_full
from access.rules import DEFAULT_RULES
from tests.access.test_buckets import Clock

ANALYST = DEFAULT_RULES["ANALYST"]


def charge_at(level: float, *, admitted: bool = True, rule: Rule = ANALYST) -> Charge:
    return Charge("ann", rule, 211, admitted, level, Buckets())


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (ANALYST, '"cost";q=100000;w=20'),
        (DEFAULT_RULES["VIEWER"], '"cost";q=50000;w=25'),
        (DEFAULT_RULES["ADDRESS"], '"address";q=100;w=50'),
        (DEFAULT_RULES["SIGN_IN_NAME_AND_ADDRESS"], '"sign-in";q=5;w=300'),
        (Rule("VIEWER", 1_001, 1_000), '"cost";q=1001;w=2'),
        (Rule("VIEWER", 1, 1_000), '"cost";q=1;w=1'),
    ],
)
def test_the_policy_has_the_capacity_and_the_seconds_to_drain_it(rule: Rule, text: str) -> None:
    assert policy_header(rule) == text


@pytest.mark.parametrize(
    ("level", "text"),
    [
        (0, '"cost";r=100000;t=0'),
        (0.5, '"cost";r=99999;t=1'),
        (211, '"cost";r=99789;t=1'),
        (5_000, '"cost";r=95000;t=1'),
        (5_000.5, '"cost";r=94999;t=2'),
        (99_999.5, '"cost";r=0;t=20'),
        (100_000, '"cost";r=0;t=20'),
        (101_000, '"cost";r=0;t=21'),
    ],
)
def test_the_limit_has_the_points_left_and_the_seconds_to_all(level: float, text: str) -> None:
    assert limit_header(charge_at(level)) == text


@pytest.mark.parametrize(("level", "seconds"), [(0, 1), (0.5, 1), (5_000, 1), (5_001, 2), (100_000, 20)])
def test_a_refusal_has_the_same_seconds_in_both_fields(level: float, seconds: int) -> None:
    refusal = charge_at(level, admitted=False)
    assert retry_after(refusal) == seconds_to_full(refusal) == seconds
    assert limit_header(refusal).endswith(f";t={seconds}")


def test_the_extension_before_and_after_the_run_and_after_a_refusal() -> None:
    buckets = Buckets(Clock())
    charge = buckets.charge("ann", ANALYST, 8_841)
    status = {"maximumAvailable": 100_000, "currentlyAvailable": 91_159, "restoreRate": 5_000}
    found = {"requestedQueryCost": 8_841, "actualQueryCost": None, "throttleStatus": status}
    assert cost_extension(charge) == found
    settled = buckets.settle(charge, 41)
    found |= {"actualQueryCost": 41, "throttleStatus": status | {"currentlyAvailable": 99_959}}
    assert cost_extension(charge, settled) == found
    refusal = buckets.charge("ann", ANALYST, 100_000)
    found |= {"requestedQueryCost": 100_000, "actualQueryCost": None}
    assert cost_extension(refusal) == found
    assert cost_extension(refusal, buckets.settle(refusal, 0)) == found


@given(
    costs=st.lists(st.tuples(st.floats(0, 2), st.integers(0, 120))), rule=st.sampled_from([(100, 7.0), (100, 1 / 3)])
)
def test_a_client_that_believes_the_fields_is_admitted(costs: list[tuple[float, int]], rule: tuple[int, float]) -> None:
    clock = Clock()
    buckets = Buckets(clock)
    limit = Rule("VIEWER", *rule)
    found = buckets.charge("ann", limit, 0)
    for seconds, cost in costs:
        clock.now += seconds
        found = buckets.charge("ann", limit, cost)
    left = remaining(found)
    assert 0 <= left <= limit.capacity
    assert buckets.charge("ann", limit, left).admitted
    clock.now += seconds_to_full(found) + math.ceil(left / limit.drain) + 0.001  # for the rounding of binary numbers
    assert buckets.charge("ann", limit, limit.capacity).admitted
