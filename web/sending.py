"""A response on its way out: the headers of all responses, and compression of large JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from web.compression import compressed, is_compressible

if TYPE_CHECKING:
    from starlette.types import Message, Scope, Send

SECURITY_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}
"""Headers of every response that has no own ones of these names."""

_SECURITY = list(SECURITY_HEADERS.items())


class Sending:
    """`send` of one HTTP response: adds the headers of all responses, compresses, and notes the status."""

    __slots__ = ("_held", "_scope", "_send", "request_id", "status")

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._held: Message | None = None
        self.request_id = request_id
        self.status = 0
        """Status of the response once it has begun."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            own = dict(headers)  # names are in lower case
            message["headers"] = [*headers, *_missing(own), (b"x-request-id", self.request_id.encode())]
            self._held = None
            if is_compressible(own) and self._scope["method"] != "HEAD":
                self._held = message  # its headers depend on the body
                return
            self.status = message["status"]
        elif self._held is not None:
            start, self._held = self._held, None
            message = await compressed(self._scope, start, message)
            self.status = start["status"]
            await self._send(start)
        await self._send(message)


def secured(send: Send) -> Send:
    """Return `send` of a WebSocket, with the headers of all responses in a refusal."""

    async def send_secured(message: Message) -> None:
        if message["type"] == "websocket.http.response.start":
            headers = message.get("headers", ())
            message["headers"] = [*headers, *_missing(dict(headers))]
        await send(message)

    return send_secured


def _missing(own: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    if SECURITY_HEADERS.keys().isdisjoint(own):
        return _SECURITY
    return [(name, value) for name, value in _SECURITY if name not in own]
