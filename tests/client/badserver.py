"""Faulty servers, and a faulty proxy between client and server."""

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
    """Run a server on a free port; yield its address."""
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
    """Return a handler that reads the head of a request and sends `answer`."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Read requests without an answer."""
    while await reader.read(65536):
        pass


def http(body: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    """Return an HTTP response."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()


class Swallower:
    """A proxy that drops responses of a server and breaks their connections.

    `swallow`: the number of responses to drop as a whole. `bite`: the byte after which the next response is cut off.
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
    """A graphql-transport-ws server: each connection runs the next part and records the variables."""

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
        """Run the server; yield its address."""
        subprotocols = [Subprotocol("graphql-transport-ws")]
        async with serve(self, "127.0.0.1", 0, subprotocols=subprotocols, compression=None) as server:
            yield "http://{}:{}".format(*next(iter(server.sockets)).getsockname())


def event(cursor: str) -> dict[str, Any]:
    """Return an event of a type unknown to the client."""
    return {
        "__typename": "OmenEvent",
        "cursor": cursor,
        "type": "OMEN_SEEN",
        "occurredAt": "2026-11-21T10:00:00.000Z",
        "subjectId": "omen_1",
    }


def telling(*cursors: str, close: int | None = None) -> Callable[[ServerConnection, str], Awaitable[None]]:
    """Return a part that sends events with these cursors, then closes with the code or completes."""

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
    """A part that sends `count` events of ten kilobytes, as fast as the client reads them."""

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
    """Return a part that sends an error with this code."""

    async def part(socket: ServerConnection, key: str) -> None:
        error = {"message": "No.", "extensions": {"code": code, "argument": "id"}}
        await socket.send(json.dumps({"id": key, "type": "error", "payload": [error]}))
        await socket.wait_closed()

    return part
