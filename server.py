"""The command line, and `create_app`, which assembles a server instance.

python server.py serve      run the server: API, GraphiQL, and in embedded mode its own workers
python server.py worker     run a worker in a process without HTTP, on this machine or another
python server.py submit     queue the items of a file of JSON lines as a batch, of any size
python server.py export     write a batch's items and results to a file of JSON lines
python server.py migrate    create or update the database's tables
python server.py schema     print the schema

The operator's commands (`status`, `pause`, `retry ID` and others) are in `commands/`.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from commands import arguments
from settings import CleanupSettings, DatabaseSettings, NoSettings, OperatorSettings, Settings, WorkerSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette


def create_app(settings: Settings, instance: str | None = None) -> Starlette:
    """Assemble a server instance as an ASGI app. Its lifespan starts all tasks and ends them all."""
    # Imported here, because sandbox processes and `--help` load this module and need none of these.
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
        """Wake the readers: another process may have written to the SQLite file."""
        feed.wake()
        worker.wake()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # The stack unwinds in reverse order: the database closes last, after all its users.
            stack.push_async_callback(database.close)
            if database.is_sqlite:
                await migrate(database)
            elif not await is_current(database):
                raise SystemExit("The database lacks this program's tables: run `python server.py migrate` first.")
            await identify(database)
            # Commits of this instance wake its feed and worker directly.
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
        """Refuse new requests, finish running ones and disconnect all subscribers, before the tasks below stop."""
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
    # On SQLite the server migrates the file itself.
    check_database(settings, migrated=not settings.database.startswith("sqlite"))
    configure_logging(settings.log_format, settings.log_level)
    run(create_app(settings), listening, settings)


def work(settings: WorkerSettings) -> None:
    """Run analyses without serving requests, until SIGTERM or SIGINT."""
    # Until the worker handles SIGTERM itself: a stop is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from commands.worker import work

    if not settings.workers:
        raise SystemExit("ASSAY_WORKERS: A worker process needs at least 1.")
    check_database(settings, migrated=True)
    work(settings)


def check_database(settings: DatabaseSettings, *, migrated: bool) -> None:
    """Exit with a message of one line if the database can't be used."""
    from store.sql.preflight import Unusable, require_usable

    try:
        asyncio.run(require_usable(settings.database, migrated=migrated))
    except Unusable as error:
        name = "DATABASE_URL" if settings.database_url else "DATA_DIR"
        raise SystemExit(f"ASSAY_{name}: {error}") from None


def migrate_database(settings: DatabaseSettings) -> None:
    """Create or update the database's tables."""
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
    print("The database's tables are up to date.")


def print_schema(_settings: NoSettings) -> None:
    """Print the schema of the built-in analyzers and the installed plug-ins."""
    from analyzers.registry import load_registry
    from schema.build import fit, print_sdl

    schema, _, _ = fit(load_registry().analyzers)
    sys.stdout.write(print_sdl(schema))


def submit_batch(settings: DatabaseSettings, **options: Any) -> None:
    """Queue the items of a file of JSON lines as a batch."""
    from commands.batches import submit

    check_database(settings, migrated=True)
    submit(settings, **options)


def export_batch(settings: DatabaseSettings, **options: Any) -> None:
    """Write a batch's items as JSON lines."""
    from commands.batches import export

    check_database(settings, migrated=True)
    export(settings, **options)


def operate(name: str, settings: OperatorSettings, **options: Any) -> None:
    """Run the operator's command of this name, with or without running servers."""
    from commands import operations

    check_database(settings, migrated=True)
    operations.run(getattr(operations, name), settings, **options)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its description, the settings that it reads, and its own arguments."""

    about: str
    run: Callable[..., None]
    settings: type[BaseSettings]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None


def operation(
    name: str,
    about: str,
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None,
    settings: type[OperatorSettings] = OperatorSettings,
) -> Command:
    """Return an operator's command, the function of this name in `commands.operations`."""
    return Command(about, partial(operate, name), settings, arguments)


COMMANDS = {
    "serve": Command("Run one server instance until SIGTERM or SIGINT.", serve, Settings),
    "worker": Command("Run analyses without serving requests, until SIGTERM or SIGINT.", work, WorkerSettings),
    "submit": Command(
        "Queue the items of a file of JSON lines as a batch.", submit_batch, DatabaseSettings, arguments.add_submit
    ),
    "export": Command("Write a batch's items as JSON lines.", export_batch, DatabaseSettings, arguments.add_export),
    "migrate": Command("Create or update the database's tables.", migrate_database, DatabaseSettings),
    "schema": Command(
        "Print the schema of the built-in analyzers and the installed plug-ins.", print_schema, NoSettings
    ),
    "status": operation("status", "Show queued and running analyses, workers, pauses and limits."),
    "workers": operation("workers", "Show all registered workers, oldest first."),
    "pause": operation(
        "pause",
        "Stop starting analyses, of one analyzer or all. Running analyses finish, new ones are queued.",
        arguments.add_analyzer,
    ),
    "resume": operation("resume", "End the pause of the whole queue, or of one analyzer.", arguments.add_analyzer),
    "concurrency": operation(
        "concurrency",
        "Set the concurrent analyses of each worker, in total or of one analyzer.",
        arguments.add_concurrency,
    ),
    "retry": operation(
        "retry", "Queue a failed, canceled or timed-out analysis again, or all of a batch.", arguments.add_subject
    ),
    "cancel": operation("cancel", "Cancel an analysis, or all unfinished items of a batch.", arguments.add_subject),
    "delete": operation(
        "delete", "Delete a finished analysis or batch. Its events stay in the log.", arguments.add_subject
    ),
    "cleanup": operation(
        "cleanup",
        "Delete data older than ASSAY_KEEP_ANALYSES_DAYS and ASSAY_KEEP_EVENTS_DAYS, or than --older-than.",
        arguments.add_cleanup,
        CleanupSettings,
    ),
}


def main(given: Sequence[str] | None = None) -> None:
    """Run the command line. The settings of a command are also options, which override the environment."""
    parser = argparse.ArgumentParser(prog="server.py", description="Assay, a GraphQL analysis server.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.about, description=command.about)
        command.arguments(subparser)
        for field, info in command.settings.model_fields.items():
            about = f"{info.description} [ASSAY_{field.upper()}]".replace("%", "%%")
            subparser.add_argument(_option(field), default=argparse.SUPPRESS, metavar="VALUE", help=about)
    values = vars(parser.parse_args(given))
    command = COMMANDS[values.pop("command")]
    own = {name: values.pop(name) for name in [*values] if name not in command.settings.model_fields}
    try:
        settings = command.settings(**values)
    except ValidationError as error:
        for fault in error.errors():
            field = str(fault["loc"][0])
            message = fault["msg"].removeprefix("Value error, ")
            print(f"ASSAY_{field.upper()} ({_option(field)}): {message}", file=sys.stderr)
        raise SystemExit(2) from None
    command.run(settings, **own)


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"


if __name__ == "__main__":
    main()
