"""Streams that clients share, on the whole program: answers are made once, and each client gets all of its events."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.sockets import opened
from tests.support import Server, post, until
from tests.web.http.wire import Followed, Wire

BATCH = "mutation B($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } } }"
LOG = "{ events(first: 1000) { nodes { cursor subjectId } } }"
EVENTS = "subscription E($after: String) { events(after: $after) { cursor subjectId } }"
LARGE = """subscription L($after: String) { events(after: $after) { cursor subjectId
  ... on AnalysisEvent { analysis { inputText } } } }"""


@pytest.fixture
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    one = await Server(tmp_path_factory.mktemp("shared"), {"workers": 0, "socket_send_seconds": 300}).start()
    yield one
    await one.close()


async def submit(program: Server, count: int, text: str = "Text") -> None:
    items = [{"request": {"text": {"text": f"{number} {text}"}}} for number in range(count)]
    answer = await asyncio.to_thread(post, program.url, BATCH, {"input": {"items": items}})
    assert answer["data"]["batchProcess"]["batch"]["id"]


async def log(program: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await asyncio.to_thread(post, program.url, LOG))["data"]["events"]["nodes"]
    return found


async def listening(program: Server, count: int) -> None:
    async def is_so() -> bool:
        answer = await asyncio.to_thread(post, program.url, "{ metrics { subscriptions { active } } }")
        active: int = answer["data"]["metrics"]["subscriptions"]["active"]
        return active == count

    await until(is_so, what=f"{count} subscriptions")


class Listener:
    """A client that reads server-sent events on demand."""

    def __init__(self, program: Server, query: str, *headers: str, **variables: object) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(300)
        self.socket.connect(("127.0.0.1", program.port))
        self.wire = Wire(self.socket)
        body = json.dumps({"query": query, "variables": variables}).encode()
        self.wire.post(body, "Accept: text/event-stream", *headers)
        self.followed: Followed = self.wire.follow()
        self.events: list[dict[str, Any]] = []

    def read(self, count: int) -> list[dict[str, Any]]:
        """Read until this many events have been received. Returns them all; a chunk can contain several."""
        while len(self.events) < count:
            chunk = self.followed.chunk()
            assert chunk
            for event in chunk.decode().split("\n\n"):
                name, _, rest = event.partition("\n")
                if name == "event: next":
                    id_, _, data = rest.partition("\n")
                    found = json.loads(data.removeprefix("data: "))["data"]["events"]
                    assert id_ == f"id: {found['cursor']}"
                    self.events.append(found)
        return self.events

    def close(self) -> None:
        self.wire.reader.close()
        self.socket.close()


async def test_streams_with_different_starts_are_shared(program: Server) -> None:
    await submit(program, 5)
    before = await log(program)
    place = before[2]["cursor"]
    live = Listener(program, EVENTS)
    resumed = Listener(program, EVENTS, f"Last-Event-ID: {place}")
    # The header takes precedence over the variable, also in a shared stream.
    both = Listener(program, EVENTS, f"Last-Event-ID: {place}", after=before[0]["cursor"])
    asked = Listener(program, EVENTS, after=place)
    async with opened(program) as over_socket:
        await over_socket.subscribe("1", EVENTS, after=place)
        await listening(program, 5)
        await submit(program, 40)
        whole = await log(program)
        behind, new = whole[3:], whole[len(before) :]
        assert len(new) == 40
        assert await asyncio.to_thread(live.read, len(new)) == new
        for listener in (resumed, both, asked):
            assert await asyncio.to_thread(listener.read, len(behind)) == behind
        messages = [await over_socket.receive() for _ in behind]
        assert [message["payload"]["data"]["events"] for message in messages] == behind
    for listener in (live, resumed, both, asked):
        listener.close()
    await listening(program, 0)


@pytest.mark.long
async def test_a_client_that_does_not_read_blocks_no_other_and_loses_nothing(program: Server) -> None:
    """The slow client's backlog exceeds the group's buffer; the client continues from the log."""
    slow, quick = Listener(program, LARGE), Listener(program, LARGE)
    await listening(program, 2)
    for _ in range(3):
        await submit(program, 100, "word " * 4_000)
    whole = await log(program)
    texts = [
        event | {"analysis": {"inputText": f"{number % 100} {'word ' * 4_000}"}} for number, event in enumerate(whole)
    ]
    assert len(texts) == 300
    assert await asyncio.to_thread(quick.read, 300) == texts
    assert slow.events == []
    assert await asyncio.to_thread(slow.read, 300) == texts
    for listener in (slow, quick):
        listener.close()
    await listening(program, 0)
    answer = await asyncio.to_thread(post, program.url, "{ metrics { subscriptions { delivered overflowed } } }")
    assert answer["data"]["metrics"]["subscriptions"] == {"delivered": 600, "overflowed": 0}
