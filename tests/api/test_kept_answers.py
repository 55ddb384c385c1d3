"""Two servers on one database: the second one's kept answers change with each write through the first."""

from __future__ import annotations

import urllib.request
from collections.abc import Awaitable, Callable
from typing import Any

from tests.support import Server, post, until

ONE = "query One($id: ID!) { analysis(id: $id) { id status key } }"
PAGE = "{ analyses(first: 100) { nodes { id status } } }"
SUBMIT = 'mutation { submitAnalysis(input: { request: { text: { text: "All is well." } } }) { analysis { id } } }'
CANCEL = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { message } } }"
RETRY = "mutation ($id: ID!) { retryAnalysis(input: { id: $id }) { userErrors { message } } }"
DELETE = "mutation ($id: ID!) { deleteAnalysis(input: { id: $id }) { userErrors { message } } }"
BATCH = """mutation { batchProcess(input: { items: [{ request: { text: { text: "One." } } }] }) {
  batch { id results { nodes { id } } } } }"""
CANCEL_BATCH = "mutation ($id: ID!) { cancelBatch(input: { id: $id }) { userErrors { message } } }"
DELETE_BATCH = "mutation ($id: ID!) { deleteBatch(input: { id: $id }) { userErrors { message } } }"
BULK = """mutation ($id: ID!) { runBulkAction(input: { kind: DELETE, ids: [$id] }) {
  action { id } userErrors { message } } }"""


def hits(server: Server) -> int:
    """Return the number of answers from the cache."""
    with urllib.request.urlopen(f"{server.address}/metrics", timeout=60) as answer:
        lines = answer.read().decode().splitlines()
    (line,) = (each for each in lines if each.startswith("assay_answer_cache_hits_total "))
    return int(float(line.split()[1]))


def ask(server: Server, query: str, **variables: Any) -> dict[str, Any]:
    """Return the data of an answer without errors."""
    answer = post(server.url, query, variables)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    assert not any(each.get("userErrors") for each in data.values() if isinstance(each, dict)), answer
    return data


async def test_each_write_through_another_server(
    server: Callable[..., Awaitable[Server]], tables: None, database_url: str
) -> None:
    first, second = [await server(workers=0, database_url=database_url) for _ in range(2)]

    async def kept(id_: str) -> tuple[Any, Any]:
        """Return the answers of the second server, after one of each kind came from its cache."""
        for question in ({"query": ONE, "id": id_}, {"query": PAGE}):

            def hit(question: dict[str, str] = question) -> bool:
                before = hits(second)
                ask(second, **question)
                return hits(second) > before

            await until(hit, what="a hit")
        return ask(second, ONE, id=id_), ask(second, PAGE)

    async def changes(id_: str, mutation: str, target: str, status: str | None) -> None:
        """Write through the first server, and read the new state from the second one."""
        one, page = await kept(id_)
        ask(first, mutation, id=target)

        def changed() -> bool:
            found = ask(second, ONE, id=id_)["analysis"]
            is_new: bool = (found and found["status"]) == status and ask(second, PAGE) != page
            return is_new

        if database_url.startswith("sqlite") and mutation is not BULK:  # its work follows
            assert changed()
        await until(changed, what=mutation)
        assert ask(second, ONE, id=id_) != one
        assert ask(first, ONE, id=id_) == ask(second, ONE, id=id_)

    ids = [ask(first, SUBMIT)["submitAnalysis"]["analysis"]["id"] for _ in range(2)]
    batch = ask(first, BATCH)["batchProcess"]["batch"]
    (item,) = [each["id"] for each in batch["results"]["nodes"]]
    for id_ in ids:
        ask(first, CANCEL, id=id_)
    ask(first, CANCEL_BATCH, id=batch["id"])
    await changes(ids[0], RETRY, ids[0], "QUEUED")
    ask(first, CANCEL, id=ids[0])
    await changes(item, DELETE_BATCH, batch["id"], None)
    await changes(ids[0], DELETE, ids[0], None)
    await changes(ids[1], BULK, ids[1], None)
