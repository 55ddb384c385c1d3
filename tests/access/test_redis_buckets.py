"""Buckets in a real Redis: equal to those in memory to the last bit, with keys that expire and tell nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import given
from redis import Redis

from access.buckets import Rule, flow
from access.redis_buckets import PREFIX, Change, RedisBuckets, key_of
from tests.support import REDIS_URL

pytestmark = pytest.mark.needs("redis")

SLOW, FAST = Rule("VIEWER", 100, 1 / 3), Rule("ADMIN", 50_000, 2_000)


@pytest.fixture
def keys() -> Iterator[Redis]:
    """A client for the keys."""
    with closing(Redis.from_url(REDIS_URL)) as client:
        yield client


async def change(*changes: Change) -> list[tuple[float, bool]]:
    """Apply the changes on a new connection, and return the levels."""
    buckets = RedisBuckets(REDIS_URL)
    try:
        return (await buckets.change(changes))[1]
    finally:
        await buckets.close()


POINTS = st.one_of(st.integers(0, 60_000), st.floats(0, 60_000))


@given(
    calls=st.lists(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from([SLOW, FAST]),
                st.one_of(st.just(0.0), POINTS, POINTS.map(lambda points: -points)),
                st.one_of(st.just(0), POINTS),
                # Microseconds since the last change, in place of a wait; negative: the clock went back.
                st.one_of(st.none(), st.integers(-(10**10), 10**10)),
            ),
            max_size=6,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_script_gives_what_the_arithmetic_gives(
    calls: list[list[tuple[int, Rule, float, float, int | None]]],
) -> None:
    names = [uuid4().hex for _ in range(3)]

    async def compare() -> None:
        buckets = RedisBuckets(REDIS_URL)
        kept: dict[str, tuple[float, int]] = {}
        try:
            for call in calls:
                changes = []
                for name, rule, added, asked, shift in call:
                    key = key_of(rule, names[name])
                    changes.append(Change(key, rule, added, asked))
                    if shift is not None and key in kept:
                        now, _ = await buckets.change([])
                        kept[key] = kept[key][0], now - shift
                        client.set(key, f"{kept[key][0]:.17g} {kept[key][1]}")
                now, found = await buckets.change(changes)
                expected = []
                for key, rule, added, asked in changes:
                    level, at = kept.get(key, (0.0, now))
                    expected.append(flow(level, (now - at) / 1_000_000, rule, added, asked))
                    kept[key] = expected[-1][0], now
                assert found == expected
        finally:
            for key in kept:
                client.delete(key)
            await buckets.close()

    # Hypothesis calls this function many times, and needs one without `async`.
    with closing(Redis.from_url(REDIS_URL)) as client, closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(compare())


async def test_a_key_expires_as_its_bucket_becomes_empty(keys: Redis) -> None:
    key = key_of(SLOW, uuid4().hex)
    assert await change(Change(key, SLOW, 0, 100)) == [(100, True)]
    left: Any = keys.pttl(key)
    assert 0 < left <= 300_001
    assert await change(Change(key, SLOW, -100, 0)) == [(0, True)]
    assert keys.exists(key) == 0


async def test_one_call_applies_changes_of_one_bucket_in_their_order(keys: Redis) -> None:
    rule = Rule("SIGN_IN_NAME", 10, 1e-4)
    key = key_of(rule, uuid4().hex)
    found = await change(
        Change(key, rule, 3, 8), Change(key, rule, 0, 7), Change(key, rule, 0, 1), Change(key, rule, -5, 0)
    )
    assert found == [(3, False), (10, True), (10, False), (5, True)]
    keys.delete(key)


async def test_two_connections_change_the_same_bucket(keys: Redis) -> None:
    rule = Rule("SIGN_IN_NAME", 1_000, 1e-6)
    key = key_of(rule, uuid4().hex)

    async def charge_often() -> int:
        buckets = RedisBuckets(REDIS_URL)
        admitted = 0
        for _ in range(100):
            (_, ok), *_ = (await buckets.change([Change(key, rule, 0, 9)]))[1]
            admitted += ok
        await buckets.close()
        return admitted

    assert sum(await asyncio.gather(charge_often(), charge_often())) == 111
    keys.delete(key)


def test_the_names_of_keys_show_no_addresses_and_no_names() -> None:
    key = key_of(FAST, "ann\ud800 192.0.2.1" * 100)
    assert key.startswith(PREFIX)
    assert len(key) == len(PREFIX) + 32
    assert key != key_of(SLOW, "ann\ud800 192.0.2.1" * 100)
    assert key_of(FAST, "ann") != key_of(FAST, "bob")
