"""Compare Assay's queries and mutations with its peers, in turns, in one run.

    python -m benchmarks.queries [--rounds 3] [--seconds 3] [--databases sqlite postgresql] [--cases "by id" …]
        [--json FILE] [--svg FILE]

All servers have the same database with 100,000 analyses, the same selection and the same durability. Answers and stored
rows are compared before the measurement. Each server is a process on one core; the load, and PostgreSQL, are on the
other. The CPU time of a request is that of the server's process. By default, Mercurius and PostgreSQL are left out if
their programs are not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import process_time
from typing import Any

import uvloop
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.chart import draw
from benchmarks.queries.cases import Case, cases
from benchmarks.queries.load import Load
from benchmarks.queries.rows import fill, sqlite_file
from benchmarks.queries.same import places, require_equal_answers, require_equal_rows
from benchmarks.queries.servers import ASSAY, ENDPOINT, MERCURIUS, PEERS, Running, install_node, servers
from tests.torture.postgresql import Cluster, binaries

ANALYSES, ITEMS = 100_000, 1_000
PACED = 0.8
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(slots=True)
class Figure:
    """All rounds of one case on one server. Latencies are in milliseconds, at 80 % of the rate of their round."""

    database: str
    case: str
    server: str
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list, repr=False)
    # Share of its core that the load needed: near 1 it would be the bottleneck.
    load: list[float] = field(default_factory=list)

    def report(self, reference: Figure) -> dict[str, Any]:
        """Return the medians. A share of the reference's speed is the median of the rounds' ratios."""
        cuts = quantiles(self.latencies, n=100, method="inclusive")
        found = {"database": self.database, "case": self.case, "server": self.server}
        values = {
            "rate": median(self.rates),
            "cpu_us": median(self.cpu_us),
            "p50_ms": cuts[49],
            "p99_ms": cuts[98],
            "load": median(self.load),
        }
        shares = [theirs / mine for theirs, mine in zip(reference.cpu_us, self.cpu_us, strict=True)]
        by_rate = [mine / theirs for mine, theirs in zip(self.rates, reference.rates, strict=True)]
        values |= {"share": median(shares), "share_of_rate": median(by_rate)}
        values |= {"least_share": min(shares), "largest_share": max(shares)}
        return found | {name: float(f"{value:.4g}") for name, value in values.items()}


async def measure(server: Running, case: Case, seconds: float, figure: Figure) -> None:
    """Add one round of the case: first at the full rate, then at 80 % of it."""
    requests = getattr(case, server.kind)()
    async with Load(server.port, case.connections) as load:
        # Before the first round, so that the compilers of plans and of JavaScript have done their work.
        await load.saturate(requests, seconds / 5 if figure.rates else seconds)
        count, took, used = 0, 0.0, 0.0
        cpu, own = server.cpu_seconds(), process_time()
        while used < seconds / 10:  # the clock of CPU time has steps of 10 ms, and other programs may have the core
            more, longer = await load.saturate(requests, seconds)
            count, took, used = count + more, took + longer, server.cpu_seconds() - cpu
        figure.load.append((process_time() - own) / took)
        figure.rates.append(count / took)
        figure.cpu_us.append(used / count * 1e6)
        rate = PACED * count / took
        figure.latencies += [each * 1000 for each in await load.pace(requests, rate, max(int(rate * seconds), 2))]


@asynccontextmanager
async def database(kind: str, folder: Path, analyses: int) -> AsyncIterator[str]:
    """Make a database with ended analyses for this run, and yield its URL."""
    if kind == "sqlite":
        shutil.copyfile(await sqlite_file(analyses), folder / "assay.db")
        yield f"sqlite:///{folder}/assay.db"
        return
    cluster = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(cluster.start)
        await fill(cluster.url, analyses)
        yield cluster.url
    finally:
        await asyncio.to_thread(cluster.close)


async def compare(kind: str, names: Sequence[str], options: argparse.Namespace, core: int) -> list[Figure]:
    """Measure all cases on one database: in each round, each server has one turn at each case."""
    analyses, items = (500, 20) if options.quick else (ANALYSES, ITEMS)
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder, Progress() as progress:
        bar = progress.add_task(f"{DATABASES[kind]}: rows", total=None)
        async with (
            database(kind, Path(folder), analyses) as url,
            servers(names, Path(folder), url, core) as running,
        ):
            every = cases(await places(running[0], analyses), items)
            every = [each for each in every if options.cases is None or each.name in options.cases]
            progress.update(bar, total=len(every) * options.rounds * len(running))
            for case in every:
                if case.writes:
                    await require_equal_rows(running, case, url)
                else:
                    await require_equal_answers(running, case, 20)
                figures = [Figure(kind, case.name, server.name) for server in running]
                for _ in range(options.rounds):
                    for server, figure in zip(running, figures, strict=True):
                        progress.update(bar, description=f"{DATABASES[kind]}: {case.name}, {server.name}")
                        await measure(server, case, options.seconds, figure)
                        progress.advance(bar)
                found += figures
    return found


def reports(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the report of each figure, with its shares of the endpoint's speed."""
    endpoint = {(each.database, each.case): each for each in figures if each.server == ENDPOINT}
    return [each.report(endpoint[each.database, each.case]) for each in figures]


def table_of(kind: str, found: Sequence[dict[str, Any]]) -> Table:
    """Format the reports of one database as a table."""
    title, caption = f"Queries and mutations on {DATABASES[kind]}", "Share: of the Starlette endpoint's speed."
    table = Table(title=title, caption=caption, box=SIMPLE, collapse_padding=True)  # for 80 columns
    table.add_column("")
    table.add_column("server", no_wrap=True)
    for column in ("CPU µs", "share", "a second", "share", "p50 ms", "p99 ms"):
        table.add_column(column, justify="right")
    before = None
    for each in found:
        shares = [f"{each[name]:.2f}" for name in ("share", "share_of_rate")]
        table.add_row(
            each["case"] if each["case"] != before else "",
            each["server"],
            f"{each['cpu_us']:,.0f}",
            shares[0],
            f"{each['rate']:,.0f}",
            shares[1],
            f"{each['p50_ms']:,.1f}",
            f"{each['p99_ms']:,.1f}",
            end_section=each["server"] == found[-1]["server"],
        )
        before = each["case"]
    return table


def chart_of(found: Sequence[dict[str, Any]]) -> str:
    """Return an SVG of the shares of the endpoint's speed, by CPU time."""
    rows: dict[str, dict[str, float]] = {}
    for each in found:
        if each["server"] != ENDPOINT:
            rows.setdefault(f"{each['case']}, {DATABASES[each['database']]}", {})[each["server"]] = each["share"]
    names = [*next(iter(rows.values()))]
    title = "Speed by CPU time; 1 is the hand-written endpoint (more is better)"
    return draw(title, [(name, [*shares.values()]) for name, shares in rows.items()], names, ".2f")


def main() -> None:
    """Run the command line."""
    peers = [name for name in PEERS if name != "mercurius" or shutil.which("npm")]
    databases = [name for name in DATABASES if name != "postgresql" or binaries()]
    parser = argparse.ArgumentParser(prog="benchmarks.queries", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, help="number of rounds; the median counts (default 3)")
    parser.add_argument("--seconds", type=float, help="seconds of each turn at the full rate (default 3)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=peers, help="beside Assay and the endpoint")
    parser.add_argument("--cases", nargs="+", help="only these lines of the table")
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=databases)
    parser.add_argument("--quick", action="store_true", help="500 analyses, one round of 0.1 s: not a measurement")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--svg", type=Path, help="also draw the shares of all servers here")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (0.1 if options.quick else 3)
    names = [ASSAY, ENDPOINT, *(PEERS[each] for each in options.peers)]
    if MERCURIUS in names:
        install_node()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    found: list[dict[str, Any]] = []
    for kind in options.databases:
        found += reports(uvloop.run(compare(kind, names, options, cores[0])))
    console = Console()
    for kind in options.databases:
        console.print(table_of(kind, [each for each in found if each["database"] == kind]))
    if options.json:
        machine = {"python": platform.python_version(), "system": platform.system(), "cores": len(cores)}
        now = datetime.now(UTC).isoformat(timespec="seconds")
        report = {"at": now, "machine": machine, "rounds": options.rounds, "seconds": options.seconds}
        options.json.write_text(json.dumps(report | {"load": os.getloadavg()[0], "figures": found}, indent=2) + "\n")
    if options.svg:
        options.svg.write_text(chart_of(found))


if __name__ == "__main__":
    main()
