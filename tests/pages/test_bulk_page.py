"""Actions on many analyses: on all of a filter, the page of an action, and all failures like one."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.pages.live_page import Page, ask, needs_a_browser, settled, submit

PAUSE = "mutation { pauseQueue(input: {}) { queue { paused } } }"
STATES = "query ($id: ID!) { batch(id: $id) { results(first: 100) { nodes { status attempt } } } }"
RETRY = """
mutation ($id: ID!) {
  runBulkAction(input: { kind: RETRY, filter: { batchId: $id } }) { action { id } userErrors { message } }
}
"""
STATUS = "query ($id: ID!) { node(id: $id) { ... on BulkAction { status done } } }"
BATCH = """
mutation ($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } userErrors { message } } }
"""
ROWS = ".sheet tbody tr"


async def statuses(server: support.Server, batch: str) -> list[str]:
    return [each["status"] for each in (await ask(server, STATES, id=batch))["batch"]["results"]["nodes"]]


@needs_a_browser
async def test_all_of_a_filter_are_canceled_and_deleted(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    await ask(one, PAUSE)
    await settled(one)
    batch = await submit(one, "many", [f"Text {n}." for n in range(60)])
    other = await submit(one, "other", ["One."])
    page = await open_page(one, path=f"/analyses?batch={batch}")
    await page("until", selector=".banner[data-kind=paused]")  # it moves the page down
    await page("until", selector=".foot", text="1 to 50 of 60")
    await page("check", selector=f"{ROWS}:nth-child(1) input")
    await page("until", selector=".bulk .of", text="of 60 in batch")
    await page("click", selector=".bulk button:has-text('Select all 60')")
    await page("until", selector=".bulk b", text="All 60 selected")
    # Another selection ends that of all.
    await page("check", selector=f"{ROWS}:nth-child(2) input")
    await page("until", selector=".bulk b", text="2 selected")
    await page("click", selector=".bulk button:has-text('Select all 60')")
    await page("until", selector=".bulk b", text="All 60 selected")
    await page("click", selector=".bulk button:has-text('Cancel…')")
    await page("until", selector="dialog.question h2", text="Cancel 60 of 60 analyses?")
    await page("click", selector="dialog.question button:has-text('Cancel 60 analyses')")
    link = await page("attribute", selector=".toasts a", name="href")
    await page("open", path=f"/bulk/{link.rsplit('/', 1)[1]}")
    await page("until", selector="[data-status=COMPLETED] h1", text="Canceled 60 analyses")
    target = f"/dashboard/analyses?batch={batch}"
    assert (await page("attribute", selector=".action a", name="href")) == target
    assert await page("texts", selector=".action dd") == ["60", "0", "0"]
    await page.accessible()
    await page("look", width=390, height=844)
    assert await page("axe") == []
    assert await page("overflow") <= 0
    await page("look")
    assert await statuses(one, batch) == ["CANCELED"] * 60
    assert await statuses(one, other) == ["QUEUED"]

    # Deleting always asks. The number that is already open is not deleted.
    await page("open", path="/analyses")
    await page("until", selector=".foot", text="1 to 50 of 61")
    await page("check", selector=".sheet thead input")
    await page("click", selector=".bulk button:has-text('Select all 61')")
    await page("click", selector=".bulk button:has-text('Delete…')")
    await page("until", selector="dialog.question h2", text="Delete 60 of 61 analyses?")
    await page("click", selector="dialog.question button:has-text('Delete 60 analyses')")
    await page("until", selector=".foot", text="1 to 1 of 1")
    assert await statuses(one, batch) == []
    assert await statuses(one, other) == ["QUEUED"]
    record = await page("record")
    assert record["errors"] == []


@needs_a_browser
async def test_a_running_action_is_stopped_on_its_page(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    batch = await submit(one, "done", ["One."])
    action = (await ask(one, RETRY, id=batch))["runBulkAction"]["action"]["id"]

    async def completed() -> bool:
        return bool((await ask(one, STATUS, id=action))["node"]["status"] == "COMPLETED")

    await support.until(completed)
    # An action of another keeper without a sign of life is not taken over.
    running = f"{action[:-1]}{'0' if action[-1] != '0' else '1'}"
    with sqlite3.connect(one.data_dir / "assay.db") as database:
        database.execute(
            """
            INSERT INTO bulk_action (id, workspace, kind, status, matched, eligible, done, refused, reached, created_at,
              lease)
            SELECT ?, workspace, 'RETRY', 'RUNNING', 1000, 1000, 400, 100, '', created_at, 'lease_of_another'
            FROM bulk_action WHERE id = ?
            """,
            (running, action),
        )
    database.close()
    page = await open_page(one, path=f"/bulk/{running}")
    await page("until", selector="[data-status=RUNNING] h1", text="Retrying 1,000 analyses")
    assert await page("texts", selector=".action dd") == ["400", "500", "100"]
    await page.accessible()
    await page("click", selector=".actions button:has-text('Stop')")
    await page("until", selector="[data-status=STOPPED] h1", text="Retried 400 analyses")
    await page("gone", selector=".actions button:has-text('Stop')")
    assert (await ask(one, STATUS, id=running))["node"] == {"status": "STOPPED", "done": 400}
    await page("open", path="/bulk/bulk_00000000000000000000000000")
    await page("until", selector=".blank", text="There is no such action.")
    record = await page("record")
    assert record["errors"] == []


BOOM = '''
from pathlib import Path

from analyzers.base import Analyzer, Job, Request, Result
from pydantic import Field


class BoomRequest(Request):
    """The file without which a text fails."""

    text: str = Field(description="The path of a file, and a number.")


class BoomResult(Result):
    """A result without fields of its own."""


def run(request: BoomRequest, job: Job) -> BoomResult:
    path, number = request.text.rsplit(" ", 1)
    if not Path(path).exists():
        raise ValueError(f"the station {number} does not answer")
    return BoomResult(summary="It answers again.")


BOOM = Analyzer(name="boom", version="1", description="Fails.", request=BoomRequest, result=BoomResult, run=run)
'''
DAY = 23 * 3_600 * 1_000_000


@needs_a_browser
async def test_yesterdays_failures_are_found_understood_and_retried_in_six_taps(
    server: Callable[..., Awaitable[support.Server]],
    open_page: Callable[..., Awaitable[Page]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(support.install_analyzer(tmp_path, "boom", BOOM)))
    one = await server()
    repaired = tmp_path / "repaired"
    items: list[dict[str, Any]] = [
        {"key": f"reading {n}", "request": {"boom": {"text": f"{repaired} {n}"}}} for n in range(14)
    ]
    given = {"name": "stations", "items": items, "maxAttempts": 1, "waitSeconds": 60}
    batch = str((await ask(one, BATCH, input=given))["batchProcess"]["batch"]["id"])
    await support.until(lambda: _are(one, batch, "FAILED"))
    with sqlite3.connect(one.data_dir / "assay.db") as database:
        for column in ("created_at", "started_at", "finished_at", "updated_at"):
            database.execute(f"UPDATE analysis SET {column} = {column} - {DAY}")
    database.close()
    for n in range(3):
        await submit(one, f"today {n}", ["A lovely day.", "A calm day."])
    page = await open_page(one)
    await page("look", width=390, height=844)
    repaired.touch()
    taps = 0

    async def tap(selector: str) -> None:
        nonlocal taps
        await page("click", selector=selector)
        taps += 1

    # From the overview to yesterday's failures.
    await tap('nav[aria-label="Range"] a:has-text("24 h")')
    await tap("#attention .name:has-text('does not answer')")
    await page("until", selector=f"{ROWS}:first-child .when", text="23 h ago")
    await tap(f"{ROWS}:first-child .name")
    await page("until", selector=".failure .reason", text="the station 13 does not answer")
    await page("until", selector=".failure", text="Retry all 14 like it")
    assert await page("axe") == []
    await tap(".failure button:has-text('Retry all 14 like it')")
    await page("until", selector="dialog.question h2", text="Retry 14 of 14 analyses with this error, of any age?")
    await tap("dialog.question button:has-text('Retry 14 analyses')")
    assert taps <= 6
    await page("until", selector="[data-status=COMPLETED] .result .summary", text="It answers again.")
    await support.until(lambda: _are(one, batch, "COMPLETED"))
    record = await page("record")
    assert record["errors"] == []


async def _are(server: support.Server, batch: str, status: str) -> bool:
    return await statuses(server, batch) == [status] * 14
