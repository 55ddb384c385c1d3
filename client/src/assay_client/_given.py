"""What callers give, as the API takes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from assay_client._base import Request
from assay_client.models import Analysis, Batch

T = TypeVar("T")

MOST_ITEMS = 10_000
"""Items of one batch, at most: the server's own limit."""
MOST_BYTES = 8_000_000
"""Bytes of one batch's items, at most: the server takes requests of 10,000,000 if it is not set otherwise."""

Requested: TypeAlias = str | Request | Mapping[str, Any]
"""What to analyze: a text; a request, as `TextRequest(text=…)`; or `{"analyzer": {…}}`, as `AnalysisRequest` has it."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a batch."""

    request: Requested
    """What to analyze."""

    key: str | None = None
    """Your own name for it, 1 to 200 characters, unique within its batch; its number, from 0, where it is not given."""

    priority: int | None = None
    """From 1 (last) to 10 (first); 5 where it is not given."""


def given(**values: Any) -> dict[str, Any]:
    """What was given: the server has its own defaults for the rest."""
    return {name: value for name, value in values.items() if value is not None}


def names(values: Iterable[str] | None) -> list[str] | None:
    """Names in a list; one by itself is a list of one."""
    if isinstance(values, str):
        values = [values]
    return None if values is None else [str(value) for value in values]


def event_filter(types: Iterable[str] | None, of: Analysis | Batch | None) -> dict[str, Any]:
    """As `EventFilter` has it."""
    subject = {} if of is None else {"analysisId" if isinstance(of, Analysis) else "batchId": of.id}
    return {**given(types=names(types)), **subject}


def analysis_request(requested: Requested) -> Mapping[str, Any]:
    """As `AnalysisRequest` has it."""
    if isinstance(requested, str):
        return {"text": {"text": requested}}
    if isinstance(requested, Request):
        return {requested.ANALYZER: requested}
    return requested


def encoded(item: Requested | Item, key: str | None = None) -> msgspec.Raw:
    """An item of a batch, encoded once, so that its size is known."""
    item = item if isinstance(item, Item) else Item(request=item)
    fields = given(
        key=item.key if item.key is not None else key, request=analysis_request(item.request), priority=item.priority
    )
    return msgspec.Raw(msgspec.json.encode(fields))


async def iterated(items: Iterable[T] | AsyncIterable[T]) -> AsyncGenerator[T, None]:
    """One after the other, whichever kind they are of."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item
