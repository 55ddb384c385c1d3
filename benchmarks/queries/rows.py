"""The rows that all servers share: completed analyses of real texts, with their batches and events."""

from __future__ import annotations

import asyncio
import os
import tempfile
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Any

from analyzers.registry import load_registry
from benchmarks.texts import TEXTS
from jobs.sandbox.outcome import result_json
from settings import Settings
from store.batches import insert_batch
from store.queue.claims import claim
from store.queue.enqueue import NewAnalysis
from store.queue.finish import End, Origin, Outcome, finish
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.migrate import migrate
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from tests.support import ROOT

BATCH = 1_000
TERMS: dict[str, Any] = {"timeout_seconds": 300, "max_attempts": 3}


class _Silent:
    def progress(self, fraction: float, step: str | None = None) -> None:
        """Ignore the progress."""


def analyzed(count: int) -> list[tuple[NewAnalysis, str, float]]:
    """Return an analysis of at most this number of texts, its result as JSON, and its duration in milliseconds."""
    # The registry gives the fields of results their names for clients.
    analyzer = load_registry(built_in=True).analyzers["text"]
    if analyzer.prepare is not None:
        analyzer.prepare()
    found = []
    for text in TEXTS[:count]:
        request = analyzer.request(text=text)
        began = perf_counter()
        result = result_json(analyzer, analyzer.run(request, _Silent()), 1_000_000).decode()
        took = (perf_counter() - began) * 1000
        found.append((NewAnalysis("text", analyzer.options_of(request), 5, input_text=text), result, took))
    return found


async def fill(url: str, count: int) -> None:
    """Create the tables in an empty database, and `count` completed analyses by the store's functions."""
    database = Database(Settings(database_url=url).database)
    done = analyzed(count)
    results = {analysis.input_text: (result, took) for analysis, result, took in done}
    try:
        await migrate(database)
        for first in range(0, count, BATCH):
            items = [
                done[number % len(done)][0]._replace(key=str(number - first))
                for number in range(first, min(first + BATCH, count))
            ]
            async with database.write() as connection:
                await insert_batch(connection, VIEWER, new_id("batch"), None, items, utcnow(), **TERMS)
            async with database.write() as connection:
                rows = await claim(connection, "benchmark", lambda _: BATCH, utcnow())
            outcomes = []
            for row in rows:
                result, took = results[row.input_text]
                origin = Origin(row.workspace, row.batch_id, row.attempt, row.analyzer)
                outcomes.append(Outcome(row.id, row.lease, End.COMPLETED, result, None, took, None, origin))
            async with database.write() as connection:
                assert len(await finish(connection, outcomes, utcnow())) == len(items)
    finally:
        await database.close()


async def sqlite_file(count: int) -> Path:
    """Return a SQLite file with `count` analyses, for copies. It is kept in the system's folder for temporary files."""
    # The name follows all that decides the content.
    sources = [Path(__file__), *sorted((ROOT / "store" / "migrations").rglob("*.py"))]
    digest = blake2b(b"".join(path.read_bytes() for path in sources), digest_size=6).hexdigest()
    kept = Path(tempfile.gettempdir()) / f"assay-benchmark-{count}-{digest}.db"
    if not kept.exists():
        unfinished = kept.with_suffix(f".{os.getpid()}")
        await fill(f"sqlite:///{unfinished}", count)
        await asyncio.to_thread(unfinished.rename, kept)  # its last connection has removed the files of the log
    return kept
