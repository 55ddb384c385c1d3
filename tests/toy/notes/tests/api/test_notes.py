"""Notes over the API: by id, in the event log, live, and deleted for their age."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

from tests.api.calls import Api, ApiServer, connected, texts
from tests.support import ROOT, run

NOTE = "query ($id: ID!) { node(id: $id) { __typename id ... on Note { text finishedAt } } }"
ADD = "mutation ($batchId: ID!, $text: String!) { addNote(batchId: $batchId, text: $text) { id } }"
CLOSE = "mutation ($id: ID!) { closeNote(id: $id) { id } }"
HISTORY = "query ($id: ID!) { node(id: $id) { ... on Note { events { nodes { type } } } } }"
NO_SUCH_NOTE = "note_01jd0000000000000000000000"
SEEN = "type subjectId ... on NoteEvent { text note { id text finishedAt } }"
LIVE = f"subscription ($filter: EventFilter, $after: String) {{ events(filter: $filter, after: $after) {{ {SEEN} }} }}"


async def added(api: Api, batch_id: str, text: str) -> str:
    id_: str = (await api(ADD, batchId=batch_id, text=text))["addNote"]["id"]
    return id_


async def test_a_note_by_its_id(api: Api) -> None:
    batch = await api.batch(texts(1), waitSeconds=60)
    id_ = await added(api, batch["id"], "A good batch.")
    shown = {"__typename": "Note", "id": id_, "text": "A good batch.", "finishedAt": None}
    assert (await api(NOTE, id=id_))["node"] == shown
    ids = [batch["id"], NO_SUCH_NOTE, id_]
    found = (await api("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids))["nodes"]
    assert [node and node["id"] for node in found] == [batch["id"], None, id_]
    (error,) = await api.errors(NOTE, id="nonsense")
    assert "`note_…`" in error["message"]
    (error,) = await api.errors("query ($id: ID!) { closedNote(id: $id) { id } }", id=batch["id"])
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_notes_in_the_log(api: Api) -> None:
    batch = await api.batch(texts(2), waitSeconds=60)
    first, second = await added(api, batch["id"], "One."), await added(api, batch["id"], "Two.")
    assert (await api(CLOSE, id=first))["closeNote"] == {"id": first}
    assert (await api(CLOSE, id=first))["closeNote"] is None
    expected = [("NOTE_ADDED", first), ("NOTE_ADDED", second), ("NOTE_CLOSED", first)]

    def pairs(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return [(event["type"], event["subjectId"]) for event in events]

    assert pairs(await api.log(types=["NOTE_ADDED", "NOTE_CLOSED"], batchId=batch["id"])) == expected
    of_batch = pairs(await api.log(batchId=batch["id"]))
    assert of_batch[-3:] == expected
    assert {type_ for type_, _ in of_batch} > {"NOTE_ADDED", "ANALYSIS_COMPLETED", "BATCH_COMPLETED"}
    own = (await api("query ($id: ID!) { node(id: $id) { ... on Note { events { nodes { type } } } } }", id=first))[
        "node"
    ]
    assert own == {"events": {"nodes": [{"type": "NOTE_ADDED"}, {"type": "NOTE_CLOSED"}]}}


async def test_a_live_stream_of_notes(api: Api, working_server: ApiServer) -> None:
    batch = await api.batch(texts(1), waitSeconds=60)
    end = (await api("{ eventsEnd }"))["eventsEnd"]
    first = await added(api, batch["id"], "Missed.")
    seen: list[dict[str, Any]] = []
    where = {"types": ["NOTE_ADDED", "NOTE_CLOSED"], "batchId": batch["id"]}
    async with (
        connected(working_server, websockets=True) as client,
        aclosing(client.stream(LIVE, filter=where, after=end)) as answers,
    ):
        seen.append((await anext(answers))["events"])
        await api.submit(request={"text": "No note.", "operations": ["STATISTICS"]}, waitSeconds=60)
        second = await added(api, batch["id"], "Live.")
        seen.append((await anext(answers))["events"])
    assert [(event["type"], event["subjectId"], event["text"]) for event in seen] == [
        ("NOTE_ADDED", first, "Missed."),
        ("NOTE_ADDED", second, "Live."),
    ]
    assert [event["note"] for event in seen] == [
        {"id": first, "text": "Missed.", "finishedAt": None},
        {"id": second, "text": "Live.", "finishedAt": None},
    ]


async def test_waiting_for_the_end_of_a_note(api: Api, working_server: ApiServer) -> None:
    batch = await api.batch(texts(1), waitSeconds=60)
    id_ = await added(api, batch["id"], "Open.")
    states: list[bool] = []
    async with connected(working_server, websockets=True) as client, connected(working_server) as other:
        waiting = asyncio.create_task(other("query ($id: ID!) { closedNote(id: $id) { id finishedAt } }", id=id_))
        async for answer in client.stream("subscription ($id: ID!) { note(id: $id) { finishedAt } }", id=id_):
            states.append(answer["note"]["finishedAt"] is not None)
            if len(states) == 1:
                await api(CLOSE, id=id_)
        found = (await waiting)["closedNote"]
    assert states == [False, True]
    assert (found["id"], found["finishedAt"] is not None) == (id_, True)


async def test_closed_notes_are_deleted_for_their_age(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 1})
    try:
        await server.start()
        async with connected(server) as api:
            batch = await api.batch(texts(1), waitSeconds=60)
            old, open_ = await added(api, batch["id"], "Closed."), await added(api, batch["id"], "Open.")
            await api(CLOSE, id=old)
            with closing(sqlite3.connect(server.data_dir / "assay.db")) as database, database:
                database.execute("UPDATE note SET finished_at = finished_at - 3601000000")

            async def clean_up(*options: str) -> str:
                command = (sys.executable, "server.py", "cleanup", "--older-than", "1h", *options)
                environment = {name: value for name, value in server.environment().items() if name.startswith("ASSAY_")}
                return await asyncio.to_thread(run, *command, cwd=ROOT, env=environment)

            assert "notes: 1," in await clean_up("--dry-run")
            assert "notes: 1," in await clean_up()
            assert (await api(NOTE, id=old))["node"] is None
            assert (await api(NOTE, id=open_))["node"]["text"] == "Open."
            assert "notes: 0," in await clean_up("--dry-run")
    finally:
        await server.close()
