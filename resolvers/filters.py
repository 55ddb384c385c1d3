"""The rules of filters: bounds of their values, and filters in a form that databases take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resolvers.paging import each_once
from resolvers.user_errors import Refused, UserError, UserErrorCode, require_id
from store.filters import AnalysisFilter, BatchFilter

MAX_SEARCH_WORDS, MAX_SEARCH = 10, 200
MAX_VALUES = 100
"""Names or keys in one condition."""
MAX_TAGS = 10
"""Tags in one condition: each is a subquery."""


def require_analyses(where: AnalysisFilter, path: Sequence[str] = ("filter",)) -> AnalysisFilter:
    """Return the filter with each value once. Raise Refused for values out of bounds, with their path."""
    if where.batch_id is not None:
        require_id("batch", where.batch_id, ".".join([*path, "batchId"]))
    if where.search is not None:
        _require_search(where.search, [*path, "search"])
    require_values(where.analyzer, "names", [*path, "analyzer"])
    require_values(where.key, "keys", [*path, "key"])
    require_values(where.tags, "tags", [*path, "tags"], MAX_TAGS)
    if where.error_fingerprint is not None and "\0" in where.error_fingerprint:
        raise _invalid("`errorFingerprint` must have no NUL.", [*path, "errorFingerprint"])
    excluded = where.excluded
    if excluded is not None:
        path = [*path, "not"]
        if excluded.excluded is not None:
            raise _invalid("A `not` can't have a `not` inside.", [*path, "not"])
        excluded = require_analyses(excluded, path)
    return replace(
        where,
        status=each_once(where.status),
        tags=each_once(where.tags),
        error_code=each_once(where.error_code),
        excluded=excluded,
    )


def require_batches(where: BatchFilter) -> BatchFilter:
    """`require_analyses` for batches."""
    if where.name is not None and (len(where.name) > MAX_SEARCH or "\0" in where.name):
        raise _invalid(f"`name` must have at most {MAX_SEARCH} characters, and no NUL.", ["filter", "name"])
    return replace(where, status=each_once(where.status))


def _require_search(search: str, path: Sequence[str]) -> None:
    if len(search) > MAX_SEARCH or len(search.split()) > MAX_SEARCH_WORDS or "\0" in search:
        message = f"`search` must have at most {MAX_SEARCH_WORDS} words and {MAX_SEARCH} characters, and no NUL."
        raise _invalid(message, path)


def require_values(values: Sequence[str] | None, noun: str, path: Sequence[str], most: int = MAX_VALUES) -> None:
    """Raise Refused for more than `most` values in a condition, or a NUL, which PostgreSQL can't compare."""
    if values is not None and (len(values) > most or any("\0" in value for value in values)):
        raise _invalid(f"`{path[-1]}` must have at most {most} {noun}, and no NUL in any.", path)


def _invalid(message: str, path: Sequence[str]) -> Refused:
    return Refused(UserError(UserErrorCode.INVALID, message, path))
