"""The bus on real brokers: its messages arrive, foreign messages are ignored, and it recovers from each outage."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import make_url

import events.bus
from events.brokers import CHANNEL
from events.bus import ALONE, SHARED, Bus
from settings import Settings
from tests.events.brokers import RedisServer, road_to
from tests.events.conftest import Start, live
from tests.support import free_port, until

Publish = Callable[[bytes], Any]
ALL = sorted(SHARED)


def heard_by(bus: Bus) -> list[list[str]]:
    """Return a list that receives all later news of the bus."""
    heard: list[list[str]] = []
    bus.listen(lambda news: heard.append(sorted(news)))
    return heard


@asynccontextmanager
async def stranger(url: str) -> AsyncIterator[Publish]:
    """Yield a function that publishes foreign messages on the same channel."""
    if url.startswith("redis"):
        async with Redis.from_url(url) as client:
            yield lambda message: client.publish(CHANNEL, message)
    else:
        connection = await asyncpg.connect(url)
        try:
            yield lambda message: connection.execute("SELECT pg_notify($1, $2)", CHANNEL, message.decode())
        finally:
            await connection.close()


async def caught_up(speaker: Bus, heard: list[list[str]]) -> None:
    """Wait for all earlier messages of the bus, which must be general wake-ups, and clear them."""
    await until(lambda: not speaker._waiting, what="the first messages to be sent")
    speaker.publish({"stop"})
    await until(lambda: heard[-1:] == [["stop"]], what="the message after them")
    assert all(news == ALL for news in heard[:-1])
    heard.clear()


async def test_the_first_message_of_a_bus_arrives(broker_url: str, start: Start) -> None:
    """With redis-py 8, broadcaster's own Redis backend receives nothing."""
    for _ in range(10):
        one, other = start(broker_url), start(broker_url)
        heard_here, heard_there = heard_by(one), heard_by(other)
        await live(one, other)
        await caught_up(one, heard_there)
        await caught_up(other, heard_here)
        one.publish({"events", "queue", "claimed"})
        await until(lambda: heard_there, what="news")  # noqa: B023
        assert heard_there == [["events"]]
        one.publish({"queue"})
        one.publish({"stop"})
        one.publish({"controls"})
        await until(lambda: len(heard_there) > 1, what="more news")  # noqa: B023
        assert heard_there[1:] == [["controls", "stop"]]
        assert heard_here == []


async def test_foreign_messages_on_the_channel_are_ignored(broker_url: str, start: Start) -> None:
    bus = start(broker_url)
    heard = heard_by(bus)
    await live(bus)
    assert heard == [ALL]
    heard.clear()
    messages = [b"", b" ", b"stop", b"x" * 7_000, b"someone 1", b"someone else's", b"someone events", b"a\nb\tqueue"]
    if broker_url.startswith("redis"):
        messages[1:1] = [b"\xff\xfe", b"\x00", b"someone \xff", b"y" * 10_000_000]
    async with stranger(broker_url) as publish:
        for message in messages:
            await publish(message)
        await until(lambda: heard, what="the valid message")
        await publish(b"last stop")
        await until(lambda: len(heard) > 1, what="the last message")
    assert heard == [["events"], ["stop"]]
    assert (bus.live, bus.reconnects) == (True, 0)


async def test_a_heartbeat_is_measured(broker_url: str, start: Start) -> None:
    bus = start(broker_url, heartbeat_seconds=0.5)
    assert (bus.live, bus.round_trip_seconds) == (False, None)
    await live(bus)
    first, since = bus.round_trip_seconds, bus.since
    await until(lambda: bus.round_trip_seconds != first, what="the next heartbeat")
    assert bus.round_trip_seconds is not None
    assert bus.round_trip_seconds > 0
    assert (bus.since, bus.reconnects) == (since, 0)


async def test_a_single_server_has_no_broker(start: Start) -> None:
    bus = start("")
    assert Settings().bus == ALONE
    heard = heard_by(bus)
    bus.publish({"events"})
    assert (bus.live, bus.has_broker, heard) == (True, False, [])


async def back_after(bus: Bus, other: Bus, heard: list[list[str]]) -> None:
    """Wait until both buses are live again, and `bus` has a general wake-up and then the news of `other`."""
    await live(bus, other)
    await caught_up(other, heard)
    other.publish({"events"})
    await until(lambda: heard == [["events"]], what="news after the outage")


@pytest.mark.needs("postgresql")
async def test_the_bus_recovers_after_postgresql_ends_its_connection(postgresql_url: str, start: Start) -> None:
    one, other = start(postgresql_url), start(postgresql_url)
    heard = heard_by(one)
    await live(one, other)
    await caught_up(other, heard)
    connection = await asyncpg.connect(postgresql_url)
    try:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        query += " WHERE application_name = 'assay bus' AND datname = current_database()"
        assert [row[0] for row in await connection.fetch(query)] == [True, True]
        await until(lambda: one.reconnects and other.reconnects, what="the outage to be detected")
        await back_after(one, other, heard)
    finally:
        await connection.close()


@pytest.mark.needs("redis-server")
async def test_the_bus_recovers_after_a_kill_of_redis(redis: RedisServer, start: Start) -> None:
    one, other = start(redis.url), start(redis.url)
    heard = heard_by(one)
    await live(one, other)
    await caught_up(other, heard)
    since = one.since
    redis.kill()
    await until(lambda: not one.live and not other.live, what="the outage to be detected")
    assert one.since > since
    assert one.round_trip_seconds is None
    one.publish({"events"})  # dropped without an error
    await until(lambda: one.reconnects > 1, what="a failed attempt")
    await redis.start()
    await back_after(one, other, heard)


@pytest.mark.needs("redis-server")
async def test_the_bus_connects_to_a_broker_that_starts_later(tmp_path: Any, start: Start) -> None:
    redis = RedisServer(tmp_path)
    one, other = start(redis.url), start(redis.url)
    heard = heard_by(one)
    await until(lambda: one.reconnects > 1, what="a failed attempt")
    assert not one.live
    try:
        await redis.start()
        await back_after(one, other, heard)
    finally:
        redis.kill()


@pytest.mark.needs("redis-server")
async def test_the_bus_recovers_from_a_silent_redis(
    redis: RedisServer, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.bus, "CONNECT_SECONDS", 0.5)
    one, other = start(redis.url, heartbeat_seconds=1), start(redis.url, heartbeat_seconds=1)
    heard = heard_by(one)
    await live(one, other)
    await caught_up(other, heard)
    redis.signal(signal.SIGSTOP)
    try:
        await until(lambda: not one.live and not other.live, what="the silence to be detected")
        await until(lambda: one.reconnects > 1, what="a failed attempt")
    finally:
        redis.signal(signal.SIGCONT)
    await back_after(one, other, heard)


async def test_the_bus_recovers_from_a_dead_connection(
    broker_url: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.bus, "CONNECT_SECONDS", 0.5)
    url = make_url(broker_url)
    async with road_to(url.port or 5432) as road:
        there = url.set(port=road.port).render_as_string(hide_password=False)
        one, other = start(there, heartbeat_seconds=1), start(broker_url)
        heard = heard_by(one)
        await live(one, other)
        await caught_up(other, heard)
        road.cut()
        await until(lambda: not one.live, what="the silence to be detected")
        assert other.live
        road.mend()
        await back_after(one, other, heard)


async def test_a_stopped_bus_leaves_no_task(broker_url: str) -> None:
    bus = Bus(Settings(broadcast_url=broker_url).bus)
    before = asyncio.all_tasks()
    for _ in range(3):
        running = asyncio.create_task(bus.run())
        await until(lambda: bus.round_trip_seconds is not None, what="the bus to be live")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert asyncio.all_tasks() == before
        bus.live, bus.round_trip_seconds = False, None


async def test_the_bus_retries_a_closed_port(start: Start) -> None:
    bus = start(f"redis://127.0.0.1:{free_port()}")
    await until(lambda: bus.reconnects > 1, what="some attempts")
    assert not bus.live
