"""The overview: its figures are those of the API, its range is in the address, its batches are live."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.pages.live_page import HOSTILE, Page, ask, needs_a_browser, settled, submit

HISTORY = """
{ history(range: LAST_15_MINUTES) { points { completed failed timedOut canceled queued } }
  errorGroups { fingerprint count message } }
"""
OUTCOMES = ("completed", "failed", "timedOut", "canceled")
PAUSE = "mutation { pauseQueue(input: {}) { queue { paused } } }"
RESUME = "mutation { resumeQueue(input: {}) { queue { paused } } }"
CANCEL = "mutation ($id: ID!) { cancelBatch(input: {id: $id}) { userErrors { message } } }"
SUBMIT = """
mutation ($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } userErrors { message } } }
"""
RETRY = "mutation ($id: ID!) { retryBatch(input: {id: $id}) { userErrors { message } } }"
STATUS = "query ($id: ID!) { batch(id: $id) { status } }"
FAILED = ".tile[data-tile=Failed]"


async def ends(server: support.Server) -> dict[str, int]:
    """Return the ended analyses of the last 15 minutes by outcome."""
    points = (await ask(server, HISTORY))["history"]["points"]
    return {name: sum(point[name] or 0 for point in points) for name in OUTCOMES}


async def with_failures(server: support.Server) -> None:
    """Complete 20 analyses, and let 3 fail and 5 wait. Return when the history has all."""
    await submit(server, "first", ["", "", "", *(f"A lovely text, number {n}." for n in range(20))])
    expected = {"completed": 20, "failed": 3, "timedOut": 0, "canceled": 0}

    async def is_written() -> bool:
        return await ends(server) == expected

    await support.until(is_written, what="the ends in the history")
    await ask(server, PAUSE)
    await settled(server)
    await submit(server, "waiting", [f"Waiting text {n}." for n in range(5)])

    async def is_level_written() -> bool:
        points = (await ask(server, HISTORY))["history"]["points"]
        levels = [point["queued"] for point in points if point["queued"] is not None]
        return bool(levels) and levels[-1] == 5

    await support.until(is_level_written, what="the level in the history")


def column(cells: list[str], number: int, of: int) -> int:
    """Return the sum of a column of a chart's table."""
    return sum(int(cell.replace(",", "")) for cell in cells[number::of] if cell != "unknown")


@needs_a_browser
async def test_the_figures_are_those_of_the_api_from_the_first_drawing_on(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await with_failures(one)
    page = await open_page(one)
    # The first drawing of the chart has the past.
    assert "completed 20failed 3timed out 0canceled 0" in await page("until", selector="#done .legend")
    assert await page("until", selector=f"{FAILED} .small") == "in 15 min; 13 % of 23 ends failed"
    await page("until", selector=f"{FAILED} b", text="3")
    await page("until", selector=".tile[data-tile=Queued] b", text="5")
    await page("until", selector=".tile[data-tile=Queued] .small", text=", paused")
    await page("until", selector=".tile[data-tile=Running] b", text="0")
    await page("until", selector=".tile[data-tile='Done a second'] .small", text="at most")
    assert await page("count", selector=".tile .sparkline path") == 4
    await page("until", selector="#workers li:first-child .line", text="worker, 0 of ")
    await page("until", selector=".instance .line", text="this server, 1 viewer")
    await page("until", selector="#health .lines", text="Queue: ")  # a pause is a finding

    # The same figures as a table.
    await page("click", selector="#done button:has-text('Show as table')")
    cells = await page("texts", selector="#done tbody td")
    assert [column(cells, number, 4) for number in range(4)] == [20, 3, 0, 0]
    await page.accessible()

    # Each group of errors leads to its analyses, and the number to the failed ones.
    [group] = (await ask(one, HISTORY))["errorGroups"]
    assert group["count"] == 3
    link = f"#attention li[data-error='{group['fingerprint']}'] a.name"
    assert await page("until", selector=link) == group["message"]
    await page("until", selector="#attention li p", text="3 analyses of text, input unreadable, last")
    target = f"/dashboard/analyses?error={group['fingerprint']}&ended=15min&status=FAILED"
    assert await page("attribute", selector=link, name="href") == target
    await page("click", selector=f"{FAILED} a")
    await page("untilAddress", address="/analyses?status=FAILED&ended=15min")
    await page("until", selector=".foot", text="1 to 3 of 3")

    # The history outlives the server.
    await one.restart(kill=True)
    later = await open_page(one)
    await later("until", selector="#done .legend", text="completed 20")
    await later("until", selector=f"{FAILED} b", text="3")
    for each in (page, later):
        assert [
            error for error in (await each("record"))["errors"] if "WebSocket" not in error and "ERR_" not in error
        ] == []


@needs_a_browser
async def test_the_range_is_in_the_address(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await with_failures(one)
    page = await open_page(one)
    assert await page("until", selector=".seg a[aria-current]") == "15 min"
    for words, name, step in (("24 h", "24h", "5 min"), ("30 d", "30d", "2 h")):
        await page("click", selector=f".seg a:has-text('{words}')")
        await page("untilAddress", address=f"/?range={name}")
        await page("until", selector=f"{FAILED} .small", text=f"in {words}; 13 % of 23 ends failed")
        await page("until", selector=".tile[data-tile='Done a second'] .small", text=f" averaged over {step}")
        await page("reload")
        assert await page("until", selector=".seg a[aria-current]") == words
        assert "completed 20" in await page("until", selector="#done .legend")
        assert await page("address") == f"/?range={name}"
        await page("until", selector="#attention li p", text="3 analyses of text")
        target = f"/dashboard/analyses?status=FAILED&ended={name}"
        await page("until", selector=f"{FAILED} a", text="3")
        assert await page("attribute", selector=f"{FAILED} a", name="href") == target
    await page("back")
    await page("untilAddress", address="/?range=24h")
    await page("until", selector=f"{FAILED} .small", text="in 24 h; 13 % of 23 ends failed")
    for width in (320, 390, 800, 1120, 1920):
        await page("look", width=width)
        assert await page("overflow") <= 0, width
    record = await page("record")
    assert record["errors"] == []
    assert record["foreign"] == []


@needs_a_browser
async def test_batches_are_followed_from_their_submission_and_retried(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await page("until", selector="#batches .blank", text="No batch yet")
    await ask(one, PAUSE)
    await settled(one)
    first = await submit(one, f"first {HOSTILE}", ["One.", "Two.", "Three."])  # it has no event yet
    row = f".of-batch[data-id='{first}']"
    await page("until", selector=f"{row}[data-status=QUEUED] .summary", text="3 queued")
    await ask(one, CANCEL, id=first)
    await page("until", selector=f"{row}[data-status=CANCELED] .summary", text="3 canceled")
    await page("until", selector=f"{row} .push", text="3 / 3")
    second = await submit(one, "second", ["Four.", ""])
    await page("until", selector=f".of-batch:first-child[data-id='{second}'][data-status=QUEUED]")
    # The rail has the same number.
    await page("until", selector="#batches header a", text="1 in work")
    assert await page("texts", selector="#batches header a") == ["1 in work", "All 2"]
    await page("until", selector=".rail a:has-text('Batches') .count", text="1")
    await page.accessible()

    await ask(one, RESUME)
    await page(
        "until", selector=f".of-batch[data-id='{second}'][data-status=COMPLETED] .summary", text="1 completed, 1 failed"
    )
    assert await page("count", selector=f".of-batch[data-id='{second}'] button") == 0  # the refused one stays refused
    await page("click", selector=f"{row} button:has-text('Retry 3')")
    await page("until", selector=".toasts li", text="Queued again: 3 items.")
    await page("until", selector=f"{row}[data-status=COMPLETED] .summary", text="3 completed")

    # By keys, which can be turned off.
    await page("click", selector="h1")
    for key, named in (("j", "second"), ("j", f"first {HOSTILE}"), ("j", f"first {HOSTILE}"), ("k", "second")):
        await page("press", key=key)
        assert await page("focused") == named
    await page("press", key="?")
    await page("until", selector="dialog.keys[open] kbd", text="j")
    await page.accessible()
    await page("click", selector="dialog.keys label")
    await page("press", key="Escape")
    await page("press", key="j")
    assert await page("focused") != f"first {HOSTILE}"
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []
    assert len(record["sockets"]) == 1


@needs_a_browser
async def test_a_retry_of_many_items_is_a_question_and_reported(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    await ask(one, PAUSE)
    batch = await submit(one, "many", [f"Text {n}." for n in range(12)])
    await ask(one, CANCEL, id=batch)
    page = await open_page(one)
    await page("until", selector=".banner[data-kind=paused]")  # it moves the page down
    retry = f".of-batch[data-id='{batch}'] button:has-text('Retry 12')"
    await page("click", selector=retry)
    await page("until", selector="dialog.question h2", text="Retry 12 items?")
    await page.accessible()
    await page("press", key="Escape")
    await page("gone", selector="dialog.question")
    assert (await ask(one, STATUS, id=batch))["batch"]["status"] == "CANCELED"

    await page("click", selector=retry)
    await page("click", selector="dialog.question button:has-text('Retry 12 items')")
    await page("until", selector=".toasts li", text="Queued again: 12 items.")
    # In a paused queue, no end is promised.
    await page("until", selector=f".of-batch[data-id='{batch}'][data-status=QUEUED] .summary", text="12 queued; paused")
    await page("gone", selector=retry)

    # A refusal appears beside the button.
    await ask(one, CANCEL, id=batch)
    await page("until", selector=retry)
    await one.kill()
    await page("until", selector=".banner[data-kind=disconnected]")
    await page("click", selector=retry)
    await page("click", selector="dialog.question button:has-text('Retry 12 items')")
    await page("until", selector=f".of-batch[data-id='{batch}'] .refusal", text="nothing was sent")


FAILING = '''
from analyzers.base import Analyzer, Job, Request, Result
from pydantic import Field


class FailingRequest(Request):
    """The name of a station."""

    text: str = Field(description="The name.")


class FailingResult(Result):
    """A result without fields of its own."""


def run(request: FailingRequest, job: Job) -> FailingResult:
    raise ValueError(f"the station {request.text} does not answer")


FAILING = Analyzer(
    name="failing", version="1", description="Fails.", request=FailingRequest, result=FailingResult, run=run
)
'''
STATIONS = ("north", "south", "east", "west", "harbor", "airport", "castle")
DAY = 23 * 3_600 * 1_000_000


@needs_a_browser
async def test_failures_of_the_range_are_those_that_ended_in_it_and_each_analysis_counts_once(
    server: Callable[..., Awaitable[support.Server]],
    open_page: Callable[..., Awaitable[Page]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(support.install_analyzer(tmp_path, "failing", FAILING)))
    one = await server()
    items: list[dict[str, Any]] = [{"key": name, "request": {"failing": {"text": name}}} for name in STATIONS]
    given = {"name": "stations", "items": items, "maxAttempts": 1, "waitSeconds": 60}
    batch = str((await ask(one, SUBMIT, input=given))["batchProcess"]["batch"]["id"])

    async def all_failed(times: int) -> None:
        expected = {"completed": 0, "failed": times * len(STATIONS), "timedOut": 0, "canceled": 0}

        async def is_written() -> bool:
            return await ends(one) == expected

        await support.until(is_written, what="the ends in the history")

    await all_failed(1)
    await ask(one, RETRY, id=batch)
    await all_failed(2)
    with sqlite3.connect(one.data_dir / "assay.db", timeout=60) as database:
        database.execute(f"UPDATE analysis SET created_at = created_at - {DAY}")
    database.close()

    page = await open_page(one)
    await page("until", selector=f"{FAILED} .small", text="in 15 min; 100 % of 14 ends failed")
    await page("until", selector=f"{FAILED} b", text="7")
    target = "/dashboard/analyses?status=FAILED&ended=15min"
    assert await page("attribute", selector=f"{FAILED} a", name="href") == target
    await page("until", selector="#attention li", text="All failures")
    links = "#attention .name"
    assert await page("count", selector=links) == 5
    assert "&ended=15min&" in await page("attribute", selector=links, name="href")
    target = "/dashboard/analyses?ended=15min&status=FAILED,TIMED_OUT"
    assert await page("attribute", selector="#attention a:has-text('All failures')", name="href") == target
    await page.accessible()
    await page("click", selector="#attention a:has-text('All failures')")
    await page("until", selector=".foot", text="1 to 7 of 7")
    record = await page("record")
    assert record["errors"] == []


@needs_a_browser
async def test_a_hidden_tab_asks_for_no_figures_and_follows_the_log(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)

    async def subscribed(*names: str) -> None:
        async def are_open() -> bool:
            record: dict[str, Any] = await page("record")
            return sorted(record["open"]) == sorted(names)

        await support.until(are_open, what=f"only {names} to be open")

    figures = ("DashboardMetrics", "DashboardHealth")
    await subscribed("DashboardEvents", *figures)
    await page("hide", isHidden=True)
    await subscribed("DashboardEvents")
    batch = await submit(one, "behind the scenes", ["One."])
    await page("until", selector=f".of-batch[data-id='{batch}'][data-status=COMPLETED]")
    await page("hide", isHidden=False)
    await subscribed("DashboardEvents", *figures)
    await page("until", selector=".pill[data-state=live]")
    await page("until", selector=".tile[data-tile=Queued] b", text="0")
    record = await page("record")
    assert record["errors"] == []
    assert len(record["sockets"]) == 1
