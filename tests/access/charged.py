"""An instance of the server for callers of the test's choice, on real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from access.buckets import Rule
from access.charging import Charging
from access.limits import Limits
from access.rules import DEFAULT_RULES
from analyzers.registry import load_registry
from events.bus import Bus
from events.changes import changes_in
from events.feed import Feed
from execution.answer_cache import AnswerCache
from execution.executor import Answer, Executor, OperationRequest
from resolvers.context import Context, Services
from schema.access import refuse, rule_of
from schema.build import fit
from settings import Settings
from store.sql.database import Database
from store.sql.viewer import DEFAULT_WORKSPACE, Role, Viewer
from store.submissions import Submissions
from telemetry import Telemetry
from tests.support import until
from web.callers import client_of
from web.graphql.http import GraphQLHTTP
from web.graphql.streams import Streams
from web.graphql.websocket import GraphQLWebSocket
from web.middleware import middleware
from web.serving import websocket_protocol

SCHEMA, ANALYZERS, _ = fit(load_registry(built_in=True).analyzers)
VIEWER = Viewer("ann", DEFAULT_WORKSPACE, Role.VIEWER, user_id="user_1")
ORIGIN = "https://app.example"


def rules(capacity: int, drain: float) -> Mapping[str, Rule]:
    """Return rules with these figures for VIEWER."""
    return {**DEFAULT_RULES, "VIEWER": Rule("VIEWER", capacity, drain)}


class Instance:
    """The parts of one instance, with the limits of the test."""

    def __init__(self, database: Database, limits: Limits, given: Mapping[str, Rule] = DEFAULT_RULES) -> None:
        self.settings = Settings(database_url=str(database.url), allowed_origins=(ORIGIN,))
        self.telemetry, self.viewer = Telemetry("server:1"), VIEWER
        self.charging = Charging(limits, given)
        changes = changes_in(database, Bus())
        database.on_commit(changes.hear)
        self.changes = changes
        self.services = Services(
            settings=self.settings,
            database=database,
            submissions=Submissions(database),
            feed=Feed(database),
            bus=Bus(),
            telemetry=self.telemetry,
            analyzers=ANALYZERS,
            plugin_failures={},
            instance="server:1",
            charging=self.charging,
        )
        self.executor = Executor(
            SCHEMA,
            settings=self.settings,
            telemetry=self.telemetry,
            rule_of=rule_of,
            refuse=refuse,
            charge=lambda context, cost: self.charging.charge(context.viewer, cost),
            admit=lambda context: self.charging.admit(context.viewer, context.address),
            answers=AnswerCache(changes, self.telemetry.answers, self.settings.answer_cache_bytes),
        )
        self.address = ""

    def context(self, viewer: Viewer | None = None) -> Context:
        return Context(self.services, viewer or self.viewer, "request-1")

    async def ask(self, query: str, viewer: Viewer | None = None, **members: Any) -> tuple[Answer, Any]:
        """Return the answer to a query or mutation, and its charge."""
        context = self.context(viewer)
        return await self.executor.execute(OperationRequest(query, **members), context), context.charged

    async def level(self) -> float:
        """Return the level of the viewer's bucket."""
        charged = self.charging.charge(VIEWER, 0)
        assert charged is not None
        return (charged if not hasattr(charged, "__await__") else await charged).latest.level

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Instance]:
        """Serve on a free port."""
        sockets = GraphQLWebSocket(self.executor, self._of, self.settings, self.telemetry)
        streams = Streams(self.settings, self.telemetry, sockets.hub)
        answer = GraphQLHTTP(self.executor, self._of, self.settings, streams)
        app = Starlette(
            routes=[WebSocketRoute("/graphql", sockets.endpoint)],
            middleware=middleware(self.settings, self.telemetry, {"/graphql": answer}),
        )
        protocol = websocket_protocol.protocol(self.settings.socket_unsent_bytes)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws=protocol, lifespan="off"))
        task = asyncio.create_task(server.serve())
        await until(lambda: server.started, what="the server to start")
        self.address = f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/graphql"
        try:
            yield self
        finally:
            await asyncio.gather(sockets.close_all(), streams.close_all())
            server.should_exit = True
            await task

    def _of(self, connection: HTTPConnection) -> Context:
        return Context(self.services, self.viewer, "request-1", client_of(connection))

    async def post(self, query: str, accept: str = "application/json", **members: Any) -> httpx.Response:
        """Send an operation by POST, from a page of another origin."""
        headers = {"accept": accept, "origin": ORIGIN}
        return await self._send("POST", headers, json={"query": query, **members})

    async def get(self, query: str) -> httpx.Response:
        return await self._send("GET", {}, params={"query": query})

    async def _send(self, method: str, headers: dict[str, str], **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=120) as client:
            return await client.request(method, f"http://{self.address}", headers=headers, **options)

    async def over_socket(self, query: str, **members: Any) -> dict[str, Any]:
        """Send an operation over a WebSocket, and return the first message about it."""
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(f"ws://{self.address}", subprotocols=protocols, proxy=None) as socket:
            await socket.send(json.dumps({"type": "connection_init"}))
            await socket.recv()
            payload = {"query": query, **members}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            message: dict[str, Any] = json.loads(await socket.recv())
            return message
