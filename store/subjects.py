"""The subjects: the kinds of objects that events are about, registered once for the whole store.

`node`, filters of events, waiting for an end, the clean-up and the list of event types follow from this registry and
from `resolvers.subjects`. docs/adding-a-subject.md shows a new subject.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.analyses import clean_up_analyses, count_old_analyses
from store.batches import clean_up_batches, count_old_batches
from store.bulk_actions import clean_up_bulk_actions, count_old_bulk_actions
from store.events import EventColumn, EventFilter, Reference
from store.retention import Cutoffs, Deleted, Round, count_old_events
from store.sql.ids import kind_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of object."""

    name: str
    """The name of its file in `schema`, `resolvers`, `store`, `store/tables` and `tests/api`."""
    table: Table
    event_types: type[StrEnum]
    references: frozenset[Reference] = frozenset()
    """The columns that its events fill besides `subject`."""
    events_by: EventColumn = "subject"
    """The column that finds its events. A reference finds the events of the objects that belong to it as well."""
    clean_up: Callable[[Round, datetime], Awaitable[None]]
    """Deletes all objects that ended before this time."""
    count_old: Callable[[AsyncConnection, datetime], Awaitable[Deleted]]
    """Return the numbers of rows that `clean_up` would delete."""


# By kind, the prefix of ids. A clean-up goes through them in this order: batches first, which leaves it fewer analyses.
SUBJECTS: Mapping[str, Subject] = {
    "batch": Subject(
        name="batches",
        table=tables.batch,
        event_types=tables.BatchEventType,
        references=frozenset({"batch_id"}),
        events_by="batch_id",
        clean_up=clean_up_batches,
        count_old=count_old_batches,
    ),
    "analysis": Subject(
        name="analyses",
        table=tables.analysis,
        event_types=tables.AnalysisEventType,
        references=frozenset({"batch_id"}),
        clean_up=clean_up_analyses,
        count_old=count_old_analyses,
    ),
    "bulk": Subject(
        name="bulk_actions",
        table=tables.bulk_action,
        event_types=tables.BulkActionEventType,
        clean_up=clean_up_bulk_actions,
        count_old=count_old_bulk_actions,
    ),
}

# Alerts and changes of the queue are about the installation, and not about an object with a row.
_event_types = [
    *(each for kind in sorted(SUBJECTS) for each in SUBJECTS[kind].event_types),
    *tables.AlertEventType,
    *tables.QueueEventType,
]
EventType = StrEnum("EventType", {each.name: each.value for each in _event_types})  # type: ignore[misc]
EventType.__doc__ = "All event types. Code that writes events uses the subject's own enum."


# The events about problems: failures, timeouts, retries by the server and alerts.
PROBLEMS: frozenset[str] = frozenset(
    {
        tables.AnalysisEventType.ANALYSIS_FAILED,
        tables.AnalysisEventType.ANALYSIS_TIMED_OUT,
        tables.AnalysisEventType.ANALYSIS_RETRYING,
        tables.BatchEventType.BATCH_TIMED_OUT,
        tables.AlertEventType.ALERT,
    }
)


def events_of(id_: str) -> EventFilter:
    """Return the filter for the events of an object, and of objects that belong to it. The id must be well-formed."""
    return EventFilter(ids={SUBJECTS[kind_of(id_) or ""].events_by: id_})


async def count_old(connection: AsyncConnection, cutoffs: Cutoffs) -> Deleted:
    """Return the numbers of rows that a clean-up would delete now, without idempotency keys. Reads whole tables."""
    found = Deleted()
    if cutoffs.ended_before is not None:
        for subject in SUBJECTS.values():
            found.update(await subject.count_old(connection, cutoffs.ended_before))
    if cutoffs.happened_before is not None:
        found["events"] = await count_old_events(connection, cutoffs.happened_before)
    return found
