"""The limits of body and URL: a client that exceeds them receives the refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.web.http.toy import Server
from tests.web.http.wire import head, refused
from web.serving.request_head import MAX_URL_BYTES

Serve = Callable[..., Server]

JSON = {"content-type": "application/json"}
HELLO = b'{"query":"{ hello }"}'
SAID = {"data": {"hello": "Hello world"}}


async def test_the_limit_of_the_url(server: Server) -> None:
    start = "/graphql?query=%7Bhello%7D&x="
    assert (await server.send("GET", start + "x" * (MAX_URL_BYTES - len(start)))).status_code == 200
    error = refused(await server.send("GET", start + "x" * (MAX_URL_BYTES - len(start) + 1)), 414, "URI_TOO_LONG")
    assert error["extensions"]["limit"] == MAX_URL_BYTES


@pytest.fixture
def small(serve: Serve) -> Server:
    """Start a server with a limit of 1,000 bytes."""
    return serve(max_body_bytes=1000)


def too_large(answer: Any) -> None:
    error = refused(answer, 413, "PAYLOAD_TOO_LARGE")
    assert error["message"] == "The body is too large: at most 1,000 bytes."
    assert error["extensions"]["limit"] == 1000
    assert answer.headers["connection"] == "close"
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_the_limit_of_the_body(small: Server, framing: str) -> None:
    async def send(size: int) -> Any:
        body = HELLO.ljust(size)

        async def pieces() -> Any:
            for start in range(0, size, 100):
                yield body[start : start + 100]

        return await small.send("POST", headers=JSON, content=body if framing == "length" else pieces())

    assert (await send(1000)).json() == SAID
    ran = small.probe.ran
    too_large(await send(1001))
    assert small.probe.ran == ran


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_client_that_writes_before_it_reads_sees_the_refusal(small: Server, framing: str) -> None:
    piece = b" " * 1_000_000
    with small.dial() as wire:
        if framing == "length":
            wire.say(head("POST", "Content-Type: application/json", f"Content-Length: {20 * len(piece)}"))
            for _ in range(20):
                wire.say(piece)
        else:
            wire.say(head("POST", "Content-Type: application/json", "Transfer-Encoding: chunked"))
            for _ in range(20):
                wire.say(b"%x\r\n" % len(piece), piece, b"\r\n")
            wire.say("0\r\n\r\n")
        too_large(wire.answer())
        assert wire.is_closed()


async def test_a_body_whose_last_chunk_exceeds_the_limit_is_refused_at_once(
    small: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is complete: a server that read on would wait until the client disconnects."""
    monkeypatch.setattr("web.middleware.DRAIN_SECONDS", 1000)
    body = HELLO.ljust(1001)
    with small.dial() as wire:
        wire.say(head("POST", "Content-Type: application/json", "Transfer-Encoding: chunked"))
        wire.say(b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        too_large(wire.answer())


async def test_an_endless_body_is_not_read_for_ever(small: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.middleware.DRAIN_SECONDS", 0.1)
    with small.dial() as wire:
        wire.say(head("POST", "Content-Type: application/json", "Transfer-Encoding: chunked"))
        wire.say(b"%x\r\n" % 5000, b"x" * 5000, b"\r\n")
        too_large(wire.answer())
        assert wire.is_closed()


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_body_that_arrives_too_slowly(
    small: Server, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    monkeypatch.setattr("web.graphql.http.BODY_SECONDS", 0.1)
    with small.dial() as wire:
        wire.say(head("POST", f"Content-Type: {content_type}", "Content-Length: 100"), b"--x")
        error = refused(wire.answer(), 408, "REQUEST_TIMEOUT")
        assert error["message"] == "The body did not arrive within 0.1 seconds."
        assert wire.is_closed()
    assert small.probe.ran == 0


async def test_a_client_that_expects_100_continue_is_refused_at_once(small: Server) -> None:
    with small.dial() as wire:
        wire.say(head("POST", "Content-Length: 200000000", "Expect: 100-continue"))
        too_large(wire.answer())
        assert wire.is_closed()


@pytest.mark.parametrize("length", ["9" * 18, "1001"])
async def test_an_announced_length_that_never_arrives(small: Server, lines: list[dict[str, Any]], length: str) -> None:
    """The server does not wait for a body that it refused by its length. The client then disconnects."""
    with small.dial() as wire:
        wire.say(head("POST", "Content-Type: application/json", f"Content-Length: {length}"), HELLO)
    await small.settled()
    assert small.probe.ran == 0
    assert [line["event"] for line in lines if line["event"] != "request"] == []


async def test_bytes_after_the_bodys_length_are_not_part_of_it(small: Server) -> None:
    with small.dial() as wire:
        wire.post(HELLO)
        assert wire.answer().json() == SAID
        wire.say(b"x" * 5000)
        assert wire.reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
    assert small.probe.ran == 1


async def test_both_framings_at_once_are_invalid_http(small: Server) -> None:
    with small.dial() as wire:
        wire.say(head("POST", "Content-Length: 5", "Transfer-Encoding: chunked"), b"0\r\n\r\n")
        assert wire.reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
    assert small.probe.ran == 0


async def test_a_part_beyond_the_limit(small: Server) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 2000
    headers = {"content-type": "multipart/form-data; boundary=x"}

    async def pieces() -> Any:
        yield body

    too_large(await small.send("POST", headers=headers, content=pieces()))
