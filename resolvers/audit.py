"""The audit log: its entries as clients see them, and the entries of the changes that resolvers make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from execution.errors import ClientError, ErrorCode
from resolvers.context import Context
from resolvers.paging import Connection, read_page_of
from resolvers.user_errors import Refused, UserError, UserErrorCode, check_name, require_id, require_none
from store.access.audit import Actor, AuditEntry, AuditFilter, audit_after, audit_by_id, page_of_audit, write_audit
from store.access.workspaces import workspaces_by_key
from store.sql.clock import utcnow, write_instant
from store.sql.database import Database
from store.sql.ids import kind_of
from store.sql.paging import PageArguments
from store.sql.viewer import Viewer
from store.tables import AuditAction, AuditActorKind, AuditRow

MAX_ACTIONS = 100
"""Most actions of a filter."""

SLICE = 1_000
"""Entries that an export reads at once."""


def is_api_key(viewer: Viewer) -> bool:
    """Return whether the viewer's credential is an API key."""
    return kind_of(viewer.credential_id or "") == "apikey"


def actor_of(viewer: Viewer) -> Actor:
    """Return the viewer as the actor of an entry. On an open server, callers have no credential."""
    if viewer.user_id is None:
        return Actor(AuditActorKind.ANONYMOUS, viewer.name)
    if is_api_key(viewer):
        return Actor(AuditActorKind.API_KEY, viewer.name, viewer.credential_id)
    return Actor(AuditActorKind.USER, viewer.name, viewer.user_id)


async def write(
    context: Context,
    connection: AsyncConnection,
    action: AuditAction,
    subject_id: str | None,
    now: datetime,
    *,
    workspace: str | None = None,
    **details: object,
) -> None:
    """Write the entry of a change by the viewer, in the transaction of the change and after it."""
    entry = AuditEntry(
        action=action,
        actor=actor_of(context.viewer),
        workspace=workspace,
        subject_id=subject_id,
        address=context.client.address,
        user_agent=context.client.user_agent,
        request_id=context.request_id,
        details=details,
    )
    await write_audit(connection, entry, now)


def audited_workspace(viewer: Viewer) -> str | None:
    """Return the key of the workspace whose entries an ADMIN may see; None for administrators, who see all."""
    return None if viewer.is_administrator else viewer.workspace


async def audit_log(context: Context, where: AuditFilter, page: PageArguments) -> Connection[AuditRow]:
    """Return a page of entries, newest first. Raise ClientError for invalid conditions."""
    actions = where.actions or frozenset()
    if len(actions) > MAX_ACTIONS:
        message = f"`action` has {len(actions):,} actions: it may have at most {MAX_ACTIONS}."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="filter.action")
    if unknown := sorted(actions - set(AuditAction)):
        message = f"{unknown[0][:50]!r} is not an action: docs/audit.md lists all actions."
        raise ClientError(ErrorCode.BAD_USER_INPUT, message, argument="filter.action")
    require_none(check_name("actorId", where.actor_id, ["filter", "actorId"]))
    require_none(check_name("subjectId", where.subject_id, ["filter", "subjectId"]))
    workspace = audited_workspace(context.viewer)
    return await read_page_of(
        context.services.database, lambda connection: page_of_audit(connection, workspace, where, page)
    )


def details_of(row: AuditRow) -> Any:
    """Return the details of an entry."""
    return orjson.loads(row.details)


async def export(context: Context, after: str | None) -> AsyncIterator[list[dict[str, Any]]]:
    """Return slices of the entries that the viewer may see, oldest first, after the entry with this id.

    Writes an entry about the export first. Raises Refused for an id that is not in the viewer's log.
    """
    database, workspace = context.services.database, audited_workspace(context.viewer)
    if after is not None:
        require_id("audit", after, "after")
        async with database.read() as connection:
            if after not in await audit_by_id(connection, workspace, [after]):
                message = "There is no audit entry with this id, or it is deleted: leave out `after`."
                raise Refused(UserError(UserErrorCode.INVALID, message, ["after"]))
    async with database.write() as connection:
        details = {"after": after}
        action = AuditAction.AUDIT_EXPORTED
        await write(context, connection, action, None, utcnow(), workspace=workspace, **details)
    return _slices(database, workspace, after)


async def _slices(database: Database, workspace: str | None, after: str | None) -> AsyncIterator[list[dict[str, Any]]]:
    while True:
        async with database.read() as connection:
            rows = await audit_after(connection, workspace, after, SLICE)
            keys = list({row.workspace for row in rows if row.workspace is not None})
            ids = {key: place.id for key, place in (await workspaces_by_key(connection, keys)).items()}
        if rows:
            yield [_line(row, ids) for row in rows]
            after = rows[-1].id
        if len(rows) < SLICE:
            return


def _line(row: AuditRow, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry with the names of the schema. A deleted workspace keeps its id."""
    return {
        "id": row.id,
        "at": write_instant(row.at),
        "action": row.action,
        "outcome": row.outcome,
        "actorKind": row.actor_kind,
        "actorId": row.actor_id,
        "actorName": row.actor_name,
        "workspaceId": None if row.workspace is None else ids.get(row.workspace, row.workspace),
        "subjectId": row.subject_id,
        "address": row.address,
        "userAgent": row.user_agent,
        "requestId": row.request_id,
        "details": details_of(row),
    }
