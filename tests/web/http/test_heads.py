"""Heads of requests by their bytes: each form with two readings is refused, and the server continues."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support import until
from tests.web.http.toy import Server
from tests.web.http.wire import Wire, refused
from web.serving.http_protocol import MAX_UNREAD_BYTES
from web.serving.request_head import MAX_HEAD_BYTES, MAX_URL_BYTES

HELLO = b'{"query":"{ hello }"}'
SAID = {"data": {"hello": "Hello world"}}
HOST = b"Host: localhost\r\n"
TYPE = b"Content-Type: application/json\r\n"
SOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"

UNREADABLE = "The request is not valid HTTP/1.1."
TARGET = "The target of the request must be a path"
NAME = "The header `Host` must be a name or an address"
CODING = "`Transfer-Encoding` must be chunked, once."
HANDSHAKE = "The WebSocket handshake is invalid: "


def get(target: bytes = b"/plain", headers: bytes = HOST, version: bytes = b"1.1") -> bytes:
    return b"GET " + target + b" HTTP/" + version + b"\r\n" + headers + b"\r\n"


def post(headers: bytes, body: bytes = HELLO, version: bytes = b"1.1") -> bytes:
    return b"POST /graphql HTTP/" + version + b"\r\n" + headers + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(HOST + TYPE + b"Transfer-Encoding: chunked\r\n", body)


def sized(headers: bytes) -> bytes:
    return post(HOST + headers + b"Content-Length: %d\r\n" % len(HELLO))


# By name: the bytes, and the beginning of the message. Status and code are 400 and BAD_REQUEST.
REFUSED: dict[str, tuple[bytes, str]] = {
    # Hosts and targets
    "no host": (get(headers=b""), "The header `Host` is missing."),
    "two hosts": (get(headers=HOST + b"Host: evil\r\n"), "The header `Host` is there twice"),
    "one host twice": (get(headers=HOST * 2), "The header `Host` is there twice"),
    "a host with a user": (get(headers=b"Host: 127.0.0.1:80@evil\r\n"), NAME),
    "a user with a host": (get(headers=b"Host: evil@localhost\r\n"), NAME),
    "a list of hosts": (get(headers=b"Host: localhost, evil\r\n"), NAME),
    "a host with a path": (get(headers=b"Host: localhost/evil\r\n"), NAME),
    "a port of letters": (get(headers=b"Host: localhost:http\r\n"), NAME),
    "a port too large": (get(headers=b"Host: localhost:65536\r\n"), NAME),
    "an invalid IPv6 host": (get(headers=b"Host: [::1::]\r\n"), NAME),
    "an unclosed host": (get(headers=b"Host: [::1\r\n"), NAME),
    "no name": (get(headers=b"Host:\r\n"), "The server does not serve this host name."),
    "a URL of another host": (get(b"http://evil/plain"), TARGET),
    "a URL of another port": (get(b"http://localhost:81/plain"), TARGET),
    "a URL with a user": (get(b"http://localhost@evil/plain"), TARGET),
    "a URL of another scheme": (get(b"ftp://localhost/plain"), TARGET),
    "a fragment": (get(b"/plain#part"), TARGET),
    "a tunnel": (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", TARGET),
    # Lengths
    "two lengths": (sized(TYPE + b"Content-Length: 0\r\n"), UNREADABLE),
    "one length twice": (sized(TYPE + b"Content-Length: %d\r\n" % len(HELLO)), UNREADABLE),
    "a list of lengths": (post(HOST + b"Content-Length: 0, 0\r\n"), UNREADABLE),
    "a length with a sign": (post(HOST + b"Content-Length: +21\r\n"), UNREADABLE),
    "a negative length": (post(HOST + b"Content-Length: -1\r\n"), UNREADABLE),
    "an endless length": (post(HOST + b"Content-Length: 99999999999999999999\r\n"), UNREADABLE),
    "length and chunks": (sized(TYPE + b"Transfer-Encoding: chunked\r\n"), UNREADABLE),
    "chunks and length": (post(HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), UNREADABLE),
    "chunks of HTTP/1.0": (
        post(HOST + TYPE + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"1.0"),
        "HTTP/1.0 has no `Transfer-Encoding`.",
    ),
    "another coding": (post(HOST + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), CODING),
    "an unknown coding": (post(HOST + b"Transfer-Encoding: xchunked\r\n"), UNREADABLE),
    "chunks twice": (post(HOST + b"Transfer-Encoding: chunked\r\n" * 2), UNREADABLE),
    "a hidden coding": (post(HOST + b"Transfer-Encoding: \x0bchunked\r\n"), UNREADABLE),
    "a chunk without a size": (chunked(b"zz\r\n"), UNREADABLE),
    "a negative chunk": (chunked(b"-2\r\n[]\r\n"), UNREADABLE),
    "a chunk too long": (chunked(b"1\r\n[]\r\n"), UNREADABLE),
    "an endless chunk": (chunked(b"FFFFFFFFFFFFFFFFF\r\n"), UNREADABLE),
    "chunks with bare line feeds": (chunked(b"2\n[]\n0\n\n"), UNREADABLE),
    # Lines
    "a folded header": (get(headers=HOST + b"X: a\r\n b\r\n"), UNREADABLE),
    "a folded coding": (post(HOST + b"Transfer-Encoding:\r\n chunked\r\n"), UNREADABLE),
    "bare line feeds": (get().replace(b"\r\n", b"\n"), UNREADABLE),
    "one bare line feed": (get(headers=b"Host: localhost\nX: 1\r\n"), UNREADABLE),
    "a bare carriage return": (get(headers=b"Host: localhost\rX: 1\r\n"), UNREADABLE),
    "a space before the colon": (post(HOST + b"Content-Length : 21\r\n"), UNREADABLE),
    "a header without a colon": (get(headers=HOST + b"X\r\n"), UNREADABLE),
    "a header without a name": (get(headers=HOST + b": x\r\n"), UNREADABLE),
    "a null byte": (get(headers=HOST + b"X: a\x00b\r\n"), UNREADABLE),
    "a space in the URL": (get(b"/pl ain"), UNREADABLE),
    "a URL that is not ASCII": (get(b"/\xc3\xa9"), UNREADABLE),
    "an unknown method": (get().replace(b"GET", b"FOO"), UNREADABLE),
    "HTTP/0.9": (b"GET /plain\r\n\r\n", "The request must be HTTP/1.1"),
    "HTTP/2 by its name": (get(version=b"2.0"), "The request must be HTTP/1.1"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", UNREADABLE),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", UNREADABLE),
    # Headers that are there once
    "two types": (sized(TYPE * 2), "The header `Content-Type` is there twice"),
    "two encodings": (sized(TYPE + b"Content-Encoding: identity\r\n" * 2), "The header `Content-Encoding` is there"),
    "two origins": (get(headers=HOST + b"Origin: http://localhost\r\n" * 2), "The header `Origin` is there twice"),
    "two credentials": (get(headers=HOST + b"Authorization: x\r\n" * 2), "The header `Authorization` is there twice"),
    # Other protocols
    "an upgrade with a body": (
        sized(TYPE + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
        "A request with a body can't ask for another protocol",
    ),
    "a handshake with a body": (
        get(b"/graphql", HOST + SOCKET + KEY + VERSION + b"Content-Length: 5\r\n") + b"GET /",
        "A request with a body can't ask for another protocol",
    ),
    "a handshake of HTTP/1.0": (
        get(b"/graphql", HOST + SOCKET + KEY + VERSION, b"1.0"),
        "A WebSocket handshake needs HTTP/1.1.",
    ),
    "a handshake without a key": (get(b"/graphql", HOST + SOCKET + VERSION), HANDSHAKE + "missing"),
    "a short key": (
        get(b"/graphql", HOST + SOCKET + VERSION + b"Sec-WebSocket-Key: AAAA\r\n"),
        HANDSHAKE + "invalid Sec-WebSocket-Key header: AAAA.",
    ),
    "a key of 9 kB": (
        get(b"/graphql", HOST + SOCKET + VERSION + b"Sec-WebSocket-Key: " + b"A" * 9000 + b"\r\n"),
        HANDSHAKE + "invalid Sec-WebSocket-Key header: " + "A" * 66 + ".",
    ),
    "two keys": (get(b"/graphql", HOST + SOCKET + KEY * 2 + VERSION), HANDSHAKE + "invalid Sec-WebSocket-Key"),
    "a handshake for another host": (
        get(b"/graphql", b"Host: 127.0.0.1:80@evil\r\n" + SOCKET + KEY + VERSION),
        NAME,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_faulty_head_is_refused(server: Server, lines: list[dict[str, Any]], name: str) -> None:
    sent, message = REFUSED[name]
    ran = server.probe.ran
    with server.dial() as wire:
        wire.say(sent)
        error = refused(wire.answer(), 400, "BAD_REQUEST")
        assert error["message"].startswith(message)
        if message != "The server does not serve this host name.":
            assert wire.is_closed()
    assert (await server.post("{ hello }")).json() == SAID
    await server.settled()
    assert server.probe.ran == ran + 1
    assert [line["status"] for line in lines if line["event"] == "request"] == [400, 200]


# By name: the bytes, status, code, and a header of the answer.
OTHERS: dict[str, tuple[bytes, int, str, tuple[str, str | None]]] = {
    "a URL of 100 kB": (get(b"/" + b"x" * 100_000), 414, "URI_TOO_LONG", ("allow", None)),
    "a header of 100 kB": (
        get(headers=HOST + b"X: " + b"x" * 100_000 + b"\r\n"),
        431,
        "HEADERS_TOO_LARGE",
        ("allow", None),
    ),
    "12,000 headers": (get(headers=HOST + b"X: y\r\n" * 12_000), 431, "HEADERS_TOO_LARGE", ("allow", None)),
    "a handshake of 100 kB": (
        get(b"/graphql", HOST + SOCKET + KEY + VERSION + b"Cookie: " + b"x" * 100_000 + b"\r\n"),
        431,
        "HEADERS_TOO_LARGE",
        ("upgrade", None),
    ),
    "a handshake by POST": (
        get(b"/graphql", HOST + SOCKET + KEY + VERSION).replace(b"GET", b"POST"),
        405,
        "METHOD_NOT_ALLOWED",
        ("allow", "GET"),
    ),
    "another version": (
        get(b"/graphql", HOST + SOCKET + KEY + b"Sec-WebSocket-Version: 8\r\n"),
        426,
        "BAD_REQUEST",
        ("sec-websocket-version", "13"),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
async def test_another_faulty_head_is_refused_with_its_status(server: Server, name: str) -> None:
    sent, status, code, (header, value) = OTHERS[name]
    with server.dial() as wire:
        wire.say(sent)
        answer = wire.answer()
        refused(answer, status, code)
        assert answer.headers.get(header) == value
        assert wire.is_closed()
    assert (await server.post("{ hello }")).json() == SAID


SERVED = {
    "a URL of this host": get(b"http://localhost/plain"),
    "a URL with the default port": get(b"HTTP://LOCALHOST:80/plain"),
    "a host with the default port": get(b"http://localhost/plain", b"Host: localhost:80\r\n"),
    "an IPv6 host": get(headers=b"Host: [::1]:8000\r\n"),
    "a header outside ASCII": get(headers=HOST + b"X: \xff\xfe\r\n"),
    "lines before the request": b"\r\n\r\n" + get(),
    "150 headers": get(headers=HOST + b"".join(b"X-%d: y\r\n" % number for number in range(150))),
    "a cookie of 60 kB": get(headers=HOST + b"Cookie: " + b"x" * 60_000 + b"\r\n"),
    "another protocol": get(headers=HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
}


@pytest.mark.parametrize("name", SERVED)
async def test_an_unusual_head_is_served(server: Server, name: str) -> None:
    with server.dial() as wire:
        wire.say(SERVED[name])
        answer = wire.answer("GET")
    assert (answer.status_code, answer.content) == (200, b"plain")


async def test_the_limit_of_the_head(server: Server) -> None:
    begin = b"GET /plain HTTP/1.1\r\n" + HOST + b"X: "
    # Counted are the target, and each header with colon, space and line end.
    counted = len(b"/plain") + len(HOST) + len(b"X: \r\n")
    for length, status in ((MAX_HEAD_BYTES - counted, 200), (MAX_HEAD_BYTES - counted + 1, 431)):
        with server.dial() as wire:
            wire.say(begin, b"x" * length, b"\r\n\r\n")
            assert wire.answer("GET").status_code == status


async def test_the_answer_to_a_faulty_head_follows_the_earlier_ones(server: Server) -> None:
    """As the second of two requests, with the first still running. Nothing after it is read."""
    bumped = server.probe.bumped
    with server.dial() as wire:
        wire.post(b'{"query":"mutation { bumpLater }"}')
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
        wire.say(b"nonsense\r\n\r\n")
        wire.post(HELLO)
        server.loop.call_soon_threadsafe(server.probe.may_bump.set)
        assert wire.answer().json() == {"data": {"bumpLater": bumped + 1}}
        refused(wire.answer(), 400, "BAD_REQUEST")
        assert wire.is_closed()
    server.probe.may_bump.clear()


async def test_a_body_that_becomes_unreadable_ends_its_request(server: Server, lines: list[dict[str, Any]]) -> None:
    ran = server.probe.ran
    with server.dial() as wire:
        wire.say(chunked(b"5\r\n"))
        await until(lambda: server.telemetry.http.in_flight == 1, what="the request to have begun")
        wire.say(b"12345678")
        refused(wire.answer(), 400, "BAD_REQUEST")
        assert wire.is_closed()
    await server.settled()
    assert server.probe.ran == ran
    assert [line["status"] for line in lines if line["event"] == "request"] == [400]


async def test_trailers_are_no_headers(server: Server) -> None:
    """A trailer with the name of a header changes nothing: the headers have been read before the body."""
    with server.dial() as wire:
        wire.say(chunked(b"%x\r\n%b\r\n0\r\nContent-Type: text/plain\r\nX-Request-ID: trailer\r\n\r\n" % (21, HELLO)))
        answer = wire.answer()
        assert answer.json() == SAID
        assert answer.headers["x-request-id"] != "trailer"
        wire.post(HELLO)
        assert wire.answer().json() == SAID


ENDLESS = {
    "header": b"GET /plain HTTP/1.1\r\nX: ",
    "headers": b"GET /plain HTTP/1.1\r\n" + b"X: y\r\n" * 1000,
    "chunk extension": chunked(b"5;"),
    "trailer": chunked(b"0\r\nX: "),
    "trailers": chunked(b"0\r\n" + b"X: y\r\n" * 1000),
    "lines before a request": b"\r\n",
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_endless_parts_are_cut_off(server: Server, name: str) -> None:
    piece = {"headers": b"X: y\r\n", "trailers": b"X: y\r\n", "lines before a request": b"\r\n"}.get(name, b"x")
    ran = server.probe.ran
    with server.dial() as wire:
        wire.say(ENDLESS[name])
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_100_megabytes(wire, piece)
    assert (await server.post("{ hello }")).json() == SAID
    await server.settled()
    assert server.probe.ran == ran + 1


def send_100_megabytes(wire: Wire, piece: bytes) -> None:
    """Send more than the kernel buffers, which is some megabytes."""
    for _ in range(400):
        wire.say(piece * (MAX_UNREAD_BYTES // len(piece)))


async def test_half_open_connections_are_counted_and_limited(serve: Callable[..., Server]) -> None:
    server = serve(max_sockets_per_address=3, half_open_seconds=0.05)
    half_open = server.telemetry.http.half_open
    with ExitStack() as stack:
        for sent in (b"", b"G", b"GET /plain HTTP/1.1\r\nHost: loc"):
            stack.enter_context(server.dial()).say(sent)
        await until(lambda: half_open == {"127.0.0.1": 3}, what="the connections to be counted")
        with server.dial() as wire:
            error = refused(wire.answer(), 429, "RATE_LIMITED")
            assert error["message"] == "An address can have at most 3 unfinished requests: finish another first."
            assert wire.is_closed()
        with server.dial() as wire:  # a whole request is served
            wire.say(get())
            assert wire.answer("GET").status_code == 200
        assert half_open == {"127.0.0.1": 3}
    await until(lambda: not half_open, what="the connections to be forgotten")


async def test_a_half_open_connection_that_becomes_a_request_is_forgotten(serve: Callable[..., Server]) -> None:
    server = serve(half_open_seconds=0.05)
    half_open = server.telemetry.http.half_open
    with server.dial() as wire:
        for _ in range(2):
            wire.say(get()[:9])
            await until(lambda: half_open == {"127.0.0.1": 1}, what="the connection to be counted")
            wire.say(get()[9:])
            assert wire.answer("GET").status_code == 200
            assert not half_open


@pytest.mark.parametrize("headers", ["", "Connection: Upgrade\r\nUpgrade: websocket\r\n"])
async def test_a_head_of_one_byte_at_a_time_is_ended(serve: Callable[..., Server], headers: str) -> None:
    """Each byte is sent as soon as the server has read the one before: the head never ends by itself."""
    server = serve(header_seconds=0.5)
    with server.dial() as wire:
        wire.say("GET /graphql HTTP/1.1\r\n", headers, "X: ")

        def is_closed() -> bool:
            try:
                wire.say(b"x")
            except (ConnectionResetError, BrokenPipeError):
                return True
            return False

        await until(is_closed, what="the connection to be closed")
    assert (await server.post("{ hello }")).json() == SAID


def test_the_limit_of_the_url_is_below_that_of_the_head() -> None:
    assert MAX_URL_BYTES < MAX_HEAD_BYTES < MAX_UNREAD_BYTES
