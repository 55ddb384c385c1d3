"""Subscriptions to an analysis, a batch and the metrics; they leave nothing open at their end."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import NO_SUCH_ANALYSIS, NO_SUCH_BATCH, WATCH, Api, ApiServer, connected, texts
from tests.api.sockets import opened
from tests.support import until

ANALYSIS = """
subscription One($id: ID!) { analysis(id: $id) {
  id status attempt progress { fraction step } error { code } result { summary } } }
"""
BATCH = "subscription Many($id: ID!) { batch(id: $id) { id status totalItems processed queued running canceled } }"
THINNED = """subscription ($every: Float, $after: String, $filter: EventFilter) {
  events(progressIntervalSeconds: $every, after: $after, filter: $filter) { type } }"""
METRICS = "subscription Figures($every: Float) { metrics(intervalSeconds: $every) { timestamp instance } }"
CANCEL = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { analysis { status } userErrors { code } } }"
DELETE = "mutation ($id: ID!) { deleteAnalysis(input: { id: $id }) { deletedId userErrors { code } } }"


async def test_an_analysis_is_sent_at_once_and_at_each_change_until_its_end(
    api: Api, working_server: ApiServer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    found = await api.submit("trial", request={"text": "Steps.", "steps": 2, "until": str(gate)})
    seen: list[dict[str, Any]] = []
    async with opened(working_server) as socket:
        async for answer in socket.answers(ANALYSIS, id=found["id"]):
            seen.append(answer["analysis"])
            if seen[-1]["progress"]["step"] == "step 2 of 2":
                gate.touch()
    assert {each["id"] for each in seen} == {found["id"]}
    assert all(one != other for one, other in pairwise(seen))
    statuses = list(dict.fromkeys(each["status"] for each in seen))
    assert statuses in (["QUEUED", "RUNNING", "COMPLETED"], ["RUNNING", "COMPLETED"])
    fractions = [each["progress"]["fraction"] for each in seen]
    assert fractions == sorted(fractions)
    assert {1 / 3, 2 / 3} & set(fractions)
    assert seen[-1] == {
        "id": found["id"],
        "status": "COMPLETED",
        "attempt": 1,
        "progress": {"fraction": 1.0, "step": None},
        "error": None,
        "result": {"summary": "Steps."},
    }


async def test_a_queued_analysis_is_sent_at_once_and_again_when_canceled(
    queue: Api, queueing_server: ApiServer
) -> None:
    found = await queue.submit(request={"text": "Waits."})
    seen = []
    async with connected(queueing_server, websockets=True) as client:
        async for answer in client.stream(ANALYSIS, id=found["id"]):
            seen.append((answer["analysis"]["status"], answer["analysis"]["error"]))
            if len(seen) == 1:
                await queue(CANCEL, id=found["id"])
    assert seen == [("QUEUED", None), ("CANCELED", {"code": "CANCELED"})]


async def test_ended_work_is_sent_once(api: Api, working_server: ApiServer) -> None:
    batch = await api.batch(texts(2), waitSeconds=60)
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { id } } } }"
    id_ = (await api(query, id=batch["id"]))["batch"]["results"]["nodes"][0]["id"]
    async with opened(working_server) as socket:
        one = [answer["analysis"]["status"] async for answer in socket.answers(ANALYSIS, id=id_)]
        many = [answer["batch"]["status"] async for answer in socket.answers(BATCH, id=batch["id"])]
    assert (one, many) == (["COMPLETED"], ["COMPLETED"])


async def test_a_retried_analysis_can_be_watched_again(queue: Api, queueing_server: ApiServer) -> None:
    found = await queue.submit(request={"text": "Again."})
    again = """mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { code } }
      retryAnalysis(input: { id: $id }) { analysis { status } } }"""
    await queue(again, id=found["id"])
    async with opened(queueing_server) as socket:
        await socket.subscribe("1", ANALYSIS, id=found["id"])
        assert (await socket.receive())["payload"]["data"]["analysis"]["status"] == "QUEUED"
        await queue(CANCEL, id=found["id"])
        assert (await socket.receive())["payload"]["data"]["analysis"]["status"] == "CANCELED"
        assert (await socket.receive())["type"] == "complete"
        assert (await queue(DELETE, id=found["id"]))["deleteAnalysis"]["deletedId"] == found["id"]
        error = await socket.refusal(ANALYSIS, id=found["id"])
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_a_batch_is_sent_at_once_and_at_each_change_until_its_end(api: Api, working_server: ApiServer) -> None:
    blocked = await api.batch(texts(600))
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with connected(working_server, websockets=True) as client:
        seen = [answer["batch"] async for answer in client.stream(BATCH, id=blocked["id"])]
    took = loop.time() - began
    for each in seen:
        counted = sum(each[name] for name in ("processed", "queued", "running", "canceled"))
        assert counted == each["totalItems"] == 600
    processed = [each["processed"] for each in seen]
    assert processed == sorted(processed)
    assert {each["status"] for each in seen[:-1]} <= {"QUEUED", "RUNNING"}
    assert (seen[-1]["status"], seen[-1]["processed"]) == ("COMPLETED", 600)
    # At most ten answers a second. A slow machine only raises the bound.
    assert len(seen) <= 10 * took + 2


async def test_a_canceled_batch_ends_the_stream(queue: Api, queueing_server: ApiServer) -> None:
    batch = await queue.batch(texts(5))
    cancel = "mutation ($id: ID!) { cancelBatch(input: { id: $id }) { batch { status } } }"
    seen = []
    async with opened(queueing_server) as socket:
        async for answer in socket.answers(BATCH, id=batch["id"]):
            seen.append((answer["batch"]["status"], answer["batch"]["queued"], answer["batch"]["canceled"]))
            if len(seen) == 1:
                await queue(cancel, id=batch["id"])
    assert seen == [("QUEUED", 5, 0), ("CANCELED", 0, 5)]


@pytest.mark.parametrize(
    ("document", "id_", "code"),
    [
        (ANALYSIS, NO_SUCH_ANALYSIS, "NOT_FOUND"),
        (ANALYSIS, NO_SUCH_BATCH, "BAD_USER_INPUT"),
        (ANALYSIS, "nonsense", "BAD_USER_INPUT"),
        (BATCH, NO_SUCH_BATCH, "NOT_FOUND"),
        (BATCH, NO_SUCH_ANALYSIS, "BAD_USER_INPUT"),
        (BATCH, "", "BAD_USER_INPUT"),
    ],
)
async def test_a_subscription_to_an_unknown_or_invalid_id_is_refused(
    queueing_server: ApiServer, document: str, id_: str, code: str
) -> None:
    async with opened(queueing_server) as socket:
        error = await socket.refusal(document, id=id_)
        assert error["extensions"] == {"code": code, "argument": "id"}
        assert error["path"] == ["analysis" if document == ANALYSIS else "batch"]
        # The socket stays open.
        assert (await socket.refusal(document, id=id_))["extensions"]["code"] == code


@pytest.mark.parametrize("every", [0.5, 60, None])
async def test_metrics_are_sent_at_once(queueing_server: ApiServer, every: float | None) -> None:
    async with opened(queueing_server) as socket:
        await socket.subscribe("1", METRICS, every=every)
        first = (await socket.receive())["payload"]["data"]["metrics"]
        assert first["instance"]
        if every == 0.5:
            second = (await socket.receive())["payload"]["data"]["metrics"]
            assert second["timestamp"] > first["timestamp"]


@pytest.mark.parametrize("every", [0.49, 0, -1, 60.01, 1e300])
async def test_an_interval_out_of_bounds_is_refused(queueing_server: ApiServer, every: float) -> None:
    async with opened(queueing_server) as socket:
        error = await socket.refusal(METRICS, every=every)
    assert error["message"] == f"`intervalSeconds` is {every:g}: it must be from 0.5 to 60."
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "intervalSeconds"}
    assert error["path"] == ["metrics"]


@pytest.mark.parametrize("every", [-0.1, 60.01, 1e300])
async def test_an_interval_of_progress_out_of_bounds_is_refused(queueing_server: ApiServer, every: float) -> None:
    async with opened(queueing_server) as socket:
        error = await socket.refusal(THINNED, every=every)
    assert error["message"] == f"`progressIntervalSeconds` is {every:g}: it must be from 0 to 60."
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "progressIntervalSeconds"}
    assert error["path"] == ["events"]


async def test_a_subscriber_chooses_the_interval_of_progress_events(
    api: Api, working_server: ApiServer, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    async with opened(working_server) as all_, opened(working_server) as few:
        found = await api.submit("trial", request={"text": "Steps.", "steps": 2, "until": str(gate)}, waitSeconds=60)
        after = (await api.log(analysisId=found["id"]))[0]["cursor"]
        types: dict[str, list[str]] = {"all": [], "few": []}
        for name, socket, every in (("all", all_, 0), ("few", few, 60)):
            await socket.subscribe("1", THINNED, every=every, after=after, filter={"analysisId": found["id"]})
            while not types[name] or types[name][-1] != "ANALYSIS_COMPLETED":
                types[name].append((await socket.receive())["payload"]["data"]["events"]["type"])
    assert types["all"] == ["ANALYSIS_STARTED", *["ANALYSIS_PROGRESS"] * (len(types["all"]) - 2), "ANALYSIS_COMPLETED"]
    assert types["few"] == ["ANALYSIS_STARTED", "ANALYSIS_PROGRESS", "ANALYSIS_COMPLETED"]


async def active(api: Api) -> dict[str, int]:
    found = await api("{ metrics { subscriptions { active connections } } }")
    counts: dict[str, int] = found["metrics"]["subscriptions"]
    return counts


@pytest.mark.parametrize("leaving", ["complete", "close", "vanish"])
async def test_nothing_stays_open_after_subscribers(queue: Api, queueing_server: ApiServer, leaving: str) -> None:
    idle = await until(lambda: none_open(queue, queueing_server), what="earlier streams to end")
    analysis = await queue.submit(request={"text": "Watched."})
    batch = await queue.batch(texts(3))
    wanted = [(WATCH, {}), (ANALYSIS, {"id": analysis["id"]}), (BATCH, {"id": batch["id"]}), (METRICS, {"every": 60})]
    async with opened(queueing_server) as socket:
        for number, (document, variables) in enumerate(wanted * 2):
            await socket.subscribe(str(number), document, **variables)
        assert await until(
            lambda: open_streams(queueing_server, 5), what="five followers: equal subscriptions share one"
        )
        assert await active(queue) == {"active": 8, "connections": 1}
        if leaving == "complete":
            for number in range(8):
                await socket.send(id=str(number), type="complete")
            await until(lambda: none_active(queue), what="the subscriptions to end")
            assert await queueing_server.open_streams() == idle
            assert await active(queue) == {"active": 0, "connections": 1}
        elif leaving == "vanish":
            socket.connection.transport.abort()
    await until(lambda: none_open(queue, queueing_server), what="nothing to be open")
    assert await active(queue) == {"active": 0, "connections": 0}
    # The next subscription works like the first one.
    async with opened(queueing_server) as socket:
        await socket.subscribe("1", ANALYSIS, id=analysis["id"])
        assert (await socket.receive())["payload"]["data"]["analysis"]["status"] == "QUEUED"


async def none_active(api: Api) -> bool:
    return (await active(api))["active"] == 0


async def open_streams(server: ApiServer, followers: int) -> bool:
    found: bool = (await server.open_streams())["followers"] == followers
    return found


async def none_open(api: Api, server: ApiServer) -> dict[str, Any] | None:
    found = await server.open_streams()
    return found if found == {"followers": 0, "generators": []} else None
