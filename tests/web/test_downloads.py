"""A batch's items as JSON lines over HTTP: all of them, as the graph has them, to readers of any speed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from settings import Settings
from store.analyses import NewAnalysis
from store.batches import delete_batch, insert_batch, request_batch_stop
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisStatus
from tests.support import Server, post, until

Start = Callable[..., Awaitable[Server]]

BATCH = """mutation ($input: BatchProcessInput!) {
  batchProcess(input: $input) { batch { id } userErrors { code } }
}"""
STATUS = "query ($id: ID!) { batch(id: $id) { status } }"
RESULTS = """query ($id: ID!) { batch(id: $id) { status results(first: 100) { nodes {
  id key status priority attempt inputText inputData options createdAt startedAt finishedAt processingTimeMs
  analyzer { name } result { data } error { code message retryable } } } } }"""


@asynccontextmanager
async def database_of(server: Server) -> AsyncIterator[Database]:
    """The server's own, beside it."""
    database = Database(Settings(data_dir=server.data_dir, database_url="").database)
    try:
        yield database
    finally:
        await database.close()


async def inserted(server: Server, items: list[NewAnalysis]) -> str:
    """The id of a batch of these items."""
    batch_id = new_id("batch")
    async with database_of(server) as database, database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, None, items, utcnow(), timeout_seconds=86_400, max_attempts=3)
    return batch_id


async def download(server: Server, batch_id: str, query: str = "") -> tuple[int, Any, list[dict[str, Any]]]:
    """The status, the headers, and the lines of the body; for an error its whole body as one line."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.address}/batches/{batch_id}/results.jsonl{query}") as response,
    ):
        text = await response.text()
        return response.status, response.headers, [json.loads(line) for line in text.splitlines()]


async def test_every_item_is_a_line_as_the_graph_has_it(server: Start) -> None:
    one = await server(workers=2)
    items: list[dict[str, Any]] = [
        {"key": f"k{n}", "request": {"text": {"text": f"Text {n} is good."}}, "priority": 1 + n % 10} for n in range(30)
    ]
    items[7]["request"]["text"]["text"] = ""
    made = await asyncio.to_thread(post, one.url, BATCH, {"input": {"items": items}})
    batch_id = made["data"]["batchProcess"]["batch"]["id"]

    async def ended() -> Any:
        batch = (await asyncio.to_thread(post, one.url, RESULTS, {"id": batch_id}))["data"]["batch"]
        return batch["results"]["nodes"] if batch["status"] == "COMPLETED" else None

    nodes = await until(ended, what="the batch to end")
    for query in ("", "?input=true"):
        status, headers, lines = await download(one, batch_id, query)
        assert status == 200
        assert headers["content-type"] == "application/x-ndjson; charset=utf-8"
        assert headers["content-disposition"] == f'attachment; filename="{batch_id}.jsonl"'
        assert [line.pop("position") for line in lines] == list(range(30))
        for line, node in zip(lines, nodes, strict=True):
            shown = {**node, "analyzer": node["analyzer"]["name"], "result": node["result"] and node["result"]["data"]}
            if not query:
                shown = {name: shown[name] for name in shown if name not in ("inputText", "inputData", "options")}
            assert line == shown
    assert [line["key"] for line in lines if line["error"]] == ["k7"]
    status, _, lines = await download(one, batch_id, "?status=FAILED")
    assert (status, [(line["position"], line["error"]["code"]) for line in lines]) == (200, [(7, "INPUT_UNREADABLE")])


async def test_a_batch_that_still_runs_is_exported_as_it_is(server: Start) -> None:
    one = await server(workers=0)
    faulty = NewAnalysis("text", "{}", 5, "bad", fault=Fault("INPUT_UNREADABLE", "`text`: empty."))
    batch_id = await inserted(one, [NewAnalysis("text", "{}", 5, str(n), str(n)) for n in range(1_200)] + [faulty])
    _, _, lines = await download(one, batch_id)
    assert [(line["key"], line["status"], line["result"]) for line in lines] == [
        *((str(n), "QUEUED", None) for n in range(1_200)),
        ("bad", "FAILED", None),
    ]
    _, _, lines = await download(one, batch_id, "?status=FAILED&status=TIMED_OUT")
    assert [line["position"] for line in lines] == [1_200]
    assert (await download(one, batch_id, "?status=CANCELED"))[2] == []


async def test_what_can_t_be_exported_is_refused_in_json(server: Start) -> None:
    one = await server(workers=0)
    batch_id = await inserted(one, [NewAnalysis("text", "{}", 5, "a", "a")])
    for path, query, status, code in (
        ("batch_01jd0000000000000000000000", "", 404, "NOT_FOUND"),
        ("nothing", "", 404, "NOT_FOUND"),
        (batch_id, "?status=LOST", 400, "BAD_USER_INPUT"),
        (batch_id, "?input=1", 400, "BAD_USER_INPUT"),
    ):
        got, headers, [error] = await download(one, path, query)
        assert (got, headers["content-type"]) == (status, "application/json; charset=utf-8")
        assert [each["extensions"]["code"] for each in error["errors"]] == [code]
    async with (
        aiohttp.ClientSession() as session,
        session.head(f"{one.address}/batches/{batch_id}/results.jsonl") as response,
    ):
        assert (response.status, await response.read()) == (200, b"")


@pytest.fixture
async def large(server: Start) -> tuple[Server, str]:
    """A server that runs nothing, and a batch of 24 MB on it: more than lies in the buffers of a socket."""
    one = await server(workers=0)
    return one, await inserted(one, [NewAnalysis("text", "{}", 5, str(n), "x" * 20_000) for n in range(1_200)])


async def test_readers_who_do_not_read_hold_nothing_up(large: tuple[Server, str]) -> None:
    one, batch_id = large
    path = f"{one.address}/batches/{batch_id}/results.jsonl?input=true"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=1024)
        )
        # More than there are connections to the database.
        slow = [await stack.enter_async_context(session.get(path)) for _ in range(12)]
        async with database_of(one) as database, database.write() as connection:
            assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
        answer = await asyncio.to_thread(post, one.url, STATUS, {"id": batch_id})
        assert answer == {"data": {"batch": {"status": "CANCELED"}}}
        lines = [json.loads(line) for line in (await slow[0].read()).splitlines()]
    assert [line["position"] for line in lines] == list(range(1_200))
    # It had read the beginning of what is read last only after the batch was canceled.
    assert (lines[0]["status"], lines[-1]["status"]) == ("QUEUED", "CANCELED")


async def test_a_batch_that_is_deleted_meanwhile_ends_the_connection(large: tuple[Server, str]) -> None:
    one, batch_id = large
    path = f"{one.address}/batches/{batch_id}/results.jsonl?input=true"
    async with aiohttp.ClientSession(read_bufsize=1024) as session, session.get(path) as response:
        async with database_of(one) as database, database.write() as connection:
            assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
            assert await delete_batch(connection, VIEWER, batch_id)
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
