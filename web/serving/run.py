"""Serve an app on bound sockets with uvicorn until a signal, then drain and shut down in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType

import structlog
import uvicorn
from starlette.applications import Starlette

from settings import Settings
from web.graphql.messages import MAX_MESSAGE_BYTES
from web.serving import http_protocol, websocket_protocol
from web.serving.listen import reason

LATE_SECONDS = 0.2
"""Time for the requests of connections that opened just before the listening sockets closed."""

log = structlog.stdlib.get_logger(__name__)


def run(app: Starlette, listening: list[socket.socket], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, and then for `drain_seconds` while not ready.

    A second signal ends the drain, and returns the running analyses to the queue at once.
    `app.state` must have `unready`, `stop`, `ending`, `hurry` and `half_open`. Raises SystemExit if the server can't
    start.
    """
    http = http_protocol.protocol(http_protocol.HEADER_SECONDS, app.state.half_open, settings.max_sockets_per_address)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=http,
        ws=websocket_protocol.protocol(settings.socket_unsent_bytes),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # 44 KB a socket instead of 84
        ws_ping_interval=None,  # the subprotocol has its own pings
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=1,
        proxy_headers=bool(settings.forwarded_allow_ips),
        forwarded_allow_ips=list(settings.forwarded_allow_ips),  # uvicorn's own default trusts 127.0.0.1
        lifespan="on",
    )
    server = _Server(config, http, app, settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again: this handler makes the exit code 0.
        signal.signal(number, lambda *_: sys.exit(0))
    server.run(listening)
    if not server.started:
        raise SystemExit(1)


@asynccontextmanager
async def serving_beside(app: Starlette, listening: list[socket.socket]) -> AsyncIterator[None]:
    """Serve an app inside the block, in the loop of a program that handles the signals itself."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=http_protocol.protocol(http_protocol.HEADER_SECONDS, Counter(), max_per_address=0),
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        lifespan="off",
    )
    server = _Beside(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(listening))
        try:
            yield
        finally:
            server.should_exit = True


class _Beside(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, http: type[http_protocol.AssayProtocol], app: Starlette, settings: Settings
    ) -> None:
        super().__init__(config)
        self._http, self._app = http, app
        self._host, self._drain_seconds = settings.host, settings.drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again = self.should_exit or self._http.draining
        if self._drain_seconds and self.started and self._loop is not None and not again:
            self._http.draining = True
            self._loop.call_soon_threadsafe(self._drain)  # also wakes the loop, unlike the signal alone
            return
        self._exit()
        if again and self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.state.hurry)

    def _drain(self) -> None:
        assert self._loop is not None
        self._app.state.unready()
        log.info("draining", seconds=self._drain_seconds)
        self._loop.call_later(self._drain_seconds, self._exit)

    def _exit(self) -> None:
        # A second SIGINT makes uvicorn drop running requests. As a SIGTERM it lets the worker return its rows first.
        super().handle_exit(signal.SIGTERM, None)
        self._app.state.ending.begin()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        assert sockets, "bound before"
        self._loop = asyncio.get_running_loop()
        host, port = sockets[0].getsockname()[:2]
        try:
            await super().startup(sockets)
        except OSError as error:  # two servers bound the port at the same moment, and the other one listens
            await self.lifespan.shutdown()
            raise SystemExit(reason(self._host, port, error)) from None
        if self.started:
            # Modules and schema live as long as the process. Without the freeze, each full garbage collection examines
            # them and blocks the loop for a tenth of a second.
            gc.collect()
            gc.freeze()
            _print_addresses(f"[{host}]" if ":" in host else host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._http.draining:
            await self._stop_listening(sockets or [])
            await asyncio.sleep(LATE_SECONDS)
        await self._app.state.stop()
        await super().shutdown(sockets)

    async def _stop_listening(self, sockets: list[socket.socket]) -> None:
        """Close the listening sockets, and serve the connections that wait in them: closing would reset those."""

        def protocol() -> asyncio.Protocol:
            return self._http(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

        waiting = []
        for listening in sockets:
            with suppress(BlockingIOError):
                while True:
                    waiting.append(listening.accept()[0])
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.connect_accepted_socket(protocol, connection) for connection in waiting))


def _print_addresses(host: str, port: int) -> None:
    root = f"http://{host}:{port}"
    lines = (
        ("GraphiQL", "/graphql"),
        ("Dashboard", "/dashboard"),
        ("Health", "/health/ready"),
        ("Metrics", "/metrics"),
    )
    print("\n  Assay is up.\n", *(f"  {name:<11}{root}{path}" for name, path in lines), "", sep="\n", flush=True)
