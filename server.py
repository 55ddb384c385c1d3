"""The front door: the command line, and `create_app`, which puts one server instance together.

python server.py serve      the server: API, GraphiQL, and in embedded mode its own workers
python server.py worker     more workers, on this machine or another: a process without HTTP
python server.py submit     a batch of a file of JSON lines, however many
python server.py export     a batch's items and results, to a file of JSON lines
python server.py migrate    bring the database to this program's tables
python server.py schema     print the schema

and what an operator does while it runs: `status`, `pause`, `retry ID` and the like, in `commands/`
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from commands.arguments import OPERATION_SETTINGS, OPERATIONS, add_arguments
from settings import Settings

if TYPE_CHECKING:
    from starlette.applications import Starlette


def create_app(settings: Settings, instance: str | None = None) -> Starlette:
    """One server instance as an ASGI app. Nothing runs before its lifespan begins, and nothing is left behind it."""
    # Imported here: sandbox processes and `--help` load this module too, and need none of it.
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import RedirectResponse, Response
    from starlette.routing import BaseRoute, Route, WebSocketRoute

    from analyzers.registry import load_registry
    from events.bus import Bus
    from events.feed import Feed
    from execution.executor import Executor
    from jobs.cleanup import Ages
    from jobs.keeper import Keeper
    from jobs.process import working
    from jobs.supervision import Ending, side_tasks
    from jobs.worker import Worker
    from resolvers.context import Context, Services
    from resolvers.monitor import Monitor
    from resolvers.user_errors import explain
    from schema.build import fit
    from store.events import identify
    from store.sql.database import Database
    from store.sql.migrate import is_current, migrate
    from store.sql.viewer import LOCAL_ADMINISTRATOR
    from telemetry import Telemetry, default_instance
    from web.downloads import download_routes
    from web.graphql.http import GraphQLHTTP
    from web.graphql.streams import Streams
    from web.graphql.websocket import GraphQLWebSocket
    from web.health import Readiness, health_routes
    from web.middleware import middleware
    from web.pages import dashboard_routes, graphiql_routes
    from web.responses import refusal

    instance = instance or default_instance()
    registry = load_registry()
    schema, analyzers, unfit = fit(registry.analyzers)
    telemetry = Telemetry(instance)
    database = Database(settings.database)
    bus = Bus(settings.bus)
    feed = Feed(database)
    services = Services(
        settings=settings,
        database=database,
        feed=feed,
        bus=bus,
        telemetry=telemetry,
        monitor=Monitor(),
        analyzers=analyzers,
        plugin_failures={**registry.failures, **unfit},
        instance=instance,
    )

    def context(connection: HTTPConnection) -> Context:
        return Context(services, LOCAL_ADMINISTRATOR, connection.scope["state"]["request_id"])

    executor = Executor(schema, settings=settings, telemetry=telemetry, explain=explain)
    sockets = GraphQLWebSocket(executor, context, settings, telemetry)
    streams = Streams(settings, telemetry, sockets.hub)
    worker = Worker(database, analyzers, slots=settings.workers, instance=instance)
    readiness = Readiness()
    ending = Ending(settings.stop_seconds)

    def look() -> None:
        """Another process may have written to the same file."""
        feed.wake()
        worker.wake()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # Left in the opposite order: the database closes last, when nothing is left that could ask it.
            stack.push_async_callback(database.close)
            if database.is_sqlite:
                await migrate(database)
            elif not await is_current(database):
                raise SystemExit("The database lacks this program's tables: run `python server.py migrate` first.")
            await identify(database)
            # Of this instance's own news feed and worker hear as it is committed.
            bus.listen(feed.hear)
            bus.listen(worker.hear)
            database.on_commit(bus.publish)
            await stack.enter_async_context(
                side_tasks(
                    bus=bus.run,
                    feed=feed.run,
                    keeper=Keeper(database, ages=Ages.of(settings)).run,
                    monitor=services.monitor.run,
                    watch=partial(database.watch, look),
                )
            )
            if settings.workers:
                await stack.enter_async_context(working(worker, ending))
            stack.push_async_callback(stop)
            readiness.begin()
            yield

    async def stop() -> None:
        """Take nobody new, answer who waits, send every subscriber elsewhere, while all behind it is still there."""
        ending.begin()
        readiness.end()
        services.stopping.set()
        await asyncio.gather(sockets.close_all(), streams.close_all())

    async def to_graphiql(_request: Request) -> Response:
        return RedirectResponse("/graphql")

    routes: list[BaseRoute] = [
        Route("/", to_graphiql),
        Route("/graphql", GraphQLHTTP(executor, context, settings, streams), methods=None),
        Route("/graphql/stream", GraphQLHTTP(executor, context, settings, streams, events_only=True), methods=None),
        WebSocketRoute("/graphql", sockets.endpoint),
        *graphiql_routes(),
        *dashboard_routes(),
        *health_routes(services, readiness),
        *download_routes(context),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware(settings, telemetry),
        lifespan=lifespan,
        exception_handlers={HTTPException: refusal},
    )
    app.state.stop = stop
    app.state.ending, app.state.hurry = ending, worker.hurry
    return app


def serve(settings: Settings) -> None:
    """Run one server instance until SIGTERM or SIGINT."""
    from telemetry import configure_logging
    from web.serving.listen import CannotListen, bind
    from web.serving.run import run

    try:
        listening = bind(settings.host, settings.port)
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    # A SQLite file is this server's own: it brings it to its tables itself.
    check_database(settings, migrated=not settings.database.startswith("sqlite"))
    configure_logging(settings)
    run(create_app(settings), listening, settings)


def work(settings: Settings) -> None:
    """Run analyses without serving requests, until SIGTERM or SIGINT."""
    # Until the worker runs, and ends in order: to be told to stop is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from commands.worker import work

    if not settings.workers:
        raise SystemExit("ASSAY_WORKERS: A worker runs at least 1 analysis at once.")
    check_database(settings, migrated=True)
    work(settings)


def check_database(settings: Settings, *, migrated: bool) -> None:
    """End the program with one line where there is no database to work with."""
    from store.sql.preflight import Unusable, require_usable

    try:
        asyncio.run(require_usable(settings.database, migrated=migrated))
    except Unusable as error:
        name = "DATABASE_URL" if settings.database_url else "DATA_DIR"
        raise SystemExit(f"ASSAY_{name}: {error}") from None


def migrate_database(settings: Settings) -> None:
    """Bring the database to this program's tables."""
    from store.sql.database import Database
    from store.sql.migrate import migrate

    check_database(settings, migrated=False)

    async def run() -> None:
        database = Database(settings.database)
        try:
            await migrate(database)
        finally:
            await database.close()

    asyncio.run(run())
    print("The database has this program's tables.")


def print_schema(_settings: Settings) -> None:
    """Print the schema of the built-in analyzers and the installed plug-ins."""
    from analyzers.registry import load_registry
    from schema.build import fit, print_sdl

    schema, _, _ = fit(load_registry().analyzers)
    sys.stdout.write(print_sdl(schema))


def submit_batch(settings: Settings, **options: Any) -> None:
    """Queue a batch of a file of JSON lines."""
    from commands.batches import submit

    check_database(settings, migrated=True)
    submit(settings, **options)


def export_batch(settings: Settings, **options: Any) -> None:
    """Write a batch's items as JSON lines."""
    from commands.batches import export

    check_database(settings, migrated=True)
    export(settings, **options)


def operate(settings: Settings, *, command: str, **options: Any) -> None:
    """Do what an operator asks for while servers run, or while none does."""
    from commands import operations

    check_database(settings, migrated=True)
    operations.run(command, settings, **options)


COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serve,
    "worker": work,
    "submit": submit_batch,
    "export": export_batch,
    "migrate": migrate_database,
    "schema": print_schema,
}


def own_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """The arguments of a command beyond the settings."""
    if name in ("submit", "export"):
        from commands import batches

        {"submit": batches.submit_arguments, "export": batches.export_arguments}[name](parser)
    elif name in OPERATIONS:
        add_arguments(parser, name)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: each setting is an option too, and wins over the environment."""
    parser = argparse.ArgumentParser(prog="server.py", description="Assay, a GraphQL analysis server.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    abouts = {name: (command.__doc__ or "").strip() for name, command in COMMANDS.items()}
    for name, about in {**abouts, **OPERATIONS}.items():
        subparser = commands.add_parser(name, help=about, description=about)
        own_arguments(name, subparser)
        for field, info in Settings.model_fields.items():
            if name in OPERATIONS and field not in OPERATION_SETTINGS:
                continue
            option = f"--{field.replace('_', '-')}"
            about = f"{info.description} [ASSAY_{field.upper()}]".replace("%", "%%")
            subparser.add_argument(option, default=argparse.SUPPRESS, metavar="VALUE", help=about)
    given = vars(parser.parse_args(arguments))
    name = given.pop("command")
    command = partial(operate, command=name) if name in OPERATIONS else COMMANDS[name]
    own = {name: given.pop(name) for name in [*given] if name not in Settings.model_fields}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for fault in error.errors():
            field = str(fault["loc"][0])
            message = fault["msg"].removeprefix("Value error, ")
            print(f"ASSAY_{field.upper()} (--{field.replace('_', '-')}): {message}", file=sys.stderr)
        raise SystemExit(2) from None
    command(settings, **own)


if __name__ == "__main__":
    main()
