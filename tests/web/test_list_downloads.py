"""Downloads of lists: JSON lines and CSV of the analyses that match a filter."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from io import StringIO
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from sqlalchemy import insert, update

from resolvers import exports
from store import tables
from store.queue.enqueue import NewAnalysis
from store.queue.transitions import Fault
from tests.support import Server
from tests.web.test_downloads import Start, analyses_of, database_of, fetch, inserted
from web.downloads import MAX_DOWNLOAD_IDS

LARGE = "x" * 50_000


async def complete(server: Server, analysis_id: str, result: dict[str, Any]) -> None:
    """Store a result as a worker does."""
    text = json.dumps(result, ensure_ascii=False)
    values = {"status": "COMPLETED", "result": text, "result_bytes": len(text.encode()), "result_form": 1}
    async with database_of(server) as database, database.write() as connection:
        await connection.execute(update(tables.analysis).where(tables.analysis.c.id == analysis_id).values(values))
        for tag in result.get("tags", ()):
            row = {"workspace": "default", "tag": tag, "analysis_id": analysis_id}
            await connection.execute(insert(tables.analysis_tag).values(row))


async def listed(
    server: Server, form: str, where: object = None, ids: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Download a list; return the analyses, with the cells of a CSV file by their column."""
    given = {"filter": json.dumps(where) if where is not None else None, "ids": ids and ",".join(ids)}
    query = f"?{urlencode({name: text for name, text in given.items() if text is not None})}"
    status, headers, body = await fetch(server, f"/analyses.{form}{query}")
    assert status == 200
    assert headers["content-disposition"] == f'attachment; filename="analyses.{form}"'
    if form == "csv":
        assert headers["content-type"] == "text/csv; charset=utf-8"
        return list(csv.DictReader(StringIO(body.decode(), newline="")))
    assert headers["content-type"] == "application/x-ndjson; charset=utf-8"
    return [json.loads(line) for line in body.splitlines()]


async def test_a_list_is_complete_and_newest_first(server: Start) -> None:
    one = await server(workers=0)
    count = exports.MAX_PAGE_ROWS * 2 + 7  # three reads
    ids = await analyses_of(one, *[NewAnalysis("text", "{}", 5, input_text=str(n)) for n in range(count)])
    failed = NewAnalysis("text", "{}", 5, "bad", fault=Fault("INPUT_UNREADABLE", "`text`: empty."))
    batch_id = await inserted(one, [failed, NewAnalysis("trial", "{}", 5, "good", "x")])
    for form in ("jsonl", "csv"):
        found = await listed(one, form)
        assert [row["id"] for row in found[2:]] == ids[::-1]
        assert [row["key"] for row in found[:2]] == ["good", "bad"]
        assert [row["key"] for row in await listed(one, form, {"batchId": batch_id})] == ["good", "bad"]
        assert [row["key"] for row in await listed(one, form, {"status": ["FAILED"]})] == ["bad"]
        assert [row["key"] for row in await listed(one, form, {"errorCode": "INPUT_UNREADABLE"})] == ["bad"]
        assert [row["key"] for row in await listed(one, form, {"not": {"analyzer": ["text"]}})] == ["good"]
        most = ids[: MAX_DOWNLOAD_IDS - 1]
        assert [
            row["id"] for row in await listed(one, form, ids=[*most, batch_id.replace("batch", "analysis")])
        ] == most[::-1]
        both = [found[0]["id"], found[1]["id"], found[1]["id"], found[5]["id"]]
        assert [row["key"] for row in await listed(one, form, {"batchId": batch_id}, both)] == ["good", "bad"]
        past = {"createdAfter": "2020-01-01T00:00:00Z", "createdBefore": "2020-01-01T00:00:01Z"}
        assert await listed(one, form, past) == []
        assert (await fetch(one, f"/analyses.{form}", "HEAD"))[0::2] == (200, b"")


async def test_results_of_any_size_and_cells_that_are_no_formulas(server: Start) -> None:
    one = await server(workers=0)
    keys = ["=1+1", "+1", "-1", "@x", "＝x", "a=1", 'say "a", b', "line\nbreak"]
    batch_id = await inserted(one, [NewAnalysis("gone", "{}", 5, key, "x") for key in keys])
    ids = [row["id"] for row in await listed(one, "jsonl", {"batchId": batch_id})][::-1]
    results: list[dict[str, Any]] = [
        {"score": 0.5, "tags": ["a", "b"], "summary": "=HYPERLINK(1)", "text": LARGE},
        {"score": None, "tags": ["=a"], "summary": "é"},
        {"summary": LARGE},
    ]
    for id_, result in zip(ids, results, strict=False):
        await complete(one, id_, result)
    lines = await listed(one, "jsonl")
    assert [line["key"] for line in lines] == keys[::-1]
    assert [line["result"] for line in lines[::-1]] == [*results, *[None] * 5]
    for form in ("jsonl", "csv"):
        assert [row["id"] for row in await listed(one, form, {"tags": ["b", "a"]})] == ids[:1]
        assert [row["id"] for row in await listed(one, form, {"tags": "=a"})] == ids[1:2]
    rows = (await listed(one, "csv"))[::-1]
    assert [row["id"] for row in rows] == ids
    assert [row["key"] for row in rows] == [*(f"'{key}" for key in keys[:5]), *keys[5:]]
    assert {(row["batchId"], row["analyzer"], row["priority"], row["attempt"]) for row in rows} == {
        (batch_id, "gone", "5", "0")
    }
    assert [(row["score"], row["tags"], row["summary"]) for row in rows[:4]] == [
        ("0.5", "a, b", "'=HYPERLINK(1)"),
        ("", "'=a", "é"),
        ("", "", LARGE),
        ("", "", ""),
    ]
    assert rows[0]["createdAt"] == lines[-1]["createdAt"]


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("", "ids.0"),
        ("analysis_00000000000000000000000000,batch_00000000000000000000000000", "ids.1"),
        ("analysis_00000000000000000000000000,", "ids.1"),
        (",".join(["analysis_00000000000000000000000000"] * (MAX_DOWNLOAD_IDS + 1)), "ids"),
    ],
    ids=lambda value: value[:30],
)
async def test_invalid_ids_are_refused(server: Start, text: str, argument: str) -> None:
    one = await server(workers=0)
    status, _, body = await fetch(one, f"/analyses.csv?ids={text}")
    (error,) = json.loads(body)["errors"]
    assert (status, error["extensions"]) == (400, {"code": "BAD_USER_INPUT", "argument": argument})


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("", "filter"),
        ("[]", "filter"),
        ("{", "filter"),
        ('{"status": ["LOST"]}', "filter.status.0"),
        ('{"unknown": 1}', "filter"),
        ('{"batchId": "x"}', "filter.batchId"),
        ('{"createdAfter": "soon"}', "filter.createdAfter"),
        ('{"tags": [1]}', "filter.tags.0"),
        ('{"not": {"not": {}}}', "filter.not.not"),
        ('{"not":' * 500 + "{}" + "}" * 500, "filter.not.not"),
    ],
    ids=lambda value: value[:30],
)
async def test_an_invalid_filter_is_refused(server: Start, text: str, argument: str) -> None:
    one = await server(workers=0)
    status, headers, body = await fetch(one, f"/analyses.csv?filter={quote(text)}")
    (error,) = json.loads(body)["errors"]
    assert (status, headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
