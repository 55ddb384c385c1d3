"""The command line, and `create_app`, which assembles a server instance.

python server.py serve      run the server: API, GraphiQL, and in embedded mode its own workers
python server.py worker     run a worker in a process of its own, on this machine or another
python server.py submit     queue the items of a file of JSON lines as a batch, of any size
python server.py export     write a batch's items and results to a file of JSON lines
python server.py migrate    create or update the database's tables
python server.py backup     write a backup of the database
python server.py restore    fill an empty database from a backup, of either kind
python server.py schema     print the schema
python server.py explain    print the plan of an operation and its code

The operator's commands (`status`, `pause`, `retry ID` and others), and those of users, workspaces and keys
(`user create NAME` and others), are in `commands/`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from analyzers.faults import rule
from commands import arguments
from commands.descriptors import open_standard, require_descriptors
from commands.parser import Parser, ShowVersion, add_settings, option, require_command
from settings import (
    SECRETS,
    CleanupSettings,
    DatabaseSettings,
    NewUserSettings,
    NoSettings,
    OperatorSettings,
    SeedSettings,
    Settings,
    WorkerCommandSettings,
    WorkerSettings,
    misspelt,
    variable,
)

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from logs import AccessLog

Found = TypeVar("Found")


def create_app(settings: Settings, instance: str | None = None, access_log: AccessLog | None = None) -> Starlette:
    """Assemble a server instance as an ASGI app. Its lifespan starts all tasks and ends them all.

    `access_log` writes the line of each request; by default structlog does. Raises InvalidManifest, MustBeClosed, and
    ValueError for the settings of credentials.
    """
    # Imported here, because sandbox processes and `--help` load this module and need none of these.
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.requests import HTTPConnection, Request
    from starlette.responses import RedirectResponse, Response
    from starlette.routing import BaseRoute, Route, WebSocketRoute

    from access.admission import new_gate, require_no_user
    from access.charging import Charging
    from access.first_administrator import create_first_administrator
    from access.limits import Limits
    from access.passwords import Passwords
    from access.rules import parse_rules
    from access.secrets import keys_of, read_secret
    from access.sign_in import SignIn
    from access.sign_in_throttle import begin_sign_in
    from analyzers.registry import load_registry
    from events.bus import Bus
    from events.changes import changes_in
    from events.feed import Feed
    from execution.answer_cache import AnswerCache
    from execution.executor import Executor
    from jobs.alerts import Alerts
    from jobs.cleanup import Ages
    from jobs.history import History
    from jobs.keeper import Keeper
    from jobs.orphans import reap_orphans
    from jobs.process import working
    from jobs.supervision import Ending, side_tasks
    from jobs.worker import Worker
    from logs import default_instance
    from resolvers.context import Context, Services
    from resolvers.health import local_components, shared_components
    from resolvers.monitor import Monitor
    from resolvers.user_errors import explain
    from schema.access import refuse, rule_of
    from schema.build import fit
    from schema.filters import FilterReader
    from store.access.sessions import Client
    from store.cursors import identify
    from store.sql.database import Database
    from store.sql.history import renumber_moved
    from store.sql.migrate import is_current, migrate
    from store.sql.viewer import Viewer
    from store.submissions import Submissions
    from telemetry import Telemetry
    from web.audit import audit_routes
    from web.auth import auth_routes
    from web.callers import CallerRefused, Callers, client_of
    from web.callers import refusal as caller_refusal
    from web.downloads import download_routes
    from web.graphql.http import GraphQLHTTP
    from web.graphql.streams import Streams
    from web.graphql.websocket import GraphQLWebSocket
    from web.health import Readiness, health_routes
    from web.middleware import middleware
    from web.pages import dashboard_routes, graphiql_routes, page_documents
    from web.responses import refusal

    instance = instance or default_instance()
    registry = load_registry()
    schema, analyzers, unfit = fit(registry.analyzers)
    telemetry = Telemetry(instance)
    database = Database(settings.database, connections=settings.database_connections)
    submissions = Submissions(database)
    bus = Bus(settings.bus)
    feed = Feed(database)
    gate = new_gate(settings, database)
    callers = Callers(gate)
    limits, rules = Limits(settings.limits_redis), parse_rules(settings.limits)
    charging = Charging(limits, rules)
    passwords = Passwords()
    sign_in = None
    if secret := read_secret(settings):
        sign_in = SignIn(database, keys_of(secret), passwords, partial(begin_sign_in, limits, rules))
    services = Services(
        settings=settings,
        database=database,
        submissions=submissions,
        feed=feed,
        bus=bus,
        telemetry=telemetry,
        monitor=Monitor(),
        charging=charging,
        analyzers=analyzers,
        plugin_failures={**registry.failures, **unfit},
        missing=registry.missing,
        instance=instance,
        sign_in=sign_in,
    )

    def context(connection: HTTPConnection) -> Context | Coroutine[Any, Any, Context]:
        request_id = connection.scope["state"]["request_id"]
        viewer = callers.viewer(connection)
        if isinstance(viewer, Viewer):
            return Context(services, viewer, request_id, client_of(connection))
        return looked_up(viewer, request_id, client_of(connection))

    async def looked_up(viewer: Coroutine[Any, Any, Viewer], request_id: str, client: Client) -> Context:
        return Context(services, await viewer, request_id, client)

    own_documents = page_documents() if settings.trusted_documents_only else None
    changes = changes_in(database, bus)
    executor = Executor(
        schema,
        settings=settings,
        telemetry=telemetry,
        explain=explain,
        own_documents=own_documents,
        rule_of=rule_of,
        refuse=refuse,
        charge=lambda context, cost: charging.charge(context.viewer, cost),
        admit=lambda context: charging.admit(context.viewer, context.address),
        answers=AnswerCache(changes, telemetry.answers, settings.answer_cache_bytes),
    )
    sockets = GraphQLWebSocket(executor, context, settings, telemetry, callers=callers)
    streams = Streams(settings, telemetry, sockets.hub)
    worker = Worker(database, analyzers, slots=settings.workers, instance=instance)
    alerts = Alerts(
        database, instance, partial(local_components, services), shared=partial(shared_components, services)
    )
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
            stack.callback(changes.close)
            stack.callback(passwords.close)
            stack.push_async_callback(submissions.close)
            if database.is_sqlite:
                await migrate(database)
            elif not await is_current(database):
                raise SystemExit("The database lacks this program's tables: run `python server.py migrate` first.")
            if gate is None:
                await require_no_user(database)
            else:
                if password := settings.admin_password:
                    await create_first_administrator(database, password)
                bus.listen(gate.hear)
                database.on_commit(gate.hear)
            await renumber_moved(database)
            await identify(database)
            # Commits of this instance wake its feed and worker directly.
            bus.listen(feed.hear)
            bus.listen(worker.hear)
            bus.listen(changes.hear)
            database.on_commit(changes.hear)
            database.on_commit(bus.publish)
            await stack.enter_async_context(
                side_tasks(
                    bus=bus.run,
                    feed=feed.run,
                    limits=charging.limits.run,
                    changes=changes.run,
                    keeper=Keeper(database, ages=Ages.of(settings)).run,
                    alerts=alerts.run,
                    history=History(database, instance, worker.timekeeper, telemetry.http).run,
                    monitor=services.monitor.run,
                    orphans=partial(reap_orphans, lambda: worker.child),
                    watch=partial(database.watch, look),
                    **({} if gate is None else {"gate": gate.run}),
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
        return RedirectResponse("graphql")  # relative: a proxy may serve this path below another

    answer = GraphQLHTTP(executor, context, settings, streams, callers=callers)
    stream = GraphQLHTTP(executor, context, settings, streams, callers=callers, events_only=True)
    endpoints = {
        "/graphql": answer,
        "/graphql/": answer,
        "/graphql/stream": stream,
        "/graphql/stream/": stream,
    }
    routes: list[BaseRoute] = [
        Route("/", to_graphiql),
        WebSocketRoute("/graphql", sockets.endpoint),
        WebSocketRoute("/graphql/", sockets.endpoint),
        *graphiql_routes(),
        *dashboard_routes(),
        *health_routes(services, readiness, is_closed=gate is not None),
        *download_routes(context, FilterReader(schema)),
        *audit_routes(context),
        *auth_routes(sign_in),
    ]
    app = Starlette(
        routes=routes,
        middleware=middleware(settings, telemetry, endpoints, access_log, is_open=gate is None),
        lifespan=lifespan,
        exception_handlers={HTTPException: refusal, CallerRefused: caller_refusal},
    )
    app.router.redirect_slashes = False  # its redirects name the host, and lose the path below which a proxy serves
    app.state.unready, app.state.stop = readiness.end, stop
    app.state.ending, app.state.hurry = ending, worker.hurry
    app.state.half_open = telemetry.http.half_open
    return app


def serve(settings: Settings) -> None:
    """Run one server instance until SIGTERM or SIGINT."""
    from execution.manifests import InvalidManifest
    from logs import configure_logging, guard_output
    from web.serving.listen import CannotListen, bind
    from web.serving.run import run

    guard_output()
    require_descriptors(settings.workers, clients=2 * settings.max_sockets)
    try:
        listening = bind(settings.host, settings.port)
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    if settings.database.startswith("sqlite"):
        update_database(settings)
    else:
        check_database(settings, migrated=True)
    check_bus(settings)
    check_access(settings)
    access_log = configure_logging(settings.log_format, settings.log_level)
    try:
        app = create_app(settings, access_log=access_log)
    except InvalidManifest as error:
        raise SystemExit(f"ASSAY_TRUSTED_DOCUMENTS: {error}") from None
    run(app, listening, settings)


def work(settings: WorkerCommandSettings) -> None:
    """Run analyses without serving GraphQL, until SIGTERM or SIGINT."""
    # Until the worker handles SIGTERM itself: a stop is not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from commands.worker import work
    from logs import guard_output

    guard_output()
    if not settings.workers:
        raise SystemExit("ASSAY_WORKERS: A worker process needs at least 1.")
    require_descriptors(settings.workers)
    check_database(settings, migrated=True)
    check_bus(settings)
    if not settings.worker_port:
        return work(settings)
    from web.serving.listen import CannotListen, bind
    from web.worker_health import answering

    try:
        listening = bind(settings.host, settings.worker_port, "ASSAY_WORKER_PORT")
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    return work(settings, partial(answering, listening))


def check_database(settings: DatabaseSettings, *, migrated: bool) -> None:
    """Exit with a message of one line if the database can't be used."""
    from store.sql.preflight import require_usable

    _check_database(settings, require_usable(settings.database, migrated=migrated))


def update_database(settings: DatabaseSettings) -> None:
    """Apply the missing migrations, or exit with a message of one line."""
    from store.sql.preflight import bring_up_to_date

    _check_database(settings, bring_up_to_date(settings.database))


def check_bus(settings: WorkerSettings) -> None:
    """Exit with a message of one line if the bus can't work."""
    from store.sql.preflight import require_bus

    _check(require_bus(settings.bus), "BROADCAST_URL")


def check_access(settings: Settings) -> None:
    """Exit with a message if the server has no sign-in and needs it, or if its secret or issuer is not valid."""
    from access.admission import MustBeClosed, require_admissible

    try:
        asyncio.run(require_admissible(settings))
    except (MustBeClosed, ValueError) as error:
        raise SystemExit(str(error)) from None


def _check_database(settings: DatabaseSettings, checking: Coroutine[Any, Any, int]) -> None:
    if renumbered := _check(checking, "DATABASE_URL" if settings.database_url else "DATA_DIR"):
        message = "The event log was moved to another PostgreSQL cluster: its cursors are no longer valid, and "
        print(f"{message}{renumbered:,} events were renumbered.", file=sys.stderr)


def _check(checking: Coroutine[Any, Any, Found], name: str) -> Found:
    from store.sql.preflight import Unusable

    try:
        return asyncio.run(checking)
    except Unusable as error:
        raise SystemExit(f"ASSAY_{name}: {error}") from None


def migrate_database(settings: DatabaseSettings) -> None:
    """Create or update the database's tables."""
    update_database(settings)
    print("The database's tables are up to date.")


def print_schema(_settings: NoSettings, *, built_in: bool) -> None:
    """Print the schema of all analyzers, or of the built-in ones alone."""
    from analyzers.registry import load_registry
    from schema.build import fit, print_sdl

    schema, _, _ = fit(load_registry(built_in=built_in).analyzers)
    sys.stdout.write(print_sdl(schema))


def explain_operation(_settings: NoSettings, **options: Any) -> None:
    """Print the plan of an operation and its code."""
    from commands.explain import explain_file

    explain_file(**options)


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


def back_up_database(settings: DatabaseSettings, **options: Any) -> None:
    """Write a backup of the database, while servers and workers continue."""
    from commands.backup import back_up

    check_database(settings, migrated=True)
    back_up(settings, **options)


def restore_database(settings: DatabaseSettings, **options: Any) -> None:
    """Fill an empty database from a backup."""
    from commands.backup import restore

    restore(settings, **options)


def operate(module: str, name: str, settings: OperatorSettings, /, **options: Any) -> None:
    """Run the command of this name in a module of `commands`, with or without running servers."""
    from commands.operations import run

    check_database(settings, migrated=True)
    run(getattr(import_module(f"commands.{module}"), name), settings, **options)


def check(settings: Settings) -> None:
    """Print what an operator should change before others use a server."""
    from commands.check import check

    check(settings)


def print_secret(_settings: NoSettings) -> None:
    """Print a new secret."""
    from access.secrets import new_secret

    print(new_secret())


def export_audit(settings: OperatorSettings, **options: Any) -> None:
    """Write the audit log to standard output."""
    from commands import audit_export

    check_database(settings, migrated=True)
    audit_export.export(settings, **options)


def create_user(settings: NewUserSettings, **options: Any) -> None:
    """Create a user, possibly before the first start of a server."""
    from commands import users

    prepare_database(settings)
    users.create(settings, **options)


def seed(settings: SeedSettings, *, demo: bool) -> None:
    """Create demo users, possibly before the first start of a server."""
    from commands.seed import seed

    prepare_database(settings)
    seed(settings, demo=demo)


def prepare_database(settings: DatabaseSettings) -> None:
    """Check the database. A SQLite database is created or updated first."""
    if settings.database.startswith("sqlite"):
        update_database(settings)
    else:
        check_database(settings, migrated=True)


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
    *,
    module: str = "operations",
) -> Command:
    """Return an operator's command, the function of this name in a module of `commands`."""
    return Command(about, partial(operate, module, name), settings, arguments)


GROUPS = {
    "user": "Create, list, invite, deactivate and activate users, set roles, end sessions.",
    "workspace": "List and create workspaces.",
    "key": "List, create and revoke API keys.",
    "audit": "Export the audit log.",
}
"""The first words of commands with two words."""

COMMANDS = {
    "serve": Command("Run one server instance until SIGTERM or SIGINT.", serve, Settings),
    "worker": Command("Run analyses without serving GraphQL, until SIGTERM or SIGINT.", work, WorkerCommandSettings),
    "submit": Command(
        "Queue the items of a file of JSON lines as a batch.", submit_batch, DatabaseSettings, arguments.add_submit
    ),
    "export": Command("Write a batch's items as JSON lines.", export_batch, DatabaseSettings, arguments.add_export),
    "migrate": Command("Create or update the database's tables.", migrate_database, DatabaseSettings),
    "backup": Command(
        "Write a backup of the database, while servers and workers continue.",
        back_up_database,
        DatabaseSettings,
        arguments.add_backup,
    ),
    "restore": Command(
        "Fill an empty database from a backup, of SQLite or PostgreSQL.",
        restore_database,
        DatabaseSettings,
        arguments.add_restore,
    ),
    "schema": Command(
        "Print the schema of the built-in analyzers, the files in analyzers/ and the installed plug-ins.",
        print_schema,
        NoSettings,
        arguments.add_schema,
    ),
    "explain": Command(
        "Print the plan of an operation and its code, as the server compiles it.",
        explain_operation,
        NoSettings,
        arguments.add_explain,
    ),
    "status": operation("status", "Show queued and running analyses, workers, pauses and limits."),
    "workers": operation("workers", "Show all registered workers, oldest first."),
    "pause": operation(
        "pause",
        "Stop starting analyses, of one analyzer or all. Running analyses finish, new ones are queued.",
        arguments.add_pause,
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
    "check": Command(
        "Show what to change before others use a server. Exits with status 1 after an error.", check, Settings
    ),
    "seed": Command("Create demo users and workspaces, not in production.", seed, SeedSettings, arguments.add_seed),
    "secret": Command("Print a new secret, for ASSAY_SECRET.", print_secret, NoSettings),
    "user create": Command(
        "Create a user with a password from the terminal or standard input. Without either, print an invitation.",
        create_user,
        NewUserSettings,
        arguments.add_new_user,
    ),
    "user list": operation("list_", "Show all users, oldest first, with their roles.", module="users"),
    "user invite": operation(
        "invite",
        "Print an invitation, which sets the user's password once within 72 hours, and end all sessions of the user.",
        arguments.add_user,
        module="users",
    ),
    "user deactivate": operation(
        "deactivate", "Refuse a user: end all sessions, and refuse the API keys.", arguments.add_user, module="users"
    ),
    "user activate": operation("activate", "Let a deactivated user sign in again.", arguments.add_user, module="users"),
    "user role": operation(
        "role", "Set the role of a user in a workspace, or end the membership.", arguments.add_user_role, module="users"
    ),
    "user sessions": operation(
        "show_sessions",
        "Show the open sign-in sessions of a user, or end all of them.",
        arguments.add_user_sessions,
        module="users",
    ),
    "workspace list": operation("list_workspaces", "Show all workspaces, oldest first.", module="workspaces"),
    "workspace create": operation(
        "create", "Create a workspace without members.", arguments.add_new_workspace, module="workspaces"
    ),
    "key list": operation(
        "list_", "Show the API keys of a workspace, or of all.", arguments.add_key_list, module="api_keys"
    ),
    "key create": operation(
        "create",
        "Create an API key of a user, and print it. It can't be shown again.",
        arguments.add_new_key,
        module="api_keys",
    ),
    "audit export": Command(
        "Write the audit log to standard output, oldest entry first.",
        export_audit,
        OperatorSettings,
        arguments.add_audit_export,
    ),
    "key revoke": operation("revoke", "Refuse an API key from now on.", arguments.add_key, module="api_keys"),
}


def main(given: Sequence[str] | None = None) -> None:
    """Run the command line. The settings of a command are also options, which override the environment."""
    given = sys.argv[1:] if given is None else given
    parser = Parser(prog="server.py", description="Assay, a GraphQL analysis server.")
    parser.add_argument(
        "--version", action=ShowVersion, nargs=0, default=argparse.SUPPRESS, help="show the program's version and exit"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    groups, parsers = {}, {}
    for name, command in COMMANDS.items():
        group, _, last = name.rpartition(" ")
        if group and group not in groups:
            parsers[group] = commands.add_parser(group, help=GROUPS[group], description=GROUPS[group])
            groups[group] = parsers[group].add_subparsers(dest="subcommand", required=True, metavar="command")
        subparser = (groups[group] if group else commands).add_parser(
            last, help=command.about, description=command.about
        )
        parsers[name] = subparser
        command.arguments(subparser)
        add_settings(subparser, command.settings)
    require_command(parser, given, [*commands.choices])
    if given and given[0] in groups:
        require_command(parsers[given[0]], given[1:], [*groups[given[0]].choices])
    for words in (1, 2):
        if (name := " ".join(given[:words])) in COMMANDS:
            parsers[name].require_options(given[words:])
    values = vars(parser.parse_args(given))
    command = COMMANDS[" ".join(values.pop(word) for word in ("command", "subcommand") if word in values)]
    own = {name: values.pop(name) for name in [*values] if name not in command.settings.model_fields}
    try:
        settings = command.settings(**values)
    except ValidationError as error:
        raise SystemExit(_report(command.settings, error)) from None
    names = {variable(each.settings, field) for each in COMMANDS.values() for field in each.settings.model_fields}
    for message in misspelt(os.environ, sorted(names)):
        print(f"Warning: {message}", file=sys.stderr)
    command.run(settings, **own)


def _report(settings: type[BaseSettings], error: ValidationError) -> int:
    """Write a line for each invalid setting, without the values of secrets; returns the exit code."""
    for fault in error.errors():
        message = rule(fault)
        if fault["loc"]:  # otherwise the message names its variables
            field = str(fault["loc"][0])
            shows = field not in SECRETS and fault["type"] != "value_error"
            value = f" is {fault['input']!r}"[:100] if shows else ""
            message = f"{variable(settings, field)} ({option(field)}){value}: {message}"
        print(message, file=sys.stderr)
    return 2


if __name__ == "__main__":
    open_standard()
    main()
