"""A shared server, and clients with a check that they leave nothing open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psutil
import pytest
from assay_client import AsyncClient, Client

from tests.api.calls import ApiServer
from tests.api.conftest import TRIAL_SOURCE, running
from tests.api.plugins import install
from tests.support import until

Connect = Callable[..., AsyncClient]


@pytest.fixture(scope="package")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server with workers and with analyzers unknown to the client."""
    source = TRIAL_SOURCE.read_text()
    path = install(tmp_path_factory.mktemp("trial"), "assay-trial", source, "survey", "record", "trial")
    yield from running(ApiServer(tmp_path_factory.mktemp("assay"), {"workers": 3}, path=path))


def _connections() -> int:
    return len(psutil.Process().net_connections("inet"))


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Create clients: `connect(server.address)`. Check that closed clients leave no task and no connection."""
    tasks, connections = asyncio.all_tasks(), _connections()
    clients: list[AsyncClient] = []

    def made(url: str, **options: Any) -> AsyncClient:
        clients.append(AsyncClient(url, **options))
        return clients[-1]

    yield made
    for client in clients:
        await client.close()
    tasks |= {task for task in [asyncio.current_task()] if task}
    await until(lambda: asyncio.all_tasks() <= tasks, what="all tasks to end")
    await until(lambda: _connections() <= connections, what="all connections to end")


@pytest.fixture
async def client(assay: ApiServer, connect: Connect) -> AsyncClient:
    """A client of the shared server."""
    return connect(assay.address)


@pytest.fixture
def plain(assay: ApiServer) -> Iterator[Client]:
    """A synchronous client of the shared server. Check that it leaves no thread and no connection once closed."""
    threads, connections = threading.active_count(), _connections()
    with Client(assay.address) as client:
        yield client
    asyncio.run(until(lambda: threading.active_count() <= threads, what="all threads to end"))
    asyncio.run(until(lambda: _connections() <= connections, what="all connections to end"))


def text(number: int) -> str:
    """Return a text that is unique to this number."""
    return f"Text number {number} of many is a good one."
