"""Alerts: the last reported status of shared components, and the lease of the instance that reports them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Column, Integer
from sqlmodel import Field, SQLModel

from store.sql.columns import Instant, Key


class HealthStatus(StrEnum):
    """From best to worst."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"


class AlertEventType(StrEnum):
    """The type of events about a component of the installation. They have no subject with a row."""

    ALERT = "ALERT"


class AlertRow(SQLModel, table=True):
    """A shared component, and its status in the newest ALERT. A component without a row is HEALTHY."""

    __tablename__ = "alert"

    component: str = Field(sa_column=Column(Key, primary_key=True))
    health: str = Field(sa_column=Column(Key, nullable=False))
    # The time of the change to this status.
    occurred_at: datetime = Field(sa_column=Column(Instant, nullable=False))


class KeeperRow(SQLModel, table=True):
    """The only row: the keeper's lease. Its holder renews it, and reports the shared components."""

    __tablename__ = "keeper"

    id: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    # Unique to a process; empty after its orderly stop.
    holder: str = Field(sa_column=Column(Key, nullable=False))
    renewed_at: datetime = Field(sa_column=Column(Instant, nullable=False))


alert = AlertRow.__table__  # type: ignore[attr-defined]
keeper = KeeperRow.__table__  # type: ignore[attr-defined]
