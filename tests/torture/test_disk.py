"""A disk that fills under the database: what can't be kept is refused with a code; with room again, all goes on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture.house import Refused, ask, build, submit_batch, submit_until_accepted

# What is accepted before it is full needs room again for its results and events.
DISK_MIB, RESERVE_MIB = 32, 24


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of the test's own, most of which a file takes that can be deleted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs, not even root in here")
    try:
        (folder / "reserve").write_bytes(b"\0" * RESERVE_MIB * 2**20)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_disk_that_fills_and_has_room_again(disk: Path, tmp_path: Path) -> None:
    house = await build(f"sqlite:///{disk / 'assay.db'}", tmp_path)
    try:
        server = await house.start(workers=2, data_dir=tmp_path / "data")
        accepted = [await submit_batch(server, [f"first {number}" for number in range(20)])]
        refused: set[str] = set()
        for number in range(200):
            try:
                texts = [f"{number} {item} " + "x" * 900 for item in range(200)]
                accepted.append(await submit_batch(server, texts))
            except Refused as refusal:
                refused |= set(refusal.codes)
                break
        assert refused == {"STORAGE_FULL"}
        # There is no room for anything: it is still read, and the server stands.
        with pytest.raises(Refused) as full:
            await submit_batch(server, ["x" * 1000] * 200)
        assert full.value.codes == ["STORAGE_FULL"]
        found = await ask(
            server, "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on Batch { id totalItems } } }", ids=accepted
        )
        assert [batch["id"] for batch in found["nodes"]] == accepted
        os.unlink(disk / "reserve")
        accepted.append(await submit_until_accepted(server, "after", ["after"]))
        await house.ended(server, accepted)
        assert await server.terminate() == 0
        truth = await house.truth()
        assert set(truth.batches) == set(accepted)
        assert set(truth.statuses()) == {"COMPLETED"}
        assert {row.attempt for row in truth.rows} == {1}
    finally:
        await house.close()
