"""Changes of ended analyses and of lists of analyses, for a cache of answers.

A change is a tag: the id of an analysis, or the name of all lists or of all analyses of a workspace. It follows from an
event in the log, or from one of two states, since the slices of a deletion have no events:

- The row of the clean-up changes in each transaction of the clean-up: any tag may have changed.
- While a batch is in deletion, its items disappear slice by slice: the list of changes is incomplete.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.events import START, Place, last_place
from store.tables import NOWHERE, AnalysisEventType, BatchEventType

MOST_EVENTS = 200
"""Events of one read. After more of them any tag counts as changed."""

# No ended analysis changes with these events, but lists do. All types that are not here drop more.
_LISTS_ONLY = frozenset(
    {
        AnalysisEventType.ANALYSIS_STARTED,
        AnalysisEventType.ANALYSIS_PROGRESS,
        AnalysisEventType.ANALYSIS_RETRYING,
        AnalysisEventType.ANALYSIS_COMPLETED,
        AnalysisEventType.ANALYSIS_FAILED,
        AnalysisEventType.ANALYSIS_CANCELED,
        AnalysisEventType.ANALYSIS_TIMED_OUT,
        BatchEventType.BATCH_STARTED,
        BatchEventType.BATCH_PROGRESS,
        BatchEventType.BATCH_COMPLETED,
        BatchEventType.BATCH_CANCELED,
        BatchEventType.BATCH_TIMED_OUT,
    }
)


def lists_of(workspace: str) -> str:
    """Return the tag of all lists of analyses of a workspace."""
    return f"lists of {workspace}"


def analyses_of(workspace: str) -> str:
    """Return the tag of all analyses of a workspace."""
    return f"analyses of {workspace}"


class Changed(NamedTuple):
    """The changes after a place in the log."""

    tags: frozenset[str] | None
    """None: any tag."""
    is_complete: bool
    """Whether no batch is in deletion."""
    place: Place
    """The place for the next read."""
    clean_up: Any
    """The state of the clean-up, for the next read."""
    ahead: frozenset[Place] = frozenset()
    """The places of further events that were read, after an event that may still come."""


def _tags(events: Iterable[tuple[str, str, str]]) -> frozenset[str]:
    """Return the tags that events changed: rows of workspace, type and subject."""
    tags = set()
    for workspace, type_, subject in events:
        tags.add(lists_of(workspace))
        if type_ == AnalysisEventType.ANALYSIS_QUEUED:  # a retry, or a new analysis
            tags.add(subject)
        elif type_ not in _LISTS_ONLY:
            tags.add(analyses_of(workspace))
    return frozenset(tags)


_CLEAN_UP = "lease, lease_expires_at, finished_at, log_xid, log_position"


class FileChanges:
    """The changes of a SQLite file, read in the thread that makes this object. `close()` it.

    A read without a commit of any process since the last one takes about two microseconds.
    """

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        self._connection.execute("PRAGMA query_only = ON")
        self._version: Any = None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def after(self, before: Changed | None) -> Changed | None:
        """Return the changes since the last call, whose result was `before`; None if there was no commit since.

        Raises sqlite3.OperationalError while the file is locked.
        """
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if before is not None and version == self._version:
            return None
        self._connection.execute("BEGIN")  # one snapshot for all
        try:
            changed = self._read(before)
        finally:
            self._connection.execute("COMMIT")
        self._version = version
        return changed

    def _read(self, before: Changed | None) -> Changed:
        events: list[tuple[int, str, str, str]] = []
        if before is not None:
            events = self._connection.execute(
                "SELECT position, workspace, type, subject FROM event WHERE position > ? ORDER BY position LIMIT ?",
                (before.place.position, MOST_EVENTS + 1),
            ).fetchall()
        position = events[-1][0] if events else 0 if before is None else before.place.position
        row = self._connection.execute(f"SELECT {_CLEAN_UP} FROM cleanup").fetchone()  # noqa: S608 - of a constant
        deletion = self._connection.execute("SELECT 1 FROM batch WHERE workspace = ? LIMIT 1", (NOWHERE,)).fetchone()
        tags: frozenset[str] | None = _tags(each[1:] for each in events)
        if before is None or row != before.clean_up or len(events) > MOST_EVENTS:
            tags = None
            (newest,) = self._connection.execute("SELECT max(position) FROM event").fetchone()
            position = max(newest or 0, position)
        return Changed(tags, deletion is None, Place(0, position), row)


# All committed events, also those that the log holds back while an earlier transaction of the cluster is open: they are
# read again until it has ended. The outer join gives the state if there is no event.
_AFTER = text(
    f"""
    SELECT event.xid, event.position, event.workspace, event.type, event.subject, state.*
    FROM (
        SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS fence,
            EXISTS (SELECT FROM batch WHERE workspace = :nowhere) AS deleting,
            (SELECT row({_CLEAN_UP})::text FROM cleanup) AS clean_up
    ) AS state
    LEFT JOIN (
        SELECT xid, position, workspace, type, subject FROM event WHERE (xid, position) > (:xid, :position)
        ORDER BY xid, position LIMIT {MOST_EVENTS + 1}
    ) AS event ON true
    ORDER BY event.xid, event.position
    """  # noqa: S608 - of constants
)


async def changes_after(connection: AsyncConnection, before: Changed | None) -> Changed:
    """Return the changes in a PostgreSQL database since the result `before`; any tag without one."""
    place, known = (START, frozenset[Place]()) if before is None else (before.place, before.ahead)
    given = {"nowhere": NOWHERE, "xid": place.xid, "position": place.position}
    rows: list[Any] = list((await connection.execute(_AFTER, given)).all())
    fence, deleting, clean_up = rows[0][-3:]
    events = {Place(row.xid, row.position): row for row in rows if row.xid is not None}
    tags: frozenset[str] | None = _tags(
        (row.workspace, row.type, row.subject) for each, row in events.items() if each not in known
    )
    if before is None or clean_up != before.clean_up or len(events) > MOST_EVENTS:
        tags, place = None, max(place, await last_place(connection))
    else:
        place = max((each for each in events if each.xid < fence), default=place)
    return Changed(tags, not deleting, place, clean_up, frozenset(each for each in events if each > place))
