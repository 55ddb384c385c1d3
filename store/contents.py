"""The contents of analyses (texts, data, options, results), which can have any size.

Rows for clients (`tables.shown`) have the sizes of all contents, and the small contents themselves. Readers check the
sizes before they read the others here.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import LargeBinary, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.paging import rows_of
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisRow

_analysis = tables.analysis


async def contents_by_id(
    connection: AsyncConnection, viewer: Viewer, name: str, ids: Sequence[str]
) -> dict[str, AnalysisRow]:
    """Return one of the contents, of any size, for each of these ids.

    The rows have `name`, and the columns by which it is read: the analyzer and the forms.
    """
    column = _analysis.c
    statement = select(column.id, column.analyzer, column.input_form, column.result_form, column[name])
    found = await connection.execute(statement.where(column.id.in_(ids), mine(_analysis, viewer)))
    return {row.id: row for row in rows_of(found, AnalysisRow)}


async def piece_of_content(
    connection: AsyncConnection, viewer: Viewer, name: str, analysis_id: str, first: int, count: int
) -> bytes | None:
    """Return `count` bytes of a content from byte `first` on, fewer at its end; None without the content."""
    text = _analysis.c[name]
    octets = cast(text, LargeBinary) if connection.dialect.name == "sqlite" else func.convert_to(text, "UTF8")
    statement = select(func.substr(octets, first + 1, count)).where(_analysis.c.id == analysis_id)
    piece: bytes | None = (await connection.execute(statement.where(mine(_analysis, viewer)))).scalar()
    return piece
