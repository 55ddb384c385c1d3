"""The API on PostgreSQL behind PgBouncer in transaction mode, with Redis as the bus."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import WATCH, ApiServer, connected, texts
from tests.api.sockets import opened
from tests.api.test_postgresql import works
from tests.jobs.test_distributed_program import WorkerProgram
from tests.support import REDIS_URL, ROOT, run

pytestmark = pytest.mark.needs("postgresql", "pgbouncer", "redis")

REFUSAL = """\
ASSAY_BROADCAST_URL: PgBouncer is in between, which does not pass on notifications: set it to redis://…, to the \
address of PostgreSQL itself, or to memory:// for looks at the log once a second.
"""


@pytest.mark.long
async def test_the_api_works(pgbouncer_url: str, tmp_path: Path, trial_path: Path) -> None:
    settings: dict[str, object] = {"workers": 2, "database_url": pgbouncer_url, "broadcast_url": REDIS_URL}
    server = ApiServer(tmp_path, settings, path=trial_path)
    await asyncio.to_thread(run, *server.command[:2], "migrate", cwd=ROOT, env=server.environment())
    try:
        await server.start()
        async with connected(server) as api:
            await works(api, server, tmp_path)
    finally:
        await server.close()


@pytest.mark.long
async def test_a_worker_and_a_subscription(pgbouncer_url: str, tmp_path: Path) -> None:
    """A server refuses to start without a bus; with one, a separate worker ends a batch, and a subscriber sees all."""
    settings: dict[str, object] = {"data_dir": tmp_path, "database_url": pgbouncer_url}
    server = ApiServer(tmp_path, settings | {"broadcast_url": REDIS_URL, "workers": 0})
    worker = WorkerProgram(tmp_path, settings | {"broadcast_url": REDIS_URL, "workers": 1}, name="worker")
    await asyncio.to_thread(run, *server.command[:2], "migrate", cwd=ROOT, env=server.environment())
    for command in ("serve", "worker"):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "server.py", command],
            cwd=ROOT,
            env=server.environment() | {"ASSAY_BROADCAST_URL": "", "ASSAY_WORKERS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode, done.stderr) == (1, REFUSAL)
    events: list[dict[str, Any]] = []
    try:
        await asyncio.gather(server.start(), worker.start())
        async with connected(server) as api, opened(server) as socket:
            first = await api.batch(texts(1), waitSeconds=60)
            start = (await api.log(batchId=first["id"]))[-1]["cursor"]
            batch = await api.batch(texts(40))
            async for answer in socket.answers(WATCH, after=start, filter={"batchId": batch["id"]}):
                events.append(answer["events"])
                if events[-1]["type"] == "BATCH_COMPLETED":
                    break
            assert events == await api.log(after=start, batchId=batch["id"])
            assert [event["type"] for event in events].count("ANALYSIS_COMPLETED") == 40
        assert "PgBouncer is in between" in worker.log
    finally:
        await asyncio.gather(server.close(), worker.close())
