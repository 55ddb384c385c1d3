"""The pages: headers and assets, a current build, and in Chromium the same figures as in the database."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests import support
from tests.pages.live_page import (
    COUNTS,
    EVERYTHING,
    HOSTILE,
    LONG,
    Page,
    ask,
    needs_a_browser,
    submit,
)
from tests.web.proxies import proxied
from web.pages import PAGES, dashboard_routes

CHECK = support.ROOT / "pages" / "dashboard" / "check.mjs"
BUILD = PAGES / "dashboard"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=dashboard_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://assay") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "assets"),
    [
        ("/dashboard", "dashboard/assets/"),
        ("/dashboard/", "../dashboard/assets/"),
        ("/dashboard/analyses", "../dashboard/assets/"),
        ("/dashboard/analyses/analysis_1?tab=history", "../../dashboard/assets/"),
        ("/dashboard/id/a%2Fb", "../../dashboard/assets/"),
        ("/dashboard/v1.2/x/", "../../../dashboard/assets/"),
    ],
)
async def test_the_page_is_revalidated_and_has_a_strict_policy(http: httpx.AsyncClient, path: str, assets: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.text == (BUILD / "index.html").read_text().replace("./assets/", assets)
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
        assert answer.headers.get("Content-Encoding") == ("gzip" if len(answer.content) >= 1000 else None)
        assert answer.headers["Content-Type"].split(";")[0] in ("text/javascript", "text/css")


@pytest.mark.parametrize("path", ["assets/../index.html", "assets/none.js", "assets/", "none.js", "a/b.c"])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(f"/dashboard/{path}")).status_code == 404


def test_the_page_loads_only_files_of_the_build() -> None:
    page = (BUILD / "index.html").read_text()
    loaded = {url for url in re.findall(r'(?:src|href)="([^"]+)"', page) if not url.startswith("data:")}
    assert loaded
    assets = {path.name: path.read_bytes() for path in (BUILD / "assets").iterdir()}
    assert loaded <= {f"./assets/{name}" for name in assets}
    for name in {name for name in assets if f"./assets/{name}" not in loaded}:  # loaded later, by another file
        assert any(name.encode() in content for content in assets.values()), name
    assert "<style" not in page
    assert not list(BUILD.rglob("*.map"))


@pytest.mark.needs("node")
@pytest.mark.timeout(1800)  # a build takes most of a minute of CPU
def test_the_build_is_fresh_and_its_operations_are_valid() -> None:
    assert "up to date" in support.run("node", CHECK, timeout=1500)


@needs_a_browser
@pytest.mark.needs("nginx")
@pytest.mark.parametrize("end", ["", "/"])
async def test_the_page_works_below_a_path(
    server: Callable[..., Awaitable[support.Server]],
    open_page: Callable[..., Awaitable[Page]],
    tmp_path: Path,
    end: str,
) -> None:
    one = await server(workers=0)
    async with proxied("nginx", tmp_path, [one], prefix="/tools/assay") as port:
        address = f"http://127.0.0.1:{port}/tools/assay"
        page = await open_page(one, address, hash=end)
        links = [
            await page("attribute", selector=f"nav a:has-text('{name}')", name="href")
            for name in ("GraphiQL", "Metrics")
        ]
        assert links == [f"{address}/graphql", f"{address}/metrics"]


@needs_a_browser
@pytest.mark.needs("nginx")
async def test_a_deep_link_works_below_a_path(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], tmp_path: Path
) -> None:
    one = await server()
    submitted = await ask(
        one,
        """mutation { submitAnalysis(input: {request: {text: {text: "A lovely day."}}, waitSeconds: 30}) {
          analysis { id status }
        } }""",
    )
    assert submitted["submitAnalysis"]["analysis"]["status"] == "COMPLETED"
    item = submitted["submitAnalysis"]["analysis"]["id"]
    async with proxied("nginx", tmp_path, [one], prefix="/tools/assay") as port:
        page = await open_page(one, f"http://127.0.0.1:{port}/tools/assay", path=f"/analyses/{item}?tab=history")
        await page("until", selector=".history .state", text="Completed")
        await page("reload")
        await page("until", selector=".history .state", text="Completed")
        await page("click", selector=".rail a:has-text('Analyses')")
        await page("until", selector=".foot", text="1 to 1 of 1")
        await page("back")
        await page("until", selector=".history .state", text="Completed")
        assert await page("address") == f"/analyses/{item}?tab=history"
        record = await page("record")
        assert record["errors"] == []
        assert record["sockets"] == [f"ws://127.0.0.1:{port}/tools/assay/graphql"] * 2  # one a load


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
    ended = "li[data-id='{}'][data-status=COMPLETED]"
    await page("until", selector=ended.format(first))
    tickets = await submit(one, "Support tickets of November", [f"{text} {LONG}" for text in texts[: 40 * times]])
    archive = await submit(one, "Archive 2019 to 2025", [text * 20 for text in texts[: 60 * times]], EVERYTHING)
    await page("until", selector=ended.format(tickets))

    async def is_well_begun() -> bool:
        return bool((await ask(one, COUNTS, id=archive))["batch"]["progress"]["fraction"] >= 0.4)

    await support.until(is_well_begun, what="a good part of the batch")
    await page("until", selector="#done .legend")
    await page("look", height=800)
    await page("picture", path=str(folder / "dashboard.png"))
    await page("until", selector=ended.format(archive))
    assert (folder / "dashboard.png").read_bytes().startswith(b"\x89PNG")


@needs_a_browser
async def test_a_text_is_submitted_and_its_result_drawn(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/new")
    text = f"The food in Paris was wonderful. {HOSTILE} Jane Smith paid 20 euros on 3 March 2026. Really lovely!"
    await page("fill", selector="#field-text", text=text)
    for name in ("Topics", "Entities", "Summary"):
        await page("click", selector=f".options label:has-text('{name}')")
    await page("click", selector=".send button")
    await page("until", selector=".result[data-type=TextResult] .part")
    parts = await page("texts", selector=".part h4")
    assert parts == ["Sentiment", "Language", "Keywords", "Entities", "Statistics", "Not available"]
    assert "Positive" in (await page("texts", selector=".part"))[0]
    await page("click", selector=".tabs a:has-text('Input')")
    assert await page("until", selector="pre.input") == text
    await page("click", selector=".tabs a:has-text('History')")
    await page("until", selector=".history .state", text="Completed")
    assert await page("texts", selector=".history .state") == ["Queued", "Started", "Completed"]
    await page.accessible()
    for _ in range(3):
        await page("back")
    await page("until", selector="#field-text")

    assert len((await page("record"))["sockets"]) == 1

    # The form reports a text that is too long. So many characters keep the browser busy, which may cost the connection.
    await page("fill", selector="#field-text", text="x" * 1_000_001)
    await page("click", selector=".send button")
    await page("until", selector="#field-text-fault", text="at most 1,000,000 characters")
    # The form also reports other refusals.
    await page("fill", selector="#field-text", text="a \x00 b")
    await page("click", selector=".send button")
    await page("until", selector="#field-text-fault", text="U+0000")
    record = await page("record")
    assert record["dialogs"] == []
    assert record["errors"] == []
    await page("until", selector=".pill[data-state=live]")


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
async def test_an_unknown_result_type_is_shown_by_its_data_and_times_follow_the_servers_clock(
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
    await page("untilAddress", address=f"/analyses/{analysis['id']}")
    await page("until", selector=".result[data-type=CountResult]")
    assert await page("texts", selector=".result .summary") == [f"Counted {HOSTILE}."]
    assert await page("texts", selector=".tags li") == ["<b>bold</b>"]
    assert await page("texts", selector=".result .numbers div") == [f"Letters{len(HOSTILE)}"]
    await page("click", selector=".tabs a:has-text('JSON')")
    assert json.loads(await page("until", selector="pre.json"))["letters"] == len(HOSTILE)

    async def by_the_servers_clock() -> bool:  # the page redraws them once a second
        times = await page("texts", selector=".facts time")
        return len(times) == 3 and all(re.search(r"\((just now|\d+ s ago)\)", time) for time in times)

    await support.until(by_the_servers_clock, what="times by the server's clock")
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []
