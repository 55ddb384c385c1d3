"""Column types that read the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from store.sql.clock import EPOCH

_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Return whole microseconds since 1970, the stored form of an instant."""
    return (instant - EPOCH) // _MICROSECOND


def instant_of(value: int) -> datetime:
    """Return the instant of a stored value."""
    return EPOCH + timedelta(microseconds=value)


class octet_length(FunctionElement[int]):  # noqa: N801 - SQL's name
    """The size of a text in UTF-8, in bytes. SQLite has a function of this name since 3.43 only."""

    type = Integer()
    inherit_cache = True


@compiles(octet_length)
def _octet_length(element: octet_length, compiler: Any, **options: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **options)})"


@compiles(octet_length, "sqlite")
def _length_of_blob(element: octet_length, compiler: Any, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


def bytes_of(text: str | None) -> int | None:
    """Return the size of a text in UTF-8, as the columns of sizes have it."""
    if text is None:
        return None
    # Lone surrogates are counted here, and refused by the database.
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


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
