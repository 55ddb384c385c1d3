"""Brokers that a test may break: a Redis of its own, and a road to any server that can be cut without a word."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support import free_port, until


class RedisServer:
    """Started and killed at will, on one port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self) -> None:
        """Returns when it answers."""
        self._spawn()
        await until(self._answers, what="Redis to answer")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """At once, as a crash does; nothing where it does not run."""
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
    """A TCP proxy. While it is `cut` nothing comes through and nothing is closed, as where a cable is pulled out."""

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
        """From now on what is sent is lost, and what was connected stays so; later connections work after `mend`."""
        self._open.clear()
        for task in self._tasks:
            task.cancel()

    def refuse(self) -> None:
        """Hang up on everybody, and from now on on who comes; later connections work after `mend`."""
        self._refuses = True
        for writer in self._writers:
            writer.close()

    def mend(self) -> None:
        """New connections go through. Those that were cut stay so."""
        self._refuses = False
        self._open.set()

    async def close(self) -> None:
        """Every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection."""
        self.connections += 1
        if self._refuses:
            writer.close()
            return
        self._writers.add(writer)
        await self._open.wait()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.close()


@asynccontextmanager
async def road_to(port: int) -> AsyncIterator[Road]:
    """A road to a port of this machine."""
    road = Road(port)
    server = await asyncio.start_server(road.take, "127.0.0.1", 0)
    road.port = server.sockets[0].getsockname()[1]
    try:
        yield road
    finally:
        server.close()
        await road.close()
