"""The keeper: deadlines of batches, delayed retries, expired leases, lost workers, bulk actions, clean-up, deleted
workspaces.

Any number of keepers may run on one database: each of their changes is one conditional statement, or fenced by a lease.
A keeper measures the silence of a worker, and the age of a lease, from the last change that it saw, by its own clock:
clocks of other machines may be wrong.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import psutil
import structlog

from jobs import retry
from jobs.bulk_actions import BulkActions
from jobs.cleanup import Ages, clean_up
from jobs.stillness import Stillness
from jobs.supervision import keep_running, wait_for
from store import emptying
from store.batches import (
    bring_deadlines_near,
    go_on_deleting,
    go_on_stopping,
    next_deadline,
    time_out_batches,
)
from store.ingest import break_silent_streams
from store.queue import finish, workers
from store.queue.claims import LEASE
from store.queue.leases import lost, next_wake, running_leases, wake_waiting
from store.queue.retries import go_on_retrying
from store.sql.clock import clock_step, utcnow
from store.sql.database import Database
from store.tables import WorkerRow

POLL_SECONDS = 1.0
# Seconds between two checks for a due clean-up. Of the servers on one database, one runs it.
CLEANUP_SECONDS = 300.0
# Seconds between two looks for data of deleted workspaces.
EMPTY_SECONDS = 10.0
# A silent worker keeps its row for this time, shown as not alive: it may come back.
FORGET = timedelta(minutes=2)
# Smallest difference between the machine's clock and this process's clock that is logged.
CLOCK_STEP = timedelta(seconds=5)

log = structlog.stdlib.get_logger(__name__)


class Keeper:
    """The timers of one server. `wake` starts a look before the next is due."""

    def __init__(self, database: Database, lease: timedelta = LEASE, *, ages: Ages | None = None) -> None:
        self._database = database
        self._lease = lease
        self._ages = ages or Ages()
        self._bulk_actions = BulkActions(database)
        self._news = asyncio.Event()
        database.on_commit(lambda news: self.wake() if "waiting" in news else None)

    def wake(self) -> None:
        """Look now: a new delayed row may be due before the next look."""
        self._news.set()

    async def run(self) -> None:
        """Run the timers until cancelled."""
        await keep_running("deadlines", self._settle_deadlines)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_running("timers", self._keep_time))
            tasks.create_task(keep_running("lost leases", self._find_lost))
            tasks.create_task(keep_running("bulk actions", self._bulk_actions.run))
            tasks.create_task(keep_running("clean-up", self._clean_up))
            tasks.create_task(keep_running("deleted workspaces", self._empty_workspaces))
            tasks.create_task(keep_running("clock", self._watch_clock))

    async def _settle_deadlines(self) -> None:
        """Once after start-up, move deadlines that lie further away than their batch's whole timeout.

        Such a deadline means that the machine's clock was set back. With another live worker nothing is moved: either
        machine may have the wrong time.
        """
        async with self._database.write() as connection:
            others = [worker for worker in await workers.all_workers(connection) if not is_own(worker)]
            late = (
                0 if any(not is_gone(worker) for worker in others) else await bring_deadlines_near(connection, utcnow())
            )
        if late:
            log.warning("deadlines brought nearer", batches=late, hint="the machine's clock was set back")

    async def _keep_time(self) -> None:
        while True:
            now = utcnow()
            async with self._database.read() as connection:
                deadline, wake = await next_deadline(connection), await next_wake(connection, now)
            now = utcnow()
            due = min((when for when in (deadline, wake) if when is not None), default=None)
            if due is not None and due <= now:
                async with self._database.write() as connection:
                    late = await time_out_batches(connection, now)
                async with self._database.write() as connection:
                    silent = await break_silent_streams(connection, now)
                async with self._database.write() as connection:
                    await go_on_stopping(connection, now)
                async with self._database.write() as connection:
                    await go_on_retrying(connection, now)
                async with self._database.write() as connection:
                    await go_on_deleting(connection)
                async with self._database.write() as connection:
                    await wake_waiting(connection, now)
                for batch_id in late:
                    log.info("batch timed out", batch=batch_id)
                for batch_id in silent:
                    log.warning("batch canceled: its stream broke off", batch=batch_id)
            else:
                seconds = POLL_SECONDS if due is None else min(POLL_SECONDS, (due - now).total_seconds())
                if await wait_for(self._news, seconds):
                    self._news.clear()

    async def _find_lost(self) -> None:
        lives, beats = Stillness(), Stillness()
        looked_at = time.monotonic()
        while True:
            await asyncio.sleep(min(POLL_SECONDS, self._lease.total_seconds() / 3))
            async with self._database.read() as connection:
                rows = await workers.all_workers(connection)
                leases = await running_leases(connection)
            before, looked_at = looked_at, time.monotonic()
            if looked_at - before > max(2 * POLL_SECONDS, self._lease.total_seconds() / 2):
                # This process was paused, or the database was, and with it perhaps all workers: let them renew first.
                lives, beats = Stillness(), Stillness()
            silent = {
                lease: leases[lease]
                for lease, seconds in lives.look(leases).items()
                if seconds > self._lease.total_seconds()
            }
            quiet = beats.look({worker.id: worker.last_seen_at for worker in rows})
            gone = {row.id for row in rows if quiet[row.id] > FORGET.total_seconds() or is_gone(row)}
            if gone or silent:
                await reclaim(self._database, gone, silent)

    async def _clean_up(self) -> None:
        while True:
            await clean_up(self._database, self._ages)
            await asyncio.sleep(CLEANUP_SECONDS)

    async def _empty_workspaces(self) -> None:
        while True:
            if not await empty_workspaces(self._database):
                await asyncio.sleep(EMPTY_SECONDS)

    async def _watch_clock(self) -> None:
        told = timedelta()
        while True:
            step = clock_step()
            if abs(step - told) > CLOCK_STEP:
                hint = "this server keeps the time that it began with: restart every server when the clock is right"
                log.warning("the machine's clock was set", seconds=round(step.total_seconds()), hint=hint)
                told = step
            await asyncio.sleep(POLL_SECONDS)


async def empty_workspaces(database: Database) -> int:
    """Do each step for the data of each deleted workspace once; returns the number of changed objects.

    Pauses after each step for as long as it took, so that other writers get a turn.
    """
    async with database.read() as connection:
        deleted = await emptying.deleted_with_data(connection)
    changed = 0
    for viewer in deleted:
        for step in emptying.STEPS:
            began = time.monotonic()
            async with database.write() as connection:
                changed += await step(connection, viewer, utcnow())
            await asyncio.sleep(time.monotonic() - began)
    return changed


async def reclaim(database: Database, gone: Collection[str], silent: Mapping[str, datetime] | None = None) -> None:
    """Record the running analyses of expired leases and dead workers as lost, and delete those workers' rows."""
    async with database.write() as connection:
        now = utcnow()
        outcomes = [retry.lost(row, now) for row in await lost(connection, gone, silent or {})]
        held = await finish.finish(connection, outcomes, now)
        await workers.forget(connection, list(gone))
    if gone or held:
        log.warning("worker lost", workers=sorted(gone), analyses=len(held))


def is_own(worker: WorkerRow) -> bool:
    """Whether this is a worker of this process."""
    return (worker.host, worker.pid, worker.process_start) == own_process()


def is_gone(worker: WorkerRow) -> bool:
    """Whether the worker's process, on this machine, has ended: no process has its id, or another one has.

    False for workers of other machines and containers, whose process ids mean nothing here.
    """
    if worker.host != socket.gethostname() or (worker.process_start or "").rpartition(" ")[0] != machine():
        return False
    try:
        began = process_start(worker.pid)
    except psutil.Error:
        return False
    return began is None or began != worker.process_start


def own_process() -> tuple[str, int, str | None]:
    """Return host name, process id and start of this process, which together identify it."""
    return socket.gethostname(), os.getpid(), process_start(os.getpid())


@cache
def machine() -> str:
    """Identify the processes that this one can see by their ids: boot id and PID namespace; empty if not on Linux.

    A host name is not enough: containers, copies of a virtual machine and machines without a name share names.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """Identify a process among all that ever had its id on this machine; None if no process has the id now.

    On Linux: `machine` and the kernel tick of the process's start, independent of any clock. Raises psutil.Error.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        try:
            # proc(5): field 2 is a name with any characters, field 22 is starttime.
            return f"{machine()} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
        except OSError:
            return f"{machine()} {process.create_time()}"
    except psutil.NoSuchProcess:
        return None
