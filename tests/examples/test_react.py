"""The React examples, used like by a visitor, with a running server and during its failures."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.examples.example import HOSTILE, LONG, Page, ask, batch, has_all_events, rows, submit_batch
from tests.hold import Hold
from tests.support import Server, install_analyzer, until

pytestmark = pytest.mark.needs("node", "chromium")

Start = Callable[..., Awaitable[Server]]
Open = Callable[..., Awaitable[Page]]

EXAMPLES = ["apollo-react", "urql-react"]
TRANSPORTS = [*EXAMPLES, "urql-react?transport=sse"]


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_texts_are_submitted_listed_paged_and_canceled(server: Start, open_example: Open, name: str) -> None:
    one = await server(workers=1)
    page = await open_example(name, one.address)
    await page("until", selector=".pill[data-state=live]")
    await page("until", selector="#analyses", text="None yet.")

    # One text: the result appears without a reload.
    await page("fill", selector="#text", text=f"The food in Paris was wonderful. {HOSTILE}")
    await page("click", selector="button.primary")
    await page("until", selector="#analyses li[data-status=COMPLETED]")
    await page("click", selector="#analyses summary")
    assert "English" in await page("until", selector="#analyses dl")
    assert await page("texts", selector="#analyses pre.input") == [f"The food in Paris was wonderful. {HOSTILE}"]
    await page.accessible()
    await page("click", selector="#analyses summary")

    # One text per line: the page shows the batch up to its end.
    await page("fill", selector="#text", text="\n".join(f"Line {n} is a good one." for n in range(55)))
    await page("click", selector="button:has-text('Analyze each line (55)')")
    await page("until", selector="#batch[data-status=COMPLETED]")
    shown = await shows_batch(page, one)
    assert shown["completed"] == 55

    # The rest of the list, page by page.
    if name == "apollo-react":
        await shows(page, one, first=20)
        await page("click", selector="button:has-text('Load more')")
        await shows(page, one, first=40)
        await page("click", selector="button:has-text('Load more')")
        await shows(page, one, first=56)
        await page("gone", selector="button:has-text('Load more')")
        first = 56
    else:
        newest = await rows(one, 56)
        await until(lambda: _equal(page, newest[:20]), what="the first page")
        await page("click", selector="button:has-text('Older')")
        await until(lambda: _equal(page, newest[20:40]), what="the second page")
        await page("click", selector="button:has-text('Older')")
        await until(lambda: _equal(page, newest[40:]), what="the last page")
        await page("until", selector="button:has-text('Older'):disabled")
        await page("click", selector="button:has-text('Newer')")
        await until(lambda: _equal(page, newest[20:40]), what="the page before")
        await page("click", selector="button:has-text('Newer')")
        await page("until", selector="button:has-text('Newer'):disabled")
        first = 20

    # A queued analysis is canceled.
    await ask(one, "mutation { pauseQueue(input: {}) { queue { paused } } }")
    await submit_batch(one, "to cancel", [f"{n} {LONG}" for n in range(300)])
    await page("until", selector="#analyses li[data-status=QUEUED] button", text="Cancel")
    waiting = await page("attribute", selector="#analyses li[data-status=QUEUED]", name="data-id")
    if name == "apollo-react":
        # Optimistic update: the page shows the cancel while the server is stopped.
        one.process.send_signal(signal.SIGSTOP)
    await page("click", selector=f'#analyses li[data-id="{waiting}"] button')
    if name == "apollo-react":
        await page("until", selector=f'#analyses li[data-id="{waiting}"][data-status=CANCELED]')
        one.process.send_signal(signal.SIGCONT)
    await page("until", selector=f'#analyses li[data-id="{waiting}"][data-status=CANCELED]')
    await ask(one, "mutation { resumeQueue(input: {}) { queue { paused } } }")
    await page("until", selector="#batch[data-status=COMPLETED]", text="to cancel")
    shown = await shows_batch(page, one)
    assert (shown["completed"], shown["canceled"]) == (299, 1)
    await shows(page, one, first=first)
    await page.without_a_problem()


async def _equal(page: Page, expected: list[list[str]]) -> bool:
    return bool(await page("rows") == expected)


async def shows_batch(page: Page, server: Server) -> dict[str, Any]:
    """Wait until the page shows the ended batch with its figures; return it."""

    async def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = await page("batch", selector="#batch")
        return shown if shown["status"] == "COMPLETED" and shown == await batch(server, shown["id"]) else None

    found: dict[str, Any] = await until(ended, what="the page to show the ended batch")
    return found


async def shows(page: Page, server: Server, *, first: int) -> None:
    """Wait until the page lists the newest analyses of the database, in their order."""

    async def equal() -> bool:
        return await _equal(page, await rows(server, first))

    await until(equal, what=f"the list to be the newest {first}")


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_the_page_resumes_after_a_kill_of_the_server(
    server: Start, open_example: Open, name: str, hold: Hold
) -> None:
    one = await server(workers=2)
    await submit_batch(one, "before", ["One.", "Two."])
    page = await open_example(name, one.address)
    await page("until", selector="#batch[data-status=COMPLETED]")
    await submit_batch(one, "survivor", [f"{n} {LONG}" for n in range(300)], hold=hold)
    await page("until", selector="#batch[data-status=RUNNING]", text="survivor")
    await page("until", selector="#batch [data-count=completed]", text="150")
    await one.kill()
    hold.let_go()
    await page("until", selector=".pill[data-state=reconnecting]")
    held = int(await page("attribute", selector="#events", name="data-count"))
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    behind = await page("attribute", selector="#resumed", name="data-behind")

    await page("until", selector="#batch[data-status=COMPLETED]", text="survivor")
    shown = await shows_batch(page, one)
    assert shown["completed"] == 300
    await shows(page, one, first=20)

    # All events since the start of the page, over both connections.
    log = await has_all_events(page, one)
    assert behind == log[held - 1]
    assert (await page.without_a_problem(server_was_away=True))["after"][1:] == [behind]

    # The same after a regular stop of the server.
    await one.restart()
    await page("until", selector=f"#resumed[data-behind='{log[-1]}']", text="0 events since")
    await submit_batch(one, "later", ["A short one."])
    await page("until", selector="#batch[data-status=COMPLETED]", text="later")
    await shows(page, one, first=20)
    assert len(await has_all_events(page, one)) > len(log)


@pytest.mark.parametrize("name", TRANSPORTS)
async def test_the_page_waits_for_an_absent_server(server: Start, open_example: Open, name: str) -> None:
    one = await server()
    await submit_batch(one, "kept", ["One.", "", "Three."])
    await one.terminate()
    page = await open_example(name, one.address)
    await page("until", selector="main", text="The server does not answer")
    await page("until", selector=".pill[data-state=connecting]")
    await page("fill", selector="#text", text="Sent to nobody.")
    await page("click", selector="button.primary")
    await page("until", selector=".problem")
    await page("until", selector="button.primary:enabled")  # the text is still in the field
    await one.start()
    await page("until", selector=".pill[data-state=live]")
    await page("until", selector="#batch", text="kept")
    await shows(page, one, first=20)
    await page("click", selector="button.primary")
    await page("until", selector="#analyses li:nth-child(4)")
    await shows(page, one, first=20)
    await page.without_a_problem(server_was_away=True)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_page_of_the_list_loads_once_the_server_is_back(server: Start, open_example: Open, name: str) -> None:
    one = await server()
    await submit_batch(one, "kept", ["One."] * 25)
    page = await open_example(name, one.address)
    await page("until", selector="#batch[data-status=COMPLETED]")
    await shows(page, one, first=20)
    await one.kill()
    await page("until", selector=".pill[data-state=reconnecting]")
    if name == "apollo-react":
        await page("click", selector="button:has-text('Load more')")
        await page("until", selector="#analyses > .problem")
        await one.start()
        await page("until", selector=".pill[data-state=live]")
        await page("click", selector="button:has-text('Load more')")
        await page("gone", selector="#analyses > .problem")
        await shows(page, one, first=25)
    else:
        await page("click", selector="button:has-text('Older')")
        await page("until", selector="main", text="The server does not answer")
        await one.start()
        expected = (await rows(one, 25))[20:]
        await until(lambda: _equal(page, expected), what="the second page")
    await page.without_a_problem(server_was_away=True)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_texts_of_all_kinds_and_a_failed_batch(server: Start, open_example: Open, name: str) -> None:
    one = await server()
    page = await open_example(name, one.address)
    await page("until", selector=".pill[data-state=live]")
    texts = [
        "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
        "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق. ‮",
        "สวัสดีครับ ยินดีที่ได้รู้จัก 👩‍👩‍👧‍👦 é́́́ e\u0301",
        LONG * 50,
    ]
    assert len(texts[-1].encode()) > 98_000
    for n, text in enumerate(texts, 1):
        await page("fill", selector="#text", text=text)
        await page("click", selector="button.primary")
        await page("until", selector=f"#analyses li:nth-child({n})")
        await page("until", selector="#analyses li:first-child[data-status=COMPLETED]")
        await page("click", selector="#analyses li:first-child summary")
        await page("until", selector="#analyses li:first-child dl")
        assert await page("texts", selector="#analyses li:first-child pre.input") == [text]
        await page("click", selector="#analyses li:first-child summary")
    await page.accessible()

    # A refused text stays in the field, beside the reason.
    await page("fill", selector="#text", text="x" * 1_000_001)
    await page("click", selector="button.primary")
    assert "at most 1,000,000 characters" in await page("until", selector=".problem")

    identity = await submit_batch(one, "all failed", ["", " ", "\n"])
    await page("until", selector="#batch[data-status=COMPLETED]", text="all failed")
    await page("until", selector="#batch [data-count=failed]", text="3")
    assert await page("batch", selector="#batch") == await batch(one, identity)
    await shows(page, one, first=20)
    message = (await ask(one, "{ analyses(first: 1) { nodes { error { message } } } }"))["analyses"]["nodes"][0]
    assert message["error"]["message"] in await page("until", selector="#analyses li:first-child .title")
    await page.without_a_problem()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_data_stays_visible_while_it_can_not_be_refreshed(server: Start, open_example: Open, name: str) -> None:
    one = await server()
    await submit_batch(one, "kept", ["One."] * 3)
    page = await open_example(name, one.address)
    await page("until", selector="#batch[data-status=COMPLETED]")
    await shows(page, one, first=20)
    shown = await page("rows")
    await page("cut", path="/graphql")
    unread = await submit_batch(one, "unread", ["Two."])

    async def has_ended() -> bool:
        return bool((await batch(one, unread))["status"] == "COMPLETED")

    await until(has_ended, what="the batch to end")
    await has_all_events(page, one)

    async def failed_to_read() -> bool:
        return bool((await page("record"))["errors"])

    await until(failed_to_read, what="a failed request of the page")
    if name == "urql-react":
        await page("until", selector="#analyses > .problem", text="Not refreshed")
    assert await page("rows") == shown
    assert "kept" in await page("until", selector="#batch")
    await page("mend")
    await page("until", selector="#batch", text="unread")
    await shows(page, one, first=20)
    await page("gone", selector="#analyses > .problem")
    await page.without_a_problem(server_was_away=True)


PLUGIN = '''
from analyzers.base import Analyzer, Job, Request, Result
from pydantic import Field


class CountRequest(Request):
    """Any text."""

    text: str = Field(min_length=1, max_length=100, description="The text.")


class CountResult(Result):
    """The length of a text."""

    letters: int = Field(description="The number of letters.")


def run(request: CountRequest, job: Job) -> CountResult:
    return CountResult(tags=["<b>bold</b>"], summary=f"Counted {request.text}.", letters=len(request.text))


COUNT = Analyzer(name="count", version="1", description="Counts.", request=CountRequest, result=CountResult, run=run)
'''


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_result_of_an_unknown_type_is_shown_as_json(
    server: Start, open_example: Open, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(install_analyzer(tmp_path, "count", PLUGIN)))
    one = await server()
    await ask(
        one,
        """mutation ($text: String!) {
          submitAnalysis(input: {request: {count: {text: $text}}, waitSeconds: 30}) { analysis { status } }
        }""",
        text=HOSTILE,
    )
    page = await open_example(name, one.address)
    await page("until", selector="#analyses .title", text=f"Counted {HOSTILE}.")
    await page("click", selector="#analyses summary")
    assert f'"letters": {len(HOSTILE)}' in await page("until", selector="#analyses pre.json")
    await page.without_a_problem()
