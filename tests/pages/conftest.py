"""The `open_page` fixture: a browser with the pages of a server."""

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
    """Yield a function that opens a page of a server, by default the overview, also behind a proxy at `address`."""
    browsers: list[asyncio.subprocess.Process] = []

    async def launch(server: support.Server, address: str | None = None, **options: Any) -> Page:
        browser = await asyncio.create_subprocess_exec(
            "node",
            "dashboard.mjs",
            address or server.address,
            cwd=BROWSER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=64_000_000,
        )
        browsers.append(browser)
        page = Page(browser)
        assert (await page("open", **options)).endswith("Assay")
        return page

    yield launch
    for browser in browsers:
        assert browser.stdin is not None
        browser.stdin.close()
        await browser.wait()
