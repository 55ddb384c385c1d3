"""Killed, absent and foreign servers, and broken connections: the client resumes without losses."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path

import pytest
from assay_client import (
    AsyncClient,
    Event,
    HistoryGone,
    NotAllowed,
    NotFound,
    OperationFailed,
    ServerUnreachable,
    UnexpectedAnswer,
)
from assay_client._socket import MOST_UNREAD
from websockets.asyncio.server import ServerConnection

from jobs.cleanup import Ages, clean_up
from settings import Settings
from store.sql.database import Database
from tests.api.calls import ApiServer
from tests.client import badserver
from tests.client.badserver import Flood, Sockets, Swallower, http, listening, refusing, saying, telling
from tests.client.conftest import Connect, text
from tests.support import Server, free_port, until

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]

DELETE = "mutation ($id: ID!) { deleteBatch(input: { id: $id }) { deletedId } }"


async def subscribed(client: AsyncClient, count: int = 1) -> None:
    """Wait until the server has `count` active subscriptions."""

    async def active() -> bool:
        return (await client.metrics()).subscriptions.active == count

    await until(active, what=f"{count} subscriptions")


class Reader:
    """A task that reads events; `until` waits for the last one."""

    def __init__(self, events: AsyncIterator[Event]) -> None:
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._read(events))

    async def _read(self, events: AsyncIterator[Event]) -> None:
        async with aclosing(events) as all_of_them:  # type: ignore[type-var]
            async for event in all_of_them:
                self.events.append(event)

    async def until(self, last: Event) -> list[Event]:
        def there() -> bool:
            if self.task.done():
                self.task.result()
            return bool(self.events) and self.events[-1] == last

        try:
            await until(there, what="the last event")
        finally:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        return self.events


async def log(client: AsyncClient, after: str | None) -> list[Event]:
    return [event async for event in client.past_events(after=after)]


async def test_each_event_arrives_once_over_a_kill_and_a_restart(server: Start, connect: Connect) -> None:
    one = await server()
    client = connect(one.address, retry_seconds=None)
    start = await client.events_end()
    reader = Reader(client.events())
    await subscribed(client)
    # Killed before the first event: a client without a cursor would miss the events until its reconnect.
    await one.kill()
    submitting = asyncio.create_task(client.submit_batch([text(n) for n in range(40)], name="away"))
    await one.start()
    batches = [await submitting]
    for turn, kill in enumerate((False, True)):
        seen = len(reader.events)
        batches.append(await client.submit_batch([text(n) for n in range(150)], name=str(turn)))
        await until(lambda seen=seen: len(reader.events) > seen + 50, what="events")  # type: ignore[misc]
        await one.restart(kill=kill)
    for batch in batches:
        assert (await client.wait(batch)).processed == batch.total_items
    whole = await log(client, start)
    assert len(whole) > 340 * 3
    assert await reader.until(whole[-1]) == whole
    assert [batch.id async for batch in client.batches()] == [batch.id for batch in reversed(batches)]


async def test_a_wait_survives_kills_of_the_server(server: Start, connect: Connect) -> None:
    one = await server(workers=1)
    client = connect(one.address, retry_seconds=None)
    batch = await client.submit_batch([text(n) for n in range(500)])
    counts: list[int] = []
    waiting = asyncio.create_task(client.wait(batch, progress=lambda state: counts.append(state.processed)))
    for _ in range(2):
        seen = max(counts, default=0)
        await until(lambda seen=seen: max(counts, default=0) > seen or waiting.done(), what="progress")  # type: ignore[misc]
        await one.restart(kill=True)
    ended = await waiting
    assert (ended.status, ended.processed) == ("COMPLETED", 500)
    assert counts == sorted(counts)


async def test_the_client_waits_for_a_server_that_starts_later(
    server: Start, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    client = connect(f"http://127.0.0.1:{port}", retry_seconds=None)
    reader = Reader(client.events())
    analyzing = asyncio.create_task(client.analyze("It comes late."))
    await until(lambda: "does not respond" in caplog.text, what="a warning")
    await server(port=port)
    assert (await analyzing).status == "COMPLETED"
    await subscribed(client)
    batch = await client.wait(await client.submit_batch(["Now."]))
    last = (await log(client, None))[-1]
    assert batch.id in [event.subject_id for event in await reader.until(last)]


async def test_a_slow_reader_misses_no_event(server: Start, connect: Connect) -> None:
    one = await server()
    client = connect(one.address)
    start = await client.events_end()
    events = client.events()
    waiting = asyncio.ensure_future(anext(events))
    await subscribed(client)
    batch = await client.submit_batch([text(n) for n in range(4 * MOST_UNREAD)])
    first = await waiting
    await client.wait(batch)  # the stream is not read in this time
    whole = await log(client, start)
    assert len(whole) > 8 * MOST_UNREAD
    assert [first, *[await anext(events) for _ in whole[1:]]] == whole
    await events.aclose()


async def test_unread_events_stay_on_the_server(connect: Connect) -> None:
    flood = Flood(5_000)
    async with Sockets(flood).listening() as url:
        events = connect(url).events(after="z")
        cursors = [(await anext(events)).cursor]
        counts: list[int] = []

        def still() -> bool:
            counts.append(flood.sent)
            return len(counts) > 25 and counts[-1] == counts[-25]

        await until(still, what="the flood to pause")
        assert flood.sent < 2_500
        cursors += [event.cursor async for event in events]
    assert cursors == [str(number) for number in range(5_000)]


async def test_a_deleted_history_is_an_error_with_the_first_cursor(server: Start, connect: Connect) -> None:
    one = await server(keep_events_days=30)
    client = connect(one.address)
    start = await client.events_end()
    await client.analyze("It will be forgotten.")
    database = Database(Settings(data_dir=one.data_dir).database)

    async def cleaned() -> bool:
        ages = Ages(timedelta(days=-1), timedelta(days=-1))
        return bool(await clean_up(database, ages, every=timedelta(days=-1)))

    try:
        await until(cleaned, what="the clean-up")
    finally:
        await database.close()
    with pytest.raises(HistoryGone) as gone:
        await anext(client.events(after=start))
    with pytest.raises(HistoryGone):
        await log(client, start)
    reader = Reader(client.events(after=gone.value.history_begins))
    analysis = await client.analyze("It is remembered.")
    whole = await log(client, gone.value.history_begins)
    assert {event.subject_id for event in await reader.until(whole[-1])} == {analysis.id}


async def test_a_lost_answer_is_requested_again_without_a_second_effect(server: Start, connect: Connect) -> None:
    one = await server(workers=0)
    swallower = Swallower(one.address)
    async with listening(swallower) as url:
        client = connect(url)
        swallower.swallow = 2
        analysis = await client.submit("Once.")
        swallower.swallow = 1
        batch = await client.submit_batch(["Once.", "Each."])
        assert swallower.swallow == 0
        assert [each.id async for each in client.analyses()].count(analysis.id) == 1
        assert (await client.metrics()).storage.analyses == 3

        swallower.swallow = 1
        assert (await client.cancel(analysis)).status == "CANCELED"
        swallower.swallow = 1
        assert (await client.cancel(batch)).canceled == 2
        # The client does not repeat a retry: the analysis might run twice.
        swallower.swallow = 1
        with pytest.raises(ServerUnreachable):
            await client.retry(analysis)
        assert (await client.analysis(analysis.id)).status == "QUEUED"
        await client.cancel(analysis)
        swallower.swallow = 1
        await client.delete(analysis)
        with pytest.raises(NotFound):
            await client.analysis(analysis.id)
        swallower.swallow = 1
        with pytest.raises(ServerUnreachable):
            await client.execute(DELETE, {"id": batch.id})
        with pytest.raises(NotFound):
            await client.batch(batch.id)
    with closing(sqlite3.connect(one.data_dir / "assay.db")) as database:
        assert database.execute("SELECT count(*) FROM idempotency").fetchone() == (2,)


async def test_a_broken_download_is_repeated(assay: ApiServer, connect: Connect, tmp_path: Path) -> None:
    swallower = Swallower(assay.address)
    async with listening(swallower) as url:
        client = connect(url)
        batch = await client.wait(await client.submit_batch(map(text, range(200))))
        swallower.bite = 50_000
        await client.download(batch, tmp_path / "whole.jsonl")
        assert swallower.bite is None
        lines = (tmp_path / "whole.jsonl").read_text().splitlines()
        assert [json.loads(line)["key"] for line in lines] == [str(n) for n in range(200)]
        never = connect(url, retry_seconds=0)
        await never.health()
        swallower.bite = 50_000
        with pytest.raises(ServerUnreachable):
            await never.download(batch, tmp_path / "never.jsonl")
        assert os.listdir(tmp_path) == ["whole.jsonl"]
        with pytest.raises(FileNotFoundError):
            await client.download(batch, tmp_path / "no" / "folder.jsonl")


async def test_an_unreachable_server_is_an_error_after_the_retries(connect: Connect) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for seconds in (0, 0.5):
        client = connect(url, retry_seconds=seconds)
        for call in (client.health(), client.submit("x"), anext(client.events(after="s0-0"))):
            with pytest.raises(ServerUnreachable, match=url):
                await call


async def test_a_silent_server_is_an_error_after_the_timeout(connect: Connect) -> None:
    async with listening(badserver.silent) as url:
        client = connect(url, timeout=2, retry_seconds=1)
        with pytest.raises(ServerUnreachable, match="no response within 2 seconds"):
            await client.health()


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01\x02 garbage \xff\xfe\r\n\r\n",
        http("<html>It works!</html>", kind="text/html"),
        http("[1, 2]"),
        http("7"),
        http("{}"),
        http('{"data": null}'),
        http('{"errors": "all of them"}'),
        http('{"data": {"health": 7}}'),
        http("", "404 Not Found"),
        http("<html>gone</html>", "500 Internal Server Error", "text/html"),
    ],
)
async def test_a_foreign_server_is_an_error_at_once(connect: Connect, answer: bytes) -> None:
    async with listening(saying(answer)) as url:
        client = connect(url)
        with pytest.raises(UnexpectedAnswer):
            await client.health()
        with pytest.raises(UnexpectedAnswer):
            await anext(client.events(after="s0-0"))


@pytest.mark.parametrize("path", ["/graph", "/dashboard", "/metrics"])
async def test_a_wrong_path_is_an_error(assay: ApiServer, connect: Connect, path: str) -> None:
    client = connect(f"{assay.address}{path}")
    with pytest.raises(UnexpectedAnswer, match="is the URL right"):
        await client.analyzers()
    with pytest.raises((UnexpectedAnswer, NotAllowed)):
        await anext(client.events(after="s0-0"))
    assert "text" in [each.name for each in await connect(assay.url).analyzers()]


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "ws://host", "http://", ""])
def test_an_invalid_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is not a server's address"):
        AsyncClient(url)


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
async def test_the_client_waits_for_an_unready_server(assay: ApiServer, connect: Connect, status: str) -> None:
    calls = 0
    swallower = Swallower(assay.address)

    async def first_not(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await (saying(http("", status)) if calls <= 2 else swallower)(reader, writer)

    async with listening(first_not) as url:
        client = connect(url)
        start = await client.events_end()
        assert calls == 3
        analysis = await client.analyze("It is there.")
        calls = 0
        event = await anext(client.events(after=start, of=analysis))
        assert (calls, event.subject_id) == (3, analysis.id)


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013, 4408, 4499])
async def test_a_socket_resumes_from_its_cursor_after_a_temporary_close(connect: Connect, code: int) -> None:
    sockets = Sockets(telling("a", "b", close=code), telling(close=code), telling("c", close=code), telling("d"))
    async with sockets.listening() as url:
        events = [event async for event in connect(url).events(after="z")]
    assert [event.cursor for event in events] == ["a", "b", "c", "d"]
    assert [variables["after"] for variables in sockets.variables] == ["z", "b", "b", "c"]
    assert type(events[0]) is Event
    assert (events[0].type, events[0].typename) == ("OMEN_SEEN", "OmenEvent")


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (4400, UnexpectedAnswer),
        (4401, NotAllowed),
        (4403, NotAllowed),
        (4406, UnexpectedAnswer),
        (4429, UnexpectedAnswer),
        (4500, UnexpectedAnswer),
        (1009, UnexpectedAnswer),
    ],
)
async def test_a_socket_stays_closed_after_a_final_close(connect: Connect, code: int, raised: type[Exception]) -> None:
    sockets = Sockets(telling("a", close=code))
    async with sockets.listening() as url:
        events = connect(url).events(after="z")
        assert (await anext(events)).cursor == "a"
        with pytest.raises(raised, match=str(code)):
            await anext(events)
    assert len(sockets.variables) == 1


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("BAD_USER_INPUT", OperationFailed),
        ("INTERNAL_SERVER_ERROR", OperationFailed),
        ("FORBIDDEN", NotAllowed),
        ("NOT_FOUND", NotFound),
    ],
)
async def test_an_error_ends_a_stream(connect: Connect, code: str, raised: type[Exception]) -> None:
    sockets = Sockets(refusing(code))
    async with sockets.listening() as url:
        with pytest.raises(raised):
            await anext(connect(url).events(after="z"))
    assert len(sockets.variables) == 1


async def test_a_request_to_a_busy_server_is_repeated(connect: Connect) -> None:
    sockets = Sockets(refusing("SERVICE_UNAVAILABLE"), refusing("RATE_LIMITED"), telling("a"))
    async with sockets.listening() as url:
        assert [event.cursor async for event in connect(url).events(after="z")] == ["a"]


async def test_a_lost_connection_does_not_hide_a_cancellation(connect: Connect) -> None:
    async def lost(socket: ServerConnection, _key: str) -> None:
        ready.set()
        await leave.wait()
        socket.transport.abort()

    rounds = 40
    sockets = Sockets(*[lost] * 4 * rounds)
    async with sockets.listening() as url:
        client = connect(url, retry_seconds=None)
        for turns in range(rounds):
            ready, leave = asyncio.Event(), asyncio.Event()
            events = client.events(after="z")
            waiting = asyncio.ensure_future(anext(events))
            await ready.wait()
            leave.set()
            for _ in range(turns):
                await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting], timeout=10)
            assert waiting.cancelled(), turns
            await events.aclose()
