"""`server.py serve` without workers, and `server.py worker`, both started as an operator would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from store.sql.database import Database
from store.sql.migrate import migrate
from tests.support import ROOT, Server, post, until

pytestmark = pytest.mark.long

SUBMIT = """mutation ($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id } userErrors { message } }
}"""
LOOK = "query ($id: ID!) { batch(id: $id) { status processed } }"


class WorkerProgram(Server):
    """`server.py worker`, ready once its log says so."""

    command = (sys.executable, "server.py", "worker")

    def _is_ready(self) -> bool:
        return '"event":"worker started"' in self.log


@pytest.fixture
async def programs(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Server, list[WorkerProgram]]]:
    """Yield one server without workers, and two workers, on one database."""
    database = Database(Settings(database_url=database_url).database)
    await migrate(database)
    await database.close()
    common = {"database_url": database_url, "data_dir": tmp_path}
    server = Server(tmp_path, {**common, "workers": 0})
    workers = [WorkerProgram(tmp_path, {**common, "workers": 1}, name=f"worker {number}") for number in range(2)]
    try:
        for each in (server, *workers):
            await each.start()
        yield server, workers
    finally:
        for each in (*workers, server):
            await each.close()


async def test_workers_run_the_analyses_that_the_server_accepts(programs: tuple[Server, list[WorkerProgram]]) -> None:
    server, workers = programs
    requests = [{"text": {"text": f"Good day number {number}.", "operations": ["STATISTICS"]}} for number in range(40)]
    answer = post(server.url, SUBMIT, {"input": {"items": [{"request": each} for each in requests]}})
    batch_id = answer["data"]["batchProcess"]["batch"]["id"]
    batch: dict[str, Any] = {}

    async def has_ended() -> bool:
        found = post(server.url, LOOK, {"id": batch_id})
        batch.update(found["data"]["batch"])
        return batch["status"] not in ("QUEUED", "RUNNING")

    await until(has_ended, what="the batch to end")
    assert batch == {"status": "COMPLETED", "processed": 40}
    for each in workers:
        assert await each.terminate() == 0
        assert '"event":"worker stopped"' in each.log


@pytest.mark.parametrize("url", ["", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def test_a_database_that_is_not_migrated_is_refused(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    options = ["--data-dir", str(tmp_path)]
    if url:
        options += ["--database-url", request.getfixturevalue("postgresql_url")]
    ended = subprocess.run(
        [sys.executable, "server.py", "worker", *options], cwd=ROOT, capture_output=True, text=True, check=False
    )
    reason = (
        "ASSAY_DATABASE_URL: The database lacks this program's tables: run `python server.py migrate` first."
        if url
        else f"ASSAY_DATA_DIR: There is no SQLite database {tmp_path}/assay.db: start the server there first."
    )
    assert (ended.returncode, ended.stderr.strip()) == (1, reason)


def test_a_worker_with_no_slots_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "server.py", "worker", "--workers", "0", "--data-dir", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr.strip()) == (1, "ASSAY_WORKERS: A worker process needs at least 1.")
