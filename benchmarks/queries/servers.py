"""The servers: each a process of its own, all on one core, and the load on the other."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tests.support import ROOT, Server, free_port, until

NODE = Path(__file__).parent / "node"
# Headers of an installed Node, for packages that are compiled: npm would download them otherwise.
_HEADERS = Path("/usr/include/node/node.h")

ASSAY, ENDPOINT, MERCURIUS, STRAWBERRY = "Assay", "Starlette", "Mercurius", "Strawberry"
# By their names on the command line.
PEERS = {"mercurius": MERCURIUS, "strawberry": STRAWBERRY}

Kind = Literal["assay", "plain", "peer"]


@dataclass(frozen=True, slots=True)
class Running:
    """A started server."""

    name: str
    kind: Kind
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process and its children so far, all threads included, in steps of 10 ms."""
        process = psutil.Process(self.pid)
        total = 0.0
        for each in (process, *process.children(recursive=True)):
            times = each.cpu_times()
            total += times.user + times.system
        return total


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Start the processes of this block on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def install_node() -> None:
    """Install Mercurius and its drivers by the lock file, if absent or of another lock file."""
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".installed"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        headers = {"npm_config_nodedir": "/usr"} if _HEADERS.exists() else {}
        command = ["npm", "ci", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, env=os.environ | headers, check=True)
        shutil.copyfile(lock, installed)


def _command(name: str, url: str, port: int) -> tuple[list[str], Path]:
    if name == MERCURIUS:
        return ["node", "mercurius.mjs", url, str(port)], NODE
    module = {ENDPOINT: "endpoint", STRAWBERRY: "orm"}[name]
    return [sys.executable, "-m", f"benchmarks.queries.{module}", url, str(port)], ROOT


async def _is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def _assay(folder: Path, url: str, core: int) -> AsyncIterator[Running]:
    settings: dict[str, object] = {"database_url": url, "workers": 0}
    server = Server(folder, settings, "assay")
    try:
        with on_core(core):
            await server.start()
        yield Running(ASSAY, "assay", server.port, server.process.pid)
    finally:
        await server.close()


@asynccontextmanager
async def _peer(name: str, url: str, core: int) -> AsyncIterator[Running]:
    port = free_port()
    command, folder = _command(name, url, port)
    with on_core(core):
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdin=asyncio.subprocess.DEVNULL)
    try:

        async def up() -> bool:
            if process.returncode is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}")
            return await _is_open(port)

        await until(up, what=f"{name} to listen")
        yield Running(name, "plain" if name == ENDPOINT else "peer", port, process.pid)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def servers(names: Sequence[str], folder: Path, url: str, core: int) -> AsyncIterator[list[Running]]:
    """Start these servers on one database and one core, and yield them in this order."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(_assay(folder, url, core) if name == ASSAY else _peer(name, url, core))
            for name in names
        ]
