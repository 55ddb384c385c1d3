"""Subscriptions that share a stream: answers are made once, and no client delays others or misses or repeats events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from events.hub import Subscriber
from execution.errors import ClientError
from settings import Settings
from tests.support import until
from tests.web.websocket.test_liveness import Stuck, stuck
from tests.web.websocket.toy import PATIENCE, SECRET, Client, Server, dial, ready

Serve = Callable[..., Server]

NUMBERS = "subscription ($after: String) { numbers(after: $after) { cursor text } }"
LONG = "subscription ($after: String) { numbers(after: $after) { cursor text(size: 50000) } }"
TWO = "subscription A { numbers { cursor } } subscription B { numbers { cursor } }"
MIXED = "subscription { numbers { cursor odd } }"


async def joined(server: Server, *clients: Client, query: str = NUMBERS, **variables: object) -> None:
    """Subscribe all clients, each with its own id, and wait until they have joined a stream."""
    for number, client in enumerate(clients):
        await client.subscribe(f"client-{number}", query, variables=variables)
    for client in clients:
        await settled(server, client)


async def settled(server: Server, client: Client) -> None:
    """Wait until the client's subscriptions have begun."""
    port = client.connection.local_address[1]

    async def begun() -> bool:
        sockets = [each for each in server.door.sockets if each.websocket.client.port == port]  # type: ignore[union-attr]
        operations = [operation for each in sockets for operation in each._operations.values()]
        return bool(operations) and all(isinstance(operation, Subscriber) for operation in operations)

    await until(lambda: server.call(begun), what="the subscriptions to begin")


async def cursors(client: Client, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        message = await client.receive()
        if message["type"] != "ping":
            assert message["type"] == "next", message
            found.append(message["payload"]["data"]["numbers"]["cursor"])
    return found


def named(first: int, last: int) -> list[str]:
    return [f"n{number}" for number in range(first, last + 1)]


async def test_an_answer_is_made_once_for_all_equal_subscriptions(serve: Serve) -> None:
    server = serve()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ready(server)) for _ in range(20)]
        await joined(server, *clients)
        assert len(server.door.hub.groups) == server.probe.numbers.following == 1
        server.grow(3)
        for number, client in enumerate(clients):
            for place in (1, 2, 3):
                payload = {"data": {"numbers": {"cursor": f"n{place}", "text": f"{place} ".rjust(10, "x")}}}
                assert await client.receive() == {"id": f"client-{number}", "type": "next", "payload": payload}
        assert server.probe.numbers.answered == 3
        assert server.telemetry.delivered == 60


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"query": NUMBERS}, {"query": NUMBERS + " "}),
        ({"query": MIXED}, {"query": NUMBERS}),
        (
            {"query": "subscription ($size: Int!) { numbers { cursor text(size: $size) } }", "variables": {"size": 1}},
            {"query": "subscription ($size: Int!) { numbers { cursor text(size: $size) } }", "variables": {"size": 2}},
        ),
        (
            {"query": NUMBERS, "extensions": {"a": 1}},
            {"query": NUMBERS},
        ),
        ({"query": TWO, "operationName": "A"}, {"query": TWO, "operationName": "B"}),
        (
            # Different selections, with the start in a variable.
            {"query": "subscription ($s: String) { numbers(after: $s) { cursor @skip(if: false) t: text } }"},
            {"query": 'subscription ($s: String = "n0") { numbers(after: $s) { cursor } }'},
        ),
    ],
)
async def test_different_subscriptions_are_not_shared(serve: Serve, one: dict[str, Any], other: dict[str, Any]) -> None:
    server = serve()
    async with ready(server) as client:
        for key, payload in (("one", one), ("other", other)):
            await client.send({"id": key, "type": "subscribe", "payload": payload})
        await until(lambda: len(server.door.hub.groups) == 2)


async def test_different_callers_share_nothing(serve: Serve) -> None:
    server = serve()
    async with (
        ready(server, audience="one") as one,
        ready(server, audience="two") as two,
        ready(server, audience="one") as again,
    ):
        await joined(server, one, two, again)
        assert len(server.door.hub.groups) == 2
        server.grow(1)
        for client in (one, two, again):
            assert await cursors(client, 1) == ["n1"]
        assert server.probe.numbers.answered == 2


async def test_subscriptions_with_different_starts_are_shared(serve: Serve) -> None:
    server = serve()
    server.grow(5)
    async with ready(server) as new, ready(server) as away, ready(server) as longer:
        await joined(server, new)
        await joined(server, away, after="n3")
        await joined(server, longer, after="n0")
        assert len(server.door.hub.groups) == 1
        server.grow(2)
        assert await cursors(new, 2) == named(6, 7)
        assert await cursors(away, 4) == named(4, 7)
        assert await cursors(longer, 7) == named(1, 7)


async def test_nothing_follows_complete_and_the_id_is_free(serve: Serve) -> None:
    server = serve()
    async with ready(server) as client, ready(server) as other:
        await joined(server, client, other)
        await client.send({"id": "client-0", "type": "complete"})
        await until(lambda: server.telemetry.active == 1)
        server.grow(1)
        assert await cursors(other, 1) == ["n1"]
        assert await client.drain() == []
        await joined(server, client)
        server.grow(1)
        assert await cursors(client, 1) == ["n2"]


async def test_a_failing_field_fails_for_all_subscribers(serve: Serve) -> None:
    server = serve()
    async with ready(server) as one, ready(server) as two:
        await joined(server, one, two, query=MIXED)
        server.grow(2)
        for client in (one, two):
            first, second = await client.receive(), await client.receive()
            assert first["payload"] == {"data": {"numbers": {"cursor": "n1", "odd": True}}}
            assert second["payload"]["data"] == {"numbers": {"cursor": "n2", "odd": None}}
            assert second["payload"]["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
        assert server.telemetry.active == 2


async def test_a_stream_that_throws_ends_for_all_with_its_error(serve: Serve) -> None:
    server = serve()
    async with ready(server) as one, ready(server) as two:
        await joined(server, one, two)
        server.probe.numbers.broken = RuntimeError(SECRET)
        server.grow(0)
        for number, client in enumerate((one, two)):
            message = await client.receive()
            assert (message["id"], message["type"]) == (f"client-{number}", "error")
            assert message["payload"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert await one.drain() == []
        assert server.leftovers().keys() <= {"sockets", "connections", "tasks"}


async def test_a_stream_that_lost_its_database_closes_all_sockets_with_their_cursors(serve: Serve) -> None:
    server = serve()
    async with ready(server) as one, ready(server) as two, ready(server) as both:
        await joined(server, one, two)
        for key in ("a", "b"):
            await both.subscribe(key, NUMBERS)
        await until(lambda: server.telemetry.active == 4)
        server.grow(2)
        assert await cursors(one, 2) == await cursors(two, 2) == ["n1", "n2"]
        server.probe.numbers.broken = ClientError("SERVICE_UNAVAILABLE", "Try again.")
        server.grow(0)
        for client in (one, two):
            assert await client.closed() == (1013, 'The database is away: resume with `after: "n2"`.')
        assert sorted(await cursors(both, 4)) == ["n1", "n1", "n2", "n2"]
        assert await both.closed() == (1013, "The database is away: resume with `after` and the last cursor you have.")
    await until(lambda: not server.leftovers(), what="nothing to be left")


# Slow readers


def subscribe(peer: Stuck, after: str | None = None) -> None:
    payload = {"query": LONG, "variables": {"after": after}}
    peer.say(json.dumps({"id": "slow", "type": "subscribe", "payload": payload}))


def read_cursors(peer: Stuck, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        peer.protocol.receive_data(peer.socket.recv(1 << 16))
        for frame in peer.protocol.events_received():
            assert getattr(frame, "opcode", None) is Opcode.TEXT
            message = json.loads(bytes(frame.data))  # type: ignore[union-attr]
            if message["type"] == "next":
                found.append(message["payload"]["data"]["numbers"]["cursor"])
    return found


async def unsent(server: Server) -> list[int]:
    async def sizes() -> list[int]:
        return [socket.frames.transport.get_write_buffer_size() for socket in server.door.sockets]  # type: ignore[attr-defined]

    found: list[int] = await server.call(sizes)
    return found


async def test_a_slow_reader_costs_a_bounded_number_of_bytes_and_loses_nothing(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=60))
    async with stuck(server) as slow, ready(server) as quick:
        subscribe(slow)
        await joined(server, quick, query=LONG)
        await until(lambda: server.telemetry.active == 2)
        for _ in range(40):
            server.grow(10)
            await cursors(quick, 10)
        await until(lambda: server.door.hub.behind == 1, what="all but the slow reader to have caught up")
        assert max(await unsent(server)) < 262_144 + 2 * 65_536 + 50_100
        assert server.door.hub.bytes <= 262_144
        assert await asyncio.to_thread(read_cursors, slow, 400) == named(1, 400)
        await until(lambda: server.door.hub.behind == 0)
        server.grow(1)
        assert await asyncio.to_thread(read_cursors, slow, 1) == await cursors(quick, 1) == ["n401"]
        assert server.telemetry.overflowed == 0


async def test_a_client_that_stays_behind_is_closed_with_1013_and_its_cursor(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=0.5), close_seconds=PATIENCE)
    async with stuck(server) as slow, ready(server) as quick:
        subscribe(slow)
        await joined(server, quick, query=LONG)
        await until(lambda: server.telemetry.active == 2)
        for last in range(4, 401, 4):  # fits into the quick client's buffer
            server.grow(4)
            assert await cursors(quick, 4) == named(last - 3, last)
        await until(lambda: server.telemetry.overflowed == 1)
        await until(lambda: server.telemetry.active == 1)
        seen: list[str] = []

        def read() -> tuple[int | None, str | None]:
            while data := slow.socket.recv(1 << 20):
                slow.protocol.receive_data(data)
                slow.write()
                for frame in slow.protocol.events_received():
                    if getattr(frame, "opcode", None) is Opcode.TEXT:
                        seen.append(json.loads(bytes(frame.data))["payload"]["data"]["numbers"]["cursor"])  # type: ignore[union-attr]
            slow.protocol.receive_eof()
            return slow.protocol.close_code, slow.protocol.close_reason

        code, reason = await asyncio.to_thread(read)
        assert (code, reason) == (1013, f'Too slow to read: resume with `after: "{seen[-1]}"`.')
        assert 0 < len(seen) < 400
        assert await quick.drain() == []
    async with ready(server) as client:
        await client.subscribe("a", LONG, variables={"after": seen[-1]})
        seen += await cursors(client, 400 - len(seen))
    assert seen == named(1, 400)


async def test_stopping_names_the_cursor_of_a_socket_with_one_subscription(serve: Serve) -> None:
    server = serve()
    async with ready(server) as one, ready(server) as two, ready(server) as none:
        await joined(server, one)
        await two.subscribe("other", MIXED)
        await joined(server, two)
        await until(lambda: server.telemetry.active == 3)
        server.grow(3)
        assert await cursors(one, 3) == named(1, 3)
        assert len([await two.receive() for _ in range(6)]) == 6
        await server.call(server.door.close_all)
        generic = "Service restart: resume with `after` and the last cursor you have."
        assert await one.closed() == (1012, 'Service restart: resume with `after: "n3"`.')
        assert await two.closed() == (1012, generic)
        assert await none.closed() == (1012, generic)


async def test_stopping_names_the_start_of_a_subscription_without_events(serve: Serve) -> None:
    server = serve()
    server.grow(5)
    async with ready(server) as new, ready(server) as resumed:
        await new.subscribe("a", NUMBERS)
        await resumed.subscribe("a", NUMBERS, variables={"after": "n5"})
        await until(lambda: server.telemetry.active == 2)
        await server.call(server.door.close_all)
        for client in (new, resumed):
            assert await client.closed() == (1012, 'Service restart: resume with `after: "n5"`.')


# Limits


async def test_sockets_of_one_address_are_bounded(serve: Serve) -> None:
    server = serve(Settings(max_sockets_per_address=2))
    async with ready(server), ready(server) as last:
        with pytest.raises(InvalidStatus) as refusal:
            async with dial(server):
                pass
        assert refusal.value.response.status_code == 429
        (error,) = json.loads(refusal.value.response.body)["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert await last.drain() == []
    await until(lambda: not server.leftovers())
    assert not server.door.addresses
    async with ready(server):
        pass


async def test_a_thousand_subscriptions_on_one_socket_do_no_harm(serve: Serve) -> None:
    server = serve()
    async with ready(server) as greedy, ready(server) as other:
        await joined(server, other)
        for number in range(1_000):
            await greedy.subscribe(f"{number}", NUMBERS)
        refused = [await greedy.receive() for _ in range(900)]
        assert {message["type"] for message in refused} == {"error"}
        assert {message["payload"][0]["extensions"]["code"] for message in refused} == {"RATE_LIMITED"}
        await until(lambda: server.telemetry.active == 101)
        server.grow(1)
        assert await cursors(other, 1) == ["n1"]
        assert await cursors(greedy, 100) == ["n1"] * 100
        assert server.probe.numbers.answered == 1


async def test_a_client_that_sends_a_byte_at_a_time_is_understood(serve: Serve) -> None:
    server = serve()
    async with stuck(server) as slow, ready(server) as other:
        await joined(server, other)
        slow.protocol.send_text(
            json.dumps(
                {"id": "a", "type": "subscribe", "payload": {"query": "subscription { numbers { cursor } }"}}
            ).encode()
        )
        for data in slow.protocol.data_to_send():
            for byte in data:
                await asyncio.to_thread(slow.socket.sendall, bytes((byte,)))
        await until(lambda: server.telemetry.active == 2)
        server.grow(1)
        assert await asyncio.to_thread(read_cursors, slow, 1) == await cursors(other, 1) == ["n1"]
