"""kill -9 in the middle of bulk actions: each analysis is reached once, by whichever server."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import func, select

from store import tables
from tests.api.calls import ApiServer
from tests.store.truth import assert_consistent, whole_log
from tests.support import until
from tests.torture.house import LONG, House, ask, submit_batch

ITEMS = 10_000 if LONG else 4_000
RUN = """
mutation ($input: RunBulkActionInput!) { runBulkAction(input: $input) {
  action { id } matched eligible userErrors { code message } } }
"""
NODE = "query ($id: ID!) { node(id: $id) { ... on BulkAction { status eligible done refused finishedAt } } }"


async def run(server: ApiServer, kind: str, **given: Any) -> str:
    """Start an action on all items of the batch; returns its id."""
    payload = (await ask(server, RUN, input={"kind": kind, **given}))["runBulkAction"]
    assert (payload["userErrors"], payload["matched"], payload["eligible"]) == ([], ITEMS, ITEMS)
    return str(payload["action"]["id"])


async def test_servers_are_killed_in_the_middle(house: House) -> None:
    first, second = servers = [await house.start(workers=0) for _ in range(2)]
    texts = [str(number) for number in range(ITEMS)]
    batch_id = await submit_batch(first, texts, terms={"timeoutSeconds": 86_400})
    given = {"filter": {"batchId": batch_id}}
    async with house.database() as database:

        async def begun(id_: str) -> None:
            """Return once the action has carried out a slice."""
            action = tables.bulk_action.c

            async def has_begun() -> bool:
                async with database.read() as connection:
                    return bool((await connection.execute(select(action.done).where(action.id == id_))).scalar_one())

            await until(has_begun, what="the first slice")

        async def ended(server: ApiServer, id_: str) -> tuple[str, int, int]:
            async def has_ended() -> Any:
                found = (await ask(server, NODE, id=id_))["node"]
                return found["finishedAt"] and found

            found = await until(has_ended, what="the action to end")
            return found["status"], found["done"], found["refused"]

        # The other server takes over.
        id_ = await run(first, "CANCEL", **given)
        await begun(id_)
        await first.kill()
        assert await ended(second, id_) == ("COMPLETED", ITEMS, 0)
        # No server is left: the next one to start continues.
        id_ = await run(second, "RETRY", **given)
        await begun(id_)
        await second.kill()
        await first.start()
        assert await ended(first, id_) == ("COMPLETED", ITEMS, 0)
        # An orderly stop frees the lease.
        id_ = await run(first, "CANCEL", **given)
        await begun(id_)
        assert await first.terminate() == 0
        await second.start()
        assert await ended(second, id_) == ("COMPLETED", ITEMS, 0)
        id_ = await run(second, "DELETE", **given, expected=ITEMS)
        await begun(id_)
        await second.kill()
        await first.start()
        assert await ended(first, id_) == ("COMPLETED", ITEMS, 0)

        log = Counter((event.subject, event.type) for event in await whole_log(database))
        by_item: dict[str, Counter[str]] = {}
        for (subject, type_), count in log.items():
            if subject.startswith("analysis_"):
                by_item.setdefault(subject, Counter())[type_] += count
        expected = Counter({"ANALYSIS_QUEUED": 2, "ANALYSIS_CANCELED": 2, "ANALYSIS_DELETED": 1})
        assert len(by_item) == ITEMS
        assert all(counts == expected for counts in by_item.values())
        ends = Counter(type_ for _, type_ in log.elements() if type_ == "BULK_ACTION_ENDED")
        assert ends == {"BULK_ACTION_ENDED": 4}
        async with database.read() as connection:
            assert (await connection.execute(select(func.count()).select_from(tables.analysis))).scalar_one() == 0
        await assert_consistent(database, {batch_id: Counter({"CANCELED": ITEMS})})
    assert [server.log.count("Traceback") for server in servers] == [0, 0]
