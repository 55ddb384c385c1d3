"""Pause, resume and limit the queue: effects, refusals and permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import product
from typing import Any

import pytest

from tests.api.calls import Api, ApiServer, connected
from tests.api.conftest import running
from tests.support import until

QUEUE = (
    "queue { paused pausedSince pauseReason concurrency analyzers { analyzer paused pausedSince pauseReason limit } }"
)
ERRORS = "userErrors { code message path }"
FREE = {
    "paused": False,
    "pausedSince": None,
    "pauseReason": None,
    "concurrency": None,
    "analyzers": [{"analyzer": "text", "paused": False, "pausedSince": None, "pauseReason": None, "limit": None}],
}
NO_SUCH_ANALYZER = {
    "code": "NOT_FOUND",
    "message": "There is no analyzer with this name: the analyzers are text.",
    "path": ["analyzer"],
}


@pytest.fixture(scope="module")
def held_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A server without workers, whose queue no other test uses."""
    yield from running(ApiServer(tmp_path_factory.mktemp("held"), {"workers": 0}))


@pytest.fixture
async def api(held_server: ApiServer) -> AsyncIterator[Api]:
    """A client of that server, after all controls were removed."""
    async with connected(held_server) as found:
        for analyzer in (None, "text"):
            await changed(found, "resumeQueue", analyzer=analyzer)
            await changed(found, "setConcurrency", analyzer=analyzer)
        yield found


async def held(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = (await api(f"{{ {QUEUE} }}"))["queue"]
    return found


async def change(api: Api, name: str, **given: Any) -> dict[str, Any]:
    """Send a mutation; return its payload."""
    capital = name[0].upper() + name[1:]
    document = f"mutation Change($input: {capital}Input!) {{ {name}(input: $input) {{ {QUEUE} {ERRORS} }} }}"
    payload: dict[str, Any] = (await api(document, input=given))[name]
    return payload


async def changed(api: Api, name: str, **given: Any) -> dict[str, Any]:
    """Send a mutation that must succeed; return the queue, which a query must then show too."""
    payload = await change(api, name, **given)
    assert payload["userErrors"] == []
    assert payload["queue"] == await held(api)
    found: dict[str, Any] = payload["queue"]
    return found


async def test_a_paused_queue_accepts_submissions_and_health_reports_the_pause(api: Api) -> None:
    assert await held(api) == FREE
    paused, resumed = (api.server.log.count(f'"{event}"') for event in ("queue paused", "queue resumed"))
    first = await changed(api, "pauseQueue")
    assert first["paused"]
    assert first["pausedSince"] is not None
    assert await changed(api, "pauseQueue", analyzer=None) == first
    depth = (await api("{ queue { metrics { depth } } }"))["queue"]["metrics"]["depth"]
    assert (await api.submit(request={"text": "Waits."}))["status"] == "QUEUED"

    async def counted() -> bool:  # the figures are kept for a while
        return bool((await api("{ queue { metrics { depth } } }"))["queue"]["metrics"]["depth"] == depth + 1)

    await until(counted, what="the queue to have one more")
    assert (await api("{ queue { metrics { depth } } }"))["queue"]["metrics"]["depth"] == depth + 1
    health = (await api("{ health { recommendations } }"))["health"]
    since = first["pausedSince"].replace("T", " ").partition(".")[0]
    assert (
        f"The queue is paused since {since} UTC: resume it by `resumeQueue` or `python server.py resume`."
        in health["recommendations"]
    )
    assert await changed(api, "resumeQueue") == FREE
    assert await changed(api, "resumeQueue") == FREE
    logged = [api.server.log.count(f'"{event}"') for event in ("queue paused", "queue resumed")]
    assert logged == [paused + 1, resumed + 1]


async def test_an_analyzer_is_paused_and_limited_by_itself(api: Api) -> None:
    queue = await changed(api, "pauseQueue", analyzer="text")
    assert (queue["paused"], queue["analyzers"][0]["paused"]) == (False, True)
    queue = await changed(api, "setConcurrency", analyzer="text", limit=2)
    queue = await changed(api, "setConcurrency", limit=256)
    queue = await changed(api, "resumeQueue")  # the whole queue was not paused
    assert (queue["concurrency"], queue["analyzers"][0]["limit"], queue["analyzers"][0]["paused"]) == (256, 2, True)
    await changed(api, "setConcurrency", limit=None)
    await changed(api, "resumeQueue", analyzer="text")
    assert await changed(api, "setConcurrency", analyzer="text") == FREE


async def test_a_pause_has_a_reason_and_each_change_is_an_event(api: Api) -> None:
    end = (await api("{ eventsEnd }"))["eventsEnd"]
    first = await changed(api, "pauseQueue", reason="Until the disk is replaced.")
    assert first["pauseReason"] == "Until the disk is replaced."
    assert await changed(api, "pauseQueue", reason="Another.") == first
    queue = await changed(api, "pauseQueue", analyzer="text", reason="x" * 500)
    assert queue["analyzers"][0]["pauseReason"] == "x" * 500
    await changed(api, "resumeQueue", analyzer="text")
    assert await changed(api, "resumeQueue") == FREE
    document = """query ($after: String) { events(after: $after, filter: { types: [QUEUE_CHANGED] }) {
      nodes { __typename type subjectId ... on QueueEvent { by queue { paused } } } } }"""
    found = (await api(document, after=end))["events"]["nodes"]
    common = {"__typename": "QueueEvent", "type": "QUEUE_CHANGED", "by": None, "queue": {"paused": False}}
    subjects = ("queue", "analyzer_text", "analyzer_text", "queue")
    assert found == [common | {"subjectId": subject} for subject in subjects]
    assert [event["subjectId"] for event in await api.log(after=end, subjectId="queue")] == ["queue", "queue"]


async def test_a_reason_without_a_visible_text_is_refused(api: Api) -> None:
    end = (await api("{ eventsEnd }"))["eventsEnd"]
    for reason in ("", " ", "x" * 501, "a\nb"):
        payload = await change(api, "pauseQueue", reason=reason)
        assert payload["queue"] is None
        assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", ["reason"])]
    assert await held(api) == FREE
    assert await api.log(after=end) == []


async def test_a_limit_out_of_its_bounds(api: Api) -> None:
    for limit, analyzer in product((0, -1, 257, 2**31 - 1), (None, "text")):
        payload = await change(api, "setConcurrency", limit=limit, analyzer=analyzer)
        assert payload["queue"] is None
        assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", ["limit"])]
    assert await held(api) == FREE


async def test_an_unknown_analyzer_is_refused(api: Api) -> None:
    for mutation, name in product(("pauseQueue", "resumeQueue", "setConcurrency"), ("", "Text", "nothing", "te\0xt")):
        payload = await change(api, mutation, analyzer=name)
        assert payload == {"queue": None, "userErrors": [NO_SUCH_ANALYZER]}
    payload = await change(api, "setConcurrency", analyzer="nothing", limit=0)
    assert [error["path"] for error in payload["userErrors"]] == [["analyzer"], ["limit"]]
    assert await held(api) == FREE


async def test_one_of_many_concurrent_changes_remains(api: Api) -> None:
    limits = range(1, 11)
    paused = api.server.log.count('"queue paused"')
    answers = await asyncio.gather(
        *(changed_at_once(api, "setConcurrency", limit=limit) for limit in limits),
        *(changed_at_once(api, "pauseQueue") for _ in limits),
    )
    found = await held(api)
    assert found["concurrency"] in limits
    assert {answer["pausedSince"] for answer in answers[10:]} == {found["pausedSince"]}
    assert api.server.log.count('"queue paused"') == paused + 1


async def changed_at_once(api: Api, name: str, **given: Any) -> dict[str, Any]:
    payload = await change(api, name, **given)
    assert payload["userErrors"] == []
    found: dict[str, Any] = payload["queue"]
    return found
