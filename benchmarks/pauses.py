"""Measure the longest pauses of the event loop while it answers an operation of 50,000 nodes.

    python -m benchmarks.pauses [--uses 4]

The first use of a text is interpreted, the others are compiled. A pause is the processor time of the loop's thread
between two turns of another task: it does not depend on other programs. The causes are full garbage collections and
the encoding of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
from pathlib import Path
from time import thread_time
from typing import Any

from rich.console import Console
from rich.table import Table

from analyzers.registry import load_registry
from benchmarks.cost import ITEMS, NESTED
from events.bus import Bus
from events.feed import Feed
from execution.executor import Executor, OperationRequest
from resolvers.context import Context, Services
from schema.build import fit
from settings import Settings
from store.batches import insert_batch
from store.queue.enqueue import NewAnalysis
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.submissions import Submissions
from telemetry import Telemetry

INNER = 100


class Pauses:
    """The pauses of a thread, in milliseconds, and the longest full garbage collection."""

    def __init__(self) -> None:
        self.found: list[float] = []
        self.collection = 0.0
        self._began = 0.0

    async def watch(self) -> None:
        """Take every turn of the loop until cancelled."""
        while True:
            before = thread_time()
            await asyncio.sleep(0)
            self.found.append((thread_time() - before) * 1000)

    def collected(self, phase: str, info: dict[str, Any]) -> None:
        """Note a garbage collection, as a callback of `gc`."""
        if info["generation"] == 2:
            if phase == "start":
                self._began = thread_time()
            else:
                self.collection = max(self.collection, (thread_time() - self._began) * 1000)


async def run(uses: int) -> None:
    schema, analyzers, _ = fit(load_registry().analyzers)
    table = Table("use", "processor ms", "longest pause, ms", "full collection, ms", "encoding, ms")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/assay.db", data_dir=Path(folder), max_cost=0)
        database, telemetry = Database(settings.database), Telemetry()
        await migrate(database)
        batch_id = new_id("batch")
        items = [NewAnalysis("text", "{}", 5, str(number), f"Number {number} is a text.") for number in range(ITEMS)]
        async with database.write() as connection:
            await insert_batch(
                connection,
                LOCAL_ADMINISTRATOR,
                batch_id,
                None,
                items,
                utcnow(),
                timeout_seconds=86_400,
                max_attempts=1,
            )
        executor = Executor(schema, settings=settings, telemetry=telemetry)
        services = Services(
            settings=settings,
            database=database,
            submissions=Submissions(database),
            feed=Feed(database),
            bus=Bus(),
            telemetry=telemetry,
            analyzers=analyzers,
            plugin_failures={},
            instance="benchmark",
        )
        gc.collect()
        gc.freeze()  # like the server
        request = OperationRequest(NESTED, variables={"id": batch_id, "first": ITEMS, "inner": INNER})
        for use in range(1, uses + 1):
            pauses = Pauses()
            gc.callbacks.append(pauses.collected)
            watch = asyncio.create_task(pauses.watch())
            began = thread_time()
            answer = await executor.execute(request, Context(services, LOCAL_ADMINISTRATOR, "benchmark"))
            took = (thread_time() - began) * 1000
            await asyncio.sleep(0)
            watch.cancel()
            gc.callbacks.remove(pauses.collected)
            began = thread_time()
            type(answer)(answer.body, answer.kind).json  # noqa: B018 - encodes again
            encoding = (thread_time() - began) * 1000
            figures = (took, max(pauses.found), pauses.collection, encoding)
            table.add_row(str(use), *(f"{each:,.0f}" for each in figures))
            del answer
        await services.submissions.close()
        await database.close()
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--uses", type=int, default=4)
    asyncio.run(run(parser.parse_args().uses))
