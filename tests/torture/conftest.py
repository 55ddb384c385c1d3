"""The `house` fixture: a database with servers that stop after the test, and leave no process behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support import SERVERS
from tests.torture.house import SEED, House, build


def pytest_report_header() -> str:
    """Return the seed that repeats the random moments."""
    return f"torture: ASSAY_TORTURE_SEED={SEED}"


@pytest.fixture
async def house(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    house = await build(database_url, tmp_path)
    request.node.stash[SERVERS] = house.servers
    yield house
    await house.close()
