"""The middleware of every request: ids, log lines, headers, hosts and CORS."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import until
from tests.web.http.toy import SECRET, Server
from tests.web.http.wire import head, refused
from web.serving.request_head import MAX_URL_BYTES

Serve = Callable[..., Server]

JSON = {"content-type": "application/json"}
HELLO = b'{"query":"{ hello }"}'
SAID = {"data": {"hello": "Hello world"}}
OWN_ID = re.compile(r"[0-9a-f]{32}")


async def written(lines: list[dict[str, Any]], count: int) -> None:
    """Wait for this many log lines: a request's line is written after its answer."""
    await until(lambda: len(lines) >= count, what=f"{count} lines of the log")


# Request ids


@pytest.mark.parametrize("given", ["a", "01JD0000-abc.def_1:2/3+4=", "x" * 128])
async def test_the_clients_request_id_is_kept(server: Server, lines: list[dict[str, Any]], given: str) -> None:
    answer = await server.send("GET", params={"query": "{ requestId }"}, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given
    assert answer.json() == {"data": {"requestId": given}}
    await written(lines, 1)
    assert [line["request_id"] for line in lines] == [given]


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"x" * 129,
        b"a b",
        b"a\tb",
        b'a"b',
        b"<script>",
        b"a;b",
        b"{}",
        b"\xc3\xa9",
        b"\x80",
        b"a,b",
        b"%0a",
        b"$(x)",
    ],
)
async def test_a_hostile_request_id_is_replaced(server: Server, lines: list[dict[str, Any]], given: bytes) -> None:
    with server.dial() as wire:
        body = b'{"query":"{ requestId }"}'
        wire.say(head("POST", "Content-Type: application/json", f"Content-Length: {len(body)}")[:-2], "X-Request-ID: ")
        wire.say(given, b"\r\n\r\n", body)
        answer = wire.answer()
    found = answer.headers["x-request-id"]
    assert OWN_ID.fullmatch(found)
    assert answer.json() == {"data": {"requestId": found}}
    await written(lines, 1)
    assert [line["request_id"] for line in lines] == [found]


async def test_of_two_request_ids_the_first_counts(server: Server, lines: list[dict[str, Any]]) -> None:
    with server.dial() as wire:
        wire.say(head("GET", "X-Request-ID: first", "X-Request-ID: second", target="/plain"))
        assert wire.answer().headers["x-request-id"] == "first"
    await written(lines, 1)
    assert [line["request_id"] for line in lines] == ["first"]


async def test_every_request_has_an_id_of_its_own(server: Server) -> None:
    found = {(await server.send("GET", path)).headers["x-request-id"] for path in ("/graphql", "/nowhere", "/crash")}
    assert len(found) == 3
    assert all(OWN_ID.fullmatch(each) for each in found)


# Log lines


async def test_each_request_has_one_line(server: Server, lines: list[dict[str, Any]]) -> None:
    await server.send("GET", "/graphql?query=%7Bhello(name:%22private%22)%7D", headers={"x-request-id": "r1"})
    await server.send("DELETE", "/nowhere/%0a%1b[31m", headers={"x-request-id": "r2"})
    await written(lines, 2)
    for line in lines:
        assert line.pop("milliseconds") >= 0
    shared = {"event": "request", "log_level": "info"}
    assert lines == [
        {**shared, "request_id": "r1", "method": "GET", "path": "/graphql", "status": 200},
        {**shared, "request_id": "r2", "method": "DELETE", "path": "/nowhere/%0a%1b[31m", "status": 404},
    ]


async def test_a_long_path_is_cut_in_the_log(server: Server, lines: list[dict[str, Any]]) -> None:
    await server.send("GET", "/" + "x" * 10_000)
    await written(lines, 1)
    assert [line["path"] for line in lines] == ["/" + "x" * 199]


async def test_requests_are_counted(serve: Serve) -> None:
    server = serve()
    for path in ("/plain", "/plain", "/nowhere", "/crash"):
        await server.send("GET", path)
    await server.settled()
    http = server.telemetry.http
    assert (http.requests_total, http.errors_total, http.in_flight, http.latency.count) == (4, 2, 0, 4)


# Faults and headers


async def test_a_crash_is_a_masked_500(server: Server, lines: list[dict[str, Any]]) -> None:
    answer = await server.send("GET", "/crash", headers={"x-request-id": "r1"})
    error = refused(answer, 500, "INTERNAL_SERVER_ERROR")
    assert error["message"] == "Internal error. The server's log has it under this requestId."
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"] == "r1"
    assert SECRET not in answer.text
    await written(lines, 2)
    fault, request = lines
    assert (fault["event"], fault["request_id"], request["status"]) == ("request failed", "r1", 500)
    assert SECRET in fault["exception"]


async def test_a_crash_after_the_response_has_begun_ends_the_connection(
    server: Server, lines: list[dict[str, Any]]
) -> None:
    with server.dial() as wire:
        wire.say(head("GET", target="/late"))
        said = wire.reader.read()
    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(b"\r\n\r\nbegun")
    await written(lines, 2)
    assert [line["event"] for line in lines] == ["request failed", "request"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("POST", "/nowhere", 404, "NOT_FOUND"),
        ("POST", "/plain", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/graphql", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/crash", 500, "INTERNAL_SERVER_ERROR"),
        ("GET", "/" + "x" * MAX_URL_BYTES, 414, "URI_TOO_LONG"),
    ],
)
async def test_every_refusal_has_the_headers(server: Server, method: str, path: str, status: int, code: str) -> None:
    answer = await server.send(method, path)
    refused(answer, status, code)
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_response_keeps_headers_of_its_own(server: Server) -> None:
    answer = await server.send("GET", "/plain")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_head_has_no_body(server: Server) -> None:
    answer = await server.send("HEAD", "/graphql")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "GET, POST, OPTIONS", b"")


# Stopping


async def test_a_request_cut_off_by_a_stop_is_a_503(lines: list[dict[str, Any]]) -> None:
    with Server() as server, server.dial() as wire:
        body = b'{"query":"{ slow }"}'
        wire.post(body)
        await until(lambda: server.probe.waiting == 1, what="the resolver to wait")
        server.stop_at_once()
        error = refused(wire.answer(), 503, "SERVICE_UNAVAILABLE")
        assert error["message"] == "The server is stopping: send the request again."
        assert wire.is_closed()
    assert server.probe.cancelled == 1
    assert [(line["event"], line["status"]) for line in lines] == [("request", 503)]


# Hosts


@pytest.mark.parametrize(
    "host",
    ["assay.example", "ASSAY.example:8000", "a.assay.test", "a.b.assay.test:1", "[::1]", "[::1]:8000"],
)
async def test_a_host_of_the_server(serve: Serve, host: str) -> None:
    server = serve(allowed_hosts=("assay.example", "*.assay.test", "[::1]"))
    assert (await server.send("GET", "/plain", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "assay.example.evil.example",
        "evilassay.example",
        "assay.test",
        "evilassay.test",
        "[::2]",
        "",
        ":80",
    ],
)
async def test_another_host_is_refused(serve: Serve, host: str) -> None:
    server = serve(allowed_hosts=("assay.example", "*.assay.test", "[::1]"))
    with server.dial() as wire:
        request = head("POST", "Content-Type: application/json", f"Content-Length: {len(HELLO)}")
        wire.say(request.replace("Host: localhost", f"Host: {host}"), HELLO)
        error = refused(wire.answer(), 400, "BAD_REQUEST")
    assert error["message"] == "The server does not serve this host name."
    assert server.probe.ran == 0


# CORS

APP = "https://app.example"


@pytest.fixture
def shared_with_app(serve: Serve) -> Server:
    """Start a server that allows the origin `APP`."""
    return serve(allowed_origins=(APP, "https://slash.example/"))


@pytest.mark.parametrize("origin", [APP, "https://slash.example"])
async def test_an_allowed_origin_may_send_and_read(shared_with_app: Server, origin: str) -> None:
    server = shared_with_app
    asking = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, authorization, last-event-id",
    }
    preflight = await server.send("OPTIONS", headers=asking | {"origin": origin})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert preflight.headers["access-control-allow-methods"] == "GET, POST"
    assert "graphql-require-preflight" in preflight.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in preflight.headers
    answer = await server.send("POST", headers=JSON | {"origin": origin}, content=HELLO)
    assert answer.json() == SAID
    assert answer.headers["access-control-allow-origin"] == origin
    exposed = "X-Request-ID, WWW-Authenticate, RateLimit-Policy, RateLimit, Retry-After"
    assert answer.headers["access-control-expose-headers"] == exposed
    assert "Origin" in answer.headers["vary"]
    refusal = await server.send("POST", headers={"origin": origin}, content=HELLO)
    refused(refusal, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert refusal.headers["access-control-allow-origin"] == origin
    read = await server.send("GET", params={"query": "{ hello }"}, headers={"origin": origin})
    assert read.json() == SAID


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_an_allowed_origin_may_read_the_refusal_of_its_body(serve: Serve, framing: str) -> None:
    server = serve(allowed_origins=(APP,), max_body_bytes=1000)

    async def pieces() -> Any:
        yield b" " * 1001

    content = b" " * 1001 if framing == "length" else pieces()
    answer = await server.send("POST", headers=JSON | {"origin": APP}, content=content)
    refused(answer, 413, "PAYLOAD_TOO_LARGE")
    assert answer.headers["access-control-allow-origin"] == APP
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://app.example",
        f"{APP}.evil.example",
        f"{APP}:444",
        "https://evilapp.example",
    ],
)
async def test_another_origin_may_neither_send_nor_read(shared_with_app: Server, origin: str) -> None:
    server = shared_with_app
    answer = await server.send("POST", headers=JSON | {"origin": origin}, content=HELLO)
    assert "access-control-allow-origin" not in answer.headers
    refused(await server.send("GET", params={"query": "{ hello }"}, headers={"origin": origin}), 403, "CSRF_PREVENTED")
    preflight = await server.send("OPTIONS", headers={"origin": origin, "access-control-request-method": "POST"})
    refused(preflight, 403, "FORBIDDEN")
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize(
    ("asking", "message"),
    [
        ({"access-control-request-method": "DELETE"}, "Disallowed CORS method."),
        (
            {"access-control-request-method": "POST", "access-control-request-headers": "x-evil"},
            "Disallowed CORS headers.",
        ),
    ],
)
async def test_an_allowed_origin_may_not_use_every_method_or_header(
    shared_with_app: Server, asking: dict[str, str], message: str
) -> None:
    error = refused(await shared_with_app.send("OPTIONS", headers=asking | {"origin": APP}), 403, "FORBIDDEN")
    assert error["message"] == message
