"""Tests of all examples with a page."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable

import pytest

from tests.examples.example import Page, ask, has_all_events, submit_batch
from tests.support import Server, until

pytestmark = pytest.mark.needs("node", "chromium")

Start = Callable[..., Awaitable[Server]]
Open = Callable[..., Awaitable[Page]]

PAGES = ["apollo-react", "urql-react", "live-dashboard"]


@pytest.mark.parametrize("name", PAGES)
async def test_a_new_log_is_reported_and_followed_from_its_start(server: Start, open_example: Open, name: str) -> None:
    one = await server()
    page = await open_example(name, one.address)
    await page("until", selector=".pill[data-state=live]")
    await submit_batch(one, "of the old log", ["One.", "Two."])
    await page("until", selector="[data-status=COMPLETED]", text="of the old log")
    await has_all_events(page, one)
    await one.kill()
    await until(lambda: not one.left_over(), what="the workers to end")
    files = [path for path in one.data_dir.iterdir() if path.is_file()]
    assert files
    for path in files:
        path.unlink()
    await one.start()
    await page("until", selector=".notice.is-bad:visible", text="The event stream restarted")
    await page("gone", selector="#resumed:visible")
    await submit_batch(one, "of the new log", ["Four."])
    await page("until", selector="[data-status=COMPLETED]", text="of the new log")
    await page.without_a_problem(server_was_away=True)


@pytest.mark.parametrize("name", ["apollo-react", "urql-react?transport=sse"])
async def test_a_dead_connection_is_detected(server: Start, open_example: Open, name: str) -> None:
    one = await server(workers=1)
    page = await open_example(name, one.address)
    await page("until", selector=".pill[data-state=live]")
    await submit_batch(one, "before", ["One.", "Two."])
    await page("until", selector="[data-status=COMPLETED]", text="before")
    log = await has_all_events(page, one)
    one.process.send_signal(signal.SIGSTOP)
    try:
        await page("until", selector=".pill[data-state=reconnecting]")
    finally:
        one.process.send_signal(signal.SIGCONT)
    await page("until", selector=".pill[data-state=live]")
    assert await page("attribute", selector="#resumed:visible", name="data-behind") == log[-1]
    await submit_batch(one, "after", ["Three."])
    await page("until", selector="[data-status=COMPLETED]", text="after")
    assert len(await has_all_events(page, one)) > len(log)
    await page.without_a_problem(server_was_away=True)


@pytest.mark.parametrize("name", PAGES)
async def test_the_page_works_in_development(server: Start, open_example: Open, name: str) -> None:
    """The page is served by `npm run dev`, as in its README."""
    one = await server()
    page = await open_example(name, one.address, dev=True)
    await page("until", selector=".pill[data-state=live]")
    batch = await submit_batch(one, "seen", ["One.", "Two."])
    await page("until", selector="[data-status=COMPLETED]", text="seen")
    assert (await ask(one, "query ($id: ID!) { batch(id: $id) { processed } }", id=batch))["batch"]["processed"] == 2
    record = await page("record")
    assert record["foreign"] == []
    assert record["errors"] == []
