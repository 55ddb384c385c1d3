"""Sandbox processes of the test's own process, and worker processes that tests start."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence

import psutil
from sqlalchemy import URL

from store.sql.database import Database
from tests.support import ROOT, until


def sandbox_processes() -> list[psutil.Process]:
    """Return the templates that are children of this process, and their descendants.

    Templates of servers that other tests started are children of those servers, and are not included.
    """
    templates = [each for each in psutil.Process().children() if _is_template(each)]
    return templates + [each for template in templates for each in _below(template)]


def _is_template(process: psutil.Process) -> bool:
    try:
        return "jobs.sandbox.fork_server" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


class Process:
    """A worker process (`worker_process.py`) and its descendants. `within`: a command that starts it, with options."""

    def __init__(
        self, database: Database, *, slots: int = 3, lease_seconds: float = 30, within: Sequence[str] = ()
    ) -> None:
        url = database.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.jobs.worker_process", url, str(slots), str(lease_seconds)]
        self.popen = subprocess.Popen([*within, *command], cwd=ROOT, start_new_session=True)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    async def ended(self) -> int:
        await until(lambda: self.popen.poll() is not None, what="the worker's process to end")
        return self.popen.returncode or 0

    async def kill(self) -> None:
        """Kill the worker process only, and wait until its descendants have ended by themselves."""
        children = self.children()
        self.popen.kill()
        await self.ended()
        await until(lambda: not any(map(runs, children)), what="the end of the children of a killed worker")


def runs(process: psutil.Process) -> bool:
    """Return whether the process has not ended. A zombie has ended."""
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def alive(pid: int) -> bool:
    """Return whether a process with this id has not ended. A zombie has ended."""
    try:
        return runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


async def stall(pid: int, url: URL) -> None:
    """SIGSTOP a worker while it holds no SQLite lock: no other process can release the lock of a stopped one."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        if url.get_backend_name() != "sqlite":
            return
        connection = sqlite3.connect(url.database or "", timeout=0, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            return
        except sqlite3.OperationalError:
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0)
        finally:
            connection.close()
