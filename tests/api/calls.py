"""Helpers for the tests of the API: a server, calls, streams, and common documents."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from gql import Client, gql
from gql.client import AsyncClientSession
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.support import Server, until

ENDED = {"COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"}
NO_SUCH_ANALYSIS = "analysis_01jd0000000000000000000000"
NO_SUCH_BATCH = "batch_01jd0000000000000000000000"

ERRORS = "userErrors { code message path }"
SUBMIT = f"""
mutation Submit($input: SubmitAnalysisInput!) {{
  submitAnalysis(input: $input) {{
    analysis {{ id key status priority attempt maxAttempts inputText inputData options
      error {{ code message retryable }} result {{ __typename score tags summary data }} }}
    {ERRORS}
  }}
}}
"""
BATCH_FIELDS = """
id name status totalItems processed failed canceled timedOut running queued timeoutSeconds
progress { fraction step }
"""
BATCH = f"""
mutation Batch($input: BatchProcessInput!) {{
  batchProcess(input: $input) {{ batch {{ {BATCH_FIELDS} }} {ERRORS} }}
}}
"""
ANALYSIS = """
query Analysis($id: ID!) {
  analysis(id: $id) { id status attempt error { code message retryable } startedAt finishedAt processingTimeMs
    progress { fraction step } result { __typename summary data } }
}
"""
BATCH_BY_ID = f"query Batch($id: ID!) {{ batch(id: $id) {{ {BATCH_FIELDS} }} }}"
EVENTS = """
query Events($filter: EventFilter, $after: String, $first: Int) {
  events(filter: $filter, first: $first, after: $after) {
    nodes { cursor type subjectId } pageInfo { hasNextPage endCursor } } }
"""
WATCH = """
subscription Watch($filter: EventFilter, $after: String) {
  events(filter: $filter, after: $after) { cursor type subjectId }
}
"""


class ApiServer(Server):
    """A server with packages of analyzers on its path. A `traced` server records SQL and open streams."""

    def __init__(self, folder: Path, settings: dict[str, object], *, path: Path | None = None, traced: bool = False):
        super().__init__(folder, settings)
        self.path = path
        self.trace_path = folder / f"trace-{self.port}.jsonl"
        if traced:
            self.command = (sys.executable, "-m", "tests.api.traced")

    def environment(self) -> dict[str, str]:
        path = {"PYTHONPATH": str(self.path)} if self.path else {}
        return super().environment() | path | {"TRACE_FILE": str(self.trace_path)}

    def trace(self) -> list[dict[str, Any]]:
        """Return all records of a traced server."""
        *lines, _unfinished = self.trace_path.read_text().split("\n")
        return [json.loads(line) for line in lines]

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table of the SQLite database."""
        with closing(sqlite3.connect(self.data_dir / "assay.db")) as database:
            tables = {name: name for name in ("analysis", "batch", "bulk_action", "event", "idempotency")}
            tables["event"] += " WHERE type <> 'ALERT'"  # alerts come by themselves
            return {
                name: database.execute(f"SELECT count(*) FROM {rows}").fetchone()[0] for name, rows in tables.items()
            }

    async def open_streams(self) -> dict[str, Any]:
        """Return the followers and streams that are open now."""
        before = sum("followers" in note for note in self.trace())
        os.kill(self.process.pid, signal.SIGUSR1)

        def noted() -> dict[str, Any] | None:
            notes = [note for note in self.trace() if "followers" in note]
            return notes[-1] if len(notes) > before else None

        found: dict[str, Any] = await until(noted, what="a record of the open streams")
        return found


class Api:
    """The calls of one client. `await api(document, name=value)` returns the data, and raises if there are errors."""

    def __init__(self, server: ApiServer, session: AsyncClientSession) -> None:
        self.server = server
        self._session = session

    async def __call__(self, document: str, **variables: Any) -> Any:
        request = gql(document)
        request.variable_values = variables
        return await self._session.execute(request)

    async def errors(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """Send a call that must fail; return its errors."""
        with pytest.raises(TransportQueryError) as refusal:
            await self(document, **variables)
        return refusal.value.errors or []

    async def stream(self, document: str, **variables: Any) -> AsyncIterator[Any]:
        """Yield the answers of a subscription until its end, for at most 60 seconds."""
        request = gql(document)
        request.variable_values = variables
        async with asyncio.timeout(300):
            async for answer in self._session.subscribe(request):
                yield answer

    async def submit(self, analyzer: str = "text", **given: Any) -> dict[str, Any]:
        """Submit and return one analysis. `request` has the fields of the analyzer, `given` those of the input."""
        request = {analyzer: given.pop("request")}
        payload = (await self(SUBMIT, input={"request": request, **given}))["submitAnalysis"]
        assert payload["userErrors"] == []
        found: dict[str, Any] = payload["analysis"]
        return found

    async def batch(self, items: list[dict[str, Any]], *, faults: int = 0, **given: Any) -> dict[str, Any]:
        """Submit and return a batch, of which `faults` errors must be reported."""
        if self.server.settings.get("workers") == 0:  # no worker: the batch must not time out during the test
            given.setdefault("timeoutSeconds", 86_400)
        payload = (await self(BATCH, input={"items": items, **given}))["batchProcess"]
        assert len(payload["userErrors"]) == faults
        found: dict[str, Any] = payload["batch"]
        return found

    async def ended(self, id_: str) -> dict[str, Any]:
        """Wait for the end of the analysis or batch, and return it."""
        name = id_.partition("_")[0]
        return await self.when(id_, lambda found: found["status"] in ENDED, what=f"the {name} to end")

    async def when(self, id_: str, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until the analysis or batch meets the condition, and return it."""
        name = id_.partition("_")[0]

        async def look() -> dict[str, Any] | None:
            found = (await self(ANALYSIS if name == "analysis" else BATCH_BY_ID, id=id_))[name]
            return found if condition(found) else None

        found: dict[str, Any] = await until(look, what=what)
        return found

    async def log(self, after: str | None = None, **where: Any) -> list[dict[str, Any]]:
        """Return all events after a cursor, read in pages."""
        events: list[dict[str, Any]] = []
        while True:
            page = (await self(EVENTS, filter=where or None, after=after, first=1000))["events"]
            events += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return events
            after = page["pageInfo"]["endCursor"]

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each table that a mutation can change."""
        return self.server.counts()


@asynccontextmanager
async def connected(server: ApiServer, *, websockets: bool = False) -> AsyncIterator[Api]:
    """Connect a client to the server."""
    protocols = [WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL]
    transport = (
        WebsocketsTransport(url=server.ws_url, subprotocols=protocols)
        if websockets
        else AIOHTTPTransport(url=server.url, ssl=False)
    )
    async with Client(transport=transport, execute_timeout=300) as session:
        assert isinstance(session, AsyncClientSession)
        yield Api(server, session)


def texts(count: int, text: str = "Number {} is a fine text.", **more: Any) -> list[dict[str, Any]]:
    """Return the items of a batch, one per text."""
    return [{"request": {"text": {"text": text.format(n), "operations": ["STATISTICS"]}}, **more} for n in range(count)]
