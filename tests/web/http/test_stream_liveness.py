"""What becomes of a stream over HTTP whose client is silent, slow or gone, and of all of them when the server stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.support import until
from tests.web.http.test_streams import APOLLO, BEGUN, EVENTS, PARTS, event, part, subscribe
from tests.web.http.toy import PATIENCE, Server
from tests.web.http.wire import Followed, Wire, head, refused

Serve = Callable[..., Server]

ENDLESS = "subscription { endless }"
FLOOD = "subscription { flood }"


def access(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Method and status of the requests that were logged; nothing else may have been."""
    assert {line["event"] for line in lines} <= {"request"}
    return [(line["method"], line["status"]) for line in lines]


@asynccontextmanager
async def stuck(server: Server) -> AsyncIterator[Wire]:
    """A connection with a small buffer, which reads nothing unless it is told to."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(PATIENCE)
        await asyncio.to_thread(connection.connect, ("127.0.0.1", server.port))
        wire = Wire(connection)
        with wire.reader:
            yield wire


def ask(wire: Wire, query: str, accept: str = EVENTS) -> None:
    wire.post(b'{"query":"%b"}' % query.encode(), accept)


# Heartbeats


def beats(followed: Followed, begun: bytes, first: bytes, beat: bytes) -> None:
    """Five heartbeats come, and the first event; one of them may come before it."""
    assert followed.chunk() == begun
    chunks: list[bytes | None] = []
    while chunks.count(beat) < 5 or first not in chunks:
        chunks.append(followed.chunk())
        assert chunks[-1] in (first, beat)
    assert chunks.count(first) == 1


async def test_heartbeats_while_there_is_nothing_to_say(serve: Serve) -> None:
    server = serve(streams={"heartbeat_seconds": 0.02})
    with server.dial() as wire:
        beats(subscribe(wire, ENDLESS, EVENTS), BEGUN, event({"data": {"endless": 0}}), b":\n\n")
    with server.dial() as wire:
        beats(subscribe(wire, ENDLESS, PARTS), b"---", part({"payload": {"data": {"endless": 0}}}), part({}))
    assert server.telemetry.subscriptions.delivered == 2


# Gone


@pytest.mark.parametrize("accept", [EVENTS, PARTS])
@pytest.mark.parametrize("query", [ENDLESS, FLOOD])
async def test_a_client_that_leaves_closes_its_source(
    server: Server, lines: list[dict[str, Any]], query: str, accept: str
) -> None:
    counted = server.telemetry.http.errors_total, server.telemetry.http.latency.count
    with server.dial() as wire:
        followed = subscribe(wire, query, accept)
        assert [followed.chunk() for _ in range(2)][1]
        assert server.telemetry.subscriptions.active == 1
    await server.settled()
    assert access(lines) == [("POST", 200)]
    # It is no error, and how long a client listened is no latency.
    assert (server.telemetry.http.errors_total, server.telemetry.http.latency.count) == counted


async def test_a_client_that_resets_its_connection(server: Server) -> None:
    with server.dial() as wire:
        followed = subscribe(wire, FLOOD, EVENTS)
        assert followed.chunk() == BEGUN
        wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await server.settled()


async def test_a_client_that_leaves_while_its_source_is_closing(server: Server) -> None:
    with server.holding():
        with server.dial() as wire:
            followed = subscribe(wire, ENDLESS, EVENTS)
            assert [followed.chunk() for _ in range(2)] == [BEGUN, event({"data": {"endless": 0}})]
        with server.dial() as wire:  # behind the other's leaving
            wire.post(b'{"query":"{ hello }"}')
            assert wire.answer().status_code == 200
        assert server.leftovers()["sources"] == 1
        assert server.streams.open == 1
    await server.settled()


async def test_a_hundred_clients_that_come_and_go(server: Server, lines: list[dict[str, Any]]) -> None:
    with ExitStack() as stack:
        wires = [stack.enter_context(server.dial()) for _ in range(100)]
        for number, wire in enumerate(wires):
            ask(wire, ENDLESS, (EVENTS, PARTS)[number % 2])
        await until(lambda: server.probe.opened - server.probe.closed == 100, what="the sources to be open")
        subscriptions = server.telemetry.subscriptions
        assert (subscriptions.active, subscriptions.connections, server.streams.open) == (100, 100, 100)
    await server.settled()
    assert access(lines) == [("POST", 200)] * 100


async def test_a_mutation_over_a_stream_goes_on_when_its_client_leaves(serve: Serve) -> None:
    server = serve()
    with server.dial() as wire:
        wire.post(b'{"query":"mutation { bumpLater }"}', EVENTS)
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
    with server.dial() as wire:  # behind the other's leaving
        wire.post(b'{"query":"{ hello }"}')
        assert wire.answer().status_code == 200
    server.loop.call_soon_threadsafe(server.probe.may_bump.set)
    await server.settled()
    assert (server.probe.bumped, server.probe.cancelled) == (1, 0)


async def test_a_query_over_a_stream_ends_when_its_client_leaves(server: Server) -> None:
    before = server.probe.cancelled
    with server.dial() as wire:
        wire.post(b'{"query":"{ slow }"}', EVENTS)
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
    await server.settled()
    assert server.probe.cancelled == before + 1


async def test_a_client_that_sends_for_ever_is_cut_off(serve: Serve) -> None:
    """The body of a GET means nothing, and has a limit all the same."""
    server = serve(max_body_bytes=1_000)
    with server.dial() as wire:
        wire.say(head("GET", EVENTS, "Transfer-Encoding: chunked", target="/graphql?query=subscription%7Bendless%7D"))
        followed = wire.follow()
        assert [followed.chunk() for _ in range(2)] == [BEGUN, event({"data": {"endless": 0}})]
        wire.say(b"%x\r\n%b\r\n" % (2_000, bytes(2_000)))
        assert followed.chunk() is None
    await server.settled()


# Slow readers


@pytest.mark.parametrize("accept", [EVENTS, PARTS])
async def test_a_reader_that_is_stuck_stops_its_source_and_is_ended(
    serve: Serve, lines: list[dict[str, Any]], accept: str
) -> None:
    server = serve(socket_send_seconds=0.5)
    async with stuck(server) as wire:
        with server.dial() as other:
            ask(wire, FLOOD, accept)
            followed = subscribe(other, ENDLESS, EVENTS)
            assert [followed.chunk() for _ in range(2)] == [BEGUN, event({"data": {"endless": 0}})]
            await until(lambda: server.telemetry.subscriptions.overflowed == 1, what="the reader to be given up")
            await until(lambda: server.telemetry.subscriptions.active == 1, what="its stream to be over")
            produced = server.probe.produced
            assert produced * 100_000 < 20_000_000  # what the kernel's buffers hold
            # What was sent before can still be read, and then it breaks off with no word of completion.
            chunks = await asyncio.to_thread(wire.follow().rest)
            assert chunks[-1] is None
            assert len(chunks) == 1 + produced
            assert server.probe.produced == produced
    await server.settled()
    assert access(lines) == [("POST", 200)] * 2
    assert server.telemetry.subscriptions.overflowed == 1


async def test_a_reader_that_is_slow_but_reads_loses_nothing(serve: Serve) -> None:
    server = serve(socket_send_seconds=5)
    async with stuck(server) as wire:
        ask(wire, "subscription { flood(size: 50000) }")
        produced = -1
        while produced != server.probe.produced:  # until the source waits
            produced = server.probe.produced
            await asyncio.sleep(0.1)
        followed = await asyncio.to_thread(wire.follow)
        chunks = await asyncio.to_thread(lambda: [followed.chunk() for _ in range(produced + 10)])
        assert chunks == [BEGUN, *[event({"data": {"flood": "x" * 50_000}})] * (produced + 9)]
        assert server.telemetry.subscriptions.overflowed == 0
    await server.settled()


# The server stops


async def test_stopping_breaks_streams_off_so_that_clients_come_back(serve: Serve, lines: list[dict[str, Any]]) -> None:
    server = serve()
    with server.dial() as one, server.dial() as other:
        events, parts = subscribe(one, ENDLESS, EVENTS), subscribe(other, ENDLESS, PARTS)
        for followed in (events, parts):
            assert [followed.chunk() is not None for _ in range(2)] == [True, True]
        await server.call(server.streams.close_all)
        assert server.streams.open == 0
        assert events.chunk() is None  # no `complete`, nor the end of a response
        message = "The server is stopping: subscribe again, with `after` and the last cursor you have."
        errors = [{"message": message, "extensions": {"code": "SERVICE_UNAVAILABLE"}}]
        assert parts.rest() == [part({"payload": None, "errors": errors}) + b"--\r\n", None]
    answer = await server.post(ENDLESS, accept=APOLLO)
    refused(answer, 503, "RATE_LIMITED")
    await server.settled()
    assert access(lines) == [("POST", 200), ("POST", 200), ("POST", 503)]


async def test_stopping_waits_for_sources_to_close_and_for_readers_no_longer_than_needed(serve: Serve) -> None:
    server = serve(streams={"close_seconds": 0.2}, socket_send_seconds=60)
    async with stuck(server) as wire:
        with server.dial() as other:
            ask(wire, FLOOD, PARTS)
            followed = subscribe(other, ENDLESS, EVENTS)
            assert [followed.chunk() for _ in range(2)] == [BEGUN, event({"data": {"endless": 0}})]
            await until(lambda: server.probe.opened == 2, what="both sources to be open")
            with server.holding():
                stopping = asyncio.create_task(server.call(server.streams.close_all))
                await until(lambda: server.streams.open == 1, what="the stuck one to be given up")
                assert not stopping.done()
                assert server.probe.closed == 1
            await stopping
            assert server.probe.closed == 2
            assert followed.chunk() is None
    assert server.telemetry.subscriptions.overflowed == 0
    await server.settled()


async def test_stopping_with_no_streams(serve: Serve) -> None:
    server = serve()
    await server.call(server.streams.close_all)
    await server.call(server.streams.close_all)
