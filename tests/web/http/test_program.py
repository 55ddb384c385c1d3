"""The whole program, for tests of its own schema, routes and log format."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.api.sockets import opened
from tests.support import Server, until
from tests.web.http.wire import RESPONSE_TYPE, Wire, refused

NO_SUCH_ANALYSIS = "analysis_01jd0000000000000000000000"


HANDSHAKE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "graphql-transport-ws",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run `server.py serve` without workers, with a log of JSON lines."""
    one = Server(tmp_path_factory.mktemp("program"), {"workers": 0})

    async def start() -> None:
        await one.start()

    asyncio.run(start())
    yield one
    asyncio.run(one.close())


async def send(program: Server, method: str, path: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=300) as client:
        return await client.request(method, program.address + path, **options)  # type: ignore[arg-type]


async def post(program: Server, query: str, **variables: object) -> httpx.Response:
    body = {"query": query, "variables": variables}
    return await send(program, "POST", "/graphql", json=body, headers={"accept": "application/graphql-response+json"})


@pytest.mark.parametrize(
    "given", ["", "1", "QW5hbHlzaXM6MQ==", "analysis_", "analysis_x", "thing_" + "0" * 26, "\x00", "é"]
)
@pytest.mark.parametrize("field", ["node(id: $id) { id }", "analysis(id: $id) { id }", "batch(id: $id) { id }"])
async def test_e07_a_bad_id_is_the_clients_error(program: Server, field: str, given: str) -> None:
    answer = await post(program, f"query ($id: ID!) {{ {field} }}", id=given)
    assert (answer.status_code, answer.headers["content-type"]) == (200, RESPONSE_TYPE)
    name = field.partition("(")[0]
    body = answer.json()
    assert body["data"] == {name: None}
    assert [(error["path"], error["extensions"]["code"]) for error in body["errors"]] == [([name], "BAD_USER_INPUT")]


async def test_e07_an_unknown_id_is_null(program: Server) -> None:
    answer = await post(
        program, "query ($id: ID!) { node(id: $id) { id } analysis(id: $id) { id } }", id=NO_SUCH_ANALYSIS
    )
    assert answer.json() == {"data": {"node": None, "analysis": None}}


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "/graphiql", "/graphiql/", "/dashboard", "/dashboard/"])
async def test_i02_i03_pages_load_only_from_this_server(program: Server, path: str) -> None:
    page = await send(program, "GET", path, headers={"accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = [url for url in re.findall(r'(?:src|href)="([^"]+)"', page.text) if not url.startswith("data:")]
    assert [url for url in loaded if url.endswith(".js")]
    for url in loaded:
        assert re.match(r"(\.\./)?(dashboard|graphiql)/assets/", url)  # relative
        assert (await send(program, "GET", urljoin(path, url))).status_code == 200
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy.split("; ")
    assert "img-src data:" in policy.split("; ")
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy


async def test_the_api_with_a_slash_at_its_end(program: Server) -> None:
    found = await send(program, "POST", "/graphql/", json={"query": "{ __typename }"})
    assert (found.status_code, found.json()) == (200, {"data": {"__typename": "Query"}})
    body = {"query": "subscription { metrics(intervalSeconds: 60) { none } }"}
    streams = [await send(program, "POST", path, json=body) for path in ("/graphql/stream", "/graphql/stream/")]
    assert [each.headers["content-type"] for each in streams] == ["text/event-stream; charset=utf-8"] * 2
    assert streams[0].text == streams[1].text
    async with connect(f"{program.ws_url}/", subprotocols=[Subprotocol("graphql-transport-ws")]) as connection:
        await connection.send('{"type":"connection_init"}')
        assert json.loads(await connection.recv())["type"] == "connection_ack"


async def test_redirects_are_relative(program: Server) -> None:
    found = await send(program, "GET", "/")
    assert (found.status_code, found.headers["location"]) == (307, "graphql")
    for path in ("/health/live/", "/metrics/", "/graphiql/assets"):
        refused(await send(program, "GET", path), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "NOT_FOUND"),
        ("GET", "/graphiql/assets/nowhere.js", 404, "NOT_FOUND"),
        ("POST", "/health/live", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/metrics", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/dashboard", 405, "METHOD_NOT_ALLOWED"),
        ("PUT", "/graphql", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_refusals_of_every_route_have_one_shape(
    program: Server, method: str, path: str, status: int, code: str
) -> None:
    answer = await send(program, method, path)
    refused(answer, status, code)
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_page_under_a_foreign_host_name_is_refused(program: Server) -> None:
    """DNS rebinding: the browser sees one origin, and only the host name is foreign."""
    foreign = f"evil.example:{program.port}"
    headers = {"host": foreign, "origin": f"http://{foreign}"}
    answer = await send(program, "POST", "/graphql", json={"query": "{ __typename }"}, headers=headers)
    refused(answer, 400, "BAD_REQUEST")
    assert (await send(program, "GET", "/graphql", headers=headers | HANDSHAKE)).status_code == 400
    for name in ("localhost", "127.0.0.1", "[::1]"):
        answer = await send(program, "GET", "/health/live", headers={"host": f"{name}:{program.port}"})
        assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
async def test_a_probe_may_use_the_address_of_a_pod(program: Server, path: str, method: str) -> None:
    headers = {"host": "10.42.0.17:8000"}
    assert (await send(program, method, path, headers=headers)).status_code == 200
    for other in ("/graphql", f"{path}/", f"/graphql{path}", "/dashboard", "/batches/x/results.jsonl"):
        answer = await send(program, "GET", other, headers=headers)
        refused(answer, 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/graphiql", "/dashboard", "/health/live", "/health/ready", "/metrics"]
)
async def test_c08_c09_every_route_has_the_headers(program: Server, path: str) -> None:
    answer = await send(program, "GET", path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-request-id"]
    assert "server" not in answer.headers


async def test_the_log_has_a_line_of_json_for_each_request(program: Server) -> None:
    name = "log-line-1"
    await send(program, "GET", "/nowhere?secret=1", headers={"x-request-id": name})
    await until(lambda: name in program.log, what="the log line")
    (line,) = (json.loads(text) for text in program.log.splitlines() if name in text)
    assert line.pop("milliseconds") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line.pop("instance")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": name,
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
    }


async def test_sockets_leave_nothing_in_the_log(program: Server) -> None:
    await send(program, "GET", "/nowhere", headers={"x-request-id": "before-sockets"})
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        answer = await send(program, "GET", "/graphql", headers=headers | HANDSHAKE)
        assert answer.status_code in (400, 403)
        assert list(answer.json()) == ["errors"]
    async with opened(program) as client:
        await client.connection.send(b"\xff", text=True)
        await client.connection.wait_closed()
        assert client.connection.close_code == 1007
    await send(program, "GET", "/nowhere", headers={"x-request-id": "after-sockets"})
    await until(lambda: "after-sockets" in program.log, what="the log line")
    _, _, log = program.log.partition("before-sockets")
    assert log.count("\n") == 2
    assert len([line for line in log.splitlines() if '"event":"request"' in line]) == 1


@pytest.mark.long
@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
async def test_sigterm_breaks_streams_off_within_the_grace_time(tmp_path: Path, accept: str) -> None:
    one = await Server(tmp_path, {"workers": 0}).start()
    body = b'{"query":"subscription { metrics(intervalSeconds: 60) { timestamp } }"}'
    with socket.create_connection(("127.0.0.1", one.port), timeout=300) as connection:
        wire = Wire(connection)
        with wire.reader:
            wire.post(body, f"Accept: {accept}")
            followed = wire.follow()
            assert [followed.chunk() is not None for _ in range(2)] == [True, True]
            assert await one.terminate() == 0
            rest = followed.rest()
    await one.close()
    assert rest[-1] is None
    assert len(rest) == (1 if accept == "text/event-stream" else 2)
    lines = [json.loads(line) for line in one.log.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines if line["level"] not in ("info", "debug")] == []
    assert [line["status"] for line in lines if line["event"] == "request" and line["method"] == "POST"] == [200]
