"""The clean-up deletes rows of access that are too old, and no others."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from jobs.cleanup import Ages, clean_up
from store import tables
from store.access.changes import KEPT, changes_after, last_change
from store.access.cleanup import AUDIT_AGE
from store.retention import Deleted
from store.sql.clock import utcnow
from store.sql.database import Database
from tests.store.access import rows
from tests.store.access.calls import read
from tests.store.aged import add

COUNTED = (tables.signin, tables.refresh, tables.invitation, tables.access_change, tables.audit)
KEPT_COLUMNS = (tables.user.c.name, tables.api_key.c.hash)


async def test_only_rows_past_their_age_are_deleted(database: Database) -> None:
    now, hour = utcnow(), timedelta(hours=1)
    await add(
        database,
        *(rows.signin("user_1", expires_at=now + later) for later in (-hour, -hour, hour)),
        *(rows.refresh(f"{later}", expires_at=now + later) for later in (-2 * hour, -hour, hour)),
        *(rows.invitation(f"{later}", expires_at=now + later) for later in (-hour, hour)),
        *(rows.access_change(occurred_at=now - KEPT + later) for later in (-hour, -hour, hour)),
        *(rows.audit(at=now - AUDIT_AGE + later) for later in (-hour, hour, hour)),
        rows.user("old", is_active=False, created_at=now - 9 * AUDIT_AGE),
        rows.api_key("old", expires_at=now - 9 * AUDIT_AGE),
    )
    deleted = await clean_up(database, Ages())
    assert deleted == Deleted(sign_ins=2 + 2, invitations=1, access_changes=2, audit_entries=1)
    async with database.read() as connection:
        counts = [(await connection.execute(select(func.count()).select_from(table))).scalar_one() for table in COUNTED]
        kept = [(await connection.execute(select(column))).scalars().all() for column in KEPT_COLUMNS]
    assert counts == [1, 1, 1, 1, 2]
    assert kept == [["old"], ["old"]]
    assert await clean_up(database, Ages(), every=timedelta(0)) == Deleted()


async def test_numbers_of_deleted_changes_are_not_used_again(database: Database) -> None:
    old = utcnow() - 2 * KEPT
    await add(database, *(rows.access_change(occurred_at=old) for _ in range(3)))
    assert await read(database, last_change) == 3
    assert await clean_up(database, Ages()) == Deleted(access_changes=3)
    assert await read(database, last_change) == 0
    await add(database, rows.access_change())
    assert [row.number for row in await read(database, changes_after, 3)] == [4]
