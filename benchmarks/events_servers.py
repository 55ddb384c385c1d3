"""Run a Python server that sends events to all subscribers: Assay, or Strawberry's handler over broadcaster.

    python -m benchmarks.events_servers {assay,strawberry} PORT

Each has `POST /publish/N`, which makes N events and returns the time of the last one (for Assay, of its commit), on the
clock shared by all processes of the machine. Assay's events pass through its database and its log.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

Publish = Callable[[int], Awaitable[object]]

ID = "analysis_01m81d1s2hfggag402m4sbq3n0"
STEP = ("extracting page 12 of 40 " * 20)[:414]


def publishing(publish: Publish) -> Route:
    """Return the endpoint that publishes events."""

    async def endpoint(request: Request) -> JSONResponse:
        await publish(request.path_params["count"])
        return JSONResponse({"at": time.monotonic()})

    return Route("/publish/{count:int}", endpoint, methods=["POST"])


def assay(port: int) -> None:
    """Run Assay with the endpoint that publishes events."""
    from logs import configure_logging
    from server import create_app
    from settings import Settings
    from store.events import append, new_event
    from store.sql.clock import utcnow
    from store.sql.database import Database
    from store.tables import AnalysisEventType
    from web.serving.listen import bind
    from web.serving.run import run

    databases: list[Database] = []
    begin = Database.__init__

    def note(database: Database, *arguments: Any, **options: Any) -> None:
        begin(database, *arguments, **options)
        databases.append(database)

    Database.__init__ = note  # type: ignore[method-assign, assignment]
    data = json.dumps({"status": "RUNNING", "attempt": 1, "fraction": 0.3, "step": STEP, "error": None})

    async def publish(count: int) -> None:
        async with databases[0].write() as connection:
            event = new_event("default", AnalysisEventType.ANALYSIS_PROGRESS, ID, utcnow(), data)
            await append(connection, [event] * count)

    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        settings = Settings.model_validate(
            {
                "port": port,
                "data_dir": folder,
                "workers": 0,
                "max_sockets": 20_000,
                "max_sockets_per_address": 0,
                "log_level": "warning",
            }
        )
        listening = bind(settings.host, settings.port)
        configure_logging(settings.log_format, settings.log_level)
        app = create_app(settings)
        app.router.routes.append(publishing(publish))
        run(app, listening, settings)


@strawberry.type
class Progress:
    """The progress of one analysis."""

    fraction: float
    step: str


@strawberry.type
class Fault:
    """The error of a failed analysis."""

    code: str


@strawberry.type
class AnalysisEvent:
    """An event with the same fields as Assay's."""

    cursor: str
    type: str
    occurred_at: str
    subject_id: str
    status: str
    progress: Progress
    error: Fault | None


@strawberry.type
class Query:
    """A query type, which every schema needs."""

    hello: str = "world"


def strawberry_over_broadcaster(port: int) -> None:
    """Run Strawberry's handler with its defaults, on uvicorn with Assay's configuration."""
    from broadcaster import Broadcast

    broadcast = Broadcast("memory://")

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def events(self) -> AsyncGenerator[AnalysisEvent, None]:
            async with broadcast.subscribe(channel="events") as subscriber:
                async for message in subscriber:  # type: ignore[union-attr]
                    event = json.loads(cast(Any, message).message)
                    yield AnalysisEvent(**{**event, "progress": Progress(**event["progress"])})

    number = 0

    async def publish(count: int) -> None:
        nonlocal number
        for _ in range(count):
            number += 1
            event = {
                "cursor": f"s0-{number:x}-275412e9",
                "type": "ANALYSIS_PROGRESS",
                "occurred_at": "2026-01-01T00:00:00.000Z",
                "subject_id": ID,
                "status": "RUNNING",
                "progress": {"fraction": 0.3, "step": STEP},
                "error": None,
            }
            await broadcast.publish(channel="events", message=json.dumps(event))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with broadcast:
            yield

    schema = strawberry.Schema(query=Query, subscription=Subscription)
    graphql: Any = GraphQL(schema, subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL])
    app = Starlette(routes=[publishing(publish), WebSocketRoute("/graphql", graphql)], lifespan=lifespan)
    config = uvicorn.Config(
        app, port=port, log_level="warning", ws="websockets-sansio", ws_per_message_deflate=False, ws_ping_interval=None
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    {"assay": assay, "strawberry": strawberry_over_broadcaster}[sys.argv[1]](int(sys.argv[2]))
