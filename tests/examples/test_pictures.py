"""The screenshots of the examples' READMEs. ASSAY_SCREENSHOTS=docs/screenshots replaces the committed ones."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.examples.example import EVERYTHING, Page, submit_batch
from tests.hold import Hold
from tests.support import ROOT, Server

pytestmark = pytest.mark.needs("node", "chromium")


REVIEWS = [
    "The manual is thin, but the support line answered within a minute. Thank you, Maria!",
    "Battery life is a joke: two hours, and it is hot.",
    "A lovely little radio. Clear sound, and my father found every button at once.",
    "It arrived on Tuesday, in a brown box.",
    "The food in Paris was wonderful, but the hotel was dirty and far too loud.",
    "Never again. The seat broke on the second day, and nobody wrote back.",
    "Good value. The lens is sharp, and the bag that comes with it is a nice surprise.",
    "I bought one for each of my sisters.",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    wanted = os.environ.get("ASSAY_SCREENSHOTS")
    return ROOT / wanted if wanted else tmp_path


async def take(page: Page, folder: Path, name: str, *, height: int) -> None:
    """Take three pictures: light and dark on a desktop, and dark on a phone."""
    await page("look", width=1000, height=height)
    await page("picture", path=str(folder / f"examples-{name}.png"))
    await page("look", scheme="dark", width=1000, height=height)
    await page("picture", path=str(folder / f"examples-{name}-dark.png"))
    await page("look", scheme="dark", width=390, height=844)
    await page("picture", path=str(folder / f"examples-{name}-phone.png"))
    assert await page("overflow") == 0


@pytest.mark.parametrize("name", ["apollo-react", "urql-react"])
async def test_a_react_page_in_mid_run(
    server: Callable[..., Awaitable[Server]],
    open_example: Callable[..., Awaitable[Page]],
    folder: Path,
    name: str,
    hold: Hold,
) -> None:
    one = await server(workers=2)
    page = await open_example(name, one.address)
    await submit_batch(one, "Archive 2019 to 2025", [text * 40 for text in REVIEWS * 50], EVERYTHING, hold=hold)
    await page("until", selector="#batch[data-status=RUNNING]")
    for text in REVIEWS:
        await page("fill", selector="#text", text=text)
        await page("click", selector="button.primary")
        await page("until", selector="#text:placeholder-shown")  # the text was submitted
    await page("until", selector="#analyses li:first-child[data-status=COMPLETED]")
    await page("click", selector='#analyses li:has-text("Paris") summary')
    await page("until", selector="#analyses dl")
    await take(page, folder, name, height=860)
    hold.let_go()


async def test_the_dashboard_in_mid_run(
    server: Callable[..., Awaitable[Server]], open_example: Callable[..., Awaitable[Page]], folder: Path
) -> None:
    one = await server(workers=1)
    page = await open_example("live-dashboard", one.address)
    many = 8 if "ASSAY_SCREENSHOTS" in os.environ else 1
    await submit_batch(one, "Product reviews", [*REVIEWS * 9, "", ""])
    await page("until", selector=".batch[data-status=COMPLETED]")
    await submit_batch(one, "Support tickets of November", REVIEWS * 10 * many)
    await page("until", selector=".batch:nth-child(2)[data-status=COMPLETED]")
    await submit_batch(one, "Archive 2019 to 2025", [text * 20 for text in REVIEWS * 15 * many], EVERYTHING)
    await page("untilFraction", least=0.4)
    await take(page, folder, "live-dashboard", height=960)
