"""The event log in the browser: complete, also after losses; its filter, its pause, and its window of rows."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Awaitable, Callable

from tests import support
from tests.hold import Hold
from tests.pages.live_page import (
    HOSTILE,
    LONG,
    Page,
    ask,
    counts,
    cursors,
    needs_a_browser,
    require_whole_log,
    submit,
)

TYPES = ".event .type"
SOON_OVER = """
mutation ($items: [BatchItem!]!) {
  batchProcess(input: {name: "over", items: $items, timeoutSeconds: 1}) { batch { id } userErrors { message } }
}
"""
ALERT = """
INSERT INTO event (workspace, type, subject, xid, occurred_at, data)
SELECT '*', 'ALERT', 'server:1', xid, occurred_at, ? FROM event ORDER BY position DESC LIMIT 1
"""


@needs_a_browser
async def test_the_page_resumes_after_the_server_was_killed(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], hold: Hold
) -> None:
    one = await server(workers=2)
    page = await open_page(one, path="/events")
    batch = await submit(one, "survivor", [f"{n} {LONG}" for n in range(500)], hold=hold)

    async def is_halfway() -> bool:
        return (await counts(one, batch))["processed"] == 250

    await support.until(is_halfway, what="the first half to end")
    await page("untilEvents", count=len(await cursors(one)))
    await one.kill()
    hold.let_go()
    await page("until", selector=".pill:is([data-state=reconnecting], [data-state=stale])")
    assert re.fullmatch(r"Stale since \d\d:\d\d:\d\d", await page("until", selector=".pill[data-state=stale]"))
    held = [event["cursor"] for event in await page("events")]
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    assert await page("attribute", selector=".notice[data-kind=resumed]", name="data-behind") == held[-1]
    assert f"Resumed after {held[-1]}" in await page("until", selector=".notice[data-kind=resumed]", text="caught up.")

    await page("until", selector=f'.event[data-subject="{batch}"] .type', text="Batch completed")
    assert (await counts(one, batch))["processed"] == 500
    log = await require_whole_log(page, one)

    record = await page("record")
    assert record["after"][-1] == held[-1]
    assert record["foreign"] == []
    # A query may have been on its way.
    lost = ("WebSocket connection to", "Failed to load resource: net::ERR_")
    assert [error for error in record["errors"] if not any(each in error for each in lost)] == []

    # The page also resumes after an orderly restart, which the server announces.
    await page("click", selector=".notice button")
    await one.restart()
    await page("until", selector=".notice[data-kind=resumed]", text="0 events caught up.")
    behind = await page("attribute", selector=".notice[data-kind=resumed]", name="data-behind")
    assert behind in (await cursors(one))[len(log) - 1 :]

    # A new page begins shortly before the end of the log, and has all events after that position.
    other = await open_page(one, path="/events")
    later = await submit(one, "later", ["A short one."])
    await other("until", selector=f'.event[data-subject="{later}"] .type', text="Batch completed")
    await other("until", selector=f'.event[data-subject="{later}"] .title', text="later")
    shown = [event["cursor"] for event in await other("events")]
    log = await cursors(one)
    start = log.index(shown[0])
    assert start > 0
    assert shown == log[start : start + len(shown)]
    await require_whole_log(page, one)


@needs_a_browser
async def test_ten_thousand_events_are_drawn_a_screenful_at_a_time(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/events?types=all")
    await page("watchFrames")
    await ask(one, "mutation { pauseQueue(input: {}) { queue { paused } } }")
    await submit(one, "many", [f"A short text, number {n}." for n in range(5_000)])
    await page("untilEvents", count=5_000)
    await page("click", selector="button.hold")
    await ask(one, "mutation { resumeQueue(input: {}) { queue { paused } } }")
    await page("until", selector="button.hold[aria-pressed=true]", text="new")
    await page("untilEvents", count=15_000)
    frames = await page("frames")
    assert frames["rows"] <= 60
    assert frames["drawings"] < 5_000
    await page("click", selector="button.hold")
    await page("until", selector=TYPES, text="Batch completed")

    # Only the end of the batch.
    await page("click", selector=".types")
    await page("click", selector=".menu:popover-open button:has-text('None')")
    await page("click", selector=".menu:popover-open label:has-text('Batch completed')")
    await page("untilAddress", address="/events?types=BATCH_COMPLETED")
    await page("gone", selector=".event .state[data-status=STARTED]")
    await page("until", selector=TYPES, text="Batch completed")
    assert await page("texts", selector=TYPES) == ["Batch completed"]
    await page("press", key="Escape")
    await page.accessible()
    await require_whole_log(page, one)


@needs_a_browser
async def test_the_page_reports_another_log_and_starts_over(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/events")
    batches = await open_page(one, path="/batches")
    await submit(one, "of the old log", ["One.", "Two."])
    await page("until", selector=TYPES, text="Batch completed")
    await batches("until", selector="tr[data-status=COMPLETED] .name", text="of the old log")
    await one.kill()
    await support.until(lambda: not one.left_over(), what="its workers to end")
    shutil.rmtree(one.data_dir)
    await one.start()
    await page("until", selector=".notice[data-kind=gap]", text="another event log than before")
    await page("gone", selector=".event .title:has-text('of the old log')")
    await batches("until", selector=".notice[data-kind=gap]", text="another event log than before")
    await submit(one, "of the new log", ["Three."])
    await page("until", selector=".event .title", text="of the new log")
    await batches("until", selector="tr[data-status=COMPLETED] .name", text="of the new log")
    assert await batches("count", selector="tr[data-id]") == 1
    await require_whole_log(page, one)


@needs_a_browser
async def test_a_paused_log_stays_paused_while_its_types_change(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/events?types=BATCH_STARTED,BATCH_COMPLETED")
    before = await submit(one, "before", ["One."])
    await page("until", selector=TYPES, text="Batch completed")
    button = "button.hold"
    await page("press", key="p")
    await page("until", selector=f"{button}[aria-pressed=true]")
    await submit(one, "behind", ["Two."])
    await page("until", selector=button, text="Resume (2 new)")
    await page("click", selector=".types")
    await page("click", selector='.menu:popover-open label:has-text("Batch completed")')
    await page("gone", selector=f'{TYPES}:has-text("Batch completed")')
    assert await page("until", selector=button) == "Resume (1 new)"
    assert await page("texts", selector=TYPES) == ["Batch started"]
    assert await page("attribute", selector=".event", name="data-subject") == before
    await page("press", key="Escape")
    await page("click", selector=button)
    await page("until", selector=".event:nth-of-type(3)")
    assert await page("texts", selector=TYPES) == ["Batch started"] * 2
    await page("until", selector=".event .title", text="behind")


@needs_a_browser
async def test_failures_are_found_in_a_flood(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    flood = await submit(one, "flood", [f"Text {n}." for n in range(200)])

    async def has_ended() -> bool:
        return (await counts(one, flood))["processed"] == 200

    await support.until(has_ended, what="the flood to end")
    refused = await submit(one, f"refused {HOSTILE}", ["One.", ""])
    page = await open_page(one, path="/events?since=1h")
    await page("until", selector=f'.event[data-subject="{refused}"] .type', text="Batch completed")
    # Starts and progress are off at first.
    assert not {"Analysis started", "Batch started"} & set(await page("texts", selector=TYPES))
    log = await require_whole_log(page, one)
    await page("until", selector=".filters .button .refusal")

    # Problems only, in the address.
    await page("click", selector=".filters .button:has-text('Problems only')")
    await page("untilAddress", address="/events?since=1h&problems=only")
    failed = await page("until", selector=".event[data-problem] .words.refusal", text="empty")
    assert "`text`" in failed
    await page("until", selector=".event .title", text=f"refused {HOSTILE} 1")
    assert set(await page("texts", selector=TYPES)) <= {"Analysis failed", "Alert"}
    await page("reload")
    await page("until", selector=".event[data-problem] .words.refusal", text="empty")

    # One object: the batch and its items.
    await page("open", path="/events?types=all")
    await page("fill", selector=".filters input[type=search]", text=refused)
    await page("untilAddress", address=f"/events?types=all&subject={refused}")

    async def is_of_the_batch() -> bool:
        subjects = {event["subjectId"] for event in await page("events")}
        return refused in subjects and len(subjects) == 3

    await support.until(is_of_the_batch, what="the events of the batch and its two items alone")
    await page("until", selector=TYPES, text="Analysis failed")
    assert {event["cursor"] for event in await page("events")} < set(log)
    await page("click", selector=f'.event[data-subject="{refused}"] .title a')
    await page("until", selector="h1:focus bdi", text=f"refused {HOSTILE}")
    record = await page("record")
    assert record["errors"] == []
    assert record["foreign"] == []


@needs_a_browser
async def test_an_event_says_the_whole_outcome_and_a_recovery_is_no_problem(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server(workers=0)
    items = [{"request": {"text": {"text": text}}} for text in ("One.", "", "Three.")]
    answer = (await ask(one, SOON_OVER, items=items))["batchProcess"]
    batch = answer["batch"]["id"]
    page = await open_page(one, path="/events?since=1h")
    await page("until", selector=f'.event[data-subject="{batch}"] .type', text="Batch timed out")
    detail = await page("until", selector=f'.event[data-subject="{batch}"]:has-text("Batch timed out") .words')
    assert detail == "0 of 3 completed, 1 failed, 2 timed out or canceled"

    # Alerts with a subject of their own: others may come at any time.
    with sqlite3.connect(one.data_dir / "assay.db", timeout=60) as database:
        for health, message in (("DEGRADED", "Slow."), ("HEALTHY", None)):
            database.execute(ALERT, (json.dumps({"component": "queue", "health": health, "message": message}),))
    database.close()
    await page("open", path="/events?since=1h&subject=server:1")
    await page("until", selector=".event[data-subject='server:1'] .words", text="healthy")
    assert await page("texts", selector=".event[data-subject='server:1'] .words") == ["healthy", "degraded. Slow."]
    assert await page("texts", selector=".event[data-problem] .words") == ["degraded. Slow."]
    await page("click", selector=".filters .button:has-text('Problems only')")
    await page("untilAddress", address="/events?since=1h&subject=server:1&problems=only")
    await page("untilEvents", count=2)
    await page("gone", selector=".event .words:has-text('healthy')")
    assert await page("texts", selector=".event .words") == ["degraded. Slow."]
