"""One WebSocket connection (`web.graphql.websocket`): the protocol, and the operations that run on it.

Invariants of every socket:

- One task reads and each operation has its own, all in one task group: when `Socket.run` returns, no task is left, and
  every source stream has been closed and its closing awaited. A shared subscription has a task only until it has joined
  its group in the hub (`events.hub`), which then hands its messages to the socket.
- The first `Close` ends the socket, whichever task raises it. A client's message can't end it in any other way.
- An operation sends messages only while its id is registered to its task. The client's `complete` removes the id at
  once: nothing follows it, even from a source that is slow to close, and the client can use the id again.
- A mutation runs to its end if its client completes it or leaves, as over HTTP: the client could not know how much of
  it had run. The socket ends after it.
- The only queue is the transport's unsent data, which has a limit. At the limit a send waits, and with it its source
  stream; a shared subscription falls behind its group, which does not wait. A client that makes no room for
  `socket_send_seconds` is disconnected with 1013.
- Every operation has a new context, so that nothing in it becomes stale during the life of the socket.
- On a closed server, one more task follows the caller's access (`web.callers`). Access that is lost ends the socket:
  with 4403 if the token has expired, and with 4401 otherwise. A role that falls ends only the subscriptions that need
  more.

Differences from the protocol or its reference implementation:

- A document that does not parse or validate, and an unknown `operationName`, are answered with `error` for that id.
  The reference closes the socket (4500), which would end the other operations too.
- An operation beyond `max_socket_operations` is answered with `error` for its id.
- Close codes: 1009 for a message that is too large, 1012 if the server stops, 1013 if the client does not read or if a
  subscription can't reach the database (`error` would be final, and clients reconnect after 1013), 4499 if nothing
  came from the client for two ping intervals, and 4500 for a fault of the server. The reasons of 1012 and 1013 name the
  cursor to resume from, if there is exactly one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, Protocol

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from events.hub import Hub, Page, Subscriber
from execution.answers import StreamAnswer, encode_json
from execution.charging import not_admitted
from execution.errors import BadRequest, ErrorCode, error_body
from execution.executor import Answer, Executor, OperationContext, OperationType, Selected
from execution.requests import parse_request
from execution.subscriptions import SharedStream, Stream
from settings import Settings
from telemetry import SubscriptionTelemetry
from web.callers import CallerRefused, Callers, ContextFactory, context_of
from web.graphql.messages import Close, id_of, parse, payload_of, resume_reason
from web.serving.websocket_protocol import frames_of, header

SUBPROTOCOL = "graphql-transport-ws"

_PING = encode_json({"type": "ping"})
_PING_FRAME = header(len(_PING)) + _PING

_AWAY = "The database is away"

# Messages of a page are joined up to this size before they are written.
_CHUNK_BYTES = 65_536

log = structlog.get_logger(__name__)


class SocketHost(Protocol):
    """The parts of the endpoint that its sockets use. Times are in seconds."""

    executor: Executor
    context_factory: ContextFactory
    callers: Callers
    settings: Settings
    telemetry: SubscriptionTelemetry
    hub: Hub[StreamAnswer]
    ping_seconds: float
    close_seconds: float


class Socket:
    """One connection."""

    def __init__(self, host: SocketHost, websocket: WebSocket) -> None:
        self.host = host
        self.websocket = websocket
        self.frames = frames_of(websocket.scope)
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[Close] = self._loop.create_future()
        self._tasks = asyncio.TaskGroup()
        self._operations: dict[str, asyncio.Task[None] | _Shared] = {}
        self._mutations: set[asyncio.Task[None]] = set()
        self._subscriptions: dict[asyncio.Task[None] | _Shared, Selected] = {}
        self._watch: asyncio.Task[None] | None = None
        self._running = 0
        self._acknowledged = False
        self._timer: asyncio.TimerHandle
        self._heard = self._loop.time()

    def end(self, close: Close) -> None:
        """End the socket. The client receives the code and reason of the first call."""
        if not self._ending.done():
            self._ending.set_result(close)

    @property
    def cursor(self) -> str | None:
        """The cursor to resume from, if the client has exactly one subscription with cursors."""
        cursors = [each.cursor for each in self._operations.values() if isinstance(each, _Shared)]
        return cursors[0] if len(cursors) == 1 else None

    async def run(self) -> None:
        """Serve the connection until its end."""
        if SUBPROTOCOL not in self.websocket.scope["subprotocols"]:
            await self.websocket.accept()
            await self._tell(Close(4406, f"Subprotocol not acceptable: use {SUBPROTOCOL}."))
            return
        await self.websocket.accept(SUBPROTOCOL)
        late = Close(4408, "Connection initialisation timeout")
        self._timer = self._loop.call_later(self.host.settings.socket_init_seconds, self.end, late)
        async with self._tasks:
            reader = self._start(self._read)
            try:
                close = await self._ending
            finally:
                self._timer.cancel()
                reader.cancel()
                if self._watch is not None:
                    self._watch.cancel()
                operations = list(self._operations.values())
                self._operations.clear()
                for operation in operations:
                    self._stop(operation)
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
        """Send the close frame, unless the client is gone. Give up after `close_seconds`."""
        if close.code is not None:
            self.frames.hurry()
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(self.host.close_seconds):
                    await self.websocket.close(close.code, close.reason)

    async def room(self, cursor: str | None) -> None:
        """Wait until there is room for a message. Raise Close with the cursor if that takes too long."""
        if self.frames.has_room:
            return
        try:
            async with asyncio.timeout(self.host.settings.socket_send_seconds):
                await self.frames.room()
        except TimeoutError:
            if not self._ending.done():
                self.host.telemetry.overflowed += 1
            raise Close(1013, resume_reason("Too slow to read", cursor)) from None

    async def _send(self, message: bytes) -> None:
        await self.room(self.cursor)
        self.frames.write(header(len(message)) + message)

    # Messages from the client

    async def _read(self) -> None:
        while True:
            frame = await self.websocket.receive()
            if frame["type"] == "websocket.disconnect":
                raise Close(None)
            self._heard = self._loop.time()
            message = parse(frame.get("text"))
            match message["type"]:
                case "connection_init":
                    await self._acknowledge(message)
                case "ping":
                    payload = payload_of(message)
                    pong = {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
                    await self._send(encode_json(pong))
                case "pong":
                    payload_of(message)
                case "subscribe":
                    await self._subscribe(id_of(message), message.get("payload"))
                case "complete":
                    if operation := self._operations.pop(id_of(message), None):
                        self._stop(operation)
                case unknown:
                    raise Close(4400, f"Unknown message type {unknown!r}.")
            await asyncio.sleep(0)  # one packet can hold thousands of messages: other tasks must have a turn

    async def _acknowledge(self, message: dict[str, Any]) -> None:
        if self._acknowledged:
            raise Close(4429, "Too many initialisation requests")
        self.websocket.state.connection_init = payload_of(message)
        if self.host.callers.are_recognized:
            await self._context()
            self._watch = self._start(self._follow_access)
        self._acknowledged = True
        self._timer.cancel()
        self._timer = self._loop.call_later(self.host.ping_seconds, self._ping)
        payload = {"server": "assay", "pingIntervalSeconds": self.host.ping_seconds}
        await self._send(encode_json({"type": "connection_ack", "payload": payload}))

    async def _context(self) -> OperationContext:
        """Return the context of a new operation. Raise Close if the caller is refused."""
        try:
            return await context_of(self.host.context_factory, self.websocket)
        except CallerRefused as refused:
            raise Close(refused.close_code, refused.message) from None

    async def _follow_access(self) -> None:
        """End the socket if its caller is refused, and each subscription whose rules the caller no longer meets."""
        try:
            async for _ in self.host.callers.follow(self.websocket):
                context = await self._context()
                for operation, selected in list(self._subscriptions.items()):
                    if refused := self.host.executor.unmet(selected, context):
                        await self._end_operation(operation, refused.body["errors"])
        except CallerRefused as refusal:
            raise Close(refusal.close_code, refusal.message) from None

    async def _end_operation(self, operation: asyncio.Task[None] | _Shared, errors: object) -> None:
        for key, each in list(self._operations.items()):
            if each is operation:
                del self._operations[key]
                self._stop(operation)
                await self._send(encode_json({"id": key, "type": "error", "payload": errors}))

    async def _subscribe(self, key: str, payload: object) -> None:
        try:
            request = parse_request(payload)
        except BadRequest as refusal:
            raise Close(4400, f"The payload of `subscribe` is wrong: {refusal.message}") from None
        if request.query is None and request.document_id is None and not request.extensions:
            raise Close(4400, "The payload of `subscribe` must have a `query` or a `documentId`, a string.")
        if not self._acknowledged:
            raise Close(4401, "Unauthorized")
        if key in self._operations:
            raise Close(4409, f"Subscriber for {key} already exists")
        limit = self.host.settings.max_socket_operations
        if self._running >= limit:
            message = f"A socket can run at most {limit:,} operations at once: complete another first."
            error = {"id": key, "type": "error", "payload": error_body(ErrorCode.RATE_LIMITED, message)["errors"]}
            await self._send(encode_json(error))
            return
        selected = self.host.executor.select(request)
        task = self._operations[key] = self._start(self._operate, key, selected)
        self._running += 1
        if isinstance(selected, Selected) and selected.type is OperationType.MUTATION:
            self._mutations.add(task)
            task.add_done_callback(self._mutations.discard)
        elif isinstance(selected, Selected) and selected.type is OperationType.SUBSCRIPTION:
            self._subscriptions[task] = selected
        task.add_done_callback(lambda _: self.done(key, task))

    def _stop(self, operation: asyncio.Task[None] | _Shared) -> None:
        if isinstance(operation, _Shared):
            operation.close()
        elif operation not in self._mutations:
            operation.cancel()

    def cancel_mutations(self) -> None:
        """Cancel the mutations that are still running without their client."""
        for mutation in self._mutations:
            mutation.cancel()

    def done(self, key: str, operation: asyncio.Task[None] | _Shared) -> None:
        """Note that an operation has ended and its source stream is closed."""
        self._running -= 1
        self._subscriptions.pop(operation, None)
        if self._operations.get(key) is operation:
            del self._operations[key]

    # Messages to the client

    def _ping(self) -> None:
        """Ping once per interval. End the socket if no message at all came from the client in two intervals."""
        interval = self.host.ping_seconds
        silent = self._loop.time() - self._heard
        if silent >= 2 * interval:
            self.end(Close(4499, "No answer to ping"))
            return
        if self.frames.has_room:
            self.frames.write(_PING_FRAME)
        self._timer = self._loop.call_later(min(interval, 2 * interval - silent), self._ping)

    async def _operate(self, key: str, selected: Selected | Answer) -> None:
        context = await self._context()
        try:
            refused = not_admitted(await self.host.executor.admit(context))
            await self._answer(key, refused or selected, context)
        except Close:
            raise
        except Exception as error:
            await self._say(key, "error", self.host.executor.fault(error, context.request_id).body["errors"])

    async def _answer(self, key: str, selected: Selected | Answer, context: OperationContext) -> None:
        answer: Answer | Stream
        if isinstance(selected, Answer):
            answer = selected
        elif selected.type is OperationType.SUBSCRIPTION:
            answer = await self.host.executor.open(selected, context)
        else:
            begun = self.host.executor.begin(selected, context)
            answer = begun if isinstance(begun, Answer) else await begun
        if isinstance(answer, SharedStream):
            assert isinstance(selected, Selected), "it has begun"
            failed = await self._share(key, answer, selected)
            if failed is None:
                return
        elif not isinstance(answer, Answer):
            failed = await self._follow(key, answer)
        elif answer.has_data:
            failed = None
            await self._next(key, answer.json)
        else:
            failed = answer.body["errors"]
        if failed is None:
            await self._say(key, "complete")
        else:
            await self._say(key, "error", failed)

    async def _share(self, key: str, stream: SharedStream, selected: Selected) -> object | None:
        """Let the hub send a stream's answers from now on. Return the errors if the stream can't be joined."""
        shared = _Shared(self, key, stream.record)
        try:
            cursor = await self.host.hub.join(shared, stream)
        except Exception as error:
            stream.record(True)
            return self._errors(key, stream.failure(error))
        # A client that is disconnected before its first event resumes from its beginning.
        shared.cursor = cursor
        self._operations[key] = shared
        self._subscriptions[shared] = selected
        self._running += 1
        self.host.telemetry.active += 1
        return None

    async def _follow(self, key: str, stream: Stream) -> object | None:
        """Send the answers of a stream that can't be shared, and close it. Return the errors that ended it, if any."""
        telemetry = self.host.telemetry
        sent = 0
        failed = False
        telemetry.active += 1
        try:
            async with aclosing(stream.follow(None)) as pages:
                async for page in pages:
                    for _, answer in page:
                        failed = failed or answer.has_errors
                        if answer.failed:
                            return self._errors(key, answer)
                        await self._next(key, answer.json)
                        telemetry.delivered += 1
                        sent += 1
                        if sent % 32 == 0:  # neither stream nor send may ever wait, and other tasks must have a turn
                            await asyncio.sleep(0)
        finally:
            telemetry.active -= 1
            stream.record(failed)
        return None

    def _errors(self, key: str, answer: StreamAnswer) -> object:
        """Return the errors of a stream's last answer. Raise Close if the client should reconnect instead."""
        if answer.may_pass and self._operations.get(key) is asyncio.current_task():
            raise Close(1013, resume_reason(_AWAY, None))
        errors: object = orjson.loads(answer.json)["errors"]
        return errors

    async def _next(self, key: str, answer: bytes) -> None:
        if self._operations.get(key) is asyncio.current_task():
            await self._send(_prefix(key) + answer + b"}")

    async def _say(self, key: str, kind: str, payload: object = None) -> None:
        if self._operations.get(key) is asyncio.current_task():
            message = {"id": key, "type": kind}
            await self._send(encode_json(message if payload is None else message | {"payload": payload}))


class _Shared(Subscriber[StreamAnswer]):
    """A shared subscription of a socket, which receives its messages from the hub."""

    __slots__ = ("_failed", "_frames", "_key", "_prefix", "_record", "_socket", "_telemetry", "cursor")

    def __init__(self, socket: Socket, key: str, record: Callable[[bool], None]) -> None:
        super().__init__()
        self._socket = socket
        self._frames = socket.frames
        self._telemetry = socket.host.telemetry
        self._key = key
        self._prefix = _prefix(key)
        self._record = record
        self._failed = False
        self.cursor: str | None = None

    def take(self, page: Page[StreamAnswer]) -> int:
        frames, prefix = self._frames, self._prefix
        if not frames.has_room:
            return 0
        parts: list[bytes] = []
        size = taken = 0
        for _, answer in page:
            if answer.has_errors:
                self._failed = True
                if answer.failed:
                    break
            json = answer.json
            length = len(prefix) + len(json) + 1
            parts += (header(length), prefix, json, b"}")
            taken += 1
            size += length
            if size >= _CHUNK_BYTES:
                frames.write(b"".join(parts))
                parts.clear()
                size = 0
                if not frames.has_room:
                    break
        if parts:
            frames.write(b"".join(parts))
        if taken:
            self.cursor = page[taken - 1][1].cursor
            self._telemetry.delivered += taken
        if taken < len(page) and page[taken][1].failed and frames.has_room:
            taken += 1
            self._fail(page[taken - 1][1])
        return taken

    async def room(self) -> bool:
        try:
            await self._socket.room(self.cursor)
        except Close as close:
            self._socket.end(close)
            return False
        return True

    def end(self) -> None:
        self._finish(encode_json({"id": self._key, "type": "complete"}))

    def close(self) -> None:
        """Leave the hub without a message to the client."""
        self.leave()
        self._socket.done(self._key, self)
        self._telemetry.active -= 1
        self._record(self._failed)

    def _fail(self, answer: StreamAnswer) -> None:
        if answer.may_pass:
            self._socket.end(Close(1013, resume_reason(_AWAY, self._socket.cursor)))
            self.close()
            return
        errors = orjson.loads(answer.json)["errors"]
        self._finish(encode_json({"id": self._key, "type": "error", "payload": errors}))

    def _finish(self, message: bytes) -> None:
        self._frames.write(header(len(message)) + message)
        self.close()


def _prefix(key: str) -> bytes:
    """Return the part of a message `next` before the answer. A brace follows the answer."""
    return b'{"id":' + encode_json(key) + b',"type":"next","payload":'
