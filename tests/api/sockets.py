"""graphql-transport-ws message by message: a client library could hide messages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.support import Server


class Socket:
    """An acknowledged connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """Return the next message other than a ping; answer pings."""
        while True:
            async with asyncio.timeout(300):
                message: dict[str, Any] = json.loads(await self.connection.recv())
            if message["type"] != "ping":
                return message
            await self.send(type="pong")

    async def subscribe(self, key: str, query: str, **variables: Any) -> None:
        await self.send(id=key, type="subscribe", payload={"query": query, "variables": variables})

    async def answers(self, query: str, *, key: str = "1", **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """Yield the data of one subscription until it is complete. The socket may have no other subscription."""
        await self.subscribe(key, query, **variables)
        while True:
            message = await self.receive()
            assert message["id"] == key
            if message["type"] == "complete":
                return
            assert message["type"] == "next", message
            assert "errors" not in message["payload"], message
            yield message["payload"]["data"]

    async def refusal(self, query: str, **variables: Any) -> dict[str, Any]:
        """Start a subscription that the server must refuse; return the only error."""
        await self.subscribe("refused", query, **variables)
        message = await self.receive()
        assert (message["id"], message["type"]) == ("refused", "error"), message
        (error,) = message["payload"]
        found: dict[str, Any] = error
        return found


@asynccontextmanager
async def opened(server: Server) -> AsyncIterator[Socket]:
    """Open a socket to the server."""
    async with connect(server.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")], max_size=None) as connection:
        socket = Socket(connection)
        await socket.send(type="connection_init")
        assert (await socket.receive())["type"] == "connection_ack"
        yield socket
