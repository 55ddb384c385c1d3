"""`server.py backup` and `restore`: files, refusals, crashes, and a move in the middle of the work."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import stat
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

from commands.backup import _written
from settings import Settings
from store import tables
from store.sql.database import Database
from store.sql.migrate import migrate
from tests.api.calls import BATCH, EVENTS
from tests.commands.calls import refused, said
from tests.hold import Hold
from tests.resolvers.rows import analysis, event
from tests.store.aged import add
from tests.store.test_backup import Way, backup_of, databases, rows_of, sqlite  # noqa: F401
from tests.store.truth import ENDS, assert_consistent, whole_log
from tests.support import ROOT, Server, post, until

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("prompt")]

COUNTS = (
    "alert: 0, analysis: 2, analysis_tag: 0, api_key: 0, audit: 0, batch: 0, bulk_action: 0, bulk_action_item: 0,"
    " cleanup: 0, control: 0, event: 1, history: 0, idempotency: 0, invitation: 0, membership: 0, timing: 1, user: 0,"
    " workspace: 1"
)
LOST = "Running analyses that count as a lost attempt: 0."


def url_of(database: Database) -> str:
    return database.url.set(drivername=database.url.get_backend_name()).render_as_string(hide_password=False)


async def two_rows(database: Database) -> None:
    await add(database, analysis(input_text="One."), analysis(input_text="Two."), event(subject="s"))


async def test_a_backup_goes_from_each_database_to_each(databases: Way, tmp_path: Path) -> None:  # noqa: F811
    source, target = databases
    await two_rows(source)
    file = tmp_path / "assay.backup"
    assert await said(url_of(source), f"backup {file}") == f"Backed up {COUNTS}.\n"
    assert await said(url_of(target), f"restore {file}") == f"Restored {COUNTS}. {LOST}\n"
    assert rows_of(await backup_of(target)) == rows_of(file.read_bytes())
    await target.close()
    assert await refused(url_of(target), f"restore {file}") == (
        f"Nothing was restored: {target.name} is not empty: its table analysis has rows. A backup needs an empty"
        " database."
    )
    assert rows_of(await backup_of(target)) == rows_of(file.read_bytes())


async def test_a_file_is_private_and_replaced_only_by_force(sqlite: Database, tmp_path: Path) -> None:  # noqa: F811
    url = url_of(sqlite)
    file = tmp_path / "folder" / "assay.backup"
    file.parent.mkdir()
    await said(url, f"backup {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == [file.name]
    before = file.read_bytes()
    await two_rows(sqlite)
    assert await refused(url, f"backup {file}") == f"{file} exists: `--force` replaces it."
    assert file.read_bytes() == before
    assert await said(url, f"backup {file} --force") == f"Backed up {COUNTS}.\n"
    assert rows_of(file.read_bytes()) == rows_of(await backup_of(sqlite))
    assert os.listdir(file.parent) == [file.name]


async def test_wrong_files_and_places_are_refused(sqlite: Database, tmp_path: Path) -> None:  # noqa: F811
    await two_rows(sqlite)
    url = url_of(sqlite)
    file = tmp_path / "assay.backup"
    await said(url, f"backup {file}")
    empty = f"sqlite:///{tmp_path / 'empty' / 'assay.db'}"
    missing = tmp_path / "missing" / "file"
    assert await refused(url, f"backup {missing}") == f"{missing}: No such file or directory."
    assert await refused(url, f"backup {tmp_path} --force") == f"{tmp_path} is not a file."
    assert await refused(url, "backup /dev/null --force") == "/dev/null is not a file."
    assert await refused(empty, f"restore {missing}") == f"{missing}: No such file or directory."
    assert await refused(empty, f"restore {tmp_path}") == f"{tmp_path}: Is a directory."
    wrong = ROOT / "README.md"
    assert await refused(empty, f"restore {wrong}") == f"Nothing was restored: {wrong} is not a backup of Assay."
    assert not (tmp_path / "empty").exists()
    cut = tmp_path / "cut.backup"
    cut.write_bytes(file.read_bytes()[:-20])
    assert await refused(empty, f"restore {cut}") == f"Nothing was restored: {cut} is cut off: its end is missing."
    refusal = await refused("postgresql://postgres@127.0.0.1:1/assay", f"restore {file}")
    assert refusal.startswith("Nothing was restored. The database assay on 127.0.0.1:1 can't be used: ")
    await said(empty, f"restore {file}")  # the refused files have left nothing in it


async def test_a_file_that_was_not_completed_is_removed(tmp_path: Path) -> None:
    def write() -> None:
        with _written(str(tmp_path / "file"), force=False) as target:
            target.write(b"a part")
            assert len(os.listdir(tmp_path)) == 1
            raise OSError("No room")

    with pytest.raises(OSError, match="No room"):
        write()
    assert os.listdir(tmp_path) == []


async def test_a_database_with_a_server_is_refused(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "assay.backup"
    await said(database_url, "migrate")
    await said(database_url, f"backup {file}")
    server = Server(tmp_path, {"database_url": database_url, "workers": 0, "broadcast_url": "memory://"})
    await server.start()
    try:
        refusal = await refused(database_url, f"restore {file}")
        assert refusal.startswith("Nothing was restored: the ")
        assert refusal.endswith(" is in use. Stop its servers and workers first.")
        assert "errors" not in await asyncio.to_thread(post, server.url, "{ health { status } }")
    finally:
        await server.close()
    await said(database_url, f"restore {file}")


async def program(
    database: Database, *arguments: str, stdin: int = DEVNULL, stdout: int = PIPE
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "server.py", *arguments),
        cwd=ROOT,
        env=os.environ | {"ASSAY_DATABASE_URL": url_of(database)},
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
    )


async def large(database: Database) -> None:
    """Write some megabytes that hardly shrink: more than pipes and the program's own buffers hold."""
    await add(database, *(analysis(input_text=os.urandom(300_000).hex()) for _ in range(20)))


async def test_a_backup_goes_through_pipes(sqlite: Database, empty_database: Database) -> None:  # noqa: F811
    source, target = sqlite, empty_database
    await large(source)
    reading, writing = os.pipe()
    first = await program(source, "backup", "-", stdout=writing)
    os.close(writing)
    second = await program(target, "restore", "-", stdin=reading)
    os.close(reading)
    async with asyncio.timeout(300):
        (_, said_first), (said_second, errors) = await asyncio.gather(first.communicate(), second.communicate())
    assert (first.returncode, second.returncode, errors) == (0, 0, b"")
    assert said_first.startswith(b"Backed up ")
    assert said_second.startswith(b"Restored ")
    assert b" analysis: 20, " in said_first
    assert b" analysis: 20, " in said_second
    assert rows_of(await backup_of(target)) == rows_of(await backup_of(source))


async def test_an_output_that_fails_is_reported(sqlite: Database) -> None:  # noqa: F811
    await large(sqlite)
    full = os.open("/dev/full", os.O_WRONLY)
    process = await program(sqlite, "backup", "-", stdout=full)
    os.close(full)
    async with asyncio.timeout(300):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (1, b"-: No space left on device.\n")
    reading, writing = os.pipe()
    os.close(reading)
    process = await program(sqlite, "backup", "-", stdout=writing)
    os.close(writing)
    async with asyncio.timeout(300):
        _, errors = await process.communicate()
    closed = b"The reader of the backup has closed its end: the backup is not complete.\n"
    assert (process.returncode, errors) == (1, closed)
    process = await program(sqlite, "backup", "-")
    assert process.stdout is not None
    async with asyncio.timeout(300):
        await process.stdout.read(1)  # it has begun, and waits for the rest to be read
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(300):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"Interrupted.\n")


INTERRUPTED = """
import logging, os, signal
from commands.backup import _run

def command():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        logging.getLogger("asyncio").error("Future exception was never retrieved")
        raise SystemExit("Nothing was restored: another operation is in progress.")

_run(command, "file")
"""


async def test_an_interrupted_statement_adds_no_words() -> None:
    """As asyncpg and asyncio do it when the interrupt meets a COPY."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", INTERRUPTED, cwd=ROOT, stderr=PIPE)
    async with asyncio.timeout(300):
        _, errors = await process.communicate()
    assert (process.returncode, errors) == (130, b"Interrupted.\n")


async def test_a_restore_that_is_killed_halfway_leaves_nothing(
    empty_database: Database,
    sqlite: Database,  # noqa: F811
) -> None:
    await large(sqlite)
    file = await backup_of(sqlite)
    process = await program(empty_database, "restore", "-", stdin=PIPE)
    assert process.stdin is not None
    process.stdin.write(file[: len(file) * 3 // 4])
    # Only the pipe still holds bytes then, a small part of them.
    async with asyncio.timeout(300):
        await process.stdin.drain()
    process.kill()
    async with asyncio.timeout(300):
        await process.communicate()
    assert process.returncode == -signal.SIGKILL
    async with empty_database.read() as connection:
        assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
    await empty_database.close()
    process = await program(empty_database, "restore", "-", stdin=PIPE)
    async with asyncio.timeout(300):
        _, errors = await process.communicate(file)
    assert (process.returncode, errors) == (0, b"")
    assert rows_of(await backup_of(empty_database)) == rows_of(file)


async def test_work_continues_on_the_restored_database(
    way: tuple[str, str], hold: Hold, server: Callable[..., Awaitable[Server]], tmp_path: Path
) -> None:
    """Move in the middle of a batch, while a server runs and takes submissions."""
    source, target = (Database(Settings(database_url=url).database) for url in way)
    file = tmp_path / "assay.backup"
    try:
        await migrate(source)
        one = await server(workers=2, database_url=way[0])
        items = hold.second_half_of(
            [{"request": {"text": {"text": f"Text {n}."}}, "key": f"{n}"} for n in range(40)], one
        )
        given = {"items": items, "idempotencyKey": "the batch", "maxAttempts": 3}
        batch_id = (await call(one, BATCH, input=given))["batchProcess"]["batch"]["id"]
        await until_processed(one, batch_id, 20)
        submitting = True

        async def submit() -> None:
            number = 0
            while submitting:
                number += 1
                texts = [{"request": {"text": {"text": f"More {number}."}}}] * 5
                await call(one, BATCH, input={"items": texts, "idempotencyKey": f"more {number}"})

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(submit())
            await said(way[0], f"backup {file}")
            submitting = False
        hold.let_go()
        await assert_restored(target, way[1], file, source, batch_id)

        two = await server(workers=2, database_url=way[1])
        await until_processed(two, batch_id, 40)
        again = (await call(two, BATCH, input=given))["batchProcess"]
        assert (again["batch"]["id"], again["userErrors"]) == (batch_id, [])
        old = (await call(one, EVENTS, first=1))["events"]["nodes"][0]["cursor"]
        refusal = await asyncio.to_thread(post, two.url, EVENTS, {"after": old})
        assert [each["extensions"]["code"] for each in refusal["errors"]] == ["HISTORY_GONE"]

        async def idle() -> bool:
            async with target.read() as connection:
                open_ = select(tables.analysis.c.id).where(tables.unfinished)
                return (await connection.execute(open_)).first() is None

        await until(idle, what="the rest of the restored analyses to end")
        await assert_consistent(target)
        ends = Counter(row.subject for row in await whole_log(target) if row.type in ENDS)
        async with target.read() as connection:
            rows = (await connection.execute(select(tables.analysis))).all()
        assert {row.id: ends[row.id] for row in rows} == {row.id: 1 for row in rows}
        assert {row.status for row in rows} == {"COMPLETED"}
        assert len([row for row in rows if row.batch_id == batch_id]) == 40
    finally:
        await source.close()
        await target.close()


async def call(server: Server, query: str, **variables: object) -> Any:
    answer = await asyncio.to_thread(post, server.url, query, variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def until_processed(server: Server, batch_id: str, count: int) -> None:
    async def processed() -> bool:
        found = await call(server, "query ($id: ID!) { batch(id: $id) { processed } }", id=batch_id)
        return bool(found["batch"]["processed"] == count)

    await until(processed, what=f"{count} items to end")


async def assert_restored(target: Database, url: str, file: Path, source: Database, batch_id: str) -> None:
    """Restore, and compare with the running server's database: the same up to the moment of the backup."""
    given = rows_of(await asyncio.to_thread(file.read_bytes))
    running = Counter(row["status"] for row in given["analysis"])["RUNNING"]
    assert running
    answer = await said(url, f"restore {file}")
    assert answer.endswith(f" Running analyses that count as a lost attempt: {running}.\n")
    await assert_consistent(target)
    statement = select(tables.analysis).where(tables.analysis.c.batch_id == batch_id).order_by(tables.analysis.c.id)
    found = []
    for one in (source, target):
        async with one.read() as connection:
            found.append((await connection.execute(statement)).all())
    now, then = found
    assert [row.input_text for row in then] == [row.input_text for row in now]
    assert Counter(row.status for row in then) == {"COMPLETED": 20, "QUEUED": 20}
    log = [(row.type, row.subject, row.data, row.occurred_at) for row in await whole_log(source)]
    restored = [(row.type, row.subject, row.data, row.occurred_at) for row in await whole_log(target)]
    before = len(restored) - running
    kept = set(restored[:before])  # on PostgreSQL, a transaction that was open then has its place before others
    assert restored[:before] == [each for each in log if each in kept]
    assert [type_ for type_, *_ in restored[before:]] == ["ANALYSIS_RETRYING"] * running


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize("page", ["README.md", "docs/deployment.md"])
async def test_the_commands_of_the_pages_move_sqlite_to_postgresql(
    page: str, postgresql_url: str, tmp_path: Path
) -> None:
    text = await asyncio.to_thread((ROOT / page).read_text)
    commands = re.findall(r"^    (.*server\.py (?:backup|restore) .*)$", text, re.MULTILINE)
    assert [command.split("server.py ")[1].split()[0] for command in commands] == ["backup", "restore"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment["ASSAY_DATA_DIR"] = str(tmp_path)
    here = Database(f"sqlite+aiosqlite:///{tmp_path / 'assay.db'}")
    there = Database(Settings(database_url=postgresql_url).database)
    try:
        await migrate(here)
        await two_rows(here)
        for command in commands:
            line = command.replace("postgresql://postgres@127.0.0.1/assay", postgresql_url)
            line = line.replace("assay.backup", str(tmp_path / "assay.backup"))
            run = await asyncio.create_subprocess_shell(
                line.replace(".venv/bin/python", sys.executable),
                cwd=ROOT,
                env=environment | ({} if page == "README.md" else {"ASSAY_DATABASE_URL": postgresql_url}),
                stdout=PIPE,
                stderr=PIPE,
            )
            async with asyncio.timeout(300):
                _, errors = await run.communicate()
            assert (run.returncode, errors) == (0, b""), command
        assert rows_of(await backup_of(there)) == rows_of(await backup_of(here))
    finally:
        await here.close()
        await there.close()
