"""Restored PostgreSQL databases: no event is hidden or repeated, and the cursors of lost events are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from gql.transport.exceptions import TransportQueryError

from settings import Settings
from store.sql.preflight import require_usable
from tests.api.calls import BATCH, EVENTS, WATCH, ApiServer, connected
from tests.support import until
from tests.torture.house import House, WorkerProgram, ask, build, submit
from tests.torture.postgresql import Cluster, dump, restore

pytestmark = pytest.mark.needs("postgresql")
ITEMS = 120
FOLLOWED = "{ metrics { subscriptions { active } } }"
CONTENTS = "SELECT workspace, type, subject, batch_id, occurred_at, data FROM event ORDER BY xid, position"


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    cluster = await asyncio.to_thread(Cluster)
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


@pytest.fixture
async def house(cluster: Cluster, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(cluster.url, tmp_path)
    yield house
    await house.close()


async def fetch(url: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def count_to(url: str, xid: int) -> None:
    """Use up the transaction ids of a cluster below this one."""
    loop = f"DO $$ BEGIN WHILE pg_current_xact_id()::text::bigint < {xid} LOOP COMMIT; END LOOP; END $$"
    await fetch(url, loop)


async def next_xid(url: str) -> int:
    ((found,),) = await fetch(url, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
    return int(found)


async def newest_xid(url: str) -> int:
    ((found,),) = await fetch(url, "SELECT max(xid) FROM event")
    return int(found)


async def log_of(server: ApiServer, after: str | None = None) -> list[dict[str, Any]]:
    async with connected(server) as api:
        return await api.log(after=after)


async def cursors_of(server: ApiServer, count: int) -> list[str]:
    """Return the cursors of all events, at least this many, once no event is held back."""

    async def whole() -> list[str] | None:
        found = [event["cursor"] for event in await log_of(server)]
        return found if len(found) >= count else None

    return list(await until(whole, what=f"{count} events"))


async def refuses(server: ApiServer, cursors: Sequence[str]) -> None:
    """Assert that pages and subscriptions refuse these cursors."""
    assert cursors
    async with connected(server) as api, connected(server, websockets=True) as watcher:
        for cursor in cursors:
            (error,) = await api.errors(EVENTS, after=cursor)
            assert error["extensions"]["code"] == "HISTORY_GONE", cursor
            with pytest.raises(TransportQueryError) as refusal:
                _ = [answer async for answer in watcher.stream(WATCH, after=cursor)]
            assert [each["extensions"]["code"] for each in refusal.value.errors or []] == ["HISTORY_GONE"], cursor


async def processed(server: ApiServer, batch: str) -> int:
    found = await ask(server, "query ($id: ID!) { batch(id: $id) { processed } }", id=batch)
    return int(found["batch"]["processed"])


class Listener:
    """A live subscriber without a cursor."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._cursors: list[str] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async with connected(self._server, websockets=True) as watcher:
            async for answer in watcher.stream(WATCH):
                self._cursors.append(answer["events"]["cursor"])

    async def heard_until(self, cursor: str) -> list[str]:
        """Return the cursors of all events since the beginning, once this one has arrived."""
        await until(lambda: cursor in self._cursors, what="the last event")
        return self._cursors

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


async def test_a_dump_of_a_running_batch_continues_in_another_cluster(
    postgresql_url: str, cluster: Cluster, tmp_path: Path
) -> None:
    # The new cluster has counted less than the old one, as a new machine has.
    await count_to(postgresql_url, await next_xid(cluster.url) + 2_000)
    source = await build(postgresql_url, tmp_path)
    file, gate = tmp_path / "assay.dump", tmp_path / "gate"
    try:
        old = await source.start(workers=2)
        batch = await submit_half(old, gate)
        await until(lambda: reached(old, batch, ITEMS // 4), what="a quarter of the batch")
        await asyncio.to_thread(dump, postgresql_url, file)
        gate.touch()
        await source.ended(old, [batch])
        cursors = await cursors_of(old, len(await fetch(postgresql_url, CONTENTS)))
    finally:
        await source.close()

    await asyncio.to_thread(restore, file, cluster.url)
    restored = await fetch(cluster.url, CONTENTS)
    assert 0 < len(restored) < len(cursors)
    top = await newest_xid(cluster.url)
    assert top > await next_xid(cluster.url)
    gate.unlink()
    moved = House(cluster.url, tmp_path, source.packages, sqlite=False)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(moved.close)
        # All at once: one of them renumbers, and none appends an event before.
        worker, *servers = await asyncio.gather(
            moved.start(WorkerProgram, workers=2), *(moved.start(workers=0) for _ in range(2))
        )
        listeners = [Listener(server) for server in servers]
        for listener in listeners:
            stack.push_async_callback(listener.stop)
        logs = worker.log + "".join(server.log for server in servers)
        assert logs.count(f"{len(restored):,} events were renumbered.") == 1
        assert (await fetch(cluster.url, CONTENTS))[: len(restored)] == restored
        await refuses(servers[0], [cursors[0], cursors[len(restored) // 2], cursors[len(restored) - 1], cursors[-1]])

        assert len(await log_of(servers[1])) >= len(restored)
        await asyncio.gather(*(until(partial(is_followed, server), what="the subscriber") for server in servers))
        # Other traffic of the cluster makes it count beyond the old ids.
        await count_to(cluster.url, top + 50)
        await submit(servers[0], "after")
        gate.touch()
        await moved.ended(servers[0], [batch])
        await until(lambda: is_idle(cluster.url), what="the last analysis to end")
        log = await cursors_of(servers[0], len(await fetch(cluster.url, CONTENTS)))
        for listener in listeners:
            heard = await listener.heard_until(log[-1])
            assert heard == log[-len(heard) :]
            assert len(heard) <= len(log) - len(restored)
        middle = len(restored) // 2
        assert [each["cursor"] for each in await log_of(servers[1], log[middle])] == log[middle + 1 :]
        assert (await fetch(cluster.url, CONTENTS))[: len(restored)] == restored
        assert log == [each["cursor"] for each in await log_of(servers[1])]
        assert len(set(log)) == len(log)
    truth = await moved.truth()
    assert truth.statuses(batch) == {"COMPLETED": ITEMS}
    assert truth.named("after").status == "COMPLETED"


async def submit_half(server: ApiServer, gate: Path) -> str:
    """Submit a batch of which the second half ends once the file `gate` exists."""
    texts: list[dict[str, object]] = [{"text": f"item{number}", "seconds": 0.02} for number in range(ITEMS)]
    for each in texts[ITEMS // 2 :]:
        each["until"] = str(gate)
    items = [{"request": {"torture": each}} for each in texts]
    payload = (await ask(server, BATCH, input={"items": items}))["batchProcess"]
    assert payload["userErrors"] == []
    return str(payload["batch"]["id"])


async def is_followed(server: ApiServer) -> bool:
    return bool((await ask(server, FOLLOWED))["metrics"]["subscriptions"]["active"])


async def reached(server: ApiServer, batch: str, count: int) -> bool:
    return await processed(server, batch) >= count


async def is_idle(url: str) -> bool:
    return await fetch(url, "SELECT count(*) FROM analysis WHERE finished_at IS NULL") == [(0,)]


async def test_an_older_dump_put_back_refuses_only_the_cursors_of_lost_events(
    postgresql_url: str, tmp_path: Path
) -> None:
    house = await build(postgresql_url, tmp_path)
    try:
        await put_back(house)
    finally:
        await house.close()


async def put_back(house: House) -> None:
    places = "SELECT xid, position FROM event ORDER BY xid, position"
    server = await house.start(workers=0)
    for number in range(3):
        await submit(server, f"kept{number}")
    kept = await cursors_of(server, 3)
    await asyncio.to_thread(dump, house.url, house.folder / "assay.dump")
    for number in range(3):
        await submit(server, f"lost{number}")
    lost = (await cursors_of(server, 6))[3:]
    await house.close()

    address, _, name = house.url.rpartition("/")
    await fetch(f"{address}/postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
    await fetch(f"{address}/postgres", f'CREATE DATABASE "{name}"')
    await asyncio.to_thread(restore, house.folder / "assay.dump", house.url)
    before = await fetch(house.url, places)
    server = await house.start(workers=0)
    await refuses(server, lost)
    for number in range(5):
        await submit(server, f"new{number}")
    log = await cursors_of(server, 8)
    await refuses(server, lost)
    # Nothing was renumbered: the cursors of the restored events continue.
    assert log[:3] == kept
    assert (await fetch(house.url, places))[:3] == before
    for index in range(3):
        assert [each["cursor"] for each in await log_of(server, kept[index])] == log[index + 1 :]


async def test_a_physical_copy_is_untouched(house: House, cluster: Cluster) -> None:
    server = await house.start(workers=0)
    for number in range(3):
        await submit(server, f"item{number}")
    cursors = await cursors_of(server, 3)
    await house.close()
    rows = "SELECT identity.id, event.* FROM event CROSS JOIN identity ORDER BY xid, position"
    before = await fetch(cluster.url, rows)
    await asyncio.to_thread(cluster.stop, "fast")
    copy = await asyncio.to_thread(Cluster, of=cluster)
    moved = House(copy.url, house.folder, house.packages, sqlite=False)
    try:
        await asyncio.to_thread(copy.start)
        assert await require_usable(Settings(database_url=copy.url).database, migrated=True) == 0
        server = await moved.start(workers=0)
        assert await fetch(copy.url, rows) == before
        await submit(server, "later")
        log = await cursors_of(server, 4)
        assert log[:3] == cursors
        assert [each["cursor"] for each in await log_of(server, cursors[0])] == log[1:]
    finally:
        await moved.close()
        await asyncio.to_thread(copy.close)
