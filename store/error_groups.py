"""Groups of similar errors among failed and timed-out analyses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.filters import AnalysisFilter, analyses_where
from store.queue.fingerprints import pattern_of
from store.queue.retries import accepted
from store.sql.viewer import Viewer
from store.tables import AnalysisStatus

# Analyses that one statement groups: the newest ones. It bounds the time of the statement.
MOST_ERRORS = 100_000
MOST_COUNTED = 10_000
"""Largest count of a group."""

_column = tables.analysis.c
_STATUSES = (AnalysisStatus.FAILED, AnalysisStatus.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors with one fingerprint."""

    fingerprint: str
    code: str
    message: str
    """The message of all errors, or the pattern of their different messages."""
    count: int
    retryable_items: int
    first_at: datetime
    last_at: datetime
    where: AnalysisFilter
    """Finds the analyses of the group."""


async def error_groups(
    connection: AsyncConnection, viewer: Viewer, where: AnalysisFilter, first: int
) -> list[ErrorGroup]:
    """Group the viewer's failed and timed-out analyses that match the filter: at most `first` groups, largest first.

    Groups are formed of the newest MOST_ERRORS analyses of each status; in one batch, of any MOST_ERRORS.
    """
    errors = union_all(*(_errors(viewer, where, status) for status in _STATUSES)).subquery()
    count, last_at = func.count(), func.max(errors.c.finished_at)
    statement = (
        select(
            errors.c.error_fingerprint,
            count.label("errors"),
            func.sum(errors.c.retryable).label("retryable"),
            func.min(errors.c.finished_at).label("first_at"),
            last_at.label("last_at"),
            func.max(errors.c.id).label("newest"),
            (func.min(errors.c.error_message) == func.max(errors.c.error_message)).label("is_one_message"),
        )
        .group_by(errors.c.error_fingerprint)
        .order_by(count.desc(), last_at.desc(), errors.c.error_fingerprint)
        .limit(first)
    )
    rows = (await connection.execute(statement)).all()
    newest = select(_column.id, _column.error_code, _column.error_message)
    newest = newest.where(_column.id.in_([row.newest for row in rows]), *analyses_where(viewer, AnalysisFilter()))
    errors_by_id = {row.id: row for row in (await connection.execute(newest)).all()}
    return [
        ErrorGroup(
            row.error_fingerprint,
            errors_by_id[row.newest].error_code,
            errors_by_id[row.newest].error_message
            if row.is_one_message
            else pattern_of(errors_by_id[row.newest].error_message),
            min(row.errors, MOST_COUNTED),
            min(row.retryable, MOST_COUNTED),
            row.first_at,
            row.last_at,
            replace(where, error_fingerprint=row.error_fingerprint),
        )
        for row in rows
        if row.newest in errors_by_id  # others were deleted since
    ]


def _errors(viewer: Viewer, where: AnalysisFilter, status: AnalysisStatus) -> Select[Any]:
    statement = select(
        _column.id,
        _column.error_fingerprint,
        _column.error_message,
        _column.finished_at,
        case((accepted, 1), else_=0).label("retryable"),
    ).where(*analyses_where(viewer, where), tables.failed, _column.status == status.value)
    if where.batch_id is None:
        # In the order of the index on the status.
        statement = statement.where(tables.finished).order_by(_column.id.desc())
    return select(statement.limit(MOST_ERRORS).subquery())
