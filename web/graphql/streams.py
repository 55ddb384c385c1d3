"""Subscriptions over HTTP, as server-sent events or as the parts of a multipart body.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md (distinct connections mode)
https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol

Invariants of every stream:

- At its end, for any cause, its source stream has been closed and its closing awaited; a shared stream was left.
- A send waits until the transport has room, and the source stream waits for the send. (A shared stream holds a few
  answers, and its group continues without it.) A send that waits longer than `send_seconds` ends the stream.
- A heartbeat in regular intervals keeps proxies from closing the connection, and detects clients that are gone.
- If the source ends, the client receives `complete`, or the last boundary. If the caller loses its access, the client
  receives an answer with the error before. If the stream ends for another reason (the server stops, the database is
  out of reach, the client does not read), the connection breaks off. Clients take that for a lost connection,
  reconnect, and resume after their cursor. Apollo's protocol can state the reason, and does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import structlog
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from execution.answers import StreamAnswer, encode_json
from execution.errors import INTERNAL_MESSAGE, ErrorCode, error_body
from execution.subscriptions import Stream
from web.graphql import CLOSE_SECONDS, HEARTBEAT_SECONDS
from web.graphql.negotiation import EVENT_STREAM, MULTIPART
from web.graphql.sharing import pages_of
from web.inflation import BodyRefused
from web.middleware import BrokenOff

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from events.hub import Hub
    from settings import Settings
    from telemetry import Telemetry

HEADERS = {
    "cache-control": "no-store, no-transform",  # a proxy that compresses the stream would hold it back
    "x-accel-buffering": "no",  # nginx would buffer it
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Framing:
    """The bytes of a stream in one media type. `begin` is sent at once, so that proxies pass the headers on."""

    content_type: str
    begin: bytes
    heartbeat: bytes
    answer: Callable[[StreamAnswer], bytes]
    complete: bytes
    breaking: Callable[[bytes], bytes] | None
    """The last bytes before a stream breaks off, from a body of errors; None if the protocol has none."""


def _event(answer: StreamAnswer) -> bytes:
    place = b"id: %b\n" % answer.cursor.encode() if answer.cursor is not None else b""
    return b"event: next\n%bdata: %b\n\n" % (place, answer.json)


def _part(json: bytes) -> bytes:
    # The next delimiter is sent with the part: it tells the client that the part is complete.
    return b"\r\ncontent-type: application/json; charset=utf-8\r\n\r\n%b\r\n---" % json


_STOPPED = encode_json(
    error_body(
        ErrorCode.SERVICE_UNAVAILABLE,
        "The server is stopping: subscribe again, with `after` and the last cursor you have.",
    )
)

EVENTS = Framing(
    content_type=f"{EVENT_STREAM}; charset=utf-8",
    begin=b":\n\n",
    heartbeat=b":\n\n",
    answer=_event,
    complete=b"event: complete\ndata:\n\n",
    breaking=None,
)
PARTS = Framing(
    content_type=f'{MULTIPART}; boundary="-"; subscriptionSpec=1.0',
    begin=b"---",
    heartbeat=_part(b"{}"),
    answer=lambda answer: _part(b'{"payload":%b}' % answer.json),
    complete=b"--\r\n",
    breaking=lambda errors: _part(b'{"payload":null,%b' % errors[1:]) + b"--\r\n",
)
FRAMINGS = {EVENT_STREAM: EVENTS, MULTIPART: PARTS}


def whole_response(framing: Framing, answer: bytes) -> Response:
    """Return a stream that holds one answer."""
    content = framing.begin + framing.answer(StreamAnswer(answer)) + framing.complete
    return Response(content, headers={"content-type": framing.content_type, **HEADERS})


class _Breaking(Exception):
    """The stream breaks off before its source has ended; `errors` is a body with the reason."""

    def __init__(self, errors: bytes) -> None:
        super().__init__(errors)
        self.errors = errors


class _Refused(Exception):
    """The caller has lost its access; `errors` is a body with the reason."""

    def __init__(self, errors: bytes) -> None:
        super().__init__(errors)
        self.errors = errors


class Streams:
    """All streams of one server. Times are in seconds."""

    def __init__(
        self,
        settings: Settings,
        telemetry: Telemetry,
        hub: Hub[StreamAnswer],
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self.telemetry = telemetry.subscriptions
        self.hub = hub
        self.heartbeat_seconds = heartbeat_seconds
        self.send_seconds = settings.socket_send_seconds
        self.close_seconds = close_seconds
        self.max_streams = settings.max_sockets
        self.max_streams_per_address = settings.max_sockets_per_address
        self.open = 0
        self.addresses: Counter[str] = Counter()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the server takes no further stream."""
        return self._stopping.is_set() or self.open >= self.max_streams

    def is_full_for(self, address: str) -> bool:
        """Whether this client address has reached its number of streams."""
        return 0 < self.max_streams_per_address <= self.addresses[address]

    async def close_all(self) -> None:
        """End all streams, wait for their ends, and take no further stream."""
        self._stopping.set()
        while self.open:
            self._ended.clear()
            await self._ended.wait()

    async def until_stopped(self) -> NoReturn:
        await self._stopping.wait()
        raise _Breaking(_STOPPED)

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """Count a stream to this address during the block."""
        self.open += 1
        self.addresses[address] += 1
        self.telemetry.connections += 1
        self.telemetry.active += 1
        try:
            yield
        finally:
            self.open -= 1
            self.addresses[address] -= 1
            if not self.addresses[address]:
                del self.addresses[address]
            self.telemetry.connections -= 1
            self.telemetry.active -= 1
            self._ended.set()


class StreamResponse:
    """The response to a subscription, an ASGI application."""

    def __init__(
        self,
        streams: Streams,
        framing: Framing,
        stream: Stream,
        request_id: str,
        until_refused: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """`until_refused` waits until the caller loses its access, and returns the body of the last answer."""
        self._until_refused = until_refused
        self._streams = streams
        self._framing = framing
        self._pages = pages_of(streams.hub, stream)
        self._request_id = request_id
        self._send: Send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._send = send
        # The client decides how long the request lasts: its time says nothing about the server.
        scope.setdefault("state", {})["is_stream"] = True
        with self._streams.counted(address_of(scope)):
            try:
                await self._begin()
                await self._run(receive)
            except ClientDisconnect:
                pass
            except BodyRefused:  # of a GET: its response has begun
                raise BrokenOff from None
            except _Breaking as breaking:
                await self._break_off(breaking.errors)
            except _Refused as refused:
                answer = StreamAnswer(refused.errors, failed=True, has_errors=True)
                await self._write(self._framing.answer(answer) + self._framing.complete, more=False)

    async def _run(self, receive: Receive) -> None:
        """Send the answers until the source ends, or another cause ends the stream."""
        try:
            async with asyncio.TaskGroup() as tasks:
                others = [self._beat(), disconnected(receive), self._streams.until_stopped()]
                if self._until_refused is not None:
                    others.append(_refused(self._until_refused))
                beside = [tasks.create_task(each) for each in others]
                await self._follow()
                for task in beside:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None

    async def _begin(self) -> None:
        headers = {"content-type": self._framing.content_type, **HEADERS}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 200, "headers": raw})
        await self._write(self._framing.begin)

    async def _follow(self) -> None:
        written = 0
        try:
            async with aclosing(self._pages) as pages:
                async for page in pages:
                    told = page[:-1] if page[-1].may_pass else page
                    if told:
                        await self._write(b"".join([self._framing.answer(answer) for answer in told]))
                    if page[-1].may_pass:
                        raise _Breaking(page[-1].json)
                    self._streams.telemetry.delivered += len(page) - page[-1].failed
                    written += 1
                    if written % 32 == 0:  # neither stream nor send may ever wait, and other tasks must have a turn
                        await asyncio.sleep(0)
        except (BrokenOff, _Breaking):
            raise
        except Exception:
            log.exception("stream failed", request_id=self._request_id)
            body = error_body(ErrorCode.INTERNAL_SERVER_ERROR, INTERNAL_MESSAGE, requestId=self._request_id)
            await self._write(self._framing.answer(StreamAnswer(encode_json(body), failed=True)))
        await self._write(self._framing.complete, more=False)

    async def _break_off(self, errors: bytes) -> NoReturn:
        if self._framing.breaking is not None:
            told = self._framing.breaking(errors)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._streams.close_seconds):
                    await self._send({"type": "http.response.body", "body": told, "more_body": True})
        raise BrokenOff

    async def _beat(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._streams.heartbeat_seconds)
            await self._write(self._framing.heartbeat)

    async def _write(self, data: bytes, *, more: bool = True) -> None:
        try:
            async with asyncio.timeout(self._streams.send_seconds):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:
            self._streams.telemetry.overflowed += 1
            raise BrokenOff from None


async def _refused(until_refused: Callable[[], Awaitable[bytes]]) -> NoReturn:
    raise _Refused(await until_refused())


def address_of(scope: Scope) -> str:
    """Return the client's address; an empty text on a Unix socket."""
    client = scope.get("client")
    return client[0] if client else ""


async def disconnected(receive: Receive) -> NoReturn:
    """Wait until the client disconnects, then raise ClientDisconnect."""
    while (await receive())["type"] != "http.disconnect":
        pass  # the body of a GET is not read
    raise ClientDisconnect
