"""The dashboard in a browser, and the server's own figures for comparison."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests import support
from tests.hold import Hold

BROWSER = support.ROOT / "tests" / "pages"
HOSTILE = "<img src=x onerror=alert(1)>"

needs_a_browser = pytest.mark.needs("node", "chromium")


class Page:
    """The page in Chromium, which runs one command at a time."""

    def __init__(self, browser: asyncio.subprocess.Process) -> None:
        self._browser = browser

    async def __call__(self, do: str, **arguments: Any) -> Any:
        assert self._browser.stdin is not None
        assert self._browser.stdout is not None
        self._browser.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        line = await self._browser.stdout.readline()
        assert line, f"The browser ended at {do} {arguments}."
        answer = json.loads(line)
        assert "failed" not in answer, f"{do} {arguments}: {answer['failed']}"
        return answer["done"]

    async def accessible(self) -> None:
        """Assert that axe reports no violation, in the light and the dark theme."""
        for scheme in ("light", "dark"):
            await self("look", scheme=scheme)
            assert await self("axe") == [], scheme
        await self("look")


BATCH = """
mutation ($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } userErrors { message } } }
"""
COUNTS = """
query ($id: ID!) {
  batch(id: $id) { status totalItems processed failed canceled timedOut progress { fraction } }
}
"""
LOG = """
query ($after: String) { events(first: 1000, after: $after) { nodes { cursor } pageInfo { hasNextPage endCursor } } }
"""
FAILED = """
query ($id: ID!) { batch(id: $id) { results(first: 1, status: [FAILED]) { nodes { id key error { message } } } } }
"""

LONG = "The new trains are wonderful, quiet and quick, but the coffee of the station in Paris is terrible. " * 20
EVERYTHING = ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS", "TOPICS", "ENTITIES", "SUMMARY"]


async def ask(server: support.Server, query: str, **variables: Any) -> Any:
    answer = await asyncio.to_thread(support.post, server.url, query, variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def submit(
    server: support.Server,
    name: str,
    texts: list[str],
    operations: list[str] | None = None,
    *,
    hold: Hold | None = None,
) -> str:
    """Submit a batch of these texts. Returns its id. With `hold`, the second half of the items waits."""
    items = [
        {"key": f"{name} {n}", "request": {"text": {"text": text, "operations": operations or ["LANGUAGE"]}}}
        for n, text in enumerate(texts)
    ]
    if hold:
        items = await asyncio.to_thread(hold.second_half_of, items, server)
    data = await ask(server, BATCH, input={"name": name, "items": items, "timeoutSeconds": 3_600})
    return str(data["batchProcess"]["batch"]["id"])


async def counts(server: support.Server, batch: str) -> dict[str, int]:
    """Return the batch's counters from the database, by the page's names."""
    row = (await ask(server, COUNTS, id=batch))["batch"]
    return {
        "processed": row["processed"],
        "failed": row["failed"],
        "canceled": row["canceled"],
        "timed out": row["timedOut"],
    }


SLOTS = "{ metrics { workers { slots } } }"
SET_SLOTS = "mutation ($limit: Int) { setConcurrency(input: {limit: $limit}) { userErrors { message } } }"


async def settled(server: support.Server) -> None:
    """Return when the workers have applied all pauses so far, which they do within a second.

    They apply a new number of slots at the same time, and report it.
    """
    before = {worker["slots"] for worker in (await ask(server, SLOTS))["metrics"]["workers"]}
    limit = 2 if before == {1} else 1
    await ask(server, SET_SLOTS, limit=limit)

    async def are_applied() -> bool:
        return {worker["slots"] for worker in (await ask(server, SLOTS))["metrics"]["workers"]} == {limit}

    await support.until(are_applied, what="the workers to apply the pause")


async def cursors(server: support.Server) -> list[str]:
    """Return the cursors of the whole log."""
    found: list[str] = []
    after = None
    while True:
        page = (await ask(server, LOG, after=after))["events"]
        found += [node["cursor"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def require_whole_log(page: Page, server: support.Server) -> list[str]:
    """Wait until the page has all events, compare them with the log, and return their cursors.

    The page keeps the last 20,000. Alerts of a busy machine may come at any time: the page may have later ones.
    """
    count = len(await cursors(server))
    await page("untilEvents", count=count)
    shown = [event["cursor"] for event in await page("events")]
    log = await cursors(server)
    log = log[: log.index(shown[-1]) + 1]
    assert len(log) >= count
    assert shown == log[-20_000:]
    return log
