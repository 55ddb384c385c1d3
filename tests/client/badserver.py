"""Bad luck: what stands between client and server, or in the server's place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """A server on a free port, by its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def saying(answer: bytes) -> Handler:
    """Reads a request's head and says this, whatever was asked."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Reads, and never answers."""
    while await reader.read(65536):
        pass


def http(body: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """An HTTP answer."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()


class Swallower:
    """Stands before a server, and hands on everything but the answers it swallows: then the connection breaks.

    `swallow`: so many answers are lost from their beginning. `bite`: one breaks off after so many bytes.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self.swallow = 0
        self.bite: int | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection(self._target.hostname, self._target.port)
        there = asyncio.create_task(self._hand_on(reader, before))
        try:
            while data := await behind.read(65536):
                if self.swallow:
                    self.swallow -= 1
                    writer.transport.abort()
                    return
                if self.bite is not None and (rest := self.bite - len(data)) <= 0:
                    writer.write(data[: self.bite])
                    self.bite = None
                    return
                self.bite = self.bite and rest
                writer.write(data)
                await writer.drain()
        finally:
            there.cancel()
            await asyncio.gather(there, return_exceptions=True)
            before.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()


class Sockets:
    """Speaks graphql-transport-ws: each new connection plays the next part, and notes the variables it was given."""

    def __init__(self, *parts: Callable[[ServerConnection, str], Awaitable[None]]) -> None:
        self._parts = list(parts)
        self.variables: list[dict[str, Any]] = []

    async def __call__(self, socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await socket.recv()
            await socket.send(json.dumps({"type": "connection_ack"}))
            subscribe = json.loads(await socket.recv())
            self.variables.append(subscribe["payload"]["variables"])
            await self._parts.pop(0)(socket, subscribe["id"])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """By its address."""
        subprotocols = [Subprotocol("graphql-transport-ws")]
        async with serve(self, "127.0.0.1", 0, subprotocols=subprotocols, compression=None) as server:
            yield "http://{}:{}".format(*next(iter(server.sockets)).getsockname())


def event(cursor: str) -> dict[str, Any]:
    """An event of a type that the client does not know."""
    return {
        "__typename": "OmenEvent",
        "cursor": cursor,
        "type": "OMEN_SEEN",
        "occurredAt": "2026-11-21T10:00:00.000Z",
        "subjectId": "omen_1",
    }


def telling(*cursors: str, close: int | None = None) -> Callable[[ServerConnection, str], Awaitable[None]]:
    """Sends events with these cursors, then closes with this code, or completes."""

    async def part(socket: ServerConnection, key: str) -> None:
        for cursor in cursors:
            await socket.send(json.dumps({"id": key, "type": "next", "payload": {"data": {"events": event(cursor)}}}))
        if close is None:
            await socket.send(json.dumps({"id": key, "type": "complete"}))
            await socket.wait_closed()
        else:
            await socket.close(close, "So it goes.")

    return part


class Flood:
    """Sends so many events as fast as they are taken, each of ten kilobytes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.sent = 0

    async def __call__(self, socket: ServerConnection, key: str) -> None:
        for number in range(self._count):
            data = {"events": event(str(number)) | {"padding": "x" * 10_000}}
            await socket.send(json.dumps({"id": key, "type": "next", "payload": {"data": data}}))
            self.sent += 1
        await socket.send(json.dumps({"id": key, "type": "complete"}))
        await socket.wait_closed()


def refusing(code: str) -> Callable[[ServerConnection, str], Awaitable[None]]:
    """Answers with an error of this code."""

    async def part(socket: ServerConnection, key: str) -> None:
        error = {"message": "No.", "extensions": {"code": code, "argument": "id"}}
        await socket.send(json.dumps({"id": key, "type": "error", "payload": [error]}))
        await socket.wait_closed()

    return part
