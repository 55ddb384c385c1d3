"""GraphiQL in narrow and wide windows, for assistive technology, and from links."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from tests import support

BROWSER = support.ROOT / "tests" / "pages"


@pytest.mark.needs("node", "chromium")
@pytest.mark.timeout(900)
async def test_the_page_fits_every_window_and_opens_links(
    server: Callable[..., Awaitable[support.Server]], tmp_path: Path
) -> None:
    one = await server()
    output = await asyncio.to_thread(
        support.run,
        "node",
        "graphiql-look.mjs",
        one.address,
        tmp_path,
        cwd=BROWSER,
        env={"CHROMIUM": support.chromium() or ""},
        timeout=800,
    )
    report = json.loads(output)

    for width, look in report["widths"].items():
        assert look["found"] == [], width
        assert look["errors"] == [], width
        run, editor, response = look["run"], look["editor"], look["response"]
        assert 0 <= run["x"] <= run["x"] + run["width"] <= int(width)
        assert 0 <= run["y"] <= run["y"] + run["height"] <= 844
        if int(width) < 900:
            assert look["shownPanel"] is None, width
            assert look["panelAfter"] is False, "The panel covers the opened example."
            assert editor["width"] > int(width) - 60
            assert response["y"] > editor["y"] + editor["height"]
        else:
            assert look["shownPanel"] == "Hide Examples"
            assert response["x"] >= editor["x"] + editor["width"]

    wide = report["wide"]
    assert wide["before"] == [], "The formatter is loaded before its first use."
    assert wide["after"] > 0
    assert wide["formatted"] == "query AVeryLongNameOfAnOperation {\n  health {\n    status\n  }\n}\n"
    assert wide["cut"] == 0, "The explorer cuts the operation's name."
    assert wide["links"] == [["Dashboard", f"{one.address}/dashboard"], ["Metrics", f"{one.address}/metrics"]]
    assert re.search(rf"^  Dashboard +{one.address}/dashboard$", one.log, re.MULTILINE)
    assert wide["panelsOfNarrow"] == 0
    assert wide["errors"] == []

    links = report["links"]
    assert links["errors"] == []
    assert links["first"] == {
        "query": "query First($n: Int) { analyses(first: $n) { totalCount } }",
        "variables": '{\n  "n": 1\n}',
        "tabs": 1,
    }
    assert links["ran"] is False, "A link must not run an operation."
    assert links["answer"]["response"] == {"data": {"analyses": {"totalCount": 3}}}
    assert links["second"] == {"query": "{ eventsEnd } # 100 % + “more”", "variables": "", "tabs": 2}
    assert links["third"] == {"query": "query Third { health { status } }", "variables": "not JSON", "tabs": 3}
    assert links["current"] == ["Third"]


async def test_browsers_get_an_icon_for_answers_that_are_no_page(
    server: Callable[..., Awaitable[support.Server]],
) -> None:
    one = await server()
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{one.address}/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.text.startswith("<svg")
