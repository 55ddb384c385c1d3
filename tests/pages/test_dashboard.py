"""The live page: its headers and assets, a current build, and in Chromium the same figures as in the database."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests import support
from tests.hold import Hold
from tests.pages.live_page import (
    EVERYTHING,
    FAILED,
    HOSTILE,
    LONG,
    Page,
    ask,
    counts,
    cursors,
    needs_a_browser,
    submit,
)
from web.pages import PAGES, dashboard_routes

CHECK = support.ROOT / "pages" / "dashboard" / "check.mjs"
BUILD = PAGES / "dashboard"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=dashboard_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://assay") as client:
        yield client


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/"])
async def test_the_page_is_revalidated_and_has_a_strict_policy(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.content == (BUILD / "index.html").read_bytes()
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


async def test_every_asset_is_served_as_immutable(http: httpx.AsyncClient) -> None:
    assets = sorted((BUILD / "assets").iterdir())
    assert assets
    for path in assets:
        answer = await http.get(f"/dashboard/assets/{path.name}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"].split(";")[0] in ("text/javascript", "text/css")


@pytest.mark.parametrize("path", ["assets/../index.html", "assets/none.js", "assets/", "none"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(f"/dashboard/{path}")).status_code == 404


def test_the_page_loads_only_files_of_the_build() -> None:
    page = (BUILD / "index.html").read_text()
    loaded = {url for url in re.findall(r'(?:src|href)="([^"]+)"', page) if not url.startswith("data:")}
    assert loaded
    assert loaded == {f"/dashboard/assets/{path.name}" for path in (BUILD / "assets").iterdir()}
    assert "<style" not in page
    assert not list(BUILD.rglob("*.map"))


@pytest.mark.needs("node")
@pytest.mark.timeout(1800)  # a build takes most of a minute of CPU
def test_the_build_is_fresh_and_its_operations_are_valid() -> None:
    assert "up to date" in support.run("node", CHECK, timeout=1500)


@needs_a_browser
async def test_a_batch_of_five_hundred_is_watched_to_its_end(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one)
    await page("until", selector="#batches .empty", text="No batch yet")
    texts = ["" if n == 7 else HOSTILE if n == 8 else f"Text number {n} is a good one. {LONG}" for n in range(500)]
    batch = await submit(one, f"five hundred {HOSTILE}", texts, EVERYTHING, hold=hold)

    await page("until", selector=f'li.batch[data-id="{batch}"] [data-count=processed]', text="249")
    running = await page("untilBatch", id=batch, status="RUNNING")
    assert running["counts"] | await counts(one, batch) == running["counts"]
    assert running["label"] == f"five hundred {HOSTILE}: 250 of 500 items ended"
    assert "ETA" in running["pace"]
    await page("until", selector="table.workers .busy", text="1 of 2 slots busy")
    await page("until", selector="table.workers .current a")
    hold.let_go()
    ended = await page("untilBatch", id=batch, status="COMPLETED")
    in_database = await counts(one, batch)
    assert in_database == {"processed": 499, "failed": 1, "canceled": 0, "timed out": 0}
    assert ended["counts"] == in_database
    assert ended["fraction"] == 1
    assert ended["label"] == f"five hundred {HOSTILE}: 500 of 500 items ended"
    assert await page("texts", selector="li.batch .batch-name") == [f"five hundred {HOSTILE}"]

    # The page has all events, in order.
    log = await cursors(one)
    await page("untilEvents", count=len(log))
    assert [event["cursor"] for event in await page("events")] == log

    await page.accessible()
    await page("look", width=360, height=740)
    assert await page("overflow") == 0
    await page("look")

    # The failed item shows its error; a hostile text is shown as text.
    failed = (await ask(one, FAILED, id=batch))["batch"]["results"]["nodes"][0]
    await page("click", selector=".batch-name")
    await page("until", selector="table.items tbody tr")
    assert len(await page("texts", selector="table.items tbody tr")) == 25
    await page("click", selector=".pager button:has-text('Next')")
    await page("until", selector=".pager", text="26 to 50 of 500")
    await page("select", selector=".items-head select", value="FAILED")
    await page("until", selector=".pager", text="1 to 1 of 1")
    await page("until", selector=f'tr[data-id="{failed["id"]}"] .is-error', text=failed["error"]["message"])
    assert len(await page("texts", selector="table.items tbody tr")) == 1
    await page.accessible()
    await page("click", selector="table.items tbody a")
    assert failed["error"]["message"] in await page("until", selector=".failure")
    await page("until", selector=".history .status", text="Failed")
    assert await page("focused") == "×"
    await page("press", key="Escape")
    await page("gone", selector="dialog.drawer")
    assert await page("focused") == f"five hundred {HOSTILE}"

    record = await page("record")
    assert record["foreign"] == []
    assert record["errors"] == []
    assert record["dialogs"] == []
    assert record["posts"] == 0
    assert record["sockets"] == [one.ws_url]


@needs_a_browser
async def test_the_page_matches_its_screenshot(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], tmp_path: Path
) -> None:
    """Take the screenshot. ASSAY_SCREENSHOTS=docs/screenshots replaces the one there, with ten times the items."""
    wanted = os.environ.get("ASSAY_SCREENSHOTS")
    folder, times = (support.ROOT / wanted, 10) if wanted else (tmp_path, 1)
    with (support.ROOT / "frontend-examples" / "python" / "texts.tsv").open(encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    one = await server()
    page = await open_page(one)
    first = await submit(one, "Product reviews", [*texts[: 30 * times], "", ""], EVERYTHING)
    await page("untilBatch", id=first, status="COMPLETED")
    tickets = await submit(one, "Support tickets of November", [f"{text} {LONG}" for text in texts[: 40 * times]])
    archive = await submit(one, "Archive 2019 to 2025", [text * 20 for text in texts[: 60 * times]], EVERYTHING)
    await page("untilBatch", id=tickets, status="COMPLETED")
    await page("untilFraction", id=archive, least=0.4)
    await page("look", height=1080)
    await page("picture", path=str(folder / "dashboard.png"))
    ended = await page("untilBatch", id=archive, status="COMPLETED")
    assert ended["counts"] == await counts(one, archive)
    assert (folder / "dashboard.png").read_bytes().startswith(b"\x89PNG")


TOOK = "query ($id: ID!) { batch(id: $id) { totalProcessingTimeMs } }"


@needs_a_browser
async def test_a_batch_is_canceled_and_retried(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one)
    batch = await submit(one, "to cancel", [f"{n} {LONG}" for n in range(400)], hold=hold)
    await page("until", selector=f'li.batch[data-id="{batch}"] [data-count=processed]', text="200")
    await page("click", selector=f'li.batch[data-id="{batch}"] button')
    await page("until", selector=f'li.batch[data-id="{batch}"] .note', text="Canceled.")
    canceled = await page("untilBatch", id=batch, status="CANCELED")
    assert canceled["counts"] == await counts(one, batch)
    assert (canceled["counts"]["processed"], canceled["counts"]["canceled"]) == (200, 200)
    took = (await ask(one, TOOK, id=batch))["batch"]["totalProcessingTimeMs"] / 1000
    pace = float(canceled["pace"].partition(", ")[2].removesuffix(" items/s").replace(",", ""))
    assert pace == pytest.approx(200 / took, rel=0.05)  # the rate is rounded; canceled items do not count
    hold.let_go()
    await page("click", selector=f'li.batch[data-id="{batch}"] button:has-text("Retry")')
    again = await page("untilBatch", id=batch, status="COMPLETED")
    assert again["counts"] == await counts(one, batch)
    assert again["counts"]["processed"] == 400


@needs_a_browser
async def test_the_page_resumes_after_the_server_was_killed(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one)
    batch = await submit(one, "survivor", [f"{n} {LONG}" for n in range(500)], hold=hold)
    await page("until", selector=f'li.batch[data-id="{batch}"] [data-count=processed]', text="250")
    await one.kill()
    hold.let_go()
    await page("until", selector=".pill:is([data-state=reconnecting], [data-state=stale])")
    assert re.fullmatch(r"Stale since \d\d:\d\d:\d\d", await page("until", selector=".pill[data-state=stale]"))
    held = [event["cursor"] for event in await page("events")]
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    assert await page("attribute", selector=".notice[data-kind=resumed]", name="data-behind") == held[-1]
    assert f"Resumed after {held[-1]}" in await page("until", selector=".notice[data-kind=resumed]", text="caught up.")

    ended = await page("untilBatch", id=batch, status="COMPLETED")
    assert ended["counts"] == await counts(one, batch)
    assert ended["counts"]["processed"] == 500
    log = await cursors(one)
    await page("untilEvents", count=len(log))
    assert [event["cursor"] for event in await page("events")] == log

    record = await page("record")
    assert record["after"][-1] == held[-1]
    assert record["foreign"] == []
    assert [error for error in record["errors"] if "WebSocket connection to" not in error] == []

    # The page also resumes after an orderly restart, which the server announces.
    await page("click", selector=".notice button")
    await one.restart()
    await page("until", selector=".notice[data-kind=resumed]", text="0 events caught up.")
    assert await page("attribute", selector=".notice[data-kind=resumed]", name="data-behind") == log[-1]

    # A new page begins shortly before the end of the log, and has all events after that position.
    other = await open_page(one)
    later = await submit(one, "later", ["A short one."])
    await other("until", selector="li.batch[data-status=COMPLETED] .batch-name", text="later")
    log = await cursors(one)
    await other("until", selector=f'.event:has(a[title="{later}"]) .status', text="Batch completed")
    shown = [event["cursor"] for event in await other("events")]
    assert 0 < len(shown) < len(log)
    assert shown == log[-len(shown) :]
    await page("untilEvents", count=len(log))
    assert [event["cursor"] for event in await page("events")] == log


@needs_a_browser
async def test_a_text_is_submitted_and_its_result_drawn(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    text = f"The food in Paris was wonderful. {HOSTILE} Jane Smith paid 20 euros on 3 March 2026. Really lovely!"
    await page("fill", selector="#submit-text", text=text)
    for name in ("Topics", "Entities", "Summary"):
        await page("click", selector=f".operations label:has-text('{name}')")
    await page("click", selector="#submit button[type=submit]")
    await page("until", selector=".result[data-type=TextResult]")
    assert await page("texts", selector="pre.input") == [text]
    parts = await page("texts", selector=".part h4")
    assert parts == ["Sentiment", "Language", "Keywords", "Entities", "Statistics", "Not available"]
    assert "Positive" in (await page("texts", selector=".part"))[0]
    await page("until", selector=".history .status", text="Completed")
    assert await page("texts", selector=".history .status") == ["Queued", "Started", "Completed"]
    await page.accessible()
    await page("press", key="Escape")
    await page("gone", selector="dialog.drawer")

    # The form reports a text that is too long to send, and the connection stays open.
    await page("fill", selector="#submit-text", text="x" * 1_000_001)
    await page("click", selector="#submit button[type=submit]")
    await page("until", selector="#submit .note[data-kind=failed]", text="most that the page can send")
    # The form also reports a refusal by the server.
    await page("fill", selector="#submit-text", text="a \x00 b")
    await page("click", selector="#submit button[type=submit]")
    await page("until", selector="#submit .note[data-kind=failed]", text="U+0000")
    record = await page("record")
    assert record["dialogs"] == []
    assert record["errors"] == []
    assert len(record["sockets"]) == 1


@needs_a_browser
async def test_ten_thousand_events_are_drawn_a_screenful_at_a_time(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await page("watchFrames")
    await ask(one, "mutation { pauseQueue(input: {}) { queue { paused } } }")
    await submit(one, "many", [f"A short text, number {n}." for n in range(5_000)])
    await page("untilEvents", count=5_000)
    await page("click", selector="#feed button:has-text('Pause')")
    await ask(one, "mutation { resumeQueue(input: {}) { queue { paused } } }")
    await page("until", selector="#feed button[aria-pressed=true]", text="new")
    await page("untilEvents", count=15_000)
    frames = await page("frames")
    assert frames["rows"] <= 60
    assert frames["drawings"] < 5_000
    await page("click", selector="#feed button[aria-pressed=true]")
    await page("until", selector=".event .status", text="Batch completed")

    # Filter: only the end of the batch.
    await page("click", selector=".filter summary")
    await page("click", selector=".filter button:has-text('None')")
    await page("click", selector=".filter label:has-text('Batch completed')")
    await page("gone", selector=".event .status[data-status=STARTED]")
    await page("until", selector=".event .status", text="Batch completed")
    assert await page("texts", selector=".event .status") == ["Batch completed"]
    await page("gone", selector=".current")  # the page is idle
    await page.accessible()
    log = await cursors(one)
    assert [event["cursor"] for event in await page("events")] == log[-20_000:]


@needs_a_browser
async def test_the_page_reports_another_log_and_starts_over(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one)
    await submit(one, "of the old log", ["One.", "Two."])
    await page("until", selector="li.batch[data-status=COMPLETED] .batch-name", text="of the old log")
    await page("until", selector=".event .status", text="Batch completed")
    await one.kill()
    await support.until(lambda: not one.left_over(), what="its workers to end")
    shutil.rmtree(one.data_dir)
    await one.start()
    await page("until", selector=".notice[data-kind=gap]", text="another event log than before")
    await page("gone", selector=".event")
    await submit(one, "of the new log", ["Three."])
    await page("until", selector="li.batch[data-status=COMPLETED] .batch-name", text="of the new log")
    assert len(await page("texts", selector="li.batch")) == 1
    log = await cursors(one)
    await page("untilEvents", count=len(log))
    assert [event["cursor"] for event in await page("events")] == log


PLUGIN = """
from analyzers.base import Analyzer, Job, Request, Result
from pydantic import Field


class CountRequest(Request):
    text: str = Field(min_length=1, max_length=100, description="Any.")


class CountResult(Result):
    letters: int = Field(description="How many.")


def run(request: CountRequest, job: Job) -> CountResult:
    return CountResult(score=0.25, tags=["<b>bold</b>"], summary=f"Counted {request.text}.", letters=len(request.text))


COUNT = Analyzer(name="count", version="1", description="Counts.", request=CountRequest, result=CountResult, run=run)
"""


@needs_a_browser
async def test_an_unknown_result_type_is_shown_as_json_and_times_follow_the_servers_clock(
    server: Callable[..., Awaitable[support.Server]],
    open_page: Callable[..., Awaitable[Page]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(support.install_analyzer(tmp_path, "count", PLUGIN)))
    one = await server()
    submitted = await ask(
        one,
        """mutation ($text: String!) {
          submitAnalysis(input: {request: {count: {text: $text}}, waitSeconds: 30}) { analysis { id status } }
        }""",
        text=HOSTILE,
    )
    analysis = submitted["submitAnalysis"]["analysis"]
    assert analysis["status"] == "COMPLETED"
    hour = 3_600_000
    page = await open_page(one, hash=f"#/analysis/{analysis['id']}", skew=hour)
    await page("until", selector=".result[data-type=CountResult]")
    assert await page("texts", selector=".result .summary") == [f"Counted {HOSTILE}."]
    assert await page("texts", selector=".tags li") == ["<b>bold</b>"]
    assert json.loads(await page("until", selector=".result details[open] pre"))["letters"] == len(HOSTILE)
    await page("until", selector=".instance", text="up")

    async def by_the_servers_clock() -> bool:  # the page redraws them once a second
        times = await page("texts", selector=".facts time")
        return len(times) == 2 and all(re.search(r"\((just now|\d+ s ago)\)", time) for time in times)

    await support.until(by_the_servers_clock, what="times by the server's clock")
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []
