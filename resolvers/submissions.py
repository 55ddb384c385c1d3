"""Submission: a client's input is checked against the types of its analyzer, and queued together with its events.

An error in the submission itself refuses it, and nothing is kept. An error in the content of one item of a batch makes
that item FAILED, with its error and key, and the others run.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from analyzers.base import MESSAGE_CHARACTERS, AnalysisErrorCode, Analyzer, clean
from analyzers.faults import sentence
from resolvers.analyses import AnalysisPayload
from resolvers.batches import BatchPayload
from resolvers.context import Context
from resolvers.idempotency import deleted, digest_of, refusing_other_input
from resolvers.user_errors import (
    UserError,
    UserErrorCode,
    answers,
    check_name,
    check_number,
    require_none,
)
from resolvers.waiting import wait_until_ended
from store.analyses import analyses_by_id
from store.batches import batches_by_id
from store.bounds import (
    MAX_ATTEMPTS,
    MAX_ITEMS,
    MAX_PRIORITY,
    MAX_TIMEOUT_SECONDS,
    MAX_WAIT_SECONDS,
    MIN_PRIORITY,
)
from store.excerpts import EXCERPT_CHARACTERS
from store.queue.enqueue import Limits, NewAnalysis
from store.queue.transitions import Fault
from store.sql.ids import new_id
from store.sql.viewer import Viewer
from store.submissions import Key, Submission
from store.tables import AnalysisStatus, BatchStatus

# Items that are checked before other tasks have a turn: some milliseconds.
_SLICE = 500
# Most errors in the answer of one mutation. Each kept item has its own error too.
_MAX_FAULTS = 1_000
# The only character that PostgreSQL can't keep in a text. In options and in other content, JSON escapes it.
_UNKEPT = "\0"

_FAULT_CODES = {
    UserErrorCode.INVALID: AnalysisErrorCode.INPUT_UNREADABLE,
    UserErrorCode.TOO_LARGE: AnalysisErrorCode.INPUT_TOO_LARGE,
    UserErrorCode.UNSUPPORTED: AnalysisErrorCode.UNSUPPORTED_FORMAT,
}
# The same codes in the answer to a batch: a fault has one code, on the item and in `userErrors`.
_ITEM_CODES = {code: UserErrorCode(kept.value) for code, kept in _FAULT_CODES.items()}


class Requested(NamedTuple):
    """The name of an analyzer, and the fields of its request as the client gave them."""

    analyzer: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """The limits of a submission, and the conditions of its answer."""

    timeout_seconds: int
    max_attempts: int
    wait_seconds: float
    idempotency_key: str | None

    def faults(self) -> Iterator[UserError]:
        """Yield an error for each value out of bounds."""
        yield from check_number("timeoutSeconds", self.timeout_seconds, 1, MAX_TIMEOUT_SECONDS, ["timeoutSeconds"])
        yield from check_number("maxAttempts", self.max_attempts, 1, MAX_ATTEMPTS, ["maxAttempts"])
        yield from check_number("waitSeconds", self.wait_seconds, 0, MAX_WAIT_SECONDS, ["waitSeconds"])
        yield from check_name("idempotencyKey", self.idempotency_key, ["idempotencyKey"])

    def limits(self, viewer: Viewer) -> Limits:
        """Return the limits of new analyses of this viewer."""
        return Limits(viewer.workspace, self.timeout_seconds, self.max_attempts)

    def key(self, said: list[Any]) -> Key | None:
        """Return the key with the hash of the input; None without a key."""
        return None if self.idempotency_key is None else Key(self.idempotency_key, digest_of(said))


class Item(NamedTuple):
    """One item of a batch, as the client gave it."""

    key: str | None
    requested: Requested
    priority: int


def checked(
    analyzers: Mapping[str, Analyzer[Any, Any]],
    requested: Requested,
    priority: int,
    path: Sequence[str],
    key: str | None = None,
) -> tuple[NewAnalysis, list[UserError]]:
    """Return the analysis to queue, and the faults of its content: with any it is kept as failed."""
    name = requested.analyzer
    analyzer = analyzers[name]
    field = analyzer.content_field
    place = [*path, name]
    faults: list[UserError] = []
    try:
        request = analyzer.request.model_validate(requested.fields)
        content = getattr(request, field)
    except ValidationError as error:
        faults.extend(_content_faults(error, place))
        content = requested.fields.get(field)
    if field == "text" and isinstance(content, str) and _UNKEPT in content:
        message = "`text` has the character U+0000: it must have other characters only."
        faults.append(UserError(UserErrorCode.INVALID, message, [*place, field]))
    if faults:
        fault = Fault(_FAULT_CODES[faults[0].code], faults[0].message)
        is_large = any(each.code is UserErrorCode.TOO_LARGE for each in faults)
        return NewAnalysis(name, "{}", priority, key, *_kept(field, content, is_large), fault), faults
    options = analyzer.options_of(request)
    if field == "text":
        return NewAnalysis(name, options, priority, key, input_text=content), []
    data = orjson.dumps(to_jsonable_python(content)).decode()
    return NewAnalysis(name, options, priority, key, input_data=data), []


def _kept(field: str, content: Any, is_large: bool) -> tuple[str | None, str | None]:
    """Return the text and the JSON to keep of a refused content: of a large one, the start of its text."""
    if content is None:
        return None, None
    if field == "text":
        text = str(content).replace(_UNKEPT, "\ufffd").encode("utf-8", "replace").decode()
    else:
        text = orjson.dumps(to_jsonable_python(content, fallback=str)).decode()
    if is_large:
        return text[:EXCERPT_CHARACTERS], None
    return (text, None) if field == "text" else (None, text)


def _content_faults(error: ValidationError, path: Sequence[str]) -> Iterator[UserError]:
    for detail in error.errors(include_url=False):
        kind = detail["type"]
        if kind in ("string_too_long", "bytes_too_long", "too_long"):
            code = UserErrorCode.TOO_LARGE
        elif kind == "unsupported":
            code = UserErrorCode.UNSUPPORTED
        else:
            code = UserErrorCode.INVALID
        place = [str(part) for part in detail["loc"]]
        # Numbers are places in a list: their name is that of the list, as in `data.3`.
        names = [at for at, part in enumerate(detail["loc"]) if isinstance(part, str)]
        name = ".".join(place[names[-1] :]) if names else path[-1]
        # The message may repeat the value, and is kept with the item.
        yield UserError(code, clean(sentence(name, detail), MESSAGE_CHARACTERS), [*path, *place])


@answers(AnalysisPayload)
async def submit_analysis(context: Context, requested: Requested, priority: int, terms: Terms) -> AnalysisPayload:
    """Queue one analysis; return when it has ended, or after `terms.wait_seconds`."""
    item, content_faults = checked(context.services.analyzers, requested, priority, ["request"])
    require_none(
        [
            *check_number("priority", priority, MIN_PRIORITY, MAX_PRIORITY, ["priority"]),
            *terms.faults(),
            *content_faults,
        ]
    )
    said = ["submitAnalysis", _plain(requested), priority, terms.timeout_seconds, terms.max_attempts]
    submission = Submission(new_id("analysis"), item, terms.limits(context.viewer), terms.key(said))
    with refusing_other_input():
        submitted = await context.services.submissions.submit(submission)
    context.forget()
    row = submitted.row
    if row is None:
        row = await context.load(analyses_by_id, submitted.id)
    if row is not None and terms.wait_seconds and not AnalysisStatus(row.status).ended:
        await wait_until_ended(context, submitted.id, seconds=terms.wait_seconds)
        context.forget()
        row = await context.load(analyses_by_id, submitted.id)
    if row is None:
        raise deleted()
    return AnalysisPayload(row)


@answers(BatchPayload)
async def batch_process(context: Context, name: str | None, items: Sequence[Item] | None, terms: Terms) -> BatchPayload:
    """Queue a batch; return when it has ended, or after `terms.wait_seconds`."""
    items = items or ()
    require_none([*_batch_faults(name, items), *terms.faults()][:_MAX_FAULTS])
    new: list[NewAnalysis] = []
    refused: list[UserError] = []
    for position, item in enumerate(items):
        if position % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)  # other tasks have a turn
        key = str(position) if item.key is None else item.key
        path = ["items", str(position), "request"]
        analysis, content_faults = checked(context.services.analyzers, item.requested, item.priority, path, key)
        new.append(analysis)
        refused.extend(replace(fault, code=_ITEM_CODES[fault.code]) for fault in content_faults)
    said = [
        "batchProcess",
        name,
        [[item.key, _plain(item.requested), item.priority] for item in items] if terms.idempotency_key else None,
        terms.timeout_seconds,
        terms.max_attempts,
    ]
    submit = context.services.submissions.submit_batch
    with refusing_other_input():
        submitted = await submit(new_id("batch"), name, new, terms.limits(context.viewer), terms.key(said))
    context.forget()
    row = await context.load(batches_by_id, submitted) if isinstance(submitted, str) else submitted
    if row is not None and terms.wait_seconds and not BatchStatus(row.status).ended:
        await wait_until_ended(context, row.id, seconds=terms.wait_seconds)
        context.forget()
        row = await context.load(batches_by_id, row.id)
    if row is None:
        raise deleted()
    return BatchPayload(row, refused[:_MAX_FAULTS])


def _batch_faults(name: str | None, items: Sequence[Item]) -> Iterable[UserError]:
    yield from check_name("name", name, ["name"])
    if not items:
        yield UserError(
            UserErrorCode.INVALID, f"`items` is empty: a batch must have from 1 to {MAX_ITEMS:,} items.", ["items"]
        )
    if len(items) > MAX_ITEMS:
        message = f"`items` has {len(items):,} items: a batch must have from 1 to {MAX_ITEMS:,}."
        yield UserError(UserErrorCode.TOO_LARGE, message, ["items"])
        return
    keys = [str(position) if item.key is None else item.key for position, item in enumerate(items)]
    twice = {key for key, count in Counter(keys).items() if count > 1}
    seen: set[str] = set()
    for position, (item, key) in enumerate(zip(items, keys, strict=True)):
        if item.key is None and MIN_PRIORITY <= item.priority <= MAX_PRIORITY and key not in twice:
            continue
        path = ["items", str(position)]
        yield from check_number("priority", item.priority, MIN_PRIORITY, MAX_PRIORITY, [*path, "priority"])
        yield from check_name("key", item.key, [*path, "key"])
        if key in twice and key in seen:
            message = f"The key {key!r} is given twice: keys must be unique within a batch."
            yield UserError(UserErrorCode.INVALID, message, [*path, "key"])
        seen.add(key)


def _plain(requested: Requested) -> list[Any]:
    return [requested.analyzer, requested.fields]
