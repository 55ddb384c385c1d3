"""The tags of completed analyses, as rows by which a filter finds them.

The rows are written in the transaction of the result, and deleted in that of the analysis. A retry deletes none: it
takes no completed analysis, and no other has a result.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.sql.script import Script
from store.sql.statements import Bulk, among

MOST_TAGS = 100
"""Tags of one analysis that a filter finds: the first ones. It bounds the rows of a result."""
MOST_CHARACTERS = 200
"""Length of a tag that a filter finds. PostgreSQL's indexes take values of up to 2,700 bytes."""

_INSERT = Bulk.insert(tables.analysis_tag, ("workspace", "tag", "analysis_id"))


class Tagged(NamedTuple):
    """A completed analysis with its tags from `tags_of`."""

    workspace: str
    analysis_id: str
    tags: Sequence[str]


def tags_of(result: Mapping[str, Any]) -> list[str]:
    """Return the tags of a result that a filter finds, each once."""
    tags = result.get("tags")
    if not isinstance(tags, list):
        return []
    return list(dict.fromkeys(tag for tag in tags[:MOST_TAGS] if isinstance(tag, str) and len(tag) <= MOST_CHARACTERS))


def write_tags(script: Script, completed: Iterable[Tagged]) -> None:
    """Write the tags of newly completed analyses."""
    rows = [(workspace, tag, analysis_id) for workspace, analysis_id, tags in completed for tag in tags]
    if rows:
        _INSERT.run(script, rows)


async def delete_tags(connection: AsyncConnection, analysis_ids: Collection[str]) -> None:
    """Delete the tags of these analyses."""
    its = among(connection, tables.analysis_tag.c.analysis_id, analysis_ids)
    await connection.execute(delete(tables.analysis_tag).where(its))
