"""The load: requests over keep-alive HTTP/1.1 connections on bare sockets, with little work for each.

A real client costs several times the CPU time of the fastest server of the comparison.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from time import perf_counter
from types import TracebackType
from typing import Self, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Refused(Exception):
    """The answer has another status than 200, or errors, or the server closed the connection."""


class _Connection(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[bytes] | None = None
        self._received = bytearray()
        self._end = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer. Raises Refused."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._end:
            head = self._received.find(b"\r\n\r\n")
            if head < 0:
                return
            length = _LENGTH.search(self._received, 0, head)
            self._end = head + 4 + int(length[1]) if length else 0
            if length is None or not self._received.startswith(b"HTTP/1.1 200"):
                self._fail(bytes(self._received))
                return
            self._body = head + 4
        if len(self._received) < self._end:
            return
        body = bytes(self._received[self._body : self._end])
        del self._received[: self._end]
        self._end = 0
        if b'"errors":' in body:
            self._fail(body)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(b"the connection was closed")

    def _fail(self, reason: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Refused(reason[:2_000].decode(errors="replace")))

    def close(self) -> None:
        self._transport.abort()


class Load:
    """A number of open connections to one server."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._connections = [_Connection() for _ in range(connections)]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for each in self._connections:
            await loop.create_connection(lambda each=each: each, "127.0.0.1", self._port)  # type: ignore[misc]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._connections:
            each.close()

    async def one(self, request: bytes) -> bytes:
        """Return the body of one request's answer. Raises Refused."""
        return await self._connections[0].ask(request)

    async def saturate(self, requests: Iterator[bytes], seconds: float) -> tuple[int, float]:
        """Keep every connection busy for this time. Returns the number of requests, at least one for each connection,
        and the actual seconds. Raises Refused.
        """
        began = perf_counter()
        count = 0

        async def ask(connection: _Connection) -> None:
            nonlocal count
            while True:
                await connection.ask(next(requests))
                count += 1
                if perf_counter() - began >= seconds:
                    return

        async with asyncio.TaskGroup() as tasks:
            for each in self._connections:
                tasks.create_task(ask(each))
        return count, perf_counter() - began

    async def pace(self, requests: Iterator[bytes], rate: float, count: int) -> list[float]:
        """Send `count` requests at this rate a second, regardless of pending answers. Returns the latencies in seconds.

        Without a free connection a request waits for one, and the wait counts. Raises Refused.
        """
        free: asyncio.Queue[_Connection] = asyncio.Queue()
        for each in self._connections:
            free.put_nowait(each)
        latencies = []

        async def ask(request: bytes, due: float) -> None:
            connection = await free.get()
            await connection.ask(request)
            latencies.append(perf_counter() - due)
            free.put_nowait(connection)

        began, sent = perf_counter(), 0
        async with asyncio.TaskGroup() as tasks:
            while sent < count:
                now = perf_counter()
                while sent < count and sent / rate <= now - began:
                    # Due now: timers have a resolution of a millisecond, which is not the server's delay.
                    tasks.create_task(ask(next(requests), now))
                    sent += 1
                await asyncio.sleep(0.001)
        return latencies
