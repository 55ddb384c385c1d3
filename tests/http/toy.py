"""A small schema with everything that can go wrong in it, and a server for it in a thread."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import httpx
import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from strawberry.scalars import JSON
from strawberry.types import Info

from execution.errors import ClientError, ErrorCode
from execution.executor import Executor
from settings import Settings
from telemetry import Telemetry
from tests.http.wire import Wire
from tests.support import until
from web.graphql_http import GraphQLHTTP
from web.middleware import middleware
from web.responses import refusal

PATIENCE = 10
"""Seconds that a test waits for what must come."""

SECRET = "postgresql://assay:s3cret@db/etc/passwd"


@dataclass
class Probe:
    """What happened inside the server."""

    ran: int = 0
    """Operations of which a resolver ran."""
    waiting: int = 0
    """Resolvers that wait now."""
    cancelled: int = 0
    bumped: int = 0
    may_bump: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.waiting += 1
        try:
            yield
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1


@dataclass
class Context:
    request_id: str
    probe: Probe
    time_limit: asyncio.Timeout | None = None


def _probe(info: Info[Context, None]) -> Probe:
    return info.context.probe


@strawberry.enum
class Colour(Enum):
    RED = "red"
    GREEN = "green"


@strawberry.input
class BoxInput:
    width: int
    height: int = 1


@strawberry.type
class Broken:
    @strawberry.field
    def value(self) -> int | None:
        raise RuntimeError(SECRET)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: Info[Context, None], name: str = "world") -> str:
        _probe(info).ran += 1
        return f"Hello {name}"

    @strawberry.field
    def request_id(self, info: Info[Context, None]) -> str:
        return info.context.request_id

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def colour(self, of: Colour) -> Colour:
        return of

    @strawberry.field
    def area(self, box: BoxInput) -> int:
        return box.width * box.height

    @strawberry.field
    def item(self, id: strawberry.ID) -> str | None:  # noqa: A002
        if not id.startswith("item_"):
            raise ClientError(ErrorCode.BAD_USER_INPUT, f"`{id}` is no id of an item.", argument="id")
        return "The first" if id == "item_1" else None

    @strawberry.field
    def leak(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def required(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def misfit(self) -> int | None:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def many(self, count: int) -> list[Broken]:
        return [Broken() for _ in range(count)]

    @strawberry.field
    def huge(self) -> JSON:
        return JSON(2**70)

    @strawberry.field
    def surrogate(self) -> str:
        return "\ud800"

    @strawberry.field
    def unwritable(self) -> JSON:
        return JSON(object())

    @strawberry.field
    async def slow(self, info: Info[Context, None]) -> str:
        with _probe(info).running():
            await asyncio.Event().wait()
        return ""

    @strawberry.field
    def deeper(self) -> Query:
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self, info: Info[Context, None]) -> int:
        _probe(info).bumped += 1
        return _probe(info).bumped

    @strawberry.mutation
    async def bump_later(self, info: Info[Context, None]) -> int:
        probe = _probe(info)
        with probe.running():
            await probe.may_bump.wait()
        probe.bumped += 1
        return probe.bumped


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 0


async def crash(_request: Request) -> Response:
    raise RuntimeError(SECRET)


async def crash_late(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError(SECRET)


async def plain(_request: Request) -> Response:
    return PlainTextResponse("plain", headers={"referrer-policy": "no-referrer"})


class Late:
    """An endpoint whose response has begun when it fails."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await crash_late(scope, receive, send)


class Server:
    """uvicorn in a thread, with the flags that the program runs with, over the doors that the program has."""

    def __init__(self, **settings: Any) -> None:
        self.probe = Probe()
        self.settings = Settings(**settings)
        self.telemetry = Telemetry()
        schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)
        executor = Executor(schema, settings=self.settings, telemetry=self.telemetry)

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            yield

        app = Starlette(
            routes=[
                Route("/graphql", GraphQLHTTP(executor, self._context, self.settings), methods=None),
                Route("/crash", crash),
                Route("/late", Late()),
                Route("/plain", plain),
            ],
            middleware=middleware(self.settings, self.telemetry),
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
                ws="websockets-sansio",
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
        """What SIGTERM does where requests have no time left."""
        self._uvicorn.config.timeout_graceful_shutdown = 0
        self._uvicorn.should_exit = True

    def tasks(self) -> int:
        """The number of tasks on the server's loop."""
        answer: Future[int] = Future()
        self.loop.call_soon_threadsafe(lambda: answer.set_result(len(asyncio.all_tasks(self.loop))))
        return answer.result(PATIENCE)

    def leftovers(self) -> dict[str, int]:
        """What is above nothing: all of it must be gone once the clients are."""
        counts = {
            "tasks": self.tasks() - self.idle_tasks,
            "resolvers": self.probe.waiting,
            "requests": self.telemetry.http.in_flight,
        }
        return {name: count for name, count in counts.items() if count}

    async def post(self, query: str, *, accept: str | None = None, **members: Any) -> httpx.Response:
        """One operation, sent as most clients send it."""
        content = json.dumps({"query": query, **members}).encode()
        return await self.send(
            "POST", content=content, headers=with_accept({"content-type": "application/json"}, accept)
        )

    async def get(self, *, accept: str | None = None, headers: dict[str, str] | None = None, **parameters: str) -> Any:
        return await self.send("GET", params=parameters, headers=with_accept(headers or {}, accept))

    async def send(self, method: str, path: str = "/graphql", **options: Any) -> httpx.Response:
        """One request on a connection of its own."""
        # Without `verify=False` each client would read all certificates.
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as client:
            return await client.request(method, f"{self.address}{path}", **options)

    @contextmanager
    def dial(self) -> Iterator[Wire]:
        """A bare connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            wire = Wire(connection)
            with wire.reader:
                yield wire

    async def settled(self) -> None:
        """Waits until nothing is left over."""
        await until(lambda: not self.leftovers(), what="nothing to be left over", seconds=PATIENCE)


def with_accept(headers: dict[str, str], accept: str | None) -> dict[str, str]:
    return headers if accept is None else {**headers, "accept": accept}
