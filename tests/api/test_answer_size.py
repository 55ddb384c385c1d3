"""Answers have a limit in bytes: the stored sizes decide, before the server reads a content."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.api.calls import Api, ApiServer, connected
from tests.api.conftest import running
from tests.api.sockets import opened
from tests.support import post

LIMIT = 1_000_000
SIZE = 60_000
COUNT = 6
FIT = LIMIT // SIZE  # contents that fit into one answer: 16
ALIASES = " ".join(f"a{n}: inputText" for n in range(FIT))
# A statement that reads a whole text, and not only a small one with its row.
READS_TEXT = re.compile(r"SELECT analysis\.id, [^()]*analysis\.input_text")


def text(number: int) -> str:
    return f"{number} 😀".ljust(SIZE - 3, "x")  # an emoji has four bytes


@pytest.fixture(scope="module")
def large_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server without workers that answers with at most 1 MB, and records its SQL statements."""
    folder = tmp_path_factory.mktemp("large")
    yield from running(ApiServer(folder, {"workers": 0, "max_answer_bytes": LIMIT}, traced=True))


@pytest.fixture(scope="module")
def ids(large_server: ApiServer) -> list[str]:
    """The ids of a batch and of its items: texts of 60,000 bytes."""
    items = [{"request": {"text": {"text": text(n)}}} for n in range(COUNT)]
    document = """mutation ($input: BatchProcessInput!) {
      batchProcess(input: $input) { batch { id results { nodes { id } } } } }"""
    answer = post(large_server.url, document, {"input": {"items": items, "timeoutSeconds": 86_400}})
    batch = answer["data"]["batchProcess"]["batch"]
    return [batch["id"], *(node["id"] for node in batch["results"]["nodes"])]


@pytest.fixture
async def large(large_server: ApiServer) -> AsyncIterator[Api]:
    async with connected(large_server) as found:
        yield found


def contents_read(server: ApiServer) -> int:
    return sum(bool(READS_TEXT.search(each.get("sql", ""))) for each in server.trace())


async def test_texts_are_never_cut(large: Api, ids: list[str]) -> None:
    before = contents_read(large.server)
    found = await large("query ($id: ID!) { batch(id: $id) { results { nodes { inputText inputData } } } }", id=ids[0])
    nodes = found["batch"]["results"]["nodes"]
    assert nodes == [{"inputText": text(number), "inputData": None} for number in range(COUNT)]
    assert contents_read(large.server) == before + 1


async def test_contents_up_to_the_limit_fit_and_one_more_does_not(large: Api, ids: list[str]) -> None:
    document = "query ($id: ID!) { analysis(id: $id) { %s } }"
    found = await large(document % ALIASES, id=ids[1])
    assert found["analysis"] == {f"a{n}": text(0) for n in range(FIT)}
    before = contents_read(large.server)
    [error] = await large.errors(document % f"{ALIASES} more: inputText", id=ids[1])
    size = (FIT + 1) * SIZE
    assert error == {
        "message": f"The answer would have {size:,} bytes, above the limit of 1,000,000: request a smaller page or "
        "fewer fields, or download contents from /analyses/ID/input and /analyses/ID/result.json.",
        "path": ["analysis", "more"],
        "extensions": {"code": "ANSWER_TOO_LARGE", "bytes": size, "limit": LIMIT, "path": ["analysis", "more"]},
    }
    assert contents_read(large.server) == before


THREE = "a: inputText b: inputText c: inputText"
LIST = "analyses(filter: { batchId: $batch })"
REFUSED = {
    "pages": f"query ($batch: ID!) {{ {LIST} {{ nodes {{ {THREE} }} }} }}",
    "edges": f"query ($batch: ID!) {{ {LIST} {{ edges {{ node {{ {THREE} }} }} }} }}",
    "fragments": f"query ($batch: ID!) {{ {LIST} {{ nodes {{ ...A ... {{ b: inputText }} inputText }} }} }}"
    " fragment A on Analysis { a: inputText }",
    "results": f"query ($batch: ID!) {{ batch(id: $batch) {{ results {{ nodes {{ {THREE} }} }} }} }}",
    "node": f"query ($batch: ID!) {{ node(id: $batch) {{ ... on Batch {{ results {{ nodes {{ {THREE} }} }} }} }} }}",
    "nodes": f"query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Analysis {{ {THREE} }} }} }}",
    "events": "query ($batch: ID!) { events(filter: { batchId: $batch }) { nodes {"
    f" ... on AnalysisEvent {{ analysis {{ {THREE} }} }} }} }} }}",
    "repeated ids": f"query ($id: ID!) {{ {' '.join(f'a{n}: analysis(id: $id) {{ inputText }}' for n in range(18))} }}",
}


@pytest.mark.parametrize("document", REFUSED.values(), ids=REFUSED)
async def test_every_way_to_a_content_counts(large: Api, ids: list[str], document: str) -> None:
    variables = {"batch": ids[0], "ids": ids[1:], "id": ids[1]}
    variables = {name: value for name, value in variables.items() if f"${name}:" in document}
    before = contents_read(large.server)
    for _ in ("by graphql-core", "compiled"):
        answer = await asyncio.to_thread(post, large.server.url, document, variables)
        [error] = answer["errors"]
        assert answer["data"] is None
        assert error["extensions"] == {
            "code": "ANSWER_TOO_LARGE",
            "bytes": 3 * COUNT * SIZE,
            "limit": LIMIT,
            "path": error["path"],
        }
        assert contents_read(large.server) == before


async def test_lists_that_are_read_one_after_the_other_stop_at_the_limit(large: Api, ids: list[str]) -> None:
    """Two of three lists fit, and the server reads no more than fits."""
    document = f"query ($batch: ID!) {{ {' '.join(f'{name}: {LIST} {{ nodes {{ inputText }} }}' for name in 'abc')} }}"
    before = contents_read(large.server)
    [error] = await large.errors(document, batch=ids[0])
    assert (error["extensions"]["bytes"], error["path"][1:]) == (
        3 * COUNT * SIZE,
        ["nodes", FIT - 2 * COUNT, "inputText"],
    )
    assert contents_read(large.server) <= before + 2


async def test_other_transports_have_the_same_limit(large: Api, ids: list[str]) -> None:
    document = REFUSED["pages"]
    expected = await asyncio.to_thread(post, large.server.url, document, {"batch": ids[0]})
    async with opened(large.server) as socket:
        await socket.subscribe("1", document, batch=ids[0])
        message = await socket.receive()
        assert (message["type"], message["payload"]) == ("next", expected)
        assert (await socket.receive())["type"] == "complete"
    request = urllib.request.Request(
        f"{large.server.url}/stream",
        data=json.dumps({"query": document, "variables": {"batch": ids[0]}}).encode(),
        headers={"content-type": "application/json", "accept": "text/event-stream"},
    )

    def read() -> str:
        with urllib.request.urlopen(request, timeout=60) as response:
            return str(response.read().decode())

    sent = [
        line[len("data: ") :] for line in (await asyncio.to_thread(read)).splitlines() if line.startswith("data: {")
    ]
    assert [json.loads(each) for each in sent] == [expected]


async def test_a_mutation_answers_without_the_contents_that_do_not_fit(large: Api) -> None:
    document = """mutation ($input: BatchProcessInput!) { batchProcess(input: $input) {
      batch { id results { nodes { key inputText } } } userErrors { code } } }"""
    items = [{"key": f"k{n}", "request": {"text": {"text": text(n)}}} for n in range(FIT + 1)]
    before = large.counts()["analysis"]
    answer = await asyncio.to_thread(
        post, large.server.url, document, {"input": {"items": items, "timeoutSeconds": 86_400}}
    )
    payload = answer["data"]["batchProcess"]
    assert payload["batch"]["results"]["nodes"] == [{"key": f"k{n}", "inputText": None} for n in range(FIT + 1)]
    assert payload["userErrors"] == []
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"ANSWER_TOO_LARGE"}
    assert len(answer["errors"]) == FIT + 1
    assert large.counts()["analysis"] == before + FIT + 1


async def test_a_subscription_keeps_an_event_whose_analysis_does_not_fit(large: Api, ids: list[str]) -> None:
    """Each event has the whole limit, and an event that is too large arrives without the contents."""
    document = """subscription ($filter: EventFilter, $after: String) { events(filter: $filter, after: $after) {
      cursor subjectId ... on AnalysisEvent { analysis { %s } } } }"""
    first, *others = (await large.log(batchId=ids[0], types=["ANALYSIS_QUEUED"]))[:3]
    for fields, fits in ((ALIASES, True), (f"{ALIASES} more: inputText", False)):
        async with opened(large.server) as socket:
            where = {"batchId": ids[0], "types": ["ANALYSIS_QUEUED"]}
            await socket.subscribe("1", document % fields, filter=where, after=first["cursor"])
            for number, event in enumerate(others, 1):
                payload = (await socket.receive())["payload"]
                shown = payload["data"]["events"]
                assert (shown["cursor"], shown["subjectId"]) == (event["cursor"], event["subjectId"])
                assert set(shown["analysis"].values()) == {text(number) if fits else None}
                assert {error["extensions"]["code"] for error in payload.get("errors", ())} == (
                    set() if fits else {"ANSWER_TOO_LARGE"}
                )
