"""Measure the latency of a second client while the server refuses or answers a large operation.

    python -m benchmarks.cost [--rounds 3]

The operation reads results of a batch, and for each of them its batch with a page of results. Meanwhile the second
client sends `{ eventsEnd }` again and again over a connection of its own. One server has no maximum cost, the other one
the default. The last table is the CPU time in this process to compile a document to its cost, and to compute the cost.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import aiohttp
from graphql import parse
from rich.console import Console
from rich.table import Table

from analyzers.registry import load_registry
from execution.cost import Costs
from execution.strawberry_parts import core_schema
from schema.build import fit
from tests.execution.test_cost import doubling
from tests.execution.test_prices import TABLE, TOY
from tests.support import Server

NESTED = """query ($id: ID!, $first: Int, $inner: Int) {
  batch(id: $id) { results(first: $first) { nodes { batch { results(first: $inner) { nodes { id } } } } } } }"""
SUBMIT = """mutation ($items: [BatchItem!]) {
  batchProcess(input: { items: $items, timeoutSeconds: 86400 }) { batch { id } } }"""
ITEMS = 500
REPEATS = 500

# Rows of the two pages. The first is above the default maximum cost, the others are just below.
OPERATIONS = ((500, 100), (194, 100), (19, 1_000), (860, 20))


class Client:
    """A client with one connection."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        async with self.session.post(self.url, json={"query": query, "variables": variables}) as response:
            answer: dict[str, Any] = await response.json()
        return answer


async def waits(client: Client, until: asyncio.Task[Any]) -> list[float]:
    """Return the latencies of `{ eventsEnd }` in milliseconds, until the task ends and at least once."""
    taken: list[float] = []
    while not taken or not until.done():
        began = perf_counter()
        await client("{ eventsEnd }")
        taken.append((perf_counter() - began) * 1000)
    return taken


async def measure(server: Server, rounds: int, table: Table, maximum: str) -> None:
    """Add a row for an idle server, and for each operation."""
    async with aiohttp.ClientSession() as first, aiohttp.ClientSession() as second:
        large, small = Client(first, server.url), Client(second, server.url)
        items = [{"request": {"text": {"text": f"Number {number} is a text."}}} for number in range(ITEMS)]
        batch = (await large(SUBMIT, items=items))["data"]["batchProcess"]["batch"]["id"]
        idle = await waits(small, asyncio.create_task(asyncio.sleep(2)))
        table.add_row(maximum, "none", "", "", f"{median(idle):.1f}", f"{max(idle):.1f}")
        for rows, inner in OPERATIONS:
            seconds, typical, longest, result = [], [], [], ""
            for _ in range(rounds):
                began = perf_counter()
                running = asyncio.create_task(large(NESTED, id=batch, first=rows, inner=inner))
                taken = await waits(small, running)
                answer = await running
                seconds.append(perf_counter() - began)
                typical.append(median(taken))
                longest.append(max(taken))
                errors = answer.get("errors")
                result = (
                    errors[0]["extensions"]["code"] if errors else f"{min(rows, ITEMS) * min(inner, ITEMS):,} nodes"
                )
            figures = (f"{median(seconds) * 1000:.1f}", f"{median(typical):.1f}", f"{median(longest):.1f}")
            table.add_row(maximum, f"first: {rows}, inner: {inner}", result, *figures)


def microseconds(call: Any) -> str:
    """Return the CPU time of a call, the smallest of three means."""
    means = []
    for _ in range(3):
        began = process_time()
        for _ in range(REPEATS):
            call()
        means.append((process_time() - began) / REPEATS * 1e6)
    return f"{min(means):.1f}"


def computing() -> Table:
    """Return the time to compile and to compute each cost of the documentation's table."""
    table = Table("operation", "cost", "compile µs", "compute µs")
    costs = Costs(core_schema(fit(load_registry(built_in=True).analyzers)[0]))
    cases = [(case, text, variables, costs) for case, (_, text, variables) in TABLE.items()]
    cases += [(f"fragments that double {n} times", doubling(n), {"n": 20}, TOY.costs) for n in (25, 98)]
    for case, text, variables, compiler in cases:
        document = parse(text)
        (cost,) = compiler.of(document).values()
        compiling = microseconds(lambda document=document, compiler=compiler: compiler.of(document))
        table.add_row(case, f"{cost(variables):,}", compiling, microseconds(lambda c=cost, v=variables: c(v)))
    return table


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds: int = parser.parse_args().rounds
    table = Table("maximum", "operation", "result", "ms", "eventsEnd: median ms", "longest ms")
    for maximum in (0, 20_000):
        with tempfile.TemporaryDirectory() as folder:
            settings: dict[str, object] = {"workers": 0, "max_cost": maximum, "operation_timeout_seconds": 300}
            server = Server(Path(folder), settings)
            await server.start()
            try:
                await measure(server, rounds, table, f"{maximum:,}" if maximum else "none")
            finally:
                await server.close()
    console = Console(width=140)
    console.print(table)
    console.print(computing())


if __name__ == "__main__":
    asyncio.run(main())
