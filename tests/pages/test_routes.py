"""Every page of the app by its address: reachable, accessible, no wider than the window, and without an error."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests import support
from tests.pages.live_page import Page, ask, needs_a_browser, submit

FEATURES = support.ROOT / "pages" / "dashboard" / "src" / "features"
ITEM = "query ($id: ID!) { batch(id: $id) { results(first: 1) { nodes { id } } } }"
RETRY = "mutation ($id: ID!) { runBulkAction(input: { kind: RETRY, filter: { batchId: $id } }) { action { id } } }"

TITLES = {
    "": "Overview",
    "analyses": "Analyses",
    "analyses/:id": "key 0",
    "batches": "Batches",
    "batches/:id": "key",
    "bulk/:id": "Retried 0 analyses",
    "new": "New analysis",
    "queue": "Queue",
    "events": "Events",
}


def test_the_paths_are_those_of_the_features() -> None:
    manifests = [path.read_text() for path in FEATURES.glob("*/feature.ts")]
    assert sorted(path for text in manifests for path in re.findall(r"\{ path: '([^']*)'", text)) == sorted(TITLES)


@needs_a_browser
async def test_each_page_by_its_address(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "key", ["A lovely day in Paris, and a long text. " * 30, "", "Terrible."])
    item = (await ask(one, ITEM, id=batch))["batch"]["results"]["nodes"][0]["id"]
    action = (await ask(one, RETRY, id=batch))["runBulkAction"]["action"]["id"]
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    ids = {"analyses": item, "batches": batch, "bulk": action}
    for route, title in TITLES.items():
        path = route.replace(":id", ids.get(route.split("/")[0], ""))
        await page("open", path=f"/{path}")
        await page("until", selector="h1", text=title)
        if route == "analyses/:id":
            await page("until", selector=".result .part")
        for scheme in ("light", "dark"):
            for width, height in ((1440, 900), (390, 844)):
                await page("look", scheme=scheme, width=width, height=height)
                assert await page("axe") == [], (path, scheme, width)
        for width in (390, 800, 1440):
            await page("look", width=width)
            assert await page("overflow") <= 0, (path, width)

    # An id leads to its page, an address of an earlier version too, and an unknown one says so.
    await page("open", path=f"/id/{item}")
    await page("untilAddress", address=f"/analyses/{item}")
    await page("open", hash=f"#/batch/{batch}")
    await page("untilAddress", address=f"/batches/{batch}")
    await page("open", path="/nowhere/at/all")
    await page("until", selector="h1", text="No such page")
    await page("open", path="/analyses/analysis_00000000000000000000000000")
    await page("until", selector=".blank", text="This analysis does not exist")
    record = await page("record")
    assert record["errors"] == []
    assert record["foreign"] == []


@needs_a_browser
async def test_the_frame_searches_navigates_and_lists_its_shortcuts(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "of the frame", ["A red house.", "A blue house."])
    page = await open_page(one, path="/queue")
    await page("press", key="/")
    await page("fill", selector="#find:focus", text="blue")
    await page("press", key="Enter")
    await page("untilAddress", address="/analyses?q=blue")
    await page("until", selector=".foot", text="1 to 1 of 1")
    # The key of an analysis is beside the words of the inputs.
    await page("fill", selector="#find", text="of the frame 1")
    await page("press", key="Enter")
    await page("untilAddress", address="/analyses?q=of+the+frame+1")
    await page("until", selector=".blank", text="No analysis matches.")
    await page("click", selector=".of-key a:has-text('of the frame 1')")
    await page("untilAddress", address="/analyses?key=of+the+frame+1")
    await page("until", selector=".sheet tbody tr", text="A blue house.")
    await page.accessible()
    await page("fill", selector="#find", text=batch.upper())
    await page("press", key="Enter")
    await page("untilAddress", address=f"/batches/{batch}")
    await page("until", selector="h1:focus", text="of the frame")
    for keys, title in (("ga", "Analyses"), ("gb", "Batches"), ("gq", "Queue"), ("ge", "Events"), ("go", "Overview")):
        for key in keys:
            await page("press", key=key)
        await page("until", selector="h1:focus", text=title)
        await page("until", selector=".rail a[aria-current=page]", text=title)
    await page("press", key="?")
    await page("until", selector="dialog.keys[open] dd", text="go to analyses")
    await page("press", key="Escape")

    # On a phone, the other pages are behind a button.
    await page("look", width=390, height=844)
    await page("click", selector=".bottom a:has-text('Batches')")
    await page("until", selector="h1:focus", text="Batches")
    await page("click", selector=".bottom button")
    await page("click", selector="#more a:has-text('Events')")
    await page("until", selector="h1:focus", text="Events")
    await page("gone", selector="#more:popover-open")


@needs_a_browser
async def test_a_lost_connection_is_announced_and_the_list_returns(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "before", ["One.", "Two."])
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 2 of 2")
    await one.kill()
    await page("until", selector=".banner[data-kind=disconnected]", text="No connection to the server.")
    await page("until", selector=".pill:is([data-state=reconnecting], [data-state=stale])")
    for width in (320, 390):
        await page("look", width=width, height=844)
        assert await page("overflow") <= 0, width
    await page("until", selector=".pill[data-state=stale]")
    assert await page("overflow") <= 0
    await page("look")
    assert await page("count", selector=".sheet tbody tr") == 2
    await page("click", selector=".banner[data-kind=disconnected] button")  # the server is not there yet
    await one.start()
    await page("gone", selector=".banner[data-kind=disconnected]")
    later = await submit(one, "later", ["Three."])
    await page("until", selector=".sheet tbody tr:first-child[data-status=COMPLETED] .name", text="later 0")
    assert later
