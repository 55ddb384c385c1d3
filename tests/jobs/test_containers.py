"""Containers: PID namespaces with one host name, and the duties of PID 1."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from store.queue.workers import all_workers
from store.tables import AnalysisStatus
from tests.jobs.processes import Process
from tests.jobs.working import Work, working
from tests.support import ROOT, Server, post, until

# A process with this prefix is PID 1, and is killed with `unshare`.
CONTAINER = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="namespaces need root on Linux"),
    pytest.mark.long,
]


@pytest.fixture
async def work(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(database_url, tmp_path) as work:
        yield work


async def test_containers_with_one_host_name_leave_each_others_work_alone(
    work: Work, processes: list[Process], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    ids = await work.submit("echo", "first", "second", until=str(gate))
    for text in ("first", "second"):
        processes.append(Process(work.database, slots=1, within=CONTAINER))
        await work.has_started(text)

    async def both_have_looked() -> bool:
        """Return whether both have sent heartbeats for three seconds; their keepers look once a second."""
        async with work.database.read() as connection:
            rows = await all_workers(connection)
        ages = [row.last_seen_at - row.started_at for row in rows]
        return len(ages) == 2 and min(ages) > timedelta(seconds=3)

    await until(both_have_looked, what="both workers to look for lost ones")
    async with work.database.read() as connection:
        rows = await all_workers(connection)
    assert [row.pid for row in rows] == [1, 1]
    assert len({row.host for row in rows}) == 1
    gate.touch()
    ended = await work.ended(ids)
    assert [(row.status, row.attempt) for row in ended] == [(AnalysisStatus.COMPLETED, 1)] * 2
    assert (work.starts("first"), work.starts("second")) == (1, 1)


class ContainerServer(Server):
    """A server that is PID 1."""

    command = (*CONTAINER, sys.executable, "server.py", "serve")

    @property
    def first(self) -> psutil.Process:
        (found,) = psutil.Process(self.process.pid).children()
        return found

    def fork_servers(self) -> list[psutil.Process]:
        """Return the running fork servers."""
        return [each for each in self.first.children() if each.status() != psutil.STATUS_ZOMBIE]

    async def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.first.terminate()
        await self._ended(self.stop_seconds)
        await super().close()


async def test_pid_1_waits_for_orphans(tmp_path: Path) -> None:
    server = ContainerServer(tmp_path, {"workers": 2})
    await server.start()
    try:
        submit = "mutation ($i: SubmitAnalysisInput!) { submitAnalysis(input: $i) { analysis { status } } }"
        given = {"i": {"request": {"text": {"text": "A good day."}}, "waitSeconds": 60}}
        done = {"data": {"submitAnalysis": {"analysis": {"status": "COMPLETED"}}}}
        killed: set[int] = set()

        def forking() -> list[psutil.Process]:
            return [each for each in server.fork_servers() if each.pid not in killed and each.children()]

        for _ in range(3):
            assert await asyncio.to_thread(post, server.url, submit, given) == done
            (fork_server,) = await until(forking, what="a new fork server with sandbox processes")
            killed.update(each.pid for each in (fork_server, *fork_server.children(recursive=True)))
            fork_server.send_signal(signal.SIGKILL)
        assert await asyncio.to_thread(post, server.url, submit, given) == done
        # The sandbox processes of each killed fork server were given to PID 1.
        assert len(killed) > 3
        await until(lambda: not killed & {each.pid for each in server.first.children()}, what="the end of all zombies")
        assert len(server.fork_servers()) == 1
    finally:
        await server.close()


# Children with exit codes, and an orphan: of a process that has ended before it.
FIRST = """
import asyncio, multiprocessing, os, subprocess, sys
import psutil
from jobs import orphans

def status(code):
    os._exit(code)

async def main():
    late = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
    reaping = asyncio.create_task(orphans.reap_orphans(lambda: late.pid))
    parent = await asyncio.create_subprocess_exec("sh", "-c", "(sleep 0.01; exit 9) & exit 4")
    forked = multiprocessing.get_context("fork").Process(target=status, args=(5,))
    forked.start()
    await asyncio.to_thread(forked.join)
    codes = [await parent.wait(), forked.exitcode]
    seen = set()
    while True:
        children = {each.pid for each in psutil.Process().children()}
        seen |= children
        if children == {late.pid} and len(seen) > 1:
            break
        await asyncio.sleep(0.01)
    reaping.cancel()
    print(os.getpid(), codes, psutil.Process(late.pid).status(), late.wait())

asyncio.run(main())
"""


async def test_exit_codes_of_own_children_are_not_stolen() -> None:
    arguments = [*CONTAINER, sys.executable, "-c", FIRST]
    done = await asyncio.to_thread(
        subprocess.run, arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.stdout, done.stderr) == ("1 [4, 5] zombie 3\n", "")
