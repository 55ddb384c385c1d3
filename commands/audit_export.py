"""`audit export`: the audit log as JSON lines or CSV, in slices."""

from __future__ import annotations

import os
import sys

import orjson

from commands.audit import write
from commands.operations import Refused, run
from commands.terminal import end
from commands.workspaces import require_workspace
from resolvers.exports import csv_row
from settings import OperatorSettings
from store.access.audit import UnknownEntry, audit_after
from store.sql.clock import utcnow, write_instant
from store.sql.database import Database
from store.tables import AuditAction, AuditRow

SLICE = 1_000
"""Entries of one read."""

COLUMNS = (
    *("id", "at", "action", "outcome", "actorKind", "actorId", "actorName", "workspace", "subjectId"),
    *("address", "userAgent", "requestId", "details"),
)


def export(settings: OperatorSettings, *, form: str, after: str | None, workspace: str | None) -> None:
    """Write the entries of a workspace, or all, after the one with this id, to standard output."""
    try:
        run(_export, settings, is_csv=form == "csv", after=after, workspace=workspace)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # the reader of the pipe has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        end("Interrupted.", 130)


async def _export(
    database: Database, _settings: OperatorSettings, *, is_csv: bool, after: str | None, workspace: str | None
) -> None:
    async with database.write() as connection:
        key = None if workspace is None else (await require_workspace(connection, workspace)).key
        try:
            rows = await audit_after(connection, key, after, SLICE)
        except UnknownEntry:
            raise Refused(f"There is no audit entry {after}: it must be an id of this log.") from None
        details = {"format": "csv" if is_csv else "jsonl", "after": after}
        await write(connection, AuditAction.AUDIT_EXPORTED, None, utcnow(), workspace=key, **details)
    if is_csv:
        sys.stdout.buffer.write(csv_row(COLUMNS))
    while rows:
        for row in rows:
            sys.stdout.buffer.write(_csv_line(row) if is_csv else _json_line(row))
        async with database.read() as connection:
            rows = await audit_after(connection, key, rows[-1].id, SLICE)


def _values(row: AuditRow) -> tuple[str | None, ...]:
    """Return the values of COLUMNS except the details."""
    return (
        *(row.id, write_instant(row.at), row.action, row.outcome, row.actor_kind, row.actor_id, row.actor_name),
        *(row.workspace, row.subject_id, row.address, row.user_agent, row.request_id),
    )


def _csv_line(row: AuditRow) -> bytes:
    return csv_row((*_values(row), row.details))


def _json_line(row: AuditRow) -> bytes:
    values = dict(zip(COLUMNS[:-1], _values(row), strict=True))
    line: bytes = orjson.dumps({**values, "details": orjson.Fragment(row.details)}, option=orjson.OPT_APPEND_NEWLINE)
    return line
