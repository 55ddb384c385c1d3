"""SIGTERM: waiting clients are answered, running analyses end or are given back, a second signal ends the wait."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import SUBMIT, ApiServer
from tests.support import post, until

pytestmark = pytest.mark.long


@pytest.fixture
async def queueing(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """A server for one test, without workers."""
    server = ApiServer(tmp_path, {"workers": 0})
    await server.start()
    yield server
    await server.close()


async def test_a_waiting_client_gets_the_present_state(queueing: ApiServer) -> None:
    given = {"request": {"text": {"text": "Nobody reads this."}}, "waitSeconds": 30}
    answer = asyncio.create_task(asyncio.to_thread(post, queueing.url, SUBMIT, {"input": given}))
    await until(lambda: queueing.counts()["analysis"] == 1, what="the analysis to be stored")
    code = await queueing.terminate()
    found = (await answer)["data"]["submitAnalysis"]
    assert (found["analysis"]["status"], found["userErrors"]) == ("QUEUED", [])
    assert code == 0
    assert "Traceback" not in queueing.log


@pytest.fixture
async def start(trial_path: Path, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[ApiServer]]]:
    """Start servers with the given settings and one worker."""
    servers: list[ApiServer] = []

    async def started(**settings: object) -> ApiServer:
        server = ApiServer(tmp_path, {"workers": 1, **settings}, path=trial_path)
        servers.append(server)
        await server.start()
        return server

    yield started
    for server in servers:
        await server.close()


async def running(server: ApiServer, gate: Path, count: int = 3) -> None:
    """Submit trials that run until the file `gate` exists, and wait until one of them runs."""
    for _ in range(count):
        given = {"request": {"trial": {"text": "wait", "until": str(gate)}}, "timeoutSeconds": 3600}
        answer = await asyncio.to_thread(post, server.url, SUBMIT, {"input": given})
        assert answer["data"]["submitAnalysis"]["userErrors"] == []
    await until(lambda: any(status == "RUNNING" for status, _ in kept(server)), what="a trial to run")


def kept(server: ApiServer) -> list[Any]:
    """Return status and attempt of each stored analysis."""
    with closing(sqlite3.connect(server.data_dir / "assay.db")) as database:
        return database.execute("SELECT status, attempt FROM analysis ORDER BY id").fetchall()


async def test_an_analysis_beyond_the_grace_period_is_given_back(
    start: Callable[..., Awaitable[ApiServer]], tmp_path: Path
) -> None:
    server = await start(stop_seconds=0.5)
    await running(server, tmp_path / "never")
    assert await server.terminate() == 0
    assert kept(server) == [("QUEUED", 0)] * 3
    assert "Traceback" not in server.log


async def test_an_analysis_may_end_in_time(start: Callable[..., Awaitable[ApiServer]], tmp_path: Path) -> None:
    server = await start(stop_seconds=300)
    gate = tmp_path / "gate"
    await running(server, gate, count=1)
    server.process.send_signal(signal.SIGTERM)
    await until(lambda: not server._is_ready(), what="the server to be unready")
    gate.touch()
    await until(lambda: server.process.poll() is not None, what="the server to end")
    assert server.process.returncode == 0
    assert kept(server) == [("COMPLETED", 1)]


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_wait(
    start: Callable[..., Awaitable[ApiServer]], tmp_path: Path, second: signal.Signals
) -> None:
    server = await start(stop_seconds=300)
    await running(server, tmp_path / "never")
    server.process.send_signal(signal.SIGTERM)

    def grace_has_begun() -> bool:
        """Return whether one trial still runs and the others were given back."""
        return sorted(kept(server)) == [("QUEUED", 0), ("QUEUED", 0), ("RUNNING", 1)] and not server._is_ready()

    await until(grace_has_begun, what="the grace period to begin")
    server.process.send_signal(second)
    await until(lambda: server.process.poll() is not None, what="the server to end")
    assert server.process.returncode == 0
    assert kept(server) == [("QUEUED", 0)] * 3
    assert "Traceback" not in server.log
