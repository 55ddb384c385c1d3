"""A disk that fills under the database: what can't be kept is refused with a code; with room again, all goes on."""

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
    """A disk of so many MiB, and so many more that a file takes which can be deleted.

    What is accepted before it is full needs room for its results and events, and on PostgreSQL for two more versions
    of its rows, until autovacuum comes by.
    """
    room, reserve = request.param
    folder = Path(tempfile.mkdtemp(prefix="assay-disk-"))  # not of pytest's, which are for their owner alone
    try:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room + reserve}m,mode=755", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False).returncode:
            pytest.skip("this machine lets nobody mount a tmpfs, not even root in here")
        try:
            (folder / "reserve").write_bytes(b"\0" * reserve * 2**20)
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


@asynccontextmanager
async def running(cluster: Cluster) -> AsyncIterator[Cluster]:
    """It is started, and in the end it is gone."""
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


async def fill(server: ApiServer) -> tuple[list[str], set[str]]:
    """Submit until something is refused: the batches that were accepted, and the codes of the refusal."""
    accepted = [await submit_batch(server, [f"first {number}" for number in range(20)])]
    for number in range(400):
        try:
            accepted.append(await submit_batch(server, [f"{number} {item} " + "x" * 900 for item in range(200)]))
        except Refused as refusal:
            return accepted, set(refusal.codes)
    raise AssertionError("there is room for everything")


async def goes_on(house: House, server: ApiServer, accepted: list[str]) -> Truth:
    """Once there is room: what was accepted ends, with what is submitted then."""
    accepted.append(await submit_until_accepted(server, "after", ["after"]))
    await house.ended(server, accepted)
    assert await server.terminate() == 0
    truth = await house.truth()
    assert set(truth.statuses()) == {"COMPLETED"}
    assert {row.attempt for row in truth.rows} == {1}
    return truth


async def fills_and_has_room_again(house: House, disk: Path) -> None:
    """Of a disk that only what is kept has to fit on: it is refused, read, and kept again, and the database stands."""
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
    """It ends itself where it can't write its journal: an operator makes room and starts it again."""
    async with running(await asyncio.to_thread(Cluster, disk)) as cluster:
        house = await build(cluster.url, tmp_path)
        try:
            server = await house.start(workers=2, data_dir=house.folder / "data")
            accepted, codes = await fill(server)
            assert codes <= {"STORAGE_FULL", "SERVICE_UNAVAILABLE"}
            os.unlink(disk / "reserve")
            await asyncio.to_thread(cluster.restart)
            truth = await goes_on(house, server, accepted)
            assert set(truth.batches) >= set(accepted)  # of what was refused as it ended, the answer alone may be lost
        finally:
            await house.close()
