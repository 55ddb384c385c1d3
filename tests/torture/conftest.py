"""A house on each kind of database. In the end its servers stop, and no process of theirs is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.torture.house import SEED, House, build


def pytest_report_header() -> str:
    """What makes the random moments the same again."""
    return f"torture: ASSAY_TORTURE_SEED={SEED}"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(database_url, tmp_path)
    yield house
    await house.close()
