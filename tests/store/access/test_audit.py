"""The audit log: append-only on both databases, complete for a reader of slices, filtered by workspace."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from store import tables
from store.access.audit import (
    LEAST_DAYS,
    MAX_DETAILS,
    Actor,
    AuditEntry,
    AuditFilter,
    UnknownEntry,
    audit_after,
    audit_by_id,
    page_of_audit,
    trim_audit,
    write_audit,
)
from store.access.texts import MAX_TEXT
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.paging import PageArguments
from store.tables import AuditAction, AuditActorKind, AuditOutcome, AuditRow
from tests.resolvers.rows import NOW
from tests.store.access import rows
from tests.store.access.calls import read, write
from tests.store.aged import add

ADA = Actor(AuditActorKind.USER, "ada", "user_1")
ALL = PageArguments(first=1_000)


def entry(subject_id: str | None = None, **values: Any) -> AuditEntry:
    fixed: dict[str, Any] = {"action": AuditAction.APIKEY_REVOKED, "actor": ADA}
    return AuditEntry(subject_id=subject_id, **(fixed | values))


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.count()).select_from(tables.audit))).scalar_one())


def test_each_action_is_a_noun_and_a_past_participle() -> None:
    assert len(AuditAction) > 20
    assert [
        each for each in AuditAction if not re.fullmatch(r"[a-z_]+\.([a-z_]+ed|signed_(in|out|up)|set)", each)
    ] == []


async def test_an_entry_is_stored_as_given(database: Database) -> None:
    given = entry(
        "apikey_1",
        outcome=AuditOutcome.REFUSED,
        workspace="default",
        address="::1",
        user_agent="agent",
        request_id="request",
        details={"name": "é", "count": 2},
    )
    written = await write(database, write_audit, given, NOW)
    ((id_, row),) = (await read(database, audit_by_id, None, [written.id])).items()
    assert id_ == row.id
    assert id_.startswith("audit_")
    assert (row.number, row.at, row.workspace) == (written.number, NOW, "default")
    assert (row.action, row.outcome, row.details) == ("apikey.revoked", "REFUSED", '{"name":"é","count":2}')
    assert (row.actor_kind, row.actor_id, row.actor_name, row.subject_id) == ("USER", "user_1", "ada", "apikey_1")
    assert (row.address, row.user_agent, row.request_id) == ("::1", "agent", "request")


async def test_texts_of_clients_are_made_storable(database: Database) -> None:
    actor = Actor(AuditActorKind.ANONYMOUS, "\0\ud800" + "x" * MAX_TEXT)
    written = await write(database, write_audit, entry(actor=actor, user_agent="\0", request_id="\udfff"), NOW)
    (row,) = (await read(database, audit_by_id, None, [written.id])).values()
    assert (row.actor_name, row.actor_id) == ("\ufffd?" + "x" * (MAX_TEXT - 2), None)
    assert (row.user_agent, row.request_id, row.address) == ("\ufffd", "?", None)


@pytest.mark.parametrize(("size", "fits"), [(MAX_DETAILS - 1, True), (MAX_DETAILS, True), (MAX_DETAILS + 1, False)])
async def test_details_have_at_most_2_kb(database: Database, size: int, fits: bool) -> None:
    details = {"a": "é" * ((size - 8) // 2) + "x" * (size % 2)}
    call = write(database, write_audit, entry(details=details), NOW)
    if fits:
        assert len((await call).details.encode()) == size
    else:
        with pytest.raises(ValueError, match=r"The details of apikey\.revoked have 2,049 bytes: at most 2,048 fit"):
            await call
    assert await count(database) == int(fits)


async def test_an_entry_is_written_with_its_transaction_or_not_at_all(database: Database) -> None:
    with suppress(ZeroDivisionError):
        async with database.write() as connection:
            await write_audit(connection, entry(), NOW)
            raise ZeroDivisionError
    assert await count(database) == 0


async def test_pages_are_of_one_workspace_or_all_newest_first(database: Database) -> None:
    written: list[AuditRow] = [
        await write(database, write_audit, entry(str(number), workspace=workspace), NOW)
        for number, workspace in enumerate(("default", "other", None, "default"))
    ]

    async def subjects(workspace: str | None, page: PageArguments = ALL) -> list[str | None]:
        return [row.subject_id for row in (await read(database, page_of_audit, workspace, AuditFilter(), page)).rows]

    assert await subjects(None) == ["3", "2", "1", "0"]
    assert await subjects("default") == ["3", "0"]
    assert await subjects("third") == []
    first = await read(database, page_of_audit, "default", AuditFilter(), PageArguments(first=1))
    assert first.has_next
    assert await subjects("default", PageArguments(first=1, after=first.cursor(first.rows[0]))) == ["0"]
    ids = [row.id for row in written]
    assert set(await read(database, audit_by_id, "default", ids)) == {ids[0], ids[3]}
    assert set(await read(database, audit_by_id, None, ids)) == set(ids)


async def test_a_filter_matches_entries_that_meet_all_conditions(database: Database) -> None:
    hour = timedelta(hours=1)
    bob = Actor(AuditActorKind.API_KEY, "bob", "apikey_1")
    entries = [
        (entry("a"), NOW),
        (entry("b", actor=bob), NOW + hour),
        (entry("a", action=AuditAction.USER_SIGNED_IN, outcome=AuditOutcome.REFUSED), NOW + 2 * hour),
    ]
    for each, at in entries:
        await write(database, write_audit, each, at)

    async def matching(**conditions: Any) -> list[int]:
        page = await read(database, page_of_audit, None, AuditFilter(**conditions), ALL)
        return [round((row.at - NOW) / hour) for row in page.rows]

    assert await matching() == [2, 1, 0]
    assert await matching(actions=frozenset({"user.signed_in", "user.created"})) == [2]
    assert await matching(actions=frozenset()) == []
    assert await matching(actor_id="user_1") == [2, 0]
    assert await matching(actor_id="apikey_1") == [1]
    assert await matching(subject_id="a") == [2, 0]
    assert await matching(outcome=AuditOutcome.REFUSED) == [2]
    assert await matching(after=NOW, before=NOW + 2 * hour) == [1]
    assert await matching(subject_id="a", outcome=AuditOutcome.DONE) == [0]


async def test_slices_hold_every_entry_once(database: Database) -> None:
    for number in range(7):
        await write(database, write_audit, entry(str(number), workspace="other" if number == 3 else "default"), NOW)
    found: list[str | None] = []
    last: str | None = None
    while rows := await read(database, audit_after, "default", last, 2):
        found += [row.subject_id for row in rows]
        last = rows[-1].id
    assert found == ["0", "1", "2", "4", "5", "6"]
    assert [row.subject_id for row in await read(database, audit_after, None, None, 100)] == list("0123456")
    with pytest.raises(UnknownEntry):
        await read(database, audit_after, None, "audit_other", 100)


async def test_slices_of_a_growing_log_miss_nothing(database: Database) -> None:
    writers, each = 6, 8
    found: list[str | None] = []

    async def record(writer: int) -> None:
        for number in range(each):
            await write(database, write_audit, entry(f"{writer}.{number}"), NOW)

    async def follow() -> None:
        last: str | None = None
        while len(found) < writers * each:
            for row in await read(database, audit_after, None, last, 5):
                found.append(row.subject_id)
                last = row.id

    async with asyncio.timeout(120):
        await asyncio.gather(follow(), *(record(writer) for writer in range(writers)))
    assert sorted(map(str, found)) == sorted(
        f"{writer}.{number}" for writer in range(writers) for number in range(each)
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET details = '{}'",
        "UPDATE audit SET at = 0",
        "UPDATE audit SET number = 9",
        "DELETE FROM audit",
        "INSERT INTO audit SELECT * FROM audit WHERE true ON CONFLICT (number) DO UPDATE SET details = ''",
    ],
)
async def test_the_log_is_append_only(database: Database, statement: str) -> None:
    just_now = utcnow() - timedelta(days=LEAST_DAYS) + timedelta(hours=1)
    await add(database, rows.audit(at=NOW - timedelta(days=900)), rows.audit(at=just_now))
    before = await read(database, audit_after, None, None, 100)
    with pytest.raises(IntegrityError, match="audit entries"):
        async with database.write() as connection:
            await connection.execute(text(statement))
    assert await read(database, audit_after, None, None, 100) == before
    assert len(before) == 2


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_log_is_not_truncated(database: Database) -> None:
    await add(database, rows.audit())
    with pytest.raises(IntegrityError, match="audit entries"):
        async with database.write() as connection:
            await connection.execute(text("TRUNCATE audit"))
    assert await count(database) == 1


async def test_old_entries_are_deleted_up_to_a_time(database: Database) -> None:
    now, day = utcnow(), timedelta(days=1)
    await add(database, *(rows.audit(at=now - age * day, subject_id=str(age)) for age in (400, 31, 366, 200, 29, 1)))
    assert [await write(database, trim_audit, now - 100 * day, 2) for _ in range(3)] == [2, 1, 0]
    left = await read(database, audit_after, None, None, 100)
    assert [row.subject_id for row in left] == ["31", "29", "1"]
    with pytest.raises(IntegrityError, match="audit entries"):
        await write(database, trim_audit, now, 100)
    assert await count(database) == 3
    assert await write(database, trim_audit, now - 30.5 * day, 100) == 1
