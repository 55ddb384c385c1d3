"""Measure the cost of one stream with many subscribers, beside other servers, and the cost of idle subscribers.

    python -m benchmarks.events_fanout fanout [--subscribers 1000] [--rounds 3] [--json FILE] [--svg FILE]
    python -m benchmarks.events_fanout idle [--sockets 1000 10000]

`fanout`: the servers take turns on one core, and the client has the other. All have the same subscription and the same
message. "In a row": each event is sent after every subscriber has the previous one. "Ten under way": at most ten events
are incomplete. "At once": many events, until every subscriber has them all. CPU is the user and system time of the
server process for each message to each subscriber. Finally, Assay alone at a tenth of its rate with ten under way:
milliseconds from the event's commit to each subscriber.

`idle`: the memory of Assay's process before and after it has accepted sockets with one subscription each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from time import monotonic
from typing import Any, cast

import aiohttp
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.chart import draw
from tests.support import ROOT, free_port, until

DOCUMENT = """subscription { events { cursor type occurredAt subjectId
  ... on AnalysisEvent { status progress { fraction step } error { code } } } }"""

NODE = ROOT / "benchmarks" / "events-node"
PYTHON = (sys.executable, "-m", "benchmarks.events_servers")
SERVERS: dict[str, tuple[Sequence[str], Path]] = {
    "Assay": ((*PYTHON, "assay"), ROOT),
    "Mercurius": (("node", "mercurius.mjs"), NODE),
    "graphql-ws on ws": (("node", "graphql-ws.mjs"), NODE),
    "Strawberry, broadcaster": ((*PYTHON, "strawberry"), ROOT),
}
MODES = ("in a row", "ten under way", "at once")
# Events in each mode: enough for a few seconds.
EVENTS = {"Assay": (150, 300, 500), "Strawberry, broadcaster": (8, 15, 15)}
OTHERS_EVENTS = (40, 60, 60)

_HANDSHAKE = (
    "GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Figure:
    """The figures of one server in one round."""

    server: str
    bytes: int
    rates: dict[str, float]
    cpu_us: dict[str, float]


def frame(message: object, opcode: int = 1) -> bytes:
    """Return a client's frame, masked with zeros."""
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    length = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
    return bytes((0x80 | opcode,)) + length + bytes(4) + payload


PONG = frame({"type": "pong"})


class Crowd:
    """All subscribers, and the number of messages that they have received."""

    def __init__(self) -> None:
        self.received = 0
        self.bytes = 0
        self.arrivals: list[float] | None = None
        self.members: list[Member] = []
        self._wanted = 0
        self._there = asyncio.Event()

    async def join(self, port: int, count: int) -> None:
        """Add subscribers, each acknowledged and subscribed."""
        loop = asyncio.get_running_loop()
        for start in range(0, count, 100):
            joining = []
            for number in range(start, min(start + 100, count)):
                address = f"127.0.0.{2 + number % 8}"  # one client address has about 28,000 ports
                connecting = loop.create_connection(lambda: Member(self), "127.0.0.1", port, local_addr=(address, 0))
                joining.append(connecting)
            for _, member in await asyncio.gather(*joining):
                self.members.append(member)
                await member.ready.wait()

    async def have(self, count: int) -> None:
        """Wait until all subscribers together have received `count` more messages."""
        self._wanted += count
        self.check()
        while self.received < self._wanted:
            self._there.clear()
            await self._there.wait()

    def check(self) -> None:
        if self.received >= self._wanted:
            self._there.set()

    def begin(self) -> None:
        """Count messages from now."""
        self._wanted = self.received
        self._there.clear()

    def leave(self) -> None:
        for member in self.members:
            member.transport.abort()


class Member(asyncio.Protocol):
    """One subscriber on a bare socket. It reads only the length of a message."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.ready = asyncio.Event()
        self.rest = b""
        self.shaken = False
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(_HANDSHAKE.encode())

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        if self.rest:
            data = self.rest + data
        if not self.shaken:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.rest = data
                return
            assert data.startswith(b"HTTP/1.1 101"), data[:500]
            self.shaken = True
            self.transport.write(frame({"type": "connection_init"}))
            data = data[end + 4 :]
        crowd = self.crowd
        at, size = 0, len(data)
        while at + 4 <= size:
            length = data[at + 1]
            begin = at + 2
            if length == 126:
                length = (data[at + 2] << 8) | data[at + 3]
                begin += 2
            if begin + length > size:
                break
            if length > 200:
                crowd.received += 1
                crowd.bytes = length
                if crowd.arrivals is not None:
                    crowd.arrivals.append(monotonic())
            else:
                self.small(data[at], data[begin : begin + length])
            at = begin + length
        self.rest = data[at:]
        crowd.check()

    def small(self, kind: int, payload: bytes) -> None:
        """Handle a message that is too short for an event: an acknowledgement or a ping."""
        if kind == 0x89:
            self.transport.write(frame(payload, 10))
        elif b'"connection_ack"' in payload:
            self.transport.write(frame({"id": "12345678", "type": "subscribe", "payload": {"query": DOCUMENT}}))
            self.ready.set()
        elif b'"ping"' in payload:
            self.transport.write(PONG)
        else:
            raise AssertionError(payload)


class Served:
    """A server pinned to the first core."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        command, folder = SERVERS[name]
        pinned = ("taskset", "-c", "0", *command, str(self.port))
        self.popen = subprocess.Popen(pinned, cwd=folder, stdout=subprocess.DEVNULL)
        self.process = psutil.Process(self.popen.pid)

    async def begin(self) -> None:
        """Wait until the server listens."""

        async def up() -> bool:
            assert self.popen.poll() is None, f"{self.name} has ended"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return False
            writer.close()
            return True

        await until(up, what=f"{self.name} to listen", seconds=60)

    @property
    def cpu(self) -> float:
        """Return the seconds of CPU so far."""
        times = self.process.cpu_times()
        return times.user + times.system

    def end(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


@contextmanager
def serving(name: str) -> Iterator[Served]:
    """Start a server, and stop it at the end."""
    served = Served(name)
    try:
        yield served
    finally:
        served.end()


async def publish(session: aiohttp.ClientSession, served: Served, count: int) -> float:
    """Make the server publish `count` events, and return the time of the last one."""
    async with session.post(f"http://127.0.0.1:{served.port}/publish/{count}", json={}) as response:
        answer = await response.json()
        at: float = answer["at"]
        return at


async def warm(session: aiohttp.ClientSession, served: Served, crowd: Crowd) -> None:
    """Publish events until one reaches all subscribers: subscriptions are not acknowledged."""

    async def reaches_all() -> bool:
        before = crowd.received
        await publish(session, served, 1)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if crowd.received == before + len(crowd.members):
                return True
        return False

    await until(reaches_all, what="all to be subscribed", seconds=120)
    crowd.begin()


async def measure(session: aiohttp.ClientSession, name: str, subscribers: int) -> tuple[Figure, list[float]]:
    """Measure one server; for Assay, also the delays at a tenth of its rate, in milliseconds."""
    delays: list[float] = []
    with serving(name) as served:
        await served.begin()
        crowd = Crowd()
        await crowd.join(served.port, subscribers)
        await warm(session, served, crowd)

        rates, cpu_us = {}, {}
        for mode, events in zip(MODES, EVENTS.get(name, OTHERS_EVENTS), strict=True):
            cpu, began = served.cpu, monotonic()
            if mode == "at once":
                await publish(session, served, events)
                await crowd.have(events * subscribers)
            else:
                under_way = 1 if mode == "in a row" else 10
                for number in range(1, events + 1):
                    await publish(session, served, 1)
                    if number >= under_way:
                        await crowd.have(subscribers)
                await crowd.have((under_way - 1) * subscribers)
            messages = events * subscribers
            rates[mode] = messages / (monotonic() - began)
            cpu_us[mode] = (served.cpu - cpu) / messages * 1e6
        if name == "Assay":
            pause = subscribers / (rates["ten under way"] / 10)
            for _ in range(100):
                crowd.arrivals = []
                await asyncio.sleep(pause)
                at = await publish(session, served, 1)
                await crowd.have(subscribers)
                delays += [(arrival - at) * 1000 for arrival in crowd.arrivals]
        figure = Figure(name, crowd.bytes, rates, cpu_us)
        assert not any(member.lost for member in crowd.members)
        crowd.leave()
    return figure, delays


async def fanout(given: argparse.Namespace, console: Console) -> None:
    """Measure all servers, print the table, and write the requested files."""
    rounds: list[Figure] = []
    delays: list[float] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as session:
        for number in range(given.rounds):
            for name in given.servers:
                figure, late = await measure(session, name, given.subscribers)
                rounds.append(figure)
                delays += late
                console.print(number + 1, figure)
    figures = [median_of([each for each in rounds if each.server == name]) for name in given.servers]
    table = Table(title=f"One stream to {given.subscribers:,} subscribers, on one core")
    table.add_column("")
    for mode in MODES:
        for column in (f"{mode}, 1/s", "µs of CPU"):
            table.add_column(column, justify="right")
    for each in figures:
        shown = [(f"{each.rates[mode]:,.0f}", f"{each.cpu_us[mode]:.1f}") for mode in MODES]
        table.add_row(f"{each.server} ({each.bytes} bytes)", *(text for pair in shown for text in pair))
    console.print(table)
    p50, p99 = (median(delays), quantiles(delays, n=100)[98]) if delays else (0.0, 0.0)
    console.print(f"Assay at a tenth of its rate, commit to client: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    if given.json:
        report: dict[str, Any] = {"rounds": [asdict(each) for each in rounds], "p50_ms": p50, "p99_ms": p99}
        given.json.write_text(json.dumps(report, indent=2) + "\n")
    if given.svg:
        title = "Microseconds of CPU for each message to each of 1,000 subscribers (less is better)"
        rows = [(each.server, [each.cpu_us[mode] for mode in MODES]) for each in figures]
        given.svg.write_text(draw(title, rows, MODES))


def median_of(figures: list[Figure]) -> Figure:
    """Return the median of each figure over the rounds."""
    rates = {mode: median(each.rates[mode] for each in figures) for mode in MODES}
    cpu_us = {mode: median(each.cpu_us[mode] for each in figures) for mode in MODES}
    return Figure(figures[0].server, figures[0].bytes, rates, cpu_us)


async def idle(given: argparse.Namespace, console: Console) -> None:
    """Measure the KiB of an idle socket, for each number of sockets."""
    async with aiohttp.ClientSession() as session:
        with serving("Assay") as served:
            await served.begin()
            crowd = Crowd()
            await crowd.join(served.port, 10)
            await warm(session, served, crowd)
            before = served.process.memory_info().rss
            for count in given.sockets:
                began = monotonic()
                await crowd.join(served.port, count + 10 - len(crowd.members))
                joined = monotonic() - began
                await warm(session, served, crowd)
                await asyncio.sleep(15)  # time for at least one ping of each socket
                rss, cpu = served.process.memory_info().rss, served.cpu
                await asyncio.sleep(10)
                busy = (served.cpu - cpu) / 10
                assert not any(member.lost for member in crowd.members)
                each = (rss - before) / 1024 / count
                console.print(
                    f"{count:,} idle: {each:.1f} KiB each, {rss / 1e6:.0f} MB total; joined in {joined:.1f} s; "
                    f"pings take {busy:.1%} of a core"
                )
            crowd.leave()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.events_fanout", description=__doc__.partition("\n")[0])
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("fanout")
    part.set_defaults(run=fanout)
    part.add_argument("--subscribers", type=int, default=1_000)
    part.add_argument("--rounds", type=int, default=3)
    part.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    part.add_argument("--json", type=Path)
    part.add_argument("--svg", type=Path)
    part = parts.add_parser("idle")
    part.set_defaults(run=idle)
    part.add_argument("--sockets", type=int, nargs="+", default=[1_000, 10_000])
    given = parser.parse_args()
    assert shutil.which("taskset"), "taskset of util-linux is required"
    if given.run is fanout and not (NODE / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True)
    os.sched_setaffinity(0, {1})
    uvloop.run(given.run(given, Console()))


if __name__ == "__main__":
    main()
