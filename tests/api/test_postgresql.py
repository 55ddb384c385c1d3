"""The API on PostgreSQL: a smoke test of all parts that use the database."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import BATCH, SUBMIT, WATCH, Api, ApiServer, connected, texts
from tests.api.sockets import opened
from tests.support import ROOT, run

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.long]

PAGE = """
query Page($filter: AnalysisFilter, $order: AnalysisOrder, $first: Int, $after: String, $last: Int, $before: String) {
  analyses(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    nodes { id key } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }
"""


async def test_the_server_does_not_start_without_its_tables(postgresql_url: str, tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 0, "database_url": postgresql_url})
    with pytest.raises(AssertionError, match=r"ended with [1-9]\d* before it was ready"):
        await server.start()
    assert "The database lacks this program's tables: run `python server.py migrate` first." in server.log
    await server.close()


async def test_the_api_works(postgresql_url: str, tmp_path: Path, trial_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 2, "database_url": postgresql_url}, path=trial_path)
    migrate = (*server.command[:2], "migrate")
    for _ in range(2):  # the second run changes nothing
        said = await asyncio.to_thread(run, *migrate, cwd=ROOT, env=server.environment())
        assert said.splitlines()[-1] == "The database's tables are up to date."
    try:
        await server.start()
        async with connected(server) as api:
            await works(api, server, tmp_path)
    finally:
        await server.close()


async def works(api: Api, server: ApiServer, folder: Path) -> None:
    """Run all checks one after the other, on one server."""
    await analyses_and_keys(api, server)
    await texts_with_nul(api)
    await batches_and_streams(api, server)
    await pages(api)
    await control(api, folder)
    await refusals(api, server)


async def analyses_and_keys(api: Api, server: ApiServer) -> None:
    text = "Ünïcode \u202eשלום 🤷🏽‍♀️ 100%_\\"
    given: dict[str, Any] = {"request": {"text": text}, "idempotencyKey": "once"}
    async with connected(server) as other:
        found = await asyncio.gather(*(client.submit(**given) for client in (api, other) for _ in range(5)))
    assert len({each["id"] for each in found}) == 1
    assert (await api.ended(found[0]["id"]))["status"] == "COMPLETED"
    payload = await api(SUBMIT, input={"request": {"text": {"text": "Other."}}, "idempotencyKey": "once"})
    assert [error["code"] for error in payload["submitAnalysis"]["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    value = {"snake_case": None, "nul": "\0", "list": [1.5, True]}
    record = await api.submit("record", request={"data": value})
    assert record["inputData"] == value
    for search, count in ((text, 1), ("ünïcode", 1), ("%_\\", 1), ("_ü", 0)):
        assert (await api(PAGE, filter={"search": search}))["analyses"]["totalCount"] == count, search


async def texts_with_nul(api: Api) -> None:
    """Check that texts with U+0000, which PostgreSQL can't store, are refused, and cleaned in error messages."""
    refusal = "`text` has the character U+0000: it must have other characters only."
    nul = {"request": {"trial": {"text": "a\0b"}}}
    payload = (await api(SUBMIT, input=nul))["submitAnalysis"]
    error = {"code": "INVALID", "message": refusal, "path": ["request", "trial", "text"]}
    assert payload == {"analysis": None, "userErrors": [error]}
    elsewhere = {"request": {"survey": {"data": [{"atStation": "a\0b", "value": 1}]}}}
    payload = (await api(BATCH, input={"items": [*texts(1), nul, elsewhere], "waitSeconds": 60}))["batchProcess"]
    assert [(error["message"], error["path"][:2]) for error in payload["userErrors"]] == [
        (refusal, ["items", "1"]),
        ("`atStation`: There is no station a\ufffdb.", ["items", "2"]),
    ]
    batch = payload["batch"]
    assert (batch["status"], batch["processed"], batch["failed"]) == ("COMPLETED", 1, 2)
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { error { message } } } } }"
    nodes = (await api(query, id=batch["id"]))["batch"]["results"]["nodes"]
    assert [node["error"] for node in nodes] == [None, *({"message": e["message"]} for e in payload["userErrors"])]


async def batches_and_streams(api: Api, server: ApiServer) -> None:
    start = (await api.log())[-1]["cursor"]
    assert start.startswith("p")
    events: list[dict[str, Any]] = []

    async def follow(count: int) -> None:
        async with opened(server) as socket:
            ended = 0
            async for answer in socket.answers(WATCH, after=start):
                events.append(answer["events"])
                ended += events[-1]["type"] == "BATCH_COMPLETED"
                if ended == count:
                    return

    following = asyncio.create_task(follow(4))
    async with connected(server) as other:
        made = await asyncio.gather(*(client.batch(texts(50)) for client in (api, other) for _ in range(2)))
    await following
    for batch in made:
        assert (await api.ended(batch["id"]))["processed"] == 50
    log = await api.log(after=start)
    assert events == log[: len(events)]
    assert {event["type"] for event in log[len(events) :]} <= {"ANALYSIS_COMPLETED", "ANALYSIS_FAILED"}


async def pages(api: Api) -> None:
    items = texts(9)
    for number, item in enumerate(items):
        item["priority"] = 1 + number % 3
    where = {"batchId": (await api.batch(items, waitSeconds=60))["id"]}
    for field in ("CREATED_AT", "FINISHED_AT", "PRIORITY", "PROCESSING_TIME"):
        order = {"field": field, "direction": "ASC"}
        whole = (await api(PAGE, filter=where, order=order, first=100))["analyses"]
        assert whole["totalCount"] == 9
        keys = [node["key"] for node in whole["nodes"]]
        first = (await api(PAGE, filter=where, order=order, first=4))["analyses"]
        rest = (await api(PAGE, filter=where, order=order, first=9, after=first["pageInfo"]["endCursor"]))["analyses"]
        assert [node["key"] for node in (*first["nodes"], *rest["nodes"])] == keys
        last = (await api(PAGE, filter=where, order=order, last=4))["analyses"]
        rest = (await api(PAGE, filter=where, order=order, last=9, before=last["pageInfo"]["startCursor"]))["analyses"]
        assert [node["key"] for node in (*rest["nodes"], *last["nodes"])] == keys


async def control(api: Api, folder: Path) -> None:
    cancel = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { code } } }"
    retry = "mutation ($id: ID!) { retryAnalysis(input: { id: $id }) { analysis { status } userErrors { code } } }"
    gate = folder / "gate"
    id_ = (await api.submit("trial", request={"text": "Spins.", "until": str(gate)}))["id"]
    await api.when(id_, lambda found: found["status"] == "RUNNING", what="the trial to run")
    async with connected(api.server) as other:
        payloads = await asyncio.gather(*(client(cancel, id=id_) for client in (api, other)))
    codes = [error["code"] for payload in payloads for error in payload["cancelAnalysis"]["userErrors"]]
    assert codes == ["CONFLICT"]
    assert (await api.ended(id_))["status"] == "CANCELED"
    gate.touch()
    assert (await api(retry, id=id_))["retryAnalysis"]["userErrors"] == []
    assert (await api.ended(id_))["status"] == "COMPLETED"
    delete = "mutation ($id: ID!) { deleteAnalysis(input: { id: $id }) { deletedId } }"
    assert (await api(delete, id=id_))["deleteAnalysis"]["deletedId"] == id_
    late = await api.submit("trial", request={"text": "Spins.", "until": "/none"}, timeoutSeconds=1, waitSeconds=60)
    assert late["status"] == "TIMED_OUT"


def cursor(*values: object) -> str:
    """Return a forged cursor of a list."""
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


async def refusals(api: Api, server: ApiServer) -> None:
    for arguments in (
        'filter: { analyzer: ["a\\u0000"] }',
        'filter: { search: "\\u0000" }',
        "first: 1001",
        f'after: "{cursor("analyses CREATED_AT DESC", chr(0))}"',
        f'after: "{cursor("analyses CREATED_AT DESC", 1)}"',
        f'after: "{cursor("analyses PRIORITY DESC", "x", "y")}", orderBy: {{ field: PRIORITY }}',
        f'after: "{cursor("analyses PRIORITY DESC", 1.5, "y")}", orderBy: {{ field: PRIORITY }}',
        f'after: "{cursor("analyses PRIORITY DESC", 2**62, "y")}", orderBy: {{ field: PRIORITY }}',
    ):
        (refusal,) = await api.errors(f"{{ analyses({arguments}) {{ nodes {{ id }} }} }}")
        assert refusal["extensions"]["code"] == "BAD_USER_INPUT", arguments
    many = "query ($status: [AnalysisStatus!]) { analyses(filter: { status: $status }) { totalCount } }"
    assert (await api(many, status=["QUEUED"] * 40_000))["analyses"] == {"totalCount": 0}
    assert server.log.count("resolver failed") == 0
    (error,) = await api.errors("query ($after: String) { events(after: $after) { nodes { cursor } } }", after="s0-1")
    assert error["extensions"]["code"] == "HISTORY_GONE"
