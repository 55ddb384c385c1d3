"""Operators' pauses and limits: a repeated setting changes nothing, one of many wins, only changes are announced."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from store.queue.controls import Controls, control_rows, pause, read_controls, resume, set_slots
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.scope import EVERYWHERE
from tests.store.truth import whole_log

NOW = utcnow()
FREE = Controls(paused=False, paused_analyzers=frozenset(), limits={}, slots=None)


async def read(database: Database) -> Controls:
    async with database.read() as connection:
        return await read_controls(connection)


async def test_a_new_database_has_no_pause_and_no_limit(database: Database) -> None:
    assert await read(database) == FREE


async def test_a_pause_keeps_its_first_time_until_it_is_resumed(database: Database) -> None:
    async with database.write() as connection:
        assert await pause(connection, None, NOW)
        assert not await pause(connection, None, NOW + timedelta(hours=1))
        assert await pause(connection, "text", NOW + timedelta(hours=2))
    assert await read(database) == Controls(True, frozenset({"text"}), {}, None)
    async with database.read() as connection:
        rows = [(row.analyzer, row.paused_at) for row in await control_rows(connection)]
    assert rows == [("", NOW), ("text", NOW + timedelta(hours=2))]
    async with database.write() as connection:
        assert await resume(connection, None, NOW)
        assert not await resume(connection, None, NOW)
        assert not await resume(connection, "never held", NOW)
    assert await read(database) == Controls(False, frozenset({"text"}), {}, None)


async def test_a_pause_keeps_its_first_reason_until_it_is_resumed(database: Database) -> None:
    async def reasons() -> list[tuple[str, str | None]]:
        async with database.read() as connection:
            return [(row.analyzer, row.pause_reason) for row in await control_rows(connection)]

    async with database.write() as connection:
        assert await pause(connection, "text", NOW, reason="A new model.")
        assert not await pause(connection, "text", NOW, reason="Another.")
        assert await pause(connection, None, NOW)
    assert await reasons() == [("", None), ("text", "A new model.")]
    async with database.write() as connection:
        assert await resume(connection, "text", NOW)
    assert await reasons() == [("", None), ("text", None)]


async def test_each_change_is_one_event_of_the_installation(database: Database) -> None:
    async with database.write() as connection:
        await pause(connection, None, NOW)
        await pause(connection, None, NOW)
        await set_slots(connection, "text", 2, NOW)
        await set_slots(connection, "text", 2, NOW)
        await resume(connection, None, NOW)
        await resume(connection, "text", NOW)
    log = [(event.workspace, event.type, event.subject, event.analyzer) for event in await whole_log(database)]
    assert log == [(EVERYWHERE, "QUEUE_CHANGED", subject, None) for subject in ("queue", "analyzer_text", "queue")]


async def test_limits_and_pauses_are_independent(database: Database) -> None:
    async with database.write() as connection:
        assert not await set_slots(connection, "text", None, NOW)
        assert await set_slots(connection, "text", 2, NOW)
        assert not await set_slots(connection, "text", 2, NOW)
        assert await pause(connection, "text", NOW)
        assert await set_slots(connection, None, 256, NOW)
        assert await set_slots(connection, "text", 1, NOW)
    assert await read(database) == Controls(False, frozenset({"text"}), {"text": 1}, 256)
    async with database.write() as connection:
        assert await set_slots(connection, "text", None, NOW)
        assert await set_slots(connection, None, None, NOW)
    assert await read(database) == Controls(False, frozenset({"text"}), {}, None)


async def test_only_committed_changes_are_announced(database: Database) -> None:
    heard: list[frozenset[str]] = []
    database.on_commit(heard.append)

    async def hold(*, fail: bool = False) -> None:
        async with database.write() as connection:
            await pause(connection, "text", NOW)
            if fail:
                raise LookupError

    await asyncio.gather(hold(fail=True), return_exceptions=True)
    assert (heard, await read(database)) == ([], FREE)
    await hold()
    await hold()
    assert heard == [frozenset({"controls", "events"})]


async def test_of_many_setters_at_once_each_is_atomic_and_one_pauses(database: Database) -> None:
    async def hold(number: int) -> tuple[bool, bool]:
        async with database.write() as connection:
            return await pause(connection, None, NOW), await set_slots(connection, None, number, NOW)

    answers = await asyncio.gather(*(hold(number) for number in range(1, 21)))
    assert sum(paused for paused, _ in answers) == 1
    assert all(changed for _, changed in answers)
    held = await read(database)
    assert held.paused
    assert held.slots in range(1, 21)
