"""A full disk under the database: submissions are refused with a code, and work continues once there is room."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.api.calls import ApiServer
from tests.torture.house import House, Refused, Truth, ask, build, submit_batch, submit_until_accepted
from tests.torture.postgresql import Cluster


@pytest.fixture
def disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a disk with this many MiB free, and a reserve in MiB, held by a file that the test deletes.

    The reserve is for the analyses accepted before the disk is full: for their results and events, and on PostgreSQL
    for two more versions of their rows, until autovacuum runs.
    """
    room, reserve = request.param
    folder = Path(tempfile.mkdtemp(prefix="assay-disk-"))  # pytest's folders are private to their owner
    try:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room + reserve}m,mode=755", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False).returncode:
            pytest.skip("This process may not mount a tmpfs.")
        try:
            (folder / "reserve").write_bytes(b"\0" * reserve * 2**20)
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


@asynccontextmanager
async def running(cluster: Cluster) -> AsyncIterator[Cluster]:
    """Start the cluster, and delete it at the end of the context."""
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


async def fill(server: ApiServer) -> tuple[list[str], set[str]]:
    """Submit batches until one is refused. Returns the ids of the accepted ones, and the codes of the refusal."""
    accepted = [await submit_batch(server, [f"first {number}" for number in range(20)])]
    for number in range(400):
        try:
            accepted.append(await submit_batch(server, [f"{number} {item} " + "x" * 900 for item in range(200)]))
        except Refused as refusal:
            return accepted, set(refusal.codes)
    raise AssertionError("The disk did not fill: every batch was accepted.")


async def goes_on(house: House, server: ApiServer, accepted: list[str]) -> Truth:
    """Assert that the accepted batches complete once there is room, with one submitted then. Returns all rows."""
    accepted.append(await submit_until_accepted(server, "after", ["after"]))
    await house.ended(server, accepted)
    assert await server.terminate() == 0
    truth = await house.truth()
    assert set(truth.statuses()) == {"COMPLETED"}
    assert {row.attempt for row in truth.rows} == {1}
    return truth


async def fills_and_has_room_again(house: House, disk: Path) -> None:
    """Fill a disk that holds only the tables: writes are refused, reads work, and writes work again with room."""
    server = await house.start(workers=2, data_dir=house.folder / "data")
    accepted, codes = await fill(server)
    assert codes == {"STORAGE_FULL"}
    with pytest.raises(Refused) as full:
        await submit_batch(server, ["x" * 1000] * 200)
    assert full.value.codes == ["STORAGE_FULL"]
    found = await ask(
        server, "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Batch { id totalItems } } }", ids=accepted
    )
    assert [batch["id"] for batch in found["nodes"]] == accepted
    os.unlink(disk / "reserve")
    truth = await goes_on(house, server, accepted)
    assert set(truth.batches) == set(accepted)


@pytest.mark.parametrize("disk", [(8, 24)], indirect=True)
async def test_the_disk_of_a_sqlite_file(disk: Path, tmp_path: Path) -> None:
    house = await build(f"sqlite:///{disk / 'assay.db'}", tmp_path)
    try:
        await fills_and_has_room_again(house, disk)
    finally:
        await house.close()


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("disk", [(16, 80)], indirect=True)
async def test_the_disk_of_postgresqls_tables(disk: Path, tmp_path: Path) -> None:
    (disk / "tables").mkdir()
    if os.geteuid() == 0:
        shutil.chown(disk / "tables", "postgres")
    async with running(await asyncio.to_thread(Cluster)) as cluster:
        connection = await asyncpg.connect(cluster.url)
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{disk / 'tables'}'")
        await connection.execute("CREATE DATABASE assay TABLESPACE small")
        await connection.close()
        house = await build(cluster.url.removesuffix("postgres") + "assay", tmp_path)
        try:
            await fills_and_has_room_again(house, disk)
        finally:
            await house.close()


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("disk", [(72, 80)], indirect=True)
async def test_the_disk_of_all_of_postgresql(disk: Path, tmp_path: Path) -> None:
    """PostgreSQL ends if it can't write its WAL; an operator makes room and restarts it."""
    async with running(await asyncio.to_thread(Cluster, disk)) as cluster:
        house = await build(cluster.url, tmp_path)
        try:
            server = await house.start(workers=2, data_dir=house.folder / "data")
            accepted, codes = await fill(server)
            assert codes <= {"STORAGE_FULL", "SERVICE_UNAVAILABLE"}
            os.unlink(disk / "reserve")
            await asyncio.to_thread(cluster.restart)
            truth = await goes_on(house, server, accepted)
            assert set(truth.batches) >= set(accepted)  # a batch may be committed without an answer
        finally:
            await house.close()
