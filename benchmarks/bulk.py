"""Measure a batch of a million items: submission from a file, execution by a real server, export, and memory.

    python -m benchmarks.bulk [--items 1000000] [--operations STATISTICS] [--subscribers 0] [--svg FILE] [--json FILE]

Once a second, it records the resident memory of the server and of its child processes, and the number of ended items.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import aiohttp
import orjson
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.texts import TEXTS
from tests.support import ROOT, Server

BATCH = "query ($id: ID!) { batch(id: $id) { status totalItems queued running processed failed } }"
RESULTS = """query ($id: ID!, $after: String) { batch(id: $id) {
  results(first: 100, after: $after) { nodes { id status result { summary } } pageInfo { endCursor } } } }"""
EVENTS = "subscription ($id: ID!) { events(filter: { batchId: $id }) { cursor type } }"


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurements of one second. Memory is in MB."""

    second: float
    phase: str
    server_mb: float
    processes_mb: float
    ended: int


@dataclass(slots=True)
class Run:
    """All measurements of a run."""

    items: int
    seconds: dict[str, float] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def write_file(path: Path, items: int, operations: list[str]) -> None:
    """Write a file with this number of lines."""
    with path.open("wb") as file:
        for n in range(items):
            request = {"text": TEXTS[n % len(TEXTS)], "operations": operations}
            file.write(orjson.dumps({"key": f"row-{n}", "request": {"text": request}}) + b"\n")


class Watch:
    """Samples of the server, one a second, each with the name of the current phase."""

    def __init__(self, server: Server, session: aiohttp.ClientSession, run: Run) -> None:
        self.phase = "idle"
        self.batch_id = ""
        self._server = server
        self._session = session
        self._run = run
        self._began = perf_counter()

    async def ask(self, query: str, **variables: Any) -> Any:
        """Run one operation and return its data."""
        async with self._session.post(self._server.url, json={"query": query, "variables": variables}) as response:
            answer = await response.json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"]

    async def batch(self) -> dict[str, Any] | None:
        """Return the current state of the batch; None before its submission."""
        found: dict[str, Any] | None = (await self.ask(BATCH, id=self.batch_id))["batch"] if self.batch_id else None
        return found

    async def look(self) -> dict[str, Any] | None:
        """Take one sample, and return the batch."""
        process = psutil.Process(self._server.process.pid)
        children = 0
        for child in process.children(recursive=True):
            try:
                children += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        batch = await self.batch()
        ended = 0 if batch is None else batch["totalItems"] - batch["queued"] - batch["running"]
        self._run.samples.append(
            Sample(
                second=round(perf_counter() - self._began, 1),
                phase=self.phase,
                server_mb=round(process.memory_info().rss / 1e6, 1),
                processes_mb=round(children / 1e6, 1),
                ended=ended,
            )
        )
        return batch

    async def run(self) -> None:
        """Take samples until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(1)

    @asynccontextmanager
    async def timed(self, phase: str) -> AsyncIterator[None]:
        """Name and time the phase of the enclosed code."""
        self.phase = phase
        began = perf_counter()
        yield
        self._run.seconds[phase] = perf_counter() - began
        self.phase = "idle"


async def subscriber(server: Server, session: aiohttp.ClientSession, batch_id: str, seen: list[int]) -> None:
    """Count all events of the batch."""
    async with session.ws_connect(server.ws_url, protocols=["graphql-transport-ws"], max_msg_size=0) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.send_json(
            {"type": "subscribe", "id": "1", "payload": {"query": EVENTS, "variables": {"id": batch_id}}}
        )
        seen.append(0)
        async for message in socket:
            if '"type":"next"' in message.data[:200]:
                seen[-1] += 1
            elif '"type":"ping"' in message.data[:40]:
                await socket.send_json({"type": "pong"})


async def submit(server: Server, path: Path, watch: Watch, on_start: Callable[[str], Awaitable[None]]) -> None:
    """Run `server.py submit` to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "server.py", "submit", str(path)),
        cwd=ROOT,
        env=server.environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    watch.batch_id = (await process.stdout.readline()).decode().strip()
    await on_start(watch.batch_id)
    if await process.wait():
        raise RuntimeError("submit failed")


async def page_times(watch: Watch, items: int) -> tuple[float, float]:
    """Return the milliseconds for a page of 100 results at the start of the batch and near its end, medians of 50."""
    listing = f"results {watch.batch_id}"
    times: list[list[float]] = [[], []]
    for _ in range(50):
        for which, position in enumerate((99, max(99, items - 200))):
            after = urlsafe_b64encode(orjson.dumps([listing, position])).decode().rstrip("=")
            began = perf_counter()
            page = await watch.ask(RESULTS, id=watch.batch_id, after=after)
            times[which].append((perf_counter() - began) * 1000)
            assert len(page["batch"]["results"]["nodes"]) == min(100, items - position - 1)
    return median(times[0]), median(times[1])


async def measure(items: int, operations: list[str], subscribers: int, console: Console) -> Run:
    """Run the whole benchmark on a new server."""
    run = Run(items)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bulk-")))
        console.print(f"writing a file of {items:,} lines")
        write_file(folder / "items.jsonl", items, operations)
        server = await Server(folder, {"log_level": "warning"}).start()
        stack.push_async_callback(server.kill)
        session = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_read=None))
        )
        watch = Watch(server, session, run)
        watching = asyncio.create_task(watch.run())
        stack.callback(watching.cancel)
        seen: list[int] = []
        listeners: list[asyncio.Task[None]] = []

        async def subscribe(batch_id: str) -> None:
            listeners.extend(
                asyncio.create_task(subscriber(server, session, batch_id, seen)) for _ in range(subscribers)
            )

        console.print("submitting")
        began = perf_counter()
        async with watch.timed("submit"):
            await submit(server, folder / "items.jsonl", watch, subscribe)
        console.print(f"submitted after {run.seconds['submit']:,.1f} s; running")
        async with watch.timed("run"):
            while True:
                batch = await watch.batch()
                assert batch is not None
                if batch["status"] not in ("QUEUED", "RUNNING"):
                    break
                if watching.done():
                    watching.result()
                await asyncio.sleep(0.5)
        run.seconds["total"] = perf_counter() - began
        assert (batch["status"], batch["processed"]) == ("COMPLETED", items), batch
        console.print(f"ended after {run.seconds['total']:,.1f} s; exporting")
        async with watch.timed("export"):
            lines = size = 0
            async with session.get(f"{server.address}/batches/{watch.batch_id}/results.jsonl") as response:
                async for chunk in response.content.iter_any():
                    lines += chunk.count(b"\n")
                    size += len(chunk)
        assert lines == items, lines
        run.figures["export_mb"] = size / 1e6
        run.figures["database_mb"] = (server.data_dir / "assay.db").stat().st_size / 1e6
        run.figures["first_page_ms"], run.figures["last_page_ms"] = await page_times(watch, items)
        if subscribers:
            run.figures["events_seen"] = min(seen)
        for listener in listeners:
            listener.cancel()
    return run


def rates(samples: list[Sample], parts: int = 10) -> list[float]:
    """Return the items ended a second, for each tenth of the items."""
    ends = [sample for sample in samples if sample.phase in ("submit", "run")]
    total = ends[-1].ended
    found = []
    start = next((sample for sample in ends if sample.ended), ends[0])
    for part in range(1, parts + 1):
        end = next((sample for sample in ends if sample.ended >= total * part // parts), ends[-1])
        found.append((end.ended - start.ended) / max(end.second - start.second, 0.001))
        start = end
    return found


def level(samples: list[Sample], phases: tuple[str, ...]) -> tuple[float, float, float]:
    """Return the server's memory in these phases: after a tenth of the time, at the end, and the maximum."""
    mine = [sample.server_mb for sample in samples if sample.phase in phases]
    return (mine[len(mine) // 10], mine[-1], max(mine)) if mine else (0.0, 0.0, 0.0)


def table_of(run: Run) -> Table:
    """Format the figures as a table."""
    table = Table(title=f"A batch of {run.items:,} items")
    table.add_column("")
    table.add_column("", justify="right")
    parts = rates(run.samples)
    for name, shown in (
        ("submitted", f"{run.seconds['submit']:,.1f} s, {run.items / run.seconds['submit']:,.0f} items/s"),
        ("submitted and run", f"{run.seconds['total']:,.1f} s, {run.items / run.seconds['total']:,.0f} items/s"),
        ("rate by tenths of the items", " ".join(f"{part:,.0f}" for part in parts)),
        (
            "exported over HTTP",
            "{:,.1f} s, {:,.0f} items/s, {:,.0f} MB".format(
                run.seconds["export"], run.items / run.seconds["export"], run.figures["export_mb"]
            ),
        ),
        (
            "server's memory, MB: early, late, maximum",
            "{:,.0f}  {:,.0f}  {:,.0f}".format(*level(run.samples, ("submit", "run"))),
        ),
        ("… during the export", "{:,.0f}  {:,.0f}  {:,.0f}".format(*level(run.samples, ("export",)))),
        ("its processes' memory, maximum", f"{max(sample.processes_mb for sample in run.samples):,.0f} MB"),
        ("database", f"{run.figures['database_mb']:,.0f} MB"),
        (
            "page of 100 results, first and last",
            f"{run.figures['first_page_ms']:,.1f} ms, {run.figures['last_page_ms']:,.1f} ms",
        ),
    ):
        table.add_row(name, shown)
    if "events_seen" in run.figures:
        table.add_row("events received by each subscriber", f"{run.figures['events_seen']:,.0f}")
    return table


PHASES = {"submit": "#e8f0fe", "run": "#ffffff", "export": "#e6f4ea"}
WIDTH, HEIGHT, LEFT, RIGHT, TOP, GAP = 900, 190, 70, 40, 50, 60


def svg_of(run: Run) -> str:
    """Draw two curves over time: the server's memory, and items ended a second."""
    samples = [sample for sample in run.samples if sample.phase != "idle"]
    first, last = samples[0].second, samples[-1].second
    span = max(last - first, 1)

    def x(second: float) -> float:
        return LEFT + (second - first) / span * (WIDTH - LEFT - RIGHT)

    speeds: list[tuple[float, float]] = []
    window = max(1, len(samples) // 120)
    moving = [sample for sample in samples if sample.phase != "export"]
    for before, after in zip(moving[::window], moving[window::window], strict=False):
        speeds.append((after.second, (after.ended - before.ended) / (after.second - before.second)))
    memory = [(sample.second, sample.server_mb) for sample in samples]
    total = HEIGHT * 2 + GAP + TOP + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="15" font-weight="bold">A batch of {run.items:,} items</text>',
    ]
    for phase, color in PHASES.items():
        mine = [sample.second for sample in samples if sample.phase == phase]
        if mine:
            begin, end = x(mine[0]), x(mine[-1])
            parts.append(
                f'<rect x="{begin:.1f}" y="{TOP}" width="{max(end - begin, 1):.0f}" height="{HEIGHT * 2 + GAP}" '
                f'fill="{color}"/>'
                f'<text x="{min(begin + 4, WIDTH - 60):.1f}" y="{TOP - 6}" fill="#5f6368">{phase}</text>'
            )
    for index, (title, points, color) in enumerate(
        (("server's resident memory, MB", memory, "#1a73e8"), ("items ended a second", speeds, "#188038"))
    ):
        top = TOP + index * (HEIGHT + GAP)
        step = _step(max(value for _, value in points))
        most = step * 5
        parts.append(f'<text x="{LEFT}" y="{top + 14}" fill="{color}" font-weight="bold">{title}</text>')
        for line in range(6):
            y = top + HEIGHT - line / 5 * (HEIGHT - 24)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dadce0"/>'
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#5f6368">{line * step:,.0f}</text>'
            )
        path = " ".join(
            f"{x(second):.1f},{top + HEIGHT - value / most * (HEIGHT - 24):.1f}" for second, value in points
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    bottom = TOP + HEIGHT * 2 + GAP + 18
    for mark in range(6):
        second = first + span * mark / 5
        parts.append(
            f'<text x="{x(second):.1f}" y="{bottom}" text-anchor="middle" fill="#5f6368">{second - first:,.0f} s</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _step(most: float) -> float:
    """Return the smallest of 1, 2, 5, 10, 20, … that is at least a fifth of `most`."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if step * factor * 5 >= most:
                return step * factor
        step *= 10


async def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.bulk", description="Measure a batch of a million items.")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--operations", nargs="+", default=["STATISTICS"], help="operations on each text")
    parser.add_argument("--subscribers", type=int, default=0, help="subscribers to all events of the batch")
    parser.add_argument("--svg", type=Path, help="file for the curves of memory and rate")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    console = Console()
    run = await measure(given.items, given.operations, given.subscribers, console)
    console.print(table_of(run))
    if given.svg:
        given.svg.write_text(svg_of(run))
    if given.json:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        at = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"at": at, "machine": machine, "operations": given.operations, **asdict(run)}
        given.json.write_text(json.dumps(report) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
