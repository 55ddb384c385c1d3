"""WebSockets with silent, slow and disconnected clients, and while the server stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from settings import Settings
from tests.support import until
from tests.web.websocket.toy import PATIENCE, Server, dial, ready

Serve = Callable[..., Server]

RESUME = "Too slow to read: resume with `after` and the last cursor you have."


class Stuck:
    """A client on a plain socket with a small buffer that reads only on demand."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", server.port))
        self.protocol = ClientProtocol(
            parse_uri(server.url), subprotocols=[Subprotocol("graphql-transport-ws")], max_size=None
        )
        self.protocol.send_request(self.protocol.connect())
        self.write()
        self.read_one()  # the answer to the handshake
        self.say('{"type":"connection_init"}')
        self.read_one()  # the acknowledgement

    def say(self, text: str) -> None:
        self.protocol.send_text(text.encode())
        self.write()

    def write(self) -> None:
        for data in self.protocol.data_to_send():
            self.socket.sendall(data)

    def read_one(self) -> None:
        while not self.protocol.events_received():
            self.protocol.receive_data(self.socket.recv(4096))

    def read_to_the_end(self) -> tuple[int | None, str | None]:
        """Read until the end of the connection. Returns the close code and the reason."""
        while data := self.socket.recv(1 << 20):
            self.protocol.receive_data(data)
            self.write()
        self.protocol.receive_eof()
        return self.protocol.close_code, self.protocol.close_reason


@asynccontextmanager
async def stuck(server: Server) -> AsyncIterator[Stuck]:
    peer = await asyncio.to_thread(Stuck, server)
    try:
        yield peer
    finally:
        peer.socket.close()


def flood(key: str = "a", size: int = 100_000) -> str:
    return f'{{"id":"{key}","type":"subscribe","payload":{{"query":"subscription {{ flood(size: {size}) }}"}}}}'


# Pings


async def silence(server: Server) -> None:
    """Simulate one ping interval without a message from any client."""

    async def pass_by() -> None:
        for each in server.door.sockets:
            each._heard -= server.door.ping_seconds
            each._timer.cancel()
            each._ping()

    await server.call(pass_by)


@pytest.mark.parametrize("message", [{"type": "pong"}, {"type": "complete", "id": "none"}])
async def test_the_server_pings_and_keeps_clients_that_send_anything(serve: Serve, message: dict[str, str]) -> None:
    server = serve(ping_seconds=60)
    async with ready(server) as client:
        (its,) = server.door.sockets
        for _ in range(3):
            before = its._heard
            await silence(server)
            await client.expect({"type": "ping"})
            await client.send(message)
            await until(lambda: its._heard >= before, what="the message to be heard")  # noqa: B023
        await silence(server)
        await silence(server)
        assert await client.closed() == (4499, "No answer to ping")


async def test_a_peer_that_does_not_answer_pings_is_dropped(serve: Serve) -> None:
    server = serve(ping_seconds=0.1)
    async with ready(server) as client:
        assert await client.closed() == (4499, "No answer to ping")
        await until(lambda: not server.leftovers())


async def test_a_stopped_peer_is_dropped_without_its_close_frame(serve: Serve) -> None:
    server = serve(ping_seconds=60, close_seconds=0.2)
    async with stuck(server) as peer:
        peer.say('{"id":"a","type":"subscribe","payload":{"query":"subscription { endless }"}}')
        await until(lambda: server.probe.opened == 1)
        await silence(server)
        await silence(server)
        await until(lambda: not server.door.sockets)
        assert server.probe.open == 0


# Slow readers


async def test_a_stuck_reader_stops_its_source_and_is_closed_with_1013(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=0.5), close_seconds=PATIENCE)
    async with stuck(server) as peer, ready(server) as other:
        peer.say(flood())
        await until(lambda: server.telemetry.overflowed == 1)
        await until(lambda: server.probe.open == 0)
        assert server.telemetry.active == 0
        produced = server.probe.produced
        assert produced * 100_000 < 20_000_000  # the capacity of the kernel's buffers
        assert await other.drain() == []
        assert server.probe.produced == produced
        assert await asyncio.to_thread(peer.read_to_the_end) == (1013, RESUME)
    assert server.telemetry.overflowed == 1


async def test_a_reader_that_never_reads_again_is_dropped(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=2), close_seconds=0.2)
    async with stuck(server) as peer:
        for number in range(10):
            peer.say(flood(f"{number}"))
        await until(lambda: server.probe.opened == 10)
        await until(lambda: not server.leftovers())
        assert server.telemetry.overflowed == 1


async def test_a_reader_that_is_slow_but_reads_loses_nothing(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=5))
    async with stuck(server) as peer:
        peer.say(flood(size=50_000))
        produced = -1
        while produced != server.probe.produced:  # until the source is blocked
            produced = server.probe.produced
            await asyncio.sleep(0.1)
        events = [0]

        def read() -> None:
            while events[0] < produced + 10:
                peer.protocol.receive_data(peer.socket.recv(1 << 16))
                for frame in peer.protocol.events_received():
                    assert getattr(frame, "opcode", None) is Opcode.TEXT
                    events[0] += 1

        await asyncio.to_thread(read)
        assert server.telemetry.overflowed == 0
        assert server.probe.open == 1


async def test_a_flood_of_pings_with_unread_answers_ends_the_socket(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=0.2), close_seconds=0.2)
    ping = '{"type":"ping","payload":{"x":"' + "x" * 100_000 + '"}}'
    async with stuck(server) as peer:
        peer.socket.settimeout(None)

        def flood_pings() -> None:
            try:
                while True:
                    peer.say(ping)
            except OSError:
                pass

        flooding = asyncio.create_task(asyncio.to_thread(flood_pings))
        await until(lambda: server.telemetry.overflowed == 1)
        await until(lambda: not server.door.sockets)
        peer.socket.shutdown(socket.SHUT_RDWR)
        await flooding


# Disconnects


def cut(connection: ClientConnection) -> None:
    """Disconnect without a close frame."""
    connection.transport.abort()


def leave(connection: ClientConnection) -> None:
    connection.protocol.send_close(1000)
    connection.send_data()


@pytest.mark.parametrize("go", [cut, leave])
async def test_nothing_is_left_after_a_disconnect(server: Server, go: Callable[[ClientConnection], None]) -> None:
    queries = ("subscription { endless }", "subscription { ticks }", "subscription { flood }", "{ endless }")
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ready(server)) for _ in range(5)]
        for client in clients:
            for key, query in enumerate(queries):
                await client.subscribe(f"{key}", query)
        await until(lambda: server.probe.open == 20)
        for client in clients:
            go(client.connection)
        await until(lambda: not server.leftovers())
        for client in clients:
            cut(client.connection)


@pytest.mark.parametrize("go", [cut, leave])
async def test_a_mutation_continues_after_its_client_disconnects_from_the_socket(
    serve: Serve, go: Callable[[ClientConnection], None]
) -> None:
    server = serve()
    async with ready(server) as client, ready(server) as other:
        await client.subscribe("a", "mutation { bumpLater }")
        await client.subscribe("b", "{ endless }")
        await until(lambda: server.probe.open == 2)
        go(client.connection)
        await until(lambda: server.probe.open == 1, what="the query to be cancelled")
        server.loop.call_soon_threadsafe(server.probe.may_bump.set)
        await until(lambda: server.probe.bumped == 1, what="the mutation to end")
        await until(lambda: len(server.door.sockets) == 1, what="its socket to be over")
        assert await other.drain() == []
        cut(client.connection)


async def test_a_disconnect_while_a_stream_is_closing(server: Server) -> None:
    async with ready(server) as client:
        await client.subscribe("a", "subscription { endless }")
        assert (await client.receive())["type"] == "next"
        with server.holding():
            await client.send({"type": "complete", "id": "a"})
            await client.drain()
            cut(client.connection)
            await until(lambda: server.telemetry.active == 1 and len(server.door.sockets) == 1)
            assert server.probe.open == 1
    await until(lambda: not server.leftovers())


async def test_a_hundred_sockets_open_and_close(server: Server) -> None:
    for _ in range(100):
        async with ready(server) as client:
            await client.subscribe("a", "subscription { ticks }")
            assert (await client.receive())["type"] == "next"
    await until(lambda: not server.leftovers())


# The server stops


async def test_stopping_tells_every_socket_how_to_resume(serve: Serve) -> None:
    server = serve()
    async with ready(server) as one, ready(server) as two, dial(server) as silent:
        for client in (one, two):
            for key in "ab":
                await client.subscribe(key, "subscription { endless }")
                assert (await client.receive())["type"] == "next"
        await until(lambda: len(server.door.sockets) == 3)
        await server.call(server.door.close_all)
        assert server.leftovers().keys() <= {"tasks"}  # uvicorn's tasks, until the closing handshake ends
        for client in (one, two, silent):
            assert await client.closed() == (
                1012,
                "Service restart: resume with `after` and the last cursor you have.",
            )
        with pytest.raises(InvalidStatus) as refusal:
            async with dial(server):
                pass
        assert refusal.value.response.status_code == 503


async def test_stopping_waits_for_streams_to_close_and_for_readers_no_longer_than_needed(serve: Serve) -> None:
    server = serve(Settings(socket_send_seconds=60), close_seconds=0.2)
    async with ready(server) as client, stuck(server) as peer:
        await client.subscribe("a", "subscription { endless }")
        assert (await client.receive())["type"] == "next"
        peer.say(flood())
        await until(lambda: server.probe.open == 2)
        with server.holding():
            stopping = asyncio.create_task(server.call(server.door.close_all))
            assert (await client.closed())[0] == 1012
            await until(lambda: len(server.door.sockets) == 1)
            assert not stopping.done()
        await stopping
        assert server.probe.open == 0
    assert server.telemetry.overflowed == 0


async def test_stopping_waits_a_while_for_mutations(serve: Serve) -> None:
    server = serve(close_seconds=PATIENCE)
    async with ready(server) as client:
        await client.subscribe("a", "mutation { bumpLater }")
        await until(lambda: server.probe.open == 1)
        stopping = asyncio.create_task(server.call(server.door.close_all))
        assert (await client.closed())[0] == 1012
        assert not stopping.done()
        server.loop.call_soon_threadsafe(server.probe.may_bump.set)
        await stopping
        assert (server.probe.bumped, server.probe.open) == (1, 0)


async def test_stopping_waits_no_longer_for_mutations_than_for_readers(serve: Serve) -> None:
    server = serve(close_seconds=0.1)
    async with ready(server) as client:
        await client.subscribe("a", "mutation { bumpLater }")
        await until(lambda: server.probe.open == 1)
        await server.call(server.door.close_all)
        assert (server.probe.bumped, server.probe.open) == (0, 0)
        assert (await client.closed())[0] == 1012


async def test_stopping_with_no_sockets(serve: Serve) -> None:
    server = serve()
    await server.call(server.door.close_all)
    await server.call(server.door.close_all)


async def test_sigterm_ends_the_server_with_sockets_open(serve: Serve) -> None:
    server = serve()
    async with ready(server) as client:
        await client.subscribe("a", "subscription { ticks }")
        assert (await client.receive())["type"] == "next"
        server.stop()
        assert (await client.closed())[0] == 1012
        await until(lambda: server.probe.open == 0)
        await until(lambda: not server.running)
