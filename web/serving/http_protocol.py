"""uvicorn's HTTP protocol with a time limit for the headers of a request.

uvicorn limits the time between two requests, and the endpoints limit the time of a body. Without this third limit a
client that sends nothing, or a byte now and then, would hold its connection for ever. The limit also covers WebSocket
handshakes, which begin as HTTP requests.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 30.0
"""Seconds from the opening of a connection, or from the first byte after a response, to complete headers."""


def protocol(seconds: float) -> type[HttpToolsProtocol]:
    """Return the class for uvicorn's option `http`."""
    return type(_Protocol.__name__, (_Protocol,), {"seconds": seconds})


class _Protocol(HttpToolsProtocol):
    seconds: ClassVar[float]
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # After a response uvicorn's own limit runs until the next byte. Bytes before the response need no limit, and
        # neither do headers that arrive whole.
        if self._limit is None and self.cycle and self.cycle.response_complete and self._is_http:
            self._begin()

    def on_headers_complete(self) -> None:
        self._end()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    @property
    def _is_http(self) -> bool:
        """Whether the connection is still HTTP: a WebSocket has another protocol."""
        return self.transport.get_protocol() is self

    def _begin(self) -> None:
        self._limit = self.loop.call_later(self.seconds, self.transport.close)

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
