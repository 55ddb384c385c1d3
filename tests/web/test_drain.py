"""The end of a server behind a load balancer: not ready first, everything served, no request lost; kept connections."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.api.sockets import opened
from tests.support import SECRET, Server, new_api_key, post, until
from tests.web.proxies import ProxyName, proxied

Start = Callable[..., Awaitable[Server]]

NAMED = {"__typename": "Query"}
BODY = json.dumps({"query": "{ __typename }"})
TYPED = {"Content-Type": "application/json"}


def ask(connection: HTTPConnection, key: str = "") -> tuple[int, str | None]:
    """Send a query, and return the answer's status and its `Connection` header."""
    credential = {"Authorization": f"Bearer {key}"} if key else {}
    connection.request("POST", "/graphql", BODY, TYPED | credential)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("connection")


async def draining(server: Server) -> None:
    """Send SIGTERM, and wait until the server is not ready."""
    server.process.send_signal(signal.SIGTERM)

    async def unready() -> bool:
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            answer = await client.get(f"{server.address}/health/ready")
        stopping = {
            "status": "UNHEALTHY",
            "components": [
                {"name": "server", "status": "UNHEALTHY", "message": "The server is stopping.", "latencyMs": None}
            ],
        }
        return (answer.status_code, answer.json()) == (503, stopping)

    await until(unready, what="the server to be unready")


async def test_a_draining_server_is_not_ready_and_serves_everything(server: Start) -> None:
    one = await server(workers=1, drain_seconds=300)
    kept = HTTPConnection("127.0.0.1", one.port, timeout=60)
    assert ask(kept) == (200, None)
    async with opened(one) as before:
        await draining(one)
        async with opened(one) as during:
            for socket in (before, during):
                await socket.subscribe("1", "subscription { metrics(intervalSeconds: 60) { instance } }")
                assert (await socket.receive())["type"] == "next"
            given = {"request": {"text": {"text": "A good day."}}, "waitSeconds": 60}
            submit = "mutation ($i: SubmitAnalysisInput!) { submitAnalysis(input: $i) { analysis { status } } }"
            answer = await asyncio.to_thread(post, one.url, submit, {"i": given})
            assert answer == {"data": {"submitAnalysis": {"analysis": {"status": "COMPLETED"}}}}
            # The next answer ends a kept connection: a proxy has none left when the server stops.
            assert ask(kept) == (200, "close")
            kept.close()
            one.process.send_signal(signal.SIGTERM)
            for socket in (before, during):
                await socket.connection.wait_closed()
                assert socket.connection.close_code == 1012
    await until(lambda: one.process.poll() is not None, what="the server to end")
    assert one.process.returncode == 0
    assert "Traceback" not in one.log


async def test_the_drain_ends(server: Start) -> None:
    one = await server(workers=0, drain_seconds=0.5)
    assert await one.terminate() == 0
    events = [json.loads(line) for line in one.log.splitlines() if line.startswith("{")]
    assert [(each["event"], each["seconds"]) for each in events if "seconds" in each] == [("draining", 0.5)]


@pytest.mark.long
async def test_idle_connections_are_kept_for_the_set_time(server: Start) -> None:
    """The connection to the first server is idle for longer, and outlives the one to the second."""
    lasting = await server(workers=0)
    brief = await server(workers=0, keep_alive_seconds=1)
    first, second = (HTTPConnection("127.0.0.1", each.port, timeout=60) for each in (lasting, brief))
    assert ask(first) == (200, None)
    assert ask(second) == (200, None)
    assert second.sock is not None
    assert await asyncio.to_thread(second.sock.recv, 1) == b""
    kept = first.sock
    assert ask(first) == (200, None)
    assert first.sock is kept
    for connection in (first, second):
        connection.close()


def served(server: Server) -> int:
    """Return the number of requests for GraphQL in the log of a server."""
    return server.log.count('"path":"/graphql"')


class Clients:
    """Threads that send queries through a proxy on kept connections, without a pause, and count the statuses."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.statuses: Counter[int | str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(4)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._stop.is_set():
            try:
                self.statuses[ask(connection, self.key)[0]] += 1
            except OSError as error:
                self.statuses[repr(error)] += 1
                connection.close()
        connection.close()

    async def more(self, count: int) -> None:
        """Wait for this number of further answers."""
        wanted = self.statuses.total() + count
        await until(lambda: self.statuses.total() >= wanted, what=f"{count} answers")


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nginx", marks=pytest.mark.needs("nginx")),
        pytest.param("caddy", marks=pytest.mark.needs("caddy")),
    ],
)
async def test_no_request_fails_while_one_of_two_servers_stops(server: Start, tmp_path: Path, name: ProxyName) -> None:
    stopping, staying = [await server(workers=0, drain_seconds=1, secret=SECRET) for _ in range(2)]
    key = await new_api_key(staying.database_url)
    async with proxied(name, tmp_path, [stopping, staying]) as port:
        with Clients(port, key) as clients:
            both = (stopping, staying)
            await until(lambda: all(served(each) > 50 for each in both), what="both servers to answer")
            assert await stopping.terminate() == 0
            await clients.more(200)
    assert set(clients.statuses) == {200}, clients.statuses
