"""Backups: every row returns unchanged on either database, in the order of the log, or nothing changes."""

from __future__ import annotations

import gzip
import io
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from hashlib import sha256
from typing import Any

import orjson
import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    Integer,
    SmallInteger,
    Text,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from settings import Settings
from store import tables
from store.backup import LEFT_OUT, Backup, BackupBroken, NotRestored, back_up, require_unused, restore
from store.cursors import OtherHistory, cursor_of, find_place, identify
from store.events import (
    START,
    HistoryGone,
    Place,
    append,
    events_after,
    log_start,
    place_of,
    require_history,
)
from store.queue.timings import Timings
from store.sql.columns import Instant
from store.sql.database import Database
from store.sql.migrate import is_current, migrate
from tests.resolvers.rows import NOW, Row, ago, analysis, batch, bulk_action, event, timing, worker
from tests.store.access import rows as access
from tests.store.aged import add
from tests.store.test_event_log import line
from tests.store.test_migrations import OLD_EVENTS, write_old
from tests.store.truth import whole_log

Way = tuple[Database, Database]

# Texts that are easy to change on the way: of every plane, with every control character but NUL, in several forms.
HARD = [
    "".join(map(chr, range(1, 0x80))),
    'é e\u0301 \u00a0\u2028\u2029\ufeff\uffff 漢字 🎉 \U0010ffff "\\" \r\n \\u0000 \\N',
    "",
    "  spaces at both ends  ",
    '{"a": [1.0, 1e400, 12345678901234567890, "\\ud83c\\udf89"], "a": null}',
    "x" * 1_500_000,
]


@pytest.fixture
async def databases(way: tuple[str, str]) -> AsyncIterator[Way]:
    """The source, with all migrations, and the empty target."""
    async with AsyncExitStack() as stack:
        opened = []
        for url in way:
            database = Database(Settings(database_url=url).database)
            stack.push_async_callback(database.close)
            opened.append(database)
        await migrate(opened[0])
        yield opened[0], opened[1]


async def backup_of(database: Database) -> bytes:
    file = io.BytesIO()
    await back_up(database, file, lambda _: None, lambda _: None)
    return file.getvalue()


async def put(database: Database, file: bytes) -> None:
    async with database.write() as connection:
        await restore(connection, Backup(io.BytesIO(file)), lambda _: None)


def rows_of(file: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a backup by their tables. The log keeps its order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table, columns, rows in Backup(io.BytesIO(file)).parts():
        found[table] += [dict(zip(columns, row, strict=True)) for row in rows]
    for table in found.keys() - {"event"}:
        found[table].sort(key=lambda row: str(row))
    return dict(found)


def packed(*lines: object) -> bytes:
    """Return a file of these lines, with the hash of the lines as the last."""
    text = b"".join(orjson.dumps(line) + b"\n" for line in lines)
    return gzip.compress(text + orjson.dumps({"sha256": sha256(text).hexdigest()}) + b"\n")


def unpacked(file: bytes) -> list[Any]:
    """Return the lines of a backup but the last."""
    return [orjson.loads(line) for line in gzip.decompress(file).splitlines()[:-1]]


async def test_every_declared_table_is_in_a_backup_or_left_out_with_a_reason(database: Database) -> None:
    declared = SQLModel.metadata.tables
    assert LEFT_OUT.keys() <= declared.keys()
    assert all(LEFT_OUT.values())
    head = unpacked(await backup_of(database))[0]
    assert head["rows"].keys() == declared.keys() - LEFT_OUT.keys()


def test_every_column_has_a_type_that_json_keeps() -> None:
    """A backup has no form for other types, for example bytes."""
    kept = (AutoString, BigInteger, Boolean, Float, Instant, Integer, SmallInteger, Text)
    others = [
        str(column)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if not isinstance(column.type, kept)
    ]
    assert SQLModel.metadata.tables
    assert others == []


async def filled(database: Database) -> None:
    """Write rows with hard values into every table."""
    biggest, smallest = 2**31 - 1, -(2**31)
    rows: list[Row] = [
        analysis(input_text=hard, input_data=hard, options=hard, result=hard, error_message=hard, progress_step=hard)
        for hard in HARD
    ]
    rows += [
        analysis(position=biggest, turn=smallest, progress=0.1 + 0.2, processing_time_ms=5e-324, error_retryable=True),
        analysis(processing_time_ms=1.7976931348623157e308, error_retryable=False, input_form=1, result_form=1),
        analysis("COMPLETED", created_at=ago(0.000001), finished_at=NOW, key="k", error_code="", not_before=ago(9)),
        batch(name=HARD[1], thinned=True, recent_ends="[1.5]"),
        batch("RUNNING", thinned=False, open_until=NOW, retry_before=NOW, retry_turn=biggest),
        bulk_action("DELETE", done=biggest, lease="l", renewed_at=NOW),
        bulk_action("CANCEL", reached="r", finished_at=NOW),
        Row(tables.bulk_action_item, {"action_id": "b", "analysis_id": "a"}),
        *(Row(tables.analysis_tag, {"workspace": "default", "tag": hard, "analysis_id": "a"}) for hard in HARD[:-1]),
        Row(tables.control, {"analyzer": "", "paused_at": NOW, "slots": None}),
        Row(tables.control, {"analyzer": "text", "paused_at": None, "slots": 256}),
        Row(
            tables.idempotency,
            {"workspace": "default", "key": "🎉", "input_hash": "h", "subject_id": "s", "created_at": NOW},
        ),
        timing(1, Timings()),
        worker(),
        Row(tables.alert, {"component": "database", "health": "DEGRADED", "occurred_at": NOW}),
        Row(tables.keeper, {"id": 1, "holder": "h", "renewed_at": NOW}),
        Row(tables.history, {"seconds": 5, "step": 2**40, "writer": "server:1", "data": "{}"}),
        *(access.user(f"{number}", display_name=hard, email=hard) for number, hard in enumerate(HARD[:4])),
        access.user("all", is_administrator=True, is_active=False, issuer="i", subject="s", password="p"),
        access.workspace("other", name=HARD[1], deleted_at=NOW),
        access.membership("user_1"),
        access.api_key("h", expires_at=NOW, last_used_at=NOW, revoked_at=NOW),
        access.signin("user_1"),
        access.refresh("h"),
        access.invitation("user_1"),
        access.access_change(),
        access.audit(workspace="default", actor_id="a", subject_id="s", details=HARD[4]),
        access.audit(address=HARD[1], user_agent=HARD[1], request_id=HARD[1], number=2**40),
        *(event(subject=f"s{number}", data=hard, owner_id=hard[:9]) for number, hard in enumerate(HARD)),
        event(subject="all", batch_id="b", session_id="s", file_id="f", owner_id="o"),
    ]
    rows.append(Row(tables.cleanup, {"id": 1, "lease": "l", "lease_expires_at": NOW, "log_xid": 0, "log_position": 0}))
    rows[-1].values.update(started_at=NOW, finished_at=NOW, batches=2**40, analyses=2**62, events=3)
    await add(database, *rows)


async def test_every_value_returns_unchanged(databases: Way) -> None:
    source, target = databases
    await filled(source)
    async with source.write() as connection:
        await connection.execute(update(tables.timing).where(tables.timing.c.minute == 0).values(data="the totals"))
    file = await backup_of(source)
    await put(target, file)
    before, after = rows_of(file), rows_of(await backup_of(target))
    assert {name: len(rows) for name, rows in before.items()} == {
        "alert": 1,
        "analysis": 9,
        "api_key": 1,
        "audit": 2,
        "analysis_tag": len(HARD) - 1,
        "batch": 2,
        "bulk_action": 2,
        "bulk_action_item": 1,
        "cleanup": 1,
        "control": 2,
        "event": 7,
        "history": 1,
        "idempotency": 1,
        "invitation": 1,
        "membership": 1,
        "timing": 2,
        "user": 5,
        "workspace": 2,
    }
    (cleanup,) = before["cleanup"]
    assert (cleanup.pop("lease"), cleanup.pop("lease_expires_at") is None) == ("l", False)
    assert {(row.pop("lease"), row.pop("lease_expires_at")) for row in after["cleanup"]} == {(None, None)}
    assert {(row.pop("lease"), row.pop("renewed_at")) for row in after["bulk_action"]} == {("", None)}
    assert {(row.pop("lease"), row.pop("renewed_at") is None) for row in before["bulk_action"]} == {
        ("l", False),
        ("", True),
    }
    assert after == before
    # As programs read it, not only as backups do.
    for table in SQLModel.metadata.tables.values():
        if table.name in {*LEFT_OUT, "bulk_action", "event", "cleanup"}:
            continue
        found = []
        for one in databases:
            async with one.read() as connection:
                found.append(sorted(map(repr, (await connection.execute(select(table))).all())))
        assert found[0] == found[1]
    async with target.read() as connection:
        for table in (tables.access_change, tables.keeper, tables.refresh, tables.signin, tables.worker):
            assert (await connection.execute(select(table))).all() == []
    await add(target, access.audit(id="new"))
    async with target.read() as connection:
        newest = select(tables.audit.c.number).where(tables.audit.c.id == "new")
        assert (await connection.execute(newest)).scalar_one() == 2**40 + 1


async def test_the_log_keeps_its_order_and_continues_under_a_new_identity(databases: Way) -> None:
    source, target = databases
    async with source.write() as first:
        await append(first, [line("begun first")])
        if source.is_sqlite:
            await append(first, [line("committed first"), line("written last")])
        else:  # its position is higher than that of the other transaction, and its place is lower
            async with source.write() as second:
                await append(second, [line("committed first")])
            await append(first, [line("written last")])
    order = [row.subject for row in await whole_log(source)]
    if not source.is_sqlite:
        assert order == ["begun first", "written last", "committed first"]
    await identify(source)
    cursors = [cursor_of(source, event) for event in await whole_log(source)]
    await put(target, await backup_of(source))
    async with target.write() as connection:
        await append(connection, [line("new")])
    log = await whole_log(target)
    assert [row.subject for row in log] == [*order, "new"]
    assert [place_of(row) for row in log[:3]] == [Place(0, 1), Place(0, 2), Place(0, 3)]
    assert [row.position for row in log] == [1, 2, 3, 4]
    assert place_of(log[3]) > Place(0, 3)
    await identify(target)
    assert target.identity != source.identity
    async with target.read() as connection:
        for cursor in cursors:
            with pytest.raises(HistoryGone):
                await find_place(connection, target, cursor)
        # The same places on the same kind of database are still of another history.
        for event in log[:3]:
            assert await find_place(connection, target, cursor_of(target, event)) == place_of(event)
            with pytest.raises(OtherHistory):
                await find_place(connection, target, cursor_of(source, event))
        assert (await connection.execute(select(func.count()).select_from(tables.identity))).scalar_one() == 1


@pytest.mark.parametrize("kept", [2, 0])
async def test_the_log_still_begins_after_its_deleted_events(databases: Way, kept: int) -> None:
    source, target = databases
    async with source.write() as connection:
        await append(connection, [line(str(number)) for number in range(5)])
    gone = place_of((await whole_log(source))[4 - kept])
    async with source.write() as connection:
        await connection.execute(tables.event.delete().where(tables.event.c.position <= gone.position))
        values = {"id": 1, "log_xid": gone.xid, "log_position": gone.position}
        await connection.execute(insert(tables.cleanup).values(batches=0, analyses=0, events=0, **values))
    await put(target, await backup_of(source))
    async with target.write() as connection:
        await append(connection, [line("new")])
    start = Place(0, gone.position)
    async with target.read() as connection:
        assert await log_start(connection) == start
        with pytest.raises(HistoryGone):
            await require_history(connection, START)
    log = await whole_log(target)
    assert [row.subject for row in log] == [*"01234"[5 - kept :], "new"]
    assert [row.position for row in log] == [gone.position + 1 + number for number in range(kept + 1)]
    assert all(place_of(row) > start for row in log)


async def test_a_snapshot_sees_one_moment_and_delays_nobody(database: Database) -> None:
    async def count(connection: Any) -> int:
        return int((await connection.execute(select(func.count()).select_from(tables.event))).scalar_one())

    async with database.snapshot() as snapshot:
        assert await count(snapshot) == 0
        async with database.write() as connection:
            await append(connection, [line("new")])
        async with database.read() as connection:
            assert await count(connection) == 1
            events, held_back = await events_after(connection, START, 10)
        # PostgreSQL's readers wait for no reading transaction, however long.
        assert ([row.subject for row in events], held_back) == (["new"], False)
        assert await count(snapshot) == 0
        if not database.is_sqlite:
            limit = text("SHOW idle_in_transaction_session_timeout")
            assert (await snapshot.execute(limit)).scalar_one() == "0"
    async with database.read() as connection:
        assert await count(connection) == 1
        if not database.is_sqlite:
            assert (await connection.execute(limit)).scalar_one() == "10s"
            await connection.execute(text("CREATE TEMPORARY TABLE t (x int)"))  # it may write again


async def test_a_backup_of_earlier_tables_is_migrated(way: tuple[str, str]) -> None:
    """The target has the present tables if it is of the same kind, and otherwise none."""
    source, target = (Database(Settings(database_url=url).database) for url in way)
    try:
        await migrate(source, "0005")
        await write_old(source, OLD_EVENTS)
        file = await backup_of(source)
        assert unpacked(file)[0]["revision"] == "0005"
        if source.is_sqlite == target.is_sqlite:
            await migrate(target)
        await put(target, file)
        assert await is_current(target)
        log = await whole_log(target)
        assert [row.subject for row in log] == [one or batch for _, _, one, batch in OLD_EVENTS[:-1]]
    finally:
        await source.close()
        await target.close()


async def test_a_database_with_work_is_refused(database: Database) -> None:
    key = {"workspace": "default", "key": "k", "input_hash": "h", "subject_id": "s", "created_at": NOW}
    work = {
        "analysis": analysis(),
        "api_key": access.api_key("h"),
        "audit": access.audit(),
        "analysis_tag": Row(tables.analysis_tag, {"workspace": "default", "tag": "t", "analysis_id": "a"}),
        "batch": batch(),
        "bulk_action": bulk_action(),
        "bulk_action_item": Row(tables.bulk_action_item, {"action_id": "b", "analysis_id": "a"}),
        "control": Row(tables.control, {"analyzer": ""}),
        "event": event(subject="s"),
        "idempotency": Row(tables.idempotency, key),
        "invitation": access.invitation("user_1"),
        "membership": access.membership("user_1"),
        "user": access.user("one"),
        "workspace": access.workspace("other"),
    }
    assert work.keys() == SQLModel.metadata.tables.keys() - {*LEFT_OUT, "alert", "cleanup", "history", "timing"}
    file = await backup_of(database)
    await add(database, event(subject="database", type="ALERT", workspace="*"))
    for table, row in work.items():
        await add(database, row)
        before = await backup_of(database)
        with pytest.raises(NotRestored, match=f"its table {table} has rows"):
            await put(database, file)
        assert unpacked(await backup_of(database))[1:] == unpacked(before)[1:]
        async with database.write() as connection:
            await connection.execute(row.table.delete())
    await add(database, event(subject="database", type="ALERT", workspace="*"))
    await put(database, file)
    assert await whole_log(database) == []


async def test_a_database_of_a_newer_program_is_refused(database: Database) -> None:
    file = await backup_of(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9998'"))
    with pytest.raises(NotRestored, match="has tables of a newer program"):
        await put(database, file)


@pytest.mark.needs("postgresql")
async def test_a_database_in_use_is_refused_on_postgresql(postgresql_url: str) -> None:
    one, other = (Database(Settings(database_url=postgresql_url).database) for _ in range(2))
    try:
        await migrate(one)
        with pytest.raises(NotRestored, match="is in use"):
            await require_unused(other)
        await one.close()
        await require_unused(other)
    finally:
        await one.close()
        await other.close()


async def small_backup(database: Database) -> bytes:
    await add(database, analysis(input_text="é"), event(subject="s"), batch())
    return await backup_of(database)


@pytest.fixture
async def sqlite(tmp_path: Any) -> AsyncIterator[Database]:
    one = Database(f"sqlite+aiosqlite:///{tmp_path / 'source.db'}")
    await migrate(one)
    yield one
    await one.close()


async def test_a_cut_or_changed_file_is_refused(sqlite: Database) -> None:
    """Every cut is noticed, and every changed byte that changes data.

    A few don't: gzip's header has parts without a meaning, and another copy of a text may stand at a changed distance.
    """
    file = await small_backup(sqlite)
    whole = rows_of(file)
    assert len(file) > 500
    for size in range(len(file)):
        with pytest.raises(BackupBroken):
            rows_of(file[:size])
    harmless = 0
    for place in range(len(file)):
        changed = bytearray(file)
        changed[place] ^= 0x10
        with suppress(BackupBroken):
            assert rows_of(bytes(changed)) == whole
            harmless += 1
    assert harmless < len(file) / 10


async def test_a_wrong_file_is_refused_with_the_reason(sqlite: Database) -> None:
    file = await small_backup(sqlite)
    head, *rest = unpacked(file)
    at = next(number for number, line in enumerate(rest) if isinstance(line, list))
    other = "is not a backup of Assay"
    newer = "was written by a newer program: restore it with that program or a later one"
    counts = "is damaged: its hash or its number of rows is wrong"
    form = "is damaged: a line has another form"
    wrong = {
        b"": other,
        b"a text": other,
        gzip.compress(b"a text"): other,
        gzip.compress(b'{"form": "other"}\n'): other,
        gzip.compress(b"[]\n"): other,
        packed({**head, "version": 2}, *rest): newer,
        packed({**head, "revision": "9998"}, *rest): newer,
        packed({**head, "rows": 1}, *rest): form,
        packed({"form": head["form"]}, *rest): form,
        packed(head): counts,
        packed(head, *rest[:at], *rest[at + 1 :]): counts,
        packed(head, *rest[:at], rest[at], *rest[at:]): counts,
        packed(head, rest[at], *rest): form,
        packed(head, 5, *rest): form,
        packed(head, {"table": "event"}, *rest): form,
        packed(head, *rest[:at], {"table": "worker", "columns": ["id"]}, *rest[at:]): form,
        file[:-9]: "is cut off: its end is missing",
        file + b"more": "is damaged: a part can't be read",
        file + gzip.compress(b"[]\n"): counts,
    }
    for given, reason in wrong.items():
        with pytest.raises(BackupBroken) as refusal:
            rows_of(given)
        assert str(refusal.value) == reason


def test_a_large_file_of_another_program_is_not_read_whole() -> None:
    source = io.BytesIO(gzip.compress(bytes(100_000_000), 1))
    with pytest.raises(BackupBroken, match="is not a backup of Assay"):
        Backup(source)
    assert source.tell() < len(source.getvalue()) / 2


@pytest.mark.needs("postgresql")
async def test_a_value_of_another_type_is_refused_on_postgresql(sqlite: Database, postgresql_url: str) -> None:
    """SQLite keeps any value in any column."""
    head, *rest = unpacked(await small_backup(sqlite))
    at = next(number for number, line in enumerate(rest) if isinstance(line, list))
    database = Database(Settings(database_url=postgresql_url).database)
    try:
        for wrong in ({"a": 1}, 1e300, "x"):
            columns = rest[at - 1]["columns"]
            name = "id" if isinstance(wrong, dict) else "created_at"
            row = [wrong if column == name else value for column, value in zip(columns, rest[at], strict=True)]
            with pytest.raises(BackupBroken, match="a value has another type than its column"):
                await put(database, packed(head, *rest[:at], row, *rest[at + 1 :]))
    finally:
        await database.close()


async def test_a_refused_file_leaves_nothing_behind(sqlite: Database, empty_database: Database) -> None:
    file = await small_backup(sqlite)
    lines = unpacked(file)
    at = next(number for number, line in enumerate(lines) if isinstance(line, list))
    columns = ["id; DROP TABLE analysis", *lines[at - 1]["columns"][1:]]
    unknown = packed(*lines[: at - 1], {**lines[at - 1], "columns": columns}, *lines[at:])
    for given, reason in {file[:-9]: "is cut off", unknown: "its tables are not those of its revision"}.items():
        with pytest.raises(BackupBroken, match=reason):
            await put(empty_database, given)
        async with empty_database.read() as connection:
            assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await put(empty_database, file)
    assert rows_of(await backup_of(empty_database)) == rows_of(file)
