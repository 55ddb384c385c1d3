"""The history's writer: one row of this process's figures after each step of 5 seconds, and the longer steps."""

from __future__ import annotations

import asyncio
import time

from jobs.timekeeper import Timekeeper
from store.history import SHORT, Step, fold_history, levels, step_of, write_step
from store.sql.clock import utcnow
from store.sql.database import Database
from telemetry import Histogram, HttpTelemetry

# Seconds between two looks for longer steps that have ended.
FOLD_SECONDS = 60.0
# Time after the end of a step: a timer may be early by a few milliseconds.
AFTER_SECONDS = 0.1


class History:
    """Writes the figures of one process, with its worker's times. A server, which has `http`, also writes levels."""

    def __init__(
        self, database: Database, writer: str, timekeeper: Timekeeper, http: HttpTelemetry | None = None
    ) -> None:
        self._database = database
        self._writer = writer
        self._timekeeper = timekeeper
        self._http = http
        self._requests = Histogram() if http is None else http.latency.total()
        self._pending: dict[int, Step] = {}

    async def run(self) -> None:
        """Write after each step until cancelled. After a failure, the steps of the last minute are written again."""
        folded_at = -FOLD_SECONDS
        while True:
            now = utcnow().timestamp()
            await asyncio.sleep(SHORT - now % SHORT + AFTER_SECONDS)
            await self.write()
            if time.monotonic() - folded_at >= FOLD_SECONDS:
                folded_at = time.monotonic()
                async with self._database.write() as connection:
                    await fold_history(connection, utcnow())

    async def write(self) -> None:
        """Write the step that has just ended, and those that could not be written before."""
        now = utcnow()
        number = step_of(now, SHORT) - 1
        step = self._pending.setdefault(number, Step())  # before the reads, which may fail
        for analyzer, work in self._timekeeper.take_work().items():
            step.work[analyzer].add(work)
        for (analyzer, status), count in self._database.take_ends().items():
            step.work[analyzer].ends[status] += count
        if self._http is not None:
            before, self._requests = self._requests, self._http.latency.total()
            step.requests.add(self._requests.less(before))
            async with self._database.read() as connection:
                step.levels = await levels(connection, now)
        elif not step.work:
            del self._pending[number]
        self._pending = {each: self._pending[each] for each in self._pending if each > number - 12}
        if self._pending:
            async with self._database.write() as connection:
                for each, pending in self._pending.items():
                    await write_step(connection, self._writer, each, pending)
            self._pending.clear()
