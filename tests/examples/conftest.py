"""The examples, built and served as in their READMEs, and opened in Chromium."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests import support
from tests.examples.example import EXAMPLES, HERE, Page

Build = Callable[[str], None]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Build an example as in its README, once per test run: the processes of a parallel run share its folder `dist`."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def run(name: str) -> None:
        built = shared / f"{name}.built"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not built.exists():
                support.run("npm", "run", "build", "--silent", cwd=EXAMPLES / name)
                built.touch()

    return run


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def open_example(build: Build) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Open the page of an example: `await open_example("apollo-react", server.address)`.

    The name may end with a query string of the page, after a `?`.
    """
    processes: list[asyncio.subprocess.Process] = []
    pages: list[asyncio.subprocess.Process] = []

    async def launch(address: str, server: str, *, dev: bool = False) -> Page:
        name, _, search = address.partition("?")
        if not dev:
            await asyncio.to_thread(build, name)
        port = support.free_port()
        serving = await asyncio.create_subprocess_exec(
            EXAMPLES / "node_modules" / ".bin" / "vite",
            *([] if dev else ["preview"]),
            *("--host", "127.0.0.1", "--port", str(port), "--strictPort"),
            cwd=EXAMPLES / name,
            env=os.environ | {"ASSAY_URL": server},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append(serving)
        await support.until(lambda: _answers(port), what=f"vite to serve {name}")
        browser = await asyncio.create_subprocess_exec(
            "node",
            HERE / "page.mjs",
            f"http://127.0.0.1:{port}",
            env=os.environ | {"CHROMIUM": support.chromium() or ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=64_000_000,
        )
        pages.append(browser)
        page = Page(browser, f"ws://127.0.0.1:{port}/graphql")
        await page("open", search=f"?{search}")
        return page

    yield launch
    for browser in pages:
        assert browser.stdin is not None
        browser.stdin.close()
        await browser.wait()
    for serving in processes:
        serving.terminate()
        await serving.wait()
