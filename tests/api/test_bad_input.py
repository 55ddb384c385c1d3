"""Invalid inputs: each is refused with a code and a path, and changes nothing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests import support
from tests.api.calls import BATCH, SUBMIT, Api, ApiServer, texts

Path = list[str]
TEXT = {"text": {"text": "Fine."}}
NUL = "`text` has the character U+0000: it must have other characters only."


pytestmark = pytest.mark.usefixtures("nothing_changes")

SUBMISSIONS: list[tuple[str, dict[str, Any], str, Path, str]] = [
    ("empty text", {"request": {"text": {"text": ""}}}, "INVALID", ["request", "text", "text"], "at least 1 character"),
    (
        "white space",
        {"request": {"text": {"text": " \t\n\u2003"}}},
        "INVALID",
        ["request", "text", "text"],
        "white space",
    ),
    ("NUL", {"request": {"text": {"text": "a\0b"}}}, "INVALID", ["request", "text", "text"], NUL),
    (
        "NUL for an analyzer that takes any text",
        {"request": {"trial": {"text": "\0"}}},
        "INVALID",
        ["request", "trial", "text"],
        NUL,
    ),
    (
        "2 MB text",
        {"request": {"text": {"text": "x" * 2_000_000}}},
        "TOO_LARGE",
        ["request", "text", "text"],
        "at most 1,000,000 characters",
    ),
    (
        "2 MB of umlauts",
        {"request": {"text": {"text": "ü" * 1_000_001}}},
        "TOO_LARGE",
        ["request", "text", "text"],
        "at most 1,000,000 characters",
    ),
    (
        "no operations",
        {"request": {"text": {"text": "a", "operations": []}}},
        "INVALID",
        ["request", "text", "operations"],
        "is empty: it must have at least 1 entry.",
    ),
    (
        "101 operations",
        {"request": {"text": {"text": "a", "operations": ["LANGUAGE"] * 101}}},
        "TOO_LARGE",
        ["request", "text", "operations"],
        "has 101 entries: it must have at most 100 entries.",
    ),
    (
        "unknown language",
        {"request": {"text": {"text": "a", "language": "zz"}}},
        "INVALID",
        ["request", "text", "language"],
        "not an ISO 639-1 code",
    ),
    (
        "priority 0",
        {"request": TEXT, "priority": 0},
        "INVALID",
        ["priority"],
        "`priority` is 0: it must be from 1 to 10.",
    ),
    ("priority 11", {"request": TEXT, "priority": 11}, "INVALID", ["priority"], "`priority` is 11: "),
    ("priority -1", {"request": TEXT, "priority": -1}, "INVALID", ["priority"], "`priority` is -1: "),
    ("timeout of 0", {"request": TEXT, "timeoutSeconds": 0}, "INVALID", ["timeoutSeconds"], "from 1 to 86,400."),
    ("timeout of -5", {"request": TEXT, "timeoutSeconds": -5}, "INVALID", ["timeoutSeconds"], "from 1 to 86,400."),
    ("timeout of years", {"request": TEXT, "timeoutSeconds": 2**31 - 1}, "INVALID", ["timeoutSeconds"], "from 1 to"),
    ("no attempts", {"request": TEXT, "maxAttempts": 0}, "INVALID", ["maxAttempts"], "from 1 to 10."),
    ("11 attempts", {"request": TEXT, "maxAttempts": 11}, "INVALID", ["maxAttempts"], "from 1 to 10."),
    ("a wait of -1", {"request": TEXT, "waitSeconds": -1}, "INVALID", ["waitSeconds"], "from 0 to 60."),
    ("a wait of 61", {"request": TEXT, "waitSeconds": 60.5}, "INVALID", ["waitSeconds"], "from 0 to 60."),
    ("a wait for ever", {"request": TEXT, "waitSeconds": 1e308}, "INVALID", ["waitSeconds"], "from 0 to 60."),
    ("empty key", {"request": TEXT, "idempotencyKey": ""}, "INVALID", ["idempotencyKey"], "from 1 to 200."),
    ("long key", {"request": TEXT, "idempotencyKey": "k" * 201}, "INVALID", ["idempotencyKey"], "has 201 characters"),
    ("key with NUL", {"request": TEXT, "idempotencyKey": "\0"}, "INVALID", ["idempotencyKey"], "control character"),
    ("key with C1", {"request": TEXT, "idempotencyKey": "a\x9bb"}, "INVALID", ["idempotencyKey"], "character, U+009B"),
    (
        "blank key",
        {"request": TEXT, "idempotencyKey": "\u200d "},
        "INVALID",
        ["idempotencyKey"],
        "no visible character",
    ),
]


@pytest.mark.parametrize(
    ("given", "code", "path", "message"), [case[1:] for case in SUBMISSIONS], ids=[case[0] for case in SUBMISSIONS]
)
async def test_a_submission_is_refused(queue: Api, given: dict[str, Any], code: str, path: Path, message: str) -> None:
    # Sent by the standard library: the transport of gql warns about bodies of a megabyte.
    answer = await asyncio.to_thread(support.post, queue.server.url, SUBMIT, {"input": given})
    payload = answer["data"]["submitAnalysis"]
    assert payload["analysis"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == (code, path)
    assert message in error["message"]
    assert len(error["message"]) < 300


async def test_all_errors_are_reported_at_once(queue: Api) -> None:
    given = {"request": {"text": {"text": "", "language": "zz"}}, "priority": 0, "timeoutSeconds": 0, "waitSeconds": 99}
    payload = (await queue(SUBMIT, input=given))["submitAnalysis"]
    assert [error["path"] for error in payload["userErrors"]] == [
        ["priority"],
        ["timeoutSeconds"],
        ["waitSeconds"],
        ["request", "text", "text"],
        ["request", "text", "language"],
    ]
    payload = (await queue(SUBMIT, input={"request": {"text": {"text": "a\0b", "language": "zz"}}}))["submitAnalysis"]
    assert [error["path"][1:] for error in payload["userErrors"]] == [["text", "language"], ["text", "text"]]


BATCHES: list[tuple[str, dict[str, Any], str, Path, str]] = [
    ("no items", {"items": []}, "INVALID", ["items"], "from 1 to 10,000 items"),
    ("null for items", {"items": None}, "INVALID", ["items"], "from 1 to 10,000 items"),
    ("nothing", {}, "INVALID", ["items"], "from 1 to 10,000 items"),
    ("10,001 items", {"items": texts(10_001)}, "TOO_LARGE", ["items"], "`items` has 10,001 items"),
    ("keys twice", {"items": texts(1, key="a") * 2}, "INVALID", ["items", "1", "key"], "'a' is given twice"),
    ("empty key", {"items": texts(1, key="")}, "INVALID", ["items", "0", "key"], "from 1 to 200"),
    ("key with NUL", {"items": texts(1, key="a\0")}, "INVALID", ["items", "0", "key"], "control character"),
    ("long key", {"items": texts(1, key="k" * 201)}, "INVALID", ["items", "0", "key"], "has 201 characters"),
    (
        "priority 0",
        {"items": [*texts(1), *texts(1, priority=0)]},
        "INVALID",
        ["items", "1", "priority"],
        "from 1 to 10",
    ),
    ("timeout of 0", {"items": texts(1), "timeoutSeconds": 0}, "INVALID", ["timeoutSeconds"], "from 1 to 86,400."),
    ("no attempts", {"items": texts(1), "maxAttempts": -3}, "INVALID", ["maxAttempts"], "from 1 to 10."),
    ("a long wait", {"items": texts(1), "waitSeconds": 1e9}, "INVALID", ["waitSeconds"], "from 0 to 60."),
    ("empty name", {"items": texts(1), "name": ""}, "INVALID", ["name"], "from 1 to 200."),
    ("name with a line end", {"items": texts(1), "name": "a\nb"}, "INVALID", ["name"], "control character"),
    ("name with an override", {"items": texts(1), "name": "a\u202eb"}, "INVALID", ["name"], "character, U+202E"),
    ("blank name", {"items": texts(1), "name": "\u3164"}, "INVALID", ["name"], "no visible character"),
    ("key with U+2028", {"items": texts(1, key="a\u2028")}, "INVALID", ["items", "0", "key"], "character, U+2028"),
    ("blank key", {"items": texts(1, key="\u200b")}, "INVALID", ["items", "0", "key"], "no visible character"),
]


@pytest.mark.parametrize(
    ("given", "code", "path", "message"), [case[1:] for case in BATCHES], ids=[case[0] for case in BATCHES]
)
async def test_an_invalid_batch_is_refused(
    queue: Api, given: dict[str, Any], code: str, path: Path, message: str
) -> None:
    payload = (await queue(BATCH, input=given))["batchProcess"]
    assert payload["batch"] is None
    (error,) = payload["userErrors"]
    assert (error["code"], error["path"]) == (code, path)
    assert message in error["message"]


LISTS = {
    "analyses": "analyses({}) {{ nodes {{ id }} }}",
    "batches": "batches({}) {{ nodes {{ id }} }}",
    "events": "events({}) {{ nodes {{ cursor }} }}",
}
PAGES: list[tuple[str, str, str]] = [
    ("first: -1", "first", "`first` is -1: it must be from 0 to 1,000"),
    ("first: 1001", "first", "`first` is 1001: it must be from 0 to 1,000"),
    ("first: 2147483647", "first", "`first` is 2147483647: it must be from 0 to 1,000"),
    ("last: -1", "last", "`last` is -1: it must be from 0 to 1,000"),
    ("last: 1001", "last", "`last` is 1001: it must be from 0 to 1,000"),
    ("first: 1, last: 1", "last", "`first` and `last` can't be combined: give one of them"),
    ("first: 20, last: 1", "last", "`first` and `last` can't be combined: give one of them"),
    ('after: ""', "after", "`after` is not a cursor"),
    ('after: "nonsense"', "after", "`after` is not a cursor"),
    ('after: "é🤷"', "after", "`after` is not a cursor"),
    ('before: "WzFd"', "before", "`before` is a cursor of another list"),
    ('before: "e30"', "before", "`before` is not a cursor"),
    ('after: "bnVsbA"', "after", "`after` is not a cursor"),
]


@pytest.mark.parametrize(
    ("field", "arguments", "argument", "message"),
    [
        (field, *case)
        for field in LISTS
        for case in PAGES
        if field != "events" or (case[1] == "first" and "," not in case[0])
    ],
)
async def test_a_page_out_of_bounds(queue: Api, field: str, arguments: str, argument: str, message: str) -> None:
    (error,) = await queue.errors(f"{{ {LISTS[field].format(arguments)} }}")
    assert error["message"].startswith(message)
    assert error["path"] == [field]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}


@pytest.fixture(scope="module")
def batches(queueing_server: ApiServer) -> list[str]:
    """Submit two batches; return their ids."""
    made = [
        support.post(queueing_server.url, BATCH, {"input": {"items": texts(3), "timeoutSeconds": 86_400}})
        for _ in range(2)
    ]
    return [answer["data"]["batchProcess"]["batch"]["id"] for answer in made]


async def test_first_and_last_of_results_together(queue: Api, batches: list[str]) -> None:
    """`first` beside `last` is an error only if it is given, even with the value of its default."""
    (error,) = await queue.errors(
        f'{{ batch(id: "{batches[0]}") {{ results(first: 20, last: 1) {{ nodes {{ id }} }} }} }}'
    )
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "last"}
    assert error["path"] == ["batch", "results"]


async def test_cursors_of_other_lists_and_orders(batches: list[str], queue: Api) -> None:
    cursor = """query ($order: AnalysisOrder) { analyses(orderBy: $order, first: 1) { pageInfo { endCursor } }
      batches(first: 1) { pageInfo { endCursor } } }"""
    by_priority = await queue(cursor, order={"field": "PRIORITY"})
    newest = await queue(cursor)
    cursors = {
        "another list": newest["batches"]["pageInfo"]["endCursor"],
        "another order": by_priority["analyses"]["pageInfo"]["endCursor"],
    }
    page = "query ($after: String, $order: AnalysisOrder) { analyses(after: $after, orderBy: $order) { nodes { id } } }"
    for after in cursors.values():
        (error,) = await queue.errors(page, after=after)
        assert error["message"] == "`after` is a cursor of another list: use a cursor from this list"
        assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    oldest = {"direction": "ASC"}
    (error,) = await queue.errors(page, after=newest["analyses"]["pageInfo"]["endCursor"], order=oldest)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    results = "query ($id: ID!) { batch(id: $id) { results { pageInfo { endCursor } } } }"
    found = (await queue(results, id=batches[0]))["batch"]["results"]["pageInfo"]["endCursor"]
    other = "query ($id: ID!, $after: String) { batch(id: $id) { results(after: $after) { nodes { id } } } }"
    (error,) = await queue.errors(other, id=batches[1], after=found)
    assert error["path"] == ["batch", "results"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}


FILTERS: list[tuple[str, str, str]] = [
    ('{ batchId: "nonsense" }', "BAD_USER_INPUT", "filter.batchId"),
    ('{ batchId: "analysis_01jd0000000000000000000000" }', "BAD_USER_INPUT", "filter.batchId"),
    (f'{{ search: "{"x" * 201}" }}', "BAD_USER_INPUT", "filter.search"),
    (f'{{ search: "{"x " * 11}" }}', "BAD_USER_INPUT", "filter.search"),
    ('{ search: "a\\u0000" }', "BAD_USER_INPUT", "filter.search"),
    ('{ analyzer: ["text", "a\\u0000"] }', "BAD_USER_INPUT", "filter.analyzer"),
    (f"{{ analyzer: {json.dumps(['text'] * 101)} }}", "BAD_USER_INPUT", "filter.analyzer"),
    (f"{{ key: {json.dumps(['0'] * 101)} }}", "BAD_USER_INPUT", "filter.key"),
    ('{ key: ["a\\u0000"] }', "BAD_USER_INPUT", "filter.key"),
    ('{ not: { batchId: "nonsense" } }', "BAD_USER_INPUT", "filter.not.batchId"),
    (f'{{ not: {{ search: "{"x" * 201}" }} }}', "BAD_USER_INPUT", "filter.not.search"),
    ("{ not: { not: {} } }", "BAD_USER_INPUT", "filter.not.not"),
    (f"{'{ not: ' * 40}{{}}{'}' * 40}", "BAD_USER_INPUT", "filter.not.not"),
]


@pytest.mark.parametrize(("where", "code", "argument"), FILTERS, ids=[case[0][:40] for case in FILTERS])
async def test_a_filter_out_of_bounds(queue: Api, where: str, code: str, argument: str) -> None:
    (error,) = await queue.errors(f"{{ analyses(filter: {where}) {{ nodes {{ id }} }} }}")
    assert error["path"] == ["analyses"]
    assert error["extensions"] == {"code": code, "argument": argument}


async def test_a_very_deep_filter_is_refused(queue: Api) -> None:
    where: dict[str, Any] = {}
    for _ in range(300):
        where = {"not": where}
    query = "query ($filter: AnalysisFilter) { analyses(filter: $filter) { nodes { id } } }"
    (error,) = await queue.errors(query, filter=where)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("name", ["x" * 201, "a\0"])
async def test_a_name_of_batches_out_of_bounds(queue: Api, name: str) -> None:
    query = "query ($filter: BatchFilter) { batches(filter: $filter) { nodes { id } } }"
    (error,) = await queue.errors(query, filter={"name": name})
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "filter.name"}


@pytest.mark.parametrize("instant", ["2026-01-01", "yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "", "0"])
async def test_an_invalid_instant(queue: Api, instant: str) -> None:
    query = "query ($from: DateTime) { analyses(filter: { createdAfter: $from }) { nodes { id } } }"
    (error,) = await queue.errors(query, **{"from": instant})
    assert "DateTime is an RFC 3339 instant with an offset" in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_repeated_status_counts_once(queue: Api) -> None:
    many = ["TIMED_OUT"] * 40_000
    query = "query ($status: [AnalysisStatus!]) { analyses(filter: { status: $status }) { totalCount nodes { id } } }"
    assert (await queue(query, status=many))["analyses"] == {"totalCount": 0, "nodes": []}
    query = "query ($status: [BatchStatus!]) { batches(status: $status) { totalCount nodes { id } } }"
    assert (await queue(query, status=many))["batches"] == {"totalCount": 0, "nodes": []}
    query = "query ($types: [EventType!]) { events(filter: { types: $types }) { nodes { cursor } } }"
    assert (await queue(query, types=["BATCH_TIMED_OUT"] * 40_000))["events"] == {"nodes": []}


async def test_a_repeated_status_counts_once_also_in_a_batch(batches: list[str], queue: Api) -> None:
    query = """query ($id: ID!, $status: [AnalysisStatus!]) { batch(id: $id) {
      results(status: $status) { totalCount nodes { key } } } }"""
    found = (await queue(query, id=batches[0], status=["QUEUED"] * 40_000))["batch"]["results"]
    assert found == {"totalCount": 3, "nodes": [{"key": "0"}, {"key": "1"}, {"key": "2"}]}
