"""Short reads: by id, or a page by an index. Each statement is compiled once for its shape and the kind of database.

A shape is everything that the text of a statement depends on: the order, the direction, which conditions and cursors
are present, the columns. SQLAlchemy writes the text once; each read then gives only the parameters to the driver. The
rows are tuples with the columns as attributes.

A `Reader` is a connection, or the whole database: its short reads run on connections of their own (`store.sql.direct`).
"""

from __future__ import annotations

import asyncio
from collections import namedtuple
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from sqlalchemy import Boolean, ColumnElement, Text, bindparam, func, select
from sqlalchemy.dialects import sqlite as for_sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import asyncpg as for_postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.columns import Instant, instant_of

if TYPE_CHECKING:
    from sqlalchemy import CompoundSelect, Select

    from store.sql.database import Database

Reader: TypeAlias = "AsyncConnection | Database"

Columns: TypeAlias = frozenset[str] | None
"""Names of the columns to read; None for all."""

SHAPES = 1_000
"""Most statements of one function. Shapes come from the server's arguments; a client's values are parameters."""

shapes = lru_cache(SHAPES)
"""Keeps the statements of a function by its arguments."""

_DIALECTS: Mapping[bool, Any] = {True: for_sqlite.dialect(), False: for_postgresql.dialect()}  # type: ignore[no-untyped-call]


class Statement:
    """The text of a statement for one kind of database, and the order of its parameters."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any], *, sqlite: bool) -> None:
        """Compile a statement. Its parameters have names; a value without a name is the same in each read."""
        compiled = statement.compile(dialect=_DIALECTS[sqlite])
        self.source = statement
        self.sqlite = sqlite
        self.text = str(compiled)
        names: Sequence[str] = compiled.positiontup or ()
        binds = compiled.binds
        self._parameters = [(name, None if binds[name].required else binds[name].value) for name in names]
        columns = statement.selected_columns
        self.row = row_class(tuple((column.key or "", _kind(column)) for column in columns))

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the driver's parameters. A list of keys is one parameter, JSON on SQLite."""
        values = [given.get(name, value) for name, value in self._parameters]
        if self.sqlite:
            return [orjson.dumps(each).decode() if each.__class__ is list else each for each in values]
        return values

    async def fetch(self, reader: Reader, given: Mapping[str, Any]) -> list[Any]:
        """Return the rows, for these values by the names of the parameters."""
        if isinstance(reader, AsyncConnection):
            found: Sequence[Any] = (await reader.exec_driver_sql(self.text, tuple(self.values(given)))).all()
        else:
            found = await reader.fetch(self.text, self.values(given))
        row, new = self.row, tuple.__new__
        return [new(row, each) for each in found]


def is_sqlite(reader: Reader) -> bool:
    """Return whether the reader's database is SQLite."""
    return reader.dialect.name == "sqlite" if isinstance(reader, AsyncConnection) else reader.is_sqlite


@asynccontextmanager
async def in_pool(reader: Reader) -> AsyncIterator[AsyncConnection]:
    """Open a connection for statements that are not short: the reader itself, or one of the pool."""
    if isinstance(reader, AsyncConnection):
        yield reader
        return
    await asyncio.sleep(0)  # see `Database.fetch`
    async with reader.read() as connection:
        yield connection


def is_one_of(column: ColumnElement[str], name: str, *, sqlite: bool) -> ColumnElement[bool]:
    """Return the condition that the column is one of a list of keys, a parameter of this name."""
    if sqlite:
        each = func.json_each(bindparam(name, type_=Text)).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(bindparam(name, type_=ARRAY(Text)))


def _kind(column: ColumnElement[Any]) -> type | None:
    """Return the type of a column whose stored values are not those of Python."""
    for kind in (Instant, Boolean):
        if isinstance(column.type, kind):
            return kind
    return None


@lru_cache(SHAPES)
def row_class(columns: tuple[tuple[str, type | None], ...]) -> type[Any]:
    """Return the class of rows with these columns. Attributes turn stored values into instants and booleans."""
    names = [name for name, _ in columns]
    attributes: dict[str, Any] = {"__slots__": (), "__getattr__": _missing}
    for index, (name, kind) in enumerate(columns):
        if kind is not None:
            attributes[name] = property(_READ[kind](itemgetter(index)))
    return type("Row", (namedtuple("Row", names),), attributes)


def _instant(get: Any) -> Any:
    def read(row: Any) -> Any:
        value = get(row)
        return None if value is None else instant_of(value)

    return read


def _boolean(get: Any) -> Any:
    def read(row: Any) -> Any:
        value = get(row)
        return None if value is None else value != 0

    return read


_READ = {Instant: _instant, Boolean: _boolean}


def _missing(_row: Any, name: str) -> Any:
    raise AttributeError(f"The column {name!r} was not read with this row.", name=name)
