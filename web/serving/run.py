"""Serve an app on bound sockets with uvicorn until a signal, then shut down in order."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from settings import Settings
from web.graphql.messages import MAX_MESSAGE_BYTES
from web.serving import http_protocol, websocket_protocol
from web.serving.listen import reason


def run(app: Starlette, listening: list[socket.socket], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. A second signal returns the running analyses to the queue at once.

    `app.state` must have `stop`, `ending` and `hurry`. Raises SystemExit if the server can't start.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        http=http_protocol.protocol(http_protocol.HEADER_SECONDS),
        ws=websocket_protocol.protocol(settings.socket_unsent_bytes),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # 44 KB a socket instead of 84
        ws_ping_interval=None,  # the subprotocol has its own pings
        timeout_graceful_shutdown=1,
        lifespan="on",
    )
    server = _Server(config, app, settings.host)
    for number in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again: this handler makes the exit code 0.
        signal.signal(number, lambda *_: sys.exit(0))
    server.run(listening)
    if not server.started:
        raise SystemExit(1)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: Starlette, host: str) -> None:
        super().__init__(config)
        self._app, self._host = app, host
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        again = self.should_exit
        # A second SIGINT makes uvicorn drop running requests. As a SIGTERM it lets the worker return its rows first.
        super().handle_exit(signal.SIGTERM, frame)
        self._app.state.ending.begin()
        if again and self._loop is not None:
            self._loop.call_soon_threadsafe(self._app.state.hurry)  # also wakes the loop, unlike the signal alone

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
        await self._app.state.stop()
        await super().shutdown(sockets)


def _print_addresses(host: str, port: int) -> None:
    root = f"http://{host}:{port}"
    lines = (
        ("GraphiQL", "/graphql"),
        ("Live page", "/dashboard"),
        ("Health", "/health/ready"),
        ("Metrics", "/metrics"),
    )
    print("\n  Assay is up.\n", *(f"  {name:<11}{root}{path}" for name, path in lines), "", sep="\n", flush=True)
