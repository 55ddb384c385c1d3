"""A server for the small schema, in a thread."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from events.hub import Hub
from execution.answers import StreamAnswer
from execution.executor import Executor
from settings import Settings
from telemetry import Telemetry
from tests.support import until
from tests.web.http.toy_schema import SECRET, Context, Mutation, Probe, Query, Subscription
from tests.web.http.wire import Wire
from web.graphql.http import GraphQLHTTP
from web.graphql.streams import Streams
from web.middleware import middleware
from web.responses import refusal
from web.serving import http_protocol, websocket_protocol

__all__ = ["PATIENCE", "SECRET", "Server"]

PATIENCE = 60
"""Time limit of a test for one expected answer or state, in seconds."""


async def crash(_request: Request) -> Response:
    raise RuntimeError(SECRET)


async def crash_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError(SECRET)


async def plain(_request: Request) -> Response:
    return PlainTextResponse("plain", headers={"referrer-policy": "no-referrer"})


class Late:
    """An endpoint that fails after its response has begun."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await crash_late(scope, receive, send)


class Server:
    """uvicorn in a thread, with the program's flags, routes and middleware."""

    def __init__(
        self,
        *,
        streams: dict[str, Any] | None = None,
        header_seconds: float = http_protocol.HEADER_SECONDS,
        half_open_seconds: float = http_protocol.HALF_OPEN_SECONDS,
        **settings: Any,
    ) -> None:
        self.probe = Probe()
        self.settings = Settings(**settings)
        self.telemetry = Telemetry()
        schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
        executor = Executor(schema, settings=self.settings, telemetry=self.telemetry)
        hub: Hub[StreamAnswer] = Hub(lambda answer: len(answer.json), lambda answer: answer.cursor)
        self.streams = Streams(self.settings, self.telemetry, hub, **(streams or {}))
        door = partial(GraphQLHTTP, executor, self._context, self.settings, self.streams)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            yield

        app = Starlette(
            routes=[
                Route("/crash", crash),
                Route("/late", Late()),
                Route("/plain", plain),
            ],
            middleware=middleware(
                self.settings,
                self.telemetry,
                {"/graphql": door(), "/graphql/stream": door(events_only=True)},
            ),
            lifespan=lifespan,
            exception_handlers={HTTPException: refusal},
        )
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                port=0,
                log_config=None,
                access_log=False,
                server_header=False,
                http=http_protocol.protocol(
                    header_seconds,
                    self.telemetry.http.half_open,
                    self.settings.max_sockets_per_address,
                    half_open_seconds,
                ),
                ws=websocket_protocol.protocol(self.settings.socket_unsent_bytes),
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)

    def _context(self, connection: HTTPConnection) -> Context:
        return Context(connection.scope["state"]["request_id"], self.probe)

    def __enter__(self) -> Server:
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._uvicorn.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self.port: int = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.idle_tasks = 0
        self.idle_tasks = self.tasks()
        return self

    def __exit__(self, *_: object) -> None:
        self._uvicorn.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def stop_at_once(self) -> None:
        """Stop the server as SIGTERM does, with no grace period for requests."""
        self._uvicorn.config.timeout_graceful_shutdown = 0
        self._uvicorn.should_exit = True

    def tasks(self) -> int:
        """Return the number of tasks on the server's event loop."""
        answer: Future[int] = Future()
        self.loop.call_soon_threadsafe(lambda: answer.set_result(len(asyncio.all_tasks(self.loop))))
        return answer.result(PATIENCE)

    def leftovers(self) -> dict[str, int]:
        """Return the nonzero counts of tasks, requests and streams: none once all clients have disconnected."""
        counts = {
            "tasks": self.tasks() - self.idle_tasks,
            "resolvers": self.probe.waiting,
            "requests": self.telemetry.http.in_flight,
            "sources": self.probe.opened - self.probe.closed,
            "streams": self.streams.open,
            "active": self.telemetry.subscriptions.active,
            "connections": self.telemetry.subscriptions.connections,
        }
        return {name: count for name, count in counts.items() if count}

    async def call(self, work: Callable[[], Any]) -> Any:
        """Run a coroutine function on the server's event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self.loop))

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let streams `endless` that are closed in this context finish closing only after it."""
        self.probe.may_close.clear()
        try:
            yield
        finally:
            self.loop.call_soon_threadsafe(self.probe.may_close.set)

    async def post(self, query: str, *, accept: str | None = None, **members: Any) -> httpx.Response:
        """Send one operation as a POST of JSON."""
        content = json.dumps({"query": query, **members}).encode()
        return await self.send(
            "POST", content=content, headers=with_accept({"content-type": "application/json"}, accept)
        )

    async def get(self, *, accept: str | None = None, headers: dict[str, str] | None = None, **parameters: str) -> Any:
        return await self.send("GET", params=parameters, headers=with_accept(headers or {}, accept))

    async def send(self, method: str, path: str = "/graphql", **options: Any) -> httpx.Response:
        """Send one request on a new connection."""
        # Without `verify=False` each client would load all certificates.
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as client:
            return await client.request(method, f"{self.address}{path}", **options)

    @contextmanager
    def dial(self) -> Iterator[Wire]:
        """Open a plain connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            wire = Wire(connection)
            with wire.reader:
                yield wire

    async def settled(self) -> None:
        """Wait until nothing is left over."""
        await until(lambda: not self.leftovers(), what="nothing to be left over", seconds=PATIENCE)


def with_accept(headers: dict[str, str], accept: str | None) -> dict[str, str]:
    return headers if accept is None else {**headers, "accept": accept}
