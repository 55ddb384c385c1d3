"""A template and a sandbox for each test that asks, which leave nothing behind, and the processes of workers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import psutil
import pytest

from jobs.sandbox.sandbox import Limits, Sandbox, Template
from tests.jobs.processes import Process, sandbox_processes
from tests.support import until

ANALYZERS = "tests.jobs.sandbox_analyzers:load"


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def template(limits: Limits) -> AsyncIterator[Template]:
    tasks = asyncio.all_tasks()
    descriptors = psutil.Process().num_fds()
    template = Template(ANALYZERS, limits)
    yield template
    await template.close()
    await until(lambda: not sandbox_processes(), what="the end of all processes")
    assert psutil.Process().num_fds() == descriptors
    assert asyncio.all_tasks() <= tasks | {asyncio.current_task()}


@pytest.fixture
async def sandbox(template: Template) -> AsyncIterator[Sandbox]:
    sandbox = Sandbox(template)
    yield sandbox
    await sandbox.close()
    assert sandbox.pid is None


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Workers' processes that are put in here are ended with the test."""
    started: list[Process] = []
    yield started
    for process in started:
        if process.popen.poll() is None:
            process.signal(signal.SIGCONT)
            process.popen.kill()
            process.popen.wait()
