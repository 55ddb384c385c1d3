"""Column types that read the same on SQLite and PostgreSQL, and the one clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
    return _EPOCH + timedelta(microseconds=now_ns() // 1000)


def clock_step() -> timedelta:
    """How far the machine's clock has been set forward since this process began."""
    return timedelta(microseconds=(time.time_ns() - now_ns()) // 1000)


def microseconds(instant: datetime) -> int:
    """How an instant is kept: whole microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    """The instant that is kept so."""
    return _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An instant, kept as whole microseconds since 1970 in UTC: compared and added up alike on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# Ids and other keys are compared byte by byte: a locale's order would break paging by id.
Key = Text().with_variant(Text(collation="C"), "postgresql")
