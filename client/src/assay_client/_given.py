"""Conversion of callers' arguments to the API's input types."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from assay_client._base import Request
from assay_client.models import Analysis, Batch

T = TypeVar("T")

MOST_ITEMS = 10_000
"""Maximum items of a batch: the server's own limit."""
MOST_BYTES = 8_000_000
"""Maximum bytes of a batch's items. Below 10,000,000, the server's default limit of a request."""

Requested: TypeAlias = str | Request | Mapping[str, Any]
"""The input of an analysis: a text; a request, for example `TextRequest(text=…)`; or JSON in the form of
`AnalysisRequest`, `{"analyzer": {…}}`."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a batch."""

    request: Requested
    """The input to analyze."""

    key: str | None = None
    """A name of your choice, 1 to 200 characters, unique in the batch. By default the item's number, from 0."""

    priority: int | None = None
    """From 1 (last) to 10 (first), by default 5."""


def given(**values: Any) -> dict[str, Any]:
    """Return the values that are not None: the server has defaults for the others."""
    return {name: value for name, value in values.items() if value is not None}


def names(values: Iterable[str] | None) -> list[str] | None:
    """Return names as a list. A single string is a list of one, None stays None."""
    if isinstance(values, str):
        values = [values]
    return None if values is None else [str(value) for value in values]


def event_filter(types: Iterable[str] | None, of: Analysis | Batch | None) -> dict[str, Any]:
    """Return the conditions as an `EventFilter`."""
    subject = {} if of is None else {"analysisId" if isinstance(of, Analysis) else "batchId": of.id}
    return {**given(types=names(types)), **subject}


def analysis_request(requested: Requested) -> Mapping[str, Any]:
    """Return the input as an `AnalysisRequest`."""
    if isinstance(requested, str):
        return {"text": {"text": requested}}
    if isinstance(requested, Request):
        return {requested.ANALYZER: requested}
    return requested


def encoded(item: Requested | Item, key: str | None = None) -> msgspec.Raw:
    """Encode an item of a batch once: the batch's size is counted, then the same bytes are sent."""
    item = item if isinstance(item, Item) else Item(request=item)
    fields = given(
        key=item.key if item.key is not None else key, request=analysis_request(item.request), priority=item.priority
    )
    return msgspec.Raw(msgspec.json.encode(fields))


async def iterated(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """Yield the elements of a plain or an asynchronous iterable."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
