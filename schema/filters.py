"""Filters and orders of lists in the schema. Its enums are described in `schema.common`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

import orjson
import strawberry
from graphql import GraphQLError, GraphQLInputObjectType
from graphql.utilities import coerce_input_value, validate_input_value

import schema.common  # noqa: F401  # describes the enums first
from analyzers.base import AnalysisErrorCode
from execution.strawberry_parts import core_schema
from resolvers.user_errors import Refused, UserError, UserErrorCode
from schema.scalars import describe
from store.analyses import AnalysisOrderField
from store.batches import BatchOrderField
from store.filters import AnalysisFilter as AnalysisFilterValue
from store.filters import BatchFilter as BatchFilterValue
from store.tables import AnalysisStatus, BatchStatus


class OrderDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


describe(
    OrderDirection,
    "Sort direction.",
    {"ASC": "Ascending: smallest or oldest first.", "DESC": "Descending: largest or newest first."},
)


@strawberry.input(description="Conditions for analyses. An analysis must match all given conditions.")
class AnalysisFilter:
    status: list[AnalysisStatus] | None = strawberry.field(
        default=None, description="Matches analyses in any of these states."
    )
    analyzer: list[str] | None = strawberry.field(
        default=None, description="Matches analyses of any of these analyzers, by name. At most 100 names."
    )
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="Matches items of this batch.")
    created_after: datetime | None = strawberry.field(
        default=None, description="Matches analyses submitted after this time."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Matches analyses submitted before this time."
    )
    search: str | None = strawberry.field(
        default=None,
        description=(
            "Matches analyses with all of these words in the input text, in any order: case-insensitive for "
            "ASCII on SQLite, for all letters on PostgreSQL. At most 10 words and 200 characters."
        ),
    )
    key: list[str] | None = strawberry.field(
        default=None, description="Matches analyses with any of these keys. At most 100 keys."
    )
    tags: list[str] | None = strawberry.field(
        default=None,
        description=(
            "Matches analyses with all of these tags. At most 10 tags, written as in the result. A tag is found if it "
            "has at most 200 characters and is among the first 100 of its result."
        ),
    )
    error_code: list[AnalysisErrorCode] | None = strawberry.field(
        default=None, description="Matches analyses with any of these error codes."
    )
    error_fingerprint: str | None = strawberry.field(
        default=None, description="Matches analyses of this error group: a value of ErrorGroup.fingerprint."
    )
    finished_after: datetime | None = strawberry.field(
        default=None, description="Matches analyses that ended after this time."
    )
    finished_before: datetime | None = strawberry.field(
        default=None, description="Matches analyses that ended before this time."
    )
    not_: AnalysisFilter | None = strawberry.field(
        default=None,
        name="not",
        description="Excludes analyses that match this filter. A `not` inside `not` is INVALID.",
    )

    def value(self) -> AnalysisFilterValue:
        """Return the filter that the store takes."""
        return AnalysisFilterValue(
            status=self.status,
            analyzer=self.analyzer,
            batch_id=self.batch_id,
            created_after=self.created_after,
            created_before=self.created_before,
            search=self.search,
            key=self.key,
            tags=self.tags,
            error_code=self.error_code,
            error_fingerprint=self.error_fingerprint,
            finished_after=self.finished_after,
            finished_before=self.finished_before,
            excluded=None if self.not_ is None else self.not_.value(),
        )


class FilterReader:
    """Reads the JSON of an `AnalysisFilter`, by the rules of a variable of this type."""

    def __init__(self, schema: strawberry.Schema) -> None:
        self._type = cast(GraphQLInputObjectType, core_schema(schema).type_map["AnalysisFilter"])

    def __call__(self, text: str) -> AnalysisFilterValue:
        """Return the filter that the store takes. Raise Refused for any other text."""
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise _refused([], f"`filter` is not JSON: {error}") from None
        if not isinstance(given, dict):
            raise _refused([], "`filter` must be a JSON object, an AnalysisFilter.")
        excluded = given.get("not")
        if isinstance(excluded, dict) and isinstance(excluded.get("not"), dict):  # before the depth of the JSON matters
            raise _refused(["not", "not"], "A `not` can't have a `not` inside.")
        errors: list[tuple[GraphQLError, list[str | int]]] = []
        validate_input_value(given, self._type, lambda error, path: errors.append((error, path)))
        if errors:
            error, path = errors[0]
            raise _refused(path, error.message)
        return _value_of(coerce_input_value(given, self._type))


def _value_of(given: Mapping[str, Any]) -> AnalysisFilterValue:
    excluded = given.get("not")
    return AnalysisFilterValue(
        status=given.get("status"),
        analyzer=given.get("analyzer"),
        batch_id=given.get("batchId"),
        created_after=given.get("createdAfter"),
        created_before=given.get("createdBefore"),
        search=given.get("search"),
        key=given.get("key"),
        tags=given.get("tags"),
        error_code=given.get("errorCode"),
        error_fingerprint=given.get("errorFingerprint"),
        finished_after=given.get("finishedAfter"),
        finished_before=given.get("finishedBefore"),
        excluded=None if excluded is None else _value_of(excluded),
    )


def _refused(path: list[str | int], message: str) -> Refused:
    return Refused(UserError(UserErrorCode.INVALID, message, ["filter", *map(str, path)]))


describe(
    AnalysisOrderField,
    "Sort key of analyses.",
    {
        "CREATED_AT": "Time of submission.",
        "FINISHED_AT": "Time of the end. Unfinished analyses sort as the oldest.",
        "PRIORITY": "Priority, then time of submission.",
        "PROCESSING_TIME": "Duration of the last attempt. Analyses without an attempt sort as the shortest.",
    },
)


@strawberry.input(description="Sort order of analyses.")
class AnalysisOrder:
    field: AnalysisOrderField | None = strawberry.field(default=AnalysisOrderField.CREATED_AT, description="Sort key.")
    direction: OrderDirection | None = strawberry.field(default=OrderDirection.DESC, description="Sort direction.")


@strawberry.input(description="Conditions for batches. A batch must match all given conditions.")
class BatchFilter:
    status: list[BatchStatus] | None = strawberry.field(
        default=None, description="Matches batches in any of these states."
    )
    name: str | None = strawberry.field(
        default=None,
        description=(
            "Matches batches with this text in the name: case-insensitive for ASCII on SQLite, for all letters on "
            "PostgreSQL. At most 200 characters."
        ),
    )
    with_failures: bool | None = strawberry.field(
        default=None,
        description=(
            "True matches batches with FAILED or TIMED_OUT items, false batches without such items. Null matches both."
        ),
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="Matches batches submitted after this time."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Matches batches submitted before this time."
    )

    def value(self) -> BatchFilterValue:
        """Return the filter that the store takes."""
        return BatchFilterValue(self.status, self.name, self.with_failures, self.created_after, self.created_before)


describe(
    BatchOrderField,
    "Sort key of batches.",
    {
        "CREATED_AT": "Time of submission.",
        "FINISHED_AT": "Time of the end. Unfinished batches sort as the oldest.",
        "TOTAL_ITEMS": "Number of submitted items.",
        "FAILED": "Number of FAILED items.",
    },
)


@strawberry.input(description="Sort order of batches.")
class BatchOrder:
    field: BatchOrderField | None = strawberry.field(
        default=BatchOrderField.CREATED_AT, description="Sort key. Null means CREATED_AT."
    )
    direction: OrderDirection | None = strawberry.field(
        default=OrderDirection.DESC, description="Sort direction. Null means DESC."
    )
