"""Handshakes by their bytes: their size, their time limit, and the limit of an address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from settings import Settings
from tests.support import until
from tests.web.websocket.toy import Server, dial, ready

Serve = Callable[..., Server]


def handshake(*headers: str, path: str = "/graphql") -> bytes:
    lines = (
        f"GET {path} HTTP/1.1",
        "Host: localhost",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol: graphql-transport-ws",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode()


async def opened(server: Server, *pieces: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection and send pieces of a handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
    return reader, writer


@pytest.mark.parametrize(
    "headers",
    [
        [f"Cookie: session={'x' * 12_000}"],
        [f"Cookie: session={'x' * 60_000}"],
        [f"X-Note-{number}: v" for number in range(150)],
        ["X-Note: \u00ff"],
    ],
    ids=["12 kB", "60 kB", "150 headers", "not ASCII"],
)
async def test_a_large_handshake_is_accepted(server: Server, headers: list[str]) -> None:
    reader, writer = await opened(server, handshake(*headers))
    assert await reader.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
    writer.close()


async def test_a_url_of_this_host_is_accepted(server: Server) -> None:
    _, writer = await opened(server, handshake(path="http://localhost/graphql"))
    await until(lambda: len(server.door.sockets) == 1, what="the socket to open")
    writer.close()


@pytest.mark.parametrize("path", ["/graphql", "/silent"])
async def test_one_time_limit_ends_a_handshake(serve: Serve, path: str) -> None:
    """An unfinished head, and a head whose handshake the application does not finish."""
    server = serve(header_seconds=0.5)
    whole = handshake(path=path)
    reader, writer = await opened(server, whole[:-2] if path == "/graphql" else whole)
    assert await reader.read() == b""
    writer.close()


async def test_an_open_socket_outlives_the_time_limit(serve: Serve) -> None:
    server = serve(header_seconds=0.5)
    async with ready(server) as client:
        reader, writer = await opened(server)
        assert await reader.read() == b""  # opened later, and ended by its limit
        writer.close()
        assert await client.drain() == []


async def test_half_open_connections_count_as_sockets(serve: Serve) -> None:
    server = serve(Settings(max_sockets_per_address=2), half_open_seconds=0.05)
    half_open = server.door.half_open
    async with ready(server) as client:
        _, half = await opened(server, handshake()[:-2])
        await until(lambda: half_open == {"127.0.0.1": 1}, what="the connection to be counted")
        reader, writer = await opened(server, handshake())
        assert await reader.readline() == b"HTTP/1.1 429 Too Many Requests\r\n"
        assert b"An address can have at most 2 open sockets and unfinished requests" in await reader.read()
        writer.close()
        assert await client.drain() == []
        half.write(b"\r\n")  # the handshake completes, and the socket takes the place
        await until(lambda: len(server.door.sockets) == 2, what="the socket to open")
        assert not half_open
        half.close()
    await until(lambda: not server.leftovers())
    async with dial(server) as client:
        await client.send({"type": "connection_init"})
        assert (await client.receive())["type"] == "connection_ack"
