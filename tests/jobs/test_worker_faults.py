"""The worker during database errors: it writes later, and its tasks continue."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from store.queue import claims, workers
from store.queue import finish as finishing
from store.queue.finish import Outcome
from store.tables import AnalysisStatus
from tests.jobs.working import Work, working
from tests.support import until


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    async with working(f"sqlite:///{tmp_path / 'assay.db'}", tmp_path) as work:
        yield work


class FailsAtFirst:
    """A replacement for a function that writes: it fails `times` times, then calls the function."""

    def __init__(self, real: Any, times: int) -> None:
        self.real, self.left = real, times

    async def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self.left:
            self.left -= 1
            raise OperationalError("statement", {}, sqlite3.OperationalError("database is locked"))
        return await self.real(*arguments, **named)


async def test_statements_that_fail_are_tried_again(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = {"claim": claims, "finish": finishing, "beat": workers, "register": workers}
    failing = {name: FailsAtFirst(getattr(home, name), 2) for name, home in homes.items()}
    for name, stand_in in failing.items():
        monkeypatch.setattr(homes[name], name, stand_in)
    with capture_logs() as logs:
        work.start()
        rows = await work.ended(await work.submit("echo", "one", "two"))
        await until(lambda: not any(stand_in.left for stand_in in failing.values()))
    assert [(row.status, row.attempt) for row in rows] == [("COMPLETED", 1)] * 2
    loud = {line["task"] for line in logs if line["event"] == "task failed"}
    assert loud == {"register", "claim", "recorder", "heartbeat"}
    assert [work.starts("one"), work.starts("two")] == [1, 1]


async def test_an_outcome_that_the_database_refuses_fails_alone(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    real = finishing.finish

    async def finish(connection: AsyncConnection, outcomes: Sequence[Outcome], now: datetime) -> list[Outcome]:
        if any("poison" in (outcome.result or "") for outcome in outcomes):
            raise DataError("statement", {}, sqlite3.DataError("string or blob too big"))
        return await real(connection, outcomes, now)

    monkeypatch.setattr(finishing, "finish", finish)
    work.start(slots=1)
    with capture_logs():
        rows = await work.ended(await work.submit("echo", "one", "poison", "two"))
    assert [row.status for row in rows] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert (rows[1].error_code, rows[1].error_message) == ("ANALYZER_FAILED", "Its result can't be stored.")


async def test_the_worker_waits_for_a_locked_database(work: Work, tmp_path: Path) -> None:
    worker = work.start()
    gate = tmp_path / "gate"
    ids = await work.submit("echo", "one", "two", until=str(gate))
    await work.has_started("one", "two")
    other = sqlite3.connect(work.database.url.database or "", isolation_level=None, timeout=0)
    await until(lambda: _locks(other), what="the lock")
    gate.touch()
    await until(lambda: len(worker._recorder.leases) > 0, what="a backlog of outcomes")
    assert [row.status for row in await work.rows(ids)] == [AnalysisStatus.RUNNING] * 2
    other.execute("COMMIT")
    other.close()
    assert [row.status for row in await work.ended(ids)] == ["COMPLETED"] * 2


def _locks(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True
