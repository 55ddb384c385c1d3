"""Limits that instances share through a real Redis, which is killed, stopped, refused, slow, and comes back.

Unless a test is about the wait for Redis, its instances wait longer than those of servers: Redis may be slow on a busy
machine.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from access.buckets import Charge, Rule
from access.limits import Limits
from access.redis_buckets import PREFIX
from tests.access.conftest import Start, apart, shared
from tests.events.brokers import RedisServer, road_to
from tests.support import free_port, until

pytestmark = pytest.mark.needs("redis-server")

# Drains so slowly that a test's time changes nothing.
RULE = Rule("VIEWER", 1_000, 1e-6)
PATIENT = {"wait_seconds": 60}


async def charge(limits: Limits, cost: float, key: str = "ann", rule: Rule = RULE) -> Charge:
    """Charge as a server does."""
    return limits.charge(key, rule, cost) or await limits.ask(key, rule, cost)


async def admitted(limits: Limits, cost: float, key: str = "ann") -> bool:
    return (await charge(limits, cost, key)).admitted


async def test_two_instances_share_a_bucket(redis: RedisServer, start: Start) -> None:
    one, other = start(redis.url, **PATIENT), start(redis.url, **PATIENT)
    await shared(one, other)
    answers = await asyncio.gather(*(admitted(limits, 30) for limits in (one, other) * 50))
    assert sum(answers) == 33
    assert await admitted(one, 10)
    assert not await admitted(other, 1)
    assert await admitted(other, 1, "bob")


async def test_points_charged_without_an_ask_reach_the_other_instance(redis: RedisServer, start: Start) -> None:
    one, other = start(redis.url, **PATIENT), start(redis.url, **PATIENT)
    await shared(one, other)
    spent = one.charge("ann", RULE, 0)
    assert spent is not None
    one.settle(spent, 500)

    async def is_refused() -> bool:
        found = await charge(other, 600)
        other.settle(found, 0)
        return not found.admitted

    await until(is_refused, what="the points to arrive")


async def test_a_refund_reaches_the_other_instance(redis: RedisServer, start: Start) -> None:
    one, other = start(redis.url, **PATIENT), start(redis.url, **PATIENT)
    await shared(one, other)
    spent = await charge(one, 1_000)
    assert not await admitted(other, 400)
    assert one.settle(spent, 600).level == pytest.approx(600)
    await until(lambda: admitted(other, 400), what="the refund to arrive")
    assert not await admitted(one, 1)


async def test_a_cancelled_ask_costs_nothing(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url, **PATIENT)
    await shared(limits)
    since = limits.since
    redis.signal(signal.SIGSTOP)
    try:
        ask = asyncio.create_task(limits.ask("ann", RULE, 1_000))
        await asyncio.sleep(0)
        ask.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ask
    finally:
        redis.signal(signal.SIGCONT)
    await until(lambda: admitted(limits, 1_000), what="the refund")
    assert (limits.shared, limits.since) == (True, since)


async def test_limits_without_redis_use_memory(start: Start) -> None:
    limits = start("")
    found = limits.charge("ann", RULE, 1_000)
    assert found is not None
    assert found.admitted
    assert not (await limits.ask("ann", RULE, 1)).admitted
    assert limits.settle(found, 0).level == 0
    assert (limits.has_redis, limits.shared) == (False, False)


async def test_a_killed_redis_leaves_each_instance_its_own_buckets_until_it_is_back(
    redis: RedisServer, start: Start
) -> None:
    one, other = start(redis.url, **PATIENT), start(redis.url, **PATIENT)
    await shared(one, other)
    first = one.since
    assert await admitted(one, 1_000)
    redis.kill()
    assert await admitted(other, 1_000)
    assert not other.shared
    await apart(one)
    assert one.since > first
    assert await admitted(one, 600)
    assert not await admitted(one, 600)
    await redis.start()
    await shared(one, other)
    assert await admitted(one, 1_000)
    assert not await admitted(other, 1)
    redis.kill()
    await apart(one, other)
    assert not await admitted(one, 600)
    assert not await admitted(other, 1)


async def test_an_idle_instance_notices_that_redis_is_gone(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url, **PATIENT)
    await shared(limits)
    redis.kill()
    await apart(limits)


async def test_a_charge_does_not_wait_for_a_silent_redis(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url)
    await shared(limits)
    redis.signal(signal.SIGSTOP)
    try:
        answers = await asyncio.gather(*(admitted(limits, 300) for _ in range(5)))
        assert sum(answers) == 3
        assert not limits.shared
        found = limits.charge("ann", RULE, 100)
        assert found is not None
        assert found.admitted
    finally:
        redis.signal(signal.SIGCONT)
    await shared(limits)


async def test_a_redis_that_never_answers_is_not_waited_for(start: Start) -> None:
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    try:
        limits = start(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        assert await admitted(limits, 1_000)
        assert not await admitted(limits, 1)
        assert not limits.shared
    finally:
        server.close()
        for writer in writers:
            writer.close()


async def test_limits_start_without_redis_and_share_as_it_comes(tmp_path: Path, start: Start) -> None:
    redis = RedisServer(tmp_path)
    limits = start(redis.url, **PATIENT)
    assert await admitted(limits, 1_000)
    assert not limits.shared
    await redis.start()
    try:
        await shared(limits)
        assert await admitted(limits, 1_000)
    finally:
        redis.kill()


async def test_a_cut_connection_is_replaced(redis: RedisServer, start: Start) -> None:
    async with road_to(redis.port) as road:
        limits = start(f"redis://127.0.0.1:{road.port}/0")
        await shared(limits)
        road.cut()
        await admitted(limits, 1)
        assert not limits.shared
        road.mend()
        await shared(limits)
        road.refuse()
        await admitted(limits, 1)
        await apart(limits)
        road.mend()
        await shared(limits)


async def test_a_redis_that_refuses_writes_is_lost(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url, **PATIENT)
    await shared(limits)
    async with Redis.from_url(redis.url) as client:
        await client.config_set("maxmemory", "1")
        assert await admitted(limits, 1_000)
        assert not limits.shared
        await client.config_set("maxmemory", "0")
    await shared(limits)


async def test_a_foreign_value_in_a_key_leaves_own_buckets(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url, **PATIENT)
    await shared(limits)
    assert await admitted(limits, 1_000)
    async with Redis.from_url(redis.url) as client:
        (key,) = await client.keys(f"{PREFIX}*")
        await client.set(key, "hello")
        assert (await limits.ask("ann", RULE, 1)).admitted
        await client.delete(key)
    await shared(limits)


async def test_a_restarted_redis_needs_no_loaded_script(redis: RedisServer, start: Start) -> None:
    limits = start(redis.url, **PATIENT)
    await shared(limits)
    async with Redis.from_url(redis.url) as client:
        await client.script_flush()
    assert await admitted(limits, 1_000)
    assert limits.shared


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
async def test_a_blocked_event_loop_does_not_lose_redis(redis: RedisServer, start: Start, steps: int) -> None:
    limits = start(redis.url, wait_seconds=1)
    await shared(limits)
    since = limits.since
    ask = asyncio.create_task(limits.ask("ann", RULE, 1_000))
    for _ in range(steps):
        await asyncio.sleep(0)
    time.sleep(1.1)  # noqa: ASYNC251 — the loop is blocked, as by a long computation
    assert (await ask).admitted
    assert (limits.shared, limits.since) == (True, since)


async def test_cancelled_limits_answer_with_own_buckets(redis: RedisServer) -> None:
    limits = Limits(redis.url, wait_seconds=60)
    running = asyncio.create_task(limits.run())
    await shared(limits)
    redis.signal(signal.SIGSTOP)
    ask = asyncio.create_task(limits.ask("ann", RULE, 1_000))
    await asyncio.sleep(0)
    running.cancel()
    assert (await ask).admitted
    assert not limits.shared
    redis.signal(signal.SIGCONT)
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nothing_listens(start: Start) -> None:
    limits = start(f"redis://127.0.0.1:{free_port()}", away_seconds=0)
    for _ in range(100):
        assert (await limits.ask("ann", RULE, 10)).admitted
    assert not (await limits.ask("ann", RULE, 1)).admitted
