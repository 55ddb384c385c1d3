"""A database with real servers, clients' calls, and a check of all rows and events at the end.

`ASSAY_TORTURE=long` (`make torture`) runs the long versions of the tests; without it, the same code runs for seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import urllib.error
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from sqlalchemy import select

from settings import Settings
from store import tables
from store.sql.database import Database
from store.sql.migrate import migrate
from store.tables import AnalysisEventType, AnalysisRow, BatchEventType
from tests.api.calls import ANALYSIS, BATCH, ApiServer
from tests.store.truth import ENDS, assert_consistent, whole_log
from tests.support import post, until

LONG = os.environ.get("ASSAY_TORTURE") == "long"
SEED = int(os.environ.get("ASSAY_TORTURE_SEED") or random.randrange(10**6))

# Threads for concurrent calls: the most that a test makes. The default executor of asyncio has too few.
_CALLS = ThreadPoolExecutor(400)

SUBMIT = """
mutation ($input: SubmitAnalysisInput!) { submitAnalysis(input: $input) {
  analysis { id status attempt error { code message retryable } } userErrors { message } } }
"""
BATCHES = "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Batch { id status finishedAt } } }"


class WorkerProgram(ApiServer):
    """`server.py worker` with the server's packages, ready once its log says so."""

    command = (sys.executable, "server.py", "worker")

    def _spawn(self) -> None:
        self._earlier_starts = self._starts()
        super()._spawn()

    def _is_ready(self) -> bool:
        return self._starts() > self._earlier_starts

    def _starts(self) -> int:
        """Return the number of starts in the log, which restarts continue."""
        return self.log.count('"event":"worker started"')


class Unanswered(Exception):
    """The server gave no answer: the call may have been executed or not."""


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(str(errors))
        self.codes = [error["extensions"]["code"] for error in errors]


async def ask(server: ApiServer, document: str, **variables: Any) -> Any:
    """Execute one call. Returns its data; raises Unanswered or Refused."""
    try:
        answer = await asyncio.get_running_loop().run_in_executor(_CALLS, post, server.url, document, variables)
    except urllib.error.HTTPError as refusal:
        answer = json.loads(refusal.read())
    except (OSError, HTTPException, ValueError) as error:
        raise Unanswered from error
    if answer.get("errors"):
        raise Refused(answer["errors"])
    return answer["data"]


async def submit(server: ApiServer, text: str, *, terms: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """Queue one analysis. Returns its fields."""
    given = {"request": {"torture": {"text": text, **options}}, **(terms or {})}
    payload = (await ask(server, SUBMIT, input=given))["submitAnalysis"]
    assert payload["userErrors"] == []
    return payload["analysis"]


async def submit_batch(
    server: ApiServer, texts: Sequence[str], *, terms: Mapping[str, Any] | None = None, **options: Any
) -> str:
    """Queue a batch of these texts. Returns its id."""
    items = [{"request": {"torture": {"text": text, **options}}} for text in texts]
    payload = (await ask(server, BATCH, input={"items": items, **(terms or {})}))["batchProcess"]
    assert payload["userErrors"] == []
    return str(payload["batch"]["id"])


async def submit_until_accepted(server: ApiServer, key: str, texts: Sequence[str], **given: Any) -> str:
    """Repeat one call with one idempotency key until the server accepts the batch. Returns the batch's id."""
    terms = {**given.pop("terms", {}), "idempotencyKey": key}
    while True:
        try:
            return await submit_batch(server, texts, terms=terms, **given)
        except Refused as refusal:
            if not set(refusal.codes) <= {"SERVICE_UNAVAILABLE", "OPERATION_TIMEOUT"}:
                raise
        except Unanswered:
            pass
        await asyncio.sleep(0.05)


async def end_of(server: ApiServer, analysis_id: str) -> str:
    """Return the status of the analysis once it has ended."""

    async def ended() -> Any:
        found = (await ask(server, ANALYSIS, id=analysis_id))["analysis"]
        return found["finishedAt"] and found["status"]

    return str(await until(ended, what="an analysis to end"))


async def idle(server: ApiServer) -> None:
    """Return once the server reports no queued and no running analyses."""

    async def is_idle() -> bool:
        found = (await ask(server, "{ metrics { queue { depth running } } }"))["metrics"]["queue"]
        return bool(found == {"depth": 0, "running": 0})

    await until(is_idle, what="the queue to be empty")


def install(folder: Path, **entries: str) -> Path:
    """Install a package with `torture` and these entry points. Returns the folder, for PYTHONPATH."""
    info = folder / "assay_torture-1.0.dist-info"
    info.mkdir(parents=True)
    entries = {"torture": "tests.torture.deeds:TORTURE", **entries}
    lines = "\n".join(f"{name} = {value}" for name, value in entries.items())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: assay-torture\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[assay.analyzers]\n{lines}\n")
    return folder


@dataclass
class Truth:
    """The rows of the database after a test."""

    rows: Sequence[AnalysisRow]
    batches: Mapping[str, Any]

    def of(self, batch_id: str) -> list[AnalysisRow]:
        """Return the items of a batch, in their order."""
        return sorted((row for row in self.rows if row.batch_id == batch_id), key=lambda row: row.position)

    def named(self, text: str) -> AnalysisRow:
        """Return the one analysis of this text."""
        (row,) = (row for row in self.rows if row.input_text == text)
        return row

    def statuses(self, batch_id: str | None = None) -> Counter[str]:
        """Return the number of analyses by status, of all or of one batch."""
        return Counter(row.status for row in self.rows if batch_id is None or row.batch_id == batch_id)


@dataclass
class House:
    """A database and the servers started on it."""

    url: str
    folder: Path
    packages: Path
    servers: list[ApiServer] = field(default_factory=list)
    sqlite: bool = True

    async def start(self, server: type[ApiServer] = ApiServer, **settings: object) -> ApiServer:
        """Start a server, by default with three workers."""
        given: dict[str, object] = {"database_url": self.url, "workers": 3, "data_dir": self.folder, **settings}
        one = server(self.folder, given, path=self.packages)
        self.servers.append(one)
        await one.start()
        return one

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """Open the test's own connection pool to the database."""
        database = Database(Settings(database_url=self.url).database)
        try:
            yield database
        finally:
            await database.close()

    async def ended(self, server: ApiServer, batch_ids: Sequence[str], *, seconds: float = 120) -> None:
        """Return once the server reports that these batches have ended."""

        async def all_ended() -> bool:
            found = (await ask(server, BATCHES, ids=list(batch_ids)))["nodes"]
            return all(batch["finishedAt"] is not None for batch in found)

        try:
            await until(all_ended, what="the batches to end", seconds=seconds)
        except AssertionError as error:
            async with self.database() as database, database.read() as connection:
                rows = (await connection.execute(select(tables.analysis))).all()
            columns = ("status", "attempt", "lease_expires_at", "not_before", "stop_requested", "worker_id")
            left = [[getattr(row, name) for name in columns] for row in rows if row.finished_at is None]
            raise AssertionError(f"{error}: {len(left)} analyses have not ended, the first {left[:10]}") from None

    async def truth(self) -> Truth:
        """Assert that every analysis has ended once, and that counts and histories agree. Returns all rows."""
        async with self.database() as database:
            await assert_consistent(database)
            log = await whole_log(database)
            async with database.read() as connection:
                rows: Sequence[AnalysisRow] = (await connection.execute(select(tables.analysis))).all()  # type: ignore[assignment]
                batches = (await connection.execute(select(tables.batch))).all()
        of: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for event in log:
            of[event.subject][event.type] += 1
        for row in rows:
            counts = of[row.id]
            assert sum(counts[end] for end in ENDS) == 1, (row, counts)
            given_back = counts[AnalysisEventType.ANALYSIS_QUEUED] - 1
            assert counts[AnalysisEventType.ANALYSIS_STARTED] - given_back == row.attempt, (row, counts)
            retries = counts[AnalysisEventType.ANALYSIS_RETRYING]
            ran_to_its_end = row.status in ("COMPLETED", "FAILED")
            assert retries == row.attempt - 1 if ran_to_its_end else retries <= row.attempt, (row, counts)
        for batch in batches:
            counts = of[batch.id]
            ends = (BatchEventType.BATCH_COMPLETED, BatchEventType.BATCH_CANCELED, BatchEventType.BATCH_TIMED_OUT)
            assert sum(counts[end] for end in ends) == 1, (batch, counts)
        return Truth(rows, {batch.id: batch for batch in batches})

    async def close(self) -> None:
        """Stop the servers. Each must end by itself and leave no process behind."""
        for server in self.servers:
            await server.close()
        self.servers.clear()


async def build(url: str, folder: Path) -> House:
    """Migrate an empty database and return its house, without servers."""
    database = Database(Settings(database_url=url).database)
    try:
        await migrate(database)
    finally:
        await database.close()
    (folder / "notes").mkdir()
    return House(url, folder, install(folder / "packages"), sqlite=url.startswith("sqlite"))


def starts(folder: Path, text: str) -> int:
    """Return the number of times that the analyzer has started with this text."""
    return len([path for path in folder.glob(f"{text}.*") if path.suffix[1:].isdigit()])
