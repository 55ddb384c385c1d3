"""Filters of lists, and the conditions that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, select, true

from store import tables
from store.sql.scope import mine
from store.sql.viewer import Viewer
from store.tables import AnalysisStatus, BatchStatus

_analysis = tables.analysis.c
_batch = tables.batch.c
_tag = tables.analysis_tag.c
_keyed = tables.analysis.alias("keyed")


@dataclass(frozen=True, slots=True)
class AnalysisFilter:
    """A filter of analyses: all given conditions must hold.

    `ids`: only analyses with these ids. `search`: the input text must contain all of its words. `tags`: the result must
    have all of them. `excluded`: analyses that match this filter do not match.
    """

    status: Sequence[AnalysisStatus] | None = None
    analyzer: Sequence[str] | None = None
    batch_id: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    search: str | None = None
    key: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    error_code: Sequence[str] | None = None
    error_fingerprint: str | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    excluded: AnalysisFilter | None = None
    ids: Sequence[str] | None = None

    @property
    def matches_all(self) -> bool:
        """Whether every analysis matches: the filter has no condition, or only some that exclude nothing."""
        search = self.search if (self.search or "").split() else None
        excluded = None if self.excluded is None or self.excluded.matches_none else self.excluded
        return replace(self, search=search, tags=self.tags or None, excluded=excluded) == AnalysisFilter()

    @property
    def matches_none(self) -> bool:
        """Whether a list of the filter is empty: no analysis has a value of it."""
        return any(
            each is not None and not each for each in (self.status, self.analyzer, self.key, self.error_code, self.ids)
        )


_JSON: TypeAdapter[AnalysisFilter] = TypeAdapter(AnalysisFilter)


@dataclass(frozen=True, slots=True)
class BatchFilter:
    """A filter of batches: all given conditions must hold. `name`: a part of the name."""

    status: Sequence[BatchStatus] | None = None
    name: str | None = None
    with_failures: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def analyses_where(viewer: Viewer, where: AnalysisFilter) -> list[ColumnElement[bool]]:
    """Return the conditions for the viewer's analyses that match the filter."""
    return [mine(tables.analysis, viewer), *_of_analyses(viewer, where)]


def _of_analyses(viewer: Viewer, where: AnalysisFilter) -> Iterator[ColumnElement[bool]]:
    column = _analysis
    if where.ids is not None:
        yield column.id.in_(where.ids)
    if where.status is not None:
        yield column.status.in_([status.value for status in where.status])
    if where.analyzer is not None:
        yield column.analyzer.in_(where.analyzer)
    if where.batch_id is not None:
        yield column.batch_id == where.batch_id
    if where.created_after is not None:
        yield column.created_at > where.created_after
    if where.created_before is not None:
        yield column.created_at < where.created_before
    for word in (where.search or "").split():
        yield column.input_text.icontains(word, autoescape=True)
    if where.key is not None:
        # By a plain condition SQLite reads the index of the list's order, and each row for its key.
        its = (mine(_keyed, viewer), _keyed.c.key.in_(where.key))
        yield column.id.in_(select(_keyed.c.id).where(*its))
    for tag in where.tags or ():
        its = (mine(tables.analysis_tag, viewer), _tag.tag == tag)
        yield column.id.in_(select(_tag.analysis_id).where(*its))
    if where.error_code is not None:
        yield column.error_code.in_(where.error_code)
    if where.error_fingerprint is not None:
        yield column.error_fingerprint == where.error_fingerprint
    if where.finished_after is not None:
        yield column.finished_at > where.finished_after
    if where.finished_before is not None:
        yield column.finished_at < where.finished_before
    if where.excluded is not None:
        # Not `NOT`: a comparison with null is neither true nor false.
        yield and_(true(), *_of_analyses(viewer, where.excluded)).is_not(true())


def write_filter(where: AnalysisFilter) -> str:
    """Return a filter as JSON, without absent conditions."""
    return _JSON.dump_json(where, exclude_none=True).decode()


def batches_where(viewer: Viewer, where: BatchFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions for the viewer's batches that match the filter."""
    column = _batch
    yield mine(tables.batch, viewer)
    if where.status is not None:
        yield column.status.in_([status.value for status in where.status])
        if not any(status.ended for status in where.status):
            yield tables.unfinished  # the condition of an index
    if where.name:
        yield column.name.icontains(where.name, autoescape=True)
    if where.with_failures is not None:
        failures = column.failed + column.timed_out
        yield failures > 0 if where.with_failures else failures == 0
    if where.created_after is not None:
        yield column.created_at > where.created_after
    if where.created_before is not None:
        yield column.created_at < where.created_before
