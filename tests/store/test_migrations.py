"""The migrations create the columns, keys and indexes that the table classes declare."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

import store.tables
from store.sql.database import Database
from store.sql.migrate import is_current, migrate

TABLES = {"analysis", "batch", "event", "worker", "timing", "idempotency", "control", "cleanup", "identity"}
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
