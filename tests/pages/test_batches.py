"""The list of batches and the page of one: outcome, errors, items, filter, live rows, retry and cancel."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable

import pytest

from tests import support
from tests.hold import Hold
from tests.pages.live_page import EVERYTHING, HOSTILE, LONG, Page, ask, counts, needs_a_browser, settled, submit

PAUSE = "mutation { pauseQueue(input: {}) { queue { paused } } }"
RESUME = "mutation { resumeQueue(input: {}) { queue { paused } } }"
CANCEL = "mutation ($id: ID!) { cancelBatch(input: {id: $id}) { userErrors { message } } }"
TOOK = "query ($id: ID!) { batch(id: $id) { totalProcessingTimeMs } }"
FAILED = """
query ($id: ID!) { batch(id: $id) { results(first: 1, status: [FAILED]) { nodes { id key error { message } } } } }
"""
SUBMIT = 'mutation { submitAnalysis(input: {request: {text: {text: "One."}}}) { analysis { id } } }'

ROWS = ".sheet tbody tr"
OUTCOMES = ".shares li"


def row(batch: str, status: str = "") -> str:
    return f'tr[data-id="{batch}"]' + (f"[data-status={status}]" if status else "")


@needs_a_browser
async def test_a_batch_of_five_hundred_is_watched_to_its_end(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one, path="/batches")
    await page("until", selector=".blank", text="No batch yet.")
    texts = ["" if n == 7 else HOSTILE if n == 8 else f"Text number {n} is a good one. {LONG}" for n in range(500)]
    batch = await submit(one, f"five hundred {HOSTILE}", texts, EVERYTHING, hold=hold)
    await page("until", selector=f"{row(batch, 'RUNNING')} .done", text="250 of 500")
    running = await page("row", id=batch)
    assert running["outcomes"].startswith("249 completed, 1 failed, 1 of them refused, ")
    assert running["outcomes"].endswith(", of 500")
    assert min(running["widths"]) >= 2
    assert running["lost"].startswith("1")
    assert running["buttons"] == ["Cancel"]

    # The page of the batch, live.
    await page("click", selector=f"{row(batch)} .name")
    await page("until", selector="h1:focus bdi", text=f"five hundred {HOSTILE}")
    await page("until", selector=".pace", text="items a second")
    await page("until", selector=".tabs a:has-text('Completed') b", text="249")
    hold.let_go()
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("until", selector=".tabs a:has-text('Completed') b", text="499")
    assert await counts(one, batch) == {"processed": 499, "failed": 1, "canceled": 0, "timed out": 0}
    assert await page("texts", selector=OUTCOMES) == ["499 completed", "1 failed, 1 of them refused"]
    assert await page("texts", selector=".head .actions button") == ["Download"]  # nothing to retry
    await page("until", selector=".pace", text="took")
    await page.accessible()
    await page("look", width=360, height=740)
    assert await page("overflow") == 0
    await page("look")

    # The items by pages; by an error; a hostile text is shown as text.
    failed = (await ask(one, FAILED, id=batch))["batch"]["results"]["nodes"][0]
    await page("until", selector=".foot", text="1 to 50 of 500")
    await page("until", selector=f"{ROWS}:nth-child(9) .what", text=HOSTILE)
    await page("click", selector=".foot a:has-text('Next')")
    await page("until", selector=".foot", text="51 to 100 of 500")
    await page("reload")
    await page("until", selector=".foot", text="51 to 100 of 500")
    await page("until", selector=".why h2", text="Why 1 failed")
    assert "a retry cannot help" in await page("until", selector=".why li", text=failed["key"])
    await page("click", selector=".why li > a")
    await page("until", selector=".foot", text="1 to 1 of 1")
    await page("until", selector=f"{row(failed['id'], 'FAILED')} .refusal", text=failed["error"]["message"])
    await page("click", selector=".token")
    await page("untilAddress", address=f"/batches/{batch}")
    await page("click", selector=".tabs a:has-text('Failed')")
    await page("until", selector=".foot", text="1 to 1 of 1")
    await page("click", selector="button:has-text('Download')")
    [line] = (await page("download", selector=".menu a:has-text('JSON lines')")).splitlines()
    assert json.loads(line)["id"] == failed["id"]

    # To the item, and back to the list.
    await page("click", selector=f"{ROWS} .name")
    assert failed["error"]["message"] in await page("until", selector=".failure")
    await page("until", selector="h1:focus", text=failed["key"])
    await page("click", selector=".facts a")
    await page("until", selector="h1:focus bdi", text="five hundred")
    await page("click", selector=".crumbs a")
    await page("until", selector=f"{row(batch, 'COMPLETED')} .done", text="500 of 500")
    ended = await page("row", id=batch)
    assert ended["outcomes"] == "499 completed, 1 failed, 1 of them refused, of 500"
    assert min(ended["widths"]) >= 2
    await page("click", selector=f"{row(batch)} .name")
    await page("until", selector=".shares")
    await page("back")
    await page("until", selector=".name:focus", text="five hundred")

    record = await page("record")
    assert record["foreign"] == []
    assert record["errors"] == []
    assert record["dialogs"] == []
    assert record["sockets"] == [one.ws_url] * 2  # one a load


@needs_a_browser
async def test_a_batch_is_canceled_and_retried(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one, path="/batches")
    batch = await submit(one, "to cancel", [f"{n} {LONG}" for n in range(400)], hold=hold)
    await page("until", selector=f"{row(batch)} .done", text="200 of 400")

    # From ten items on, the page asks first.
    await page("click", selector=f"{row(batch)} button:has-text('Cancel')")
    await page("until", selector="dialog.question h2", text="Cancel 200")
    await page("press", key="Escape")
    await page("gone", selector="dialog.question")
    assert (await counts(one, batch))["canceled"] == 0
    await page("click", selector=f"{row(batch)} button:has-text('Cancel')")
    await page("click", selector="dialog.question button.primary")
    await page("until", selector=".toasts li", text="Canceled: 200")
    await page("until", selector=f"{row(batch, 'CANCELED')} button", text="Retry 200")
    assert await counts(one, batch) == {"processed": 200, "failed": 0, "canceled": 200, "timed out": 0}
    assert (await page("row", id=batch))["outcomes"] == "200 completed, 200 canceled, of 400"

    # The rate is that of the items that ran.
    await page("click", selector=f"{row(batch)} .name")
    took = (await ask(one, TOOK, id=batch))["batch"]["totalProcessingTimeMs"] / 1000
    pace = await page("until", selector=".pace", text="items a second")
    rate = float(pace.partition(", ")[2].removesuffix(" items a second").replace(",", ""))
    assert rate == pytest.approx(200 / took, rel=0.05)  # rounded

    # The head says which items.
    hold.let_go()
    await page("click", selector=".head button.primary:has-text('Retry 200 canceled')")
    await page("click", selector="dialog.question button:has-text('Retry 200 canceled items')")
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("until", selector=".tabs a:has-text('Completed') b", text="400")
    assert (await counts(one, batch))["processed"] == 400
    await page("until", selector=".facts dt", text="Retried")
    await page("until", selector=".facts dd", text="1 h after acceptance, or after a retry of the ended batch")
    record = await page("record")
    assert record["errors"] == []


@needs_a_browser
async def test_few_items_are_canceled_by_a_key_and_a_refusal_appears_beside_the_button(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    first = await submit(one, "first", ["One.", "Two."])
    second = await submit(one, "second", ["Three."])
    page = await open_page(one, path="/batches")
    await page("until", selector=f"{ROWS}:first-child[data-id='{second}']")
    await page("press", key="j")
    await page("press", key="j")
    await page("until", selector=".name:focus", text="first")
    await page("press", key="c")
    await page("until", selector=".toasts li", text="Canceled: 2 queued items.")
    await page("until", selector=row(first, "CANCELED"))
    await page("press", key="r")
    await page("until", selector=row(first, "QUEUED"))
    await one.kill()
    await page("until", selector=".banner[data-kind=disconnected]")
    await page("click", selector=f"{row(second)} button:has-text('Cancel')")
    await page("until", selector=f"{row(second)} .refusal", text="nothing was sent")
    await one.start()
    await page("gone", selector=".banner[data-kind=disconnected]")
    await ask(one, CANCEL, id=second)
    await page("until", selector=row(second, "CANCELED"))
    await page("gone", selector=f"{row(second)} .refusal:not(:empty)")


@needs_a_browser
async def test_the_address_holds_filter_order_and_page(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    small = await submit(one, "small", ["A lovely day."])
    large = await submit(one, "large", ["", "", ""])
    for n in range(51):
        await submit(one, f"Series {n}", [""])
    page = await open_page(one, path="/batches")
    await page("until", selector=".foot", text="1 to 50 of 53")
    assert await page("until", selector=f"{ROWS} .name") == "Series 50"
    await page("click", selector=".foot a:has-text('Older')")
    await page("until", selector=".foot", text="51 to 53 of 53")
    await page("reload")
    await page("until", selector=f"{ROWS}:last-child[data-id='{small}']")
    await page("click", selector=".foot a:has-text('Newer')")
    await page("untilAddress", address="/batches")

    await page("fill", selector=".filters input[type=search]", text="series 1")
    await page("until", selector=".foot", text="1 to 11 of 11")
    await page("untilAddress", address="/batches?q=series+1")
    await page("fill", selector=".filters input[type=search]", text="no such name")
    await page("until", selector=".blank", text="No batch matches.")
    await page("click", selector=".blank a")
    await page("until", selector=".foot", text="1 to 50 of 53")
    await page("click", selector=".filters .add")
    await page("select", selector=".menu:popover-open select[aria-label=Failures]", value="no")
    await page("until", selector=f"{row(small)}:only-child")
    await page("click", selector=".token")
    await page("until", selector=".foot", text="1 to 50 of 53")
    await page("open", path="/batches?failures=yes&order=size&range=24h&status=COMPLETED")
    await page("until", selector=f"{ROWS}:first-child[data-id='{large}']")
    await page("until", selector=".tabs a[aria-current=page] b", text="52")
    assert await page("texts", selector=".token b") == ["last 24 h", "some", "most items"]
    record = await page("record")
    assert record["errors"] == []


@needs_a_browser
async def test_new_batches_wait_while_the_pointer_is_in_the_table(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    page = await open_page(one, path="/batches")
    refused = await submit(one, "refused", ["", ""])
    await page("until", selector=row(refused, "COMPLETED"))
    figures = await page("row", id=refused)
    assert figures["outcomes"] == "2 failed, 2 of them refused, of 2"
    assert figures["buttons"] == []  # no item can be retried
    second = await submit(one, "second", ["One.", "Two."])
    await page("until", selector=f"{ROWS}:first-child[data-id='{second}'][data-status=QUEUED]")
    await page("hover", selector=row(second))
    third = await submit(one, "third", ["Three."])
    assert await page("until", selector=".filters .new") == "1 new"
    assert await page("count", selector=ROWS) == 2
    await page("press", key=".")
    await page("until", selector=f"{ROWS}:first-child[data-id='{third}']")
    await page("click", selector=".tabs a:has-text('Queued')")
    await page("until", selector=".foot", text="1 to 2 of 2")
    await page("hover", selector=row(third))
    for place, batch in enumerate((third, second), start=1):  # in their place, though they no longer match
        await ask(one, CANCEL, id=batch)
        await page("until", selector=f"{ROWS}:nth-child({place})[data-id='{batch}'][data-status=CANCELED].gone")
    record = await page("record")
    assert record["errors"] == []
    assert len(record["sockets"]) == 1


@needs_a_browser
async def test_changes_by_others_are_followed_to_their_end(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await ask(one, PAUSE)
    await settled(one)
    batch = await submit(one, "of others", ["One.", "", "Three."])
    page = await open_page(one, path=f"/batches/{batch}?status=COMPLETED")
    await page("until", selector=".blank", text="No item matches.")
    await page("until", selector=".tabs a:has-text('Queued') b", text="2")
    await ask(one, RESUME)
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("until", selector=".foot", text="1 to 2 of 2")  # they have come into the list by themselves
    items = (await ask(one, "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }", id=batch))["batch"]
    await page("click", selector=".tabs a:has-text('All')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    shown = [await page("attribute", selector=f"{ROWS}:nth-child({n})", name="data-id") for n in (1, 2, 3)]
    assert shown == [node["id"] for node in items["results"]["nodes"]]  # in the order of submission
    await ask(one, f'mutation {{ deleteBatch(input: {{id: "{batch}"}}) {{ userErrors {{ message }} }} }}')
    await page("until", selector=".blank", text="This batch does not exist, or was deleted.")

    # A refused analysis offers no retry; one that others cancel and retry is followed.
    refused = await submit(one, "refused", [""])
    [item] = (await ask(one, "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }", id=refused))["batch"][
        "results"
    ]["nodes"]
    await page("open", hash=f"#/analysis/{item['id']}")
    await page("until", selector=".failure")
    assert await page("texts", selector=".actions > button:not(.icon-button)") == []
    await ask(one, PAUSE)
    await settled(one)
    id_ = (await ask(one, SUBMIT))["submitAnalysis"]["analysis"]["id"]
    await page("open", hash=f"#/analysis/{id_}")
    await page("until", selector="h1 .state", text="Queued")
    await ask(one, f'mutation {{ cancelAnalysis(input: {{id: "{id_}"}}) {{ analysis {{ status }} }} }}')
    await page("until", selector=".actions button", text="Retry")
    await ask(one, RESUME)
    await ask(one, f'mutation {{ retryAnalysis(input: {{id: "{id_}"}}) {{ analysis {{ status }} }} }}')
    await page("until", selector="h1 .state", text="Completed")
    assert await page("texts", selector=".actions > button:not(.icon-button)") == []


@needs_a_browser
async def test_names_are_isolated_from_the_text_around_them(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    """The name has an override, as a row of an earlier version can."""
    one = await server()
    batch = await submit(one, "new", ["A lovely day."])
    stored = "old \u202eeman"
    with sqlite3.connect(one.data_dir / "assay.db", timeout=60) as database:
        database.execute("UPDATE batch SET name = ? WHERE id = ?", (stored, batch))
        database.execute("UPDATE analysis SET key = ? WHERE batch_id = ?", (stored, batch))
    database.close()
    [found] = (await ask(one, "{ batches { nodes { name results { nodes { id key } } } } }"))["batches"]["nodes"]
    [item] = found["results"]["nodes"]
    assert (found["name"], item["key"]) == (stored, stored)
    page = await open_page(one, path="/batches")

    async def isolated(selector: str) -> None:
        await page("until", selector=selector, text=stored)
        assert await page("style", selector=selector, name="unicode-bidi") in ("isolate", "plaintext")

    await isolated(".name bdi")
    await page("click", selector=".name")
    await isolated("h1 bdi")
    await isolated(".sheet .name bdi")
    await page("click", selector=".sheet .name")
    await page("gone", selector=".sheet")
    await isolated("h1 bdi")
    await isolated(".facts a bdi")
