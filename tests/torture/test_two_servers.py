"""Two servers on one database, also on SQLite: each item runs once, and each server delivers all events."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.api.calls import WATCH, ApiServer, connected
from tests.torture.house import House, starts, submit, submit_batch

ITEMS, BATCHES = 60, 4


async def watch(server: ApiServer, after: str) -> list[tuple[str, str]]:
    """Return the events after the cursor that one server's subscriber receives, until all batches have ended."""
    found: list[tuple[str, str]] = []
    async with connected(server, websockets=True) as api:
        async for answer in api.stream(WATCH, after=after):
            event = answer["events"]
            found.append((event["subjectId"], event["type"]))
            if Counter(type_ for _, type_ in found)["BATCH_COMPLETED"] == BATCHES:
                return found
    raise AssertionError("the stream ended")


async def test_every_item_runs_once_and_both_servers_deliver_its_events(house: House) -> None:
    servers = [await house.start(workers=2) for _ in range(2)]
    notes = house.folder / "notes"
    first = await submit(servers[0], "first", terms={"waitSeconds": 60})
    async with connected(servers[0]) as api:
        cursor = (await api.log())[-1]["cursor"]
    watching = [asyncio.create_task(watch(server, cursor)) for server in servers]
    ids = []
    for number in range(BATCHES):
        texts = [f"{number}-{item}" for item in range(ITEMS)]
        ids.append(await submit_batch(servers[number % 2], texts, folder=str(notes), seconds=0.005))
    for server in servers:
        await house.ended(server, ids)
    seen = await asyncio.gather(*watching)
    for server in servers:
        assert await server.terminate() == 0

    truth = await house.truth()
    items = [row for row in truth.rows if row.id != first["id"]]
    assert Counter(row.status for row in items) == {"COMPLETED": BATCHES * ITEMS}
    assert {row.attempt for row in items} == {1}
    assert {starts(notes, row.input_text or "") for row in items} == {1}
    for events in seen:
        ends = Counter(subject for subject, type_ in events if type_ == "ANALYSIS_COMPLETED" and subject != first["id"])
        assert ends == dict.fromkeys([row.id for row in items], 1)
    assert seen[0] == seen[1]
