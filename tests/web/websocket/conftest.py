"""The servers that the tests talk to; after every test, nothing may be left in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support import until
from tests.web.websocket.toy import Server


@pytest.fixture(scope="package")
def shared_server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
async def server(shared_server: Server) -> AsyncIterator[Server]:
    """A server with the times that the program runs with, in place of the whole program's."""
    yield shared_server
    await until(lambda: not shared_server.leftovers(), what="nothing to be left over")


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Server]]:
    """Start a server with options of the test's own."""
    with ExitStack() as stack:
        servers: list[Server] = []

        def start(*args: Any, **options: Any) -> Server:
            servers.append(stack.enter_context(Server(*args, **options)))
            return servers[-1]

        yield start
        await until(lambda: not any(server.leftovers() for server in servers), what="nothing to be left over")
