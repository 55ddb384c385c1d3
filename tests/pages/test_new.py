"""The page for new analyses: a form of the analyzer's schema, one or many items, a draft, and Run again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests import support
from tests.pages.live_page import HOSTILE, Page, ask, needs_a_browser

ANALYSIS = """
query ($id: ID!) { analysis(id: $id) { status priority maxAttempts inputText inputData options analyzer { name } } }
"""
BATCH = """
query ($id: ID!) {
  batch(id: $id) {
    name totalItems timeoutSeconds
    results(first: 100) { nodes { key priority inputText options status } }
  }
}
"""
FAULT = ".field .refusal:not(:empty)"
SURVEY = '''
from enum import StrEnum

from analyzers.base import Analyzer, Job, Request, Result
from pydantic import BaseModel, Field


class Reading(BaseModel):
    place: str = Field(min_length=1, description="A place.")
    value: float = Field(le=1000, description="A value.")


class SurveyRequest(Request):
    data: list[Reading] = Field(min_length=1, max_length=3, description="Readings.")
    rounds: int = Field(default=2, ge=1, le=9, description="How often.")
    is_exact: bool = Field(default=False, description="Whether rounding is off.")


class SurveyResult(Result):
    """A result without fields of its own."""


def run(request: SurveyRequest, job: Job) -> SurveyResult:
    return SurveyResult(summary=f"{len(request.data)} readings in {request.rounds} rounds, exact: {request.is_exact}.")


SURVEY = Analyzer(
    name="survey", version="1", description="Reads.", request=SurveyRequest, result=SurveyResult, run=run
)
'''


async def opened(page: Page, folder: str) -> str:
    """Wait for the page of a submitted object and return its id."""
    await page("until", selector=f'.crumbs a[href$="/{folder}"]')
    return str(await page("address")).split("/")[2]


@needs_a_browser
async def test_one_text_is_submitted_with_its_options_and_run_again(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/new")
    await page("until", selector=".counter", text="0 of 1,000,000 characters")
    await page("fill", selector="#field-text", text=f"The food in Paris was wonderful. 😀 {HOSTILE}")
    await page("until", selector=".counter", text=f"{35 + len(HOSTILE)} of 1,000,000 characters")
    await page("click", selector=".options label:has-text('Entities')")
    await page("click", selector=".options label:has-text('Keywords')")
    await page("fill", selector="#setting-priority", text="9")

    # The server's refusals are beside their fields, of which the first has the focus.
    await page("fill", selector="#field-language", text="english")
    await page("fill", selector="#setting-timeoutSeconds", text="0")
    await page("click", selector=".send button")
    await page("until", selector="#field-language-fault", text="is not an ISO 639-1 code")
    await page("until", selector="#setting-timeoutSeconds-fault", text="from 1 to 86,400")
    await page("until", selector="#field-language:focus")
    assert await page("count", selector=FAULT) == 2
    await page.accessible()

    # The draft survives a reload, without the refusals.
    await page("reload")
    await page("until", selector="#field-language")
    assert await page("value", selector="#field-text") == f"The food in Paris was wonderful. 😀 {HOSTILE}"
    assert await page("count", selector=".options input:checked") == 4
    assert await page("count", selector=FAULT) == 0
    await page("fill", selector="#field-language", text="en")
    await page("fill", selector="#setting-timeoutSeconds", text="60")
    await page("click", selector=".send button")
    id_ = await opened(page, "analyses")
    await page("until", selector="[data-status=COMPLETED]")
    sent = (await ask(one, ANALYSIS, id=id_))["analysis"]
    assert sent == {
        "status": "COMPLETED",
        "priority": 9,
        "maxAttempts": 3,
        "inputText": f"The food in Paris was wonderful. 😀 {HOSTILE}",
        "inputData": None,
        "options": {
            "operations": ["STATISTICS", "LANGUAGE", "SENTIMENT", "ENTITIES"],
            "language": "en",
            "format": "AUTO",
        },
        "analyzer": {"name": "text"},
    }

    # The sent text has left the form, its options have not. "Run again" brings it back.
    await page("open", path="/new")
    await page("until", selector="#field-text")
    assert await page("value", selector="#field-text") == ""
    assert await page("value", selector="#field-language") == "en"
    await page("open", path=f"/analyses/{id_}")
    await page("click", selector=".actions a:has-text('Run again')")
    await page("untilAddress", address="/new?analyzer=text")
    await page("until", selector="#field-text")
    assert await page("value", selector="#field-text") == sent["inputText"]
    await page("click", selector=".send button")
    again = await opened(page, "analyses")
    assert again != id_
    await page("until", selector="[data-status=COMPLETED]")
    assert (await ask(one, ANALYSIS, id=again))["analysis"] == sent
    record = await page("record")
    assert record["errors"] == []
    assert record["dialogs"] == []


async def require_refused_files(page: Page) -> None:
    """Require that files with faults neither widen the page nor lose lines in silence. The form is empty afterwards."""
    await page("fill", selector="#many", text="Typed.")
    await page("until", selector=".found", text="1 item")
    await page("gone", selector=".many > .refusal:not(:empty)")

    # Wide names of a file and of columns stay within the page.
    await page("choose", selector="input[type=file]", name="x" * 200 + ".pdf", text="%PDF")
    await page("until", selector=".many > .refusal", text="is no .txt, .csv or .jsonl file.")
    assert await page("overflow") <= 0
    head = ",".join(["text", *(str(at) + "c" * 400 for at in range(30))])
    await page("choose", selector="input[type=file]", name="y" * 200 + ".csv", text=f'{head}\nFine.\n"Lost.\n\nLost.\n')
    await page("until", selector=".found", text="1 item, 3 lines left out. Columns without a use: 0cccc")
    await page("until", selector=".found", text="…, and 20 more")
    assert await page("texts", selector=".faults li") == ["Line 3 A quotation mark is not closed."]
    assert await page("overflow") <= 0
    await page("look", width=320, height=844)
    assert await page("overflow") <= 0
    await page("look")

    # A refused file leaves the one before it. Removing that one removes the refusal too.
    await page("choose", selector="input[type=file]", name="latin.csv", text=[*b"text\nna", 0xEF, *b"ve\n"])
    await page("until", selector=".many > .refusal", text="latin.csv is not UTF-8.")
    await page("until", selector=".file", text="y" * 200)
    await page("click", selector=".file button")
    await page("until", selector="#many")
    await page("gone", selector=".many > .refusal:not(:empty)")
    await page("choose", selector="input[type=file]", name="wide.txt", text=[*"\ufeffnaïve".encode("utf-16-le")])
    await page("until", selector=".preview td:last-child", text="naïve")
    await page("click", selector=".file button")
    await page("until", selector=".send button:disabled")


@needs_a_browser
async def test_many_items_are_pasted_or_read_from_a_file(
    server: Callable[..., Awaitable[support.Server]], open_page: Callable[..., Awaitable[Page]]
) -> None:
    one = await server()
    page = await open_page(one, path="/new")
    await page("click", selector=".tabs a:has-text('Many')")
    await page("until", selector=".send button:disabled", text="Analyze 0 items")
    await page("fill", selector="#many", text=f"A lovely day.\n\n{HOSTILE}\n   \nשלום, 世界!\n")
    await page("until", selector=".found", text="3 items")
    assert await page("texts", selector=".preview td:last-child") == ["A lovely day.", HOSTILE, "שלום, 世界!"]
    assert await page("texts", selector=".preview td:first-child") == ["1", "3", "5"]
    await page("fill", selector="#setting-name", text=f"pasted {HOSTILE}")
    await page("click", selector=".send button:has-text('Analyze 3 items')")
    batch = (await ask(one, BATCH, id=await opened(page, "batches")))["batch"]
    assert batch["name"] == f"pasted {HOSTILE}"
    assert [item["inputText"] for item in batch["results"]["nodes"]] == ["A lovely day.", HOSTILE, "שלום, 世界!"]

    await page("open", path="/new?mode=many")
    await page("until", selector=".send button:disabled")
    await page("choose", selector="input[type=file]", name="a.pdf", text="%PDF")
    await page("until", selector=".many > .refusal", text="a.pdf is no .txt, .csv or .jsonl file.")
    await require_refused_files(page)
    text = 'key,text,language,mood\na,"One, ""two""",en,x\nb,,en,x\na,Twice,en,x\nd,Fine,,x\n'
    await page("choose", selector="input[type=file]", name="rows.csv", text=text)
    await page("until", selector=".found", text="2 items, 2 lines left out. Columns without a use: mood")
    assert await page("texts", selector=".faults li") == [
        "Line 3 The text is empty.",
        "Line 4 The key a is that of line 2.",
    ]
    await page.accessible()
    await page("look", width=390, height=844)
    assert await page("overflow") <= 0
    assert await page("axe") == []
    await page("look")
    await page("reload")
    await page("until", selector=".file", text="rows.csv")
    await page("fill", selector="#setting-timeoutSeconds", text="700")
    await page("fill", selector="#setting-priority", text="2")
    await page("click", selector=".send button:has-text('Analyze 2 items')")
    batch = (await ask(one, BATCH, id=await opened(page, "batches")))["batch"]
    assert batch["timeoutSeconds"] == 700
    assert [(item["key"], item["priority"], item["inputText"]) for item in batch["results"]["nodes"]] == [
        ("a", 2, 'One, "two"'),
        ("d", 2, "Fine"),
    ]
    assert [item["options"]["language"] for item in batch["results"]["nodes"]] == ["en", None]

    # The server refuses one line of a file: the batch runs without it, and the page says so.
    await page("open", path="/new?mode=many")
    lines = '{"text": "Fine.", "key": "x", "priority": 8}\n{"text": "Bad.", "language": "english"}\n'
    typed = '{"text": 5}\n{"request": {"text": {"text": 7}}}\n'
    await page("choose", selector="input[type=file]", name="rows.jsonl", text=lines + typed)
    await page("until", selector=".found", text="3 items, 1 line left out")
    assert await page("texts", selector=".faults li") == ["Line 3 The value of text must be a text."]
    await page("click", selector=".send button")
    await page("until", selector=".faults:has-text('The server refused these lines') li", text="Line 4 ")
    await page("click", selector=".file button")
    await page("choose", selector="input[type=file]", name="rows.jsonl", text=lines)
    await page("until", selector=".found", text="2 items")
    await page("fill", selector="#setting-timeoutSeconds", text="0")
    await page("click", selector=".send button")
    await page("until", selector="#setting-timeoutSeconds-fault", text="from 1 to 86,400")
    await page("fill", selector="#setting-timeoutSeconds", text="300")
    await page("click", selector=".send button")
    await page("until", selector=".toasts li", text="1 item refused.")
    batch = (await ask(one, BATCH, id=await opened(page, "batches")))["batch"]
    assert [(item["key"], item["priority"]) for item in batch["results"]["nodes"]] == [("x", 8), ("1", 2)]
    assert batch["results"]["nodes"][1]["status"] == "FAILED"
    record = await page("record")
    # The browser itself reports the refusal of line 4.
    assert [error for error in record["errors"] if "400" not in error] == []
    assert record["dialogs"] == []


@needs_a_browser
async def test_the_form_of_a_plugin_is_made_from_its_schema(
    server: Callable[..., Awaitable[support.Server]],
    open_page: Callable[..., Awaitable[Page]],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(support.install_analyzer(tmp_path, "survey", SURVEY)))
    one = await server()
    page = await open_page(one, path="/new")
    await page("until", selector="#analyzer")
    await page("select", selector="#analyzer", value="survey")
    await page("untilAddress", address="/new?analyzer=survey")
    await page("until", selector="#field-data")
    await page("fill", selector="#field-data", text="[{")
    await page("click", selector=".send button")
    await page("until", selector="#field-data-fault", text="This is not valid JSON.")
    await page("fill", selector="#field-data", text='[{"place": "Oslo", "value": 2000}]')
    await page("fill", selector="#field-rounds", text="10")
    await page("check", selector=".flag input")
    await page("click", selector=".send button")
    await page("until", selector="#field-data-fault:not(:empty)")
    await page("until", selector="#field-rounds-fault:not(:empty)")
    await page("fill", selector="#field-data", text='[{"place": "Oslo", "value": 20}]')
    await page("fill", selector="#field-rounds", text="9")
    await page("click", selector=".send button")
    await page("until", selector=".result .summary", text="1 readings in 9 rounds, exact: True.")
    record = await page("record")
    assert record["errors"] == []
