"""The WebSocket endpoint of GraphQL: the subprotocol `graphql-transport-ws`, by its PROTOCOL.md.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md

This module admits connections and holds the open sockets; `web.graphql.socket` runs a socket. Before the handshake
completes, the server refuses a foreign `Origin` with 403, a further socket of an address at its limit with 429 (its
half-open connections count), and any socket beyond its own limit with 503.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from operator import attrgetter

from starlette.websockets import WebSocket

from events.hub import Hub
from execution.answers import StreamAnswer
from execution.errors import ErrorCode
from execution.executor import Executor
from settings import Settings
from telemetry import Telemetry
from web.callers import OPEN, Callers, ContextFactory
from web.graphql import CLOSE_SECONDS, HEARTBEAT_SECONDS
from web.graphql.messages import Close, resume_reason
from web.graphql.socket import Socket
from web.origins import FOREIGN, Origins
from web.responses import error_response


class GraphQLWebSocket:
    """The endpoint, and all its open sockets. Times are in seconds."""

    def __init__(
        self,
        executor: Executor,
        context_factory: ContextFactory,
        settings: Settings,
        telemetry: Telemetry,
        *,
        callers: Callers = OPEN,
        ping_seconds: float = HEARTBEAT_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self.executor = executor
        self.context_factory = context_factory
        self.callers = callers
        self.settings = settings
        self.telemetry = telemetry.subscriptions
        self.half_open = telemetry.http.half_open
        self.origins = Origins(settings.allowed_origins)
        self.ping_seconds = ping_seconds
        self.close_seconds = close_seconds
        self.hub: Hub[StreamAnswer] = Hub(lambda answer: len(answer.json), attrgetter("cursor"))
        self.sockets: set[Socket] = set()
        self.addresses: Counter[str] = Counter()
        self.stopping = False

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one connection, from its handshake to its end.

        The context factory receives the WebSocket; its `state.connection_init` is the payload of the client's
        `connection_init`, or None. It refuses a credential that is not valid, and the socket then ends.
        """
        if self.origins.is_foreign(websocket):
            await _refuse(websocket, 403, ErrorCode.FORBIDDEN, FOREIGN)
            return
        if self.stopping or len(self.sockets) >= self.settings.max_sockets:
            await _refuse(websocket, 503, ErrorCode.RATE_LIMITED, "No connection is free: try again later.")
            return
        address, limit = websocket.client.host if websocket.client else "", self.settings.max_sockets_per_address
        if limit and self.addresses[address] + self.half_open[address] >= limit:
            message = f"An address can have at most {limit:,} open sockets and unfinished requests: end another first."
            await _refuse(websocket, 429, ErrorCode.RATE_LIMITED, message)
            return
        socket = Socket(self, websocket)
        self.sockets.add(socket)
        self.addresses[address] += 1
        self.telemetry.connections += 1
        try:
            await socket.run()
        finally:
            self.sockets.discard(socket)
            self.addresses[address] -= 1
            if not self.addresses[address]:
                del self.addresses[address]
            self.telemetry.connections -= 1
            socket.ended.set()

    async def close_all(self, code: int = 1012, why: str = "Service restart") -> None:
        """Close all sockets, end their tasks and wait for them; accept no new connection."""
        self.stopping = True
        sockets = list(self.sockets)
        for socket in sockets:
            socket.end(Close(code, resume_reason(why, socket.cursor)))
        with suppress(TimeoutError):
            async with asyncio.timeout(self.close_seconds):
                for socket in sockets:
                    await socket.ended.wait()
        for socket in sockets:
            socket.cancel_mutations()
            await socket.ended.wait()
        await self.hub.close()


async def _refuse(websocket: WebSocket, status: int, code: str, message: str) -> None:
    await websocket.receive()
    await websocket.send_denial_response(error_response(status, code, message))
