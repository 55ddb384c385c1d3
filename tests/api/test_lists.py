"""Pages of lists: in both directions, in each order, with each filter, and during inserts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.api.calls import Api, ApiServer, texts

PAGE = """
query Page($filter: AnalysisFilter, $order: AnalysisOrder, $first: Int, $after: String, $last: Int, $before: String) {
  found: analyses(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
  }
}
"""
RESULTS = """
query Page($id: ID!, $status: [AnalysisStatus!], $first: Int, $after: String, $last: Int, $before: String) {
  batch(id: $id) { found: results(status: $status, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
  } }
}
"""
BATCHES = """
query Page($filter: BatchFilter, $order: BatchOrder, $status: [BatchStatus!], $first: Int, $after: String, $last: Int,
  $before: String) {
  found: batches(filter: $filter, orderBy: $order, status: $status, first: $first, after: $after, last: $last,
    before: $before) {
    edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount
  }
}
"""


async def page(api: Api, document: str, **arguments: Any) -> dict[str, Any]:
    """Return a page, after a check that its parts agree."""
    found = await api(document, **arguments)
    connection: dict[str, Any] = found["found"] if "found" in found else found["batch"]["found"]
    edges, info = connection["edges"], connection["pageInfo"]
    assert connection["nodes"] == [edge["node"] for edge in edges]
    cursors = [edge["cursor"] for edge in edges]
    assert (info["startCursor"], info["endCursor"]) == ((cursors[0], cursors[-1]) if cursors else (None, None))
    return connection


async def walk(api: Api, document: str, size: int, *, backward: bool = False, **arguments: Any) -> list[str]:
    """Read the whole list in pages of this size; return the ids in the order of the list."""
    ids: list[str] = []
    place: dict[str, Any] = {"last" if backward else "first": size}
    while True:
        found = await page(api, document, **arguments, **place)
        page_ids = [node["id"] for node in found["nodes"]]
        ids = page_ids + ids if backward else ids + page_ids
        info = found["pageInfo"]
        assert info["hasNextPage" if backward else "hasPreviousPage"] is (len(place) > 1)
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            assert found["totalCount"] == len(ids)
            return ids
        assert len(page_ids) == size
        place["before" if backward else "after"] = info["startCursor" if backward else "endCursor"]


@pytest.fixture(scope="module")
def batch_ids() -> list[str]:
    return []


@pytest.fixture
async def batch_id(api: Api, batch_ids: list[str]) -> str:
    """The id of one batch for all tests: 23 items with different priorities and statuses."""
    if not batch_ids:
        items = texts(20)
        for number, item in enumerate(items):
            item["priority"] = 1 + number % 4
        items += [{"request": {"text": {"text": ""}}}, {"request": {"trial": {"text": "No.", "refused": True}}}]
        items += [{"request": {"record": {"data": 1}}}]
        batch_ids.append((await api.batch(items, faults=1, waitSeconds=60))["id"])
    return batch_ids[0]


ORDERS = [
    {"field": field, "direction": direction}
    for field in ("CREATED_AT", "FINISHED_AT", "PRIORITY", "PROCESSING_TIME")
    for direction in ("ASC", "DESC")
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: f"{order['field']} {order['direction']}")
async def test_each_order_works_both_ways_with_any_page_size(api: Api, batch_id: str, order: dict[str, str]) -> None:
    where = {"batchId": batch_id}
    query = """query ($filter: AnalysisFilter, $order: AnalysisOrder) {
      analyses(filter: $filter, orderBy: $order, first: 100) {
        nodes { id createdAt finishedAt priority processingTimeMs } } }"""
    rows = (await api(query, filter=where, order=order))["analyses"]["nodes"]
    assert len(rows) == 23
    ids = [row["id"] for row in rows]
    column = {
        "CREATED_AT": "createdAt",
        "FINISHED_AT": "finishedAt",
        "PRIORITY": "priority",
        "PROCESSING_TIME": "processingTimeMs",
    }[order["field"]]
    # Instants are stored in microseconds and shown in milliseconds. A missing duration sorts as the shortest.
    values = [-1 if row[column] is None else row[column] for row in rows]
    assert values == sorted(values, reverse=order["direction"] == "DESC")
    if order["field"] == "PRIORITY":
        assert [(value, id_) for value, id_ in zip(values, ids, strict=True)] == sorted(
            zip(values, ids, strict=True), reverse=order["direction"] == "DESC"
        )
    for size in (1, 7, 23, 24):
        assert await walk(api, PAGE, size, filter=where, order=order) == ids
        assert await walk(api, PAGE, size, backward=True, filter=where, order=order) == ids


async def test_the_default_page_has_the_newest_twenty(api: Api, batch_id: str) -> None:
    where = {"batchId": batch_id}
    ids = await walk(api, PAGE, 100, filter=where)
    assert ids == sorted(ids, reverse=True)
    found = await page(api, PAGE, filter=where)
    assert [node["id"] for node in found["nodes"]] == ids[:20]
    assert await walk(api, PAGE, 5, filter=where, order={}) == ids
    assert await walk(api, PAGE, 5, filter=where, order={"field": None, "direction": None}) == ids


async def test_between_two_cursors(api: Api, batch_id: str) -> None:
    where = {"batchId": batch_id}
    edges = (await page(api, PAGE, filter=where, first=23))["edges"]
    bounds = {"after": edges[3]["cursor"], "before": edges[9]["cursor"]}
    inside = [edge["node"]["id"] for edge in edges[4:9]]
    forward = await page(api, PAGE, filter=where, first=3, **bounds)
    assert [node["id"] for node in forward["nodes"]] == inside[:3]
    backward = await page(api, PAGE, filter=where, last=3, **bounds)
    assert [node["id"] for node in backward["nodes"]] == inside[2:]
    whole = await page(api, PAGE, filter=where, first=100, **bounds)
    assert [node["id"] for node in whole["nodes"]] == inside


async def test_an_empty_page(api: Api, batch_id: str) -> None:
    for arguments in ({"first": 0}, {"last": 0}):
        found = await page(api, PAGE, filter={"batchId": batch_id}, **arguments)
        assert (found["nodes"], found["totalCount"]) == ([], 23)
        assert found["pageInfo"]["hasNextPage" if "first" in arguments else "hasPreviousPage"] is True
    nothing = await page(api, PAGE, filter={"batchId": batch_id, "status": []}, first=5)
    info = nothing["pageInfo"]
    assert (nothing["nodes"], nothing["totalCount"]) == ([], 0)
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, False)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ({"status": ["COMPLETED"]}, 21),
        ({"status": ["FAILED"]}, 2),
        ({"status": ["FAILED", "COMPLETED", "QUEUED"]}, 23),
        ({"analyzer": ["text"]}, 21),
        ({"analyzer": ["trial", "record", "no such"]}, 2),
        ({"analyzer": []}, 0),
        ({"analyzer": ["text"], "status": ["FAILED"]}, 1),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, 23),
        ({"createdBefore": "2020-01-01T00:00:00+14:00"}, 0),
        ({"createdAfter": "2020-01-01T00:00:00Z", "createdBefore": "9999-12-31T23:59:59.999999999Z"}, 23),
        ({"search": "number"}, 20),
        ({"search": "FINE 7 text. number"}, 2),
        ({"search": "Number 7 is"}, 2),
        ({"search": "   "}, 23),
        ({"search": ""}, 23),
        ({"search": "%"}, 0),
        ({"key": ["3", "5", "5", "none"]}, 2),
        ({"key": []}, 0),
        ({"tags": []}, 23),
        ({"tags": ["no such"]}, 0),
        ({"not": {"tags": ["no such"]}}, 23),
        ({"errorCode": ["INPUT_UNREADABLE"]}, 2),
        ({"errorCode": ["CANCELED", "TIMED_OUT"]}, 0),
        ({"finishedAfter": "2020-01-01T00:00:00Z"}, 23),
        ({"finishedBefore": "2020-01-01T00:00:00Z"}, 0),
        ({"finishedAfter": "2020-01-01T00:00:00Z", "finishedBefore": "9999-12-31T23:59:59Z"}, 23),
        ({"not": {}}, 0),
        ({"not": {"status": ["FAILED"]}}, 21),
        ({"not": {"errorCode": ["INPUT_UNREADABLE"]}}, 21),
        ({"not": {"errorCode": ["CANCELED"]}}, 23),
        ({"not": {"search": "number"}}, 3),
        ({"not": {"analyzer": ["text"], "status": ["FAILED"]}}, 22),
        ({"status": ["COMPLETED"], "not": {"key": ["0", "1"], "analyzer": ["text", "record"]}}, 19),
        ({"not": {"finishedAfter": "2020-01-01T00:00:00Z"}}, 0),
    ],
    ids=repr,
)
async def test_each_filter(api: Api, batch_id: str, where: dict[str, Any], count: int) -> None:
    where = {"batchId": batch_id, **where}
    found = await page(api, PAGE, filter=where, first=1000)
    assert (len(found["nodes"]), found["totalCount"]) == (count, count)
    assert len(await walk(api, PAGE, 3, filter=where)) == count


async def test_tags_of_results(api: Api) -> None:
    given = ["The new camera is wonderful.", "The new camera is terrible.", "Das Wetter ist heute wirklich sehr schön."]
    batch = await api.batch([{"request": {"text": {"text": text}}} for text in given], waitSeconds=60)
    query = """query ($filter: AnalysisFilter) { analyses(filter: $filter, orderBy: { direction: ASC }) {
      totalCount nodes { key result { tags } } statusCounts { status count } } }"""
    its = {"batchId": batch["id"]}
    rows = (await api(query, filter=its))["analyses"]["nodes"]
    tags = [set(row["result"]["tags"]) for row in rows]
    assert "english" in tags[0] & tags[1]
    assert "german" in tags[2]
    for where in (["english"], ["camera"], ["english", "german"], ["english", "positive"], ["English"], ["camer"]):
        found = (await api(query, filter={**its, "tags": where}))["analyses"]
        keys = [str(number) for number, each in enumerate(tags) if set(where) <= each]
        assert [row["key"] for row in found["nodes"]] == keys
        assert found["totalCount"] == len(keys)
        assert {each["status"]: each["count"] for each in found["statusCounts"]}["COMPLETED"] == len(keys)
        excluded = (await api(query, filter={**its, "not": {"tags": where}}))["analyses"]
        assert excluded["totalCount"] == 3 - len(keys)


async def test_instants_are_exclusive_bounds(queue: Api) -> None:
    batch = await queue.batch(texts(1))
    query = "query ($id: ID!) { batch(id: $id) { results { nodes { createdAt } } } }"
    (node,) = (await queue(query, id=batch["id"]))["batch"]["results"]["nodes"]
    instant = node["createdAt"]
    assert len(instant) == len("2026-11-21T10:00:00.000Z")
    # The stored instant has microseconds, so it is after the shown one.
    for where, count in (({"createdAfter": instant}, 1), ({"createdBefore": instant}, 0)):
        found = await page(queue, PAGE, filter={"batchId": batch["id"], **where})
        assert found["totalCount"] == count


SCRIPTS = [
    "100% sure_thing \\ back",
    "ΑΘΗΝΑ και Straße",
    "Привет МИР",
    "日本語のテキスト",
    "שלום עולם",
    "a 🤷🏽‍♀️ b",
    "É clair e\u0301clair",
    "'; DROP TABLE analysis; --",
    '"quoted" [GLOB]* ?',
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("%", [0]),
        ("_", [0]),
        ("\\", [0]),
        ("100% SURE_THING", [0]),
        ("1__%", []),
        ("ΑΘΗΝΑ", [1]),
        ("straße", [1]),
        ("МИР Привет", [2]),
        ("本語", [3]),
        ("עולם", [4]),
        ("🤷🏽‍♀️", [5]),
        ("clair É", [6]),
        ("';", [7]),
        ("drop table analysis; --", [7]),
        ('"QUOTED" *', [8]),
        ("[a-z]", []),
    ],
    ids=repr,
)
async def test_search_has_no_wildcards(queue: Api, search: str, found: list[int]) -> None:
    items = [{"request": {"text": {"text": text}}, "key": str(n)} for n, text in enumerate(SCRIPTS)]
    batch = await queue.batch(items, idempotencyKey="scripts")
    query = "query ($filter: AnalysisFilter) { analyses(filter: $filter) { nodes { key } } }"
    nodes = (await queue(query, filter={"batchId": batch["id"], "search": search}))["analyses"]["nodes"]
    assert sorted(int(node["key"]) for node in nodes) == found


async def test_results_of_a_batch_have_the_order_of_its_items(api: Api, batch_id: str) -> None:
    query = "query ($id: ID!) { batch(id: $id) { results(first: 100) { nodes { id key } } } }"
    nodes = (await api(query, id=batch_id))["batch"]["results"]["nodes"]
    assert [node["key"] for node in nodes] == [str(n) for n in range(23)]
    ids = [node["id"] for node in nodes]
    for size in (1, 10, 23):
        assert await walk(api, RESULTS, size, id=batch_id) == ids
        assert await walk(api, RESULTS, size, backward=True, id=batch_id) == ids
    assert await walk(api, RESULTS, 1, id=batch_id, status=["FAILED"]) == [ids[20], ids[21]]
    completed = await walk(api, RESULTS, 4, backward=True, id=batch_id, status=["COMPLETED"])
    assert completed == [*ids[:20], ids[22]]


async def test_batches_in_both_directions_and_by_status(queue: Api) -> None:
    made = [(await queue.batch(texts(1)))["id"] for _ in range(3)]
    ended = (await queue.batch([{"request": {"text": {"text": ""}}}], faults=1))["id"]
    every = await walk(queue, BATCHES, 1000)
    assert every == sorted(every, reverse=True)
    assert every[:4] == [ended, *reversed(made)]
    assert await walk(queue, BATCHES, 3) == every
    assert await walk(queue, BATCHES, 3, backward=True) == every
    queued = await walk(queue, BATCHES, 2, status=["QUEUED"])
    assert queued[:3] == made[::-1]
    assert ended not in queued
    assert (await walk(queue, BATCHES, 2, backward=True, status=["COMPLETED", "CANCELED"]))[0] == ended
    assert await walk(queue, BATCHES, 2, status=["TIMED_OUT"]) == []


COUNTS = """
query Counts($filter: AnalysisFilter) { analyses(filter: $filter, first: 0) { statusCounts { status count exact } } }
"""


async def test_counts_by_status(api: Api, batch_id: str) -> None:
    async def counts(where: dict[str, Any] | None) -> dict[str, int]:
        found = (await api(COUNTS, filter=where))["analyses"]["statusCounts"]
        assert [each["exact"] for each in found] == [True] * 6
        return {each["status"]: each["count"] for each in found}

    none = dict.fromkeys(["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED", "TIMED_OUT"], 0)
    where: dict[str, Any] = {"batchId": batch_id}
    assert await counts(where) == {**none, "COMPLETED": 21, "FAILED": 2}
    assert await counts({**where, "status": ["FAILED"]}) == {**none, "COMPLETED": 21, "FAILED": 2}
    assert await counts({**where, "analyzer": ["text"]}) == {**none, "COMPLETED": 20, "FAILED": 1}
    assert await counts({**where, "search": "no such words"}) == none
    every = await counts(None)
    for status, count in every.items():
        found = await api("query ($f: AnalysisFilter) { analyses(filter: $f) { totalCount } }", f={"status": [status]})
        assert found["analyses"]["totalCount"] == count
    of_batch = "query ($id: ID!) { batch(id: $id) { results(status: [FAILED]) { statusCounts { status count } } } }"
    found = (await api(of_batch, id=batch_id))["batch"]["results"]["statusCounts"]
    assert {each["status"]: each["count"] for each in found} == {**none, "COMPLETED": 21, "FAILED": 2}


async def test_the_deprecated_status_also_applies_beside_the_filter(queue: Api) -> None:
    made = (await queue.batch(texts(1)))["id"]
    assert made in await walk(queue, BATCHES, 1000, status=["QUEUED"], filter={"status": ["QUEUED", "CANCELED"]})
    assert await walk(queue, BATCHES, 1000, status=["QUEUED"], filter={"status": ["CANCELED"]}) == []


SIZES = [(3, 0), (1, 1), (5, 2), (3, 2), (2, 0)]
"""Items of each batch, and rejected ones among them."""


@pytest.fixture(scope="module")
def named_ids() -> list[str]:
    return []


@pytest.fixture
async def named(api: Api, named_ids: list[str]) -> list[str]:
    """The ids of five batches of SIZES, for all tests."""
    refused = {"request": {"text": {"text": ""}}}
    for number, (size, failures) in enumerate(SIZES if not named_ids else []):
        items = texts(size - failures) + [refused] * failures
        name = f"Café 100% n{number}" if number else None
        made = await api.batch(items, faults=failures, waitSeconds=60, name=name)
        named_ids.append(made["id"])
    return named_ids


BATCH_ORDERS = [
    {"field": field, "direction": direction}
    for field in ("CREATED_AT", "FINISHED_AT", "TOTAL_ITEMS", "FAILED")
    for direction in ("ASC", "DESC")
]


@pytest.mark.parametrize("order", BATCH_ORDERS, ids=lambda order: f"{order['field']} {order['direction']}")
async def test_each_order_of_batches_works_both_ways(
    api: Api, named: list[str], tmp_path: Path, order: dict[str, str]
) -> None:
    gate = tmp_path / "gate"
    items = [{"request": {"trial": {"text": "x", "until": str(gate)}}}] * 2
    unfinished = [(await api.batch(items, timeoutSeconds=600))["id"] for _ in range(2)]
    try:
        await api.when(unfinished[0], lambda found: found["running"] > 0, what="the first batch to start")
        query = """query ($order: BatchOrder) { batches(orderBy: $order, first: 1000) {
          nodes { id createdAt finishedAt totalItems failed } } }"""
        rows = (await api(query, order=order))["batches"]["nodes"]
        ids = [row["id"] for row in rows]
        assert {*named, *unfinished} <= set(ids)
        column = {"CREATED_AT": "createdAt", "FINISHED_AT": "finishedAt", "TOTAL_ITEMS": "totalItems"}
        # Instants are stored in microseconds and shown in milliseconds.
        values = [row[column.get(order["field"], "failed")] or 0 for row in rows]
        if order["field"] == "FINISHED_AT":
            values = [str(value) for value in values]
        else:
            keys = list(zip(values, ids, strict=True))
            assert keys == sorted(keys, reverse=order["direction"] == "DESC")
        assert values == sorted(values, reverse=order["direction"] == "DESC")
        for size in (1, 3, 1000):
            assert await walk(api, BATCHES, size, order=order) == ids
            assert await walk(api, BATCHES, size, backward=True, order=order) == ids
    finally:
        gate.touch()
        for id_ in unfinished:
            await api.ended(id_)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"withFailures": True}, [1, 2, 3]),
        ({"withFailures": False}, [0, 4]),
        ({"name": "100%"}, [1, 2, 3, 4]),
        ({"name": "café 100% N"}, [1, 2, 3, 4]),
        ({"name": "N2"}, [2]),
        ({"name": "100_"}, []),
        ({"name": ""}, [0, 1, 2, 3, 4]),
        ({"status": ["COMPLETED"]}, [0, 1, 2, 3, 4]),
        ({"status": ["QUEUED", "RUNNING"]}, []),
        ({"status": []}, []),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, [0, 1, 2, 3, 4]),
        ({"createdBefore": "2020-01-01T00:00:00Z"}, []),
        ({"name": "n", "withFailures": True, "status": ["COMPLETED"]}, [1, 2, 3]),
    ],
    ids=repr,
)
async def test_each_filter_of_batches(api: Api, named: list[str], where: dict[str, Any], found: list[int]) -> None:
    order = {"direction": "ASC"}
    for size in (2, 1000):
        ids = await walk(api, BATCHES, size, filter=where, order=order)
        assert [id_ for id_ in ids if id_ in named] == [named[number] for number in found]


async def test_pages_do_not_shift_during_inserts(queue: Api) -> None:
    batch = await queue.batch(texts(12))
    assert batch["totalItems"] == 12
    first = await page(queue, PAGE, first=5)
    seen = [node["id"] for node in first["nodes"]]
    other = await queue.batch(texts(7))
    second = await page(queue, PAGE, first=7, after=first["pageInfo"]["endCursor"])
    seen += [node["id"] for node in second["nodes"]]
    mine = await walk(queue, PAGE, 1000, filter={"batchId": batch["id"]})
    assert seen == mine
    back = await page(queue, PAGE, last=100, before=first["pageInfo"]["startCursor"])
    assert len(back["nodes"]) == 7
    assert {node["id"] for node in back["nodes"]} == set(await walk(queue, PAGE, 100, filter={"batchId": other["id"]}))


async def test_the_total_is_counted_only_if_it_is_selected(queue: Api, queueing_server: ApiServer) -> None:
    batch = await queue.batch(texts(3))
    lists = (
        f'{{ analyses(filter: {{ batchId: "{batch["id"]}" }}) {{ nodes {{ id }} %s }} }}',
        f'{{ batch(id: "{batch["id"]}") {{ results {{ nodes {{ id }} %s }} }} }}',
        "{ batches { nodes { id } %s } }",
    )

    async def statements(selected: str) -> list[str]:
        before = len(queueing_server.trace())
        for document in lists:
            await queue(document % selected)
        new = [note["sql"] for note in queueing_server.trace()[before:] if "sql" in note]
        assert sum("LIMIT" in sql for sql in new) >= 3
        # The total of a batch without deleted items is the sum of its counters.
        return [sql for sql in new if "count(*)" in sql or re.search(r"batch.failed \+.+ FROM batch", sql, re.DOTALL)]

    assert await statements("pageInfo { hasNextPage }") == []
    before = len(queueing_server.trace())
    for selected, read in (("nodes { id }", 0), ("statusCounts { count }", 1)):
        await queue(f"{{ analyses {{ {selected} }} }}")
        new = [note["sql"] for note in queueing_server.trace()[before:] if "sql" in note]
        assert sum("FROM status_count" in sql for sql in new) == read
    assert len(await statements("totalCount")) == 3


async def test_rows_of_a_page_are_read_together(queue: Api, queueing_server: ApiServer) -> None:
    batches = [await queue.batch(texts(2)) for _ in range(3)]
    before = len(queueing_server.trace())
    found = await queue("{ analyses(first: 6) { nodes { batch { id } } } }")
    assert {node["batch"]["id"] for node in found["analyses"]["nodes"]} == {batch["id"] for batch in batches}
    new = [note["sql"] for note in queueing_server.trace()[before:] if "sql" in note]
    assert sum("FROM batch" in sql and "batch.id IN" in sql for sql in new) == 1


async def test_events_in_pages(queue: Api) -> None:
    batch = await queue.batch(texts(7))
    query = """query ($id: ID!, $first: Int, $after: String) { batch(id: $id) { events(first: $first, after: $after) {
      edges { cursor node { cursor type subjectId } } nodes { cursor }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""
    whole = await queue.log(batchId=batch["id"])
    assert [event["type"] for event in whole] == ["ANALYSIS_QUEUED"] * 7
    found: list[dict[str, Any]] = []
    after = None
    for size in (3, 3, 1):
        connection = (await queue(query, id=batch["id"], first=size, after=after))["batch"]["events"]
        edges, info = connection["edges"], connection["pageInfo"]
        assert [edge["cursor"] for edge in edges] == [edge["node"]["cursor"] for edge in edges]
        assert connection["nodes"] == [{"cursor": edge["cursor"]} for edge in edges]
        assert (info["startCursor"], info["endCursor"]) == (edges[0]["cursor"], edges[-1]["cursor"])
        assert info["hasPreviousPage"] is (after is not None)
        found += [edge["node"] for edge in edges]
        after = info["endCursor"]
        assert info["hasNextPage"] is (len(found) < 7)
    assert found == whole
    ids = {event["subjectId"] for event in whole}
    own = "query ($id: ID!) { analysis(id: $id) { events { nodes { cursor subjectId } } } }"
    for id_ in ids:
        (event,) = (await queue(own, id=id_))["analysis"]["events"]["nodes"]
        assert event in [{"cursor": each["cursor"], "subjectId": id_} for each in whole]
