"""The clean-up of access: expired refresh tokens, sessions and invitations, old changes and old audit entries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from store.access.audit import trim_audit
from store.access.changes import trim_changes
from store.access.invitations import trim_invitations
from store.access.sessions import trim_sessions
from store.retention import Round

AUDIT_AGE = timedelta(days=365)
"""Age at which audit entries are deleted."""

Trim = Callable[[AsyncConnection, datetime, int], Awaitable[int]]


async def _trim_audit(connection: AsyncConnection, now: datetime, limit: int) -> int:
    return await trim_audit(connection, now - AUDIT_AGE, limit)


# By the names of the figures. Each deletes at most `limit` rows and returns their number.
TRIMS: Mapping[str, Trim] = {
    "sign_ins": trim_sessions,
    "invitations": trim_invitations,
    "access_changes": trim_changes,
    "audit_entries": _trim_audit,
}


async def clean_up_access(round_: Round, now: datetime) -> None:
    """Delete all rows of access that are too old."""
    for name, trim in TRIMS.items():

        async def delete(connection: AsyncConnection, trim: Trim = trim) -> int:
            return await trim(connection, now, round_.rows)

        while (count := await round_.slice(delete)) > 0:
            round_.deleted[name] += count
