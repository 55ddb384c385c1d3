"""Alerts as callers see them: in all workspaces, and the reason for administrators only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzers.registry import load_registry
from execution.executor import Executor, OperationRequest
from resolvers.context import Context, Services
from schema.build import build_schema
from store.alerts import Change, report
from store.sql.clock import utcnow
from store.sql.viewer import LOCAL_ADMINISTRATOR
from store.tables import HealthStatus
from telemetry import Telemetry

QUERY = """{ events { nodes { __typename type subjectId
  ... on AlertEvent { component health message } } } }"""


@pytest.mark.parametrize(("administrator", "message"), [(True, "Low on space."), (False, None)])
async def test_every_workspace_sees_alerts_and_administrators_the_reason(
    services: Services, administrator: bool, message: str | None
) -> None:
    async with services.database.write() as connection:
        change = Change("disk", HealthStatus.DEGRADED, "Low on space.", utcnow())
        await report(connection, "server:1", [change])
    schema = build_schema(load_registry().analyzers)
    executor = Executor(schema, settings=services.settings, telemetry=Telemetry("server:1"))
    viewer = replace(LOCAL_ADMINISTRATOR, workspace="other", is_administrator=administrator)
    answer = await executor.execute(OperationRequest(query=QUERY), Context(services, viewer, "test"))
    assert answer.body["data"]["events"]["nodes"] == [
        {
            "__typename": "AlertEvent",
            "type": "ALERT",
            "subjectId": "server:1",
            "component": "disk",
            "health": "DEGRADED",
            "message": message,
        }
    ]
