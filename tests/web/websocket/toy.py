"""A small schema with counted streams, a server for it in a thread, and a client that sends any message."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.scalars import JSON
from strawberry.types import Info
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from execution.answer_size import AnswerSize
from execution.charging import Charged
from execution.eager import TimeLimit
from execution.errors import ClientError
from execution.executor import Executor
from execution.lasting import Reads
from settings import Settings
from telemetry import Telemetry
from web.graphql.websocket import GraphQLWebSocket
from web.serving import http_protocol, websocket_protocol

PATIENCE = 60
"""Time limit of a test for one expected message or state, in seconds."""

SECRET = "/etc/secret: permission denied"


class Numbers:
    """A log whose events are the numbers from 1."""

    def __init__(self) -> None:
        self.end = 0
        self.following = 0
        self.answered = 0
        self.broken: Exception | None = None
        self.news = asyncio.Event()

    def grow(self, by: int) -> None:
        """Append this many numbers. Must run on the server's event loop."""
        self.end += by
        self.tell()

    def tell(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()


@dataclass
class Number:
    place: int

    @property
    def cursor(self) -> str:
        return f"n{self.place}"


@dataclass
class NumberStream:
    """The log's events after a position, as a source that can be shared."""

    context: Context
    place: int | None

    @property
    def audience(self) -> object:
        return self.context.audience

    @property
    def cursor(self) -> str | None:
        return None if self.place is None else f"n{self.place}"

    async def end(self) -> tuple[int, str]:
        return self._numbers.end, f"n{self._numbers.end}"

    def follow(self, after: int) -> tuple[Context, AsyncGenerator[list[Number], None]]:
        return self.context, self._follow(after)

    def replay(self, after: int, until: int) -> tuple[Context, AsyncGenerator[list[Number], None]]:
        return self.context, self._replay(after, until)

    def __aiter__(self) -> AsyncIterator[Number]:
        raise AssertionError("A shared source is not iterated.")

    @property
    def _numbers(self) -> Numbers:
        return self.context.probe.numbers

    async def _follow(self, after: int) -> AsyncGenerator[list[Number], None]:
        self._numbers.following += 1
        try:
            while self._numbers.broken is None:
                news = self._numbers.news
                if after == self._numbers.end:
                    await news.wait()
                    continue
                page, after = [Number(place) for place in range(after + 1, self._numbers.end + 1)], self._numbers.end
                yield page
            raise self._numbers.broken
        finally:
            self._numbers.following -= 1

    async def _replay(self, after: int, until: int) -> AsyncGenerator[list[Number], None]:
        for start in range(after, until, 10):
            await asyncio.sleep(0)
            yield [Number(place) for place in range(start + 1, min(start + 10, until) + 1)]


@dataclass
class Probe:
    """Counters inside the server, and events that hold it up."""

    opened: int = 0
    closed: int = 0
    produced: int = 0
    bumped: int = 0
    contexts: int = 0
    may_close: asyncio.Event = field(default_factory=asyncio.Event)
    may_bump: asyncio.Event = field(default_factory=asyncio.Event)
    numbers: Numbers = field(default_factory=lambda: Numbers())
    connection_init: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_close.set()

    @property
    def open(self) -> int:
        return self.opened - self.closed

    @contextmanager
    def running(self) -> Iterator[None]:
        self.opened += 1
        try:
            yield
        finally:
            self.closed += 1


@dataclass
class Context:
    request_id: str
    probe: Probe
    time_limit: TimeLimit | None = None
    last_event_id: str | None = None
    reads: Reads | None = None
    charged: Charged | None = None
    answer_size: AnswerSize = field(default_factory=lambda: AnswerSize(0))
    audience: object = None


def _probe(info: Info[Context, None]) -> Probe:
    return info.context.probe


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def request_id(self, info: Info[Context, None]) -> str:
        return info.context.request_id

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def huge(self) -> JSON:
        return JSON(2**70)

    @strawberry.field
    def unwritable(self) -> JSON:
        return JSON(object())

    @strawberry.field
    async def endless(self, info: Info[Context, None]) -> str:
        with _probe(info).running():
            await asyncio.Event().wait()
        return ""


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
class Broken:
    @strawberry.field
    def value(self) -> int | None:
        raise RuntimeError(SECRET)


def _text(root: strawberry.Parent[Number], info: Info[Context, None], size: int = 10) -> str:
    _probe(info).numbers.answered += 1
    return f"{root.place} ".rjust(size, "x")


def _odd(root: strawberry.Parent[Number]) -> bool | None:
    if root.place % 2 == 0:
        raise ClientError("NOT_FOUND", "It is even.")
    return True


@strawberry.type
class Numbered:
    cursor: str
    text: str = strawberry.field(resolver=_text)
    odd: bool | None = strawberry.field(resolver=_odd)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, Number)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self, info: Info[Context, None], after: str | None = None) -> AsyncGenerator[Numbered, None]:
        place = None if after is None else int(after.removeprefix("n"))
        return NumberStream(info.context, place)  # type: ignore[return-value]

    @strawberry.subscription
    async def count(self, info: Info[Context, None], to: int) -> AsyncGenerator[int, None]:
        with _probe(info).running():
            for number in range(to):
                yield number

    @strawberry.subscription
    async def endless(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        """Yield one event, and then wait. Closing waits for the probe."""
        probe = _probe(info)
        with probe.running():
            yield 0
            try:
                await asyncio.Event().wait()
            finally:
                await probe.may_close.wait()

    @strawberry.subscription
    async def ticks(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        with _probe(info).running():
            for number in itertools.count():
                yield number
                await asyncio.sleep(0.001)

    @strawberry.subscription
    async def stubborn(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        """A stream that ignores its cancellation and yields once more."""
        with _probe(info).running():
            yield 0
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield 1

    @strawberry.subscription
    async def flood(self, info: Info[Context, None], size: int = 100_000) -> AsyncGenerator[str, None]:
        probe = _probe(info)
        with probe.running():
            while True:
                probe.produced += 1
                yield "x" * size
                await asyncio.sleep(0)

    @strawberry.subscription
    async def throwing(self, info: Info[Context, None], after: int = 0) -> AsyncGenerator[int, None]:
        with _probe(info).running():
            for number in range(after):
                yield number
            raise RuntimeError(SECRET)

    @strawberry.subscription
    async def refused(self, info: Info[Context, None]) -> AsyncGenerator[int, None]:
        with _probe(info).running():
            raise ClientError("NOT_FOUND", "There is no such batch.")
            yield 0

    @strawberry.subscription
    async def unwritable(self, info: Info[Context, None]) -> AsyncGenerator[JSON, None]:
        with _probe(info).running():
            yield JSON(object())

    @strawberry.subscription
    async def broken_field(self, info: Info[Context, None]) -> AsyncGenerator[Broken, None]:
        with _probe(info).running():
            yield Broken()


def schema() -> strawberry.Schema:
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription)


class Server:
    """uvicorn in a thread, with the program's flags."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        ws_max_size: int = 1_000_000,
        header_seconds: float = http_protocol.HEADER_SECONDS,
        half_open_seconds: float = http_protocol.HALF_OPEN_SECONDS,
        **options: Any,
    ) -> None:
        settings = settings or Settings()
        self.probe = Probe()
        telemetry = Telemetry()
        self.telemetry = telemetry.subscriptions
        self.door = GraphQLWebSocket(
            Executor(schema(), settings=settings, telemetry=telemetry),
            self._context,
            settings,
            telemetry,
            **options,
        )

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            self.loop = asyncio.get_running_loop()
            yield
            await self.door.close_all()

        async def silent(websocket: WebSocket) -> None:
            """Neither accept nor refuse the connection."""
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass

        routes = [WebSocketRoute("/graphql", self.door.endpoint), WebSocketRoute("/silent", silent)]
        app = Starlette(routes=routes, lifespan=lifespan)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                port=0,
                http=http_protocol.protocol(
                    header_seconds, telemetry.http.half_open, settings.max_sockets_per_address, half_open_seconds
                ),
                ws=websocket_protocol.protocol(settings.socket_unsent_bytes),
                ws_max_size=ws_max_size,
                ws_per_message_deflate=False,
                log_config=None,
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._thread = threading.Thread(target=self._uvicorn.run, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while not self._uvicorn.started:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        self.port: int = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/graphql"
        self.idle_tasks = 0
        self.idle_tasks = self.tasks()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """Stop the server as SIGTERM does."""
        self._uvicorn.should_exit = True

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def tasks(self) -> int:
        """Return the number of tasks on the server's event loop; that of an idle server once it has ended."""
        if not self.running:
            return self.idle_tasks
        answer: Future[int] = Future()
        self.loop.call_soon_threadsafe(lambda: answer.set_result(len(asyncio.all_tasks(self.loop))))
        return answer.result(PATIENCE)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let streams `endless` that are closed in this context finish closing only after it."""
        self.probe.may_close.clear()
        try:
            yield
        finally:
            self.loop.call_soon_threadsafe(self.probe.may_close.set)

    def grow(self, by: int) -> None:
        """Append this many numbers to the log."""
        self.loop.call_soon_threadsafe(self.probe.numbers.grow, by)

    async def call(self, work: Callable[[], Any]) -> Any:
        """Run a coroutine function on the server's event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self.loop))

    def leftovers(self) -> dict[str, int]:
        """Return the nonzero counts of sockets, tasks and streams: none once all clients have disconnected."""
        counts = {
            "sockets": len(self.door.sockets),
            "tasks": self.tasks() - self.idle_tasks,
            "streams": self.probe.open,
            "connections": self.telemetry.connections,
            "active": self.telemetry.active,
            "groups": len(self.door.hub.groups),
            "followed": self.probe.numbers.following,
        }
        return {name: count for name, count in counts.items() if count}

    def _context(self, connection: HTTPConnection) -> Context:
        self.probe.contexts += 1
        self.probe.connection_init.append(connection.state.connection_init)
        audience = (connection.state.connection_init or {}).get("audience")
        return Context(f"request-{self.probe.contexts}", self.probe, audience=audience)


class Client:
    """A client that sends given messages, valid or invalid."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._pings = itertools.count()

    async def send(self, *messages: object) -> None:
        """Send each message: a string as text, bytes as a binary frame, anything else as JSON."""
        for message in messages:
            await self.connection.send(
                message if isinstance(message, str | bytes) else json.dumps(message, ensure_ascii=False)
            )

    async def receive(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            frame = await self.connection.recv()
        assert isinstance(frame, str)
        return json.loads(frame)

    async def expect(self, *messages: object) -> None:
        assert [await self.receive() for _ in messages] == list(messages)

    async def initialise(self, **payload: object) -> None:
        await self.send({"type": "connection_init", "payload": payload})
        assert (await self.receive())["type"] == "connection_ack"

    async def subscribe(self, key: str, query: str, **payload: object) -> None:
        await self.send({"id": key, "type": "subscribe", "payload": {"query": query, **payload}})

    async def drain(self) -> list[Any]:
        """Send a ping. Returns the messages that arrive before its answer."""
        payload = {"number": next(self._pings)}
        await self.send({"type": "ping", "payload": payload})
        messages = []
        while (message := await self.receive()) != {"type": "pong", "payload": payload}:
            messages.append(message)
        return messages

    async def closed(self) -> tuple[int | None, str | None]:
        """Return the close code and the reason, once the socket is closed. Ignores earlier messages."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed:
            return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def dial(
    server: Server, *, subprotocols: tuple[str, ...] = ("graphql-transport-ws",), origin: str | None = None
) -> AsyncIterator[Client]:
    """Open a connection without initialising it."""
    async with connect(
        server.url,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        origin=Origin(origin) if origin is not None else None,
        compression=None,
        ping_interval=None,
        max_size=None,
        close_timeout=PATIENCE,
        proxy=None,
    ) as connection:
        yield Client(connection)


@asynccontextmanager
async def ready(server: Server, **payload: object) -> AsyncIterator[Client]:
    """Open a connection that the server has acknowledged."""
    async with dial(server) as client:
        await client.initialise(**payload)
        yield client
