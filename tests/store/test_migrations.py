"""The migrations: they create the tables that the classes declare, stay unchanged once landed, and keep all rows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import aclosing
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

import store.subjects  # fills SQLModel's metadata
import store.tables
from events.feed import Feed
from store.cursors import find_place, identify
from store.events import (
    START,
    EventFilter,
    Place,
    append,
    events_after,
    new_event,
    page_of_events,
    place_of,
)
from store.queue.fingerprints import fingerprint_of
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.migrate import is_current, migrate, move
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisEventType, BatchEventType, EventRow
from tests.resolvers.rows import NOW, Row, analysis, batch, event
from tests.store.access import rows as access
from tests.store.aged import add
from tests.store.truth import whole_log
from tests.support import ROOT, until

VERSIONS = ROOT / "store" / "migrations" / "versions"
# SHA-256 hashes of the landed migrations, which databases have already applied. A change of the tables is a new
# migration, added here when it lands.
FROZEN = {
    "0001_first_tables.py": "b611369e67d5769f0b75283367c64c6225fcbd879b872f617db8795b760a3646",
    "0002_permits.py": "65d47b7a2be498518a326cef4cfa20654ffca2ef66aab3b3a9c0129186ced0e7",
    "0003_fewer_index_entries.py": "865158b4eb0e38d40e15ee427cf5c9ecfd1671a13126acce2afff2cc8acdd20d",
    "0004_identity.py": "5720d2d6a14ea31efe9f467d0b59fb7617efcfb13ed72176951c389a9a41819a",
    "0005_analyzers_of_workers.py": "7dd093ecd28d7490443ca90ba41df66b7423447a660f0983366309fa8eb7cf51",
    "0006_subjects_of_events.py": "21793d3cfb8f8196e89b19c0db8bf31f2c012ec4c90c11cab0b71445c2f55f20",
    "0007_forms.py": "865aa7a09e0b4a4ae4fa2d6375131c05e781d25d574255c8fdd25c4b873ea1a6",
    "0008_checksum_of_start.py": "d7f2c76837b3d57ea64dcd3262c59792eae629e4622395c13d196ba4dc2f58ad",
    "0009_sizes.py": "a0901746e2db8072f056b583ae0d0023eb0de5e12662a94c49678aa87d607392",
    "0010_alerts.py": "9f6915b50c038f4003832383651c193559a2e03606810a514493de3e4fb99247",
    "0011_lists.py": "aefe11ea380f56f849933ac3fa544d2599f066aca824a8eb609450c2471f5d95",
    "0012_runs.py": "4d11c44fb2880a9ca3ca54c3439325d56400cab36b925a7c31eea673d499453f",
    "0013_analyzers_of_events.py": "c03266a21c6f4e7746d0475b0e1cb8f48eaad918f41479d5d1a306919a207cd6",
    "0014_history.py": "8a475f1a4962a7ac66f7aed766e47a8b499c38a66a9061e3af3f847c35921afa",
    "0015_bulk_actions.py": "10d79b79f1365620bd77dce4f82ed50123371955b3a28a72a559275ced4fbc93",
    "0016_tags_and_keys.py": "3eac3da14022452842cb000e4d709774c865aef915c45b158066f358c3deedaa",
}
TABLES = {
    *("analysis", "batch", "event", "worker", "timing", "idempotency", "control", "cleanup", "identity"),
    *("user", "workspace", "membership", "api_key", "signin", "refresh", "invitation", "access_change", "audit"),
    *("alert", "history", "keeper", "status_count", "bulk_action", "bulk_action_item", "analysis_tag"),
}
# Prefixes of the tables of alembic, SQLite and PgQueuer.
OTHERS = "alembic_|sqlite_|assay_pgqueuer"


def picture(connection: Connection) -> dict[str, Any]:
    """Return each table's columns and keys, and each index's definition as the database reports it."""
    found = inspect(connection)
    tables = {}
    for table in (name for name in found.get_table_names() if not re.match(OTHERS, name)):
        columns = {
            column["name"]: (
                column["type"].compile(connection.dialect),
                column["nullable"],
                column.get("autoincrement"),
            )
            for column in found.get_columns(table)
        }
        tables[table] = (columns, found.get_pk_constraint(table)["constrained_columns"])
    if connection.dialect.name == "sqlite":
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    else:
        rows = connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    # Migrations and table classes differ in parentheses and quotes.
    indexes = {name: re.sub(r'[\s()"]+', " ", sql).strip() for name, sql in rows if not re.match(OTHERS, name)}
    return {"tables": tables, "indexes": indexes}


async def test_the_migrations_create_the_declared_tables(empty_database: Database) -> None:
    assert store.tables.analysis.metadata is SQLModel.metadata
    async with empty_database.write() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        declared = await connection.run_sync(picture)
        await connection.run_sync(SQLModel.metadata.drop_all)
    await migrate(empty_database)
    async with empty_database.read() as connection:
        migrated = await connection.run_sync(picture)
    assert set(migrated["tables"]) == TABLES
    assert migrated["tables"] == declared["tables"]
    assert migrated["indexes"] == declared["indexes"]


async def test_migrating_twice_changes_nothing(empty_database: Database) -> None:
    assert not await is_current(empty_database)
    await migrate(empty_database)
    assert await is_current(empty_database)
    async with empty_database.read() as connection:
        before = await connection.run_sync(picture)
    await migrate(empty_database)
    async with empty_database.read() as connection:
        assert await connection.run_sync(picture) == before


def migrations() -> list[Path]:
    """Return the files of all migrations, oldest first."""
    return sorted(VERSIONS.glob("[0-9]*.py"))


def test_landed_migrations_are_frozen() -> None:
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in migrations()}
    assert {name: hashes.get(name) for name in FROZEN} == FROZEN
    *landed, newest = hashes
    assert set(landed) <= set(FROZEN), f"Every migration before {newest} has landed and must be in FROZEN."


def test_no_migration_reads_the_classes_of_the_tables() -> None:
    """The classes change, while a migration must always create the same tables."""
    texts = {path.name: path.read_text() for path in migrations()}
    assert texts
    assert [name for name, text in texts.items() if "store.tables" in text or "SQLModel" in text] == []


# Events of revision 0005: a single analysis, a batch of two items, and an analysis of another workspace.
BATCH = "batch_01jd0000000000000000000001"
ONE, TWO, ALONE, FOREIGN = (f"analysis_01jd000000000000000000000{number}" for number in range(1, 5))
OLD_EVENTS: list[tuple[str, str, str | None, str | None]] = [
    ("default", "ANALYSIS_QUEUED", ALONE, None),
    ("default", "ANALYSIS_QUEUED", ONE, BATCH),
    ("default", "ANALYSIS_QUEUED", TWO, BATCH),
    ("default", "ANALYSIS_STARTED", ONE, BATCH),
    ("default", "BATCH_STARTED", None, BATCH),
    ("other", "ANALYSIS_QUEUED", FOREIGN, None),
    ("default", "ANALYSIS_COMPLETED", ONE, BATCH),
    ("default", "BATCH_PROGRESS", None, BATCH),
    ("default", "ANALYSIS_COMPLETED", TWO, BATCH),
    ("default", "BATCH_COMPLETED", None, BATCH),
    ("default", "ANALYSIS_STARTED", ALONE, None),
]
INSERT = text(
    """
    INSERT INTO event (workspace, type, analysis_id, batch_id, occurred_at, data)
    VALUES (:workspace, :type, :analysis_id, :batch_id, :occurred_at, :data)
    """
)
OLD_COLUMNS = "xid, position, workspace, type, batch_id, occurred_at, data"


async def write_old(database: Database, events: Sequence[tuple[str, str, str | None, str | None]]) -> None:
    """Write events in the form of revision 0005, each in its own transaction, and delete the last."""
    for number, (workspace, type_, analysis_id, batch_id) in enumerate(events):
        async with database.write() as connection:
            values = {"workspace": workspace, "type": type_, "analysis_id": analysis_id, "batch_id": batch_id}
            await connection.execute(INSERT, values | {"occurred_at": number, "data": f'{{"number":{number}}}'})
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM event WHERE position = (SELECT max(position) FROM event)"))


async def rows(database: Database, columns: str) -> list[tuple[Any, ...]]:
    async with database.read() as connection:
        found = await connection.execute(text(f"SELECT {columns} FROM event ORDER BY xid, position"))
        return [tuple(row) for row in found]


async def test_a_log_of_revision_0005_gets_subjects(empty_database: Database) -> None:
    database = empty_database
    await migrate(database, "0005")
    await write_old(database, OLD_EVENTS)
    kept = OLD_EVENTS[:-1]
    before = await rows(database, OLD_COLUMNS)
    async with database.read() as connection:
        identity = (await connection.execute(text("SELECT id FROM identity"))).scalar_one()[:8]
    cursors = [f"{'s' if database.is_sqlite else 'p'}{row[0]:x}-{row[1]:x}-{identity}" for row in before]
    await migrate(database)
    await identify(database)

    # Every row is kept at its position, and has a subject.
    assert await rows(database, OLD_COLUMNS) == before
    assert [event.subject for event in await whole_log(database)] == [one or batch for _, _, one, batch in kept]
    assert await rows(database, "session_id, file_id, owner_id") == [(None, None, None)] * len(kept)
    async with database.read() as connection:
        found = [await find_place(connection, database, cursor) for cursor in cursors]
    assert found == [Place(row[0], row[1]) for row in before]

    async def page(after: Place = START, **ids: str) -> list[tuple[str, str]]:
        async with database.read() as connection:
            where = EventFilter(ids=ids)  # type: ignore[arg-type]
            return [(row.type, row.subject) for row in await page_of_events(connection, VIEWER, where, after, 100)]

    async def visible() -> bool:
        async with database.read() as connection:
            return len((await events_after(connection, START, 100))[0]) == len(kept)

    await until(visible, what="the events to be visible", seconds=60)
    own = [(type_, one or batch or "") for workspace, type_, one, batch in kept if workspace == "default"]
    assert await page() == own
    assert await page(subject=ONE) == [each for each in own if each[1] == ONE]
    assert await page(subject=BATCH) == [each for each in own if each[1] == BATCH]
    assert await page(batch_id=BATCH) == [each for each in own if each[1] in (ONE, TWO, BATCH)]
    middle = Place(before[4][0], before[4][1])
    assert await page(middle, batch_id=BATCH) == [each for each in own[5:] if each[1] in (ONE, TWO, BATCH)]

    # New events come after the old ones, also for a subscriber that begins among the old ones.
    feed = Feed(database)
    running = asyncio.create_task(feed.run())
    seen: list[EventRow] = []
    try:
        async with (
            asyncio.timeout(60),
            aclosing(feed.follow(VIEWER, EventFilter(ids={"batch_id": BATCH}), middle)) as pages,
        ):
            assert await anext(pages) == []
            started, queued, now = BatchEventType.BATCH_STARTED, AnalysisEventType.ANALYSIS_QUEUED, utcnow()
            new = [
                new_event("default", queued, TWO, now, "{}", batch_id=BATCH),
                new_event("default", queued, ALONE, now, "{}"),
                new_event("default", started, BATCH, now, "{}", batch_id=BATCH),
            ]
            async with database.write() as connection:
                await append(connection, new)
            while len(seen) < 5:
                seen += await anext(pages)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert [(row.type, row.subject) for row in seen] == [
        *(each for each in own[5:] if each[1] in (ONE, TWO, BATCH)),
        ("ANALYSIS_QUEUED", TWO),
        ("BATCH_STARTED", BATCH),
    ]
    places = [place_of(row) for row in await whole_log(database)]
    assert places == sorted(places)
    assert places[: len(before)] == [Place(row[0], row[1]) for row in before]
    # The position of the deleted event is not used again.
    assert [place.position for place in places[-3:]] == [len(OLD_EVENTS) + number for number in (1, 2, 3)]


OLD_ERRORS = [
    ("FAILED", "ANALYZER_FAILED", "No file /a/1.txt"),
    ("FAILED", "ANALYZER_FAILED", "No file '/b/2'"),
    ("FAILED", "INPUT_UNREADABLE", "`text` has 0 characters: it must have from 1 to 1,000,000."),
    ("TIMED_OUT", "TIMED_OUT", "The analysis reached its time limit."),
    ("FAILED", "WORKER_LOST", None),
    ("CANCELED", "CANCELED", "The analysis was canceled."),
    ("COMPLETED", None, None),
    ("QUEUED", None, None),
]


async def test_analyses_of_revision_0010_get_fingerprints_and_numbers(empty_database: Database) -> None:
    database = empty_database
    await migrate(database, "0010")
    insert = text(
        """
        INSERT INTO analysis (id, workspace, position, analyzer, status, priority, turn, options, progress, attempt,
          max_attempts, timeout_seconds, created_at, updated_at, error_code, error_message)
        VALUES (:id, :workspace, 0, 'text', :status, 5, 0, '{}', 0, 1, 1, 1, 0, 0, :code, :message)
        """
    )
    async with database.write() as connection:
        for number, (status, code, message) in enumerate(OLD_ERRORS):
            for workspace in ("default", "other") if number == 0 else ("default",):
                given = {"id": f"{number}{workspace}", "workspace": workspace, "status": status}
                await connection.execute(insert, given | {"code": code, "message": message})
    await migrate(database)
    async with database.read() as connection:
        found = await connection.execute(text("SELECT id, error_fingerprint FROM analysis ORDER BY id"))
        fingerprints = {row.id: row.error_fingerprint for row in found}
        kept = await connection.execute(text("SELECT workspace, status, writer, total FROM status_count"))
        numbers = sorted(tuple(row) for row in kept)
    expected = [None if code is None else fingerprint_of(code, message or "") for status, code, message in OLD_ERRORS]
    assert [fingerprints[f"{number}default"] for number in range(len(OLD_ERRORS))] == expected
    assert expected[0] == expected[1] == fingerprints["0other"]
    assert len({each for each in expected if each is not None}) == 4
    assert numbers == [
        ("default", "CANCELED", 0, 1),
        ("default", "COMPLETED", 0, 1),
        ("default", "FAILED", 0, 4),
        ("default", "QUEUED", 0, 1),
        ("default", "TIMED_OUT", 0, 1),
        ("other", "FAILED", 0, 1),
    ]


async def test_data_of_revision_0016_survives_access_there_and_back(empty_database: Database) -> None:
    database = empty_database
    await migrate(database, "0016")
    names = ("analysis", "batch", "event", "idempotency")
    key = {"workspace": "other", "key": "k", "input_hash": "h", "subject_id": "s", "created_at": NOW}
    await add(
        database,
        *(analysis(workspace=workspace) for workspace in ("default", "other", "default")),
        batch(workspace="other"),
        event(subject="s"),
        Row(store.tables.idempotency, key),
    )

    async def state() -> tuple[dict[str, Any], list[Sequence[Any]]]:
        async with database.read() as connection:
            found = [(await connection.execute(text(f"SELECT * FROM {name} ORDER BY 1, 2"))).all() for name in names]
            return await connection.run_sync(picture), found

    async def first_workspaces() -> list[tuple[Any, ...]]:
        async with database.read() as connection:
            users = (await connection.execute(text('SELECT count(*) FROM "user"'))).scalar_one()
            found = await connection.execute(text("SELECT key, slug, name, deleted_at FROM workspace"))
            return [(users, *row) for row in found]

    before = await state()
    await migrate(database)
    assert await first_workspaces() == [(0, "default", "default", "Default", None)]
    assert (await state())[1] == before[1]
    await add(database, access.user("ada"), access.workspace("other"), access.audit(at=utcnow()))
    async with database.write() as connection:
        await move(connection, "0016")
    assert await state() == before
    await migrate(database)
    assert await is_current(database)
    assert await first_workspaces() == [(0, "default", "default", "Default", None)]
    assert (await state())[1] == before[1]


OLD_RESULTS = [
    ("COMPLETED", '{"score": 0.5, "tags": ["b", "a, b", "b", "é"], "summary": "s"}'),
    ("COMPLETED", '{"score": 0.5, "summary": "s"}'),
    ("COMPLETED", '{"tags": ["a", 5, null, "\\u0000"]}'),
    ("COMPLETED", '{"tags": {"a": "b"}}'),
    ("COMPLETED", "[1]"),
    ("COMPLETED", "no JSON"),
    ("COMPLETED", None),
    ("FAILED", None),
]


async def test_results_of_revision_0015_get_their_tags(empty_database: Database) -> None:
    database = empty_database
    await migrate(database, "0015")
    insert = text(
        """
        INSERT INTO analysis (id, workspace, position, analyzer, status, priority, turn, options, progress, attempt,
          max_attempts, timeout_seconds, created_at, updated_at, result)
        VALUES (:id, :workspace, 0, 'text', :status, 5, 0, '{}', 0, 1, 1, 1, 0, 0, :result)
        """
    )
    rows = [
        {"id": f"{number}{workspace}", "workspace": workspace, "status": status, "result": result}
        for number, (status, result) in enumerate(OLD_RESULTS * 100)
        for workspace in ("default", "other")
    ]
    async with database.write() as connection:
        await connection.execute(insert, rows)
    await migrate(database)
    async with database.read() as connection:
        found = await connection.execute(text("SELECT workspace, tag, analysis_id FROM analysis_tag"))
        tags = sorted(tuple(row) for row in found)
    first, third = range(0, 800, 8), range(2, 800, 8)
    of_one = [(tag, number) for number in first for tag in ("b", "a, b", "é")] + [("a", number) for number in third]
    assert tags == sorted((each, tag, f"{number}{each}") for tag, number in of_one for each in ("default", "other"))
