"""Measure the processor time of one request: Assay's HTTP handling beside a plain Starlette endpoint, in turns.

    python -m benchmarks.http_cost [--rounds 7] [--requests 2000] [--checkout FOLDER]

`{ __typename }` by POST over eight kept connections. Assay answers it from its cache of introspections, so that the
difference is HTTP handling, checks, counters and access log. A second line is a page from the cache of answers: the
page is empty, so that the line shows the cost of a look-up. `--checkout` adds the server of another checkout. The
processor time is that of all threads of a server, on one core, without the time of its background tasks.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support import ROOT, Server, free_port, until

CONNECTIONS = 8
IDLE_SECONDS = 2
KEPT_SECONDS = 600  # longer than the turns of the other servers
BODY = b'{"query":"{ __typename }"}'
ANSWER = b'{"data":{"__typename":"Query"}}'
PAGE_BODY = b'{"query":"{ analyses(first: 20) { nodes { id status createdAt result { summary } } } }"}'
PAGE_ANSWER = b'{"data":{"analyses":{"nodes":[]}}}'


def request_of(body: bytes) -> bytes:
    """Return a request with this body."""
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\n"
        b"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    return head + body


def serve_plain(port: int) -> None:
    """Serve an endpoint that reads and writes JSON of the same size, without log and limits."""

    async def graphql(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(orjson.dumps({"data": {"__typename": "Query"}}), media_type="application/json")

    app = Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])
    uvicorn.run(app, port=port, log_level="error", access_log=False, ws="none", timeout_keep_alive=KEPT_SECONDS)


class Measured:
    """A server process and connections to it."""

    def __init__(
        self, name: str, pid: int, port: int, stack: ExitStack, *, body: bytes = BODY, answer: bytes = ANSWER
    ) -> None:
        self.name, self.pid = name, pid
        self.request, self.answer = request_of(body), answer
        address = ("127.0.0.1", port)
        self.connections = [stack.enter_context(socket.create_connection(address, 60)) for _ in range(CONNECTIONS)]
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {0})
        self.microseconds: list[float] = []
        began = self.processor_seconds()
        sleep(IDLE_SECONDS)
        self.idle_share = (self.processor_seconds() - began) / IDLE_SECONDS
        """Processor time of the background tasks, for each second."""

    def processor_seconds(self) -> float:
        """Return the processor time of all threads, in nanosecond steps."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def ask(self, requests: int) -> None:
        """Send requests on all connections at once, and read all answers."""
        for _ in range(requests // CONNECTIONS):
            for connection in self.connections:
                connection.sendall(self.request)
            for connection in self.connections:
                answer = b""
                while not answer.endswith(self.answer):
                    part = connection.recv(65_536)
                    assert part, "the server closed the connection"
                    answer += part

    def measure(self, requests: int) -> None:
        before, started = self.processor_seconds(), perf_counter()
        self.ask(requests)
        used = self.processor_seconds() - before - self.idle_share * (perf_counter() - started)
        self.microseconds.append(used / requests * 1e6)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def run(rounds: int, requests: int, checkout: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {}
        for name, root in (("assay", ROOT), ("checkout", checkout)):
            if root is not None:
                server = Server(Path(folder) / name, {"workers": 0, "keep_alive_seconds": KEPT_SECONDS}, name)
                server.command = (sys.executable, str(root / "server.py"), "serve")
                servers[name] = await server.start()
        port = free_port()
        command = (sys.executable, "-m", "benchmarks.http_cost", "--serve", str(port))
        plain = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
        try:
            await until(lambda: _listens(port), what="the plain server")
            measured = [Measured("plain Starlette", plain.pid, port, stack)]
            for name, each in servers.items():
                measured.append(Measured(name, each.process.pid, each.port, stack))
                name = f"{name}, page"
                measured.append(Measured(name, each.process.pid, each.port, stack, body=PAGE_BODY, answer=PAGE_ANSWER))
            for one in measured:
                one.ask(requests)
            for _ in range(rounds):
                for one in measured:
                    one.measure(requests)
        finally:
            plain.terminate()
            await plain.wait()
            stack.close()
            for server in servers.values():
                await server.close()
    floor = median(measured[0].microseconds)
    for one in measured:
        middle = median(one.microseconds)
        print(f"{one.name:<16} {middle:7.1f} µs, at best {min(one.microseconds):6.1f}, {middle / floor:.2f} of plain")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--checkout", type=Path)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve_plain(given.serve)
    else:
        asyncio.run(run(given.rounds, given.requests, given.checkout))
