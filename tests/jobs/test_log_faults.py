"""Work with a log that can't be written, or with closed standard descriptors: a server, a worker and an analyzer."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from logs import PIPE_BYTES
from tests.support import ROOT, Server, install_analyzer, post, until

pytestmark = pytest.mark.long

NOISY = """
import sys
from pydantic import Field
from analyzers.base import Analyzer, Request, Result

for _ in range(2_000):
    print("at import", "x" * 1_000)
print("at import", file=sys.stderr)


class NoisyRequest(Request):
    text: str = Field(description="The text.")


class NoisyResult(Result):
    pass


def run(request, job):
    print("in run", "x" * 100_000)
    return NoisyResult(summary=request.text)


NOISY = Analyzer(name="noisy", version="1", description="Prints.", request=NoisyRequest, result=NoisyResult, run=run)
"""

SUBMIT = """mutation ($text: String!) {
  submitAnalysis(input: {request: {noisy: {text: $text}}, waitSeconds: 60}) {
    analysis { status result { summary } } userErrors { message }
  }
}"""

SLOTS = "{ metrics { workers { slots } } }"


@contextlib.contextmanager
def broken_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextlib.contextmanager
def full_pipe() -> Iterator[int]:
    """Yield a pipe that is full, and that nobody reads."""
    reading, writing = os.pipe()
    with contextlib.suppress(OSError):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4_096)
    os.set_blocking(writing, True)
    yield writing
    os.close(reading)
    os.close(writing)


@contextlib.contextmanager
def full_disk() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@contextlib.contextmanager
def closed() -> Iterator[None]:
    yield None


class Muted(Server):
    """A server or worker whose output is this descriptor; None closes all three."""

    output: int | None = None

    def _spawn(self) -> None:
        close = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh") if self.output is None else ()
        self._process = subprocess.Popen(
            [*close, *self.command],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )
        self._sessions.add(self._process.pid)


class MutedWorker(Muted):
    command = (sys.executable, "server.py", "worker")


def dropped(server: Server) -> float:
    with urllib.request.urlopen(f"{server.address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("assay_log_lines_dropped_total "))


@pytest.mark.parametrize("fault", [broken_pipe, full_pipe, full_disk, closed])
async def test_analyses_run_without_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: type[contextlib.AbstractContextManager[int | None]]
) -> None:
    packages = install_analyzer(tmp_path, "noisy", NOISY)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    with fault() as output:
        one, worker = Muted(tmp_path, {"workers": 1}), MutedWorker(tmp_path, {"workers": 1}, "worker")
        one.output = worker.output = output
        try:
            await one.start()
            await _analyze(one, "by the server")
            counted = dropped(one)
            assert (counted > 0) is (output is not None)
            await one.terminate()

            one.settings["workers"] = 0
            await one.start()
            worker._spawn()
            await until(
                lambda: (
                    post(one.url, "{ metrics { workers { slots } } }")["data"]["metrics"]["workers"] == [{"slots": 1}]
                )
            )
            await _analyze(one, "by the worker")
        finally:
            await worker.close()
            await one.close()
        assert (one.process.returncode, worker.process.returncode) == (0, 0)
    # A process with closed descriptors opened no file of its own in their place.
    assert b"at import" not in (one.data_dir / "assay.db").read_bytes()


async def _analyze(server: Server, text: str) -> None:
    answer = post(server.url, SUBMIT, {"text": text})
    assert answer == {
        "data": {"submitAnalysis": {"analysis": {"status": "COMPLETED", "result": {"summary": text}}, "userErrors": []}}
    }
