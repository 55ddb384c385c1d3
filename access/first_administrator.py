"""The first administrator of an unattended installation."""

from __future__ import annotations

from access.passwords import Passwords, require_usable
from store.access.audit import Actor, AuditEntry, write_audit
from store.access.lock import lock_access
from store.access.users import NewUser, any_user, create_user, set_password
from store.sql.clock import utcnow
from store.sql.database import Database
from store.tables import AuditAction, AuditActorKind

NAME = "admin"


async def create_first_administrator(database: Database, password: str) -> bool:
    """Create the administrator `admin` if the database has no user, active or not. Returns whether it did.

    Of concurrent calls, one creates the user. Raises UnusablePassword.
    """
    require_usable(password)
    async with database.read() as connection:  # before the work of a hash
        if await any_user(connection):
            return False
    passwords = Passwords()
    try:
        encoded = await passwords.encode(password)
    finally:
        passwords.close()
    now = utcnow()
    async with database.write() as connection:
        await lock_access(connection)
        if await any_user(connection):
            return False
        row = await create_user(connection, NewUser(name=NAME, is_administrator=True), now)
        await set_password(connection, row.id, encoded, now)
        entry = AuditEntry(
            action=AuditAction.USER_CREATED,
            actor=Actor(AuditActorKind.SYSTEM, "ASSAY_ADMIN_PASSWORD_FILE"),
            subject_id=row.id,
            details={"name": row.name, "is_administrator": True},
        )
        await write_audit(connection, entry, now)
    return True
