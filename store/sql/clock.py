"""The one clock: time since 1970 that no setting of the machine's clock reaches."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Linux's boot-time clock goes on while the machine sleeps; elsewhere the monotonic clock has to do.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_START_NS = time.time_ns() - time.clock_gettime_ns(_CLOCK)


def now_ns() -> int:
    """Nanoseconds since 1970: the machine's clock as it was when this process began, and the time that passed since.

    Whoever sets the machine's clock reaches no process that runs, so no time limit comes early or late.
    """
    return _START_NS + time.clock_gettime_ns(_CLOCK)


def utcnow() -> datetime:
    """Now, aware, in UTC, by `now_ns`."""
    return EPOCH + timedelta(microseconds=now_ns() // 1000)


def write_instant(value: datetime) -> str:
    """Return the RFC 3339 text of an aware instant, in UTC with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def clock_step() -> timedelta:
    """How far the machine's clock has been set forward since this process began."""
    return timedelta(microseconds=(time.time_ns() - now_ns()) // 1000)
