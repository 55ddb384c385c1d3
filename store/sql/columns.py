"""Column types that read the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from store.sql.clock import EPOCH

_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970, the stored form of an instant."""
    return (instant - EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    """Return the instant of a stored value."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An instant, stored as whole microseconds since 1970 in UTC: both databases compare and add it alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


# Ids and other keys compare byte by byte: a locale's order would break paging by id.
Key = Text().with_variant(Text(collation="C"), "postgresql")
