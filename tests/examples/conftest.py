"""The examples, built and served as in their READMEs, and opened in Chromium."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests import support
from tests.examples.example import EXAMPLES, HERE, Page


@functools.cache
def build(name: str) -> None:
    """Build an example as in its README, once per test run."""
    support.run("npm", "run", "build", "--silent", cwd=EXAMPLES / name)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def open_example() -> AsyncIterator[Callable[..., Awaitable[Page]]]:
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
