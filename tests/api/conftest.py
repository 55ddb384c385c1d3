"""Shared servers: one with workers and installed packages of analyzers, and one without workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.calls import Api, ApiServer, connected
from tests.api.plugins import install

TRIAL_SOURCE = Path(__file__).with_name("trial_package.py")


@pytest.fixture(scope="package")
def trial_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the installed package `assay-trial`."""
    return install(
        tmp_path_factory.mktemp("trial"), "assay-trial", TRIAL_SOURCE.read_text(), "survey", "record", "trial"
    )


def running(server: ApiServer) -> Iterator[ApiServer]:
    """Start the server, yield it, and stop it."""
    asyncio.run(_started(server))
    yield server
    asyncio.run(server.close())


async def _started(server: ApiServer) -> None:
    await server.start()


@pytest.fixture(scope="package")
def working_server(trial_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server that runs three analyses at a time."""
    yield from running(ApiServer(tmp_path_factory.mktemp("working"), {"workers": 3}, path=trial_path))


@pytest.fixture(scope="package")
def bare_server(working_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A second server on the data of `working_server`, without its packages and without workers."""
    settings: dict[str, object] = {"workers": 0, "data_dir": working_server.data_dir}
    yield from running(ApiServer(tmp_path_factory.mktemp("bare"), settings))


@pytest.fixture(scope="package")
def queueing_server(trial_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server without workers, so that analyses stay queued. It records its SQL statements."""
    folder = tmp_path_factory.mktemp("queueing")
    yield from running(ApiServer(folder, {"workers": 0}, path=trial_path, traced=True))


@pytest.fixture
async def api(working_server: ApiServer) -> AsyncIterator[Api]:
    """An HTTP client of `working_server`."""
    async with connected(working_server) as found:
        yield found


@pytest.fixture
async def queue(queueing_server: ApiServer) -> AsyncIterator[Api]:
    """An HTTP client of `queueing_server`."""
    async with connected(queueing_server) as found:
        yield found


@pytest.fixture
async def nothing_changes(queue: Api) -> AsyncIterator[None]:
    """Check after the test that it left no row on `queueing_server` and no failed resolver in its log."""
    before, log = queue.counts(), queue.server.log.count("resolver failed")
    yield
    assert queue.counts() == before
    assert queue.server.log.count("resolver failed") == log
