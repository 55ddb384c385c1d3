"""Measure the acceptance of a batch on an idle server, from the request's first byte to the answer's last byte.

    python -m benchmarks.submission [--rounds 5] [--before CHECKOUT]

It also measures the longest stall: during a further submission, a second client constantly requests `{ __typename }`,
and records its longest wait. CHECKOUT is another version of this program, measured in turns with this one. Then use the
last two columns, and on a machine with other load only the last one, the server's CPU time. Each batch is canceled
before the next one, so that every server is idle.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import sys
import tempfile
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.texts import TEXTS
from tests.support import ROOT, Server

SIZES = (1, 100, 1_000, 10_000)
REPEATS = {1: 30, 100: 10}
"""Submissions in a round by size, for sizes with more than one; their median counts."""

SUBMIT = """mutation ($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id totalItems } userErrors { message } }
}"""
CANCEL = "mutation ($id: ID!) { cancelBatch(input: { id: $id }) { batch { status } userErrors { message } } }"
STATUS = "query ($id: ID!) { batch(id: $id) { status } }"
ENDED = ("COMPLETED", "CANCELED", "TIMED_OUT")


def body_of(query: str, **variables: Any) -> bytes:
    """Return the body of a request."""
    return orjson.dumps({"query": query, "variables": variables})


def batch_of(size: int) -> bytes:
    """Return the body that submits a batch of this size."""
    items = [{"request": {"text": {"text": TEXTS[number % len(TEXTS)]}}} for number in range(size)]
    return body_of(SUBMIT, input={"items": items})


class Client:
    """A client with one persistent connection."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)

    def post(self, body: bytes) -> Any:
        """Run one operation and return its data."""
        self._connection.request("POST", "/graphql", body, {"content-type": "application/json"})
        answer = orjson.loads(self._connection.getresponse().read())
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"]

    def submit(self, body: bytes) -> tuple[float, str]:
        """Submit a batch, and return the milliseconds until its acceptance, and its id."""
        began = perf_counter()
        data = self.post(body)
        taken = (perf_counter() - began) * 1000
        return taken, data["batchProcess"]["batch"]["id"]

    def clear(self, batch_id: str) -> None:
        """Cancel the batch, and wait until it has ended."""
        self.post(body_of(CANCEL, id=batch_id))
        while self.post(body_of(STATUS, id=batch_id))["batch"]["status"] not in ENDED:
            sleep(0.05)


class Probe(threading.Thread):
    """A client that sends minimal queries in sequence, and records the longest wait in milliseconds."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._client = Client(server)
        self._done = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        body = body_of("{ __typename }")
        while not self._done.is_set():
            began = perf_counter()
            self._client.post(body)
            self.longest = max(self.longest, (perf_counter() - began) * 1000)

    def end(self) -> float:
        """Stop, and return the longest wait."""
        self._done.set()
        self.join()
        return self.longest


@dataclass
class Figures:
    """The figures of one server by the size of the batch, in milliseconds, one for each round."""

    accepted: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    stalled: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    computed: dict[int, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})

    def row(self, size: int) -> list[str]:
        """Return the medians of a size."""
        return [f"{median(each[size]):,.1f}" for each in (self.accepted, self.stalled, self.computed)]

    def to(self, before: Figures, size: int) -> list[str]:
        """Return the ratios to another server's figures: time until the answer, and CPU time."""
        pairs = ((self.accepted, before.accepted), (self.computed, before.computed))
        return [f"{median(a / b for a, b in zip(x[size], y[size], strict=True)):.2f}" for x, y in pairs]


def measure(server: Server, figures: Figures, size: int) -> None:
    """Run one round of one size."""
    client, body, process = Client(server), batch_of(size), psutil.Process(server.process.pid)
    taken, computed = [], 0.0
    for _ in range(REPEATS.get(size, 1)):
        began = sum(process.cpu_times()[:2])
        milliseconds, batch_id = client.submit(body)
        computed += sum(process.cpu_times()[:2]) - began
        taken.append(milliseconds)
        client.clear(batch_id)
    figures.accepted[size].append(median(taken))
    figures.computed[size].append(max(computed, 0.01) * 1000 / len(taken))  # the clock ticks a hundred times a second
    probe = Probe(server)
    probe.start()
    _, batch_id = client.submit(body)
    figures.stalled[size].append(probe.end())
    client.clear(batch_id)


def table_of(now: Figures, before: Figures | None) -> Table:
    """Format the medians as a table."""
    table = Table(title="Acceptance of a batch")
    columns = ["items", "accepted, ms", "longest stall, ms", "server's CPU, ms"]
    if before is not None:
        columns += ["before, ms", "stall before, ms", "CPU before, ms", "time ratio", "CPU ratio"]
    for column in columns:
        table.add_column(column, justify="right")
    for size in SIZES:
        row = [f"{size:,}", *now.row(size)]
        if before is not None:
            row += [*before.row(size), *now.to(before, size)]
        table.add_row(*row)
    return table


async def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.submission", description="Measure the acceptance of batches.")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds; the median counts")
    parser.add_argument("--before", type=Path, help="another checkout of this program, to measure in turns with this")
    given = parser.parse_args()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
        servers: list[tuple[Server, Figures]] = []
        for name, checkout in (("now", ROOT), ("before", given.before)):
            if checkout is None:
                continue
            server = Server(folder, {"log_level": "warning", "data_dir": folder / name}, name)
            server.command = (sys.executable, str(checkout.resolve() / "server.py"), "serve")
            await server.start()
            stack.push_async_callback(server.close)
            client = Client(server)
            client.clear(client.submit(batch_of(100))[1])  # processes started, statements compiled
            servers.append((server, Figures()))
        for _ in range(given.rounds):
            for size in SIZES:
                for server, figures in servers:
                    measure(server, figures, size)
    Console(width=140).print(table_of(servers[0][1], servers[1][1] if given.before else None))


if __name__ == "__main__":
    asyncio.run(main())
