"""The audit log: write, list, export, delete old entries. Triggers of the database refuse other changes.

`workspace` is the key of a workspace. An entry is written in the transaction of the action that it records, last: it
takes the lock of `store.access.lock`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import tables
from store.access.lock import lock_access
from store.access.texts import storable, storable_or_none
from store.sql.ids import new_id
from store.sql.paging import Listing, Page, PageArguments, fetch_page, rows_of
from store.tables import AuditAction, AuditActorKind, AuditOutcome, AuditRow

MAX_DETAILS = 2_048
"""Bytes of an entry's details, as JSON."""
LEAST_DAYS = 30
"""Days for which the database keeps every entry: the least that a setting may keep."""

_audit = tables.audit
_LISTING = Listing("audit", (_audit.c.number,), descending=True)


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of an action. An actor without a credential has no id."""

    kind: AuditActorKind
    name: str
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry to write. `details` has no password, token or input."""

    action: AuditAction
    actor: Actor
    outcome: AuditOutcome = AuditOutcome.DONE
    workspace: str | None = None
    subject_id: str | None = None
    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Conditions for entries. An entry must match all given conditions; `after` and `before` are exclusive."""

    actions: frozenset[str] | None = None
    actor_id: str | None = None
    subject_id: str | None = None
    outcome: AuditOutcome | None = None
    after: datetime | None = None
    before: datetime | None = None


class UnknownEntry(LookupError):
    """There is no entry with this id, or it is deleted."""


async def write_audit(connection: AsyncConnection, entry: AuditEntry, now: datetime) -> AuditRow:
    """Write an entry in this transaction. Raises ValueError for details of more than MAX_DETAILS bytes.

    Names and texts of clients are cut to `store.access.texts.MAX_TEXT` characters.
    """
    details = orjson.dumps(entry.details)
    if len(details) > MAX_DETAILS:
        raise ValueError(f"The details of {entry.action} have {len(details):,} bytes: at most {MAX_DETAILS:,} fit")
    row = AuditRow(
        id=new_id("audit"),
        at=now,
        workspace=entry.workspace,
        action=entry.action.value,
        outcome=entry.outcome.value,
        actor_kind=entry.actor.kind.value,
        actor_id=entry.actor.id,
        actor_name=storable(entry.actor.name),
        subject_id=entry.subject_id,
        address=storable_or_none(entry.address),
        user_agent=storable_or_none(entry.user_agent),
        request_id=storable_or_none(entry.request_id),
        details=details.decode(),
    )
    await lock_access(connection)
    written = insert(_audit).values(row.model_dump(exclude={"number"})).returning(_audit.c.number)
    row.number = (await connection.execute(written)).scalar_one()
    return row


async def page_of_audit(
    connection: AsyncConnection, workspace: str | None, where: AuditFilter, page: PageArguments
) -> Page[AuditRow]:
    """Return a page of a workspace's entries, or of all for None, newest first. Raises PageError."""
    statement = _of(workspace).where(*_conditions(where))
    return await fetch_page(connection, statement, _LISTING, page, AuditRow)


async def audit_by_id(connection: AsyncConnection, workspace: str | None, ids: Sequence[str]) -> dict[str, AuditRow]:
    """Return the entries of a workspace, or of all for None, among these, by id."""
    rows = rows_of(await connection.execute(_of(workspace).where(_audit.c.id.in_(ids))), AuditRow)
    return {row.id: row for row in rows}


async def audit_after(
    connection: AsyncConnection, workspace: str | None, id_: str | None, limit: int
) -> list[AuditRow]:
    """Return a slice of a workspace's entries, or of all for None, oldest first, at most `limit`.

    The slice begins after the entry with this id, or at the start of the log for None. Slices miss no entry: entries
    are in the order of commits. Raises UnknownEntry.
    """
    statement = _of(workspace).order_by(_audit.c.number).limit(limit)
    if id_ is not None:
        number = (await connection.execute(select(_audit.c.number).where(_audit.c.id == id_))).scalar()
        if number is None:
            raise UnknownEntry(id_)
        statement = statement.where(_audit.c.number > number)
    return rows_of(await connection.execute(statement), AuditRow)


async def trim_audit(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """Delete entries from before this time, at most `limit`; returns their number.

    The database refuses the deletion of entries younger than LEAST_DAYS with an IntegrityError.
    """
    old = select(_audit.c.number).where(_audit.c.at < before).order_by(_audit.c.at).limit(limit)
    return (await connection.execute(delete(_audit).where(_audit.c.number.in_(old)))).rowcount


def _of(workspace: str | None) -> Select[Any]:
    statement = select(_audit)
    return statement if workspace is None else statement.where(_audit.c.workspace == workspace)


def _conditions(where: AuditFilter) -> list[ColumnElement[bool]]:
    entry = _audit.c
    conditions: list[ColumnElement[bool]] = []
    if where.actions is not None:
        conditions.append(entry.action.in_(sorted(where.actions)))
    if where.actor_id is not None:
        conditions.append(entry.actor_id == where.actor_id)
    if where.subject_id is not None:
        conditions.append(entry.subject_id == where.subject_id)
    if where.outcome is not None:
        conditions.append(entry.outcome == where.outcome.value)
    if where.after is not None:
        conditions.append(entry.at > where.after)
    if where.before is not None:
        conditions.append(entry.at < where.before)
    return conditions
