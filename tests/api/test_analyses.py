"""Cancel, retry, delete and time out analyses and batches, with the events of the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from store.queue import claims
from store.sql.clock import utcnow
from store.sql.database import Database
from tests.api.calls import ANALYSIS, BATCH_BY_ID, NO_SUCH_ANALYSIS, NO_SUCH_BATCH, Api, ApiServer, connected, texts

DO = """
mutation Do($id: ID!) {{ {name}(input: {{ id: $id }}) {{
  {subject} {{ id status }} userErrors {{ code message path }} }} }}
"""
CANCELED = {"code": "CANCELED", "message": "The analysis was canceled.", "retryable": False}
TIMED_OUT = {"code": "TIMED_OUT", "message": "The analysis reached its time limit.", "retryable": True}


async def do(api: Api, name: str, id_: str) -> dict[str, Any]:
    """Send a mutation that takes an id; return its payload."""
    subject = "deletedId" if name.startswith("delete") else "analysis" if name.endswith("Analysis") else "batch"
    document = DO.format(name=name, subject=subject).replace("deletedId { id status }", "deletedId")
    payload: dict[str, Any] = (await api(document, id=id_))[name]
    return payload


async def done(api: Api, name: str, id_: str) -> Any:
    """Send a mutation that must succeed; return the new status or the deleted id."""
    payload = await do(api, name, id_)
    assert payload["userErrors"] == []
    subject = payload.get("analysis") or payload.get("batch")
    return subject["status"] if subject else payload["deletedId"]


async def refused(api: Api, name: str, id_: str) -> str:
    """Send a mutation that must be refused and change nothing; return the error code."""
    before = api.counts(), len(await api.log(analysisId=id_)) if id_.startswith("analysis") else 0
    payload = await do(api, name, id_)
    assert payload.get("analysis") is payload.get("batch") is payload.get("deletedId") is None
    (error,) = payload["userErrors"]
    assert error["path"] == ["id"]
    assert error["message"]
    after = api.counts(), len(await api.log(analysisId=id_)) if id_.startswith("analysis") else 0
    assert after == before
    return str(error["code"])


async def types(api: Api, **where: str) -> list[str]:
    return [event["type"] for event in await api.log(**where)]


def queued(events: Sequence[dict[str, Any]]) -> int:
    """Count how often items were queued by clients. A worker may also return an item of a slow chunk to the queue."""
    last: dict[str, str] = {}
    count = 0
    for event in events:
        id_, type_ = event["subjectId"], event["type"]
        count += type_ == "ANALYSIS_QUEUED" and last.get(id_) != "ANALYSIS_STARTED"
        last[id_] = type_
    return count


async def started(api: Api, gate: Path, **given: Any) -> str:
    """Submit a trial that computes until the file `gate` exists; return its id once it runs."""
    found = await api.submit("trial", request={"text": "Spins.", "until": str(gate)}, **given)
    id_: str = found["id"]
    await api.when(id_, lambda now: now["status"] == "RUNNING", what="the trial to run")
    return id_


async def test_a_queued_analysis_is_canceled_at_once(queue: Api) -> None:
    id_ = (await queue.submit(request={"text": "Queued."}))["id"]
    assert await done(queue, "cancelAnalysis", id_) == "CANCELED"
    found = (await queue(ANALYSIS, id=id_))["analysis"]
    assert (found["error"], found["attempt"], found["startedAt"]) == (CANCELED, 0, None)
    assert found["finishedAt"] is not None
    assert await types(queue, analysisId=id_) == ["ANALYSIS_QUEUED", "ANALYSIS_CANCELED"]
    assert await refused(queue, "cancelAnalysis", id_) == "CONFLICT"


async def test_a_running_analysis_is_stopped(api: Api, tmp_path: Path) -> None:
    id_ = await started(api, tmp_path / "never")
    assert await done(api, "cancelAnalysis", id_) in ("CANCELED", "RUNNING")
    found = await api.ended(id_)
    assert (found["status"], found["error"], found["attempt"]) == ("CANCELED", CANCELED, 1)
    assert found["processingTimeMs"] > 0
    assert await types(api, analysisId=id_) == ["ANALYSIS_QUEUED", "ANALYSIS_STARTED", "ANALYSIS_CANCELED"]


@pytest.mark.parametrize("running", [False, True])
async def test_one_of_two_concurrent_cancels_succeeds(
    api: Api, queue: Api, queueing_server: ApiServer, working_server: ApiServer, tmp_path: Path, running: bool
) -> None:
    first, server = (api, working_server) if running else (queue, queueing_server)
    id_ = await started(api, tmp_path / "never") if running else (await queue.submit(request={"text": "Two."}))["id"]
    async with connected(server) as second:
        payloads = await asyncio.gather(*(do(one, "cancelAnalysis", id_) for one in (first, second)))
    codes = sorted(error["code"] for payload in payloads for error in payload["userErrors"])
    assert codes == ["CONFLICT"]
    assert [payload["analysis"] is None for payload in payloads].count(True) == 1
    assert (await first.ended(id_))["status"] == "CANCELED"
    assert (await types(first, analysisId=id_)).count("ANALYSIS_CANCELED") == 1


async def test_a_completed_analysis_can_neither_be_canceled_nor_retried(api: Api) -> None:
    id_ = (await api.submit(request={"text": "Done."}, waitSeconds=60))["id"]
    assert await refused(api, "cancelAnalysis", id_) == "CONFLICT"
    assert await refused(api, "retryAnalysis", id_) == "CONFLICT"


async def test_unended_work_can_neither_be_retried_nor_deleted(queue: Api) -> None:
    id_ = (await queue.submit(request={"text": "Waits."}))["id"]
    assert await refused(queue, "retryAnalysis", id_) == "CONFLICT"
    assert await refused(queue, "deleteAnalysis", id_) == "CONFLICT"
    batch = await queue.batch(texts(1))
    assert await refused(queue, "retryBatch", batch["id"]) == "CONFLICT"
    assert await refused(queue, "deleteBatch", batch["id"]) == "CONFLICT"


@pytest.mark.parametrize("name", ["cancelAnalysis", "retryAnalysis", "deleteAnalysis"])
async def test_an_unknown_analysis(queue: Api, name: str) -> None:
    assert await refused(queue, name, NO_SUCH_ANALYSIS) == "NOT_FOUND"
    assert await refused(queue, name, NO_SUCH_BATCH) == "INVALID"
    assert await refused(queue, name, "nonsense") == "INVALID"


@pytest.mark.parametrize("name", ["cancelBatch", "retryBatch", "deleteBatch"])
async def test_an_unknown_batch(queue: Api, name: str) -> None:
    assert await refused(queue, name, NO_SUCH_BATCH) == "NOT_FOUND"
    assert await refused(queue, name, NO_SUCH_ANALYSIS) == "INVALID"
    assert await refused(queue, name, "") == "INVALID"


async def test_a_retry_keeps_the_analysis(api: Api) -> None:
    given = {"text": "Fails.", "refused": True}
    first = await api.submit("trial", request=given, priority=7, maxAttempts=5, waitSeconds=60)
    assert (first["status"], first["attempt"], first["error"]["code"]) == ("FAILED", 1, "INPUT_UNREADABLE")
    # The worker may start or end the analysis before the answer is read.
    assert await done(api, "retryAnalysis", first["id"]) in ("QUEUED", "RUNNING", "FAILED")
    again = await api.ended(first["id"])
    assert (again["status"], again["attempt"]) == ("FAILED", 1)
    query = "query ($id: ID!) { analysis(id: $id) { inputText options priority maxAttempts } }"
    assert (await api(query, id=first["id"]))["analysis"] == {
        name: first[name] for name in ("inputText", "options", "priority", "maxAttempts")
    }
    assert await types(api, analysisId=first["id"]) == ["ANALYSIS_QUEUED", "ANALYSIS_STARTED", "ANALYSIS_FAILED"] * 2


async def test_a_retryable_failure_is_tried_again_and_each_attempt_is_logged(api: Api, tmp_path: Path) -> None:
    given = {"text": "Flaky.", "failures": 2, "folder": str(tmp_path)}
    found = await api.submit("trial", request=given, maxAttempts=3, waitSeconds=60)
    assert (found["status"], found["attempt"], found["error"]) == ("COMPLETED", 3, None)
    assert found["result"]["data"]["tries"] == 3
    tries = ["ANALYSIS_STARTED", "ANALYSIS_RETRYING"] * 2
    assert await types(api, analysisId=found["id"]) == [
        "ANALYSIS_QUEUED",
        *tries,
        "ANALYSIS_STARTED",
        "ANALYSIS_COMPLETED",
    ]
    query = """query ($id: ID!) { analysis(id: $id) { events { nodes { type
      ... on AnalysisEvent { status error { code message retryable } } } } } }"""
    events = (await api(query, id=found["id"]))["analysis"]["events"]["nodes"]
    retrying = [event for event in events if event["type"] == "ANALYSIS_RETRYING"]
    assert [(event["status"], event["error"]) for event in retrying] == [
        ("QUEUED", {"code": "ANALYZER_FAILED", "message": f"Try {n} fails.", "retryable": True}) for n in (1, 2)
    ]


async def test_attempts_are_bounded(api: Api, tmp_path: Path) -> None:
    given = {"text": "Flaky.", "failures": 9, "folder": str(tmp_path)}
    found = await api.submit("trial", request=given, maxAttempts=2, waitSeconds=60)
    assert (found["status"], found["attempt"]) == ("FAILED", 2)
    assert found["error"] == {"code": "ANALYZER_FAILED", "message": "Try 2 fails.", "retryable": True}


async def test_an_ended_analysis_can_be_deleted_and_its_events_stay(api: Api) -> None:
    id_ = (await api.submit(request={"text": "Deleted."}, waitSeconds=60))["id"]
    history = await types(api, analysisId=id_)
    assert await done(api, "deleteAnalysis", id_) == id_
    assert (await api(ANALYSIS, id=id_))["analysis"] is None
    assert await types(api, analysisId=id_) == [*history, "ANALYSIS_DELETED"]
    query = """query ($id: ID!) { events(filter: { analysisId: $id }) { nodes {
      ... on AnalysisEvent { status error { code } progress { fraction } analysis { id } } } } }"""
    nodes = (await api(query, id=id_))["events"]["nodes"]
    assert [node["analysis"] for node in nodes] == [None] * (len(history) + 1)
    assert nodes[-1] == {"status": "COMPLETED", "error": None, "progress": {"fraction": 1.0}, "analysis": None}
    assert await refused(api, "deleteAnalysis", id_) == "NOT_FOUND"


async def test_an_analysis_is_ended_at_its_timeout(api: Api, tmp_path: Path) -> None:
    given = {"text": "Spins.", "until": str(tmp_path / "never")}
    found = await api.submit("trial", request=given, timeoutSeconds=1, waitSeconds=60)
    assert (found["status"], found["attempt"], found["result"]) == ("TIMED_OUT", 1, None)
    assert (found["error"]["code"], found["error"]["retryable"]) == ("TIMED_OUT", True)
    assert await types(api, analysisId=found["id"]) == ["ANALYSIS_QUEUED", "ANALYSIS_STARTED", "ANALYSIS_TIMED_OUT"]


async def items_of(api: Api, id_: str) -> list[tuple[str, str | None]]:
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { status error { code } } } } }"
    nodes = (await api(query, id=id_))["batch"]["results"]["nodes"]
    return [(node["status"], node["error"] and node["error"]["code"]) for node in nodes]


def spinning(count: int, gate: Path) -> list[dict[str, Any]]:
    return [{"request": {"trial": {"text": "Spins.", "until": str(gate)}}} for _ in range(count)]


async def test_a_batch_is_canceled_with_its_running_and_queued_items(api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    batch = await api.batch([*texts(1, priority=9), *spinning(6, gate)])
    await api.when(batch["id"], lambda found: found["processed"] == 1 and found["running"] >= 1, what="items to run")
    assert await done(api, "cancelBatch", batch["id"]) in ("CANCELED", "RUNNING")
    again = await do(api, "cancelBatch", batch["id"])  # items may still be stopping
    assert [error["code"] for error in again["userErrors"]] == ["CONFLICT"]
    found = await api.ended(batch["id"])
    assert await refused(api, "cancelBatch", batch["id"]) == "CONFLICT"
    assert (found["status"], found["processed"], found["canceled"]) == ("CANCELED", 1, 6)
    assert (found["queued"], found["running"], found["progress"]["fraction"]) == (0, 0, 1.0)
    assert await items_of(api, batch["id"]) == [("COMPLETED", None), *[("CANCELED", "CANCELED")] * 6]
    log = await types(api, batchId=batch["id"])
    assert (log.count("BATCH_CANCELED"), log.count("ANALYSIS_CANCELED"), log.count("BATCH_COMPLETED")) == (1, 6, 0)
    assert log[-1] == "BATCH_CANCELED"


async def test_a_second_cancel_is_refused_with_the_first_one_in_the_message(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 0})
    database = Database(Settings(data_dir=server.data_dir).database)
    try:
        await server.start()
        async with connected(server) as api:
            batch, alone = await api.batch(texts(1)), await api.submit(request={"text": "Alone."})
            for id_ in (alone["id"], batch["id"]):  # claimed by a worker that ignores cancels
                async with database.write() as connection:
                    (taken,) = await claims.claim(connection, "worker", lambda analyzer: 1, utcnow())
                assert id_ in (taken.id, taken.batch_id)
            for name, id_, allowed in (
                ("cancelBatch", batch["id"], "only batches that have not ended can be canceled, and only once"),
                ("cancelAnalysis", alone["id"], "only queued or running analyses can be canceled, and only once"),
            ):
                assert await done(api, name, id_) == "RUNNING"
                (error,) = (await do(api, name, id_))["userErrors"]
                kind = id_.partition("_")[0]
                message = f"The {kind} is RUNNING, and already being canceled: {allowed}."
                assert error == {"code": "CONFLICT", "message": message, "path": ["id"]}
    finally:
        await database.close()
        await server.close()


async def test_one_of_two_concurrent_cancels_of_a_batch_succeeds(queue: Api, queueing_server: ApiServer) -> None:
    batch = await queue.batch(texts(50))
    async with connected(queueing_server) as other:
        payloads = await asyncio.gather(*(do(one, "cancelBatch", batch["id"]) for one in (queue, other)))
    assert sorted(error["code"] for payload in payloads for error in payload["userErrors"]) == ["CONFLICT"]
    assert (await queue.ended(batch["id"]))["canceled"] == 50


async def test_a_batch_is_ended_at_its_timeout(api: Api, tmp_path: Path) -> None:
    batch = await api.batch([*texts(1, priority=9), *spinning(5, tmp_path / "never")], timeoutSeconds=5, waitSeconds=60)
    assert (batch["status"], batch["processed"], batch["timedOut"]) == ("TIMED_OUT", 1, 5)
    assert await items_of(api, batch["id"]) == [("COMPLETED", None), *[("TIMED_OUT", "TIMED_OUT")] * 5]
    log = await types(api, batchId=batch["id"])
    assert (log.count("BATCH_TIMED_OUT"), log[-1]) == (1, "BATCH_TIMED_OUT")


async def test_a_retry_of_a_batch_leaves_out_completed_and_invalid_items(api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    await api.batch(texts(1), waitSeconds=60)  # starts the processes, which would count towards the batch's timeout
    items = [*texts(1, priority=9), {"request": {"text": {"text": ""}}}, *spinning(4, gate)]  # more than the slots
    batch = await api.batch(items, faults=1, timeoutSeconds=10, waitSeconds=60)
    assert [status for status, _ in await items_of(api, batch["id"])] == ["COMPLETED", "FAILED", *["TIMED_OUT"] * 4]
    gate.touch()
    assert await done(api, "retryBatch", batch["id"]) in ("QUEUED", "RUNNING", "COMPLETED")
    found = await api.ended(batch["id"])
    assert (found["status"], found["processed"], found["failed"], found["timedOut"]) == ("COMPLETED", 5, 1, 0)
    assert await refused(api, "retryBatch", batch["id"]) == "CONFLICT"
    events = await api.log(batchId=batch["id"])
    log = [event["type"] for event in events]
    assert [each for each in log if each in ("BATCH_TIMED_OUT", "BATCH_COMPLETED")] == [
        "BATCH_TIMED_OUT",
        "BATCH_COMPLETED",
    ]
    assert queued(events) == 5 + 4


async def test_a_single_item_is_canceled_and_retried(queue: Api) -> None:
    batch = await queue.batch(texts(2))
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }"
    first, second = [node["id"] for node in (await queue(query, id=batch["id"]))["batch"]["results"]["nodes"]]
    assert await done(queue, "cancelAnalysis", first) == "CANCELED"
    found = (await queue(BATCH_BY_ID, id=batch["id"]))["batch"]
    assert (found["status"], found["queued"], found["canceled"]) == ("QUEUED", 1, 1)
    assert await refused(queue, "deleteAnalysis", first) == "CONFLICT"  # the batch has not ended
    assert await done(queue, "cancelAnalysis", second) == "CANCELED"
    found = (await queue(BATCH_BY_ID, id=batch["id"]))["batch"]
    assert (found["status"], found["canceled"]) == ("COMPLETED", 2)  # COMPLETED: the batch itself was not canceled
    assert await done(queue, "retryAnalysis", first) == "QUEUED"
    found = (await queue(BATCH_BY_ID, id=batch["id"]))["batch"]
    assert (found["status"], found["queued"], found["canceled"]) == ("QUEUED", 1, 1)


async def test_a_batch_is_deleted_with_its_items(queue: Api) -> None:
    batch = await queue.batch(texts(3))
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }"
    ids = [node["id"] for node in (await queue(query, id=batch["id"]))["batch"]["results"]["nodes"]]
    assert await done(queue, "cancelBatch", batch["id"]) == "CANCELED"
    before = queue.counts()
    assert await done(queue, "deleteBatch", batch["id"]) == batch["id"]
    after = queue.counts()
    assert {name: before[name] - after[name] for name in before} == {
        "analysis": 3,
        "batch": 1,
        "bulk_action": 0,
        "event": -1,
        "idempotency": 0,
    }
    assert (await queue(BATCH_BY_ID, id=batch["id"]))["batch"] is None
    found = await queue("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)
    assert found["nodes"] == [None, None, None]
    query = """query ($id: ID!) { events(filter: { batchId: $id }, first: 100) { nodes {
      type subjectId ... on BatchEvent { status totalItems batch { id } } } } }"""
    assert (await queue(query, id=batch["id"]))["events"]["nodes"][-1] == {
        "type": "BATCH_DELETED",
        "subjectId": batch["id"],
        "status": "CANCELED",
        "totalItems": 3,
        "batch": None,
    }
    assert await refused(queue, "deleteBatch", batch["id"]) == "NOT_FOUND"


SHOWN = "title inputExcerpt retryable cancelable"


async def shown(api: Api, id_: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api(f"query ($id: ID!) {{ analysis(id: $id) {{ {SHOWN} }} }}", id=id_))["analysis"]
    return found


async def test_titles_and_excerpts(queue: Api) -> None:
    long = "word " * 2_000
    data = [{"atStation": f"Station {number}", "value": 1.5} for number in range(100)]
    items: list[dict[str, Any]] = [
        {"key": "chosen", "request": {"text": {"text": "Short."}}},
        {"request": {"text": {"text": "  First\n words\tof it. "}}},
        {"request": {"text": {"text": long}}},
        {"request": {"text": {"text": "字" * 5_000}}},
        {"request": {"survey": {"data": data}}},
        {"request": {"record": {"data": {"a": [1, "é"]}}}},
        {"request": {"text": {"text": ""}}},
        {"request": {"text": {"text": " \n "}}},
        {"key": "90", "request": {"text": {"text": "A number as the key."}}},
        {"request": {"survey": {"data": [{"atStation": "", "value": 1.5}]}}},
    ]
    batch = await queue.batch(items, faults=3)
    query = f"query ($id: ID!) {{ batch(id: $id) {{ results {{ nodes {{ {SHOWN} }} }} }} }}"
    found = (await queue(query, id=batch["id"]))["batch"]["results"]["nodes"]
    survey = json.dumps(data, separators=(",", ":"))
    assert [(each["title"], each["inputExcerpt"]) for each in found] == [
        ("chosen", "Short."),
        ("First words of it.", "  First\n words\tof it. "),
        (" ".join(["word"] * 16) + "…", long[:1_000]),
        ("字" * 79 + "…", "字" * 1_000),
        (found[4]["title"], survey[:1_000]),
        ('{"a":[1,"é"]}', '{"a":[1,"é"]}'),
        ("6", ""),
        ("7", " \n "),
        ("90", "A number as the key."),
        ('[{"atStation":"","value":1.5}]', '[{"atStation":"","value":1.5}]'),
    ]
    assert survey.startswith(found[4]["title"].removesuffix("…"))
    single = (await queue.submit(request={"text": "Alone, without a key."}))["id"]
    assert await shown(queue, single) == {
        "title": "Alone, without a key.",
        "inputExcerpt": "Alone, without a key.",
        "retryable": False,
        "cancelable": True,
    }


async def test_retryable_and_cancelable_agree_with_the_mutations(api: Api, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    running = (await api.submit("trial", request={"text": "x", "until": str(gate)}, timeoutSeconds=600))["id"]
    await api.when(running, lambda found: found["status"] == "RUNNING", what="the analysis to run")
    ended = (await api.submit("trial", request={"text": "x", "refused": True}, waitSeconds=60))["id"]
    done = (await api.submit(request={"text": "Done."}, waitSeconds=60))["id"]
    items = [{"request": {"text": {"text": ""}}}]
    refused_batch = (await api.batch(items, faults=1))["id"]
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }"
    (item,) = (await api(query, id=refused_batch))["batch"]["results"]["nodes"]
    expected = {running: (False, True), ended: (True, False), done: (False, False), item["id"]: (False, False)}
    for id_, (retryable, cancelable) in expected.items():
        found = await shown(api, id_)
        assert (found["retryable"], found["cancelable"]) == (retryable, cancelable)
        for verb, possible in (("retry", retryable), ("cancel", cancelable)):
            name = f"{verb}Analysis"
            mutation = f"mutation ($id: ID!) {{ found: {name}(input: {{ id: $id }}) {{ userErrors {{ code }} }} }}"
            errors = (await api(mutation, id=id_))["found"]["userErrors"]
            assert errors == ([] if possible else [{"code": "CONFLICT"}]), (id_, verb)
            if possible:
                break
    await api.ended(running)
    assert (await shown(api, running))["retryable"] is True
