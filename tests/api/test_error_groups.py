"""Groups of similar errors: of all analyses, under a filter, and of a batch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.calls import Api

GROUPS = """
query Groups($filter: AnalysisFilter, $first: Int) {
  errorGroups(filter: $filter, first: $first) {
    fingerprint code message count retryableItems firstAt lastAt examples { id error { message } } } }
"""
OF_BATCH = """
query Batch($id: ID!) { batch(id: $id) {
  errorGroups { fingerprint code message count retryableItems examples { id } }
  first: errorGroups(first: 1) { count } } }
"""
FAILED = """
query ($filter: AnalysisFilter) { analyses(filter: $filter) { totalCount nodes { id key errorFingerprint } } }
"""


@pytest.fixture
async def batch_id(api: Api) -> str:
    """The id of a batch with two failures of one kind, three of another, and a completed item."""
    readings = [{"atStation": "a", "value": 2_000 + number} for number in range(3)]
    items: list[dict[str, Any]] = [{"request": {"survey": {"data": [each]}}} for each in readings]
    items += [{"request": {"trial": {"text": "x", "refused": True}}}] * 2
    items += [{"request": {"text": {"text": "Fine."}}}]
    return str((await api.batch(items, faults=3, waitSeconds=60))["id"])


async def test_the_groups_of_a_batch(api: Api, batch_id: str) -> None:
    batch = (await api(OF_BATCH, id=batch_id))["batch"]
    refused, failed = batch["errorGroups"]
    assert (refused["code"], refused["count"], refused["retryableItems"]) == ("INPUT_UNREADABLE", 3, 0)
    assert (failed["code"], failed["count"], failed["retryableItems"]) == ("INPUT_UNREADABLE", 2, 2)
    assert refused["message"] == "`value` is …: it must be at most …."
    assert failed["message"] == "It can't be read."
    assert batch["first"] == [{"count": 3}]
    for group, keys in ((refused, ["2", "1", "0"]), (failed, ["4", "3"])):
        where = {"batchId": batch_id, "errorFingerprint": group["fingerprint"]}
        found = (await api(FAILED, filter=where))["analyses"]
        assert ([node["key"] for node in found["nodes"]], found["totalCount"]) == (keys, group["count"])
        assert group["examples"] == [{"id": node["id"]} for node in found["nodes"]]
        assert {node["errorFingerprint"] for node in found["nodes"]} == {group["fingerprint"]}
        others = (await api(FAILED, filter={"batchId": batch_id, "not": where}))["analyses"]
        assert others["totalCount"] == 6 - group["count"]
    (completed,) = (await api(FAILED, filter={"batchId": batch_id, "status": ["COMPLETED"]}))["analyses"]["nodes"]
    assert completed["errorFingerprint"] is None


async def test_the_groups_under_a_filter_have_the_same_fingerprints(api: Api, batch_id: str) -> None:
    of_batch = (await api(OF_BATCH, id=batch_id))["batch"]["errorGroups"]
    every = (await api(GROUPS))["errorGroups"]
    assert {group["fingerprint"] for group in of_batch} <= {group["fingerprint"] for group in every}
    counts = [group["count"] for group in every]
    assert counts == sorted(counts, reverse=True)
    assert all(group["firstAt"] <= group["lastAt"] for group in every)
    (group,) = (await api(GROUPS, filter={"batchId": batch_id, "analyzer": ["trial"]}))["errorGroups"]
    assert (group["fingerprint"], group["count"]) == (of_batch[1]["fingerprint"], 2)
    assert group["firstAt"] <= group["lastAt"]
    assert [each["error"]["message"] for each in group["examples"]] == ["It can't be read."] * 2
    assert (await api(GROUPS, filter={"status": ["COMPLETED"]}))["errorGroups"] == []
    assert (await api(GROUPS, first=0))["errorGroups"] == []


async def test_a_retry_takes_its_items_out_of_the_groups(api: Api, batch_id: str) -> None:
    await api("mutation ($id: ID!) { retryBatch(input: { id: $id }) { userErrors { code } } }", id=batch_id)
    await api.ended(batch_id)
    assert [group["count"] for group in (await api(OF_BATCH, id=batch_id))["batch"]["errorGroups"]] == [3, 2]


@pytest.mark.parametrize(
    ("given", "argument"),
    [
        ({"first": -1}, "first"),
        ({"first": 101}, "first"),
        ({"filter": {"batchId": "x"}}, "filter.batchId"),
        ({"filter": {"errorFingerprint": "a\0"}}, "filter.errorFingerprint"),
        ({"filter": {"not": {"not": {}}}}, "filter.not.not"),
    ],
    ids=str,
)
async def test_arguments_out_of_bounds(queue: Api, given: dict[str, Any], argument: str) -> None:
    (error,) = await queue.errors(GROUPS, **given)
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
