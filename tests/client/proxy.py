"""A real HTTP proxy: it tunnels CONNECT, and forwards requests with a whole URL. It records both."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.streams import pass_on


class Proxy:
    """A proxy on a free port, with or without a password. `refusal` is an HTTP status for every request."""

    def __init__(self, *, user: str = "", refusal: int = 0) -> None:
        self.port = 0
        self.seen: list[str] = []
        """The request lines without the version, as `CONNECT 127.0.0.1:8000`."""
        self._authorization = f"Basic {base64.b64encode(user.encode()).decode()}" if user else ""
        self._refusal = refusal
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *fields = head.rstrip("\r\n").split("\r\n")
                method, target, _ = line.split(" ")
                self.seen.append(f"{method} {target}")
                headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
                refusal = self._refusal
                if self._authorization and headers.get("proxy-authorization") != self._authorization:
                    refusal = 407
                if refusal:
                    writer.write(f"HTTP/1.1 {refusal} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                elif method == "CONNECT":
                    host, _, port = target.rpartition(":")
                    await self._join(reader, writer, host, int(port), b"")
                else:
                    parts = urlsplit(target)
                    kept = [field for field in fields if not field.lower().startswith("proxy-")]
                    origin = f"{method} {parts.path}{'?' if parts.query else ''}{parts.query} HTTP/1.1"
                    request = "\r\n".join([origin, *kept, "Connection: close", "\r\n"]).encode("latin-1")
                    await self._join(reader, writer, parts.hostname or "", parts.port or 80, request)
        finally:
            writer.close()

    async def _join(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, request: bytes
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        if request:
            far_writer.write(request)
        else:
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        try:
            await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))
        finally:
            far_writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxying(*, user: str = "", refusal: int = 0) -> AsyncIterator[Proxy]:
    """Run a proxy."""
    proxy = Proxy(user=user, refusal=refusal)
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
