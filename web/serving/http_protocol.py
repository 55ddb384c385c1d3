"""uvicorn's HTTP protocol, strict, with limits of time and size for the head of a request.

uvicorn limits the time between two requests, and the endpoints limit the time of a body. Without the limits of this
module, a client that sends nothing, or a byte now and then, would hold its connection for ever. One limit of time ends
both an unfinished HTTP request and an unfinished WebSocket handshake, which begins as an HTTP request.

A connection without a complete head is half-open. The half-open connections of an address are counted: beyond the
limit of the address, the server answers 429 and closes the connection.

Every refusal is an ordinary request with a `Fault` in its scope, answered by `web.middleware`. So refusals keep their
order among pipelined requests, and have the shape, the id and the log line of every other answer.

A draining server ends each connection with its next response (`Connection: close`), so that a proxy's idle connections
are used up before the server stops: a proxy can't safely repeat a POST that it sent on a connection that closes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from execution.errors import ErrorCode
from web.serving.request_head import (
    EXTENSION,
    MAX_HEAD_BYTES,
    MAX_URL_BYTES,
    Fault,
    Head,
    bad,
    fault_of,
    handshake,
    handshake_fault,
    origin_form,
    too_large,
)

if TYPE_CHECKING:
    from web.serving.websocket_protocol import WebSocketProtocol

HEADER_SECONDS = 30.0
"""Seconds from the opening of a connection, or from the first byte after a response, to complete headers. For a
WebSocket, to the end of the handshake."""

HALF_OPEN_SECONDS = 1.0
"""Seconds after which a connection without complete headers counts as half-open. Without them, a thousand browsers that
connect again at once through one proxy would be refused."""

MAX_UNREAD_BYTES = 4 * MAX_HEAD_BYTES
"""Bytes received since the parser last found a head or a part of a body: an endless header, trailer or chunk extension.
Above `MAX_HEAD_BYTES`, so that clients which finish a head that is too large can read the answer."""


def protocol(
    seconds: float, half_open: Counter[str], max_per_address: int, half_open_seconds: float = HALF_OPEN_SECONDS
) -> type[AssayProtocol]:
    """Return the class for uvicorn's option `http`. `half_open` receives the half-open connections by address.

    `max_per_address` 0 means no limit. The attribute `draining` of the class applies to all connections.
    """
    return type(
        AssayProtocol.__name__,
        (AssayProtocol,),
        {
            "seconds": seconds,
            "half_open": half_open,
            "max_per_address": max_per_address,
            "half_open_seconds": min(seconds, half_open_seconds),
        },
    )


class AssayProtocol(HttpToolsProtocol):
    seconds: ClassVar[float]
    draining: ClassVar[bool] = False
    half_open: ClassVar[Counter[str]]
    max_per_address: ClassVar[int]
    half_open_seconds: ClassVar[float]

    _limit: asyncio.TimerHandle | None = None
    _deadline = 0.0
    _is_half_open = False
    _is_refused = False  # the parser takes no further byte
    _in_head = False
    _in_body = False
    _unread = 0
    _size = 0

    # Limits of time and number

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    @property
    def _is_http(self) -> bool:
        """Whether the connection is still HTTP: a WebSocket has another protocol."""
        return self.transport.get_protocol() is self

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else ""

    def _begin(self) -> None:
        self._deadline = self.loop.time() + self.seconds
        self._limit = self.loop.call_later(self.half_open_seconds, self._count)

    def _count(self) -> None:
        """Count the connection as half-open, or refuse it beyond the limit of its address."""
        self._limit = self.loop.call_at(self._deadline, self.transport.close)
        if 0 < self.max_per_address <= self.half_open[self._address]:
            message = f"An address can have at most {self.max_per_address:,} unfinished requests: finish another first."
            self._refuse(Fault(429, ErrorCode.RATE_LIMITED, message))
            return
        self._is_half_open = True
        self.half_open[self._address] += 1

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        if self._is_half_open:
            self._is_half_open = False
            self.half_open[self._address] -= 1
            if not self.half_open[self._address]:
                del self.half_open[self._address]

    # Bytes and the parser's callbacks

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unread += len(data)
        super().data_received(data)
        if self._is_refused or not self._is_http:
            return
        if self._unread > MAX_UNREAD_BYTES:
            self._refuse(too_large())
        # After a response uvicorn's own limit runs until the next byte. Bytes before the response need no limit, and
        # neither do headers that arrive whole.
        elif self._limit is None and self.cycle and self.cycle.response_complete:
            self._begin()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._size, self._unread = True, 0, 0

    def on_url(self, url: bytes) -> None:
        self._size += len(url)
        if len(self.url) <= MAX_URL_BYTES:  # the rest of a URL that is too long is not kept
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value) + 4  # with colon, space and line end
        if self._in_head and self._size <= MAX_HEAD_BYTES:  # trailers are no headers of the request
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._unread = False, True, 0
        if self._limit is None:
            self._deadline = self.loop.time() + self.seconds
        self._end()
        head = Head(
            self.parser.get_method().decode("ascii"),
            self.url,
            self.parser.get_http_version(),
            self.headers,
            self.parser.should_upgrade(),
            self._size,
        )
        fault = fault_of(head)
        if fault is None and self._should_upgrade():
            fault = handshake_fault(head)
        self.url = origin_form(self.url)
        if fault is not None:
            self._note(fault)
            if not self.url.startswith(b"/") or fault.status == 414:
                self.url = b"/"  # uvicorn reads no other form, and not the first part of a URL
        try:
            super().on_headers_complete()
        except Exception:
            self._in_body = False
            raise
        if self.draining and self.cycle is not None:  # None for the handshake of a WebSocket
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body, self._unread = False, 0
        super().on_message_complete()

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that the parser can't read."""
        self._refuse(bad("The request is not valid HTTP/1.1."))

    def _refuse(self, fault: Fault) -> None:
        """Answer with a fault, after the answers to earlier requests, and read nothing more."""
        self._is_refused = True
        self._end()
        if self._in_body:
            self._note(fault)
        else:
            self.on_message_begin()
            self.url = b"/"
            self._note(fault)
            super().on_headers_complete()
            self.scope["method"] = "?"
        self.cycle.more_body = False
        self._close_after_answer()

    def _note(self, fault: Fault) -> None:
        cast("dict[str, Any]", self.scope)["extensions"] = {EXTENSION: fault}

    def _close_after_answer(self) -> None:
        if self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.keep_alive = False
            self.cycle.message_event.set()

    # Upgrades

    def _should_upgrade(self) -> bool:
        return EXTENSION not in self.scope.get("extensions", ()) and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Serve a request that asks for another protocol, and nothing after it: the parser drops the next bytes."""
        self._is_refused = True
        self._close_after_answer()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over. websockets' parser would allow lines of 8 KB and 128 headers only."""
        self.connections.discard(self)
        assert self.ws_protocol_class is not None
        socket = cast("type[WebSocketProtocol]", self.ws_protocol_class)(
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        socket.connection_made(self.transport)
        socket.begin(handshake(self.url.decode("ascii"), self.headers), self._deadline)
        self.transport.set_protocol(socket)
