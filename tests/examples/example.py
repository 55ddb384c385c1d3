"""Helpers for the tests of the examples: the page in the browser, and the expected content of the database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from tests import support
from tests.hold import Hold

EXAMPLES = support.ROOT / "frontend-examples"
HERE = Path(__file__).parent

LONG = "The new trains are wonderful, quiet and quick, but the coffee of the station in Paris is terrible. " * 20
EVERYTHING = ["STATISTICS", "LANGUAGE", "SENTIMENT", "KEYWORDS", "TOPICS", "ENTITIES", "SUMMARY"]
HOSTILE = "<img src=x onerror=alert(1)>"


class Page:
    """A page in Chromium, controlled step by step."""

    def __init__(self, browser: asyncio.subprocess.Process, ws_url: str) -> None:
        self._browser = browser
        self.ws_url = ws_url

    async def __call__(self, do: str, **arguments: Any) -> Any:
        assert self._browser.stdin is not None
        assert self._browser.stdout is not None
        self._browser.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        line = await self._browser.stdout.readline()
        assert line, f"the browser ended at {do} {arguments}"
        answer = json.loads(line)
        assert "failed" not in answer, f"{do} {arguments}: {answer['failed']}"
        return answer["done"]

    async def accessible(self) -> None:
        """Check the page with axe in light and dark mode, and check that it is not wider than a phone."""
        for scheme in ("light", "dark"):
            await self("look", scheme=scheme)
            assert await self("axe") == [], scheme
        await self("look", width=360, height=740)
        await support.until(self._fits, what="the page to be no wider than a phone")  # plots follow a frame later
        await self("look")

    async def _fits(self) -> bool:
        return bool(await self("overflow") == 0)

    async def without_a_problem(self, *, server_was_away: bool = False) -> dict[str, Any]:
        """Return the browser's record, after a check for errors and for requests to other hosts."""
        record: dict[str, Any] = await self("record")
        assert record["foreign"] == []
        assert set(record["sockets"]) <= {self.ws_url}
        # Messages of the browser itself about an absent server.
        away = ("WebSocket connection to", "net::ERR_", "responded with a status of 502", "502 http://127.0.0.1")
        errors = record["errors"]
        if server_was_away:
            errors = [error for error in errors if not any(each in error for each in away)]
        assert errors == []
        return record


async def ask(server: support.Server, query: str, **variables: Any) -> Any:
    """Send a request that must succeed; return its data."""
    answer = await asyncio.to_thread(support.post, server.url, query, variables)
    assert "errors" not in answer, answer
    return answer["data"]


BATCH = """
mutation ($input: BatchProcessInput!) { batchProcess(input: $input) { batch { id } userErrors { message } } }
"""


async def submit_batch(
    server: support.Server,
    name: str,
    texts: list[str],
    operations: list[str] | None = None,
    *,
    hold: Hold | None = None,
) -> str:
    """Submit a batch of these texts; return its id. With `hold`, the second half of the items waits."""
    items = [{"request": {"text": {"text": text, "operations": operations or ["LANGUAGE"]}}} for text in texts]
    if hold:
        items = await asyncio.to_thread(hold.second_half_of, items, server)
    data = await ask(server, BATCH, input={"name": name, "items": items})
    return str(data["batchProcess"]["batch"]["id"])


async def batch(server: support.Server, identity: str) -> dict[str, Any]:
    """Return the figures of a batch under their names on the pages."""
    query = "query ($id: ID!) { batch(id: $id) { id status processed failed canceled timedOut } }"
    row = (await ask(server, query, id=identity))["batch"]
    return {
        "id": row["id"],
        "status": row["status"],
        "completed": row["processed"],
        "failed": row["failed"],
        "canceled": row["canceled"],
        "timed out": row["timedOut"],
    }


async def rows(server: support.Server, first: int) -> list[list[str]]:
    """Return id and status of the newest analyses."""
    data = await ask(server, "query ($first: Int!) { analyses(first: $first) { nodes { id status } } }", first=first)
    return [[node["id"], node["status"]] for node in data["analyses"]["nodes"]]


async def cursors(server: support.Server, after: str | None = None) -> list[str]:
    """Return the cursors of the log, or those after a cursor."""
    query = """query ($after: String) {
      events(first: 1000, after: $after) { nodes { cursor } pageInfo { hasNextPage endCursor } }
    }"""
    found: list[str] = []
    while True:
        page = (await ask(server, query, after=after))["events"]
        found += [node["cursor"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def has_all_events(page: Page, server: support.Server) -> list[str]:
    """Wait until the page has all events since its start, once and in order; return their cursors."""

    async def began() -> list[str]:
        return list((await page("record"))["after"])

    log = await cursors(server, (await support.until(began, what="the page to follow the events"))[0])
    await page("until", selector=f"#events[data-count='{len(log)}']")
    record = await page("record")
    if record["sockets"]:
        assert record["events"] == log

    async def drawn() -> bool:  # the count is updated one frame before the list
        feed = await page("cursors")
        return bool(feed == log[::-1][: len(feed)])

    await support.until(drawn, what="the newest events to be drawn")
    return log
