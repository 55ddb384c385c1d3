"""Bulk actions: retry, cancel and delete many analyses, or count them; refusals of the input."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import ERRORS, NO_SUCH_ANALYSIS, SUBMIT, WATCH, Api, connected, texts
from tests.support import until

RUN = f"""
mutation Run($input: RunBulkActionInput!) {{
  runBulkAction(input: $input) {{
    action {{ id kind status eligible done refused progress {{ fraction step }} createdAt finishedAt }}
    matched eligible {ERRORS}
  }}
}}
"""
NODE = """
query Node($id: ID!) { node(id: $id) { ... on BulkAction {
  id kind status eligible done refused progress { fraction step etaSeconds } createdAt finishedAt } } }
"""
STOP = f"mutation Stop($id: ID!) {{ stopBulkAction(input: {{ id: $id }}) {{ action {{ id status done }} {ERRORS} }} }}"
COUNTS = """
query Counts($filter: AnalysisFilter) { analyses(filter: $filter, first: 0) { statusCounts { status count } } }
"""
PAGE = "query ($filter: AnalysisFilter) { analyses(filter: $filter) { nodes { id } } }"
LOG = """
query Log($filter: EventFilter) { events(filter: $filter, first: 1000) { nodes { type occurredAt subjectId
  ... on BulkActionEvent { done eligible action { id status done } } } } }
"""
FILTER: dict[str, Any] = {"status": ["FAILED"]}
IDS = [NO_SUCH_ANALYSIS]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({}, [("INVALID", None)]),
        ({"ids": IDS, "filter": FILTER}, [("INVALID", None)]),
        ({"ids": []}, [("INVALID", ["ids"])]),
        ({"ids": IDS * 1_001}, [("TOO_LARGE", ["ids"])]),
        ({"ids": [*IDS, "batch_01jd0000000000000000000000"]}, [("INVALID", ["ids", "1"])]),
        ({"ids": [*IDS, *IDS, "7"]}, [("INVALID", ["ids", "2"])]),
        ({"filter": {}}, [("INVALID", ["filter"])]),
        ({"filter": {"status": None, "search": " ", "not": None}}, [("INVALID", ["filter"])]),
        ({"filter": {"not": {"key": []}}}, [("INVALID", ["filter"])]),
        ({"filter": {"tags": []}}, [("INVALID", ["filter"])]),
        ({"filter": {"not": {"not": FILTER}}}, [("INVALID", ["filter", "not", "not"])]),
        ({"filter": {"batchId": "batch"}}, [("INVALID", ["filter", "batchId"])]),
        ({"filter": {"search": "x" * 201}}, [("INVALID", ["filter", "search"])]),
        ({"filter": {"not": {"key": ["x"] * 101}}}, [("INVALID", ["filter", "not", "key"])]),
        ({"filter": {"tags": ["x"] * 11}}, [("INVALID", ["filter", "tags"])]),
        ({"filter": {"not": {"tags": ["\0"]}}}, [("INVALID", ["filter", "not", "tags"])]),
        ({"kind": "DELETE", "filter": FILTER}, [("INVALID", ["expected"])]),
        ({"filter": FILTER, "expected": -1}, [("INVALID", ["expected"])]),
        ({"ids": IDS, "idempotencyKey": ""}, [("INVALID", ["idempotencyKey"])]),
        ({"expected": -1, "idempotencyKey": "\n"}, [("INVALID", [each]) for each in ("idempotencyKey", "expected")]),
    ],
)
async def test_a_refused_input_starts_no_action(
    queue: Api, nothing_changes: None, given: dict[str, Any], errors: list[Any]
) -> None:
    payload = (await queue(RUN, input={"kind": "RETRY", **given}))["runBulkAction"]
    assert [(error["code"], error["path"]) for error in payload["userErrors"]][: len(errors)] == errors
    assert (payload["action"], payload["matched"], payload["eligible"]) == (None, 0, 0)


async def test_a_dry_run_starts_no_action(queue: Api, nothing_changes: None) -> None:
    given = {"kind": "DELETE", "ids": [*IDS, *IDS], "dryRun": True, "idempotencyKey": "dry"}
    payload = (await queue(RUN, input=given))["runBulkAction"]
    assert payload == {"action": None, "matched": 0, "eligible": 0, "userErrors": []}


async def run_action(api: Api, kind: str, **given: Any) -> dict[str, Any]:
    """Run an action that must not be refused; returns the payload."""
    payload: dict[str, Any] = (await api(RUN, input={"kind": kind, **given}))["runBulkAction"]
    assert payload["userErrors"] == []
    return payload


async def ended(api: Api, id_: str) -> dict[str, Any]:
    """Wait for the end of the action, and return it."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await api(NODE, id=id_))["node"]
        return found if found["finishedAt"] else None

    found: dict[str, Any] = await until(look, what="the action to end")
    return found


async def counts(api: Api, batch_id: str) -> dict[str, int]:
    """Return the number of items of each status, without zeros."""
    found = (await api(COUNTS, filter={"batchId": batch_id}))["analyses"]["statusCounts"]
    return {each["status"]: each["count"] for each in found if each["count"]}


async def test_cancel_retry_and_delete_a_batch_of_many(queue: Api) -> None:
    batch_id = (await queue.batch(texts(1_200)))["id"]
    of_batch = {"batchId": batch_id}
    kept = {"QUEUED": 0, "CANCELED": 0}
    for kind, status in (("CANCEL", "CANCELED"), ("RETRY", "QUEUED"), ("CANCEL", "CANCELED")):
        payload = await run_action(queue, kind, filter=of_batch)
        action = payload["action"]
        assert (payload["matched"], payload["eligible"], action["eligible"]) == (1_200, 1_200, 1_200)
        assert (action["kind"], action["id"][:5]) == (kind, "bulk_")
        found = await ended(queue, action["id"])
        assert (found["status"], found["done"], found["refused"]) == ("COMPLETED", 1_200, 0)
        assert found["progress"] == {"fraction": 1.0, "step": None, "etaSeconds": None}
        assert await counts(queue, batch_id) == {status: 1_200}
        kept[status] += 1_200
    batch = await queue.ended(batch_id)
    assert (batch["status"], batch["canceled"], batch["totalItems"]) == ("COMPLETED", 1_200, 1_200)
    for kind in ("RETRY", "DELETE"):
        payload = await run_action(queue, kind, filter=of_batch, dryRun=True)
        assert payload == {"action": None, "matched": 1_200, "eligible": 1_200, "userErrors": []}
    payload = await run_action(queue, "DELETE", filter=of_batch, expected=1_200)
    assert (await ended(queue, payload["action"]["id"]))["done"] == 1_200
    assert await counts(queue, batch_id) == {}
    assert (await queue(PAGE, filter=of_batch))["analyses"]["nodes"] == []
    log = Counter(event["type"] for event in await queue.log(batchId=batch_id))
    assert log["ANALYSIS_QUEUED"] == 1_200 + kept["QUEUED"]
    assert (log["ANALYSIS_CANCELED"], log["ANALYSIS_DELETED"]) == (kept["CANCELED"], 1_200)


async def test_failed_items_run_again(api: Api, tmp_path: Path) -> None:
    folder = tmp_path / "tries"
    folder.mkdir()
    given = {"request": {"trial": {"text": "Again.", "failures": 1, "folder": str(folder)}}}
    refused = {"request": {"text": {"text": ""}}}
    batch = await api.batch([given, *texts(2), refused], maxAttempts=1, waitSeconds=60, faults=1)
    assert (batch["status"], batch["failed"], batch["processed"]) == ("COMPLETED", 2, 2)
    payload = await run_action(api, "RETRY", filter={"batchId": batch["id"], "status": ["FAILED"]}, expected=1)
    assert (payload["matched"], payload["eligible"]) == (2, 1)
    assert (await ended(api, payload["action"]["id"]))["done"] == 1
    batch = await api.when(batch["id"], lambda found: found["processed"] == 3, what="the item to complete")
    assert (batch["status"], batch["failed"]) == ("COMPLETED", 1)


async def test_running_items_are_canceled(api: Api, tmp_path: Path) -> None:
    given = {"request": {"trial": {"text": "Blocks.", "until": str(tmp_path / "never")}}}
    first, second = [await api.submit("trial", request=given["request"]["trial"]) for _ in range(2)]
    await api.when(first["id"], lambda found: found["status"] == "RUNNING", what="the analysis to run")
    payload = await run_action(api, "CANCEL", ids=[second["id"], first["id"], first["id"], NO_SUCH_ANALYSIS])
    assert (payload["matched"], payload["eligible"]) == (2, 2)
    assert (await ended(api, payload["action"]["id"]))["done"] == 2
    assert [(await api.ended(each["id"]))["status"] for each in (first, second)] == ["CANCELED", "CANCELED"]


async def test_more_than_expected_is_a_conflict(queue: Api) -> None:
    batch_id = (await queue.batch(texts(3)))["id"]
    given: dict[str, Any] = {"kind": "CANCEL", "filter": {"batchId": batch_id, "status": ["QUEUED"]}}
    before = queue.counts()
    for more in ({}, {"dryRun": True}):
        payload = (await queue(RUN, input={**given, **more, "expected": 2, "idempotencyKey": "late"}))["runBulkAction"]
        assert payload == {
            "action": None,
            "matched": 3,
            "eligible": 3,
            "userErrors": [
                {
                    "code": "CONFLICT",
                    "message": "3 analyses permit the action now: `expected` is 2.",
                    "path": ["expected"],
                }
            ],
        }
    assert queue.counts() == before
    assert await counts(queue, batch_id) == {"QUEUED": 3}
    payload = await run_action(queue, **given, expected=3, idempotencyKey="late")
    assert (await ended(queue, payload["action"]["id"]))["done"] == 3


async def test_a_repeated_key_starts_no_other_action(queue: Api) -> None:
    batch_id = (await queue.batch(texts(2)))["id"]
    given: dict[str, Any] = {
        "kind": "CANCEL",
        "filter": {"batchId": batch_id},
        "expected": 2,
        "idempotencyKey": "bulk once",
    }
    await run_action(queue, **given, dryRun=True)  # which binds no key
    before = queue.counts()["bulk_action"]
    found = await asyncio.gather(*(run_action(queue, **given) for _ in range(5)))
    (id_,) = {payload["action"]["id"] for payload in found}
    assert queue.counts()["bulk_action"] == before + 1
    assert (await ended(queue, id_))["done"] == 2
    # The analyses have changed meanwhile: the answer is that of the first call, with its numbers.
    again = await run_action(queue, **given)
    assert (again["action"]["id"], again["action"]["status"]) == (id_, "COMPLETED")
    assert (again["matched"], again["eligible"]) == (2, 2)
    for other in ({"kind": "RETRY"}, {"expected": 1}, {"createdBefore": "2026-01-01T00:00:00Z"}):
        payload = (await queue(RUN, input=given | other))["runBulkAction"]
        error = payload.pop("userErrors")[0]
        assert (error["code"], error["path"]) == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])
        assert payload == {"action": None, "matched": 0, "eligible": 0}
    submitted = await queue(SUBMIT, input={"request": texts(1)[0]["request"], "idempotencyKey": "bulk once"})
    assert submitted["submitAnalysis"]["userErrors"][0]["code"] == "IDEMPOTENCY_MISMATCH"
    assert queue.counts()["bulk_action"] == before + 1


async def test_the_events_of_an_action(queue: Api) -> None:
    batch_id = (await queue.batch(texts(3)))["id"]
    id_ = (await run_action(queue, "CANCEL", filter={"batchId": batch_id}))["action"]["id"]
    await ended(queue, id_)
    (event,) = (await queue(LOG, filter={"subjectId": id_}))["events"]["nodes"]
    assert event == {
        "type": "BULK_ACTION_ENDED",
        "occurredAt": event["occurredAt"],
        "subjectId": id_,
        "done": 3,
        "eligible": 3,
        "action": {"id": id_, "status": "COMPLETED", "done": 3},
    }
    found = (await queue(LOG, filter={"types": ["BULK_ACTION_PROGRESS", "BULK_ACTION_ENDED"]}))["events"]["nodes"]
    assert event in found
    async with connected(queue.server, websockets=True) as socket:
        end = (await queue("{ eventsEnd }"))["eventsEnd"]
        id_ = (await run_action(queue, "RETRY", filter={"batchId": batch_id}))["action"]["id"]
        async for answer in socket.stream(WATCH, filter={"types": ["BULK_ACTION_ENDED"]}, after=end):
            assert answer["events"]["subjectId"] == id_
            break


async def test_a_stop(queue: Api) -> None:
    """An action of a newer program, which this one can't carry out, is running until its stop."""
    id_ = "bulk_01jd0000000000000000000000"
    values: dict[str, Any] = {"id": id_, "workspace": "default", "kind": "PAINT", "status": "RUNNING"}
    values |= {"matched": 4, "eligible": 4, "done": 1, "refused": 1, "reached": "", "lease": ""}
    values["created_at"] = 1_700_000_000_000_000
    with closing(sqlite3.connect(queue.server.data_dir / "assay.db", timeout=60)) as database, database:
        names = ", ".join(values)
        places = ", ".join("?" * len(values))
        database.execute(f"INSERT INTO bulk_action ({names}) VALUES ({places})", list(values.values()))
    found = (await queue(NODE.replace("kind", ""), id=id_))["node"]
    assert (found["status"], found["progress"]["fraction"], found["progress"]["step"]) == (
        "RUNNING",
        0.5,
        "2 of 4 analyses",
    )
    stopped = (await queue(STOP, id=id_))["stopBulkAction"]
    assert stopped == {"action": {"id": id_, "status": "STOPPED", "done": 1}, "userErrors": []}
    refusals = {}
    for given in (id_, "bulk_01jd0000000000000000000001", NO_SUCH_ANALYSIS, "bulk"):
        payload = (await queue(STOP, id=given))["stopBulkAction"]
        assert payload["action"] is None
        (error,) = payload["userErrors"]
        assert error["path"] == ["id"]
        refusals[given] = error["code"]
    assert list(refusals.values()) == ["CONFLICT", "NOT_FOUND", "INVALID", "INVALID"]
    assert [event["type"] for event in await queue.log(subjectId=id_)] == ["BULK_ACTION_ENDED"]
