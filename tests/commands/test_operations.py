"""The operator's commands, each in a separate process, with and without a running server."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from sqlalchemy import func, select

from server import COMMANDS
from settings import OperatorSettings
from store import retention, tables
from store.batches import go_on_stopping
from store.sql.clock import utcnow
from store.sql.database import Database
from tests.api.calls import NO_SUCH_ANALYSIS, NO_SUCH_BATCH, ApiServer, connected
from tests.commands.calls import ACCOUNTS, refused, said
from tests.resolvers.rows import event, worker
from tests.store.aged import add, days_ago, ended, ended_batch
from tests.support import ROOT, SCHEMA, run, until

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]

QUEUE = "{ queue { paused concurrency analyzers { analyzer paused limit } } }"


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        return {
            name: (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for name, table in (("batch", tables.batch), ("analysis", tables.analysis), ("event", tables.event))
        }


async def statuses(database: Database) -> dict[str, str]:
    async with database.read() as connection:
        return {row.id: row.status for row in await connection.execute(select(tables.analysis))}


async def test_a_running_server_follows_commands(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, {"workers": 1})
    url = f"sqlite:///{server.data_dir / 'assay.db'}"
    await server.start()
    try:
        async with connected(server) as api:
            assert await said(url, "pause --reason=Maintenance") == "The queue is paused.\n"
            assert await said(url, "pause") == "The queue is already paused.\n"
            assert await said(url, "concurrency text 2") == "Each worker runs at most 2 of text at once.\n"
            assert await said(url, "concurrency 4") == "Each worker runs 4 analyses at once.\n"
            assert (await api("{ queue { pauseReason } }"))["queue"]["pauseReason"] == "Maintenance"
            assert re.search(r"Queue +paused since .* UTC: Maintenance", await said(url, "status"))
            text = {"analyzer": "text", "paused": False, "limit": 2}
            assert (await api(QUEUE))["queue"] == {"paused": True, "concurrency": 4, "analyzers": [text]}

            async def obeys() -> bool:  # a worker polls for changes of other processes
                workers = (await api("{ metrics { workers { slots } } }"))["metrics"]["workers"]
                return [each["slots"] for each in workers] == [4]

            await until(obeys, what="the worker to have four slots")
            first = await api.submit(request={"text": "Waits."})
            assert f"{first['id']} is canceled.\n" == await said(url, f"cancel {first['id']}")
            assert f"{first['id']} is queued again.\n" == await said(url, f"retry {first['id']}")
            status = (sys.executable, "server.py", "status")  # a new process, without a fork
            lines = (
                await asyncio.to_thread(run, *status, env={"ASSAY_DATABASE_URL": url, "FORCE_COLOR": ""})
            ).splitlines()
            assert [line.split() for line in lines if "Queued" in line] == [["Queued", "1"], ["Priority", "Queued"]]
            assert await said(url, "resume") == "The queue is resumed.\n"
            assert (await api.ended(first["id"]))["status"] == "COMPLETED"
            assert await said(url, f"delete {first['id']}") == f"{first['id']} is deleted.\n"
            assert (await api("query ($id: ID!) { analysis(id: $id) { id } }", id=first["id"]))["analysis"] is None
    finally:
        await server.close()


async def test_work_is_retried_canceled_and_deleted(database: Database, database_url: str) -> None:
    batch, other = ended_batch(1, 3), ended_batch(1, 0)
    items = [ended(1, batch.values["id"], status) for status in ("FAILED", "FAILED", "CANCELED")]
    await add(database, batch, other, *items)
    id_ = batch.values["id"]
    assert await said(database_url, f"retry {id_}") == f"{id_}: 3 queued again.\n"
    assert set((await statuses(database)).values()) == {"QUEUED"}
    assert await refused(database_url, f"retry {id_}") == (
        f"{id_} is QUEUED: only FAILED, CANCELED or TIMED_OUT analyses with valid input can be queued again."
    )
    assert await refused(database_url, f"delete {id_}") == (
        f"{id_} is QUEUED: only finished batches, and finished analyses outside unfinished batches, can be deleted."
    )
    assert await said(database_url, f"cancel {id_}") == f"{id_} is canceled.\n"
    assert await refused(database_url, f"cancel {id_}") == (
        f"{id_} is CANCELED: only unfinished analyses and batches can be canceled, once."
    )
    assert await said(database_url, f"delete {id_}") == f"{id_} is deleted.\n"
    assert await refused(database_url, f"delete {id_}") == f"There is no batch {id_}."
    assert await counts(database) == {"batch": 1, "analysis": 0, "event": 8}


async def test_a_large_batch_is_retried_and_deleted_without_a_server(database: Database, database_url: str) -> None:
    batch = ended_batch(1, 2_500)
    id_ = batch.values["id"]
    await add(database, batch, *(ended(1, id_, "FAILED") for _ in range(2_500)))
    again = f"{id_}: all failed, canceled and timed-out items queued again.\n"
    assert await said(database_url, f"retry {id_}") == again
    assert Counter((await statuses(database)).values()) == {"QUEUED": 2_500}
    assert await said(database_url, f"cancel {id_}") == f"{id_} is being stopped.\n"
    assert await refused(database_url, f"cancel {id_}") == (
        f"{id_} is QUEUED, and already being canceled: only unfinished analyses and batches can be canceled, once."
    )
    async with database.write() as connection:
        await go_on_stopping(connection, utcnow())
    assert await said(database_url, f"delete {id_}") == f"{id_} is deleted.\n"
    assert await counts(database) == {"batch": 0, "analysis": 0, "event": 5_003}


async def test_old_work_is_deleted(database: Database, database_url: str) -> None:
    old = ended_batch(40, 2)
    await add(database, old, *(ended(40, old.values["id"]) for _ in range(2)), ended(31), ended(29))
    await add(database, *(event(occurred_at=days_ago(days)) for days in (40, 31, 29)))
    before = await counts(database)
    unset = "No age is set: give --older-than, or set ASSAY_KEEP_ANALYSES_DAYS or ASSAY_KEEP_EVENTS_DAYS."
    assert await refused(database_url, "cleanup") == unset
    assert await said(database_url, "cleanup --older-than 30d --dry-run") == (
        "Would delete batches: 1, analyses: 3, bulk actions: 0, events: 2.\n"
    )
    assert await counts(database) == before
    assert await said(database_url, "cleanup", ASSAY_KEEP_EVENTS_DAYS="35") == (
        "Deleted batches: 0, analyses: 0, bulk actions: 0, events: 1.\n"
    )
    assert (
        await said(database_url, "cleanup --older-than 720h")
        == "Deleted batches: 1, analyses: 3, bulk actions: 0, events: 1.\n"
    )
    # The deletions of the batch and of the lone analyses are events.
    assert await counts(database) == {"batch": 0, "analysis": 1, "event": 1 + 2}
    assert (
        await said(database_url, "cleanup --older-than 30d")
        == "Deleted batches: 0, analyses: 0, bulk actions: 0, events: 0.\n"
    )
    async with database.write() as connection:
        assert await retention.begin(connection, utcnow(), ended_before=utcnow() + timedelta(days=1)) is not None
    assert (await refused(database_url, "cleanup --older-than 30d")).startswith("Another clean-up is running: ")


async def test_workers_are_shown(database: Database, database_url: str) -> None:
    assert await said(database_url, "workers") == "No worker is registered.\n"
    await add(database, worker(completed=1_234, failed=5, slots=4, busy=3), worker(3_600, host="other"))
    rows = [line.split() for line in (await said(database_url, "workers")).splitlines() if "worker_" in line]
    assert [row[1:3] for row in rows] == [["server:1", "alive"], ["other:1", rows[1][2]]]
    assert rows[0][3:8] == ["3", "of", "4", "1,234", "5"]
    assert rows[1][3:5] == ["s", "ago"]
    assert "Workers            1 alive, 1 silent" in await said(database_url, "status")


async def test_wrong_commands_change_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    assert await refused(url, "pause") == (
        f"ASSAY_DATABASE_URL: There is no SQLite database {tmp_path / 'assay.db'}: start the server there first."
    )
    assert not os.listdir(tmp_path)
    await said(url, "migrate")
    slots = "is neither a number from 1 to 256 nor `default`"
    age = "is not an age from 1h to 36500d, for example 30d or 12h"
    no_id = "is not the id of an analysis or batch: the forms are analysis_… and batch_…"
    wrong = {
        "pause nothing": (1, "There is no analyzer 'nothing'. The analyzers are: text."),
        "pause --reason=": (2, "server.py pause: error: argument --reason: a reason has 1 to 500 printable characters"),
        "resume Text": (1, "There is no analyzer 'Text'. The analyzers are: text."),
        "concurrency nothing 3": (1, "There is no analyzer 'nothing'. The analyzers are: text."),
        "concurrency": (2, "server.py concurrency: error: the following arguments are required: N"),
        "concurrency 0": (2, f"server.py concurrency: error: argument N: '0' {slots}"),
        "concurrency text 257": (2, f"server.py concurrency: error: argument N: '257' {slots}"),
        "concurrency text": (2, f"server.py concurrency: error: argument N: 'text' {slots}"),
        "concurrency ٣": (2, f"server.py concurrency: error: argument N: '٣' {slots}"),
        "retry nothing": (1, f"'nothing' {no_id}"),
        "cancel worker_01jd0000000000000000000000": (1, f"'worker_01jd0000000000000000000000' {no_id}"),
        f"delete {NO_SUCH_ANALYSIS}": (1, f"There is no analysis {NO_SUCH_ANALYSIS}."),
        f"retry {NO_SUCH_BATCH}": (1, f"There is no batch {NO_SUCH_BATCH}."),
        "cleanup --older-than=-5d": (2, f"server.py cleanup: error: argument --older-than: '-5d' {age}"),
        "cleanup --older-than 0d": (2, f"server.py cleanup: error: argument --older-than: '0d' {age}"),
        "cleanup --older-than 30": (2, f"server.py cleanup: error: argument --older-than: '30' {age}"),
        "cleanup --older-than 9999999d": (2, f"server.py cleanup: error: argument --older-than: '9999999d' {age}"),
    }
    for command, (code, line) in wrong.items():
        assert await refused(url, command, code) == line
    with closing(sqlite3.connect(tmp_path / "assay.db")) as found:
        assert found.execute("SELECT count(*) FROM control").fetchone() == (0,)


async def test_a_locked_database_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "assay.db"
    await said(f"sqlite:///{path}", "migrate")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        line = await refused(f"sqlite:///{path}", "resume")
        other.execute("ROLLBACK")
    assert line == f"Nothing was changed: the SQLite database {path} is busy or unreachable."


async def test_the_page_about_operations_is_right(tmp_path: Path) -> None:
    """Check that each command of the page works, and that each operation is valid for the schema."""
    url = f"sqlite:///{tmp_path / 'assay.db'}"
    await said(url, "migrate")
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = re.findall(r"^    python server\.py (.+)$", page, flags=re.MULTILINE)
    operating = {
        name
        for name, command in COMMANDS.items()
        if issubclass(command.settings, OperatorSettings) and name not in ACCOUNTS
    }
    assert found
    assert {command.split()[0] for command in found} == operating | {"backup", "restore"}
    for command in found:
        if command.endswith(" FILE"):
            await said(url, command.replace("FILE", str(tmp_path / "file")))
            url = f"sqlite:///{tmp_path / 'restored.db'}"  # for `restore`, the next command
        elif command.endswith(" ID"):
            line = await refused(url, command.replace("ID", NO_SUCH_BATCH))
            assert line == f"There is no batch {NO_SUCH_BATCH}."
        else:
            await said(url, command)
    schema = build_schema(SCHEMA.read_text())
    operations = re.findall(r"^```graphql\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    assert len(operations) == 4
    assert [validate(schema, parse(operation)) for operation in operations] == [[], [], [], []]
