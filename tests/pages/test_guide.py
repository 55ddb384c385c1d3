"""docs/pages.md: every address opens and shows these rows, and every shortcut of the pages is named."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests import support
from tests.pages.live_page import Page, ask, needs_a_browser, submit

GUIDE = (support.ROOT / "docs" / "pages.md").read_text()

ITEMS = "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }"
ONE = """
mutation { submitAnalysis(input: {request: {text: {text: "One late text."}}, waitSeconds: 60}) { analysis { status } } }
"""
ACT = """
mutation ($id: ID!) { runBulkAction(input: {kind: DELETE, ids: [$id]}) { action { id } userErrors { code } } }
"""

# The number of rows at each address; None for a page without a list.
ROWS = {
    "/dashboard/": None,
    "/dashboard/?range=24h": None,
    "/dashboard/id/ID": None,
    "/dashboard/analyses": 4,
    "/dashboard/analyses?status=FAILED&range=24h": 1,
    "/dashboard/analyses?status=FAILED&ended=24h": 1,
    "/dashboard/analyses?status=FAILED,TIMED_OUT&not.code=INPUT_UNREADABLE": 0,
    "/dashboard/analyses?analyzer=text&q=late&order=-took": 2,
    "/dashboard/analyses?batch=BATCH": 3,
    "/dashboard/analyses/ANALYSIS": None,
    "/dashboard/bulk/BULK": None,
    "/dashboard/batches": 1,
    "/dashboard/batches?failures=yes&order=failed": 1,
    "/dashboard/batches/BATCH": 3,
    "/dashboard/new": None,
    "/dashboard/new?mode=many": None,
    "/dashboard/queue": None,
    "/dashboard/events": None,
    "/dashboard/events?problems=yes": None,
    "/dashboard/events?subject=BATCH": None,
}


@needs_a_browser
async def test_every_address_and_shortcut_of_the_guide(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    assert set(re.findall(r"`(/dashboard/[^`]*)`", GUIDE)) == set(ROWS)
    one = await server()
    batch = await submit(one, "guide", ["The train was late.", "", "Fine."])
    await ask(one, ONE)
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    item = (await ask(one, ITEMS, id=batch))["batch"]["results"]["nodes"][0]["id"]
    # No analysis: the action has nothing to delete.
    action = (await ask(one, ACT, id="analysis_00000000000000000000000000"))["runBulkAction"]["action"]["id"]

    for address, rows in ROWS.items():
        path = address.removeprefix("/dashboard")
        for name, id_ in (("BATCH", batch), ("ANALYSIS", item), ("BULK", action), ("ID", item)):
            path = re.sub(rf"\b{name}\b", id_, path)
        await page("open", path=path)
        await page("until", selector="h1")
        if rows:
            await page("until", selector=f".sheet tbody tr:nth-child({rows})")
            assert await page("count", selector=".sheet tbody tr") == rows, address
        elif rows == 0:
            await page("until", selector=".blank", text="No analysis matches.")
        assert await page("texts", selector="h1:has-text('No such page'), main [role=alert]") == [], address

    named = set(re.findall(r"`([^`]+)`", GUIDE.partition("## Shortcuts")[2]))
    for path in ("/", "/analyses", f"/analyses/{item}", "/batches", "/events"):
        await page("open", path=path)
        await page("until", selector="h1")
        await page("press", key="?")
        await page("until", selector="dialog.keys[open] dd", text="show these shortcuts")
        shown = {key for text in await page("texts", selector="dialog.keys[open] kbd") for key in text.split()}
        assert shown - named == {"Ctrl"}, path
        await page("press", key="Escape")
    record = await page("record")
    assert record["errors"] == []
    assert record["foreign"] == []
