"""Measure concurrent submissions: 1, 8 and 32 clients that each submit one text after the other, and a batch of 1,000.

    python -m benchmarks.submitters [--before CHECKOUT] [--database postgresql://…] [--rounds 5]

The servers take turns in each round: this checkout, the other one, and the floor, a plain Starlette endpoint that
commits the same texts with the same durability (`benchmarks.floor`). The queue is paused, so that no worker runs. CPU
time is that of the server's process; figures are medians of the rounds, ratios are medians of the rounds' ratios. With
`--database`, each server has its own new database there.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.submission import Client, batch_of, body_of
from benchmarks.texts import TEXTS
from store.sql.clock import utcnow
from store.sql.ids import new_id
from tests.support import ROOT, Server, run

# Requests of one round by the number of clients: about a second each on a quiet machine.
REQUESTS = {1: 100, 8: 400, 32: 960}
BATCHES, BATCH = 3, 1_000
SUBMIT = """mutation ($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status createdAt } userErrors { message } }
}"""
PAUSE = "mutation { pauseQueue(input: {}) { userErrors { message } } }"


class Floor(Server):
    """The plain endpoint, with the address and the figures of a server."""

    def _is_ready(self) -> bool:
        try:
            with psutil.Process(self.process.pid).oneshot():
                return any(each.laddr.port == self.port for each in psutil.Process(self.process.pid).net_connections())
        except psutil.Error:
            return False


@dataclass
class Subject:
    """A server, its requests and its figures by the kind of load: (requests a second, CPU µs of a request)."""

    name: str
    server: Server
    path: str
    figures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    def one(self) -> bytes:
        """Return the request that submits the next text."""
        text = TEXTS[next(self._numbers) % len(TEXTS)]
        if self.path == "/graphql":
            return self._request(body_of(SUBMIT, input={"request": {"text": {"text": text}}}))
        return self._request(orjson.dumps([_row(text)]))

    def many(self) -> bytes:
        """Return the request that submits a batch."""
        if self.path == "/graphql":
            return self._request(batch_of(BATCH))
        return self._request(orjson.dumps([_row(TEXTS[number % len(TEXTS)]) for number in range(BATCH)]))

    def _request(self, body: bytes) -> bytes:
        head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body

    async def measure(self, kind: str, requests: Sequence[Sequence[bytes]]) -> None:
        """Send these requests, those of each client in sequence, and add the figures."""
        process = psutil.Process(self.server.process.pid)
        before, began = sum(process.cpu_times()[:2]), perf_counter()
        await asyncio.gather(*(self._send(each) for each in requests))
        taken, total = perf_counter() - began, sum(map(len, requests))
        computed = sum(process.cpu_times()[:2]) - before
        self.figures.setdefault(kind, []).append((total / taken, computed / total * 1e6))

    async def _send(self, requests: Sequence[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        for request in requests:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            if b" 200 " not in head or b'"errors"' in body or b'"message"' in body:
                raise RuntimeError((head + body).decode())
        writer.close()
        await writer.wait_closed()


def _row(text: str) -> dict[str, object]:
    now = utcnow().isoformat()
    empty = {"attempt": 0, "finished_at": None, "result": None}
    return {"id": new_id("analysis"), "status": "QUEUED", "priority": 5, "input_text": text, "created_at": now} | empty


def table_of(subjects: Sequence[Subject]) -> Table:
    """Format the medians, and the ratios of the first server to the others."""
    first, *others = subjects
    table = Table(title="Submissions")
    columns = ["load", *(f"{each.name}: {unit}" for each in subjects for unit in ("1/s", "CPU µs"))]
    for column in [*columns, *(f"{unit} / {each.name}" for each in others for unit in ("1/s", "CPU"))]:
        table.add_column(column, justify="right")
    for kind in first.figures:
        row = [f"{median(each):,.0f}" for subject in subjects for each in zip(*subject.figures[kind], strict=True)]
        for other in others:
            pairs = list(zip(first.figures[kind], other.figures[kind], strict=True))
            row += [f"{median(a[at] / b[at] for a, b in pairs):.2f}" for at in (0, 1)]
        table.add_row(kind, *row)
    return table


async def new_database(stack: AsyncExitStack, url: str) -> str:
    """Create a PostgreSQL database, dropped at the end, and return its URL."""
    administrator = await asyncpg.connect(url)
    stack.push_async_callback(administrator.close)
    name = f"assay_bench_{new_id('analysis')[-12:]}"
    await administrator.execute(f"CREATE DATABASE {name}")
    stack.push_async_callback(administrator.execute, f"DROP DATABASE {name} WITH (FORCE)")
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def start(stack: AsyncExitStack, folder: Path, name: str, checkout: Path | None, url: str | None) -> Subject:
    """Start the server of a checkout, or the floor (None)."""
    database = url and await new_database(stack, url)
    if checkout is None:
        server: Server = Floor(folder, {}, name)
        server.command = (
            sys.executable,
            "-m",
            "benchmarks.floor",
            database or str(folder / "floor.db"),
            f"{server.port}",
        )
    else:
        settings: dict[str, object] = {"log_level": "warning", "data_dir": folder / name}
        server = Server(folder, settings | ({"database_url": database} if database else {}), name)
        server.command = (sys.executable, str(checkout / "server.py"), "serve")
        if database:
            run(sys.executable, checkout / "server.py", "migrate", env={"ASSAY_DATABASE_URL": database})
    await server.start()
    stack.push_async_callback(server.close)
    subject = Subject(name, server, "/analyses" if checkout is None else "/graphql")
    if checkout is not None:
        client = Client(server)
        client.post(body_of(PAUSE))
    for kind in (subject.one(), subject.many()):  # statements compiled
        await subject.measure("", [[kind]])
    subject.figures.clear()
    return subject


async def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.submitters", description="Measure concurrent submissions.")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds; the median counts")
    parser.add_argument(
        "--before",
        type=lambda path: Path(path).resolve(),
        help="another checkout of this program, to measure in turns with this",
    )
    parser.add_argument("--database", help="address of a PostgreSQL for new databases; SQLite without it")
    given = parser.parse_args()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
        checkouts = {"now": ROOT} | ({"before": given.before} if given.before else {}) | {"floor": None}
        subjects = [await start(stack, folder, *each, given.database) for each in checkouts.items()]
        for _ in range(given.rounds):
            for clients, requests in REQUESTS.items():
                for subject in subjects:
                    each = [[subject.one() for _ in range(requests // clients)] for _ in range(clients)]
                    await subject.measure(f"{clients} clients", each)
            for subject in subjects:
                await subject.measure(f"batch of {BATCH:,}", [[subject.many() for _ in range(BATCHES)]])
    Console(width=180).print(table_of(subjects))


if __name__ == "__main__":
    asyncio.run(main())
