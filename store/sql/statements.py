"""Statements for many rows, without SQLAlchemy's work per row.

SQLAlchemy's `execute` with a list processes every value in Python, which costs more than the database. Here a statement
is compiled once for each kind of database, and the driver gets the values unchanged: instants as
`store.sql.columns.microseconds`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Table, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from store.sql.script import Row, Script, run

# Texts joined to one, by a character that few texts have: asyncpg examines each element of an array in Python.
_ARRAY, _SEPARATOR = r"string_to_array(?, E'\x1f')", "\x1f"
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


class Bulk:
    """A statement for many rows, with values in the order of its columns.

    SQLite executes it row by row. A column that is null in every row becomes part of the statement: the sqlite3 module
    searches an adapter for each None, which takes longer than to bind a text. PostgreSQL executes it once, with an
    array for each column, and a single value for a column that is the same in every row.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, inserts: bool) -> None:
        self._table = table.name
        self._columns = tuple(columns)
        self._names = self._columns if inserts else (*self._columns, "id")
        # Without the collations, which belong to the table.
        self._types = {name: table.c[name].type.compile(_POSTGRESQL).partition(" ")[0] for name in self._names}
        self._inserts = inserts

    @classmethod
    def insert(cls, table: Table, columns: Sequence[str]) -> Bulk:
        """Insert rows of these columns; the others get their defaults."""
        return cls(table, columns, inserts=True)

    @classmethod
    def update(cls, table: Table, columns: Sequence[str]) -> Bulk:
        """Update these columns by id. Each row has the columns' values, then the id."""
        return cls(table, columns, inserts=False)

    async def execute(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Execute the statement for these rows, at least one."""
        await run(connection, lambda script: self.run(script, rows))

    def run(self, script: Script, rows: Sequence[Row]) -> None:
        """Like `execute`, in a script."""
        self.run_columns(script, list(zip(*rows, strict=True)))

    def run_columns(self, script: Script, columns: Sequence[Sequence[Any]]) -> None:
        """Like `run`, with the values by column."""
        named = dict(zip(self._names, columns, strict=True))
        # Most columns that differ also differ in their ends, which spares the count.
        alike = [
            name for name, values in named.items() if values[0] == values[-1] and values.count(values[0]) == len(values)
        ]
        null = frozenset(name for name in alike if named[name][0] is None)
        if script.sqlite:
            kept = [values for name, values in named.items() if name not in null]
            script.each(self._each_row(null), list(zip(*kept, strict=True)))
            return
        many = tuple(name for name in named if name not in alike) or self._names[-1:]
        once = [named[name][0] for name in named if name not in null and name not in many]
        arrays = [_joined(named[name]) or list(named[name]) for name in many]
        joined = frozenset(name for name, array in zip(many, arrays, strict=True) if isinstance(array, str))
        script.do(self._all_rows(null, many, joined), *once, *arrays)

    @cache  # noqa: B019 - instances live as long as the program
    def _each_row(self, null: frozenset[str]) -> str:
        names = [name for name in self._columns if name not in null]
        if self._inserts:
            return f"INSERT INTO {self._table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
        values = [f"{name} = ?" for name in names] + [f"{name} = NULL" for name in null]
        return f"UPDATE {self._table} SET {', '.join(values)} WHERE id = ?"  # noqa: S608 - of a table's names

    @cache  # noqa: B019
    def _all_rows(self, null: frozenset[str], many: tuple[str, ...], joined: frozenset[str]) -> str:
        once = [name for name in self._names if name not in null and name not in many]
        values = {name: f"?::{self._types[name]}" for name in once} | {name: f"each.{name}" for name in many}
        arrays = ", ".join(f"{_ARRAY if name in joined else '?'}::{self._types[name]}[]" for name in many)
        rows = f"FROM unnest({arrays}) AS each({', '.join(many)})"
        if self._inserts:
            return f"INSERT INTO {self._table} ({', '.join(values)}) SELECT {', '.join(values.values())} {rows}"
        del values["id"]
        values |= dict.fromkeys(null, "NULL")
        sets = ", ".join(f"{name} = {value}" for name, value in values.items())
        return f"UPDATE {self._table} SET {sets} {rows} WHERE {self._table}.id = each.id"  # noqa: S608


def _joined(values: Sequence[Any]) -> str | None:
    """Return these texts as the parameter of `_ARRAY`. None if other values are among them, or if it would differ."""
    if not isinstance(values[0], str) or None in values:
        return None
    joined = _SEPARATOR.join(values)
    return joined if joined.count(_SEPARATOR) == len(values) - 1 else None


def among(connection: AsyncConnection, column: ColumnElement[str], keys: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that the column is one of these keys, with one parameter; `in_` has one for each key."""
    if connection.dialect.name == "sqlite":
        each = func.json_each(orjson.dumps(list(keys)).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(bindparam(None, list(keys), type_=ARRAY(Text), unique=True))
