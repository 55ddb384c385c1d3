"""What the migrations make of an empty database is what the tables' classes say, to the column and the index."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

import store.tables
from store.sql.database import Database
from store.sql.migrate import is_current, migrate

TABLES = {"analysis", "batch", "event", "worker", "timing", "idempotency", "control", "cleanup", "identity"}
# Tables that others make: alembic, SQLite and PgQueuer.
OTHERS = "alembic_|sqlite_|assay_pgqueuer"


def picture(connection: Connection) -> dict[str, Any]:
    """Every table's columns and keys, and every index as the database spells it."""
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
    # Parentheses and quotes are written alike by neither hand nor generator.
    indexes = {name: re.sub(r'[\s()"]+', " ", sql).strip() for name, sql in rows if not re.match(OTHERS, name)}
    return {"tables": tables, "indexes": indexes}


async def test_the_migrations_make_the_tables_that_the_classes_say(empty_database: Database) -> None:
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
