"""Connections: slow bodies, several requests at once, and clients that disconnect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support import until
from tests.web.http.toy import Server
from tests.web.http.wire import head, refused

HELLO = b'{"query":"{ hello }"}'
SLOW = b'{"query":"{ slow }"}'
SAID = {"data": {"hello": "Hello world"}}
JSON = "Content-Type: application/json"


def access(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return the method and the status of each logged request."""
    return [(line["method"], line["status"]) for line in lines if line["event"] == "request"]


async def test_a_body_one_byte_at_a_time(server: Server) -> None:
    with server.dial() as wire:
        wire.say(head("POST", JSON, f"Content-Length: {len(HELLO)}"))
        for byte in HELLO:
            wire.say(bytes([byte]))
        answer = wire.answer()
    assert (answer.status_code, answer.json()) == (200, SAID)


async def test_a_body_in_chunks_of_one_byte(server: Server) -> None:
    with server.dial() as wire:
        wire.say(head("POST", JSON, "Transfer-Encoding: chunked"))
        for byte in HELLO:
            wire.say(b"1\r\n", bytes([byte]), b"\r\n")
        wire.say(b"0\r\n\r\n")
        answer = wire.answer()
    assert (answer.status_code, answer.json()) == (200, SAID)


async def test_requests_in_one_packet_are_answered_in_their_order(server: Server) -> None:
    def request(name: str) -> bytes:
        body = json.dumps({"query": f'{{ hello(name: "{name}") }}'}).encode()
        return head("POST", JSON, f"Content-Length: {len(body)}").encode() + body

    names = [str(number) for number in range(20)]
    with server.dial() as wire:
        wire.say(*(request(name) for name in names))
        answers = [wire.answer().json() for _ in names]
    assert answers == [{"data": {"hello": f"Hello {name}"}} for name in names]


async def test_a_refused_request_leaves_the_next_one_whole(server: Server) -> None:
    with server.dial() as wire:
        wire.post(b"[1]")
        wire.post(HELLO)
        refused(wire.answer(), 400, "BATCHING_NOT_SUPPORTED")
        assert wire.answer().json() == SAID
        wire.say(head("PUT", f"Content-Length: {len(HELLO)}"), HELLO)
        refused(wire.answer("PUT"), 405, "METHOD_NOT_ALLOWED")
        wire.post(HELLO)
        assert wire.answer().json() == SAID


async def test_a_client_that_expects_100_continue(server: Server) -> None:
    with server.dial() as wire:
        wire.say(head("POST", JSON, f"Content-Length: {len(HELLO)}", "Expect: 100-continue"))
        assert wire.reader.readline() == b"HTTP/1.1 100 Continue\r\n"
        assert wire.reader.readline() == b"\r\n"
        wire.say(HELLO)
        assert wire.answer().json() == SAID


async def test_a_disconnect_cancels_the_clients_query(server: Server, lines: list[dict[str, Any]]) -> None:
    before = server.probe.cancelled
    with server.dial() as wire:
        wire.post(SLOW)
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
    await server.settled()
    assert server.probe.cancelled == before + 1
    assert access(lines) == [("POST", 499)]


async def test_a_mutation_continues_after_its_client_disconnects(serve: Callable[..., Server]) -> None:
    server = serve()
    with server.dial() as wire:
        wire.post(b'{"query":"mutation { bumpLater }"}')
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
    with server.dial() as wire:  # processed after the first client's disconnect
        wire.post(HELLO)
        assert wire.answer().json() == SAID
    server.loop.call_soon_threadsafe(server.probe.may_bump.set)
    await server.settled()
    assert (server.probe.bumped, server.probe.cancelled) == (1, 0)


async def test_a_client_that_disconnects_during_a_get(server: Server, lines: list[dict[str, Any]]) -> None:
    with server.dial() as wire:
        wire.say(head("GET", target="/graphql?query=%7Bslow%7D"))
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
    await server.settled()
    assert access(lines) == [("GET", 499)]


async def test_a_client_that_disconnects_with_requests_in_line(serve: Callable[..., Server]) -> None:
    """While a request waits in line, uvicorn does not read, and so the server does not see the disconnect."""
    server = serve(operation_timeout_seconds=0.2)
    with server.dial() as wire:
        wire.post(SLOW)
        wire.post(HELLO)
        await until(lambda: server.probe.waiting or server.probe.cancelled, what="the resolver to wait")
    await server.settled()
    assert server.probe.cancelled == 1


async def test_a_client_that_disconnects_within_its_body(server: Server, lines: list[dict[str, Any]]) -> None:
    ran, errors = server.probe.ran, server.telemetry.http.errors_total
    bodies = [
        head("POST", JSON, f"Content-Length: {len(HELLO) + 1}").encode() + HELLO,
        head("POST", JSON, "Transfer-Encoding: chunked").encode() + b"%x\r\n%b" % (len(HELLO), HELLO),
        head("POST", "Content-Type: multipart/form-data; boundary=x", "Content-Length: 99").encode()
        + b'--x\r\nContent-Disposition: form-data; name="map"; filename="m"\r\n\r\n{}',
    ]
    for request in bodies:
        with server.dial() as wire:
            wire.say(request)
            await until(lambda: server.telemetry.http.in_flight == 1, what="the request to have begun")
        await server.settled()
    assert access(lines) == [("POST", 499)] * 3
    assert [line["event"] for line in lines] == ["request"] * 3
    assert server.probe.ran == ran
    assert server.telemetry.http.errors_total == errors + 3


async def test_a_hundred_clients_that_disconnect(server: Server, lines: list[dict[str, Any]]) -> None:
    wires = []
    for _ in range(100):
        context = server.dial()
        wires.append((context, context.__enter__()))
    try:
        for _, wire in wires:
            wire.post(SLOW)
        await until(lambda: server.probe.waiting == 100, what="the resolvers to wait")
    finally:
        for context, _ in wires:
            context.__exit__(None, None, None)
    await server.settled()
    assert access(lines) == [("POST", 499)] * 100
    assert (await server.post("{ hello }")).json() == SAID


async def test_a_get_with_a_body(server: Server, lines: list[dict[str, Any]]) -> None:
    """The body of a GET is ignored, but limited as any other."""
    target = "/graphql?query=%7Bhello%7D"
    with server.dial() as wire:
        wire.say(head("GET", "Content-Length: 10", target=target), b"0123456789")
        assert wire.answer("GET").json() == SAID
        wire.say(head("GET", "Transfer-Encoding: chunked", target="/graphql?query=%7Bslow%7D"))
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
        chunk = b"%x\r\n%b\r\n" % (1_000_000, bytes(1_000_000))
        for _ in range(11):
            wire.say(chunk)
        wire.say(b"0\r\n\r\n")
        refused(wire.answer("GET"), 413, "PAYLOAD_TOO_LARGE")
        assert wire.is_closed()
    await server.settled()
    assert access(lines) == [("GET", 200), ("GET", 413)]
