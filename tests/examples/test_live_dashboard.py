"""The live dashboard, with a running server and during its failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.examples.example import HOSTILE, LONG, Page, ask, batch, has_all_events, submit_batch
from tests.hold import Hold
from tests.support import Server, until

pytestmark = pytest.mark.needs("node", "chromium")

Start = Callable[..., Awaitable[Server]]
Open = Callable[..., Awaitable[Page]]


async def shows_batches(page: Page, server: Server, first: int) -> list[dict[str, Any]]:
    """Wait until the page shows the newest batches of the database, with their figures and order; return them."""

    async def shown() -> list[dict[str, Any]] | None:
        data = await ask(server, "query ($first: Int!) { batches(first: $first) { nodes { id } } }", first=first)
        newest = [await batch(server, node["id"]) for node in data["batches"]["nodes"]]
        return newest if await page("batches") == newest else None

    found: list[dict[str, Any]] = await until(shown, what="the page to show the newest batches")
    return found


async def test_batches_are_submitted_watched_shown_and_canceled(server: Start, open_example: Open, hold: Hold) -> None:
    one = await server(workers=2)
    page = await open_example("live-dashboard", one.address)
    await page("until", selector=".pill[data-state=live]")
    await page("click", selector="#submit")
    await page("until", selector=".batch[data-status=COMPLETED] h3", text="Sent at")
    assert (await shows_batches(page, one, 5))[0]["completed"] == 300

    # More batches than on the first page: one with a hostile name, one with only failed items.
    await submit_batch(one, HOSTILE, ["One."])
    await submit_batch(one, "all failed", ["", " ", "\n"])
    for n in range(5):
        await submit_batch(one, f"number {n}", ["One.", "吾輩は猫である。", LONG * 50])
    await page("until", selector=".batch[data-status=COMPLETED] h3", text="number 4")
    await shows_batches(page, one, 5)
    await page("click", selector="#more")
    await page("gone", selector="#more:visible")
    shown = await shows_batches(page, one, 10)
    assert len(shown) == 8
    assert shown[5]["failed"] == 3
    assert await page("texts", selector=".batch:nth-child(7) h3") == [HOSTILE]
    await page.accessible()

    waits = await submit_batch(one, "to cancel", [f"{n} {LONG}" for n in range(300)], hold=hold)
    await page("until", selector=f'.batch[data-id="{waits}"][data-status=RUNNING]')
    await page("until", selector="[data-figure=running]", text="1")
    await page("until", selector=f'.batch[data-id="{waits}"] [data-count=completed]', text="150")
    await page("click", selector=f'.batch[data-id="{waits}"] button')
    await page("until", selector=f'.batch[data-id="{waits}"][data-status=CANCELED]')
    canceled = (await shows_batches(page, one, 10))[0]
    assert (canceled["completed"], canceled["canceled"]) == (150, 150)

    await page("until", selector="[data-figure=memory]", text="MB")
    await page("until", selector="#plot canvas")
    await has_all_events(page, one)
    await page.without_a_problem()


async def test_the_page_resumes_after_a_kill_of_the_server(server: Start, open_example: Open, hold: Hold) -> None:
    one = await server(workers=2)
    page = await open_example("live-dashboard", one.address)
    await page("until", selector="[data-figure=waiting]", text="0")
    survivor = await submit_batch(one, "survivor", [f"{n} {LONG}" for n in range(300)], hold=hold)
    await page("until", selector=f'.batch[data-id="{survivor}"] [data-count=completed]', text="150")
    await one.kill()
    hold.let_go()
    await page("until", selector=".pill[data-state=reconnecting]")
    held = int(await page("attribute", selector="#events", name="data-count"))
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    behind = await page("attribute", selector="#resumed:visible", name="data-behind")
    await page("until", selector=f'.batch[data-id="{survivor}"][data-status=COMPLETED]')
    assert (await shows_batches(page, one, 5))[0]["completed"] == 300
    log = await has_all_events(page, one)
    assert behind == log[held - 1]
    assert (await page.without_a_problem(server_was_away=True))["after"][1:] == [behind]


async def test_the_page_waits_for_an_absent_server(server: Start, open_example: Open) -> None:
    one = await server()
    await submit_batch(one, "kept", ["One.", "", "Three."])
    await one.terminate()
    page = await open_example("live-dashboard", one.address)
    await page("until", selector=".pill[data-state=connecting]")
    await page("click", selector="#submit")
    await page("until", selector="#problem:visible", text="The server does not answer")
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    await page("until", selector=".batch h3", text="kept")
    await shows_batches(page, one, 5)
    await page("click", selector="#submit")
    await page("until", selector=".batch[data-status=COMPLETED] h3", text="Sent at")
    await page("gone", selector="#problem:visible")
    await shows_batches(page, one, 5)
    await page.without_a_problem(server_was_away=True)
