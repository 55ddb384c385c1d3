"""The list of analyses and the page of one: filter, address, pages, live rows, selection, retry and cancel."""

from __future__ import annotations

import csv
import json
from collections.abc import Awaitable, Callable
from io import StringIO

from tests import support
from tests.pages.live_page import HOSTILE, Page, ask, needs_a_browser, settled, submit

SUBMIT = """
mutation ($text: String!) { submitAnalysis(input: {request: {text: {text: $text}}}) { analysis { id } } }
"""
PAUSE = "mutation { pauseQueue(input: {}) { queue { paused } } }"
RESUME = "mutation { resumeQueue(input: {}) { queue { paused } } }"
STATES = "query ($id: ID!) { batch(id: $id) { results(first: 100) { nodes { id key status attempt } } } }"

ROWS = ".sheet tbody tr"


async def submit_one(server: support.Server, text: str) -> str:
    return str((await ask(server, SUBMIT, text=text))["submitAnalysis"]["analysis"]["id"])


@needs_a_browser
async def test_the_address_holds_filter_and_page_and_back_restores_them(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, f"many {HOSTILE}", ["" if n < 3 else f"Text number {n}." for n in range(120)])
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 50 of 120")
    assert await page("count", selector=ROWS) == 50
    assert await page("until", selector=f"{ROWS} .name") == f"many {HOSTILE} 119"
    await page("click", selector=".foot a:has-text('Older')")
    await page("until", selector=".foot", text="51 to 100 of 120")
    await page("reload")
    await page("until", selector=".foot", text="51 to 100 of 120")
    await page("click", selector=".foot a:has-text('Older')")
    await page("until", selector=".foot", text="101 to 120 of 120")
    assert await page("count", selector=".foot a") == 1
    await page("click", selector=".foot a:has-text('Newer')")
    await page("until", selector=".foot", text="51 to 100 of 120")
    await page("click", selector=".foot a:has-text('Newer')")
    await page("untilAddress", address="/analyses")

    # A tab, then a text: typing replaces the address, so that Back leads to the tab before.
    await page("click", selector=".tabs a:has-text('Failed')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("until", selector=".tabs a[aria-current=page] b", text="3")
    await page("fill", selector=".filters .box input", text="no such text")
    await page("until", selector=".blank", text="No analysis matches.")
    assert await page("address") == "/analyses?status=FAILED&q=no+such+text"
    await page("back")
    await page("until", selector=".foot", text="1 to 50 of 120")
    assert await page("value", selector=".filters .box input") == ""

    # A link to a row, and back to it.
    await page("click", selector=".tabs a:has-text('Failed')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("check", selector=f"{ROWS}:nth-child(3) input")
    await page("click", selector=f"{ROWS}:nth-child(2) .name")
    await page("until", selector="h1:focus", text="Failed")
    assert await page("texts", selector=".actions > button:not(.icon-button)") == []  # a refused input can't be retried
    await page("back")
    await page("untilAddress", address="/analyses?status=FAILED")
    await page("until", selector=f"{ROWS}:nth-child(2) .name:focus")
    await page("until", selector=f"{ROWS}:nth-child(3)[aria-selected=true]")

    # Several conditions from a link.
    await page("open", path=f"/analyses?analyzer=text&range=24h&batch={batch}&status=COMPLETED&q=number+7")
    await page("until", selector=".foot", text="of 21")  # each number with a 7
    await page("until", selector=".tabs a:has-text('Completed') b", text="21")
    await page("until", selector=".tabs a:has-text('Failed') b", text="0")
    tokens = await page("texts", selector=".token")
    assert tokens == ["Created last 24 h", "Analyzer text", f"Batch …{batch[-8:]}"]
    await page("click", selector=".token:has-text('Batch')")
    await page("untilAddress", address="/analyses?analyzer=text&range=24h&status=COMPLETED&q=number+7")

    # The panel adds conditions, one of them an exclusion.
    await page("click", selector=".filters .add")
    await page("until", selector=".menu:popover-open")
    await page("select", selector=".menu select:has(option:text-is('not text'))", value="not text")
    await page("untilAddress", address="/analyses?range=24h&status=COMPLETED&q=number+7&not.analyzer=text")
    await page("until", selector=".blank", text="No analysis matches.")
    await page("until", selector=".token", text="Analyzer not text")
    await page.accessible()
    await page("open", path="/analyses?order=created")
    await page("until", selector=f"{ROWS}:first-child .name", text=f"many {HOSTILE} 0")
    await page("click", selector=".foot a:has-text('Next')")
    await page("until", selector=".foot", text="51 to 100 of 120")
    await page("click", selector=".sheet th[aria-sort=ascending] a:has-text('Created')")
    await page("untilAddress", address="/analyses")
    await page("until", selector=f"{ROWS}:first-child .name", text=f"many {HOSTILE} 119")
    await page("open", path=f"/analyses?status=FAILED&key=many {HOSTILE} 2")
    await page("until", selector=".foot", text="1 to 1 of 1")
    await page("open", path="/analyses?code=INPUT_UNREADABLE&not.key=1")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("until", selector=".token", text="Error input unreadable")
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []
    assert record["foreign"] == []


@needs_a_browser
async def test_rows_are_live_in_their_place_and_new_ones_wait(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await ask(one, PAUSE)
    await settled(one)
    page = await open_page(one, path="/analyses")
    await page("until", selector=".blank", text="No analysis yet.")
    first = await submit_one(one, "The first one is lovely.")
    await page("until", selector=f'tr[data-id="{first}"][data-status=QUEUED]')
    second = await submit_one(one, "The second one.")
    await page("until", selector=f'{ROWS}:first-child[data-id="{second}"]')
    await page("until", selector=".banner[data-kind=paused]", text="The queue is paused since")

    # While the pointer is in the table, a new row waits behind a button.
    await page("hover", selector=f'tr[data-id="{first}"]')
    third = await submit_one(one, "The third one.")
    assert await page("until", selector=".filters .new") == "1 new"
    assert await page("count", selector=ROWS) == 2
    await page("click", selector=".filters .new")
    await page("until", selector=f'{ROWS}:first-child[data-id="{third}"]')

    # The rows end in their place, also those that the filter no longer matches.
    await page("click", selector=".tabs a:has-text('Queued')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("click", selector=".banner button:has-text('Resume')")
    for place, row in enumerate((third, second, first), start=1):
        await page(
            "until",
            selector=f'{ROWS}:nth-child({place})[data-id="{row}"][data-status=COMPLETED].gone .out',
            text="words",
        )
    await page("gone", selector=".banner[data-kind=paused]")
    record = await page("record")
    assert record["errors"] == []
    assert len(record["sockets"]) == 1


@needs_a_browser
async def test_selected_analyses_are_canceled_and_retried(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await ask(one, PAUSE)
    await settled(one)
    batch = await submit(one, "to act on", [*(f"Text {n}." for n in range(12)), ""])
    page = await open_page(one, path="/analyses")
    await page("until", selector=".banner[data-kind=paused]")  # it moves the page down
    await page("until", selector=".foot", text="1 to 13 of 13")
    await page("check", selector=".sheet thead input")
    buttons = await page("texts", selector=".bulk button")
    assert buttons == ["Retry 0", "Cancel 12", "Download", "Delete…", ""]
    await page.accessible()

    # From ten on, the page asks first, with the numbers of a dry run.
    await page("click", selector=".bulk button:has-text('Cancel')")
    await page("until", selector="dialog.question h2", text="Cancel 12 of 13 analyses?")
    await page.accessible()
    await page("press", key="Escape")
    await page("gone", selector="dialog.question")
    states = (await ask(one, STATES, id=batch))["batch"]["results"]["nodes"]
    assert sorted(each["status"] for each in states) == ["FAILED"] + ["QUEUED"] * 12
    await page("click", selector=".bulk button:has-text('Cancel')")
    await page("click", selector="dialog.question button:has-text('Cancel 12 analyses')")
    await page("until", selector=".toasts li", text="Canceling 12 analyses.")
    for place in range(2, 14):
        await page("until", selector=f"{ROWS}:nth-child({place})[data-status=CANCELED]")
    states = (await ask(one, STATES, id=batch))["batch"]["results"]["nodes"]
    assert sorted(each["status"] for each in states) == ["CANCELED"] * 12 + ["FAILED"]

    # Two again, without a question; the refused one stays.
    await ask(one, RESUME)
    for place in (1, 2, 13):
        await page("check", selector=f"{ROWS}:nth-child({place}) input")
    await page("click", selector=".bulk button:has-text('Retry 2')")
    await page("until", selector=".toasts li", text="Retrying 2 analyses.")
    await page("until", selector=f"{ROWS}:nth-child(2)[data-status=COMPLETED]")
    await page("until", selector=f"{ROWS}:nth-child(13)[data-status=COMPLETED]")
    assert await page("count", selector=f"{ROWS}[data-status=FAILED]") == 1

    # By keys: the row with the focus.
    await page("press", key="j")
    await page("press", key="j")
    await page("press", key="j")
    await page("press", key="r")
    await page("until", selector=f"{ROWS}:nth-child(3)[data-status=COMPLETED]")

    # On the page of an analysis, the keys lead to its neighbors in the list, and Back to the row.
    await page("press", key="Enter")
    await page("until", selector=".crumbs", text="/ 3 of 13")
    await page("press", key="j")
    await page("until", selector=".crumbs", text="/ 4 of 13")
    await page("press", key="k")
    await page("until", selector=".crumbs", text="/ 3 of 13")
    await page("click", selector=".crumbs a")
    await page("untilAddress", address="/analyses")
    record = await page("record")
    assert record["errors"] == []


@needs_a_browser
async def test_views_columns_downloads_and_the_palette(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "kept", ["" if n < 3 else f"Text number {n}." for n in range(70)])
    page = await open_page(one)
    await page("open", path=f"/analyses?status=FAILED&batch={batch}")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("click", selector=".actions button:has-text('Views')")
    await page("fill", selector=".menu:popover-open .save input", text=f"refused {HOSTILE}")
    await page("click", selector=".menu:popover-open .save button")
    await page("until", selector=".menu:popover-open .entries a", text=f"refused {HOSTILE}")
    await page.accessible()
    await page("press", key="Escape")

    # The columns and the size of a page survive a reload.
    await page("click", selector=".actions button:has-text('Columns')")
    await page("check", selector=".menu:popover-open label:has-text('Priority') input")
    await page("until", selector=".sheet thead th", text="Priority")
    await page("press", key="Escape")
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 50 of 70")
    await page("select", selector=".foot .size", value="100")
    await page("until", selector=".foot", text="1 to 70 of 70")
    await page("reload")
    await page("until", selector=".foot", text="1 to 70 of 70")
    await page("until", selector=".sheet thead th", text="Priority")
    assert await page("count", selector=ROWS) == 70

    # The file of the list has the analyses of its filter.
    await page("open", path=f"/analyses?status=FAILED&batch={batch}")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("click", selector=".actions button:has-text('Download')")
    saved = await page("download", selector=".menu:popover-open a:has-text('JSON lines')")
    keys = [json.loads(line)["key"] for line in saved.splitlines()]
    assert keys == ["kept 2", "kept 1", "kept 0"]
    await page("check", selector=f"{ROWS}:nth-child(2) input")
    await page("click", selector=".bulk button:has-text('Download')")
    saved = await page("download", selector=".menu:popover-open a:has-text('JSON lines')")
    assert [json.loads(line)["key"] for line in saved.splitlines()] == ["kept 1"]
    id_ = json.loads(saved)["id"]
    await page("check", selector=f"{ROWS}:nth-child(3) input")
    await page("look", width=390, height=844)
    await page("click", selector=".bulk button:has-text('Download')")
    assert await page("axe") == []
    saved = await page("download", selector=".menu:popover-open a:has-text('CSV')")
    assert [row["key"] for row in csv.DictReader(StringIO(saved))] == ["kept 1", "kept 0"]
    await page("look")

    # The query leads to GraphiQL.
    await page("click", selector=".actions .icon-button")
    link = await page("attribute", selector=".menu:popover-open a:has-text('GraphiQL')", name="href")
    assert link.startswith(f"{one.url}#query=query%20Analyses")
    await page("press", key="Escape")

    # The palette finds a view, a key, the tail of an id that was seen, a page and a command.
    for typed, kind, address in (
        ("refused", "View", f"/analyses?status=FAILED&batch={batch}"),
        ("kept 69", "Analysis", None),
        (id_[-10:], "Analysis", f"/analyses/{id_}"),
        (batch, "Id", f"/batches/{batch}"),
        (batch.upper(), "keptId", f"/batches/{batch}"),
        ("queue", "QueuePage", "/queue"),
    ):
        await page("press", key="Control+k")
        await page("fill", selector=".palette input", text=typed)
        await page("until", selector=".palette li[aria-selected=true]", text=kind)
        await page("press", key="Enter")
        await page("gone", selector=".palette")
        if address:
            await page("untilAddress", address=address)
        else:
            await page("until", selector="h1", text=typed)
    # Its button is beside the search. It says which ids it finds.
    await page("click", selector=".palette-keys")
    await page.accessible()
    await page("fill", selector=".palette input", text="zzzzzz99")
    await page("until", selector=".palette > p", text="Nothing found. The server searches whole ids only")
    await page("fill", selector=".palette input", text="analysis_00000000000000000000000000")
    await page("until", selector=".palette > p", text="No object has this id.")
    # A pause has a reason.
    await page("fill", selector=".palette input", text="pause the")
    await page("until", selector=".palette li[aria-selected=true]", text="Pause the queue")
    await page("press", key="Enter")
    await page("fill", selector=".palette .pause input:focus", text="Backup.")
    await page.accessible()
    await page("press", key="Enter")
    await page("until", selector=".banner[data-kind=paused] bdi", text="Backup.")
    await page("gone", selector=".palette")
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []


@needs_a_browser
async def test_tags_lead_to_the_list_of_their_analyses(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    texts = ["The new camera is wonderful.", "The new camera is terrible.", "The old train is late again."]
    batch = await submit(one, "tagged", texts, ["LANGUAGE", "SENTIMENT"])
    page = await open_page(one, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    states = (await ask(one, STATES, id=batch))["batch"]["results"]["nodes"]
    await page("open", path=f"/analyses/{states[0]['id']}")
    await page("until", selector=".tags", text="english")
    await page("click", selector=".tags a:text-is('english')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    assert await page("address") == "/analyses?tag=english"
    assert await page("texts", selector=".filters .token") == ["Tags english"]

    # Both of two tags, typed into the panel.
    await page("click", selector=".filters .add")
    await page("fill", selector="label:has-text('Tags') input", text="english, positive")
    await page("press", key="Enter")
    await page("until", selector=".foot", text="1 to 1 of 1")
    assert await page("address") == "/analyses?tag=english,+positive"
    assert await page("texts", selector=f"{ROWS} .name") == ["tagged 0"]
    await page("open", path="/analyses?tag=english&not.tag=positive")
    await page("until", selector=".foot", text="1 to 2 of 2")
    assert await page("texts", selector=".filters .token") == ["Tags english", "Tags not positive"]
    await page("click", selector=".filters .token:has-text('not positive')")
    await page("until", selector=".foot", text="1 to 3 of 3")
    await page("open", path="/analyses?tag=nonesuch")
    await page("until", selector=".blank", text="No analysis matches.")
