"""Excerpts of inputs for lists, and the titles of analyses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import func, select

from store import tables
from store.sql.scope import mine
from store.sql.short import Reader, in_pool
from store.sql.viewer import Viewer
from store.tables import AnalysisRow

EXCERPT_CHARACTERS = 1_000
TITLE_CHARACTERS = 80

_analysis = tables.analysis


async def excerpts_by_id(reader: Reader, viewer: Viewer, ids: Sequence[str]) -> dict[str, str | None]:
    """Return the first EXCERPT_CHARACTERS of each input, as stored; None without an input."""
    column = _analysis.c
    content = func.coalesce(column.input_text, column.input_data)
    statement = select(column.id, func.substr(content, 1, EXCERPT_CHARACTERS))
    async with in_pool(reader) as connection:  # a database reads a whole input for its beginning
        found = await connection.execute(statement.where(column.id.in_(ids), mine(_analysis, viewer)))
    return dict(cast(Any, found.all()))


def own_key(row: AnalysisRow) -> str | None:
    """Return the key that the caller chose; None without a key, or for a generated one, the position in the batch."""
    return None if row.key == str(row.position) else row.key


def title_of(row: AnalysisRow, excerpt: str | None) -> str:
    """Return the title: the caller's key, otherwise the first words of the input, otherwise the key or the id."""
    if (key := own_key(row)) is not None:
        return key
    words = " ".join((excerpt or "").split())
    if len(words) > TITLE_CHARACTERS:
        cut = words[:TITLE_CHARACTERS]
        # At a space. A text without spaces, such as Chinese, is cut anywhere.
        words = (cut.rpartition(" ")[0] or cut[:-1]) + "…"
    return words or row.key or row.id
