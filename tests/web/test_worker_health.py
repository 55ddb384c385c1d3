"""The port of a worker without a server: probes and metrics of a real process."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from store.queue.enqueue import NewAnalysis, insert_analyses
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from tests.hold import SOURCE
from tests.support import ROOT, Server, free_port, install_analyzer, until

WELL = [
    ("worker", "HEALTHY", "The worker has started."),
    ("database", "HEALTHY", "The database answers."),
    ("migrations", "HEALTHY", "The migrations are current."),
    ("sandbox", "HEALTHY", "The process that analyzers are forked from answers."),
]
STOPPING = ("worker", "UNHEALTHY", "The worker is stopping.")
SILENT = ("sandbox", "UNHEALTHY", "The process that analyzers are forked from does not answer.")


class WorkerProgram(Server):
    """`server.py worker` with a port."""

    command = (sys.executable, "server.py", "worker")

    def __init__(self, folder: Path, **settings: object) -> None:
        port = free_port()
        super().__init__(folder, {"port": port, "worker_port": port, "workers": 2, **settings}, name="worker")
        self.packages = install_analyzer(folder, "hold", SOURCE)

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": str(self.packages)}

    async def get(self, path: str, method: str = "GET") -> httpx.Response:
        """Send a request as a kubelet does, with the address of a pod as `Host`."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=60) as client:
            return await client.request(method, self.address + path, headers={"host": "10.42.0.17:8001"})

    async def health(self, path: str) -> tuple[int, list[tuple[str, str, str]]]:
        """Return the status of a probe, and each component's name, status and message."""
        answer = await self.get(path)
        components = [(each["name"], each["status"], each["message"]) for each in answer.json()["components"]]
        return answer.status_code, components

    async def figures(self) -> dict[str, float]:
        """Return the metrics by name."""
        text = (await self.get("/metrics")).text
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, flags=re.MULTILINE)}


@pytest.fixture
async def worker(tmp_path: Path) -> AsyncIterator[WorkerProgram]:
    program = WorkerProgram(tmp_path)
    program.data_dir.mkdir()
    async with opened(program) as database:
        await migrate(database)
    await program.start()
    yield program
    await program.close()


@asynccontextmanager
async def opened(worker: WorkerProgram) -> AsyncIterator[Database]:
    """Open the worker's database."""
    database = Database(f"sqlite+aiosqlite:///{worker.data_dir / 'assay.db'}")
    yield database
    await database.close()


async def hold(worker: WorkerProgram, folder: Path) -> Path:
    """Queue an analysis that runs until the returned file exists."""
    gate = folder / "gate"
    items = [NewAnalysis("hold", "{}", 5, None, str(gate))]
    async with opened(worker) as database, database.write() as connection:
        now, ids = utcnow(), [new_id("analysis")]
        await insert_analyses(connection, LOCAL_ADMINISTRATOR, items, now, ids=ids, timeout_seconds=600, max_attempts=1)
    return gate


async def test_a_worker_reports_its_state_and_work(worker: WorkerProgram, tmp_path: Path) -> None:
    assert await worker.health("/health/ready") == (200, WELL)
    assert await worker.health("/health/live") == (200, WELL[3:])
    assert (await worker.get("/health/live", "HEAD")).status_code == 200
    unknown = await worker.get("/graphql", "POST")
    assert (unknown.status_code, unknown.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")

    answer = await worker.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    idle = await worker.figures()
    assert idle.pop("assay_uptime_seconds") > 0
    assert idle.pop("assay_memory_bytes") > 2**20
    assert idle.pop("assay_event_loop_lag_seconds") >= 0
    assert idle == {
        "assay_bus_live": 1,
        "assay_bus_reconnects_total": 0,
        "assay_database_up": 1,
        "assay_worker_sandbox_up": 1,
        "assay_worker_slots": 2,
        "assay_worker_busy": 0,
        "assay_worker_completed_total": 0,
        "assay_worker_failed_total": 0,
    }

    gate = await hold(worker, tmp_path)

    async def work() -> tuple[float, float]:
        found = await worker.figures()
        return found["assay_worker_busy"], found["assay_worker_completed_total"]

    await until(lambda: _equals(work, (1, 0)), what="a busy slot")
    gate.touch()
    await until(lambda: _equals(work, (0, 1)), what="the end of the analysis")


@pytest.mark.long
async def test_a_silent_fork_server_is_noticed(worker: WorkerProgram) -> None:
    (fork_server,) = psutil.Process(worker.process.pid).children()
    fork_server.suspend()
    try:
        assert await worker.health("/health/live") == (503, [SILENT])
        assert await worker.health("/health/ready") == (503, [*WELL[:3], SILENT])
        assert (await worker.figures())["assay_worker_sandbox_up"] == 0
    finally:
        fork_server.resume()
    await until(lambda: _equals(lambda: worker.health("/health/live"), (200, WELL[3:])), what="an answer")


@pytest.mark.long
async def test_a_lost_fork_server_is_replaced_on_demand(worker: WorkerProgram, tmp_path: Path) -> None:
    (fork_server,) = psutil.Process(worker.process.pid).children()
    fork_server.kill()
    await until(lambda: '"event":"sandbox.ended"' in worker.log, what="the loss to be noticed")
    assert await worker.health("/health/live") == (200, WELL[3:])
    (await hold(worker, tmp_path)).touch()

    async def completed() -> bool:
        return (await worker.figures())["assay_worker_completed_total"] == 1

    await until(completed, what="the end of the analysis")


@pytest.mark.long
async def test_a_fork_server_that_can_not_start_is_noticed(worker: WorkerProgram, tmp_path: Path) -> None:
    (fork_server,) = psutil.Process(worker.process.pid).children()
    package = worker.packages / "assay_hold.py"
    package.write_text("raise SystemExit(1)")
    fork_server.kill()
    await hold(worker, tmp_path)
    await until(lambda: _equals(lambda: worker.health("/health/live"), (503, [SILENT])), what="the failed start")


@pytest.mark.long
async def test_a_stopping_worker_is_alive_and_not_ready(worker: WorkerProgram, tmp_path: Path) -> None:
    gate = await hold(worker, tmp_path)

    async def busy() -> bool:
        return (await worker.figures())["assay_worker_busy"] == 1

    await until(busy, what="a busy slot")
    worker.process.send_signal(signal.SIGTERM)

    async def stopping() -> bool:
        status, components = await worker.health("/health/ready")
        return (status, components[0]) == (503, STOPPING)

    await until(stopping, what="the worker to be unready")
    assert await worker.health("/health/live") == (200, WELL[3:])
    gate.touch()
    await until(lambda: worker.process.poll() is not None, what="the worker to end")
    assert worker.process.returncode == 0
    with closing(sqlite3.connect(worker.data_dir / "assay.db")) as database:
        assert database.execute("SELECT status, attempt FROM analysis").fetchall() == [("COMPLETED", 1)]


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    program = WorkerProgram(tmp_path)
    program.data_dir.mkdir()
    async with opened(program) as database:
        await migrate(database)
    with socket.create_server(("127.0.0.1", program.port)):
        done = await asyncio.to_thread(
            subprocess.run, program.command, cwd=ROOT, env=program.environment(), capture_output=True, text=True
        )
    message = f"Port {program.port} is taken: choose another with --worker-port or ASSAY_WORKER_PORT.\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


async def _equals(read: Callable[[], Awaitable[Any]], value: object) -> bool:
    return bool(await read() == value)
