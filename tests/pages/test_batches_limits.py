"""The pages of batches at their limits: a refused list, an emptied page, a paused queue, narrow windows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from tests import support
from tests.pages.live_page import Page, ask, needs_a_browser, settled, submit
from tests.pages.test_batches import CANCEL, PAUSE, RESUME, row

CURSORS = """
query ($id: ID!) {
  batches { pageInfo { endCursor } }
  analyses(filter: {batchId: $id}, orderBy: {field: CREATED_AT, direction: ASC}) { pageInfo { endCursor } nodes { id } }
}
"""


@needs_a_browser
async def test_a_refused_list_keeps_the_batch_and_its_search(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    eleven = "one two three four five six seven eight nine ten eleven"
    batch = await submit(one, "searched", [eleven, "Another."])
    page = await open_page(one, path=f"/batches/{batch}")
    await page("until", selector=".foot", text="1 to 2 of 2")
    await page("fill", selector=".filters input[type=search]", text=eleven)
    await page("until", selector=".foot", text="1 to 1 of 1")  # the server takes ten words
    await page("open", path=f"/batches?q={'x' * 300}")
    await page("until", selector=".blank", text="No batch matches.")

    # A damaged address. The batch is followed although its items can't be read.
    await page("open", path=f"/batches/{batch}?after=gg")
    await page("until", selector=".fault", text="The items could not be read.")
    assert await page("until", selector="h1 bdi") == "searched"
    assert await page("count", selector=".filters input[type=search]") == 1
    await ask(one, CANCEL, id=batch)
    await page("untilBatch", id=batch, status="CANCELED")
    await page("click", selector=".blank a:has-text('Clear filters')")
    await page("untilAddress", address=f"/batches/{batch}")
    await page("until", selector=".foot", text="1 to 2 of 2")
    await page("gone", selector=".fault")
    await page("open", path=f"/batches/batch_{'0' * 26}?after=gg")
    await page("until", selector=".blank", text="This batch does not exist, or was deleted.")


@needs_a_browser
async def test_an_emptied_page_leads_to_the_first(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    batch = await submit(one, "only", ["One.", "Two."])
    found = await ask(one, CURSORS, id=batch)
    after = {name: quote(found[name]["pageInfo"]["endCursor"]) for name in ("batches", "analyses")}
    page = await open_page(one, path=f"/batches?status=QUEUED&from=51&after={after['batches']}")
    await page("until", selector=".blank", text="Nothing on this page. First page")
    await page("click", selector=".blank a")
    await page("until", selector=".foot", text="1 to 1 of 1")
    await page("untilAddress", address="/batches?status=QUEUED")
    await page("open", path=f"/batches/{batch}?from=51&after={after['analyses']}")
    await page("until", selector=".blank", text="Nothing on this page. First page")
    await page("click", selector=".blank a")
    await page("until", selector=".foot", text="1 to 2 of 2")


@needs_a_browser
async def test_a_batch_in_a_paused_queue_promises_no_end(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await ask(one, PAUSE)
    await settled(one)
    batch = await submit(one, "waiting", ["One.", "Two."])
    page = await open_page(one, path="/batches")
    await page("until", selector=f"{row(batch)} .time", text="paused")
    await page("click", selector=f"{row(batch)} .name")
    await page("until", selector=".pace", text="paused")
    await ask(one, RESUME)
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("gone", selector=".pace:has-text('paused')")


@needs_a_browser
async def test_the_list_fits_its_window(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    batch = await submit(one, "A batch with a name of some length", [f"Text {n}." for n in range(1_213)])
    await submit(one, "refused", ["", ""])
    items = (await ask(one, CURSORS, id=batch))["analyses"]["nodes"][:13]
    some = " ".join(
        f'a{n}: cancelAnalysis(input: {{id: "{item["id"]}"}}) {{ __typename }}' for n, item in enumerate(items)
    )
    await ask(one, f"mutation {{ {some} }}")
    page = await open_page(one, path="/batches")
    await page("until", selector=f"{row(batch)} button", text="Retry 13")
    for width in (1440, 1101, 1100, 1000, 930, 880, 821):
        await page("look", width=width)
        retry, cancel = await page("places", selector=f"{row(batch)} button")
        assert retry["top"] == cancel["top"], width
        [name] = await page("places", selector=f"{row(batch)} .what")
        assert name["width"] >= 180, width
        others = await page("places", selector=".sheet tbody td:not(.what)")
        assert not any(other["isCut"] for other in others), width
        assert await page("overflow") == 0, width

    # On a phone, the tabs show the chosen one.
    await page("look", width=390, height=740)
    for status, words in (("TIMED_OUT", "Timed out"), ("", "All")):
        await page("open", path=f"/batches?status={status}")
        await page("until", selector=f".tabs a[aria-current]:has-text('{words}') b")
        [tabs] = await page("places", selector="nav.tabs")
        [chosen] = await page("places", selector=".tabs a[aria-current]")
        assert tabs["isCut"]  # there are more than fit
        assert tabs["left"] <= chosen["left"]
        assert chosen["right"] <= tabs["right"]
