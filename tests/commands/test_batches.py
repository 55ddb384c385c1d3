"""`server.py submit` and `server.py export`, run beside a server on its database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, update

from settings import Settings
from store import tables
from store.batches import batch_by_id, request_batch_stop
from store.sql.clock import utcnow
from store.sql.database import Database
from store.sql.viewer import LOCAL_ADMINISTRATOR as VIEWER
from store.tables import AnalysisStatus, BatchRow
from tests.api.calls import NO_SUCH_ANALYSIS, NO_SUCH_BATCH
from tests.hold import Hold
from tests.store.truth import assert_consistent
from tests.support import ROOT, Server, until

pytestmark = pytest.mark.long

Start = Callable[..., Awaitable[Server]]


def line(text: str, **more: Any) -> str:
    """Return an item of `batchProcess` as a line of JSON."""
    return json.dumps({"request": {"text": {"text": text, "operations": ["STATISTICS"]}}, **more}) + "\n"


class Command:
    """A command of `server.py` on a server's database."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, server: Server, *arguments: str | Path, stdin: int = PIPE, stdout: int = PIPE) -> Command:
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "server.py", *map(str, arguments)),
                cwd=ROOT,
                env=server.environment(),
                stdin=stdin,
                stdout=stdout,
                stderr=PIPE,
                # Shells ignore SIGINT in background processes, and children inherit that.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )
        )

    async def say(self, text: str) -> None:
        """Write to standard input, which stays open."""
        assert self._process.stdin is not None
        self._process.stdin.write(text.encode())
        await self._process.stdin.drain()

    async def batch_id(self) -> str:
        """Return the id of the batch: the first printed line."""
        assert self._process.stdout is not None
        async with asyncio.timeout(300):
            return (await self._process.stdout.readline()).decode().strip()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> tuple[int | None, str, str]:
        """Wait for the end; return exit code, unread output and errors."""
        async with asyncio.timeout(300):
            out, errors = await self._process.communicate()
        return self._process.returncode, (out or b"").decode(), errors.decode()


async def run(server: Server, *arguments: str | Path, **streams: int) -> tuple[int | None, str, str]:
    return await (await Command.start(server, *arguments, **streams)).ended()


@asynccontextmanager
async def database_of(server: Server) -> AsyncIterator[Database]:
    """Open the database of the server; check its consistency at the end."""
    database = Database(
        Settings(data_dir=server.data_dir, database_url=str(server.settings.get("database_url", ""))).database
    )
    try:
        yield database
        await assert_consistent(database)
    finally:
        await database.close()


async def batch(database: Database, batch_id: str) -> BatchRow:
    async with database.read() as connection:
        row = await batch_by_id(connection, VIEWER, batch_id)
    assert row is not None
    return row


async def streaming(server: Server, database: Database) -> tuple[Command, str]:
    """Start a submission from standard input and send two items; return the command and the id of the batch."""
    command = await Command.start(server, "submit", "-", "--name", "a stream")
    await command.say(line("One.") + line("Two."))
    batch_id = await command.batch_id()
    row = await batch(database, batch_id)
    assert (row.total_items, row.name, row.open_until is None) == (2, "a stream", False)
    return command, batch_id


async def test_a_file_is_submitted_and_its_results_exported(server: Start, tmp_path: Path, database_url: str) -> None:
    assert (await run(Server(tmp_path, {"database_url": database_url}), "migrate"))[0] == 0
    one = await server(workers=2, database_url=database_url)
    given = tmp_path / "given.jsonl"
    # With traces of editors: a byte order mark, a blank line, and no newline at the end.
    texts = [f"Number {n} is a good text." for n in range(1_200)]
    lines = [line(text, key=f"k{n}") for n, text in enumerate(texts)]
    lines[1_100] = line("", key="k1100")
    given.write_text("\ufeff" + "".join(lines[:5]) + "\n" + "".join(lines[5:]).rstrip("\n"))
    code, out, errors = await run(one, "submit", given, "--wait")
    assert errors.splitlines() == [
        "Line 1,102 FAILED: `text` is empty: it must have at least 1 character.",
        "1 of 1,200 items FAILED at once: their input is invalid.",
        "COMPLETED: 1,199 completed, 1 failed",
    ]
    assert code == 0
    [batch_id] = out.splitlines()
    taken = tmp_path / "taken.jsonl"
    assert await run(one, "export", batch_id, "--out", taken, "--input") == (0, "", "")
    items = [json.loads(each) for each in taken.read_text().splitlines()]
    assert [(item["position"], item["key"]) for item in items] == [(n, f"k{n}") for n in range(1_200)]
    assert [item["inputText"] for item in items] == [*texts[:1_100], "", *texts[1_101:]]
    assert {item["status"] for n, item in enumerate(items) if n != 1_100} == {"COMPLETED"}
    assert not taken.with_name("taken.jsonl.part").exists()
    code, out, _ = await run(one, "export", batch_id, "--status", "FAILED")
    assert (code, [json.loads(each)["key"] for each in out.splitlines()]) == (0, ["k1100"])
    async with database_of(one) as database:
        assert (await batch(database, batch_id)).stop_reason is None


async def test_a_file_with_invalid_lines_is_refused_as_a_whole(server: Start, tmp_path: Path) -> None:
    one = await server(workers=0)
    given = tmp_path / "given.jsonl"
    faulty = ["{\n", line("b", key="k"), line("c", priority=11), '{"request": {"nothing": {}}}\n', line("\ud800")]
    given.write_text("".join([line("a", key="k"), *faulty]))
    code, out, errors = await run(one, "submit", given)
    assert (code, out) == (1, "")
    assert [each.partition(": ")[0] for each in errors.splitlines()] == [
        *(f"Line {n}" for n in (2, 3, 4, 5, 6)),
        "Nothing was queued.",
    ]
    async with database_of(one) as database, database.read() as connection:
        assert (await connection.execute(tables.batch.select())).all() == []


async def test_only_items_that_can_be_stored_are_queued(tmp_path: Path, database_url: str, hold: Hold) -> None:
    one = Server(tmp_path, {"database_url": database_url})
    assert (await run(one, "migrate"))[0] == 0
    given = tmp_path / "given.jsonl"
    given.write_text(line("One.") + json.dumps({"request": {"hold": {"text": "a\0b"}}}) + "\n" + line("Three."))
    message = "`text` has the character U+0000: it must have other characters only."
    code, out, errors = await run(one, "submit", given)
    assert (code, errors.splitlines()) == (
        0,
        [f"Line 2 FAILED: {message}", "1 of 3 items FAILED at once: their input is invalid."],
    )
    code, out, _ = await run(one, "export", out.strip(), "--input")
    items = [json.loads(each) for each in out.splitlines()]
    assert (code, [item["status"] for item in items]) == (0, ["QUEUED", "FAILED", "QUEUED"])
    assert [item["inputText"] for item in items] == ["One.", "a\ufffdb", "Three."]
    assert items[1]["error"] == {"code": "INPUT_UNREADABLE", "message": message, "retryable": False}


async def test_a_broken_stream_is_canceled_with_a_reason(server: Start) -> None:
    one = await server(workers=0)
    async with database_of(one) as database:
        command, batch_id = await streaming(one, database)
        await command.say("{\n")
        code, _, errors = await command.ended()
        assert (code, errors.partition(":")[0]) == (1, "Line 3")
        row = await batch(database, batch_id)
        assert (row.status, row.total_items, row.canceled) == ("CANCELED", 2, 2)
        assert row.stop_reason == errors.splitlines()[0]

        command, batch_id = await streaming(one, database)
        command.send(signal.SIGTERM)
        assert (await command.ended())[0] == 130
        row = await batch(database, batch_id)
        assert (row.status, row.stop_reason) == ("CANCELED", "The submission was interrupted.")

        command, batch_id = await streaming(one, database)
        async with database.write() as connection:
            assert await request_batch_stop(connection, VIEWER, batch_id, AnalysisStatus.CANCELED, utcnow())
        await command.say(line("Three."))
        assert await command.ended() == (1, "", "The batch takes no more items: it was canceled or timed out.\n")
        assert (await batch(database, batch_id)).total_items == 2


async def test_a_terminal_is_read_line_by_line_until_ctrl_c(server: Start) -> None:
    one = await server(workers=0)
    terminal, its_end = os.openpty()
    try:
        command = await Command.start(one, "submit", "-", stdin=its_end)
        os.write(terminal, line("One.").encode())
        batch_id = await command.batch_id()
        command.send(signal.SIGINT)
        assert (await command.ended())[0] == 130
        async with database_of(one) as database:
            row = await batch(database, batch_id)
            assert (row.status, row.total_items) == ("CANCELED", 1)
    finally:
        os.close(terminal)
        os.close(its_end)


async def test_a_lost_database_is_reported_in_one_line(tmp_path: Path, postgresql_url: str) -> None:
    away = Server(tmp_path, {"database_url": postgresql_url})
    assert (await run(away, "migrate"))[0] == 0
    command = await Command.start(away, "submit", "-")
    await command.say(line("One."))
    assert (await command.batch_id()).startswith("batch_")
    url = make_url(postgresql_url)
    connection = await asyncpg.connect(url.set(database="postgres").render_as_string(hide_password=False))
    await connection.execute(f'ALTER DATABASE "{url.database}" ALLOW_CONNECTIONS false')
    await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", url.database)
    await connection.close()
    await command.say(line("Two.") * 1_000)
    code, out, errors = await command.ended()
    assert (code, out) == (1, "")
    assert errors.splitlines() == [
        f"Interrupted: the database {url.database} on {url.host}:{url.port} is busy or unreachable."
    ]


async def test_the_server_cancels_the_batch_of_a_killed_submission(server: Start) -> None:
    one = await server(workers=0)
    async with database_of(one) as database:
        command, batch_id = await streaming(one, database)
        command.send(signal.SIGKILL)
        assert (await command.ended())[0] == -signal.SIGKILL
        row = await batch(database, batch_id)
        assert (row.status, row.total_items) == ("QUEUED", 2)
        # As after half a minute without items.
        async with database.write() as connection:
            await connection.execute(update(tables.batch).values(open_until=utcnow()))

        async def canceled() -> bool:
            return (await batch(database, batch_id)).finished_at is not None

        await until(canceled, what="the batch to be canceled")
        row = await batch(database, batch_id)
        assert (row.status, row.canceled) == ("CANCELED", 2)
        assert row.stop_reason == "The items stopped arriving before the end: submit the batch again."


async def test_wrong_arguments_are_refused(server: Start, tmp_path: Path) -> None:
    one = await server(workers=0)
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    out = tmp_path / "out"
    before = sorted(os.listdir(tmp_path))
    for arguments, message in (
        (("submit", empty), "The file has no items. Nothing was queued."),
        (("submit", tmp_path / "none"), f"{tmp_path / 'none'}: No such file or directory."),
        (("submit", os.devnull), "The file has no items. Nothing was queued."),
        (("submit", "-"), "The file has no items. Nothing was queued."),
        (("submit", empty, "--name", ""), "`--name` has 0 characters: it must have from 1 to 200."),
        (("submit", empty, "--priority", "11"), "`--priority` is 11: it must be from 1 to 10."),
        (("submit", empty, "--timeout-seconds", "0"), "`--timeout-seconds` is 0: it must be from 1 to 86,400."),
        (("submit", empty, "--max-attempts", "11"), "`--max-attempts` is 11: it must be from 1 to 10."),
        (("submit", empty, "--analyzer", "none"), "There is no analyzer 'none'. The analyzers are: text."),
        (("export", "nope", "--out", out), "'nope' is not the id of a batch: the form is batch_…"),
        (("export", NO_SUCH_ANALYSIS), f"'{NO_SUCH_ANALYSIS}' is not the id of a batch: the form is batch_…"),
        (("export", NO_SUCH_BATCH, "--out", out), f"There is no batch {NO_SUCH_BATCH}."),
    ):
        assert await run(one, *arguments, stdin=DEVNULL) == (1, "", f"{message}\n")
    assert sorted(os.listdir(tmp_path)) == before


async def test_the_target_of_an_export(server: Start, tmp_path: Path) -> None:
    one = await server(workers=0)
    given, folder, none = tmp_path / "given.jsonl", tmp_path / "folder", tmp_path / "none"
    given.write_text(line("One."))
    folder.mkdir()
    _, batch_id, _ = await run(one, "submit", given)
    export = ("export", batch_id.strip(), "--out")
    before = [sorted(os.listdir(each)) for each in (tmp_path, folder)]
    assert await run(one, *export, folder) == (1, "", f"{folder}: Is a directory.\n")
    assert await run(one, *export, none / "out") == (1, "", f"{none / 'out'}: No such file or directory.\n")
    assert [sorted(os.listdir(each)) for each in (tmp_path, folder)] == before
    code, out, errors = await run(one, *export, "/dev/stdout")
    assert (code, json.loads(out)["status"], errors) == (0, "QUEUED", "")
    given.write_text("the former content")
    assert await run(one, *export, given) == (0, "", "")
    assert given.read_text() == out
    reader, writer = os.pipe()
    os.close(reader)
    assert await run(one, *export[:2], stdout=writer) == (0, "", "")  # a closed pipe is no error
    os.close(writer)
