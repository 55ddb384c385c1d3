"""The death of the server, the death of the template, and templates that can't start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from jobs.sandbox.sandbox import Died, Limits, Sandbox, SandboxUnavailable, Template
from tests.jobs.conftest import ANALYZERS
from tests.jobs.processes import alive, sandbox_processes
from tests.jobs.test_sandbox import echo, outcomes, pid_in, result, task
from tests.support import ROOT, until

MODULE = "tests.jobs.sandbox_analyzers"


@pytest.fixture
def server() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield a list for server processes, which are killed after the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for each in started:
        each.kill()
        each.wait()


def start_server(load: str, deed: str, *files: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.sandbox_server", load, deed, *map(str, files)], cwd=ROOT)


@pytest.mark.parametrize("deed", ["hang_in_sleep", "hang_in_regex"])
async def test_all_processes_die_with_a_killed_server(
    server: list[subprocess.Popen[bytes]], tmp_path: Path, deed: str
) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    server.append(start_server(ANALYZERS, deed, *files))
    pids = [await until(lambda file=file: pid_in(file)) for file in files]  # type: ignore[misc]
    template = psutil.Process(pids[0]).ppid()
    os.kill(pids[0], signal.SIGSTOP)  # a stopped process can't end itself
    server[0].kill()
    await until(lambda: not any(map(alive, [*pids, template])))


async def test_processes_die_with_their_template_by_themselves(
    server: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    server.append(start_server(ANALYZERS, "hang_in_regex", *files))
    pids = [await until(lambda file=file: pid_in(file)) for file in files]  # type: ignore[misc]
    os.kill(server[0].pid, signal.SIGSTOP)  # the server must not be the one that kills them
    os.kill(psutil.Process(pids[0]).ppid(), signal.SIGKILL)
    await until(lambda: not any(map(alive, pids)))


async def test_processes_that_an_analyzer_forked_die_with_a_killed_server(
    server: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    file = tmp_path / "pids-hang"
    server.append(start_server(ANALYZERS, "fork_and_stay", file))
    await until(file.exists)
    pids = [int(pid) for pid in file.read_text().split()]
    server[0].kill()
    await until(lambda: not any(map(alive, pids)))


async def test_a_template_that_still_imports_dies_with_a_killed_server(
    server: list[subprocess.Popen[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADING", str(tmp_path / "loading"))
    server.append(start_server(f"{MODULE}:load_for_ever", "echo", tmp_path / "file"))
    pid = await until(lambda: pid_in(tmp_path / "loading"))
    server[0].kill()
    await until(lambda: not alive(pid))


async def test_a_killed_template_takes_its_processes_and_is_replaced(
    sandbox: Sandbox, template: Template, tmp_path: Path
) -> None:
    file = tmp_path / "pid"
    work = asyncio.create_task(outcomes(sandbox, [echo("a"), task("hang_in_regex", file)]))
    pid = await until(lambda: pid_in(file))
    first = template.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    completed, died = await work
    assert result(completed)["summary"] == "a"
    assert died == Died("hang_in_regex", "WORKER_LOST", "The process that analyzers are forked from was lost.")
    await until(lambda: not alive(pid))
    (after,) = await outcomes(sandbox, [echo("b")])
    assert result(after)["summary"] == "b"
    assert template.pid not in (None, first)


async def test_a_template_that_does_not_answer_is_replaced(
    sandbox: Sandbox, template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sandbox.start()
    first = template.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    work = asyncio.create_task(outcomes(sandbox, [task("hang_in_sleep", tmp_path / "pid")]))
    pid = await until(lambda: pid_in(tmp_path / "pid"))
    with monkeypatch.context() as impatient:  # for the stopped template only: its successor may be slow
        impatient.setattr("jobs.sandbox.template.SILENCE_SECONDS", 0.2)
        sandbox.kill()
        assert [type(each) for each in await work] == [Died]
    await until(lambda: not alive(pid))
    assert len(await outcomes(sandbox, [echo("a")])) == 1
    assert not alive(first)


async def test_analyzers_that_cant_be_loaded_are_a_clear_error_with_growing_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = tmp_path / "starts"
    monkeypatch.setenv("STARTS", str(starts))
    template = Template(f"{MODULE}:load_nothing")
    sandbox = Sandbox(template)
    loop = asyncio.get_running_loop()
    with capture_logs() as lines:
        began = loop.time()
        for _ in range(3):
            with pytest.raises(SandboxUnavailable, match="can't be loaded: ImportError: no analyzers here"):
                await outcomes(sandbox, [echo("a")])
        assert loop.time() - began >= 0.2 + 0.4  # the pauses before the second and the third start
    assert starts.read_text() == "xxx"
    assert [line["failures"] for line in lines if line["event"] == "sandbox.unavailable"] == [1, 2, 3]
    await sandbox.close()
    await template.close()
    assert not sandbox_processes()


@pytest.mark.parametrize(
    ("load", "seconds", "message"),
    [
        (f"{MODULE}:load_and_die", 60, "The process that runs analyzers is gone: it ended."),
        (f"{MODULE}:absent", 60, "can't be loaded: AttributeError"),
        ("no.such.module:load", 60, "can't be loaded: ModuleNotFoundError"),
        (f"{MODULE}:load_dying_forks", 60, "A new process ended before it was ready. .* exit code 9"),
        (f"{MODULE}:load_for_ever", 2, "were not imported within 2 s"),
    ],
)
async def test_a_failed_start_names_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str, seconds: float, message: str
) -> None:
    monkeypatch.setenv("LOADING", str(tmp_path / "loading"))
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    descriptors = psutil.Process().num_fds()
    template = Template(load, Limits(start_seconds=seconds))
    sandbox = Sandbox(template)
    with pytest.raises(SandboxUnavailable, match=message):
        await sandbox.start()
    await sandbox.close()
    await template.close()
    await until(lambda: not sandbox_processes())
    assert psutil.Process().num_fds() == descriptors


async def test_a_cancelled_start_leaves_nothing(template: Template, sandbox: Sandbox) -> None:
    for turns in (1, 3, 5):
        work = asyncio.create_task(sandbox.start())
        for _ in range(turns):
            await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    await sandbox.start()
    work = asyncio.create_task(Sandbox(template).start())
    while not template._asked:  # noqa: ASYNC110 - up to the iteration of the event loop that sends the request
        await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await until(lambda: list(template._living) == [sandbox.pid], what="the end of the unused fork")


async def test_many_slots_share_one_template(template: Template) -> None:
    slots = [Sandbox(template) for _ in range(8)]
    found = await asyncio.gather(*(outcomes(slot, [echo(str(n)) for n in range(100)]) for slot in slots))
    assert len({result(each)["pid"] for several in found for each in several}) == 8
    assert {psutil.Process(slot.pid).ppid() for slot in slots} == {template.pid}
    for slot in slots:
        await slot.close()
