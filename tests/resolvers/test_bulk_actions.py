"""The expected number of analyses, compared in the transaction that starts the action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from resolvers import bulk_actions
from resolvers.bulk_actions import Order, run_bulk_action
from resolvers.context import Context, Services
from store import tables
from store.bulk_actions import Counts
from store.filters import AnalysisFilter
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import BulkActionKind
from tests.resolvers.rows import NOW, analysis


async def test_analyses_since_the_count_are_a_conflict(
    database: Database,
    services: Services,
    add: Callable[..., Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def count(*_: Any) -> Counts:
        counted = Counts(1, 1)
        await add(analysis("FAILED", attempt=1, finished_at=NOW), analysis("FAILED", attempt=1, finished_at=NOW))
        return counted

    monkeypatch.setattr(bulk_actions, "count_selection", count)
    order = Order(BulkActionKind.DELETE, None, AnalysisFilter(analyzer=["text"]), None, 1, False, "key")
    payload = await run_bulk_action(Context(services, LOCAL_ADMINISTRATOR, "test"), order)
    assert (payload.action, payload.matched, payload.eligible) == (None, 2, 2)
    assert [(error.code, error.path) for error in payload.user_errors] == [("CONFLICT", ["expected"])]
    async with database.read() as connection:
        for table in (tables.bulk_action, tables.bulk_action_item, tables.idempotency):
            assert (await connection.execute(select(table))).all() == []
