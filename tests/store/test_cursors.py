"""Cursors: each belongs to one place in one history of the log, and any other log refuses it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from jobs.cleanup import Ages, clean_up
from settings import Settings
from store.cursors import (
    OtherHistory,
    checksum_of,
    cursor_at,
    cursor_of,
    end_of_log,
    find_place,
    identify,
    start_of_log,
)
from store.events import START, HistoryGone, NewEvent, Place, append, new_event, place_of
from store.sql.clock import EPOCH, utcnow
from store.sql.database import Database
from store.sql.history import renew_identity
from store.sql.migrate import migrate
from store.tables import AlertEventType, AnalysisEventType, EventRow
from tests.store.truth import whole_log
from tests.support import POSTGRESQL_URL, until

T = AnalysisEventType
NOW = utcnow()


def line(name: str, type_: AnalysisEventType = T.ANALYSIS_QUEUED, when: datetime = NOW) -> NewEvent:
    return new_event("default", type_, name, when, "{}")


async def write(database: Database, *lines: NewEvent) -> list[str]:
    """Append events, each in its own transaction. Return the cursors of the whole log once readers may see its end."""
    for each in lines:
        async with database.write() as connection:
            await append(connection, [each])
    log = await whole_log(database)

    async def visible() -> bool:
        return (await end(database))[0] == place_of(log[-1])

    await until(visible, what="the events to be visible")
    return [cursor_of(database, event) for event in log]


async def end(database: Database) -> tuple[Place, str]:
    async with database.read() as connection:
        return await end_of_log(connection, database)


async def start(database: Database) -> str:
    async with database.read() as connection:
        return await start_of_log(connection, database)


async def found(database: Database, cursor: str) -> Place | None:
    async with database.read() as connection:
        return await find_place(connection, database, cursor)


async def refused(database: Database, *cursors: str, error: type[HistoryGone] = OtherHistory) -> None:
    """Assert that each cursor is refused, with this error and with the start of the log."""
    assert cursors
    begins = await start(database)
    for cursor in cursors:
        with pytest.raises(HistoryGone) as refusal:
            await found(database, cursor)
        assert type(refusal.value) is error, cursor
        assert await found(database, begins) == refusal.value.start


async def trim(database: Database, before: datetime) -> None:
    """Delete the events from before this time."""
    deleted = await clean_up(database, Ages(events=utcnow() - before), every=timedelta(days=-1))
    assert deleted is not None
    assert deleted["events"]


@pytest.fixture
async def identified(database: Database) -> Database:
    await identify(database)
    return database


async def test_the_cursor_of_an_event_is_found_at_its_place(identified: Database) -> None:
    cursors = await write(identified, *(line(name) for name in "abc"))
    places = [place_of(event) for event in await whole_log(identified)]
    assert [await found(identified, cursor) for cursor in cursors] == places
    assert await end(identified) == (places[-1], cursors[-1])
    assert len(set(cursors)) == 3


async def test_the_cursor_at_a_time_is_that_before_the_first_event_from_then_on(identified: Database) -> None:
    begins = await start(identified)

    async def at(when: datetime) -> str:
        async with identified.read() as connection:
            return await cursor_at(connection, identified, when)

    assert await at(NOW) == begins
    times = [NOW + timedelta(minutes=minute) for minute in range(30)]
    # A transaction writes its event after a younger one, and an alert has the time of its outage.
    times[20] -= timedelta(seconds=65)
    lines = [line(f"{number}", when=when) for number, when in enumerate(times)]
    alert = new_event("*", AlertEventType.ALERT, "server:1", NOW - timedelta(days=1), "{}")
    cursors = await write(identified, *lines[:15], alert, *lines[15:])
    ordered = [*times[:15], NOW - timedelta(days=1), *times[15:]]
    for when in {moment + timedelta(seconds=off) for moment in times[::4] for off in (-1, 0, 1)}:
        first = next((number for number, time in enumerate(ordered) if time >= when), len(ordered))
        assert await at(when) == [begins, *cursors][first], when
    assert await at(datetime.min.replace(tzinfo=UTC)) == begins
    assert await at(datetime.max.replace(tzinfo=UTC)) == cursors[-1]


async def test_the_cursor_at_a_time_before_the_kept_history_is_its_start(identified: Database) -> None:
    old = NOW - timedelta(hours=5)
    cursors = await write(identified, line("a", when=old), line("b", when=old), line("c"))
    await trim(identified, NOW - timedelta(hours=2))
    assert await start(identified) == cursors[1]
    async with identified.read() as connection:
        assert await cursor_at(connection, identified, old) == cursors[1]
        assert await cursor_at(connection, identified, NOW) == cursors[1]
        assert await cursor_at(connection, identified, NOW + timedelta(seconds=1)) == cursors[2]


async def test_cursors_without_a_checksum_are_accepted(identified: Database) -> None:
    """A cursor of the previous form ends with the identity, and one of the form before with its position."""
    cursors = await write(identified, line("a"), line("b"))
    for cursor, event in zip(cursors, await whole_log(identified), strict=True):
        bare = cursor.rpartition("-")[0]
        for old in (bare, f"{bare}-{identified.identity:08x}"):
            assert await found(identified, old) == place_of(event)
    kind, xid, position = cursors[-1].split("-")[0][0], cursors[-1].split("-")[0][1:], cursors[-1].split("-")[1]
    later = f"{kind}{xid}-{int(position, 16) + 1:x}"
    await refused(identified, later, f"{later}-{identified.identity:08x}")
    assert await found(identified, f"{kind}0-0-{identified.identity:08x}") == START


async def test_a_cursor_of_another_history_is_refused(identified: Database) -> None:
    *_, cursor = await write(identified, line("a"), line("b"))
    place, _, ending = cursor.rpartition("-")
    for bit in range(32):
        await refused(identified, f"{place}-{int(ending, 16) ^ 1 << bit:08x}")
    other_kind = ("p" if identified.is_sqlite else "s") + place[1:]
    far = cursor[0] + "f" * 15 + "-" + "f" * 15
    await refused(identified, f"{other_kind}-{ending}", other_kind, far, f"{far}-{ending}", f"{far}-{0:08x}")


async def test_an_invalid_cursor_has_no_place(database: Database) -> None:
    endings = ("s1-1-", "s1-1-0123456", "s1-1-012345678", "s1-1-0123456G", "s1-1-01234567-", "s1-1-01234567\n")
    places = ("", "s", "s1", "s1-", "s-1", "s1-1 ", "s1-1\n", "x1-1", "sg-1", "S1-1", "s1-" + "f" * 16)
    for cursor in (*places, *endings):
        assert await found(database, cursor) is None, cursor


names = st.text("abcdefghjkm_0123456789", min_size=1)
events = st.tuples(st.sampled_from(list(T)), names, st.integers(0, 2**52))


@given(one=events, other=events)
def test_the_checksum_depends_on_type_subject_and_time(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    def checksum(event: tuple[str, str, int]) -> int:
        type_, subject, when = event
        at = EPOCH + timedelta(microseconds=when)
        return checksum_of(EventRow(type=type_, subject=subject, occurred_at=at, workspace="default", data="{}"))

    assert 0 <= checksum(one) < 2**32
    assert checksum(one) == checksum(one)
    for index in range(3):
        changed = [*one]
        changed[index] = other[index]
        assert (checksum((changed[0], changed[1], changed[2])) == checksum(one)) == (changed == [*one])  # type: ignore[arg-type]


async def test_an_empty_log_has_a_cursor(identified: Database) -> None:
    place, cursor = await end(identified)
    assert (place, await found(identified, cursor)) == (START, START)
    assert await start(identified) == cursor
    await write(identified, line("a"))
    assert await found(identified, cursor) == START
    async with identified.write() as connection:
        await renew_identity(connection)
    await identify(identified)
    await refused(identified, cursor)
    assert await found(identified, await start(identified)) == START


async def test_the_cursor_at_the_start_of_the_log_stays_valid(identified: Database) -> None:
    """Retention deletes the event of a cursor. The cursor is refused only once later events are deleted too."""
    now = utcnow()
    lines = [line(name, when=now - timedelta(hours=hours)) for name, hours in zip("abc", (5, 3, 1), strict=True)]
    first = await start(identified)
    cursors = await write(identified, *lines)
    places = [place_of(event) for event in await whole_log(identified)]
    await trim(identified, now - timedelta(hours=2))
    assert [event.subject for event in await whole_log(identified)] == ["c"]
    await refused(identified, first, cursors[0], error=HistoryGone)
    assert await start(identified) == cursors[1]
    assert [await found(identified, cursor) for cursor in cursors[1:]] == places[1:]
    await trim(identified, now)
    assert await whole_log(identified) == []
    assert await end(identified) == (places[2], cursors[2])
    await refused(identified, first, *cursors[:2], error=HistoryGone)
    assert await found(identified, cursors[2]) == places[2]
    # Another event may have been at that place in another history.
    bare, _, ending = cursors[2].rpartition("-")
    await refused(identified, f"{bare}-{int(ending, 16) ^ 1:08x}")
    async with identified.write() as connection:
        await renew_identity(connection)
    await identify(identified)
    await refused(identified, cursors[2])


async def test_the_start_of_a_log_that_an_older_program_trimmed(empty_database: Database) -> None:
    database = empty_database
    await migrate(database, "0007")
    old = "INSERT INTO cleanup (id, batches, analyses, events, log_xid, log_position) VALUES (1, 0, 0, 9, :xid, 9)"
    place = Place(0 if database.is_sqlite else 3, 9)
    async with database.write() as connection:
        await connection.execute(text(old), {"xid": place.xid})
    await migrate(database)
    await identify(database)
    begins = f"{'s' if database.is_sqlite else 'p'}{place.xid:x}-9-{database.identity:08x}"
    assert await end(database) == (place, begins)
    assert await found(database, begins) == place


Copy = Callable[[], Awaitable[Database]]


@pytest.fixture
async def copy(identified: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Copy]:
    """Copy the database, and open the copy."""
    copies: list[Database] = []
    name = f"{identified.url.database}_copy"

    async def make() -> Database:
        await identified.close()  # PostgreSQL copies a database without connections
        if identified.is_sqlite:
            await asyncio.to_thread(shutil.copyfile, tmp_path / "assay.db", tmp_path / "copy.db")
            url = f"sqlite:///{tmp_path / 'copy.db'}"
        else:
            await administer(f'CREATE DATABASE "{name}" TEMPLATE "{identified.url.database}"')
            url = f"{database_url}_copy"
        copies.append(Database(Settings(database_url=url).database))
        await identify(copies[0])
        return copies[0]

    yield make
    for each in copies:
        await each.close()
    if not identified.is_sqlite:
        await administer(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def administer(statement: str) -> None:
    connection = await asyncpg.connect(POSTGRESQL_URL)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_an_older_copy_refuses_the_cursors_of_lost_events(identified: Database, copy: Copy) -> None:
    """Also once the copy has more events than the lost log had, with the same subjects and types."""
    kept = await write(identified, *(line(name) for name in "abc"))
    older = await copy()
    lost = (await write(identified, *(line(name) for name in "def")))[3:]
    assert older.identity == identified.identity
    await refused(older, *lost)
    cursors = await write(older, *(line(name, when=NOW + timedelta(microseconds=1)) for name in "defgh"))
    await refused(older, *lost)
    assert cursors[:3] == kept
    places = [place_of(event) for event in await whole_log(older)]
    assert [await found(older, cursor) for cursor in cursors] == places
    await refused(identified, *cursors[3:])
