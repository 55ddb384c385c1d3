"""Retention as clients see it: the start of the log, and the refusal of older cursors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import ANY

import pytest
from gql.transport.exceptions import TransportQueryError

from jobs.cleanup import Ages, clean_up
from store.retention import Deleted
from store.sql.database import Database
from tests.api.calls import EVENTS, WATCH, ApiServer, connected
from tests.support import until

RETENTION = """
{ retention { analysesDays eventsDays historyBegins lastCleanup { startedAt finishedAt batches analyses events } } }
"""
OF_ONE = "query ($id: ID!, $after: String) { analysis(id: $id) { events(after: $after) { nodes { cursor } } } }"
KEPT = {"analysesDays": None, "eventsDays": 30}
CANCEL = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { code } } }"


@pytest.fixture
async def server(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[ApiServer]:
    settings: dict[str, object] = {"workers": 0, "database_url": database_url, "keep_events_days": 30}
    one = ApiServer(tmp_path, settings)
    await one.start()
    yield one
    await one.close()


async def cleaned_up(database: Database) -> Deleted:
    """Wait for the end of the server's own clean-up, then delete all ended work and all events; return the counts."""
    ages = Ages(timedelta(0), timedelta(0))
    deleted: list[Deleted] = []

    async def done() -> bool:
        deleted.extend(filter(None, [await clean_up(database, ages, every=timedelta(days=-1))]))
        return bool(deleted)

    await until(done, what="the clean-up")
    return deleted[0]


async def test_a_cursor_before_the_start_of_the_log_is_refused(server: ApiServer, database: Database) -> None:
    async with connected(server) as api, connected(server, websockets=True) as watcher:
        assert (await api(RETENTION))["retention"] == KEPT | {"lastCleanup": ANY, "historyBegins": None}
        first = (await api.submit(request={"text": "First."}))["id"]
        second = (await api.submit(request={"text": "Second."}))["id"]
        await api(CANCEL, id=first)

        async def whole() -> list[str] | None:
            found = [event["cursor"] for event in await api.log()]
            return found if len(found) == 3 else None

        cursors: list[str] = await until(whole, what="the log")
        assert await cleaned_up(database) == Deleted(analyses=1, events=3)
        begins = cursors[-1]
        retention = (await api(RETENTION))["retention"]
        cleanup = retention.pop("lastCleanup")
        assert retention == KEPT | {"historyBegins": begins}
        assert cleanup.pop("startedAt") <= cleanup.pop("finishedAt")
        assert cleanup == {"batches": 0, "analyses": 1, "events": 3}
        extensions = {"code": "HISTORY_GONE", "argument": "after", "historyBegins": begins}
        for cursor in cursors[:-1]:
            (error,) = await api.errors(EVENTS, after=cursor)
            assert error["extensions"] == extensions
            assert f"which begins after `{begins}`" in error["message"]
            (error,) = await api.errors(OF_ONE, id=second, after=cursor)
            assert error["extensions"] == extensions
            with pytest.raises(TransportQueryError) as refusal:
                _ = [answer async for answer in watcher.stream(WATCH, after=cursor)]
            assert [error["extensions"] for error in refusal.value.errors or []] == [extensions]
        # The clean-up deleted the first analysis, which is an event.
        (deletion,) = await api.log()
        assert [deletion] == await api.log(after=begins)
        assert (deletion["type"], deletion["subjectId"]) == ("ANALYSIS_DELETED", first)
        assert (await api(OF_ONE, id=second))["analysis"] == {"events": {"nodes": []}}
        await api(CANCEL, id=second)
        seen = []
        async for answer in watcher.stream(WATCH, after=begins):
            seen.append((answer["events"]["type"], answer["events"]["subjectId"]))
            if len(seen) == 2:
                break
        assert seen == [("ANALYSIS_DELETED", first), ("ANALYSIS_CANCELED", second)]
