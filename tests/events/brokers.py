"""Brokers that a test may break: a separate Redis, and a proxy that stops forwarding or refuses connections."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.streams import pass_on
from tests.support import free_port, until


class RedisServer:
    """A Redis server that can be started and killed repeatedly, on one port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Start the server and wait until it responds."""
        self._spawn()
        await until(self._answers, what="Redis to answer")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the server, if it was started."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def _spawn(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.settimeout(1)
            connection.sendall(b"PING\r\n")
            return connection.recv(5) == b"+PONG"
        return False


class Road:
    """A TCP proxy. After `cut` it forwards nothing and closes nothing, like a pulled cable."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.connections = 0
        self._refuses = False
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Stop forwarding; connections stay open. Later connections wait for `mend`."""
        self._open.clear()
        for task in self._tasks:
            task.cancel()

    def refuse(self) -> None:
        """Close all connections, and refuse new ones until `mend`."""
        self._refuses = True
        for writer in self._writers:
            writer.close()

    def mend(self) -> None:
        """Forward new connections again. Connections from before a cut stay dead."""
        self._refuses = False
        self._open.set()

    async def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept a connection and forward it to the target."""
        self.connections += 1
        if self._refuses:
            writer.close()
            return
        self._writers.add(writer)
        await self._open.wait()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def road_to(port: int) -> AsyncIterator[Road]:
    """Run a proxy to a local port."""
    road = Road(port)
    server = await asyncio.start_server(road.take, "127.0.0.1", 0)
    road.port = server.sockets[0].getsockname()[1]
    try:
        yield road
    finally:
        server.close()
        await road.close()
