"""Orphans: as PID 1 of a container, the program has to wait for processes that it did not start.

The kernel gives the children of a dead process to PID 1, such as the sandbox processes of a killed fork server. Ended
ones stay as zombies, each with a process id of the container's limit, until PID 1 waits for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

import psutil

LOOK_SECONDS = 1.0


async def reap_orphans(own: Callable[[], int | None]) -> None:
    """As PID 1, wait for ended orphans until cancelled; otherwise return at once.

    `own` returns the id of a child that its parent object waits for later. asyncio and multiprocessing wait for their
    children at the end of these: a process that is a zombie in two consecutive looks is none of theirs.
    """
    before: set[int] = set()
    while os.getpid() == 1:
        ended = _zombies() - {own()}
        _reap(ended & before)
        before = ended
        await asyncio.sleep(LOOK_SECONDS)


def _reap(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _zombies() -> set[int]:
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() == psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found
