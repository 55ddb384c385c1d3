"""The history of throughput, queue and latency, which remains after a kill of the server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.api.calls import Api, ApiServer, connected
from tests.api.conftest import running
from tests.support import until

HISTORY = """query ($range: HistoryRange!, $analyzer: String) { history(range: $range, analyzer: $analyzer) {
  from to stepSeconds points { at completed failed canceled timedOut queued running oldestSeconds waitingP95Ms
    processingP95Ms requestP95Ms } } }"""
SHAPES = {"LAST_15_MINUTES": (180, 5), "LAST_24_HOURS": (288, 300), "LAST_30_DAYS": (360, 7200)}
FIGURES = ("completed", "failed", "canceled", "timedOut", "queued", "running", "oldestSeconds")
TIMES = ("waitingP95Ms", "processingP95Ms", "requestP95Ms")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server whose history no other test changes."""
    yield from running(ApiServer(tmp_path_factory.mktemp("history"), {"workers": 1}))


async def points(api: Api, range_: str, analyzer: str | None = None) -> list[dict[str, Any]]:
    """Return the points of a range, after a check of their number and times."""
    found = (await api(HISTORY, range=range_, analyzer=analyzer))["history"]
    count, seconds = SHAPES[range_]
    assert (len(found["points"]), found["stepSeconds"], found["from"]) == (count, seconds, found["points"][0]["at"])
    times = [datetime.fromisoformat(point["at"]) for point in found["points"]]
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=seconds)}
    assert times[-1] <= datetime.fromisoformat(found["to"])
    points: list[dict[str, Any]] = found["points"]
    return points


async def ends(api: Api, range_: str, analyzer: str | None = None) -> tuple[int, int]:
    """Return the sums of completed and canceled analyses."""
    found = await points(api, range_, analyzer)
    return sum(each["completed"] or 0 for each in found), sum(each["canceled"] or 0 for each in found)


@pytest.mark.long
async def test_ends_levels_and_times_are_kept_over_a_kill(own_server: ApiServer) -> None:
    pause = "mutation { pauseQueue(input: {}) { userErrors { code } } }"
    cancel = "mutation ($id: ID!) { cancelAnalysis(input: { id: $id }) { userErrors { code } } }"
    async with connected(own_server) as api:
        for number in range(3):
            await api.submit(request={"text": f"Number {number}."}, waitSeconds=60)
        await api(pause)
        canceled = await api.submit(request={"text": "Canceled."})
        await api(cancel, id=canceled["id"])
        await api.submit(request={"text": "Waits."})

        async def written() -> bool:
            newest = [each for each in await points(api, "LAST_15_MINUTES") if each["queued"] is not None]
            return bool(newest) and newest[-1]["queued"] == 1 and await ends(api, "LAST_15_MINUTES") == (3, 1)

        await until(written, what="the history")
        found = await points(api, "LAST_15_MINUTES")
        assert all(each[name] is None for each in found[:1] for name in (*FIGURES, *TIMES))  # before the start
        assert any(each["oldestSeconds"] is not None for each in found)
        for name in TIMES:
            assert any(each[name] is not None for each in found), name
        of_text = await points(api, "LAST_15_MINUTES", "text")
        assert any(each["processingP95Ms"] is not None for each in of_text)
        assert all(each["requestP95Ms"] is None for each in of_text)
    await own_server.restart(kill=True)
    async with connected(own_server) as api:
        for range_ in SHAPES:
            assert await ends(api, range_) == await ends(api, range_, "text") == (3, 1), range_


async def test_an_unknown_analyzer_is_refused(own_server: ApiServer) -> None:
    async with connected(own_server) as api:
        (error,) = await api.errors(HISTORY, range="LAST_24_HOURS", analyzer="nothing")
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "analyzer"}
    assert error["message"] == "There is no analyzer with this name: the analyzers are text."
