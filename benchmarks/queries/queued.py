"""The rows of new analyses, as Assay stores them: for the Python servers that are compared with it."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from store.sql.clock import utcnow
from store.sql.columns import microseconds
from store.sql.ids import new_id, new_ids

WORKSPACE = "default"
_OPTIONS = '{"operations":["STATISTICS","LANGUAGE","SENTIMENT","KEYWORDS"],"language":null,"format":"AUTO"}'
_STATE = orjson.dumps({"status": "QUEUED", "attempt": 0, "fraction": 0.0, "step": None, "error": None}).decode()


class Analysis(NamedTuple):
    """A row of `analysis`. The omitted columns have their defaults."""

    id: str
    batch_id: str | None
    position: int
    key: str | None
    input_text: str
    input_bytes: int
    created_at: int
    updated_at: int
    workspace: str = WORKSPACE
    analyzer: str = "text"
    status: str = "QUEUED"
    priority: int = 5
    turn: int = 0
    options: str = _OPTIONS
    options_bytes: int = len(_OPTIONS)
    input_form: int = 1
    result_form: int = 0
    progress: float = 0.0
    attempt: int = 0
    max_attempts: int = 3
    timeout_seconds: int = 300


class Event(NamedTuple):
    """A row of `event`."""

    subject: str
    batch_id: str | None
    occurred_at: int
    workspace: str = WORKSPACE
    type: str = "ANALYSIS_QUEUED"
    analyzer: str = "text"
    data: str = _STATE


class Batch(NamedTuple):
    """A row of `batch`. The omitted columns have their defaults."""

    id: str
    total_items: int
    queued: int
    deadline_at: int
    created_at: int
    updated_at: int
    workspace: str = WORKSPACE
    status: str = "QUEUED"
    running: int = 0
    processed: int = 0
    failed: int = 0
    canceled: int = 0
    timed_out: int = 0
    timeout_seconds: int = 300
    thinned: bool = False
    recent_ends: str = "[]"
    idle_time: int = 0


def analyses_of(texts: list[str], batch_id: str | None = None) -> tuple[list[Analysis], list[Event]]:
    """Return the rows of these texts, and of their events."""
    now = microseconds(utcnow())
    ids = new_ids("analysis", len(texts))
    rows = [
        Analysis(id_, batch_id, position, batch_id and str(position), text, len(text.encode()), now, now)
        for position, (id_, text) in enumerate(zip(ids, texts, strict=True))
    ]
    return rows, [Event(id_, batch_id, now) for id_ in ids]


def batch_of(count: int) -> Batch:
    """Return the row of a batch with this number of queued analyses."""
    now = microseconds(utcnow())
    return Batch(new_id("batch"), count, count, now + 300_000_000, now, now)
