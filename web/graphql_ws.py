"""The door for GraphQL over WebSocket: the subprotocol `graphql-transport-ws`, as its PROTOCOL.md has it.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

What holds for every socket:

- One task reads, one pings, and each operation has one of its own, all in one task group: when `Socket.run`
  returns, none is left, and every source stream has been closed and its closing awaited.
- The first `Close` ends the socket, whichever task it comes from. Nothing a client sends ends it in another way.
- An operation may speak only while its id is registered to its task. The client's `complete` takes the id away at
  once, so nothing follows it, even from a source that is slow to close, and the id can be used again.
- Nothing is queued here. A send waits until the transport has room, the source stream waits for the send, and a
  send that waits longer than `send_seconds` ends the socket with 1013.
- The context is made anew for every operation, so that nothing in it can go stale while the socket lives.

Where it goes beyond the protocol or its reference implementation:

- A document that does not parse or validate, and an unknown `operationName`, are answered with `error` for that id.
  The reference closes the socket (4500), which would end the other operations too.
- More than `MAX_OPERATIONS` at once on one socket are answered with `error` for the id that is too many.
- A foreign `Origin` is refused with 403 and a full server's handshake with 503, before the socket opens.
- A socket is closed with 1009 for a message that is too large, 1012 when the server stops, 1013 when the client
  doesn't read, 4499 when nothing came from it for two ping intervals, and 4500 for a fault of the server's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from execution.errors import INTERNAL_MESSAGE, BadRequest, ErrorCode, error_body
from execution.executor import Answer, Executor, OperationContext, OperationType
from execution.requests import OperationRequest, parse_request
from settings import Settings
from telemetry import Telemetry
from web.responses import encode_json, error_response

SUBPROTOCOL = "graphql-transport-ws"

MAX_OPERATIONS = 100
"""Operations at once on one socket, with those that are still closing."""

MAX_CONNECTIONS = 12_000
"""Sockets at once in one server process: about half a gigabyte of idle ones with a subscription each."""

MAX_MESSAGE_BYTES = 1_000_000
"""The largest message that is read. uvicorn's `ws_max_size` should be the same: it refuses before buffering."""

log = structlog.get_logger(__name__)


class Close(Exception):
    """Ends the socket with this code and reason; without a code when there is nobody left to tell."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason.encode()[:123].decode(errors="ignore")  # what fits into a close frame (RFC 6455, 5.5)


class GraphQLWebSocket:
    """The endpoint, and all its open sockets. Times are in seconds."""

    def __init__(
        self,
        executor: Executor,
        context_factory: Callable[[HTTPConnection], OperationContext],
        settings: Settings,
        telemetry: Telemetry,
        *,
        init_seconds: float = 10,
        ping_seconds: float = 12,
        send_seconds: float = 10,
        close_seconds: float = 2,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        self.executor = executor
        self.context_factory = context_factory
        self.telemetry = telemetry.subscriptions
        self.allowed_origins = frozenset(origin.rstrip("/") for origin in settings.allowed_origins)
        self.init_seconds = init_seconds
        self.ping_seconds = ping_seconds
        self.send_seconds = send_seconds
        self.close_seconds = close_seconds
        self.max_connections = max_connections
        self.sockets: set[Socket] = set()
        self.stopping = False

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one connection, from its handshake to its end.

        The context factory is given the WebSocket; `state.connection_init` on it is what the client's
        `connection_init` carried, or None.
        """
        if not self._origin_is_allowed(websocket):
            await _refuse(websocket, 403, "FORBIDDEN", "Pages of this origin may not connect here.")
            return
        if self.stopping or len(self.sockets) >= self.max_connections:
            await _refuse(websocket, 503, ErrorCode.RATE_LIMITED, "No connection is free: try again later.")
            return
        socket = Socket(self, websocket)
        self.sockets.add(socket)
        self.telemetry.connections += 1
        try:
            await socket.run()
        finally:
            self.sockets.discard(socket)
            self.telemetry.connections -= 1
            socket.ended.set()

    async def close_all(
        self, code: int = 1012, reason: str = "Service restart: resume with `after` and the last cursor you have."
    ) -> None:
        """Tell every client, end every task, wait until it is so, and take no new connection from now on."""
        self.stopping = True
        sockets = list(self.sockets)
        for socket in sockets:
            socket.end(Close(code, reason))
        for socket in sockets:
            await socket.ended.wait()

    def _origin_is_allowed(self, websocket: WebSocket) -> bool:
        """Browsers name the page's origin, and let every page open sockets to anywhere; other clients name none."""
        origin = websocket.headers.get("origin")
        if origin is None or origin in self.allowed_origins:
            return True
        try:
            host = urlsplit(origin).netloc
        except ValueError:
            return False
        return host != "" and host.lower() == websocket.headers.get("host", "").lower()


class Socket:
    """One connection."""

    def __init__(self, door: GraphQLWebSocket, websocket: WebSocket) -> None:
        self.door = door
        self.websocket = websocket
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Close] = self._loop.create_future()
        self._tasks = asyncio.TaskGroup()
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._running = 0
        self._acknowledged = False
        self._late: asyncio.TimerHandle
        self._heard = self._loop.time()

    def end(self, close: Close) -> None:
        """End the socket; the first call's code and reason are the ones that are told."""
        if not self._ending.done():
            self._ending.set_result(close)

    async def run(self) -> None:
        """Serve until someone ends it."""
        if SUBPROTOCOL not in self.websocket.scope["subprotocols"]:
            await self.websocket.accept()
            await self._tell(Close(4406, f"Subprotocol not acceptable: use {SUBPROTOCOL}."))
            return
        await self.websocket.accept(SUBPROTOCOL)
        late = Close(4408, "Connection initialisation timeout")
        self._late = self._loop.call_later(self.door.init_seconds, self.end, late)
        self._heard = self._loop.time()
        async with self._tasks:
            reader, pinger = self._start(self._read), self._start(self._ping)
            try:
                close = await self._ending
            finally:
                self._late.cancel()
                for task in (reader, pinger, *self._operations.values()):
                    task.cancel()
            await self._tell(close)

    def _start(self, work: Callable[..., Awaitable[None]], *args: object) -> asyncio.Task[None]:
        return self._tasks.create_task(self._guard(work, *args))

    async def _guard(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        try:
            await work(*args)
        except Close as close:
            self.end(close)
        except Exception:
            log.exception("socket failed")
            self.end(Close(4500, "Internal server error"))

    async def _tell(self, close: Close) -> None:
        """Send the close frame, if there is somebody to read it before `close_seconds` have passed."""
        if close.code is not None:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(self.door.close_seconds):
                    await self.websocket.close(close.code, close.reason)

    async def _send(self, message: dict[str, Any]) -> None:
        text = encode_json(message).decode()
        try:
            async with asyncio.timeout(self.door.send_seconds):
                await self.websocket.send({"type": "websocket.send", "text": text})
        except TimeoutError:
            if not self._ending.done():
                self.door.telemetry.overflowed += 1
            raise Close(1013, "Too slow to read: resume with `after` and the last cursor you have.") from None
        except (WebSocketDisconnect, RuntimeError):
            raise Close(None) from None

    # Messages from the client

    async def _read(self) -> None:
        while True:
            frame = await self.websocket.receive()
            if frame["type"] == "websocket.disconnect":
                raise Close(None)
            self._heard = self._loop.time()
            message = _parse(frame.get("text"))
            match message["type"]:
                case "connection_init":
                    await self._acknowledge(message)
                case "ping":
                    payload = _payload(message)
                    await self._send({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
                case "pong":
                    _payload(message)
                case "subscribe":
                    await self._subscribe(_id(message), message.get("payload"))
                case "complete":
                    self._complete(_id(message))
                case unknown:
                    raise Close(4400, f"Unknown message type {unknown!r}.")
            await asyncio.sleep(0)  # one packet can bring thousands of messages, which would hold up everybody else

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        if self._acknowledged:
            raise Close(4429, "Too many initialisation requests")
        self.websocket.state.connection_init = _payload(message)
        self._acknowledged = True
        self._late.cancel()
        payload = {"server": "assay", "pingIntervalSeconds": self.door.ping_seconds}
        await self._send({"type": "connection_ack", "payload": payload})

    async def _subscribe(self, key: str, payload: object) -> None:
        try:
            request = parse_request(payload)
        except BadRequest as refusal:
            raise Close(4400, f"The payload of `subscribe` is wrong: {refusal.message}") from None
        if request.query is None and not request.extensions:
            raise Close(4400, "The payload of `subscribe` must have a `query`, a string.")
        if not self._acknowledged:
            raise Close(4401, "Unauthorized")
        if key in self._operations:
            raise Close(4409, f"Subscriber for {key} already exists")
        if self._running >= MAX_OPERATIONS:
            message = f"At most {MAX_OPERATIONS} operations can run at once on one socket: complete another first."
            error = {"id": key, "type": "error", "payload": error_body(ErrorCode.RATE_LIMITED, message)["errors"]}
            await self._send(error)
            return
        task = self._operations[key] = self._start(self._operate, key, request)
        self._running += 1
        task.add_done_callback(lambda _: self._done(key, task))

    def _complete(self, key: str) -> None:
        if task := self._operations.pop(key, None):
            task.cancel()

    def _done(self, key: str, task: asyncio.Task[None]) -> None:
        self._running -= 1
        if self._operations.get(key) is task:
            del self._operations[key]

    # Messages to the client

    async def _ping(self) -> None:
        """Ping every so often, and end the socket when two intervals bring nothing, neither pong nor other message."""
        interval = self.door.ping_seconds
        while True:
            silent = self._loop.time() - self._heard
            if silent >= 2 * interval:
                raise Close(4499, "No answer to ping")
            await asyncio.sleep(min(interval, 2 * interval - silent))
            await self._send({"type": "ping"})

    async def _operate(self, key: str, request: OperationRequest) -> None:
        context = self.door.context_factory(self.websocket)
        try:
            await self._answer(key, request, context)
        except Close:
            raise
        except Exception:
            log.exception("operation failed", request_id=context.request_id)
            body = error_body(ErrorCode.INTERNAL_SERVER_ERROR, INTERNAL_MESSAGE, requestId=context.request_id)
            await self._say(key, "error", body["errors"])

    async def _answer(self, key: str, request: OperationRequest, context: OperationContext) -> None:
        executor = self.door.executor
        answer: Answer | AsyncGenerator[dict[str, Any], None]
        if executor.operation_type(request) is OperationType.SUBSCRIPTION:
            answer = await executor.subscribe(request, context)
        else:
            answer = await executor.execute(request, context)
        if not isinstance(answer, Answer):
            failed = await self._follow(key, answer)
        elif "data" in answer.body:
            failed = None
            await self._say(key, "next", answer.body)
        else:
            failed = answer.body
        if failed is None:
            await self._say(key, "complete")
        else:
            await self._say(key, "error", failed["errors"])

    async def _follow(self, key: str, bodies: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any] | None:
        """Send a stream's events until it ends, and close it. Returns the body that ended it, if it failed."""
        telemetry = self.door.telemetry
        sent = 0
        telemetry.active += 1
        try:
            async with aclosing(bodies):
                async for body in bodies:
                    if "data" not in body:
                        return body
                    await self._say(key, "next", body)
                    telemetry.delivered += 1
                    sent += 1
                    if sent % 32 == 0:  # neither stream nor send need ever wait, and others must have their turn
                        await asyncio.sleep(0)
        finally:
            telemetry.active -= 1
        return None

    async def _say(self, key: str, kind: str, payload: object = None) -> None:
        if self._operations.get(key) is asyncio.current_task():
            message = {"id": key, "type": kind}
            await self._send(message if payload is None else message | {"payload": payload})


def _parse(text: str | None) -> dict[str, Any]:
    if text is None:
        raise Close(4400, "Messages must be text frames.")
    if len(text.encode()) > MAX_MESSAGE_BYTES:
        raise Close(1009, f"A message may have at most {MAX_MESSAGE_BYTES} bytes.")
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Close(4400, "The message is not JSON.") from None
    if not isinstance(message, dict):
        raise Close(4400, "A message must be a JSON object.")
    if not isinstance(message.get("type"), str):
        raise Close(4400, "A message must have a `type`, a string.")
    return message


def _id(message: dict[str, Any]) -> str:
    key = message.get("id")
    if not isinstance(key, str) or not key:
        raise Close(4400, f"`{message['type']}` must have an `id`, a string that is not empty.")
    return key


def _payload(message: dict[str, Any]) -> dict[str, Any] | None:
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Close(4400, f"The payload of `{message['type']}` must be an object, null or absent.")
    return payload


async def _refuse(websocket: WebSocket, status: int, code: str, message: str) -> None:
    await websocket.receive()
    await websocket.send_denial_response(error_response(status, code, message))
