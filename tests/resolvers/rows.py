"""Rows with default values for the columns that a test does not set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Table

from store import tables
from store.queue.timings import Timings
from store.sql.clock import utcnow
from store.sql.ids import new_id

NOW = datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC)


class Row(NamedTuple):
    table: Table
    values: dict[str, Any]


def ago(seconds: float) -> datetime:
    """Return the time this many seconds before `NOW`."""
    return NOW - timedelta(seconds=seconds)


def analysis(status: str = "QUEUED", priority: int = 5, **values: Any) -> Row:
    fixed = {
        "id": new_id("analysis"),
        "workspace": "default",
        "position": 0,
        "turn": 0,
        "analyzer": "text",
        "status": status,
        "priority": priority,
        "options": "{}",
        "progress": 0.0,
        "attempt": 0,
        "max_attempts": 3,
        "timeout_seconds": 300,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Row(tables.analysis, fixed | values)


def batch(status: str = "COMPLETED", **values: Any) -> Row:
    counters = dict.fromkeys(("queued", "running", "processed", "failed", "canceled", "timed_out"), 0)
    fixed = {
        "id": new_id("batch"),
        "workspace": "default",
        "status": status,
        "total_items": 10,
        "timeout_seconds": 300,
        "deadline_at": NOW,
        "recent_ends": "[]",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Row(tables.batch, fixed | counters | values)


def bulk_action(kind: str = "RETRY", **values: Any) -> Row:
    fixed = {
        "id": new_id("bulk"),
        "workspace": "default",
        "kind": kind,
        "status": "RUNNING",
        "reached": "",
        "created_at": NOW,
        "lease": "",
    }
    return Row(tables.bulk_action, fixed | dict.fromkeys(("matched", "eligible", "done", "refused"), 0) | values)


def event(**values: Any) -> Row:
    fixed = {"workspace": "default", "type": "ANALYSIS_QUEUED", "occurred_at": NOW, "data": "{}"}
    return Row(tables.event, fixed | values)


def timing(minute: int, timings: Timings, worker_id: str = "worker") -> Row:
    """Return the row of a worker's counts in a minute, given in minutes since 1970."""
    return Row(tables.timing, {"worker_id": worker_id, "minute": minute, "data": timings.dump()})


def worker(silent_seconds: float = -3600, **values: Any) -> Row:
    """Return the row of a worker whose last heartbeat was this many seconds before the real time.

    By default the heartbeat is an hour ahead, so that the worker stays alive however slow the test is.
    """
    seen = utcnow() - timedelta(seconds=silent_seconds)
    fixed = {
        "id": new_id("worker"),
        "instance": "server:1",
        "host": "server",
        "pid": 1,
        "started_at": NOW,
        "last_seen_at": seen,
        "completed": 0,
        "failed": 0,
        "cpu_percent": 0.0,
        "memory_mb": 0.0,
        "slots": 2,
        "busy": 0,
        "current": "[]",
    }
    return Row(tables.worker, fixed | values)
