"""Alerts in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.events import Happening
from schema.common import Info
from schema.events import Event, describe_events
from store.subjects import EventType
from store.tables import HealthStatus

describe_events({"ALERT": "The health of a component changed, for the worse or back."})


@strawberry.type(
    description=(
        "A change in the health of a component. Visible in all workspaces. A component of one instance is reported by "
        "that instance, a shared component once."
    )
)
class AlertEvent(Event):
    type: EventType = strawberry.field(description="Always ALERT.")
    occurred_at: datetime = strawberry.field(description="Time of the change.")
    subject_id: strawberry.ID = strawberry.field(
        description="Id of the worker or server instance that reports the change."
    )

    @strawberry.field(description="Component name, as in `ComponentHealth.name`.")
    def component(root: strawberry.Parent[Happening]) -> str:
        return root.data["component"]

    @strawberry.field(description="New status.")
    def health(root: strawberry.Parent[Happening]) -> HealthStatus:
        return HealthStatus(root.data["health"])

    @strawberry.field(
        description=(
            "Reason and recommendation. Null for a healthy component, and for callers without administration of the "
            "installation."
        )
    )
    def message(root: strawberry.Parent[Happening], info: Info) -> str | None:
        return root.data["message"] if info.context.viewer.is_administrator else None
