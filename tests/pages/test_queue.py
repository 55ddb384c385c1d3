"""The page of the queue: pauses with reasons, limits, levels, workers, storage, health."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests import support
from tests.hold import Hold
from tests.pages.live_page import HOSTILE, Page, ask, needs_a_browser, settled, submit

QUEUE = """
{ queue { pausedSince pauseReason concurrency analyzers { analyzer pausedSince pauseReason limit } } }
"""
STATE = "query ($id: ID!) { batch(id: $id) { status processed queued } }"
SERVER = "{ metrics { workers { instance slots } storage { analyses events } } health { components { name } } }"
PAUSE = "mutation ($reason: String) { pauseQueue(input: {reason: $reason}) { queue { paused } } }"
RESUME = "mutation { resumeQueue(input: {}) { queue { paused } } }"

WHOLE, TEXT = '.holds li[data-analyzer=""]', ".holds li[data-analyzer=text]"


@needs_a_browser
async def test_the_queue_is_paused_with_a_reason_and_resumed(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/queue")
    reason = f"The disk is full. {HOSTILE}"
    await page("until", selector=f"{WHOLE}[data-paused=false]")
    await page("click", selector=f"{WHOLE} button:has-text('Pause')")
    await page("fill", selector=f"{WHOLE} input:focus", text=reason)
    await page("press", key="Enter")
    assert await page("until", selector=f"{WHOLE}[data-paused=true] .reason") == reason
    await page("until", selector=".banner[data-kind=paused] bdi", text=reason)
    await page("click", selector=f"{TEXT} button:has-text('Pause')")
    await page("click", selector=f"{TEXT} form button[type=submit]")
    await page("until", selector=f"{TEXT}[data-paused=true] .since", text="without a reason")
    await page("gone", selector=".holds form")
    held = (await ask(one, QUEUE))["queue"]
    [text] = held["analyzers"]
    assert (held["pauseReason"], text["pauseReason"]) == (reason, None)
    assert await page("attribute", selector=f"{WHOLE} time", name="datetime") == held["pausedSince"]
    assert await page("attribute", selector=f"{TEXT} time", name="datetime") == text["pausedSince"]

    await settled(one)
    batch = await submit(one, "held", ["One.", "Two.", "Three."])
    assert (await page("until", selector="table.depths tbody tr")).startswith("53")  # priority 5, three analyses
    await page("until", selector=f"{TEXT} .small", text="3 queued, no limit")
    await page.accessible()

    # The page follows others: one pause ends, and another has a new reason.
    await ask(one, RESUME)
    await page("until", selector=f"{WHOLE}[data-paused=false]")
    await ask(one, PAUSE, reason="A new one.")
    await page("until", selector=f"{WHOLE}[data-paused=true] .reason", text="A new one.")
    await ask(one, RESUME)
    await page("until", selector=f"{WHOLE}[data-paused=false]")
    await page("gone", selector=".banner[data-kind=paused]")
    state = (await ask(one, STATE, id=batch))["batch"]
    assert state == {"status": "QUEUED", "processed": 0, "queued": 3}
    await page("click", selector=f"{TEXT} button:has-text('Resume')")
    await page("until", selector=f"{TEXT}[data-paused=false] .small", text="0 queued")

    async def is_done() -> bool:
        state = (await ask(one, STATE, id=batch))["batch"]
        return bool(state == {"status": "COMPLETED", "processed": 3, "queued": 0})

    await support.until(is_done, what="the batch")

    # A refusal appears beside its button.
    await one.kill()
    await page("until", selector=".banner[data-kind=disconnected]")
    await page("click", selector=f"{WHOLE} button:has-text('Pause')")
    await page("fill", selector=f"{WHOLE} input:focus", text="Too late.")
    await page("press", key="Enter")
    await page("until", selector=f"{WHOLE} .refusal", text="There is no connection to the server")
    await page("press", key="Escape")
    await page("gone", selector=f"{WHOLE} form")
    await one.start()
    await page("until", selector=".pill[data-state=live]")


@needs_a_browser
async def test_limits_are_set_and_removed(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/queue")
    await page("click", selector=f"{WHOLE} button:has-text('Slots')")
    await page("fill", selector=f"{WHOLE} input:focus", text="7")
    await page("press", key="Enter")
    await page("until", selector=f"{WHOLE} .small", text="7 slots for each worker")
    await page("until", selector="table.workers .busy", text="idle, 7 slots")  # the worker has applied it
    await page("click", selector=f"{TEXT} button:has-text('Limit')")
    await page("fill", selector=f"{TEXT} input:focus", text="2")
    await page("press", key="Enter")
    await page("until", selector=f"{TEXT} .small", text="at most 2 at once for each worker")
    held = (await ask(one, QUEUE))["queue"]
    assert (held["concurrency"], held["analyzers"][0]["limit"]) == (7, 2)
    for row, button, words in ((WHOLE, "As started", "as started"), (TEXT, "No limit", "no limit")):
        await page("click", selector=f"{row} button[aria-expanded]:nth-of-type(2)")
        await page("click", selector=f"{row} form button:has-text('{button}')")
        await page("until", selector=f"{row} .small", text=words)
    held = (await ask(one, QUEUE))["queue"]
    assert (held["concurrency"], held["analyzers"][0]["limit"]) == (None, None)
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []


@needs_a_browser
async def test_levels_workers_storage_and_health_are_those_of_the_api(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    batch = await submit(one, "half", [f"Text number {n}." for n in range(20)], hold=hold)
    page = await open_page(one, path="/queue")
    await page("until", selector="table.workers .busy", text="1 of 2 slots busy")
    await page("until", selector="table.workers .current a")
    await page("until", selector="#levels .legend", text="queued 9running 1")
    await page("until", selector="table.depths tbody tr", text="9")
    state = await ask(one, SERVER)
    instances = sorted(worker["instance"] for worker in state["metrics"]["workers"])
    assert sorted(await page("texts", selector="table.workers th bdi")) == instances
    names = [component["name"].replace("_", " ").capitalize() for component in state["health"]["components"]]
    assert await page("texts", selector="#health .components b") == names
    storage = state["metrics"]["storage"]
    await page("until", selector="#storage div:has(dt:text-is('Analyses')) dd", text=f"{storage['analyses']:,}")

    # The history has the level, and the page shows it, also in the table and after a change of the range.
    async def has_level() -> bool:
        await page("click", selector="#levels button[aria-expanded=true], #levels button[aria-expanded=false]")
        cells = await page("texts", selector="#levels tbody td")
        return "9" in cells[0::2] and "1" in cells[1::2]

    await support.until(has_level, what="the level in the table")
    await page("click", selector=".seg a:has-text('24 h')")
    await page("untilAddress", address="/queue?range=24h")
    await page("reload")
    assert await page("until", selector=".seg a[aria-current]") == "24 h"
    await page("until", selector="#levels .legend", text="queued 9running 1")
    await page("until", selector="#times .legend", text="waiting")
    for width in (320, 390, 800, 1120, 1920):
        await page("look", width=width)
        assert await page("overflow") <= 0, width
    await page("look")
    await page("click", selector="table.workers .current a")
    await page("untilAddress", address=f"/analyses/{await current(one, batch)}")
    hold.let_go()
    assert (await page("record"))["errors"] == []


RUNNING = "query ($id: ID!) { batch(id: $id) { results(first: 1, status: [RUNNING]) { nodes { id } } } }"


async def current(server: support.Server, batch: str) -> str:
    """Return the running item."""
    [item] = (await ask(server, RUNNING, id=batch))["batch"]["results"]["nodes"]
    return str(item["id"])
