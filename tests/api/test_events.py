"""The stream of events: missed events, then new ones, each once, in the order of the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.api.calls import EVENTS, WATCH, Api, ApiServer, connected, texts
from tests.api.sockets import opened
from tests.support import until


async def newest(api: Api) -> str:
    """Run an analysis; return the cursor of its last event."""
    found = await api.submit(request={"text": "A mark.", "operations": ["STATISTICS"]}, waitSeconds=60)
    cursor: str = (await api.log(analysisId=found["id"]))[-1]["cursor"]
    return cursor


def place(cursor: str) -> int:
    """Return the position of the cursor in the log of SQLite."""
    return int(cursor.split("-")[1], 16)


async def read(answers: AsyncIterator[dict[str, Any]], last: asyncio.Future[str]) -> list[dict[str, Any]]:
    """Return the events of the stream up to the event with the cursor `last`."""
    events: list[dict[str, Any]] = []
    stopping = asyncio.ensure_future(_reading(answers, events))
    try:
        end = place(await last)
        await until(lambda: (events and place(events[-1]["cursor"]) >= end) or stopping.done(), what="the last event")
    finally:
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
    return events


async def _reading(answers: AsyncIterator[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    async with aclosing(answers) as all_of_them:  # type: ignore[type-var]
        async for answer in all_of_them:
            events.append(answer["events"])


def behind(log: list[dict[str, Any]], first: dict[str, Any]) -> list[dict[str, Any]]:
    return log[log.index(first) :]


async def test_later_events_come_after_the_end_of_the_log(api: Api) -> None:
    before = await newest(api)
    end = (await api("query { eventsEnd }"))["eventsEnd"]
    found = await api.submit(request={"text": "Next.", "operations": ["STATISTICS"]}, waitSeconds=60)
    log = await api.log(after=end)
    assert [event for event in log if event["subjectId"] == found["id"]] == await api.log(analysisId=found["id"])
    assert before not in [event["cursor"] for event in log]


async def test_replay_continues_live_without_gaps_and_duplicates(
    api: Api, working_server: ApiServer, bare_server: ApiServer
) -> None:
    start = await newest(api)
    last: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def by_gql(server: ApiServer, after: str | None) -> list[dict[str, Any]]:
        async with connected(server, websockets=True) as client:
            return await read(client.stream(WATCH, after=after), last)

    async def by_hand(server: ApiServer, after: str | None) -> list[dict[str, Any]]:
        async with opened(server) as socket:
            return await read(socket.answers(WATCH, after=after), last)

    async def submit(number: int) -> str:
        async with connected(working_server) as client:
            return str((await client.batch(texts(25), name=f"Concurrent {number}"))["id"])

    readers = [asyncio.create_task(by_gql(working_server, start)), asyncio.create_task(by_hand(working_server, None))]
    batches: list[str] = []
    for turn in range(3):
        batches += await asyncio.gather(*(submit(3 * turn + n) for n in range(3)))
        readers.append(asyncio.create_task(by_hand(working_server, start)))
        # Another server on the same database, which no bus wakes: it polls.
        readers.append(asyncio.create_task(by_gql(bare_server, start)))
    await asyncio.gather(*(api.ended(id_) for id_ in batches))
    last.set_result(await newest(api))
    full, from_now, *others = await asyncio.gather(*readers)
    log = await api.log(after=start)
    assert len(log) > 9 * 25 * 3
    assert full == log
    assert all(other == log for other in others)
    assert from_now == behind(log, from_now[0])
    assert len({event["cursor"] for event in log}) == len(log)


async def test_each_filter_selects_the_same_events_in_stream_and_query(api: Api, working_server: ApiServer) -> None:
    start = await newest(api)
    batch = await api.batch(texts(5), waitSeconds=60)
    other = await api.submit(request={"text": "Another."}, waitSeconds=60)
    failed = await api.submit("trial", request={"text": "Fails.", "failures": 2}, maxAttempts=2, waitSeconds=60)
    assert failed["status"] == "FAILED"
    last = await newest(api)
    log = await api.log(after=start)
    filters: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
        "types": (
            {"types": ["BATCH_STARTED", "BATCH_COMPLETED", "ANALYSIS_COMPLETED"]},
            [e for e in log if e["type"] in ("BATCH_STARTED", "BATCH_COMPLETED", "ANALYSIS_COMPLETED")],
        ),
        "analysis": ({"analysisId": other["id"]}, [e for e in log if e["subjectId"] == other["id"]]),
        "analysis and type": (
            {"analysisId": other["id"], "types": ["ANALYSIS_STARTED"]},
            [e for e in log if e["subjectId"] == other["id"] and e["type"] == "ANALYSIS_STARTED"],
        ),
        "subject": ({"subjectId": other["id"]}, [e for e in log if e["subjectId"] == other["id"]]),
        "subject and batch": (
            {"subjectId": batch["id"], "batchId": batch["id"]},
            [e for e in log if e["subjectId"] == batch["id"]],
        ),
        "subject and analysis": ({"subjectId": batch["id"], "analysisId": other["id"]}, []),
        "analyzer": (
            {"analyzer": ["text", "nothing"], "types": ["ANALYSIS_COMPLETED", "BATCH_COMPLETED"]},
            [e for e in log if e["type"] == "ANALYSIS_COMPLETED" and e["subjectId"] != failed["id"]],
        ),
        "another analyzer": ({"analyzer": ["trial"]}, [e for e in log if e["subjectId"] == failed["id"]]),
        "problems": ({"problemsOnly": True}, [e for e in log if e["type"] in ("ANALYSIS_RETRYING", "ANALYSIS_FAILED")]),
        "problems of a type": ({"problemsOnly": True, "types": ["ANALYSIS_STARTED", "BATCH_COMPLETED"]}, []),
        "no type": ({"types": []}, []),
        "nothing": ({"analysisId": other["id"], "batchId": batch["id"]}, []),
    }
    for name, (where, expected) in filters.items():
        assert await api.log(after=start, **where) == expected, name
    of_batch = await api.log(after=start, batchId=batch["id"])
    assert [e["type"] for e in of_batch].count("ANALYSIS_COMPLETED") == 5
    assert [e["type"] for e in of_batch if e["subjectId"] == batch["id"]][-1] == "BATCH_COMPLETED"
    filters["batch"] = ({"batchId": batch["id"]}, of_batch)

    async def replayed(where: dict[str, Any], expected: list[dict[str, Any]]) -> None:
        # A second, unfiltered stream on the same socket shows that the filtered stream sends nothing more.
        found: list[dict[str, Any]] = []
        async with opened(working_server) as socket:
            await socket.subscribe("filtered", WATCH, filter=where, after=start)
            while len(found) < len(expected):
                message = await socket.receive()
                found.append(message["payload"]["data"]["events"])
            await socket.subscribe("all", WATCH, after=start)
            while (message := await socket.receive())["id"] == "all":
                if message["payload"]["data"]["events"]["cursor"] == last:
                    break
        assert message["id"] == "all", message
        assert found == expected

    for where, expected in filters.values():
        await replayed(where, expected)


async def test_an_event_names_its_analysis_analyzer_and_batch(api: Api) -> None:
    start = await newest(api)
    items = [{**texts(1)[0], "key": "invoice 7"}, *texts(1, f"Some{' words' * 30}.")]
    batch = await api.batch(items, waitSeconds=60)
    data = await api.submit("record", request={"data": {"a": [1, "b"]}}, waitSeconds=60)
    document = """query ($after: String, $types: [EventType!]) { events(after: $after, filter: { types: $types }) {
      nodes { subjectId ... on AnalysisEvent { title analyzerName batchId } } } }"""
    found = (await api(document, after=start, types=["ANALYSIS_STARTED"]))["events"]["nodes"]
    long = f"Some{' words' * 12}…"
    assert [(each["title"], each["analyzerName"], each["batchId"]) for each in found] == [
        ("invoice 7", "text", batch["id"]),
        (long, "text", batch["id"]),
        ('{"a":[1,"b"]}', "record", None),
    ]
    remove = "mutation ($id: ID!) { deleteAnalysis(input: { id: $id }) { deletedId } }"
    await api(remove, id=data["id"])
    found = (await api(document, after=start, types=["ANALYSIS_COMPLETED"]))["events"]["nodes"]
    assert found[-1] == {"subjectId": data["id"], "title": None, "analyzerName": "record", "batchId": None}


async def test_the_cursor_at_a_time_begins_with_the_events_from_then_on(api: Api) -> None:
    before = await newest(api)
    first = await api.submit(request={"text": "One."}, waitSeconds=60)
    document = "query ($time: DateTime!) { eventsCursorAt(time: $time) eventsEnd }"
    at = "query ($id: ID!) { analysis(id: $id) { createdAt } }"
    created = (await api(at, id=first["id"]))["analysis"]["createdAt"]  # cut to milliseconds
    cursor = (await api(document, time=created))["eventsCursorAt"]
    assert [event for event in await api.log(after=cursor) if event["subjectId"] == first["id"]] == await api.log(
        subjectId=first["id"]
    )
    assert place(cursor) >= place(before)
    late = await api(document, time="2100-01-01T00:00:00Z")
    assert late["eventsCursorAt"] == late["eventsEnd"]
    (error,) = await api.errors(document, time="yesterday")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_conditions_out_of_bounds_are_refused(api: Api) -> None:
    for where, argument in (
        ({"subjectId": ""}, "filter.subjectId"),
        ({"subjectId": "x" * 201}, "filter.subjectId"),
        ({"subjectId": "a\0"}, "filter.subjectId"),
        ({"analyzer": ["text"] * 101}, "filter.analyzer"),
        ({"analyzer": ["te\0xt"]}, "filter.analyzer"),
    ):
        (error,) = await api.errors(EVENTS, filter=where)
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", argument)


async def test_an_event_shows_the_former_state_and_the_present_one(api: Api, working_server: ApiServer) -> None:
    start = await newest(api)
    items = [*texts(1), {"request": {"trial": {"text": "No.", "refused": True}}}]
    batch = await api.batch(items, waitSeconds=60)
    document = """subscription ($filter: EventFilter, $after: String) { events(filter: $filter, after: $after) {
      __typename cursor type occurredAt subjectId
      ... on AnalysisEvent { was: status progress { fraction } error { code message retryable } analysis { id status } }
      ... on BatchEvent { stood: status totalItems processed failed progress { fraction step } batch { id status } }
    } }"""
    seen: list[dict[str, Any]] = []
    async with connected(working_server, websockets=True) as client:
        async for answer in client.stream(document, filter={"batchId": batch["id"]}, after=start):
            seen.append(answer["events"])
            if seen[-1]["type"] == "BATCH_COMPLETED":
                break
    of_items = [event for event in seen if event["__typename"] == "AnalysisEvent"]
    assert {event["type"] for event in of_items[:2]} == {"ANALYSIS_QUEUED"}
    assert {event["was"] for event in of_items[:2]} == {"QUEUED"}
    (failed,) = [event for event in of_items if event["type"] == "ANALYSIS_FAILED"]
    assert failed["error"] == {"code": "INPUT_UNREADABLE", "message": "It can't be read.", "retryable": False}
    assert failed["analysis"] == {"id": failed["subjectId"], "status": "FAILED"}
    (completed,) = [event for event in of_items if event["type"] == "ANALYSIS_COMPLETED"]
    assert (completed["error"], completed["progress"], completed["was"]) == (None, {"fraction": 1.0}, "COMPLETED")
    end = seen[-1]
    assert {name: end[name] for name in ("stood", "totalItems", "processed", "failed", "batch")} == {
        "stood": "COMPLETED",
        "totalItems": 2,
        "processed": 1,
        "failed": 1,
        "batch": {"id": batch["id"], "status": "COMPLETED"},
    }
    assert end["progress"] == {"fraction": 1.0, "step": None}
    assert [event["occurredAt"] for event in seen] == sorted(event["occurredAt"] for event in seen)


@pytest.mark.long
async def test_a_client_resumes_from_its_last_cursor_after_a_kill_of_the_server(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 2})
    events: list[dict[str, Any]] = []
    killed = asyncio.Event()
    try:
        await server.start()
        async with connected(server) as api:
            start = await newest(api)
            batch = await api.batch(texts(400))

        async def follow() -> None:
            while not (events and events[-1]["type"] == "BATCH_COMPLETED"):
                process = server.process
                try:
                    async with opened(server) as socket:
                        after = events[-1]["cursor"] if events else start
                        async for answer in socket.answers(WATCH, after=after):
                            events.append(answer["events"])
                            if len(events) == 450:
                                killed.set()
                            if events[-1]["type"] == "BATCH_COMPLETED":
                                return
                except (ConnectionClosed, OSError):
                    await asyncio.to_thread(process.wait)
                    await until(lambda: asyncio.to_thread(server._is_ready), what="the server to be back")

        following = asyncio.create_task(follow())
        await until(lambda: killed.is_set() or following.done(), what="450 events")
        await server.restart(kill=True)
        await following
        async with connected(server) as api:
            assert events == await api.log(after=start)
            assert (await api.ended(batch["id"]))["processed"] == 400
        # An announced stop: the close reason has a cursor, also for a client that has received no event.
        async with opened(server) as socket:
            async with connected(server) as api:
                await socket.subscribe("1", WATCH)

                async def listens() -> bool:
                    found = await api("{ metrics { subscriptions { active } } }")
                    return bool(found["metrics"]["subscriptions"]["active"] == 1)

                await until(listens, what="the subscription to begin")
            await server.terminate()
            with pytest.raises(ConnectionClosed) as closed:
                await socket.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        assert closed.value.rcvd.reason == f'Service restart: resume with `after: "{events[-1]["cursor"]}"`.'
    finally:
        await server.close()


CURSORS = [
    "",
    "nonsense",
    "s0-",
    "s0-zz",
    "S0-1",
    " s0-1",
    "s0-1 ",
    "s0-1\n",
    "\0",
    "s" * 10_000,
    "s0-" + "f" * 16,
]


@pytest.mark.parametrize("cursor", CURSORS, ids=lambda cursor: repr(cursor[:20]))
async def test_an_invalid_cursor_is_refused(queue: Api, queueing_server: ApiServer, cursor: str) -> None:
    expected = "`after` is not a cursor of this log: pass the cursor of an event of this server."
    (error,) = await queue.errors(EVENTS, after=cursor)
    assert (error["message"], error["path"]) == (expected, ["events"])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    async with opened(queueing_server) as socket:
        error = await socket.refusal(WATCH, after=cursor)
    assert (error["message"], error["path"]) == (expected, ["events"])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}


@pytest.mark.parametrize(
    "cursor",
    [
        *("p0-1", "p1-1-01234567", "s0-1-01234567"),  # of other databases
        *("s0-fffffffffff", "s1-0", "s" + "f" * 15 + "-" + "f" * 15),  # of lost events
    ],
)
async def test_a_cursor_of_another_history_is_refused(queue: Api, queueing_server: ApiServer, cursor: str) -> None:
    await queue.submit(request={"text": "In the log."})
    (error,) = await queue.errors(EVENTS, after=cursor)
    async with opened(queueing_server) as socket:
        streamed = await socket.refusal(WATCH, after=cursor)
    for each in (error, streamed):
        begins = each["extensions"].pop("historyBegins")
        assert each["extensions"] == {"code": "HISTORY_GONE", "argument": "after"}
        assert each["path"] == ["events"]
        assert each["message"] == (
            "`after` is a cursor of another history: the database was replaced, or restored from a backup. This log "
            f"begins after `{begins}`: read your data again, and continue from that cursor."
        )
        assert await queue(EVENTS, after=begins) == await queue(EVENTS)


async def test_a_cursor_from_before_databases_had_an_identity(api: Api) -> None:
    cursor = await newest(api)
    place, _, identity = cursor.rpartition("-")
    assert len(identity) == 8
    found = await api.submit(request={"text": "One more.", "operations": ["STATISTICS"]}, waitSeconds=60)
    assert await api.log(after=place) == await api.log(after=cursor)
    assert {event["subjectId"] for event in await api.log(after=place, analysisId=found["id"])} == {found["id"]}


async def test_the_end_of_the_log_is_read_before_the_other_fields(queue: Api, queueing_server: ApiServer) -> None:
    """An event during the query is then after the cursor, also if the other fields already show it."""
    await queue.submit(request={"text": "In the list."})
    before = len(queueing_server.trace())
    found = await queue("query Snapshot { analyses(first: 1) { nodes { id } } eventsEnd batches { nodes { id } } }")
    assert await queue.log(after=found["eventsEnd"]) == []
    statements = [note["sql"] for note in queueing_server.trace()[before:] if "sql" in note]
    pages = [statement for statement in statements if statement.startswith("SELECT") and " LIMIT " in statement]
    tables = [statement.partition(" FROM ")[2].split()[0] for statement in pages]
    assert tables[0] == "event"
    assert tables.index("analysis") > 0
    assert tables.index("batch") > 0


async def test_a_cursor_of_a_list_is_refused_for_the_log(queue: Api) -> None:
    batch = await queue.batch(texts(1))
    query = (
        "query ($id: ID!) { batch(id: $id) { results { pageInfo { endCursor } } events { pageInfo { endCursor } } } }"
    )
    found = (await queue(query, id=batch["id"]))["batch"]
    (error,) = await queue.errors(EVENTS, after=found["results"]["pageInfo"]["endCursor"])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}
    other = "query ($id: ID!, $after: String) { batch(id: $id) { results(after: $after) { nodes { id } } } }"
    (error,) = await queue.errors(other, id=batch["id"], after=found["events"]["pageInfo"]["endCursor"])
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": "after"}


@pytest.mark.parametrize(
    ("where", "argument"),
    [
        ({"analysisId": "nonsense"}, "filter.analysisId"),
        ({"analysisId": "batch_01jd0000000000000000000000"}, "filter.analysisId"),
        ({"batchId": "analysis_01jd0000000000000000000000"}, "filter.batchId"),
        ({"batchId": ""}, "filter.batchId"),
    ],
    ids=repr,
)
async def test_a_filter_with_an_invalid_id_is_refused(
    queue: Api, queueing_server: ApiServer, where: dict[str, str], argument: str
) -> None:
    (error,) = await queue.errors(EVENTS, filter=where)
    async with opened(queueing_server) as socket:
        streamed = await socket.refusal(WATCH, filter=where)
    for each in (error, streamed):
        assert each["path"] == ["events"]
        assert each["extensions"] == {"code": "BAD_USER_INPUT", "argument": argument}
