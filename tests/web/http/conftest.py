"""The servers that the tests talk to; after every test, nothing may be left in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from tests.web.http.toy import Server


@pytest.fixture(scope="package")
def shared_server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="package")
def shared_production() -> Iterator[Server]:
    with Server(environment="production") as server:
        yield server


@pytest.fixture
async def server(shared_server: Server) -> AsyncIterator[Server]:
    """A server as a developer has it."""
    yield shared_server
    await shared_server.settled()


@pytest.fixture
async def production(shared_production: Server) -> AsyncIterator[Server]:
    yield shared_production
    await shared_production.settled()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Server]]:
    """Start a server with settings of the test's own."""
    with ExitStack() as stack:
        servers: list[Server] = []

        def start(**settings: Any) -> Server:
            servers.append(stack.enter_context(Server(**settings)))
            return servers[-1]

        yield start
        for server in servers:
            await server.settled()


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[dict[str, Any]]]:
    """The log lines written during the test, tracebacks as text in `exception`."""
    with capture_logs((merge_contextvars, format_exc_info)) as captured:
        yield captured  # type: ignore[misc]
