"""The head of a response has the bytes that uvicorn would write."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from web.serving.response_head import Cycle

LENGTH = (b"content-length", b"4")
TYPE = (b"Content-Type", b"text/plain")
KEPT = ["keep_alive", "chunked_encoding", "expected_content_length", "response_started", "response_complete"]


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def resume_reading(self) -> None:
        pass


async def written(kind: type[RequestResponseCycle], method: str, keep_alive: bool, *messages: Any) -> Any:
    transport = Transport()
    cycle = kind(
        scope={"type": "http", "method": method},  # type: ignore[typeddict-item]
        transport=transport,
        flow=FlowControl(transport),
        logger=logging.getLogger("uvicorn.error"),
        access_logger=logging.getLogger("uvicorn.access"),
        access_log=False,
        default_headers=[(b"date", b"Thu, 01 Jan 2026 00:00:00 GMT")],
        message_event=asyncio.Event(),
        expect_100_continue=True,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )
    for message in messages:
        await cycle.send(message)
    assert cycle.waiting_for_100_continue is False
    return transport.written, transport.closed, [getattr(cycle, name) for name in KEPT]


HEADS: list[tuple[int, list[tuple[bytes, bytes]], bytes]] = [
    (200, [LENGTH, TYPE], b"text"),
    (200, [TYPE, LENGTH, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], b"text"),
    (200, [TYPE], b"text"),
    (200, [TYPE, (b"transfer-encoding", b"chunked")], b"text"),
    (200, [LENGTH, (b"transfer-encoding", b"chunked")], b"text"),
    (413, [LENGTH, (b"connection", b"close")], b"text"),
    (200, [LENGTH, (b"connection", b"keep-alive")], b"text"),
    (200, [(b"content-length", b"0")], b""),
    (204, [(b"allow", b"GET")], b""),
    (304, [(b"etag", b'"x"')], b""),
    (299, [LENGTH, (b"x-text", "é\tü".encode("latin-1"))], b"text"),
]


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize(("status", "headers", "body"), HEADS)
async def test_the_bytes_of_uvicorn(
    method: str, keep_alive: bool, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    def messages() -> list[Any]:
        return [
            {"type": "http.response.start", "status": status, "headers": list(headers)},
            {"type": "http.response.body", "body": body},
        ]

    assert await written(Cycle, method, keep_alive, *messages()) == await written(
        RequestResponseCycle, method, keep_alive, *messages()
    )


@pytest.mark.parametrize(
    "header", [(b"x", b"a\r\nb: c"), (b"x", b"a\n"), (b"x", b"\0"), (b"x y", b"a"), (b"x:", b"a"), (b"x\r\n", b"a")]
)
async def test_a_header_that_could_begin_another_line_is_refused(header: tuple[bytes, bytes]) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [LENGTH, header]}
    for kind in (Cycle, RequestResponseCycle):
        for _ in range(2):  # a refused header is not kept
            with pytest.raises(RuntimeError):
                await written(kind, "GET", True, start)


@pytest.mark.parametrize("body", [b"tex", b"texts"])
async def test_a_body_of_another_length_is_refused(body: bytes) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}
    with pytest.raises(RuntimeError):
        await written(Cycle, "GET", True, start, {"type": "http.response.body", "body": body})


async def test_messages_in_another_order_are_refused() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [LENGTH]}
    body = {"type": "http.response.body", "body": b"text"}
    for messages in ([body], [start, start], [start, body, body]):
        with pytest.raises(RuntimeError):
            await written(Cycle, "GET", True, *messages)
