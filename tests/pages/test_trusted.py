"""The pages of a server that runs trusted documents only: each operation of the pages is one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from execution.manifests import read_manifest
from tests import support
from tests.pages.live_page import Page, ask, needs_a_browser, submit

SOURCES = support.ROOT / "pages" / "dashboard" / "src"
SESSION = support.ROOT / "pages" / "shared" / "session.ts"
WHOLE = '.holds li[data-analyzer=""]'
DOCUMENTS = support.ROOT / "web" / "static" / "dashboard" / "documents.json"


def test_the_build_has_every_operation_of_the_sources() -> None:
    files = [*SOURCES.rglob("*.graphql"), SOURCES / "data" / "operations.ts", SESSION]
    pattern = re.compile(r"^(?:export const \w+ = `)?(?:query|mutation|subscription) (\w+)", re.MULTILINE)
    named = {name for path in files for name in pattern.findall(path.read_text())}
    assert len(named) > 40
    texts = read_manifest(DOCUMENTS).values()
    built = {
        name for text in texts for name in re.findall(r"^(?:query|mutation|subscription) (\w+)", text, re.MULTILINE)
    }
    assert built == named


@needs_a_browser
async def test_the_pages_work_with_trusted_documents_only(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]], tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"end": "{ eventsEnd }"}))
    # Two servers of one database: the test asks the first.
    free = await server()
    only = await server(workers=0, trusted_documents=manifest, trusted_documents_only=True)
    answer = support.post(only.url, "{ analyzers { name } }")
    assert answer["errors"][0]["extensions"]["code"] == "QUERY_NOT_IN_SAFELIST"
    batch = await submit(free, "trusted", ["A lovely day in Paris. " * 10, "", "Terrible."])
    page = await open_page(only, path="/batches")
    await page("untilBatch", id=batch, status="COMPLETED")
    item = (await ask(free, "{ analyses(first: 1) { nodes { id } } }"))["analyses"]["nodes"][0]["id"]
    for path, title in {
        "": "Overview",
        "/analyses": "Analyses",
        f"/analyses/{item}": "trusted",
        f"/batches/{batch}": "trusted",
        "/new": "New analysis",
        "/queue": "Queue",
        "/events": "Events",
    }.items():
        await page("open", path=path)
        await page("until", selector="h1", text=title)

    # A mutation, and its event.
    await page("open", path="/queue")
    await page("click", selector=f"{WHOLE} button:has-text('Pause')")
    await page("fill", selector=f"{WHOLE} input:focus", text="Trusted.")
    await page("press", key="Enter")
    await page("until", selector=".banner[data-kind=paused] bdi", text="Trusted.")
    record = await page("record")
    assert (record["errors"], record["refused"]) == ([], [])
