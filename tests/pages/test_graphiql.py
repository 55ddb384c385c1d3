"""GraphiQL: the requests that get it, its headers and assets, a current build, and its features in Chromium."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from tests import support
from tests.web.proxies import proxied
from web.graphql.negotiation import accepted
from web.pages import PAGES, graphiql_routes

BROWSER = support.ROOT / "tests" / "pages"
CHECK = support.ROOT / "pages" / "graphiql" / "check.mjs"
BUILD = PAGES / "graphiql"

needs_a_browser = pytest.mark.needs("node", "chromium")


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "TEXT/HTML",
        "text/html;q=0.9, application/json;q=0.8",
        "text/html, application/json;q=0.9, application/graphql-response+json;q=0.5",
        "text/html;q=0.2, application/json;q=0, application/graphql-response+json;q=0, */*;q=0.9",
        # The navigation requests of Firefox, Chromium and Safari
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8,application/pdf;v=b3;q=0.7",
        "text/html;q=2",
    ],
)
def test_a_browser_wants_html(accept: str) -> None:
    assert accepted(accept).prefers_html


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "text/*",
        "application/json",
        "application/graphql-response+json, application/json;q=0.9",
        "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
        "text/html, */*",
        "text/html, application/json",
        "text/html;q=0.8, application/json;q=0.9",
        "text/html;q=0.8, application/*;q=0.9",
        "text/html, application/graphql-response+json",
        "text/html;q=0",
        "text/html;q=-1",
        "text/html;q=a lot",
        "text/html-not",
        ",;,q=1",
    ],
)
def test_other_clients_do_not_want_html(accept: str) -> None:
    assert not accepted(accept).prefers_html


def _assets() -> list[Path]:
    assets = sorted((BUILD / "assets").iterdir())
    assert assets
    return assets


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=graphiql_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://assay") as client:
        yield client


async def test_the_page_allows_only_its_own_scripts_and_is_revalidated(http: httpx.AsyncClient) -> None:
    headers = (await http.get("/graphiql")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["script-src"] == "'self'"
    assert policy["worker-src"] == "'self' blob:"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Vary"] == "Accept"


async def test_every_asset_is_served_as_immutable(http: httpx.AsyncClient) -> None:
    for path in _assets():
        answer = await http.get(f"/graphiql/assets/{path.name}")
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if path.suffix != ".ttf":
            assert answer.headers.get("Content-Encoding") == ("gzip" if path.stat().st_size >= 1000 else None)
            assert answer.headers["Content-Type"].split(";")[0] in ("text/javascript", "text/css")


@pytest.mark.parametrize("path", ["../index.html", "%2e%2e/index.html", "none.js", "", "%00", "x" * 5000])
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(f"/graphiql/assets/{path}")).status_code == 404


@pytest.mark.parametrize(("path", "assets"), [("/graphiql", "graphiql/assets/"), ("/graphiql/", "../graphiql/assets/")])
async def test_the_page_also_has_its_own_address(http: httpx.AsyncClient, path: str, assets: str) -> None:
    answer = await http.get(path, headers={"Accept": "*/*"})
    assert answer.text == (BUILD / "index.html").read_text().replace("./assets/", assets)


def test_the_page_loads_only_files_of_the_build() -> None:
    names = {path.name for path in _assets()}
    page = (BUILD / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert "<title>Assay GraphiQL</title>" in page
    assert loaded
    assert {url.removeprefix("./assets/") for url in loaded if not url.startswith("data:")} <= names
    assert not list(BUILD.rglob("*.map"))


@pytest.mark.needs("node")
@pytest.mark.timeout(1800)  # a build takes most of a minute of CPU
def test_the_build_is_fresh_and_its_examples_are_valid() -> None:
    assert "up to date" in support.run("node", CHECK, timeout=1500)


def _environment() -> dict[str, str]:
    return {"CHROMIUM": support.chromium() or ""}


def _without_errors(outcome: dict[str, Any]) -> dict[str, Any]:
    assert outcome["state"] in ("answered", "live", "ended"), outcome
    assert "errors" not in outcome["response"], outcome
    return cast(dict[str, Any], outcome["response"]["data"])


SUBMIT = """
mutation { submitAnalysis(input: {request: {text: {text: "A calm day."}}, waitSeconds: 30}) { analysis { status } } }
"""


@needs_a_browser
@pytest.mark.needs("nginx")
async def test_all_features_work_in_chromium_below_a_path(
    server: Callable[..., Awaitable[support.Server]], tmp_path: Path
) -> None:
    one = await server()
    # A worker must be ready first: the example waits for 10 s at most.
    await asyncio.to_thread(support.post, one.url, SUBMIT)
    async with proxied("nginx", tmp_path, [one], prefix="/tools/assay") as port:
        address = f"http://127.0.0.1:{port}/tools/assay"
        output = await asyncio.to_thread(
            support.run, "node", "graphiql.mjs", address, tmp_path, cwd=BROWSER, env=_environment()
        )
    report = json.loads(output)
    record, examples = report["record"], report["examples"]

    assert "broken" not in report, report["broken"]
    assert report["title"] == "Assay GraphiQL"
    assert record["foreign"] == []
    assert record["errors"] == []
    assert set(record["sockets"]) == {f"{address.replace('http', 'ws')}/graphql"}

    assert "text" in [analyzer["name"] for analyzer in _without_errors(report["welcome"])["analyzers"]]
    answers = {title: _without_errors(outcome) for title, outcome in examples.items()}
    assert len(answers) == 17

    analysis = answers["Analyze a text"]["submitAnalysis"]["analysis"]
    assert analysis["status"] == "COMPLETED"
    batch = answers["A batch with one bad item"]["batchProcess"]
    assert [node["status"] for node in batch["batch"]["results"]["nodes"]] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert [error["path"] for error in batch["userErrors"]] == [["items", "1", "request", "text", "text"]]

    # Variables are filled in from the last answer.
    sixty = answers["A batch of sixty"]["batchProcess"]["batch"]["id"]
    assert examples["Watch a batch"]["variables"] == {"id": sixty}
    last = answers["Anything by its id"]["node"]["batch"]["id"]  # that of the failed item in the list before
    assert last == batch["batch"]["id"]
    assert examples["Cancel a batch"]["variables"] == {"input": {"id": last}}
    page_end = answers["Read the event log"]["events"]["pageInfo"]["endCursor"]
    assert examples["Watch all events"]["variables"]["after"] == page_end
    assert answers["Read a typed result"]["analysis"]["result"]["__typename"] == "TextResult"
    assert answers["Anything by its id"]["node"]["__typename"] == "Analysis"

    assert report["watched"][-1]["status"] == "COMPLETED"
    assert report["watched"][-1] == report["shown"]["response"]["data"]["batch"]
    assert report["shown"]["status"].startswith("Ended after ")

    assert report["withHeaders"]["authorizations"] == ["Bearer not-to-be-kept"]
    # The page connects again if a busy machine does not acknowledge the connection within 10 s.
    connections = report["withHeaders"]["connections"]
    assert connections
    assert all(each == {"Authorization": "Bearer not-to-be-kept"} for each in connections)
    assert report["withHeaders"]["isKept"] is False
    assert "submitAnalysis" not in report["explored"]
    assert "keywords" in report["explored"]


@needs_a_browser
async def test_a_subscription_resumes_after_a_restart_of_the_server(
    server: Callable[..., Awaitable[support.Server]],
) -> None:
    one = await server()
    await asyncio.to_thread(support.post, one.url, SUBMIT)
    browser = await asyncio.create_subprocess_exec(
        "node",
        "graphiql-resume.mjs",
        one.address,
        cwd=BROWSER,
        env=os.environ | _environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert browser.stdout is not None
        assert await browser.stdout.readline() == b"ready\n"
        await asyncio.to_thread(support.post, one.url, SUBMIT)
        assert await browser.stdout.readline() == b"live\n"
        await one.kill()
        assert await browser.stdout.readline() == b"reconnecting\n"
        await one.start()
        await asyncio.to_thread(support.post, one.url, SUBMIT)
        report = json.loads(await browser.stdout.read())
    finally:
        if browser.returncode is None:
            browser.terminate()
        await browser.wait()

    first, *again = report["asked"]
    assert first is not None
    assert again
    assert set(again) <= set(report["cursors"])
    assert len(set(report["cursors"])) == len(report["cursors"]), "An event was delivered twice."
    assert report["state"] == "live"
