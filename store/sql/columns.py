"""Column types that read the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Text
from sqlalchemy.types import TypeDecorator

from store.sql.clock import EPOCH

_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """How an instant is kept: whole microseconds since 1970."""
    return (instant - EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    """The instant that is kept so."""
    return EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An instant, kept as whole microseconds since 1970 in UTC: compared and added up alike on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


# Ids and other keys are compared byte by byte: a locale's order would break paging by id.
Key = Text().with_variant(Text(collation="C"), "postgresql")
