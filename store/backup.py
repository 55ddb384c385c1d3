"""Backups: the rows of a database in one neutral form, and back into an empty database, SQLite or PostgreSQL.

A backup is compressed (gzip) JSON Lines. The first line has the form's version, the revision of the tables, the time
and the number of rows of each table. Then comes each table: a line with its name and columns, and a line with the
values of each row, as they are stored: instants as microseconds since 1970, JSON as text. The last line has the
SHA-256 hash of all lines before it, so that a cut or changed file is refused.

Events are in the order of the log and numbered in it, with `xid` 0, after the start of the log: their places are the
same on both databases. A restored log is a new log with an identity of its own, so that it refuses the cursors of the
old one.
"""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from hashlib import sha256
from itertools import count
from typing import Any, BinaryIO

import orjson
from sqlalchemy import Column, Connection, MetaData, Table, delete, func, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

import store.subjects  # noqa: F401  # fills SQLModel's metadata
from store import tables
from store.events import last_event, log_start, place_columns, place_of
from store.queue.status_counts import count_again
from store.sql.clock import utcnow, write_instant
from store.sql.database import Database
from store.sql.history import renew_identity
from store.sql.migrate import known, move, revision_of
from store.sql.script import Row, run
from store.sql.viewer import DEFAULT_WORKSPACE

FORM, VERSION = "assay-backup", 1
# The tables without a part in a backup, with the reason. The tables of alembic and PgQueuer are not declared.
LEFT_OUT = {
    "access_change": "a restored database has no running servers with cached permissions",
    "identity": "a restored log is a new log",
    "keeper": "the lease of a server's keeper ends with the server",
    "refresh": "a refresh token that was used after the backup would be valid again",
    "signin": "its refresh tokens are left out: users sign in again",
    "status_count": "the numbers of analyses are counted again",
    "worker": "workers register at their start, and a restored database has none",
}
# Tables that get rows in a database without any work, from the first migration or from a server's first minutes.
_WITHOUT_WORK = {"alert", "cleanup", "history", "timing"}
# Rows of one read. A row has an input and a result, each of up to some megabytes.
_READ_ROWS = 50
# Rows and bytes of one write, at most one row more.
_WRITE_ROWS, _WRITE_BYTES = 500, 1 << 20
# Less work than gzip's own default of 9, for a somewhat larger file.
_COMPRESSION = 3
# Most bytes of the first line, so that other programs' compressed files are refused before they fill the memory.
_HEAD_BYTES = 1 << 16

# The time that PostgreSQL may take to forget the connections of a program that has ended.
_CLOSING_SECONDS = 2.0
_OTHERS = text(
    """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '' AND (
        starts_with(application_name, 'assay') OR starts_with(application_name, current_setting('application_name'))
    )
    """
)

_CUT = "is cut off: its end is missing"
_UNREADABLE = "is damaged: a part can't be read"
_OTHER = "is damaged: a line has another form"
_TYPE = "is damaged: a value has another type than its column"

Progress = Callable[[int], None]
"""Called with the number of rows that are done."""


class BackupBroken(Exception):
    """A file is not a whole backup that this program can read. The message has the reason, without the file's name."""


class NotRestored(Exception):
    """A database can't take a backup. The message has the reason, without the database's name."""


async def back_up(database: Database, target: BinaryIO, begin: Progress, wrote: Progress) -> dict[str, int]:
    """Write a backup of the state at this moment; returns the number of rows of each table.

    Servers and workers continue meanwhile. `begin` is called once, with the number of all rows.
    """
    digest = sha256()
    with gzip.GzipFile("", fileobj=target, mode="wb", compresslevel=_COMPRESSION, mtime=0) as lines:

        def write(value: object) -> None:
            line = orjson.dumps(value) + b"\n"
            digest.update(line)
            lines.write(line)

        async with database.snapshot() as connection:
            found = await connection.run_sync(_tables)
            counts = {}
            for table in found:
                number = await connection.execute(select(func.count()).select_from(table))
                counts[str(table.name)] = int(number.scalar_one())
            revision, at = await connection.run_sync(revision_of), write_instant(utcnow())
            write({"form": FORM, "version": VERSION, "revision": revision, "at": at, "rows": counts})
            begin(sum(counts.values()))
            done = 0
            for table in found:
                write({"table": table.name, "columns": table.columns.keys()})
                async for rows in _rows(connection, table):
                    for row in rows:
                        write(row)
                    done += len(rows)
                    wrote(done)
            write({"sha256": digest.hexdigest()})
    return counts


async def _rows(connection: AsyncConnection, table: Table) -> AsyncIterator[list[list[Any]]]:
    """Yield all rows of a table; of events in the order and with the numbers of the log."""
    statement = select(table)
    is_log = table.name == tables.event.name
    if is_log:
        statement = statement.order_by(*(table.c[each.name] for each in place_columns(connection)))
        numbers = count((await log_start(connection)).position + 1)
        xid, position = (table.columns.keys().index(name) for name in ("xid", "position"))
    async with connection.stream(statement.execution_options(yield_per=_READ_ROWS)) as result:
        async for part in result.partitions():
            rows = [list(row) for row in part]
            if is_log:
                for row in rows:
                    row[xid], row[position] = 0, next(numbers)
            yield rows


class Backup:
    """A backup to read, once. Raises BackupBroken, also if it was written by a newer program."""

    def __init__(self, source: BinaryIO) -> None:
        self._lines = gzip.GzipFile(fileobj=source)
        self._digest = sha256()
        try:
            head = self._next(_HEAD_BYTES)[0]
        except BackupBroken:
            head = None
        if not isinstance(head, dict) or head.get("form") != FORM:
            raise BackupBroken("is not a backup of Assay")
        try:
            if head["version"] != VERSION or head["revision"] not in known():
                raise BackupBroken("was written by a newer program: restore it with that program or a later one")
            self.revision = str(head["revision"])
            self.counts = {str(table): int(rows) for table, rows in head["rows"].items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise BackupBroken(_OTHER) from None

    def parts(self) -> Iterator[tuple[str, list[str], list[Row]]]:
        """Yield some rows of a table at a time, with its name and columns. At the end, check the hash and the counts.

        The rows are known to be whole only after the last of them: write them in one transaction.
        """
        try:
            yield from self._parts()
        except (AttributeError, KeyError, TypeError):
            raise BackupBroken(_OTHER) from None

    def _parts(self) -> Iterator[tuple[str, list[str], list[Row]]]:
        table = ""
        columns: list[str] = []
        rows: list[Row] = []
        bytes_ = 0
        left = dict(self.counts)
        while True:
            line, size = self._next()
            if rows and (isinstance(line, dict) or len(rows) >= _WRITE_ROWS or bytes_ >= _WRITE_BYTES):
                yield table, columns, rows
                rows, bytes_ = [], 0
            if isinstance(line, list):
                if len(line) != len(columns):
                    raise BackupBroken(_OTHER)
                rows.append(tuple(line))
                bytes_ += size
                left[table] -= 1
            elif "table" in line:
                table, columns = line["table"], line["columns"]
            else:
                break
        if line["sha256"] != self._digest.hexdigest() or any(left.values()) or self._read():
            raise BackupBroken("is damaged: its hash or its number of rows is wrong")

    def _next(self, most: int = -1) -> tuple[Any, int]:
        """Return the next line, of at most this many bytes, and its size in bytes."""
        line = self._read(most)
        if not line.endswith(b"\n"):
            raise BackupBroken(_CUT)
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise BackupBroken(_UNREADABLE) from None
        if not (isinstance(value, dict) and "sha256" in value):  # the last line is not part of the hash
            self._digest.update(line)
        return value, len(line)

    def _read(self, most: int = -1) -> bytes:
        """Return the bytes of the next line. Empty at the end of a whole file."""
        try:
            return self._lines.readline(most)
        except EOFError:
            raise BackupBroken(_CUT) from None
        except (gzip.BadGzipFile, zlib.error):
            raise BackupBroken(_UNREADABLE) from None


async def require_unused(database: Database) -> None:
    """Raise NotRestored while a server, worker or command is connected to a PostgreSQL database.

    SQLite has a lock for that: `Database(url, alone=True)`.
    """
    if database.is_sqlite:
        return
    until = time.monotonic() + _CLOSING_SECONDS
    async with database.read() as connection:
        if database.is_pooled:
            raise NotRestored("is behind PgBouncer. Use PostgreSQL's own port")
        while (await connection.execute(_OTHERS)).scalar_one():
            if time.monotonic() > until:
                raise NotRestored("is in use. Stop its servers and workers first")
            await asyncio.sleep(0.05)


async def restore(connection: AsyncConnection, backup: Backup, loaded: Progress) -> None:
    """Write all rows of a backup into an empty database, in this transaction, and bring its tables up to date.

    The database may lack the tables. Running analyses keep their leases: the caller returns them to the queue. The
    transaction must roll back after an error. Raises BackupBroken and NotRestored.
    """
    await _take(connection)
    await move(connection, backup.revision)
    found = {table.name: table for table in await connection.run_sync(_tables)}
    present = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    for name in present & SQLModel.metadata.tables.keys() - {tables.identity.name}:
        await connection.execute(delete(SQLModel.metadata.tables[name]))
    done = 0
    for name, columns, rows in backup.parts():
        if name not in found or not set(columns) <= set(found[name].columns.keys()):
            raise BackupBroken("is damaged: its tables are not those of its revision")
        await _insert(connection, name, columns, rows)
        done += len(rows)
        loaded(done)
    await move(connection, "head")
    await count_again(connection)
    await _begin_log(connection)
    await _continue_audit(connection)
    if connection.dialect.name != "sqlite":
        await connection.execute(text("ANALYZE analysis, analysis_tag, batch, event"))


async def _take(connection: AsyncConnection) -> None:
    """Keep others from the tables until the end of the transaction, and require that these have no rows of work."""
    present = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    declared = sorted(present & SQLModel.metadata.tables.keys())
    if connection.dialect.name != "sqlite":
        # A backup may come from a pipe that pauses.
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        if declared:
            names = ", ".join(f'"{name}"' for name in [*declared, "alembic_version"])
            await connection.execute(text(f"LOCK TABLE {names}"))
    for name in declared:
        rows = select(SQLModel.metadata.tables[name].c[0]).limit(1)
        if name == tables.event.name:  # a server without any work reports its own health
            rows = rows.where(tables.event.c.type != tables.AlertEventType.ALERT.value)
        if name == tables.workspace.name:  # the migration creates the first one
            rows = rows.where(tables.workspace.c.key != DEFAULT_WORKSPACE)
        if name not in {*LEFT_OUT, *_WITHOUT_WORK} and (await connection.execute(rows)).first() is not None:
            raise NotRestored(f"is not empty: its table {name} has rows. A backup needs an empty database")
    revision = await connection.run_sync(revision_of)
    if revision is not None and revision not in known():
        raise NotRestored("has tables of a newer program")


async def _insert(connection: AsyncConnection, table: str, columns: Sequence[str], rows: list[Row]) -> None:
    if connection.dialect.name == "sqlite":
        names, values = ", ".join(columns), ", ".join("?" * len(columns))
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({values})'  # noqa: S608 - of a table's names
        await run(connection, lambda script: script.each(statement, rows))
    else:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            await driver.copy_records_to_table(table, columns=columns, records=rows)
        except (OverflowError, TypeError):  # of the driver, before PostgreSQL sees the value
            raise BackupBroken(_TYPE) from None


async def _begin_log(connection: AsyncConnection) -> None:
    """Let the log continue after its last event, under a new identity, and no holder of an old lease with it."""
    await connection.execute(update(tables.cleanup).values(log_xid=0, lease=None, lease_expires_at=None))
    await connection.execute(update(tables.bulk_action).values(lease="", renewed_at=None))
    newest = await last_event(connection)
    last = (await log_start(connection) if newest is None else place_of(newest)).position
    if connection.dialect.name == "sqlite":
        await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'event'"))
        await connection.execute(text("INSERT INTO sqlite_sequence VALUES ('event', :last)"), {"last": last})
    else:
        sequence = "setval(pg_get_serial_sequence('event', 'position'), :next, false)"
        await connection.execute(text(f"SELECT {sequence}"), {"next": last + 1})
    await renew_identity(connection)


async def _continue_audit(connection: AsyncConnection) -> None:
    """Let the audit log continue after its last entry. SQLite does so by itself."""
    if connection.dialect.name != "sqlite":
        sequence = "setval(pg_get_serial_sequence('audit', 'number'), coalesce(max(number) + 1, 1), false)"
        await connection.execute(text(f"SELECT {sequence} FROM audit"))  # noqa: S608 - of constants


def _tables(connection: Connection) -> list[Table]:
    """Return the tables of this database that belong to a backup, with the columns of its revision."""
    found = inspect(connection)
    names = (SQLModel.metadata.tables.keys() - LEFT_OUT.keys()) & set(found.get_table_names())
    return [
        Table(name, MetaData(), *(Column(each["name"], each["type"]) for each in found.get_columns(name)))
        for name in sorted(names)
    ]
