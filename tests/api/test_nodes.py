"""Objects by their ids."""

from __future__ import annotations

import pytest

from tests.api.calls import NO_SUCH_ANALYSIS, NO_SUCH_BATCH, Api, texts

NODE = """
query Node($id: ID!) { node(id: $id) {
  __typename id
  ... on Analysis { status } ... on Batch { totalItems } ... on Analyzer { name } ... on Worker { alive } } }
"""
NODES = "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def test_each_kind_by_its_id(api: Api) -> None:
    analysis = (await api.submit(request={"text": "A node."}, waitSeconds=60))["id"]
    batch = (await api.batch(texts(2), waitSeconds=60))["id"]
    (worker,) = (await api("{ metrics { workers { id } } }"))["metrics"]["workers"]
    expected: dict[str, dict[str, object]] = {
        analysis: {"__typename": "Analysis", "status": "COMPLETED"},
        batch: {"__typename": "Batch", "totalItems": 2},
        "analyzer_text": {"__typename": "Analyzer", "name": "text"},
        worker["id"]: {"__typename": "Worker", "alive": True},
    }
    for id_, shown in expected.items():
        assert (await api(NODE, id=id_))["node"] == {"id": id_, **shown}
    ids = [batch, NO_SUCH_BATCH, analysis, "analyzer_none", "analyzer_text", analysis, worker["id"], NO_SUCH_ANALYSIS]
    found = (await api(NODES, ids=ids))["nodes"]
    assert [node and node["id"] for node in found] == [
        batch,
        None,
        analysis,
        None,
        "analyzer_text",
        analysis,
        worker["id"],
        None,
    ]


async def test_an_unknown_id_gives_null(queue: Api) -> None:
    assert (await queue(NODE, id=NO_SUCH_ANALYSIS))["node"] is None
    assert (await queue(NODE, id="worker_01jd0000000000000000000000"))["node"] is None
    assert (await queue("query ($id: ID!) { analysis(id: $id) { id } }", id=NO_SUCH_ANALYSIS))["analysis"] is None
    assert (await queue("query ($id: ID!) { batch(id: $id) { id } }", id=NO_SUCH_BATCH))["batch"] is None


@pytest.mark.parametrize("field", ["node", "analysis", "batch"])
@pytest.mark.parametrize(
    "id_",
    [
        "",
        "nonsense",
        "analysis_",
        "analysis_01jd000000000000000000000",
        "analysis_01jd00000000000000000000000",
        "analysis_81jd0000000000000000000000",
        "analysis_01jd000000000000000000000u",
        "ANALYSIS_01jd0000000000000000000000",
        "Analysis_01JD0000000000000000000000",
        "lease_01jd0000000000000000000000",
        "_01jd0000000000000000000000",
        "analysis_01jd0000000000000000000000\n",
        "\0",
        "1",
        "x" * 100_000,
    ],
    ids=lambda id_: repr(id_[:40]),
)
async def test_an_invalid_id_is_refused(queue: Api, field: str, id_: str) -> None:
    (error,) = await queue.errors(f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=id_)
    assert error["path"] == [field]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "id"}
    assert len(error["message"]) < 300


async def test_the_id_of_another_type_is_refused(queue: Api) -> None:
    for field, id_, kind in (("analysis", NO_SUCH_BATCH, "batch"), ("batch", NO_SUCH_ANALYSIS, "analysis")):
        (error,) = await queue.errors(f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}", id=id_)
        assert (
            error["message"]
            == f"This is the id of another type, `{kind}`: an id of this type has the form `{field}_…`."
        )
        assert (error["path"], error["extensions"]["code"]) == ([field], "BAD_USER_INPUT")


async def test_at_most_a_hundred_ids_at_once(queue: Api) -> None:
    id_ = (await queue.submit(request={"text": "A node."}))["id"]
    found = (await queue(NODES, ids=[id_] * 100))["nodes"]
    assert found == [{"__typename": "Analysis", "id": id_}] * 100
    assert (await queue(NODES, ids=[]))["nodes"] == []
    (error,) = await queue.errors(NODES, ids=[id_] * 101)
    assert error["message"] == "`ids` has 101 ids: it may have at most 100."
    assert (error["path"], error["extensions"]) == (["nodes"], {"code": "BAD_USER_INPUT", "argument": "ids"})
    (error,) = await queue.errors(NODES, ids=[id_, "nonsense"])
    assert (error["path"], error["extensions"]) == (["nodes"], {"code": "BAD_USER_INPUT", "argument": "ids"})
