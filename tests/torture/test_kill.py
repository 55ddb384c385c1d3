"""kill -9 at random moments while clients submit: every accepted analysis is kept and ends once."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest
from sqlalchemy import func, select

from store import tables
from tests.support import Server, until
from tests.torture.house import LONG, SEED, House, WorkerProgram, submit_until_accepted

pytestmark = pytest.mark.timeout(3_600)
BATCHES, ITEMS, KILLS = (50, 1_000, 25) if LONG else (6, 150, 2)
CLIENTS = 2
MOST_ATTEMPTS = 10
# On PostgreSQL the workers are separate processes, which may be killed too; the long version runs both on both.
EMBEDDED = pytest.param("sqlite", False, id="sqlite-embedded")
APART = pytest.param("postgresql", True, id="postgresql-apart", marks=pytest.mark.needs("postgresql"))
MORE = [
    pytest.param("sqlite", True, id="sqlite-apart"),
    pytest.param("postgresql", False, id="postgresql-embedded", marks=pytest.mark.needs("postgresql")),
]


@pytest.mark.parametrize(
    ("database_url", "apart"), [EMBEDDED, APART, *(MORE if LONG else [])], indirect=["database_url"]
)
async def test_every_accepted_item_ends_once_however_often_something_is_killed(house: House, apart: bool) -> None:
    print(f"ASSAY_TORTURE_SEED={SEED}")
    chance = random.Random(SEED)
    server = await house.start(workers=0 if apart else 3)
    programs = [server, *([await house.start(WorkerProgram, workers=2) for _ in range(2)] if apart else [])]
    waiting = list(range(BATCHES))
    accepted: dict[int, str] = {}

    async with house.database() as database:

        async def ended() -> int:
            """Return the number of ended items."""
            statement = select(func.count()).where(tables.analysis.c.finished_at.is_not(None))
            async with database.read() as connection:
                return (await connection.execute(statement)).scalar_one()

        async def reached(count: int) -> None:
            async def far_enough() -> bool:
                return await ended() >= count

            await until(far_enough, what=f"{count} items to end", seconds=600 if LONG else 180)

        async def client() -> None:
            while waiting:
                number = waiting.pop(0)
                await reached(max(0, number - CLIENTS) * ITEMS)  # so that submissions continue until the end
                texts = [f"{number} {item}" for item in range(ITEMS)]
                terms = {"maxAttempts": MOST_ATTEMPTS, "timeoutSeconds": 3600}
                accepted[number] = await submit_until_accepted(server, str(number), texts, terms=terms, seconds=0.004)

        async def killer() -> None:
            for count in sorted(chance.sample(range(BATCHES * ITEMS - ITEMS // 2), KILLS)):
                await reached(count)
                await asyncio.sleep(chance.uniform(0, 0.1))  # a random moment
                program = chance.choice(programs)
                await program.kill()
                await until(partial(is_alone, program), what="the end of the program's child processes")
                await program.start()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(killer())
            for _ in range(CLIENTS):
                tasks.create_task(client())
        await reached(BATCHES * ITEMS)
    for program in programs:
        assert await program.terminate() == 0

    truth = await house.truth()
    assert set(truth.batches) == set(accepted.values())
    assert len(truth.batches) == BATCHES
    for number, batch_id in accepted.items():
        assert [row.input_text for row in truth.of(batch_id)] == [f"{number} {item}" for item in range(ITEMS)]
    for row in truth.rows:
        lost = (row.status, row.attempt, row.error_code) == ("FAILED", MOST_ATTEMPTS, "WORKER_LOST")
        assert row.status == "COMPLETED" or lost, row
    assert max(row.attempt for row in truth.rows) <= 1 + KILLS


def is_alone(program: Server) -> bool:
    """Return whether no process runs that this program had started."""
    return not program.left_over()
