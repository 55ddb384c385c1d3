"""Workers on PostgreSQL: they share the work, and each item ends once, also if permits are lost or duplicated."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from pgqueuer.queries import EntrypointExecutionParameter
from pgqueuer.types import QueueEntrypoint, QueueManagerId
from sqlalchemy import text

from jobs.distributed import REDELIVERY
from store.queue import claims, permits
from store.queue.announcements import announce_queued
from store.queue.permits import ENTRYPOINT, MOST, ROWS_EACH
from store.queue.workers import all_workers
from store.sql.clock import utcnow
from store.sql.ids import new_id
from store.tables import AnalysisEventType, AnalysisStatus, BatchStatus
from tests.jobs.processes import Process
from tests.jobs.working import Work, working
from tests.store.truth import whole_log
from tests.support import until

pytestmark = pytest.mark.needs("postgresql")


@pytest.fixture
async def work(postgresql_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    async with working(postgresql_url, tmp_path) as work:
        yield work


async def sql(work: Work, statement: str, **parameters: Any) -> list[Any]:
    """Execute a statement. Returns the first column of its rows, empty if it returns none."""
    async with work.database.write() as connection:
        found = await connection.execute(text(statement), parameters)
        return list(found.scalars()) if found.returns_rows else []


async def left(work: Work) -> Counter[str]:
    """Return the number of existing permits by status."""
    return Counter(await sql(work, "SELECT status::text FROM assay_pgqueuer"))


async def used(work: Work) -> int:
    """Return the number of permits that workers have used."""
    return len(await sql(work, "SELECT id FROM assay_pgqueuer_log WHERE status = 'successful'"))


async def no_permit_is_left(work: Work) -> None:
    async def none() -> bool:
        return not await left(work)

    await until(none, what="the permits to be used")


async def each_ended_once(work: Work, batch_id: str, texts: Collection[str]) -> None:
    """Assert that each item ended once in its batch and in the event log, and that its analyzer started once."""
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.processed) == (BatchStatus.COMPLETED, len(texts))
    log = await whole_log(work.database)
    ends = Counter(e.subject for e in log if e.batch_id == batch_id and e.type == AnalysisEventType.ANALYSIS_COMPLETED)
    assert ends == dict.fromkeys([row.id for row in await work.items(batch_id)], 1)
    assert {text: work.starts(text) for text in texts} == dict.fromkeys(texts, 1)


@pytest.mark.long
@pytest.mark.parametrize("count", [2, 3])
async def test_workers_share_a_batch(work: Work, processes: list[Process], tmp_path: Path, count: int) -> None:
    gate, batch_id = tmp_path / "gate", new_id("batch")
    texts = [f"item{index:03}" for index in range(300)]
    await work.submit("echo", *texts, batch_id=batch_id, until=str(gate))
    processes += [Process(work.database, slots=2) for _ in range(count)]
    await until(lambda: len(list(work.folder.iterdir())) == 2 * count, what="all slots to be busy")
    assert len({row.worker_id for row in await work.items(batch_id)} - {None}) == count
    gate.touch()
    await each_ended_once(work, batch_id, texts)
    await no_permit_is_left(work)


class Stumble(Exception):
    """An error that rolls a transaction back."""


async def test_permits_are_committed_with_their_analyses(work: Work) -> None:
    await work.submit("echo", "lone")
    assert await left(work) == {"queued": 1}
    await work.submit("echo", *(f"item{index}" for index in range(ROWS_EACH + 1)), batch_id=new_id("batch"))
    assert await left(work) == {"queued": 3}

    async def roll_back() -> None:
        async with work.database.write() as connection:
            announce_queued(connection, 1000)
            raise Stumble

    with pytest.raises(Stumble):
        await roll_back()
    assert await left(work) == {"queued": 3}
    await work.submit("echo", *(f"more{index}" for index in range(MOST * ROWS_EACH)), batch_id=new_id("batch"))
    assert await left(work) == {"queued": MOST}
    await work.submit("echo", "another")
    assert await left(work) == {"queued": MOST}


async def test_a_claim_adds_a_permit_for_the_remaining_rows(work: Work) -> None:
    await work.submit("echo", "one", "two", "three")
    for after in ({"queued": 1}, {"queued": 1}, {}):
        await sql(work, "DELETE FROM assay_pgqueuer")
        async with work.database.write() as connection:
            assert len(await claims.claim(connection, "nobody", lambda _: 1, utcnow())) == 1
        assert await left(work) == after
    await sql(work, "UPDATE analysis SET lease_expires_at = 0")  # no worker has them: the keeper requeues them
    work.start()


async def test_retries_that_are_due_get_permits_by_their_number(work: Work) -> None:
    await work.submit("echo", *(f"item{index}" for index in range(2 * ROWS_EACH + 1)), batch_id=new_id("batch"))
    await sql(work, "WITH gone AS (DELETE FROM assay_pgqueuer) UPDATE analysis SET not_before = 1")

    async def woken() -> bool:
        return not await sql(work, "SELECT id FROM analysis WHERE not_before IS NOT NULL")

    await until(woken, what="the keeper to wake them")
    assert await left(work) == {"queued": 3}


async def test_work_continues_without_any_permit(work: Work) -> None:
    await sql(work, "CREATE FUNCTION lose() RETURNS trigger AS 'BEGIN RETURN NULL; END' LANGUAGE plpgsql")
    await sql(work, "CREATE TRIGGER lose BEFORE INSERT ON assay_pgqueuer FOR EACH ROW EXECUTE FUNCTION lose()")
    worker = work.start()
    await work.ended(await work.submit("echo", "first"))
    batch_id, texts = new_id("batch"), [f"item{index}" for index in range(30)]
    await work.submit("echo", *texts, batch_id=batch_id)
    await each_ended_once(work, batch_id, texts)
    assert not await left(work)
    await until(lambda: worker.completed == 31)


async def test_a_cancel_reaches_the_worker_in_its_process(work: Work, processes: list[Process], tmp_path: Path) -> None:
    (canceled, other) = await work.submit("echo", "canceled", "other", until=str(tmp_path / "gate"))
    processes.append(Process(work.database))
    await work.has_started("canceled", "other")
    await work.cancel(canceled)
    (row,) = await work.ended([canceled])
    assert (row.status, row.attempt) == (AnalysisStatus.CANCELED, 1)
    (tmp_path / "gate").touch()
    (row,) = await work.ended([other])
    assert (row.status, row.attempt) == (AnalysisStatus.COMPLETED, 1)


async def test_surplus_and_duplicate_permits_do_no_harm(work: Work, processes: list[Process]) -> None:
    batch_id, texts = new_id("batch"), [f"item{index:03}" for index in range(100)]
    await work.submit("echo", *texts, batch_id=batch_id, seconds=0.002)
    async with work.database.apart("permits") as connection:
        await permits.queries(connection).enqueue([ENTRYPOINT] * 100, [None] * 100, [0] * 100)
    processes += [Process(work.database) for _ in range(2)]
    await each_ended_once(work, batch_id, texts)
    await no_permit_is_left(work)


async def test_the_permit_of_a_dead_worker_is_given_again(work: Work) -> None:
    await work.submit("echo", "only")
    async with work.database.apart("permits") as connection:
        any_permit = {QueueEntrypoint(ENTRYPOINT): EntrypointExecutionParameter(concurrency_limit=0)}
        (taken,) = await permits.queries(connection).dequeue(1, any_permit, QueueManagerId(uuid4()), None, REDELIVERY)
    assert await left(work) == {"picked": 1}
    await sql(
        work,
        "UPDATE assay_pgqueuer SET heartbeat = now() - CAST(:silence AS interval)",
        silence=REDELIVERY + timedelta(seconds=1),
    )
    work.start()
    await no_permit_is_left(work)
    (status,) = await sql(
        work, "SELECT status::text FROM assay_pgqueuer_log WHERE job_id = :id ORDER BY id DESC LIMIT 1", id=taken.id
    )
    assert status == "successful"


async def live(work: Work) -> set[int]:
    """Return the ids of PostgreSQL's processes for the connections on which workers take permits."""
    statement = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'assay permits'"
    )
    return set(await sql(work, statement))


async def test_a_worker_listens_again_after_its_connection_was_cut(work: Work) -> None:
    worker = work.start()
    await work.ended(await work.submit("echo", "before"))
    for cut in range(2):

        async def connected() -> bool:
            return bool(await live(work))

        await until(connected, what="the worker to listen")
        before = await live(work)
        await sql(work, "SELECT pg_terminate_backend(pid) FROM unnest(CAST(:pids AS int[])) pid", pids=list(before))
        await work.ended(await work.submit("echo", f"during{cut}"))

        async def again(before: set[int] = before) -> bool:
            return bool(await live(work) - before)

        await until(again, what="the worker to listen again")
        returned = await used(work)
        await work.ended(await work.submit("echo", f"after{cut}"))

        async def heard(returned: int = returned) -> bool:
            return await used(work) > returned

        await until(heard, what="the permit to be used")
    await no_permit_is_left(work)
    assert worker.failed == 0


async def test_work_continues_after_all_connections_of_a_worker_were_cut(work: Work, processes: list[Process]) -> None:
    batch_id, texts = new_id("batch"), [f"item{index:03}" for index in range(200)]
    await work.submit("echo", *texts, batch_id=batch_id, seconds=0.005, max_attempts=9)
    process = Process(work.database, lease_seconds=2)
    processes.append(process)
    for processed in sorted(random.sample(range(1, 150), 3)):

        async def far_enough(processed: int = processed) -> bool:
            return (await work.batch(batch_id)).processed >= processed

        await until(far_enough, what=f"{processed} items")
        ports = [each.laddr.port for each in psutil.Process(process.popen.pid).net_connections()]
        await sql(
            work,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND client_port = ANY(CAST(:ports AS int[]))",
            ports=ports,
        )
    batch = await work.batch_ended(batch_id)
    assert (batch.status, batch.processed) == (BatchStatus.COMPLETED, 200)
    assert process.popen.poll() is None


async def test_the_log_of_permits_is_trimmed(work: Work) -> None:
    for table, columns, values in (
        ("log", "job_id, status, priority, entrypoint", "n, 'successful'::assay_pgqueuer_status, 0, 'chunk'"),
        ("statistics", "count, status, priority, entrypoint", "1, 'successful'::assay_pgqueuer_status, n, 'chunk'"),
    ):
        for age in (3600, 0):
            await sql(
                work,
                f"INSERT INTO assay_pgqueuer_{table} (created, {columns})"
                f" SELECT now() - interval '1 second' * {age}, {values} FROM generate_series({age}, {age + 2499}) n",
            )
    work.start()

    async def trimmed() -> bool:
        counts = [
            *await sql(work, "SELECT count(*) FROM assay_pgqueuer_log WHERE entrypoint = 'chunk'"),
            *await sql(work, "SELECT count(*) FROM assay_pgqueuer_statistics"),
        ]
        return counts == [2500, 2500]

    await until(trimmed, what="the old lines to be deleted")
    assert await sql(work, "SELECT count(*) FROM assay_pgqueuer_log WHERE created < now() - interval '1 minute'") == [0]


async def test_a_terminated_worker_deletes_its_row(work: Work, processes: list[Process]) -> None:
    process = Process(work.database)
    processes.append(process)

    async def there() -> bool:
        async with work.database.read() as connection:
            return bool(await all_workers(connection)) and bool(await live(work))

    await until(there, what="the worker")
    process.popen.terminate()
    assert await process.ended() == 0

    async def gone() -> bool:
        return not await live(work)

    await until(gone, what="PostgreSQL to close the worker's connection")
    async with work.database.read() as connection:
        assert await all_workers(connection) == []
