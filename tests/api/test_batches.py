"""Submit batches of one to ten thousand items, with invalid items, with given and with generated keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.api.calls import BATCH, Api, ApiServer, connected, texts

RESULTS = """
query Results($id: ID!, $first: Int = 1000, $status: [AnalysisStatus!]) {
  batch(id: $id) { results(first: $first, status: $status) { totalCount nodes {
    key status priority inputText inputData options error { code message retryable } result { summary } batch { id }
  } } }
}
"""


async def results(api: Api, id_: str, **more: Any) -> list[dict[str, Any]]:
    connection = (await api(RESULTS, id=id_, **more))["batch"]["results"]
    found: list[dict[str, Any]] = connection["nodes"]
    assert connection["totalCount"] == len(found)
    return found


async def test_a_batch_of_one(api: Api) -> None:
    batch = await api.batch(texts(1), waitSeconds=30, name="Just one")
    assert batch == {
        "id": batch["id"],
        "name": "Just one",
        "status": "COMPLETED",
        "totalItems": 1,
        "processed": 1,
        **dict.fromkeys(["failed", "canceled", "timedOut", "running", "queued"], 0),
        "timeoutSeconds": 300,
        "progress": {"fraction": 1.0, "step": None},
    }
    assert batch["id"].startswith("batch_")
    (item,) = await results(api, batch["id"])
    assert (item["key"], item["status"], item["batch"]) == ("0", "COMPLETED", {"id": batch["id"]})


async def test_a_queued_batch(queue: Api) -> None:
    batch = await queue.batch(texts(3, priority=8), timeoutSeconds=7_777, maxAttempts=9)
    assert batch == {
        "id": batch["id"],
        "name": None,
        "status": "QUEUED",
        "totalItems": 3,
        "queued": 3,
        **dict.fromkeys(["processed", "failed", "canceled", "timedOut", "running"], 0),
        "timeoutSeconds": 7_777,
        "progress": {"fraction": 0.0, "step": "0 of 3 items"},
    }
    assert [item["priority"] for item in await results(queue, batch["id"])] == [8, 8, 8]


async def test_ten_thousand_items_in_their_order(queue: Api) -> None:
    batch = await queue.batch(texts(10_000, "{}"), name="Ten thousand")
    assert (batch["totalItems"], batch["queued"]) == (10_000, 10_000)
    query = """query ($id: ID!, $after: String) { batch(id: $id) { results(first: 1000, after: $after) {
      nodes { key inputText } pageInfo { hasNextPage endCursor } } } }"""
    found, after = [], None
    while True:
        page = (await queue(query, id=batch["id"], after=after))["batch"]["results"]
        found += [(item["key"], item["inputText"]) for item in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == [(str(n), str(n)) for n in range(10_000)]
    cancel = "mutation ($id: ID!) { cancelBatch(input: { id: $id }) { userErrors { code } } }"
    assert (await queue(cancel, id=batch["id"]))["cancelBatch"] == {"userErrors": []}
    canceled = await queue.ended(batch["id"])
    assert (canceled["status"], canceled["canceled"]) == ("CANCELED", 10_000)


async def test_only_invalid_items_fail(api: Api) -> None:
    items: list[dict[str, Any]] = [
        {"key": "good", "request": {"text": {"text": "Fine."}}},
        {"key": "empty", "request": {"text": {"text": ""}}},
        {"key": "large", "request": {"text": {"text": "x" * 1_000_001}}},
        {"request": {"text": {"text": "Fine too.", "language": "xx"}}},
        {"key": "two", "request": {"survey": {"data": [{"atStation": "", "value": 1e9}]}}},
        {"key": "last", "request": {"record": {"data": {}}}},
    ]
    payload = (await api(BATCH, input={"items": items, "waitSeconds": 60}))["batchProcess"]
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [
        ("INPUT_UNREADABLE", ["items", "1", "request", "text", "text"]),
        ("INPUT_TOO_LARGE", ["items", "2", "request", "text", "text"]),
        ("INPUT_UNREADABLE", ["items", "3", "request", "text", "language"]),
        ("INPUT_UNREADABLE", ["items", "4", "request", "survey", "data", "0", "atStation"]),
        ("INPUT_UNREADABLE", ["items", "4", "request", "survey", "data", "0", "value"]),
    ]
    batch = payload["batch"]
    assert (batch["status"], batch["totalItems"], batch["processed"], batch["failed"]) == ("COMPLETED", 6, 2, 4)
    found = await results(api, batch["id"])
    assert [(item["key"], item["status"], item["error"] and item["error"]["code"]) for item in found] == [
        ("good", "COMPLETED", None),
        ("empty", "FAILED", "INPUT_UNREADABLE"),
        ("large", "FAILED", "INPUT_TOO_LARGE"),
        ("3", "FAILED", "INPUT_UNREADABLE"),
        ("two", "FAILED", "INPUT_UNREADABLE"),
        ("last", "COMPLETED", None),
    ]
    # One fault has one code and one message in both places.
    reported = {error["path"][1]: error for error in reversed(payload["userErrors"])}
    for number in (1, 2, 3, 4):
        error = reported[str(number)]
        assert found[number]["error"] == {"code": error["code"], "message": error["message"], "retryable": False}
        assert found[number]["options"] == {}
    assert reported["2"]["message"] == "`text` has 1,000,001 characters: it must have at most 1,000,000 characters."
    # A refused input is kept, and the start of one that is too large.
    assert [found[number]["inputText"] for number in (1, 2, 3, 4)] == ["", "x" * 1_000, "Fine too.", None]
    assert [found[number]["inputData"] for number in (3, 4)] == [None, [{"atStation": "", "value": 1e9}]]
    failed = await results(api, batch["id"], status=["FAILED"])
    assert [item["key"] for item in failed] == ["empty", "large", "3", "two"]


async def test_a_batch_of_invalid_items_ends_at_once(queue: Api) -> None:
    before = queue.counts()
    items = [{"request": {"text": {"text": ""}}}] * 1_200
    payload = (await queue(BATCH, input={"items": items}))["batchProcess"]
    assert (payload["batch"]["status"], payload["batch"]["failed"]) == ("COMPLETED", 1_200)
    assert len(payload["userErrors"]) == 1_000  # the other errors are in the items
    after = queue.counts()
    assert after["analysis"] == before["analysis"] + 1_200
    types = [event["type"] for event in await queue.log(batchId=payload["batch"]["id"])]
    assert types == ["ANALYSIS_FAILED"] * 1_200 + ["BATCH_COMPLETED"]


async def test_the_answer_after_the_wait_has_the_progress_so_far(api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    blocked = {"request": {"trial": {"text": "Blocks.", "until": str(gate)}}, "priority": 1}
    batch = await api.batch([*texts(2, priority=9), blocked], waitSeconds=5)
    assert (batch["status"], batch["processed"], batch["running"]) == ("RUNNING", 2, 1)
    assert batch["progress"] == {"fraction": 2 / 3, "step": "2 of 3 items"}
    gate.touch()
    assert (await api.ended(batch["id"]))["processed"] == 3


async def test_the_same_key_and_input_is_the_same_batch(queue: Api, queueing_server: ApiServer) -> None:
    given: dict[str, Any] = {"items": texts(3), "name": "Keyed", "idempotencyKey": "a batch", "timeoutSeconds": 9_999}
    before = queue.counts()
    async with connected(queueing_server) as one, connected(queueing_server) as two:
        found = await asyncio.gather(*(client.batch(**given) for client in (one, two) for _ in range(3)))
    assert len({batch["id"] for batch in found}) == 1
    after = queue.counts()
    added = {name: after[name] - before[name] for name in before}
    assert added == {"analysis": 3, "batch": 1, "bulk_action": 0, "event": 3, "idempotency": 1}
    for other in ({"name": "Other"}, {"items": texts(2)}, {"items": texts(3, priority=6)}, {"timeoutSeconds": 9}):
        payload = (await queue(BATCH, input=given | other))["batchProcess"]
        assert payload["batch"] is None
        assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert queue.counts() == after


async def test_an_idempotency_key_of_an_analysis_is_refused_for_a_batch(queue: Api) -> None:
    await queue.submit(request={"text": "One."}, idempotencyKey="shared")
    payload = (await queue(BATCH, input={"items": texts(1, "One."), "idempotencyKey": "shared"}))["batchProcess"]
    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]


async def test_a_repeated_call_reports_the_same_errors(queue: Api) -> None:
    items = [*texts(1), {"request": {"text": {"text": ""}}}]
    given = {"items": items, "idempotencyKey": "faulty", "timeoutSeconds": 86_400}
    first = (await queue(BATCH, input=given))["batchProcess"]
    assert [error["path"] for error in first["userErrors"]] == [["items", "1", "request", "text", "text"]]
    assert (await queue(BATCH, input=given))["batchProcess"] == first


async def test_generated_keys_are_positions(queue: Api) -> None:
    items = texts(4)
    items[1]["key"] = "own"
    items[2]["key"] = "0.5"
    batch = await queue.batch(items)
    assert [item["key"] for item in await results(queue, batch["id"])] == ["0", "own", "0.5", "3"]


async def test_a_key_must_differ_from_generated_keys(queue: Api) -> None:
    before = queue.counts()
    items = texts(3)
    items[2]["key"] = "0"
    payload = (await queue(BATCH, input={"items": items}))["batchProcess"]
    assert payload["batch"] is None
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", ["items", "2", "key"])]
    assert queue.counts() == before


async def test_at_most_a_thousand_errors_of_a_batch_are_reported(queue: Api) -> None:
    before = queue.counts()
    payload = (await queue(BATCH, input={"items": texts(2_000, key="same")}))["batchProcess"]
    assert payload["batch"] is None
    assert len(payload["userErrors"]) == 1_000
    assert queue.counts() == before


async def test_retryable_and_refused_items(api: Api) -> None:
    refused = {"request": {"text": {"text": ""}}}
    failing = {"request": {"trial": {"text": "x", "refused": True}}}
    only = await api.batch([refused], faults=1)
    mixed = await api.batch([*texts(2), refused, refused, failing], faults=2, waitSeconds=60)
    query = "query ($id: ID!) { batch(id: $id) { failed retryableItems refusedItems } }"
    assert (await api(query, id=only["id"]))["batch"] == {"failed": 1, "retryableItems": 0, "refusedItems": 1}
    assert (await api(query, id=mixed["id"]))["batch"] == {"failed": 3, "retryableItems": 1, "refusedItems": 2}
    retry = "mutation ($id: ID!) { retryBatch(input: { id: $id }) { batch { queued running } userErrors { code } } }"
    assert (await api(retry, id=only["id"]))["retryBatch"]["userErrors"] == [{"code": "CONFLICT"}]
    assert (await api(retry, id=mixed["id"]))["retryBatch"]["userErrors"] == []


async def test_figures_of_many_batches_take_one_statement(queue: Api, queueing_server: ApiServer) -> None:
    for _ in range(3):
        await queue.batch(texts(1))
    before = len(queueing_server.trace())
    found = (await queue("{ batches(first: 3) { nodes { retryableItems refusedItems } } }"))["batches"]["nodes"]
    assert found == [{"retryableItems": 0, "refusedItems": 0}] * 3
    new = [note["sql"] for note in queueing_server.trace()[before:] if "sql" in note]
    assert sum("attempt = 0" in sql for sql in new) == 1
