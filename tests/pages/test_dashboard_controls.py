"""What is done from the live page, beside a text and a batch: the queue is held, many texts are submitted, keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests import support
from tests.pages.live_page import HOSTILE, Page, ask, counts, needs_a_browser, submit

QUEUE = "{ queue { paused analyzers { analyzer paused } } }"


@needs_a_browser
async def test_the_queue_is_paused_and_resumed(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    whole, text = '.holds li[data-analyzer=""]', ".holds li[data-analyzer=text]"
    await page("until", selector=f"{whole}[data-paused=false]")
    await page("click", selector=f"{whole} button")
    await page("until", selector=f"{whole}[data-paused=true] .note", text="Paused.")
    await page("click", selector=f"{text} button")
    await page("until", selector=f"{text}[data-paused=true] .note", text="Paused.")
    held = (await ask(one, QUEUE))["queue"]
    assert held == {"paused": True, "analyzers": [{"analyzer": "text", "paused": True}]}

    batch = await submit(one, "held", ["One.", "Two.", "Three."])
    waiting = await page("until", selector="table.depths tbody tr")
    assert waiting.startswith("53")  # priority 5, three of them
    row = await page("batch", id=batch)
    assert row["status"] == "QUEUED"
    await page.accessible()

    # What another administrator does is seen here too.
    await ask(one, "mutation { resumeQueue(input: {}) { queue { paused } } }")
    await page("until", selector=f"{whole}[data-paused=false]")
    assert (await page("batch", id=batch))["status"] == "QUEUED"
    await page("click", selector=f"{text} button")
    ended = await page("untilBatch", id=batch, status="COMPLETED")
    assert ended["counts"] == await counts(one, batch)
    assert (await ask(one, QUEUE))["queue"] == {"paused": False, "analyzers": [{"analyzer": "text", "paused": False}]}


@needs_a_browser
async def test_texts_are_submitted_one_a_line_and_keys_move(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await page("press", key="/")
    assert await page("attribute", selector=":focus", name="id") == "submit-text"
    await page("fill", selector="#submit-text", text=f"A lovely day.\n\n{HOSTILE}\n   \nשלום, 世界!\n")
    await page("click", selector=".by-line")
    await page("until", selector=".by-line", text="of 3 texts")
    await page("click", selector="#submit button[type=submit]")
    await page("until", selector="dialog.drawer table.items tbody tr:nth-child(3)")
    await page("press", key="Escape")
    await page("gone", selector="dialog.drawer")
    batches = (await ask(one, "{ batches { nodes { id totalItems results { nodes { inputText } } } } }"))["batches"]
    [batch] = batches["nodes"]
    assert [item["inputText"] for item in batch["results"]["nodes"]] == ["A lovely day.", HOSTILE, "שלום, 世界!"]
    await page("untilBatch", id=batch["id"], status="COMPLETED")

    later = await submit(one, "later", ["Four."])
    await page("untilBatch", id=later, status="COMPLETED")
    await page("click", selector="h1")
    for key, named in (("j", "later"), ("j", f"…{batch['id'][-8:]}"), ("j", f"…{batch['id'][-8:]}"), ("k", "later")):
        await page("press", key=key)
        assert await page("focused") == named
    await page("press", key="p")
    await page("until", selector="#feed button[aria-pressed=true]")

    await page("press", key="?")
    await page("until", selector="dialog.keys[open] kbd", text="j")
    await page.accessible()
    await page("click", selector="dialog.keys label")
    await page("press", key="Escape")
    await page("press", key="p")
    assert await page("attribute", selector="#feed button[aria-pressed]", name="aria-pressed") == "true"
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []
    assert record["foreign"] == []


SUBMIT = """
mutation { submitAnalysis(input: {request: {text: {text: "One."}}}) { analysis { id } } }
"""


@needs_a_browser
async def test_what_others_do_is_followed_to_its_end(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await page("until", selector="#batches .empty", text="No batch yet.")
    refused = await submit(one, "refused", ["", ""])
    row = await page("untilBatch", id=refused, status="COMPLETED")
    assert row["counts"] == {"processed": 0, "failed": 2, "canceled": 0, "timed out": 0}
    assert await page("texts", selector="li.batch .actions button") == []  # there is nothing to run again
    [item] = (await ask(one, "query ($id: ID!) { batch(id: $id) { results(first: 1) { nodes { id } } } }", id=refused))[
        "batch"
    ]["results"]["nodes"]
    await page("open", hash=f"#/analysis/{item['id']}")
    await page("until", selector="dialog.drawer .failure")
    assert await page("texts", selector="dialog.drawer .actions button") == []

    await ask(one, "mutation { pauseQueue(input: {}) { queue { paused } } }")
    id_ = (await ask(one, SUBMIT))["submitAnalysis"]["analysis"]["id"]
    await page("open", hash=f"#/analysis/{id_}")
    await page("until", selector="dialog.drawer .subtitle", text="Queued")
    await ask(one, f'mutation {{ cancelAnalysis(input: {{id: "{id_}"}}) {{ analysis {{ status }} }} }}')
    await page("until", selector="dialog.drawer .actions button", text="Retry")
    await ask(one, "mutation { resumeQueue(input: {}) { queue { paused } } }")
    await ask(one, f'mutation {{ retryAnalysis(input: {{id: "{id_}"}}) {{ analysis {{ status }} }} }}')
    await page("until", selector="dialog.drawer .subtitle", text="Completed")
    assert await page("texts", selector="dialog.drawer .actions button") == []


@needs_a_browser
async def test_a_feed_that_is_paused_stays_so_while_its_filter_changes(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    before = await submit(one, "before", ["One."])
    await page("until", selector="#feed li .status", text="Batch completed")
    seen = await page("texts", selector="#feed li a")
    button = "#feed button[aria-pressed]"
    await page("click", selector=button)
    behind = await submit(one, "behind", ["Two."])
    await page("untilBatch", id=behind, status="COMPLETED")
    await page("until", selector=button, text="new)")
    await page("click", selector="#feed summary")
    await page("click", selector='#feed label:has-text("Batch completed")')
    await page("gone", selector='#feed li .status:has-text("Batch completed")')
    assert await page("attribute", selector=button, name="aria-pressed") == "true"
    shown = await page("texts", selector="#feed li a")
    assert len(shown) == len(seen) - 1
    assert set(shown) == set(seen)
    await page("click", selector=button)
    await page("until", selector="#feed li a", text=behind[-8:])
    assert "Batch completed" not in await page("texts", selector="#feed li .status")
    assert f"…{before[-8:]}" in await page("texts", selector="#feed li a")
