"""The throttle of sign-ins: failures count by name and address, by address and by name; nobody stays locked out."""

from __future__ import annotations

import asyncio

import pytest

from access.limits import Limits
from access.rules import DEFAULT_RULES
from access.sign_in_throttle import SignInAttempt, begin_sign_in, place_of
from tests.access.conftest import Start, shared
from tests.access.test_buckets import Clock
from tests.events.brokers import RedisServer


class Door:
    """Sign-ins on limits in memory, with a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limits = Limits(clock=self.clock)

    async def fail(self, name: str, address: str) -> str | None:
        """Fail to sign in, and return the rule that refused the attempt."""
        attempt = await begin_sign_in(self.limits, DEFAULT_RULES, name, address)
        return attempt.refusal and attempt.refusal.rule.name

    async def succeed(self, name: str, address: str) -> None:
        attempt = await begin_sign_in(self.limits, DEFAULT_RULES, name, address)
        assert attempt.refusal is None
        attempt.succeed()


@pytest.fixture
def door() -> Door:
    return Door()


async def test_five_failures_of_a_name_from_an_address(door: Door) -> None:
    assert [await door.fail("ann", "192.0.2.1") for _ in range(6)] == [None] * 5 + ["SIGN_IN_NAME_AND_ADDRESS"]
    assert await door.fail("bob", "192.0.2.1") is None
    assert await door.fail("ann", "192.0.2.2") is None
    door.clock.now += 60
    assert [await door.fail("ann", "192.0.2.1") for _ in range(2)] == [None, "SIGN_IN_NAME_AND_ADDRESS"]
    door.clock.now += 300
    assert [await door.fail("ann", "192.0.2.1") for _ in range(6)] == [None] * 5 + ["SIGN_IN_NAME_AND_ADDRESS"]


async def test_twenty_failures_from_an_address(door: Door) -> None:
    found = [await door.fail(f"name {number}", "192.0.2.1") for number in range(21)]
    assert found == [None] * 20 + ["SIGN_IN_ADDRESS"]
    assert await door.fail("ann", "192.0.2.2") is None
    door.clock.now += 3.001
    assert await door.fail("ann", "192.0.2.1") is None


async def test_a_hundred_failures_of_a_name(door: Door) -> None:
    found = [await door.fail("ann", f"192.0.2.{number}") for number in range(101)]
    assert found == [None] * 100 + ["SIGN_IN_NAME"]
    assert await door.fail("bob", "192.0.2.1") is None
    door.clock.now += 36.001
    await door.succeed("ann", "192.0.2.200")


async def test_refused_attempts_do_not_prolong_the_throttle(door: Door) -> None:
    for _ in range(1_000):
        await door.fail("ann", "192.0.2.1")
    door.clock.now += 60.001
    await door.succeed("ann", "192.0.2.1")


async def test_an_attempt_refused_by_one_bucket_is_charged_to_none(door: Door) -> None:
    for number in range(100):
        await door.fail("ann", f"192.0.2.{number}")
    for _ in range(50):
        assert await door.fail("ann", "198.51.100.1") == "SIGN_IN_NAME"
    found = [await door.fail(f"name {number}", "198.51.100.1") for number in range(21)]
    assert found == [None] * 20 + ["SIGN_IN_ADDRESS"]


async def test_successes_cost_nothing(door: Door) -> None:
    for _ in range(200):
        await door.succeed("ann", "192.0.2.1")
    assert [await door.fail("ann", "192.0.2.1") for _ in range(6)] == [None] * 5 + ["SIGN_IN_NAME_AND_ADDRESS"]


async def test_parallel_attempts_count_before_their_passwords_are_checked(door: Door) -> None:
    attempts = [await begin_sign_in(door.limits, DEFAULT_RULES, "ann", "192.0.2.1") for _ in range(10)]
    assert sum(attempt.refusal is None for attempt in attempts) == 5
    attempts[0].succeed()
    attempts[0].succeed()
    assert await door.fail("ann", "192.0.2.1") is None
    assert await door.fail("ann", "192.0.2.1") == "SIGN_IN_NAME_AND_ADDRESS"


async def test_names_are_the_same_in_upper_and_lower_case(door: Door) -> None:
    found = [await door.fail(name, "192.0.2.1") for name in ("ann", "Ann", "ANN", "aNN", "anN", "AnN")]
    assert found == [None] * 5 + ["SIGN_IN_NAME_AND_ADDRESS"]


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_ipv6_network_of_64_bits_is_one_place(address: str, place: str) -> None:
    assert place_of(address) == place


@pytest.mark.needs("redis-server")
async def test_instances_share_the_throttle(redis: RedisServer, start: Start) -> None:
    one, other = start(redis.url, wait_seconds=60), start(redis.url, wait_seconds=60)
    await shared(one, other)

    async def begin(limits: Limits) -> SignInAttempt:
        return await begin_sign_in(limits, DEFAULT_RULES, "ann", "192.0.2.1")

    attempts = await asyncio.gather(*(begin(limits) for limits in (one, other) * 10))
    assert sum(attempt.refusal is None for attempt in attempts) == 5
