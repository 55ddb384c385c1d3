"""Fixtures: one instance's services over a real database, and GraphQL operations on them through the executor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import strawberry
from sqlalchemy import insert
from strawberry.schema.config import StrawberryConfig

from events.bus import Bus
from events.feed import Feed
from execution.executor import Executor, OperationRequest
from resolvers.context import Context, Services
from resolvers.monitor import MIB, Monitor
from schema.metrics import MetricsQuery, MetricsSubscription
from schema.scalars import SCALARS
from settings import Settings
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.submissions import Submissions
from telemetry import Telemetry
from tests.resolvers.rows import Row

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the limit for the database's answer, so that a busy machine does not fail the tests."""
    monkeypatch.setattr("resolvers.health.DATABASE_LIMIT_SECONDS", 60)
    monkeypatch.setattr("web.health.DATABASE_LIMIT_SECONDS", 60)


@pytest.fixture
async def add(database: Database) -> Callable[..., Awaitable[None]]:
    """Return a function that inserts rows: `await add(analysis(…), batch(…), worker(…))`."""

    async def write(*rows: Row) -> None:
        async with database.write() as connection:
            for row in rows:
                await connection.execute(insert(row.table), row.values)

    return write


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    """Return an instance's services, with `settings.workers` of 2."""
    settings = Settings(data_dir=tmp_path / "data", workers=2)
    return Services(
        settings=settings,
        database=database,
        submissions=Submissions(database),
        feed=Feed(database),
        bus=Bus(),
        telemetry=Telemetry("server:1"),
        analyzers={},
        plugin_failures={},
        instance="server:1",
    )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Simulate a machine that is never slow: two cores, disk and memory half full. A test may change the figures."""
    monkeypatch.setattr("resolvers.health_checks.DATABASE_SLOW_MS", float("inf"))
    state = SimpleNamespace(cores=2, disk_percent=50.0, disk_free=50_000 * MIB, memory_percent=50.0)
    monkeypatch.setattr(psutil, "cpu_count", lambda: state.cores)
    monkeypatch.setattr(
        psutil, "disk_usage", lambda _path: SimpleNamespace(percent=state.disk_percent, free=state.disk_free)
    )
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(percent=state.memory_percent, total=2**33))
    return state


@pytest.fixture
def executor(services: Services) -> Executor:
    schema = strawberry.Schema(
        query=MetricsQuery, subscription=MetricsSubscription, config=StrawberryConfig(scalar_map=SCALARS)
    )
    return Executor(schema, settings=services.settings, telemetry=services.telemetry)


@pytest.fixture
def ask(services: Services, executor: Executor) -> Ask:
    """Return a function: `await ask("{ metrics { … } }")` gives the data of a query, without cached figures."""

    async def run(query: str, **other: Any) -> dict[str, Any]:
        changed = replace(services, monitor=Monitor(), **other)
        answer = await executor.execute(OperationRequest(query=query), Context(changed, LOCAL_ADMINISTRATOR, "test"))
        assert "errors" not in answer.body, answer.body["errors"]
        data: dict[str, Any] = answer.body["data"]
        return data

    return run
