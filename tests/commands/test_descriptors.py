"""Real servers and workers under limits of open files."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from commands.descriptors import BASE, OF_A_SLOT
from tests.support import ROOT, Server, post, until

NEEDED = BASE + 3 * OF_A_SLOT

SUBMIT = """mutation {
  submitAnalysis(input: {request: {text: {text: "A calm day."}}, waitSeconds: 60}) { analysis { status } }
}"""

COMPLETED = {"data": {"submitAnalysis": {"analysis": {"status": "COMPLETED"}}}}


class Limited(Server):
    """A server under these limits, as of `ulimit`."""

    limits = ""

    @property
    def command(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("bash", "-c", f'{self.limits} && exec "$@"', "bash", *Server.command)


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("limit", [64, NEEDED - 1])
def test_a_limit_that_is_too_low_is_refused_in_one_line(tmp_path: Path, command: str, limit: int) -> None:
    arguments = [sys.executable, "server.py", command, "--data-dir", str(tmp_path / "data")]
    given = ["bash", "-c", f'ulimit -n {limit} && exec "$@"', "bash", *arguments]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)
    line = (
        f"The limit of open files is {limit}: a process with 3 workers needs {NEEDED}. Raise it with "
        f"`ulimit -n {NEEDED}`, LimitNOFILE of systemd or --ulimit nofile of a container.\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    assert not (tmp_path / "data").exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("limits", "soft"),
    [
        (f"ulimit -n {NEEDED}", NEEDED),
        ("ulimit -n 512", 512),
        ("ulimit -n 1024", 1024),
        ("ulimit -Sn 64 && ulimit -Hn 4000", 4000),
    ],
)
async def test_analyses_run_under_a_limit(tmp_path: Path, limits: str, soft: int) -> None:
    one = Limited(tmp_path, {})
    one.limits = limits
    await one.start()
    try:
        assert psutil.Process(one.process.pid).rlimit(psutil.RLIMIT_NOFILE)[0] == soft
        assert await asyncio.to_thread(post, one.url, SUBMIT) == COMPLETED
        found = await asyncio.to_thread(post, one.url, "{ health { components { name status } } }")
        parts = {part["name"]: part["status"] for part in found["data"]["health"]["components"]}
        assert {parts[name] for name in ("workers", "analyzers")} == {"HEALTHY"}
    finally:
        await one.close()


@pytest.mark.long
async def test_a_server_without_a_free_descriptor_serves_its_connections_and_recovers(tmp_path: Path) -> None:
    one = Limited(tmp_path, {"workers": 1})
    one.limits = f"ulimit -n {BASE + OF_A_SLOT}"
    await one.start()
    held: list[socket.socket] = []
    try:
        process = psutil.Process(one.process.pid)
        async with asyncio.timeout(60):
            while process.num_fds() < BASE + OF_A_SLOT - 2:
                held.append(socket.create_connection(("127.0.0.1", one.port)))
                await asyncio.sleep(0)
        extra = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(20)]
        held += extra
        extra[-1].settimeout(60)
        assert extra[-1].recv(1) == b""  # accepted and closed
        for each in held:
            each.close()
        await until(lambda: process.num_fds() < BASE // 2)
        assert await asyncio.to_thread(post, one.url, SUBMIT) == COMPLETED
    finally:
        for each in held:
            each.close()
        await one.close()
