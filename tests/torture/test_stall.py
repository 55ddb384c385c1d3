"""A worker's program stands still until its leases are over, and then goes on: it writes over nothing."""

from __future__ import annotations

import signal
from pathlib import Path

from sqlalchemy import make_url

from tests.jobs.processes import stall
from tests.store.truth import whole_log
from tests.support import until
from tests.torture.house import House, WorkerProgram, starts, submit_batch

TEXTS = ["one", "two"]


def have_begun(notes: Path, times: int) -> bool:
    return {starts(notes, text) for text in TEXTS} == {times}


async def test_a_worker_that_stands_still_past_its_leases(house: House) -> None:
    server = await house.start(workers=0)
    stalled = await house.start(WorkerProgram, workers=2)
    notes, gate = house.folder / "notes", house.folder / "gate"
    batch = await submit_batch(server, TEXTS, folder=str(notes), until=str(gate), terms={"timeoutSeconds": 3600})
    await until(lambda: have_begun(notes, 1), what="both to run")
    await stall(stalled.process.pid, make_url(house.url))
    other = await house.start(WorkerProgram, workers=2)
    await until(lambda: have_begun(notes, 2), what="both to run elsewhere, once their leases are over")
    gate.touch()  # the processes of the one that stands still end their items too, and it has yet to hear of that
    await house.ended(server, [batch])
    async with house.database() as database:
        before = await whole_log(database)

    stalled.process.send_signal(signal.SIGCONT)
    for program in (stalled, other, server):
        assert await program.terminate() == 0
    truth = await house.truth()
    assert {(row.status, row.attempt) for row in truth.rows} == {("COMPLETED", 2)}
    async with house.database() as database:
        assert await whole_log(database) == before
