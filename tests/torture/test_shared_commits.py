"""kill -9 in the middle of shared commits: every answered submission is stored, once, with one event."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy import select

from store import tables
from tests.store.truth import assert_consistent, whole_log
from tests.support import until
from tests.torture.house import LONG, House, Refused, Unanswered, submit

pytestmark = pytest.mark.timeout(1_800)
CLIENTS, KILLS = 24, 10 if LONG else 2
# Answers between two kills.
ANSWERS = 120
MOMENTARY = {"SERVICE_UNAVAILABLE", "OPERATION_TIMEOUT"}


async def test_every_answered_submission_is_stored_once(house: House) -> None:
    """Of two servers on one database, one is killed; the clients of both go on, and repeat unanswered calls."""
    servers = [await house.start(workers=0) for _ in range(2)]
    answered: dict[str, str] = {}
    sent: set[str] = set()
    done = False

    async def client(number: int) -> None:
        server, call = servers[number % 2], 0
        while not done:
            text = f"{number} {call}"
            # Every other client names its calls: its repeats are one call. The others send a new text.
            terms = {"idempotencyKey": text} if number % 4 < 2 else {}
            sent.add(text)
            try:
                found = await submit(server, text, terms=terms)
            except (Refused, Unanswered) as failure:
                if isinstance(failure, Refused) and not set(failure.codes) <= MOMENTARY:
                    raise
                call += not terms
                await asyncio.sleep(0.05)  # the server restarts
            else:
                assert found["status"] == "QUEUED"
                answered[text] = found["id"]
                call += 1

    async with asyncio.TaskGroup() as tasks:
        for number in range(CLIENTS):
            tasks.create_task(client(number))
        for kill in range(KILLS):
            enough = len(answered) + ANSWERS
            await until(lambda enough=enough: len(answered) >= enough, what=f"{ANSWERS} answers")  # type: ignore[misc]
            await servers[kill % 2].kill()
            await servers[kill % 2].start()
        enough = len(answered) + ANSWERS
        await until(lambda: len(answered) >= enough, what="answers after the last kill")
        done = True

    for server in servers:
        assert await server.terminate() == 0
    async with house.database() as database:
        await assert_consistent(database)
        events = Counter((event.type, event.subject) for event in await whole_log(database))
        async with database.read() as connection:
            columns = (tables.analysis.c.input_text, tables.analysis.c.id)
            rows = [tuple(row) for row in (await connection.execute(select(*columns))).all()]
    ids = dict(rows)
    assert len(ids) == len(rows)
    assert answered.items() <= ids.items()
    assert ids.keys() <= sent
    assert events == Counter({("ANALYSIS_QUEUED", id_): 1 for id_ in ids.values()})
