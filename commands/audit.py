"""Audit entries of the changes that commands make."""

from __future__ import annotations

import os
from datetime import datetime
from getpass import getuser

from sqlalchemy.ext.asyncio import AsyncConnection

from store.access.audit import Actor, AuditEntry, write_audit
from store.tables import AuditAction, AuditActorKind


def actor() -> Actor:
    """Return the actor of this process: the name of its user of the operating system, or the number without a name."""
    try:
        name = getuser()
    except (OSError, KeyError):
        name = f"uid {os.getuid()}"
    return Actor(AuditActorKind.COMMAND_LINE, name)


async def write(
    connection: AsyncConnection,
    action: AuditAction,
    subject_id: str | None,
    now: datetime,
    *,
    workspace: str | None = None,
    **details: object,
) -> None:
    """Write the entry of a change, in the transaction of the change and after it. `workspace` is a workspace's key."""
    entry = AuditEntry(action=action, actor=actor(), workspace=workspace, subject_id=subject_id, details=details)
    await write_audit(connection, entry, now)
