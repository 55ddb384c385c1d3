"""Measure a real server against a floor, in turns, in one run.

    python -m benchmarks [--rounds 3] [--items 2000] [--json FILE]

A ratio is independent of the machine's speed; the absolute figures are valid for this run only. Every server is a
separate process, and every request uses a socket.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, time
from typing import Any

import aiohttp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.texts import TEXTS, analyze_all
from tests.support import ROOT, Server, free_port, until

BATCH = """mutation ($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id status totalProcessingTimeMs } userErrors { message } }
}"""
SUBMIT = """mutation ($input: SubmitAnalysisInput!) {
  submitAnalysis(input: $input) { analysis { id status createdAt finishedAt } userErrors { message } }
}"""
FIELDS = "id status priority inputText attempt createdAt finishedAt result { score tags summary data }"
ONE = f"query ($id: ID!) {{ analysis(id: $id) {{ {FIELDS} }} }}"
PAGE = f"query {{ analyses(first: 20) {{ nodes {{ {FIELDS} }} }} }}"
EVENTS = "subscription { events(filter: { types: [ANALYSIS_COMPLETED] }) { subjectId occurredAt } }"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: Assay's value, the floor's value in the same unit, and the ratio of their speeds."""

    name: str
    unit: str
    ours: float
    floor: float
    lower_is_better: bool

    @property
    def ratio(self) -> float:
        """Return Assay's speed divided by the floor's speed."""
        return self.floor / self.ours if self.lower_is_better else self.ours / self.floor


class Assay:
    """A client of the server under test."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self.session = session
        self.server = server

    async def run(self, query: str, **variables: Any) -> Any:
        """Run one operation and return its data."""
        async with self.session.post(self.server.url, json={"query": query, "variables": variables}) as response:
            answer = await response.json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"]

    async def batch(self, items: int, wait_seconds: float) -> dict[str, Any]:
        """Submit a batch with this number of texts."""
        given = [{"request": {"text": {"text": TEXTS[n % len(TEXTS)]}}} for n in range(items)]
        data = await self.run(BATCH, input={"items": given, "waitSeconds": wait_seconds})
        batch: dict[str, Any] = data["batchProcess"]["batch"]
        return batch

    async def until_ended(self, batch_id: str) -> dict[str, Any]:
        """Wait until the batch has ended, and return it."""
        query = "query ($id: ID!) { batch(id: $id) { status totalProcessingTimeMs } }"
        found: dict[str, Any] = (await self.run(query, id=batch_id))["batch"]
        while found["status"] != "COMPLETED":
            await asyncio.sleep(0.25)  # polling takes CPU from the server
            found = (await self.run(query, id=batch_id))["batch"]
        return found


async def timed(times: int, call: Callable[[], Awaitable[Any]]) -> list[float]:
    """Return the duration of each of `times` calls, in milliseconds."""
    taken = []
    for _ in range(times):
        began = perf_counter()
        await call()
        taken.append((perf_counter() - began) * 1000)
    return taken


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100)[98]


async def event_delays(assay: Assay, times: int) -> list[float]:
    """Return milliseconds from each event's own time, set in its transaction, to its arrival at a subscriber."""
    delays: list[float] = []
    async with assay.session.ws_connect(assay.server.ws_url, protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.receive_json()
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": EVENTS}})
        for _ in range(times):
            submitted = asyncio.create_task(assay.run(SUBMIT, input={"request": {"text": {"text": TEXTS[0]}}}))
            while True:
                message = json.loads(await socket.receive_str())
                if message["type"] == "next":
                    break
                await socket.send_json({"type": "pong"})
            occurred = datetime.fromisoformat(message["payload"]["data"]["events"]["occurredAt"])
            # The event's time is truncated to milliseconds, which adds half a millisecond on average.
            delays.append((time() - occurred.timestamp()) * 1000 - 0.5)
            await submitted
    return delays


async def echoes(session: aiohttp.ClientSession, url: str, times: int) -> list[float]:
    """Return half the round trip of each message, in milliseconds."""
    async with session.ws_connect(url) as socket:

        async def there_and_back() -> None:
            await socket.send_str("x" * 200)
            await socket.receive_str()

        return [each / 2 for each in await timed(times, there_and_back)]


@asynccontextmanager
async def floor_server(folder: Path) -> AsyncIterator[str]:
    """Run the floor's server, and yield its address without a scheme."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(folder / "floor.db"), str(port)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    try:

        async def up() -> bool:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return False
            writer.close()
            return True

        await until(up, what="the floor to be up", seconds=30)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def one_round(assay: Assay, floor: str, items: int, tick: Callable[[str], None]) -> list[Figure]:
    """Measure every figure once."""
    session = assay.session
    base = f"http://{floor}"
    figures = []

    tick("submit")
    began = perf_counter()
    batch = await assay.batch(items, 0)
    submit_ms = (perf_counter() - began) * 1000
    ended = await assay.until_ended(batch["id"])
    stored = (await assay.run(PAGE))["analyses"]["nodes"][0]
    row = {
        "status": "QUEUED",
        "priority": 5,
        "attempt": 0,
        "created_at": stored["createdAt"],
        "finished_at": stored["finishedAt"],
        "result": json.dumps(stored["result"]["data"]),
    }
    rows = [row | {"id": f"{perf_counter()}-{n:09}", "input_text": TEXTS[n % len(TEXTS)]} for n in range(items)]

    async def plain_submit() -> None:
        async with session.post(f"{base}/analyses", json=rows) as response:
            await response.read()

    floor_ms = (await timed(1, plain_submit))[0]
    figures.append(Figure(f"submit {items:,} texts at once", "ms", submit_ms, floor_ms, True))

    tick("analyze")
    rate = items / (ended["totalProcessingTimeMs"] / 1000)
    loop_rate = await asyncio.to_thread(analyze_all, items)
    figures.append(Figure("texts completed a second", "1/s", rate, loop_rate, False))

    tick("lone")
    lone = {"request": {"text": {"text": TEXTS[0]}}, "waitSeconds": 10}
    waits = await timed(100, lambda: assay.run(SUBMIT, input=lone))
    loop_ms = 1000 / loop_rate
    figures.append(Figure("lone text to its result, median", "ms", median(waits), loop_ms, True))

    tick("query")
    id_, floor_id = stored["id"], rows[-1]["id"]

    async def plain(path: str) -> None:
        async with session.get(base + path) as response:
            await response.json()

    for name, ours, theirs in (
        ("analysis by id", lambda: assay.run(ONE, id=id_), lambda: plain(f"/analyses/{floor_id}")),
        ("page of 20 results", lambda: assay.run(PAGE), lambda: plain("/page")),
    ):
        mine, its = await timed(300, ours), await timed(300, theirs)
        figures.append(Figure(f"{name}, median", "ms", median(mine), median(its), True))
        figures.append(Figure(f"{name}, p99", "ms", p99(mine), p99(its), True))

    tick("events")
    delays, halves = await event_delays(assay, 100), await echoes(session, f"ws://{floor}/echo", 300)
    figures.append(Figure("event to subscriber, median", "ms", median(delays), median(halves), True))
    figures.append(Figure("event to subscriber, p99", "ms", p99(delays), p99(halves), True))
    return figures


def medians(rounds: list[list[Figure]]) -> list[Figure]:
    """Return each figure of the round with the median ratio."""
    return [sorted(each, key=lambda figure: figure.ratio)[len(each) // 2] for each in zip(*rounds, strict=True)]


def table_of(figures: list[Figure]) -> Table:
    """Format the figures as a table."""
    table = Table(
        title="Assay against a floor", caption="The floor: a plain Starlette endpoint, and for texts a plain loop."
    )
    for column in ("", "Assay", "floor"):
        table.add_column(column, justify="left" if not column else "right")
    table.add_column("of the floor's speed", justify="right", style="bold")
    for figure in figures:
        shown = [f"{value:,.2f} {figure.unit}" for value in (figure.ours, figure.floor)]
        table.add_row(figure.name, *shown, f"{figure.ratio:.3f}")
    return table


async def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure a real server against a floor.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds; the median counts")
    parser.add_argument("--items", type=int, default=2000, help="texts in a batch, at most 10,000")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    console = Console()
    rounds = []
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
        server = await Server(folder, {"log_level": "warning"}).start()
        stack.push_async_callback(server.kill)
        floor = await stack.enter_async_context(floor_server(folder))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        assay = Assay(session, server)
        await assay.until_ended((await assay.batch(200, 0))["id"])  # processes started, models loaded
        steps = 5
        with Progress(console=console) as progress:
            bar = progress.add_task("", total=given.rounds * steps)

            def tick(name: str) -> None:
                progress.update(bar, advance=1, description=name)

            for _ in range(given.rounds):
                rounds.append(await one_round(assay, floor, given.items, tick))
    figures = medians(rounds)
    console.print(table_of(figures))
    if given.json:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
        report = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine,
            "rounds": given.rounds,
            "figures": [asdict(figure) | {"ratio": round(figure.ratio, 3)} for figure in figures],
        }
        given.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
