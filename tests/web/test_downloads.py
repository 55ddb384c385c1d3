"""Downloads over HTTP: the items of a batch as JSON lines, and contents of analyses, to readers of any speed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from sqlalchemy import delete, update

from resolvers.exports import export_lines
from settings import Settings
from store import tables
from store.batches import batch_by_id, delete_batch, insert_batch, request_batch_stop
from store.queue.enqueue import NewAnalysis, insert_analyses
from store.queue.transitions import Fault
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.ids import new_id, new_ids
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
    """Open the server's database from the test."""
    database = Database(Settings(data_dir=server.data_dir, database_url="").database)
    try:
        yield database
    finally:
        await database.close()


async def inserted(server: Server, items: list[NewAnalysis]) -> str:
    """Insert a batch of these items. Returns its id."""
    batch_id = new_id("batch")
    async with database_of(server) as database, database.write() as connection:
        await insert_batch(connection, VIEWER, batch_id, None, items, utcnow(), timeout_seconds=86_400, max_attempts=3)
    return batch_id


async def download(server: Server, batch_id: str, query: str = "") -> tuple[int, Any, list[dict[str, Any]]]:
    """Download a batch. Returns the status, the headers, and the lines of the body; an error's body is one line."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.address}/batches/{batch_id}/results.jsonl{query}") as response,
    ):
        text = await response.text()
        return response.status, response.headers, [json.loads(line) for line in text.splitlines()]


async def test_every_item_is_a_line_with_the_values_of_graphql(server: Start) -> None:
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


async def test_a_running_batch_is_exported_in_its_current_state(server: Start) -> None:
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


async def test_an_invalid_export_is_refused_in_json(server: Start) -> None:
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
    """Start a server without workers, and insert a batch of 24 MB, which is more than a socket's buffers hold."""
    one = await server(workers=0)
    return one, await inserted(one, [NewAnalysis("text", "{}", 5, str(n), "x" * 20_000) for n in range(1_200)])


@pytest.mark.long
async def test_readers_that_do_not_read_block_no_other_request(large: tuple[Server, str]) -> None:
    one, batch_id = large
    path = f"{one.address}/batches/{batch_id}/results.jsonl?input=true"
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=1024)
        )
        # More readers than the server has connections to the database.
        slow = [await stack.enter_async_context(session.get(path)) for _ in range(12)]
        async with database_of(one) as database, database.write() as connection:
            assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
        answer = await asyncio.to_thread(post, one.url, STATUS, {"id": batch_id})
        assert answer == {"data": {"batch": {"status": "CANCELED"}}}
        lines = [json.loads(line) for line in (await slow[0].read()).splitlines()]
    assert [line["position"] for line in lines] == list(range(1_200))
    # The first page was read before the batch was canceled, and the last one after.
    assert (lines[0]["status"], lines[-1]["status"]) == ("QUEUED", "CANCELED")


@pytest.mark.long
async def test_a_batch_deleted_during_its_export_ends_the_connection(large: tuple[Server, str]) -> None:
    one, batch_id = large
    path = f"{one.address}/batches/{batch_id}/results.jsonl?input=true"
    async with aiohttp.ClientSession(read_bufsize=1024) as session, session.get(path) as response:
        async with database_of(one) as database, database.write() as connection:
            assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
            assert await delete_batch(connection, VIEWER, batch_id, utcnow())
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def fetch(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    """Send a request. Returns the status, the headers and the body."""
    async with aiohttp.ClientSession() as session:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with session.request(method, server.address + path, headers=named) as response:
            return response.status, response.headers, await response.read()


async def analyses_of(server: Server, *items: NewAnalysis) -> list[str]:
    """Insert these analyses. Returns their ids."""
    ids = new_ids("analysis", len(items))
    async with database_of(server) as database, database.write() as connection:
        await insert_analyses(connection, VIEWER, items, utcnow(), timeout_seconds=86_400, max_attempts=1, ids=ids)
    return ids


async def test_the_contents_of_an_analysis_are_files(server: Start) -> None:
    one = await server(workers=0)
    # More than one piece: the bounds are inside of characters.
    text, data, result = "€" * 700_001, '["é",{"a":1}]', '{"summary":"€"}'
    ids = await analyses_of(
        one, NewAnalysis("text", "{}", 5, input_text=text), NewAnalysis("gone", "{}", 5, input_data=data)
    )
    async with database_of(one) as database, database.write() as connection:
        values = {"status": "COMPLETED", "result": result, "result_bytes": 17, "result_form": 1}
        await connection.execute(update(tables.analysis).where(tables.analysis.c.id == ids[0]).values(values))
    for path, kind, media_type, content in (
        (f"/analyses/{ids[0]}/input", "input.txt", "text/plain", text),
        (f"/analyses/{ids[1]}/input", "input.json", "application/json", data),
        (f"/analyses/{ids[0]}/result.json", "result.json", "application/json", result),
    ):
        status, headers, body = await fetch(one, path)
        assert (status, body.decode() == content) == (200, True)
        expected = {
            "content-type": f"{media_type}; charset=utf-8",
            "content-length": str(len(content.encode())),
            "content-disposition": f'attachment; filename="{path.split("/")[2]}-{kind}"',
            "content-security-policy": "sandbox",
            "cache-control": "private, no-cache",
            "etag": f'"{path.split("/")[2]}-{kind}"',
            "x-content-type-options": "nosniff",
        }
        assert {name: headers[name] for name in expected} == expected
        status, headers, body = await fetch(one, path, "HEAD")
        assert (status, {name: headers[name] for name in expected}, body) == (200, expected, b"")
        status, headers, body = await fetch(one, path, if_none_match=expected["etag"])
        assert (status, headers["etag"], body) == (304, expected["etag"], b"")


async def test_contents_of_an_earlier_release_have_the_names_for_clients(server: Start) -> None:
    one = await server(workers=0)
    [id_] = await analyses_of(one, NewAnalysis("gone", "{}", 5, input_data='{"old_name":1}'))
    async with database_of(one) as database, database.write() as connection:
        values = {"result": '{"other_name":[{"third_name":2}]}', "result_form": 0, "input_form": 0}
        await connection.execute(update(tables.analysis).where(tables.analysis.c.id == id_).values(values))
    status, headers, body = await fetch(one, f"/analyses/{id_}/result.json")
    assert (status, json.loads(body)) == (200, {"otherName": [{"thirdName": 2}]})
    assert (headers["content-length"], "etag" in headers) == (str(len(body)), False)


async def test_absent_contents_are_not_found(server: Start) -> None:
    one = await server(workers=0)
    refused = NewAnalysis("text", "{}", 5, fault=Fault("INPUT_UNREADABLE", "`text`: empty."))
    ids = await analyses_of(one, refused)
    async with database_of(one) as database, database.write() as connection:
        [foreign] = new_ids("analysis", 1)
        await insert_analyses(
            connection,
            replace(VIEWER, workspace="other"),
            [NewAnalysis("text", "{}", 5, input_text="secret")],
            utcnow(),
            timeout_seconds=86_400,
            max_attempts=1,
            ids=[foreign],
        )
    for path in (
        f"/analyses/{ids[0]}/input",
        f"/analyses/{ids[0]}/result.json",
        f"/analyses/{foreign}/input",
        "/analyses/analysis_01jd0000000000000000000000/input",
        "/analyses/nothing/result.json",
    ):
        status, headers, body = await fetch(one, path)
        assert (status, headers["content-type"]) == (404, "application/json; charset=utf-8")
        assert [each["extensions"]["code"] for each in json.loads(body)["errors"]] == ["NOT_FOUND"]
        assert b"secret" not in body


@pytest.mark.long
async def test_an_analysis_deleted_during_its_download_ends_the_connection(server: Start) -> None:
    one = await server(workers=0)
    [id_] = await analyses_of(one, NewAnalysis("text", "{}", 5, input_text="x" * 30_000_000))
    path = f"{one.address}/analyses/{id_}/input"
    async with aiohttp.ClientSession(read_bufsize=1024) as session, session.get(path) as response:
        assert response.headers["content-length"] == "30000000"
        async with database_of(one) as database, database.write() as connection:
            await connection.execute(delete(tables.analysis).where(tables.analysis.c.id == id_))
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_an_export_reads_a_window_of_large_items_by_their_sizes(server: Start) -> None:
    """Small items make a window of many; the large ones after them have a window each."""
    one = await server(workers=0)
    items = [NewAnalysis("text", "{}", 5, str(n), "x" * (10 if n < 600 else 1_500_000)) for n in range(605)]
    batch_id = await inserted(one, items)
    async with database_of(one) as database:
        async with database.read() as connection:
            batch = await batch_by_id(connection, VIEWER, batch_id)
        assert batch is not None
        for with_input, ends in ((True, [500, 600, 601, 602, 603, 604, 605]), (False, [500, 605])):
            lines = export_lines(database, VIEWER, {}, batch, with_input=with_input)
            chunks = [(end, len(chunk.splitlines())) async for end, chunk in lines]
            assert [end for end, _ in chunks] == ends
            assert sum(count for _, count in chunks) == 605
