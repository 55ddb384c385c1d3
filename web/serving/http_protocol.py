"""uvicorn's HTTP, which waits only so long for a request's headers.

uvicorn has a limit for the time between two requests, and the doors have theirs for what comes behind the headers.
Without this one, who sends nothing, or a byte now and then, holds a connection for as long as it likes, a WebSocket's
too: until its headers are complete it is a request like any other.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 30.0
"""From a connection's opening, and from the first byte behind an answer, until the next headers are complete."""


def protocol(seconds: float) -> type[HttpToolsProtocol]:
    """For uvicorn's option `http`."""
    return type(_Protocol.__name__, (_Protocol,), {"seconds": seconds})


class _Protocol(HttpToolsProtocol):
    seconds: ClassVar[float]
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # Behind an answer uvicorn's own limit runs, until anything comes. What comes before the answer needs none, and
        # headers that come whole neither.
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
        """Whether it has not become a WebSocket, whose protocol is another."""
        return self.transport.get_protocol() is self

    def _begin(self) -> None:
        self._limit = self.loop.call_later(self.seconds, self.transport.close)

    def _end(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
