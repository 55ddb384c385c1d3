"""uvicorn's WebSocket protocol with a direct way to write finished frames.

Through ASGI, each message to each client is a coroutine through every middleware and a newly made frame, some 20 µs.
Subscriptions write the same bytes to thousands of sockets: here each write is a call of 2 µs. All other messages use
ASGI. Both ways may be mixed on one socket, since each writes whole frames.
"""

from __future__ import annotations

from asyncio.transports import BaseTransport
from typing import ClassVar, Protocol

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "assay.frames"


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


def protocol(unsent_bytes: int) -> type[WebSocketsSansIOProtocol]:
    """Return the class for uvicorn's option `ws`. A client has no room from `unsent_bytes` until a quarter is left."""
    return type(_Protocol.__name__, (_Protocol,), {"unsent_bytes": unsent_bytes})


def header(length: int) -> bytes:
    """Return the header of an unmasked text frame that is a whole message (RFC 6455, section 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2)
    return b"\x81\x7f" + length.to_bytes(8)


class _Protocol(WebSocketsSansIOProtocol):
    unsent_bytes: ClassVar[int]
    has_room = True

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(self.unsent_bytes)

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
