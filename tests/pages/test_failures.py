"""Failures of the server, of an address, of the storage and of a page: the frame stays, and the way back is short."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from tests import support
from tests.pages.live_page import Page, needs_a_browser, submit

DISCONNECTED = ".banner[data-kind=disconnected]"
QUESTION = "dialog.question"


@needs_a_browser
async def test_a_page_that_was_opened_without_the_server_appears_with_it(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await one.kill()
    await page("click", selector=".rail a:has-text('Queue')")
    await page("until", selector="h1:focus", text="Page not loaded")
    await page("until", selector="main .fault", text="The page could not be loaded from the server.")
    await page("until", selector=DISCONNECTED)
    assert await page("axe") == []
    # The palette needs no server.
    await page("press", key="Control+k")
    await page("until", selector=".palette li[aria-selected=true]")
    await page("press", key="Escape")
    await page("gone", selector=".palette")
    # Without the server, another attempt leaves the pages as they are.
    await page("click", selector="main .fault button")
    await page("click", selector=".rail a:has-text('Overview')")
    await page("until", selector="h1:focus", text="Overview")
    await page("click", selector=".rail a:has-text('Queue')")
    await page("until", selector="h1", text="Page not loaded")
    await one.start()
    await page("until", selector="h1", text="Queue")
    await page("gone", selector=DISCONNECTED)
    assert await page("address") == "/queue"
    # The browser itself reports the requests without an answer. No error is uncaught.
    errors = (await page("record"))["errors"]
    assert [error for error in errors if re.match(r"\w*Error: ", error)] == []


@needs_a_browser
async def test_a_resumption_before_any_event_has_no_gap_in_its_words(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await one.restart(kill=True)
    notice = await page("until", selector=".notice[data-done=true]", text="caught up.")
    # A busy machine may have alerts.
    assert re.match(r"Resumed( after \S.*)?, \d+ events? caught up\.", notice), notice


@needs_a_browser
async def test_an_address_without_a_text_is_no_page(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    for path in ("/analyses/%", "/analyses/%E0%A4%A", "/batches/%", "/bulk/%", "/id/%", "/nowhere/%"):
        await page("open", path=path)
        await page("until", selector="h1", text="No such page")
    await page("click", selector="main a:has-text('Overview')")
    await page("until", selector="h1:focus", text="Overview")
    await page("back")
    await page("until", selector="h1", text="No such page")
    await page("click", selector=".rail a:has-text('Analyses')")
    await page("until", selector="h1:focus", text="Analyses")
    assert (await page("record"))["errors"] == []


@needs_a_browser
async def test_a_damaged_storage_is_an_empty_one(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await submit(one, "of the storage", ["One."])
    page = await open_page(one)
    for text in ("null", "{}", "[null]", '"abc"', "{"):
        for name in ("assay.views", "assay.rows", "assay.columns", "assay.new"):
            await page("keep", name=name, text=text)
        await page("open", path="/analyses")
        await page("until", selector=".foot", text="1 to 1 of 1")
        await page("click", selector="main button:has-text('Views')")
        await page("until", selector=".entries", text="No saved view.")
        await page("press", key="Escape")
        await page("press", key="Control+k")
        await page("until", selector="dialog[open] input")
        await page("press", key="Escape")
        await page("open", path="/new")
        await page("until", selector="#field-text")
    await page(
        "keep", name="assay.new", text='{"many": {"text": 5}, "settings": {"priority": {}}, "entries": {"text": 5}}'
    )
    await page("open", path="/new?mode=many")
    await page("until", selector="#many")
    assert await page("value", selector="#setting-priority") == "5"
    await page("fill", selector="#many", text="A lovely day.")
    await page("until", selector=".found", text="1 item")
    assert (await page("record"))["errors"] == []


@needs_a_browser
async def test_a_failed_page_leaves_the_frame(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "of another version", ["One."])
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("falsify", field="tags", value=5)
    await page("open", path="/analyses")
    await page("until", selector="h1", text="This page failed")
    await page.accessible()
    await page("look", width=390, height=844)
    assert await page("overflow") <= 0
    await page("look")
    await page("lose")  # the server's own answers again
    await page("click", selector=".rail a:has-text('Queue')")
    await page("until", selector="h1:focus", text="Queue")
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 1 of 1")


@needs_a_browser
async def test_the_number_of_a_bulk_action_is_asked_again(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "counted", ["One.", "Two."])
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 2 of 2")
    await page("check", selector=".sheet thead input")

    # The server ends while it counts.
    await page("lose", text='"dryRun":true')
    await page("click", selector=".bulk button:has-text('Delete…')")
    await page("until", selector=f"{QUESTION} h2", text="The number is unknown")
    refusal = await page("until", selector=f"{QUESTION} .refusal")
    assert refusal.startswith("The server did not respond:")
    await page.accessible()
    await page("click", selector=f"{QUESTION} button:has-text('Try again')")
    await page("until", selector=f"{QUESTION} h2", text="The number is unknown")
    await page("lose")
    await page("click", selector=f"{QUESTION} button:has-text('Try again')")
    await page("until", selector=f"{QUESTION} h2", text="Delete 2 of 2 analyses?")
    await page("click", selector=f"{QUESTION} button:has-text('Back')")

    # A new connection asks again.
    await page("lose", text='"dryRun":true')
    await page("click", selector=".bulk button:has-text('Delete…')")
    await page("until", selector=f"{QUESTION} h2", text="The number is unknown")
    await page("lose")
    await one.restart(kill=True)
    await page("until", selector=f"{QUESTION} h2", text="Delete 2 of 2 analyses?")
    await page("click", selector=f"{QUESTION} button:has-text('Back')")

    # Without a connection, the question waits for it.
    await page("gone", selector=DISCONNECTED)
    await one.kill()
    await page("until", selector=DISCONNECTED)
    await page("click", selector=".bulk button:has-text('Delete…')")
    await page("until", selector=f"{QUESTION} h2", text="Counting…")
    await one.start()
    await page("until", selector=f"{QUESTION} h2", text="Delete 2 of 2 analyses?")
