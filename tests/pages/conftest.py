"""The `open_page` fixture: a browser with the live page."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests import support
from tests.pages.live_page import BROWSER, Page


@pytest.fixture
async def open_page() -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Yield a function that opens the live page of a server: `await open_page(server)`."""
    browsers: list[asyncio.subprocess.Process] = []

    async def launch(server: support.Server, **options: Any) -> Page:
        browser = await asyncio.create_subprocess_exec(
            "node",
            "dashboard.mjs",
            server.address,
            cwd=BROWSER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=64_000_000,
        )
        browsers.append(browser)
        page = Page(browser)
        assert await page("open", **options) == "Assay live"
        return page

    yield launch
    for browser in browsers:
        assert browser.stdin is not None
        browser.stdin.close()
        await browser.wait()
