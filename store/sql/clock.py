"""The clock of the program: time since 1970, independent of later settings of the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Linux's boot-time clock also counts while the machine sleeps; other systems only have the monotonic clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_START_NS = time.time_ns() - time.clock_gettime_ns(_CLOCK)


def now_ns() -> int:
    """Return nanoseconds since 1970: the machine's clock at the start of this process, plus the time since.

    A change of the machine's clock does not affect running processes: no time limit comes early or late.
    """
    return _START_NS + time.clock_gettime_ns(_CLOCK)


def utcnow() -> datetime:
    """Return the present instant by `now_ns`, aware, in UTC."""
    return EPOCH + timedelta(microseconds=now_ns() // 1000)


def write_instant(value: datetime) -> str:
    """Return the RFC 3339 text of an aware instant, in UTC with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def clock_step() -> timedelta:
    """Return how far the machine's clock was set forward since the start of this process."""
    return timedelta(microseconds=(time.time_ns() - now_ns()) // 1000)
