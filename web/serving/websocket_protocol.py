"""uvicorn's WebSocket, which can also be handed a frame that is ready, without a wait.

By ASGI each message to each client is a coroutine through every middleware and a frame made anew, some 20 µs. The door
for subscriptions writes the same bytes to thousands of sockets: here that is a call, of 2 µs. Everything else goes by
ASGI as ever, and both may be used on one socket: either writes whole frames.
"""

from __future__ import annotations

from asyncio.transports import BaseTransport
from typing import ClassVar, Protocol

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "assay.frames"


class Frames(Protocol):
    """One socket, for who writes frames to it."""

    has_room: bool
    """Whether the client reads what it is sent: less than the limit is still unsent."""

    async def room(self) -> None:
        """Wait until there is room, or the socket is gone."""

    def write(self, frames: bytes) -> None:
        """Send whole frames. Where there is no room they are kept, however many; where the socket is gone, dropped."""

    def hurry(self) -> None:
        """Let what goes by ASGI no longer wait for room: it is the last of it."""


def frames_of(scope: Scope) -> Frames:
    """The socket of this scope, which `protocol` has made."""
    frames: Frames = scope["extensions"][EXTENSION]["frames"]
    return frames


def protocol(unsent_bytes: int) -> type[WebSocketsSansIOProtocol]:
    """For uvicorn's option `ws`. A client has no room when this much is unsent, until three quarters have gone."""
    return type(_Protocol.__name__, (_Protocol,), {"unsent_bytes": unsent_bytes})


def header(length: int) -> bytes:
    """What stands before the payload of a text frame that is a whole message (RFC 6455, 5.2)."""
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
        if not self.close_sent:  # the task that serves this scope has not begun yet
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
