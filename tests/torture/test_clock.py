"""The machine's clock is set an hour back or forth, under a server that runs and between two.

Nothing waits for an hour, nothing runs twice, and the log keeps its order.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.api.calls import connected
from tests.store.truth import whole_log
from tests.support import until
from tests.torture.clock import LIBRARIES, ClockServer
from tests.torture.house import LONG, House, ask, end_of, idle, starts, submit, submit_batch

HOUR = timedelta(hours=1)


def steps(*some: tuple[str, int]) -> pytest.MarkDecorator:
    """By how many hours the clock is set, on which database; at length, all that there is."""
    every = [(name, hours) for name in ("sqlite", "postgresql") for hours in (-1, 1)]
    needs = {"sqlite": (), "postgresql": (pytest.mark.needs("postgresql"),)}
    cases = [pytest.param(name, hours, marks=needs[name]) for name, hours in (every if LONG else some)]
    return pytest.mark.parametrize(("database_url", "hours"), cases, indirect=["database_url"])


@pytest.fixture(autouse=True)
def _faketime() -> None:
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed: apt-get install libfaketime")


async def clocked(house: House, **settings: object) -> ClockServer:
    server = await house.start(ClockServer, **settings)
    assert isinstance(server, ClockServer)
    return server


async def clock_was_seen(server: ClockServer) -> None:
    """Return once the server has noted that its machine's clock was set."""
    await until(lambda: "the machine's clock was set" in server.log, what="the step to be seen")


@steps(("sqlite", -1), ("postgresql", 1))
async def test_a_step_under_a_running_server(house: House, hours: int) -> None:
    server = await clocked(house, workers=2)
    notes, gate = house.folder / "notes", house.folder / "gate"
    held = await submit(server, "held", folder=str(notes), until=str(gate), terms={"timeoutSeconds": 600})
    flaky = await submit(server, "flaky", deed="flaky", number=4, folder=str(notes), terms={"maxAttempts": 5})
    late = await submit_batch(server, ["late"], until=str(house.folder / "never"), terms={"timeoutSeconds": 3})
    on_time = await submit_batch(
        server, [f"item{n}" for n in range(40)], until=str(gate), terms={"timeoutSeconds": 600}
    )
    await until(lambda: starts(notes, "held") == 1, what="an analysis to run")
    before = await ask(server, "{ analyses(first: 1) { nodes { id createdAt } } }")
    server.set_clock(hours)
    await clock_was_seen(server)

    after = await submit(server, "after", folder=str(notes))
    newest = await ask(server, "{ analyses(first: 1) { nodes { id createdAt } } }")
    assert newest["analyses"]["nodes"][0]["id"] == after["id"] > before["analyses"]["nodes"][0]["id"]
    await house.ended(server, [late])  # at its deadline, and not an hour later or at once
    gate.touch()
    await house.ended(server, [on_time])

    for analysis in (held, flaky, after):
        await end_of(server, analysis["id"])
    assert await server.terminate() == 0

    truth = await house.truth()
    assert [row.status for row in truth.of(late)] == ["TIMED_OUT"]
    assert {row.status for row in truth.of(on_time)} == {"COMPLETED"}
    assert [truth.named(text).attempt for text in ("held", "flaky", "after")] == [1, 5, 1]
    assert [starts(notes, text) for text in ("held", "flaky", "after")] == [1, 5, 1]
    async with house.database() as database:
        times = [event.occurred_at for event in await whole_log(database)]
    assert max(times) - min(times) < HOUR / 2
    for row in truth.rows:
        assert row.started_at is None or row.created_at <= row.started_at <= (row.finished_at or row.started_at)


@steps(("postgresql", -1))
async def test_a_step_between_two_servers(house: House, hours: int) -> None:
    """The first is killed with work of every kind open; the next begins by another clock."""
    server = await clocked(house, workers=2)
    notes, gate = house.folder / "notes", house.folder / "gate"
    held = [await submit(server, f"held{n}", folder=str(notes), until=str(gate)) for n in range(2)]
    await until(lambda: starts(notes, "held0") and starts(notes, "held1"), what="both to run")
    later = await submit_batch(server, [f"item{n}" for n in range(40)], terms={"timeoutSeconds": 7200})
    async with connected(server) as api:
        cursor = (await api.log())[-1]["cursor"]
    await server.kill()
    await until(lambda: not server.left_over(), what="the end of what it had started")
    server.set_clock(hours)
    gate.touch()
    await server.start()

    flaky = await submit(server, "flaky", deed="flaky", number=1, folder=str(notes), terms={"maxAttempts": 2})
    timed = await submit_batch(server, ["timed"], until=str(house.folder / "never"), terms={"timeoutSeconds": 2})
    await house.ended(server, [later, timed], seconds=60)

    for analysis in (*held, flaky):
        await end_of(server, analysis["id"])
    async with house.database() as database:
        log = await whole_log(database)
    async with connected(server) as api:

        async def all_shown() -> list[dict[str, Any]] | None:
            """On PostgreSQL any transaction that is open, be it of another database, holds back the newest events."""
            found = await api.log()
            return found if len(found) >= len(log) else None

        everything = await until(all_shown, what="the whole log to be shown")
        behind = await api.log(after=cursor)
    assert await server.terminate() == 0

    truth = await house.truth()
    assert {row.status for row in truth.of(later)} == {"COMPLETED"}
    assert [row.status for row in truth.of(timed)] == ["TIMED_OUT"]
    # The two that ran when it was killed run once more, and what waited runs once.
    assert [truth.named(text).attempt for text in ("held0", "held1", "flaky")] == [2, 2, 2]
    assert {row.attempt for row in truth.of(later)} == {1}
    assert [event["type"] for event in everything] == [event.type for event in log]
    cursors = [event["cursor"] for event in everything]
    assert behind == everything[cursors.index(cursor) + 1 :]


@steps(("postgresql", -1))
async def test_two_servers_by_different_clocks(house: House, hours: int) -> None:
    """The second begins after the step: neither takes the other's work from it."""
    servers = [await clocked(house, workers=1)]
    notes, gates = house.folder / "notes", [house.folder / "gate0", house.folder / "gate1"]
    await submit(servers[0], "held0", folder=str(notes), until=str(gates[0]), terms={"timeoutSeconds": 600})
    await until(lambda: starts(notes, "held0") == 1, what="the first to run")
    second = ClockServer(house.folder, {"database_url": house.url, "workers": 1}, path=house.packages)
    second.set_clock(hours)
    house.servers.append(second)
    servers.append(second)
    await second.start()
    await submit(second, "held1", folder=str(notes), until=str(gates[1]), terms={"timeoutSeconds": 600})
    await until(lambda: starts(notes, "held1") == 1, what="the second to run")
    # Long enough for several looks at leases and workers; each look that finds the other's work would take it.
    looks = asyncio.get_running_loop().time() + 4
    await until(lambda: asyncio.get_running_loop().time() > looks, what="some looks")
    for gate in gates:
        gate.touch()

    await idle(servers[0])
    for server in servers:
        assert await server.terminate() == 0
    truth = await house.truth()
    assert [(truth.named(text).status, truth.named(text).attempt) for text in ("held0", "held1")] == [
        ("COMPLETED", 1)
    ] * 2
    assert [starts(notes, text) for text in ("held0", "held1")] == [1, 1]
