"""Many rows in one statement, without what SQLAlchemy does for each of them.

Its `execute` with a list processes every value of every row in Python, which costs more than the database does. Here a
statement is compiled once for each kind of database, and rows go to the driver as they are: tuples in the order of
the table's columns, instants as `store.columns.microseconds`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Insert,
    Table,
    Text,
    Update,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncConnection

from store.script import Row, Script, run

_QUESTION_MARKS = DefaultDialect(paramstyle="qmark")


class Bulk:
    """A statement for many rows: the values of each stand in the order in which the table has the columns.

    A column that is null in every row is written into the statement: the sqlite3 module looks for an adapter for each
    None that it is given, which takes longer than to bind a text.
    """

    def __init__(self, table: Table, columns: Sequence[str], *, inserts: bool) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._inserts = inserts
        self._compiled: dict[frozenset[str], str] = {}

    @classmethod
    def insert(cls, table: Table, columns: Sequence[str]) -> Bulk:
        """Insert rows of these columns; the others are null, or what the database makes them."""
        return cls(table, columns, inserts=True)

    @classmethod
    def update(cls, table: Table, columns: Sequence[str]) -> Bulk:
        """Set these columns where the id is the value that stands behind them in each row."""
        return cls(table, columns, inserts=False)

    async def execute(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Execute it for each of these rows, at least one."""
        await run(connection, lambda script: self.run(script, rows))

    def run(self, script: Script, rows: Sequence[Row]) -> None:
        """`execute`, in a script."""
        columns = list(zip(*rows, strict=True))
        null = frozenset(
            name
            for name, values in zip(self._columns, columns, strict=False)
            if values[0] is None and values.count(None) == len(values)
        )
        kept = [values for name, values in zip((*self._columns, ""), columns, strict=False) if name not in null]
        compiled = self._compiled.get(null) or self._compile(null)
        script.each(compiled, list(zip(*kept, strict=True)))

    def _compile(self, null: frozenset[str]) -> str:
        names = [name for name in self._columns if name not in null]
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
        parameters = [f"new_{name}" for name in names]
        statement: Insert | Update
        if self._inserts:
            statement = insert(self._table).values(values).inline()
        else:
            values |= dict.fromkeys(null, literal_column("NULL"))
            statement = update(self._table).where(self._table.c.id == bindparam("row_id")).values(values)
            parameters.append("row_id")
        compiled = statement.compile(dialect=_QUESTION_MARKS)
        if list(compiled.positiontup or ()) != parameters:
            raise TypeError(f"the columns are in another order than the table's: {compiled.positiontup}")
        return self._compiled.setdefault(null, str(compiled))


def among(connection: AsyncConnection, column: ColumnElement[str], keys: Collection[str]) -> ColumnElement[bool]:
    """Whether the column is one of these keys, however many: one parameter, where `in_` has one for each."""
    if connection.dialect.name == "sqlite":
        each = func.json_each(orjson.dumps(list(keys)).decode()).table_valued("value")
        return column.in_(select(each.c.value))
    return column == func.any(bindparam(None, list(keys), type_=ARRAY(Text), unique=True))
