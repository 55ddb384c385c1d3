"""uvicorn's WebSocket protocol with a direct way to write finished frames.

Through ASGI, each message to each client is a coroutine through every middleware and a newly made frame, some 20 µs.
Subscriptions write the same bytes to thousands of sockets: here each write is a call of 2 µs. All other messages use
ASGI. Both ways may be mixed on one socket, since each writes whole frames.

The protocol parses what has arrived a few kilobytes at a time, with turns for other connections in between: the
smallest frames have 6 bytes, and one read of uvloop's 250 KB would hold the event loop for a tenth of a second and
more.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from typing import ClassVar, Protocol

from starlette.types import Scope
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

EXTENSION = "assay.frames"

MAX_FRAGMENTS = 256
"""Fragments of one message. Clients send whole messages, and libraries split them at 4 KB or more."""

PARSED_BYTES = 8_192
"""Bytes parsed at once: at most 1,366 frames, some milliseconds."""


class Frames(Protocol):
    """The frame-writing side of one socket."""

    has_room: bool
    """Whether fewer than the limit of bytes are unsent: the client keeps up."""

    async def room(self) -> None:
        """Wait for room, or for the end of the socket."""

    def write(self, frames: bytes) -> None:
        """Send whole frames. Without room they are buffered, without limit; on a closed socket they are dropped."""

    def hurry(self) -> None:
        """Let ASGI messages no longer wait for room, for the last ones before the close."""


def frames_of(scope: Scope) -> Frames:
    """Return the frame writer of this scope."""
    frames: Frames = scope["extensions"][EXTENSION]["frames"]
    return frames


def protocol(unsent_bytes: int) -> type[WebSocketProtocol]:
    """Return the class for uvicorn's option `ws`. A client has no room from `unsent_bytes` until a quarter is left."""
    return type(WebSocketProtocol.__name__, (WebSocketProtocol,), {"unsent_bytes": unsent_bytes})


def header(length: int) -> bytes:
    """Return the header of an unmasked text frame that is a whole message (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2)
    return b"\x81\x7f" + length.to_bytes(8)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """The protocol of one socket, from its handshake on."""

    unsent_bytes: ClassVar[int]
    has_room = True
    _limit: asyncio.TimerHandle | None = None
    _unparsed = b""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(self.unsent_bytes)

    def begin(self, handshake: Request, deadline: float) -> None:
        """Answer a handshake that `web.serving.http_protocol` has read and checked. It must end before `deadline`."""
        self._limit = self.loop.call_at(deadline, self.transport.close)
        # websockets' parser must have seen a handshake before it takes frames.
        self.conn.receive_data(b"GET / HTTP/1.1\r\n\r\n")
        self.conn.events_received()
        self.handle_connect(handshake)

    def start_keepalive(self) -> None:
        """End the time limit: uvicorn calls this method when it has completed the handshake."""
        self._end_limit()
        super().start_keepalive()

    def _end_limit(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def data_received(self, data: bytes) -> None:
        self._unparsed += data
        self._parse()

    def _parse(self) -> None:
        if self.transport.is_closing():
            self._unparsed = b""
            return
        part, self._unparsed = self._unparsed[:PARSED_BYTES], self._unparsed[PARSED_BYTES:]
        super().data_received(part)
        self._continue()

    def _continue(self) -> None:
        """Parse the rest in the next turn of the loop, unless the application must receive messages first."""
        if self.read_paused or self.transport.is_closing():
            return
        if self._unparsed:
            self.transport.pause_reading()
            self.loop.call_soon(self._parse)
        else:
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        message = await super().receive()
        if self._unparsed:
            self._continue()
        return message

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"A message may have at most {MAX_FRAGMENTS} fragments.")
            self.handle_parser_exception()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # before the task that serves this scope begins
            self.scope["extensions"][EXTENSION] = {"frames": self}

    def pause_writing(self) -> None:
        super().pause_writing()
        self.has_room = False

    def resume_writing(self) -> None:
        super().resume_writing()
        self.has_room = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_limit()
        super().connection_lost(exc)
        self.has_room = True

    async def room(self) -> None:
        await self.writable.wait()

    def write(self, frames: bytes) -> None:
        transport = self.transport
        if not (self.close_sent or self.disconnected or transport.is_closing()):
            transport.write(frames)

    def hurry(self) -> None:
        self.writable.set()
        self.has_room = True
