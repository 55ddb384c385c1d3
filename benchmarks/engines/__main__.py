"""Compare job engines: the same trivial work on the same machine, every engine with two worker processes.

    python -m benchmarks.engines [--items 10000] [--rounds 3] [--json FILE]

Every engine writes a job to disk before it acknowledges the job: SQLite with synchronous commits, Redis with its log
synced at every command, PostgreSQL with its default configuration. The engines run in turns in every round; the medians
count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

import asyncpg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.engines.work import PROCESSES, Run, process, wait_until
from tests.support import POSTGRESQL_URL, ROOT, free_port

BIN = Path(sys.executable).parent


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Run a new Redis that syncs its log at every command, and yield its URL."""
    port = free_port()
    options = {"port": f"{port}", "dir": f"{folder}", "save": "", "appendonly": "yes", "appendfsync": "always"}
    command = [part for name, value in options.items() for part in (f"--{name}", value)]
    with process("redis-server", *command, root=folder):
        from redis import Redis
        from redis.exceptions import ConnectionError as NoConnection

        def answers() -> bool:
            try:
                return bool(Redis(port=port).ping())
            except NoConnection:
                return False

        wait_until(answers, 30)
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def postgresql() -> Iterator[str]:
    """Create a database on the PostgreSQL server of the tests, and yield its URL."""
    name = f"assay_bench_{uuid4().hex}"

    async def administer(statement: str) -> None:
        connection = await asyncpg.connect(POSTGRESQL_URL)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(administer(f"CREATE DATABASE {name}"))
    try:
        yield POSTGRESQL_URL.rpartition("/")[0] + f"/{name}"
    finally:
        asyncio.run(administer(f"DROP DATABASE {name} WITH (FORCE)"))


@dataclass(frozen=True, slots=True)
class Engine:
    """One line of the table: an app, its kind of store, and the commands of its workers."""

    name: str
    app: str
    store: str
    workers: list[list[str]]
    prepare: str | None = None


def engines() -> list[Engine]:
    """Return all engines, Assay first."""
    python, package = sys.executable, "benchmarks.engines"
    ours = [python, "-m", f"{package}.assay_app"]
    celery = ["celery", "-A", f"{package}.celery_app", "worker", "-c", f"{PROCESSES}", "-P", "prefork", "-l", "error"]
    procrastinate = [python, "-m", "procrastinate", "-a", f"{package}.procrastinate_app.app", "worker", "-c", "10"]
    huey = ["huey_consumer", f"{package}.huey_app.huey", "-w", f"{PROCESSES}", "-k", "process", "-n"]
    taskiq = ["taskiq", "worker", f"{package}.taskiq_app:broker", "--workers", f"{PROCESSES}"]
    return [
        Engine("Assay, SQLite", "assay_app", "sqlite", [ours], "prepare"),
        Engine("Assay, PostgreSQL", "assay_app", "postgresql", [ours], "prepare"),
        Engine("Huey, SQLite", "huey_app", "sqlite", [huey]),
        Engine("Celery, Redis", "celery_app", "redis", [[*celery, "--without-gossip", "--without-mingle"]]),
        Engine("taskiq, Redis stream", "taskiq_app", "redis", [taskiq]),
        Engine("Procrastinate, PostgreSQL", "procrastinate_app", "postgresql", [procrastinate] * PROCESSES, "prepare"),
        Engine(
            "PgQueuer alone, PostgreSQL",
            "pgqueuer_app",
            "postgresql",
            [[python, "-m", f"{package}.pgqueuer_app"]] * PROCESSES,
            "prepare",
        ),
    ]


@contextmanager
def storage(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Create an empty store of this kind, and yield the environment variables with its address."""
    if kind == "sqlite":
        yield {"BENCH_DATABASE": f"{folder / 'bench.db'}"}
    elif kind == "redis":
        with redis(folder) as url:
            yield {"BENCH_REDIS": url}
    else:
        with postgresql() as url:
            yield {"BENCH_POSTGRESQL": url}


def run(engine: Engine, items: int) -> Run:
    """Run one engine once, on a new store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-bench-")))
        variables = stack.enter_context(storage(engine.store, folder))
        environment = os.environ | variables
        if engine.prepare:
            code = f"import asyncio\nfrom benchmarks.engines.{engine.app} import prepare\nasyncio.run(prepare())"
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
        for command in engine.workers:
            program = command[0] if command[0] == sys.executable else f"{BIN / command[0]}"
            stack.enter_context(process(program, *command[1:], root=ROOT, **variables))
        one = [sys.executable, "-m", "benchmarks.engines.one", engine.app, f"{items}"]
        answer = subprocess.run(one, cwd=ROOT, env=environment, check=True, capture_output=True)
        return Run(**json.loads(answer.stdout))


def table_of(rates: dict[str, list[Run]]) -> Table:
    """Format the medians as a table, with Assay's speed as a multiple on the same kind of store."""
    table = Table(title="Trivial items, one job each, from the first enqueued to the last recorded")
    for column in ("", "enqueued a second", "completed a second", "Assay is … times as fast"):
        table.add_column(column, justify="left" if not column else "right")
    ended = {name: median(run.items / run.ended_seconds for run in runs) for name, runs in rates.items()}
    for name, runs in rates.items():
        enqueued = median(run.items / run.enqueued_seconds for run in runs)
        own = "Assay, PostgreSQL" if name.endswith("PostgreSQL") else "Assay, SQLite"
        ratio = f"{ended[own] / ended[name]:.1f}" if own in ended and not name.startswith("Assay") else ""
        table.add_row(name, f"{enqueued:,.0f}", f"{ended[name]:,.0f}", ratio)
    return table


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.engines", description="Measure Assay's engine beside others.")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds; the median counts")
    parser.add_argument("--items", type=int, default=10_000, help="items in a run")
    parser.add_argument("--only", default="", help="only engines whose name contains this")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    console = Console()
    chosen = [engine for engine in engines() if given.only.lower() in engine.name.lower()]
    runs: dict[str, list[Run]] = {}
    with Progress(console=console) as progress:
        bar = progress.add_task("", total=given.rounds * len(chosen))
        for _ in range(given.rounds):
            for engine in chosen:
                progress.update(bar, description=engine.name)
                runs.setdefault(engine.name, []).append(run(engine, given.items))
                progress.advance(bar)
    console.print(table_of(runs))
    if given.json:
        report = {name: [asdict(run) for run in each] for name, each in runs.items()}
        given.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
