"""Writing the event log, in the transaction that makes it true. How it is read is in `store.events`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.bulk import Bulk
from store.columns import microseconds
from store.database import announce
from store.script import EACH, Row, Script, run
from store.tables import EventType


class NewEvent(NamedTuple):
    """A row for `append`. `data` is JSON: the subject's state as it was."""

    workspace: str
    type: str
    analysis_id: str | None
    batch_id: str | None
    occurred_at: int
    data: str


_INSERT = Bulk.insert(tables.event, NewEvent._fields)
_INSERT_ALIKE = f"""
    INSERT INTO event (workspace, type, batch_id, occurred_at, data, analysis_id)
    SELECT CAST(? AS text), CAST(? AS text), CAST(? AS text), CAST(? AS bigint), CAST(? AS text), value FROM {EACH}
    """  # noqa: S608 - of constants


def new_event(
    workspace: str,
    type_: EventType,
    occurred_at: datetime,
    data: str,
    *,
    analysis_id: str | None = None,
    batch_id: str | None = None,
) -> NewEvent:
    """A row for `append`."""
    return NewEvent(workspace, type_.value, analysis_id, batch_id, microseconds(occurred_at), data)


async def append(connection: AsyncConnection, events: Sequence[Row]) -> None:
    """Write events (`NewEvent`, or plain tuples like it) in this order, in the transaction that makes them true."""
    if events:
        await run(connection, lambda script: note(script, events))
        announce(connection, "events")


def note(script: Script, events: Sequence[Row]) -> None:
    """`append`, in a script. The caller announces "events"."""
    if events:
        _INSERT.run(script, events)


def note_alike(
    script: Script, ids: Sequence[str], workspace: str, type_: str, batch_id: str | None, occurred_at: int, data: str
) -> None:
    """`note` for analyses of which all is the same but their ids: one statement, which knows of the rest once."""
    script.do(_INSERT_ALIKE, workspace, type_, batch_id, occurred_at, data, script.keys(ids))
