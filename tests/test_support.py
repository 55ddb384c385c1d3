"""The test helpers: skipped tests are reported, and fail under CI; left-over processes of servers are found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support import ROOT, Server, until

LEFT_OUT = """
import pytest

def test_that_runs():
    pass

@pytest.mark.needs("postgresql")
def test_that_can_not_run():
    raise AssertionError

def test_that_leaves_itself_out():
    pytest.skip("for a reason of its own")
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("ci", "code", "counts"), [("", 0, "1 passed, 2 skipped"), ("true", 1, "1 passed, 1 skipped, 1 error")]
)
def test_skipped_tests_are_reported_and_fail_under_ci(tmp_path: Path, ci: str, code: int, counts: str) -> None:
    (tmp_path / "test_left_out.py").write_text(LEFT_OUT)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.conftest",
            "-p",
            "no:cacheprovider",
            "-c",
            tmp_path / "pytest.ini",
            tmp_path,
        ],
        cwd=ROOT,
        env=os.environ | {"CI": ci, "ASSAY_TEST_POSTGRESQL_URL": "postgresql://postgres@127.0.0.1:1/none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert counts in done.stdout
    assert "1 test: for a reason of its own" in done.stdout
    assert ("1 test: needs postgresql: no PostgreSQL answers" in done.stdout) is not bool(ci)


@pytest.mark.long
def test_a_single_skip_fails_under_ci(tmp_path: Path) -> None:
    (tmp_path / "test_skip.py").write_text('import pytest\n\ndef test_one():\n    pytest.skip("so")\n')
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        str(tmp_path / "pytest.ini"),
        str(tmp_path),
    ]
    assert subprocess.run(command, cwd=ROOT, env=os.environ | {"CI": "true"}, capture_output=True).returncode == 1


PLAYED = """
import http.server, os, signal, subprocess, sys

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()

{before}
print("a line of its log", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["ASSAY_PORT"])), Ready).serve_forever()
"""
ORPHAN = 'subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])'


def play(folder: Path, before: str = "") -> Server:
    server = Server(folder, {})
    server.command = (sys.executable, "-c", PLAYED.format(before=before))
    return server


async def test_a_restarted_server_keeps_its_address(tmp_path: Path) -> None:
    server = await play(tmp_path).start()
    first, url = server.process.pid, server.url
    assert await server.kill() == -9
    await server.start()
    assert server.url == url
    assert server.process.pid != first
    assert server.log.count("a line of its log") == 2
    await server.close()
    assert server.process.returncode == -15


async def test_a_server_that_ends_too_early_shows_its_log(tmp_path: Path) -> None:
    server = play(tmp_path, before='sys.exit("no such database")')
    with pytest.raises(AssertionError, match="ended with 1 before it was ready:\nno such database"):
        await server.start()
    await server.close()


async def test_a_left_over_process_is_found_and_killed(tmp_path: Path) -> None:
    server = await play(tmp_path, before=ORPHAN).start()
    await server.kill()
    (orphan,) = server.left_over()
    server.stop_seconds = 0.2
    with pytest.raises(AssertionError, match="left processes behind"):
        await server.close()
    await until(lambda: not psutil.pid_exists(orphan.pid) or orphan.status() == psutil.STATUS_ZOMBIE, seconds=5)


async def test_a_server_that_does_not_stop_shows_where_it_is(tmp_path: Path) -> None:
    server = await play(tmp_path, before="signal.signal(signal.SIGTERM, signal.SIG_IGN)").start()
    with pytest.raises(AssertionError, match="to end"):
        await server.terminate(seconds=0.2)
    server.stop_seconds = 0.2
    with pytest.raises(AssertionError, match=r"(?s)did not stop.*Current thread.*in serve_forever"):
        await server.close()
    assert server.process.returncode == -6
